//! What a report says of a run that lacks something: a baseline, an edit, sizes, a round, its end, room for a table; and which
//! run it is.

#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

use dbench::report::{Document, charts, format};
use dbench::results::{Builder, Loaded, Measure, Metric, Phase, RunFolder, Status};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use unicode_width::UnicodeWidthStr;

fn fixed() -> Loaded {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/run");
    Loaded::read(RunFolder::at(run)).unwrap()
}

fn plain(text: &str) -> String {
    text.replace([format::THIN, '\u{a0}', '\u{2002}'], " ")
}

fn chart(loaded: &Loaded, name: &str) -> String {
    plain(&charts(loaded).unwrap().into_iter().find(|c| c.name == name).unwrap().svg)
}

fn title(svg: &str) -> &str {
    svg.split("<title>").nth(1).unwrap().split("</title>").next().unwrap()
}

#[test]
fn the_wait_that_is_drawn_is_the_wait_of_the_title() {
    for rounds in [1, 2, 3] {
        let mut loaded = fixed();
        loaded.samples.retain(|s| s.round <= rounds);
        for sample in loaded.samples.iter_mut().filter(|s| s.metric == Metric::PullReady) {
            sample.value = sample.value.map(|ns| ns + u64::from(sample.round) * 1_000_000_000);
        }
        let svg = chart(&loaded, "ready.svg");
        let (_, figure) = title(&svg).split_once("single after ").unwrap();
        let figure = figure.split([';', '(']).next().unwrap().trim_end();
        assert!(svg.contains(&format!("\n{figure} (")), "{rounds}: {figure}");
    }
}

#[test]
fn a_baseline_that_was_left_out_is_said_to_be() {
    let mut loaded = fixed();
    for scenario in &mut loaded.run.scenarios {
        scenario.variants.retain(|variant| !variant.baseline);
    }
    for name in ["size.svg", "time.svg", "ready.svg"] {
        let svg = chart(&loaded, name);
        assert!(title(&svg).ends_with("that can be compared: the baseline was left out"), "{}", title(&svg));
    }
    let text = Document::new(&loaded).terminal(100, false);
    assert!(text.contains("go-scratch: nothing to compare with, the baseline was left out"), "{text}");
}

#[test]
fn one_scenario_is_no_scenarios() {
    let mut loaded = fixed();
    loaded.run.scenarios.truncate(1);
    loaded.samples.clear();
    assert!(Document::new(&loaded).json().contains("there is no comparison of sizes"));
}

#[test]
fn an_edit_that_a_scenario_does_not_define_has_no_column() {
    let mut loaded = fixed();
    loaded.run.phases = vec![Phase::Cold, Phase::SourceEdit, Phase::DepsEdit];
    loaded.samples.retain(|s| s.case.phase != Phase::DepsEdit);
    let text = Document::new(&loaded).terminal(100, false);
    assert!(!text.contains("deps-edit") && !text.contains("not measured"), "{text}");
    assert!(!Document::new(&loaded).markdown(".").contains("| deps-edit"));
    assert!(!chart(&loaded, "time.svg").contains("deps-edit"));
    loaded.run.interrupted = true;
    let text = Document::new(&loaded).terminal(100, false);
    assert!(text.contains("the run has not come to it"), "{text}");
}

