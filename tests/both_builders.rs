//! A report of a run of both builders: each apart, none in the other's ratios, claims on BuildKit alone.

#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

use dbench::report::{Document, charts};
use dbench::results::{Builder, Loaded, Metric, RunFolder, Status, Unit};
use serde_json::Value;
use std::path::Path;

fn fixed() -> Loaded {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/run");
    Loaded::read(RunFolder::at(folder)).unwrap()
}

/// The fixed run with every build made by the classic builder as well, in ten times the time, its images a tenth as large
/// again where they are not the baseline's.
fn both() -> Loaded {
    let mut loaded = fixed();
    loaded.run.builders = Builder::ALL.to_vec();
    let mut classic = loaded.samples.clone();
    classic.retain(|sample| sample.metric != Metric::BuildCache);
    for sample in &mut classic {
        sample.case.builder = Builder::Classic;
        let times = if sample.metric.unit() == Unit::Ns { 10 } else { 1 };
        sample.value = sample.value.map(|value| value * times);
        if sample.metric == Metric::UnpackedSize && sample.case.variant != "single" {
            sample.value = sample.value.map(|value| value + value / 10);
        }
    }
    loaded.samples.extend(classic);
    let mut steps = loaded.steps.clone();
    steps.iter_mut().for_each(|step| step.case.builder = Builder::Classic);
    loaded.steps.extend(steps);
    loaded
}

fn json(loaded: &Loaded) -> Value {
    serde_json::from_str(&Document::new(loaded).json()).unwrap()
}

#[test]
fn what_is_said_of_buildkit_is_what_it_is_without_the_other() {
    let (alone, both) = (json(&fixed()), json(&both()));
    let of_one = alone["sections"].as_array().unwrap();
    let of_both = both["sections"].as_array().unwrap();
    assert_eq!(of_both.len(), 2 * of_one.len());
    for (one, section) in of_one.iter().zip(of_both) {
        let mut section = section.clone();
        assert_eq!(section.as_object_mut().unwrap().remove("builder").unwrap(), "buildkit");
        assert_eq!(&section, one);
    }
    for (one, section) in of_one.iter().zip(&of_both[of_one.len()..]) {
        assert_eq!((&section["builder"], &section["name"]), (&Value::from("classic"), &one["name"]));
        assert_eq!(section["claims"], Value::Array(vec![]), "claims are decided on BuildKit");
        for (row, of_one) in
            section["variants"].as_array().unwrap().iter().zip(one["variants"].as_array().unwrap())
        {
            // Ten times the time on both sides is the same ratio: none has a side of the other builder.
            let ratio = |row: &Value| row["builds"][0]["wall"]["ratio"].clone();
            assert_eq!(ratio(row), ratio(of_one));
            assert_eq!(row["build-cache"], Value::Null);
        }
    }
}

#[test]
fn the_sentence_that_matters_tells_the_builders_apart() {
    let (alone, both) = (json(&fixed()), json(&both()));
    let (alone, both) = (alone["finding"].as_str().unwrap(), both["finding"].as_str().unwrap());
    let (buildkit, classic) = both.split_once("; with the classic builder: ").unwrap();
    assert_eq!(buildkit, format!("with BuildKit: {alone}"));
    // There python-venv's image, as large as its baseline with BuildKit, is a tenth larger.
    assert!(classic.starts_with("Images of multi: from 10.0"), "{classic}");
    assert!(!classic.contains("claims:"), "{classic}");
}

#[test]
fn tables_charts_and_markdown_name_the_builder() {
    let loaded = both();
    let document = Document::new(&loaded);
    for text in [document.terminal(100, false), document.markdown("results/x")] {
        assert!(text.contains("go-scratch (classic)"), "{text}");
    }
    assert!(document.markdown("x").contains(", BuildKit and the classic builder, "));
    let charts = charts(&loaded).unwrap();
    let names: Vec<_> = charts.iter().map(|chart| chart.name.as_str()).collect();
    for name in ["timeline-go-scratch.svg", "timeline-go-scratch-classic.svg"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let size = charts.iter().find(|chart| chart.name == "size.svg").unwrap();
    assert!(size.svg.contains("go-scratch (classic)"), "{}", size.svg);
}

#[test]
fn a_baseline_that_was_skipped_leaves_no_ratio_and_says_so() {
    let mut loaded = both();
    for sample in &mut loaded.samples {
        let case = &sample.case;
        if case.builder == Builder::Classic && case.variant == "single" && sample.metric == Metric::BuildWall
        {
            (sample.status, sample.value) = (Status::Skipped, None);
            sample.reason = "single.Dockerfile, line 1: `# syntax=x` needs BuildKit".to_owned();
        }
    }
    loaded.samples.retain(|s| {
        s.case.builder != Builder::Classic || s.case.variant != "single" || s.metric == Metric::BuildWall
    });
    let sections = json(&loaded)["sections"].clone();
    let classic = sections.as_array().unwrap().iter().find(|s| s["builder"] == "classic").unwrap().clone();
    for row in classic["variants"].as_array().unwrap() {
        for figure in [&row["builds"][0]["wall"], &row["unpacked-size"]] {
            assert!(figure.is_null() || figure["ratio"].is_null(), "{row}");
        }
    }
    let said = "nothing to compare, see the cases that do not count";
    assert!(classic["finding"].as_str().unwrap().contains(said), "{}", classic["finding"]);
    assert!(classic["problems"].to_string().contains("needs BuildKit"), "{}", classic["problems"]);
}

#[test]
fn a_run_of_the_classic_builder_alone_decides_its_claims() {
    let mut loaded = both();
    loaded.run.builder = Builder::Classic;
    loaded.run.builders = Vec::new();
    loaded.samples.retain(|sample| sample.case.builder == Builder::Classic);
    let document = json(&loaded);
    assert!(document["finding"].as_str().unwrap().starts_with("with the classic builder: Images of multi"));
    assert!(document["finding"].as_str().unwrap().contains("claims: "));
    assert_eq!(document["sections"][0]["builder"], "classic");
}