#[test]
fn an_edit_that_a_scenario_does_not_define_is_not_said_to_be_missing_of_a_run_that_was_ended() {
    let mut loaded = fixed();
    loaded.run.phases = vec![Phase::Cold, Phase::SourceEdit, Phase::DepsEdit];
    loaded.samples.retain(|s| s.case.phase == Phase::Cold);
    loaded.run.interrupted = true;
    for scenario in &mut loaded.run.scenarios {
        scenario.phases = vec![Phase::Cold, Phase::Unchanged, Phase::SourceEdit];
    }
    let lacking = |loaded: &Loaded| {
        let document: serde_json::Value = serde_json::from_str(&Document::new(loaded).json()).unwrap();
        let problems = document["sections"][0]["problems"].as_array().unwrap().clone();
        let of_variant =
            |p: &&serde_json::Value| p["variant"] == "single" && p["rounds"] == serde_json::json!([]);
        let said = |p: &serde_json::Value| {
            format!("{}: {}", p["phase"].as_str().unwrap(), p["reason"].as_str().unwrap())
        };
        problems.iter().filter(of_variant).map(said).collect::<Vec<_>>()
    };
    assert_eq!(lacking(&loaded), ["source-edit: the run has not come to it"]);
    // A run that does not say what it has may have it, until a round of the scenario was whole.
    loaded.run.scenarios[0].phases.clear();
    let unknown = "the run has not come to it, or the scenario has no such edit";
    assert_eq!(lacking(&loaded), [format!("source-edit: {unknown}"), format!("deps-edit: {unknown}")]);
    loaded.run.scenarios[0].finished.insert(1);
    assert_eq!(lacking(&loaded), Vec::<String>::new());
}

#[test]
fn a_run_that_an_error_ended_is_not_called_interrupted() {
    let mut loaded = fixed();
    loaded.run.failure = Some("the engine cannot be reached: connection refused".into());
    let text = Document::new(&loaded).terminal(100, false).replace(['\n', ' '], "");
    let said =
        "Anerrorendedtherun:theenginecannotbereached:connectionrefused.Whatwasmeasureduntilthenisshown.";
    assert!(text.contains(said) && !text.contains("interrupted"), "{text}");
    let document: serde_json::Value = serde_json::from_str(&Document::new(&loaded).json()).unwrap();
    assert_eq!(document["complete"], false);
}

#[test]
fn a_run_that_was_broken_off_says_so_first_and_how_much_is_missing() {
    let mut loaded = fixed();
    loaded.run.scenarios.truncate(1);
    loaded.samples.retain(|s| s.case.scenario == "go-scratch" && s.round < 3);
    loaded.samples.retain(|s| s.round == 1 || s.case.variant != "tuned");
    loaded.run.interrupted = true;
    let said = |loaded: &Loaded| {
        let document = Document::new(loaded);
        [document.terminal(100, false), document.markdown(".")].map(|text| {
            text.replace(['\u{a0}', '\u{202f}', '\n'], " ").split(' ').collect::<Vec<_>>().join(" ")
        })
    };
    // Of three rounds, three variants and two phases the last round is missing, and a variant of the one before.
    let [terminal, markdown] = said(&loaded);
    let missing = "with 8 of 18 builds missing";
    assert!(terminal.contains(&format!("interrupted {missing}; go-scratch: ")), "{terminal}");
    assert!(markdown.contains(&format!("**interrupted {missing}; ")), "{markdown}");
    assert!(terminal.contains(&format!("The run was interrupted {missing}. What ")), "{terminal}");
    loaded.run.interrupted = false;
    assert!(said(&loaded).iter().all(|text| !text.contains("missing")));
    loaded.run.ended = None;
    assert!(said(&loaded).iter().all(|text| text.contains(&format!("not ended {missing}; "))));
    // A round that another repeats is there if the other is.
    loaded.run.scenarios[0].repeats.insert(4, 1);
    assert!(said(&loaded)[0].contains("with 14 of 18 builds missing"));
    loaded.samples.clear();
    (loaded.run.interrupted, loaded.run.scenarios[0].agree) = (true, None);
    loaded.run.scenarios[0].repeats.clear();
    let [terminal, markdown] = said(&loaded);
    assert!(terminal.contains("The run was interrupted with 18 of 18 builds missing. "), "{terminal}");
    assert!(terminal.contains("nothing was measured"), "{terminal}");
    assert!(markdown.contains("**interrupted with 18 of 18 builds missing; "), "{markdown}");
    assert!(!markdown.contains("not all proven"), "{markdown}");
    assert!(markdown.contains("the run has not proven an image of it"), "{markdown}");
}

#[test]
fn sizes_that_were_not_to_be_measured_have_no_table() {
    let mut loaded = fixed();
    loaded.run.measure = vec![Measure::Build];
    loaded.samples.retain(|s| s.metric == Metric::BuildWall);
    let text = Document::new(&loaded).terminal(100, false);
    assert!(!text.contains("images ·") && !text.contains("comparison of sizes"), "{text}");
    assert!(!Document::new(&loaded).markdown(".").contains("| unpacked size |"));
}

#[test]
fn one_round_of_two_is_the_one_that_counts() {
    let mut loaded = fixed();
    loaded.run.rounds = 2;
    loaded.samples.retain(|s| s.round <= 2);
    for sample in loaded.samples.iter_mut().filter(|s| s.round == 2) {
        sample.status = Status::Invalid;
    }
    let svg = chart(&loaded, "time.svg");
    assert!(title(&svg).ends_with("(one round that counts)"), "{}", title(&svg));
}

#[test]
fn what_does_not_fit_stands_in_a_table_below() {
    let document = Document::new(&fixed());
    let heads =
        "unpacked packed compression push cold_pull update_delta start layers beyond_base build_cache";
    for width in [44, 60, 80, 100] {
        let text = document.terminal(width, false);
        assert!(!text.contains("no room"), "{width}: {text}");
        for head in heads.split(' ') {
            let head = format!(" {}", head.replace('_', " "));
            assert_eq!(
                text.lines().filter(|line| of_heads(line, &head)).count(),
                2,
                "{width}: {head}\n{text}"
            );
        }
    }
    assert!(document.terminal(20, false).contains("no room for "));
}

/// Whether a line of a table's heads has that one.
fn of_heads(line: &str, head: &str) -> bool {
    line.starts_with("      ") && !line.contains('–') && format!("{line}   ").contains(&format!("{head}   "))
}

#[test]
fn a_report_begins_with_which_run_it_is() {
    let mut loaded = fixed();
    let said = |loaded: &Loaded, width| {
        Document::new(loaded).heading(Some("results/fixed/charts"), width).replace('\u{a0}', " ")
    };
    let revision = &loaded.run.revision.as_ref().unwrap().commit[..12];
    let first = format!("run {} of 2026-", loaded.run.id);
    let text = said(&loaded, 100);
    assert!(text.starts_with(&first), "{text}");
    assert!(
        text.contains(&format!(", 3 rounds, by dbench {}, revision {revision}", loaded.run.dbench)),
        "{text}"
    );
    assert!(text.ends_with("\ncharts: results/fixed/charts\n\n"), "{text}");
    assert!(said(&loaded, 30).lines().all(|line| line.width() <= 30), "{}", said(&loaded, 30));
    (loaded.run.interrupted, loaded.run.revision) = (true, None);
    let text = said(&loaded, 100);
    assert!(text.contains(&format!("3 rounds, not complete, by dbench {}\n", loaded.run.dbench)), "{text}");
}

#[test]
fn a_timeline_names_the_bases_that_its_build_uses() {
    let mut loaded = fixed();
    let mut other = loaded.run.bases[0].clone();
    other.name = "other:1".to_owned();
    loaded.run.bases.push(other);
    let scenario = loaded.run.scenarios.iter_mut().find(|s| s.name == "go-scratch").unwrap();
    let own: BTreeSet<String> = scenario.bases.iter().cloned().collect();
    scenario.bases.push("other:1".to_owned());
    assert!(chart(&loaded, "timeline-go-scratch.svg").contains("other:1"), "an older run knows no better");
    let scenario = loaded.run.scenarios.iter_mut().find(|s| s.name == "go-scratch").unwrap();
    for variant in &mut scenario.variants {
        let used = if variant.baseline { ["other:1".to_owned()].into() } else { own.clone() };
        variant.bases = BTreeMap::from([(Builder::Buildkit, used)]);
    }
    assert!(!chart(&loaded, "timeline-go-scratch.svg").contains("other:1"));
    assert!(chart(&loaded, "size.svg").contains("other:1"), "a chart of all rests on all");
}
