//! What tables and charts say of transfers: every metric, every sample, and what does not count.

use super::{charts, fixed, texts};
use dbench::report::{Document, format};
use dbench::results::{ClaimRecord, Loaded, Measure, Metric, Phase, Sample, Status};

fn chart(loaded: &Loaded, name: &str) -> String {
    charts(loaded).unwrap().into_iter().find(|c| c.name == name).unwrap().svg
}

fn shown(svg: &str) -> String {
    texts(svg).join(" ").replace(format::THIN, " ")
}

/// Fails every sample that `which` takes.
fn fail(loaded: &mut Loaded, reason: &str, which: impl Fn(&Sample) -> bool) {
    for sample in loaded.samples.iter_mut().filter(|s| which(s)) {
        (sample.value, sample.status) = (None, Status::Failed);
        sample.reason = reason.to_owned();
    }
}

fn moves(sample: &Sample) -> bool {
    ["push", "update", "pull"].iter().any(|kind| sample.metric.name().starts_with(kind))
}

#[test]
fn a_scenario_without_a_valid_pull_is_in_the_charts_with_its_reason() {
    let mut loaded = fixed();
    fail(&mut loaded, "the node is gone", |s| s.case.scenario == "python-venv" && moves(s));
    for name in ["transfer.svg", "ready.svg"] {
        let svg = chart(&loaded, name);
        let said = shown(&svg);
        assert!(texts(&svg).iter().any(|text| text == "python-venv"), "{name}: {said}");
        let reason = "× python-venv single, multi and tuned cold, rounds 1, 2 and 3: push-bytes";
        assert!(said.contains(reason) && said.contains(" failed: the node is gone"), "{name}: {said}");
        let missing = if name == "ready.svg" { "no valid sample" } else { "no valid pull" };
        assert!(said.matches(missing).count() >= 3, "{name}: {said}");
    }
}

#[test]
fn a_variant_whose_image_could_not_be_built_is_named_in_the_chart_of_sizes() {
    let mut loaded = fixed();
    let lost = |s: &Sample| s.case.variant == "tuned" && s.case.phase == Phase::Cold;
    let builds = |s: &Sample| lost(s) && s.metric == Metric::BuildWall;
    fail(&mut loaded, "no space", builds);
    loaded.samples.retain(|s| !lost(s) || s.metric == Metric::BuildWall);
    for name in ["size.svg", "transfer.svg", "ready.svg"] {
        let said = shown(&chart(&loaded, name));
        assert!(
            said.contains("× go-scratch tuned cold, rounds 1, 2 and 3: failed: no space"),
            "{name}: {said}"
        );
    }
}

#[test]
fn every_wait_is_a_dot_and_one_that_does_not_count_a_sign_at_the_margin() {
    let mut loaded = fixed();
    let waits = |loaded: &Loaded| {
        loaded.samples.iter().filter(|s| s.metric == Metric::PullReady && s.status == Status::Valid).count()
    };
    // A dot is a disc on a disc of the ground's colour.
    assert_eq!(chart(&loaded, "ready.svg").matches("<circle").count(), 2 * waits(&loaded));
    let broken = |s: &Sample| s.round == 2 && s.case.variant == "multi" && s.metric == Metric::PullReady;
    fail(&mut loaded, "no answer", broken);
    let crosses = |svg: &str| svg.matches("<polyline").count();
    let svg = chart(&loaded, "ready.svg");
    assert_eq!(svg.matches("<circle").count(), 2 * waits(&loaded));
    assert_eq!(crosses(&svg), 2 * loaded.run.scenarios.len(), "two strokes a cross");
    assert!(shown(&svg).contains("multi cold, round 2: pull-ready failed: no answer"), "{svg}");
}

#[test]
fn the_bars_of_layers_are_those_of_the_median_round() {
    let mut loaded = fixed();
    let of = |scenario: &str, variant: &str| scenario == "go-scratch" && variant == "single";
    let grown = |value: u64, round: u32| value + 1_000_000 * [0, 40, 0, 20][round as usize];
    for s in loaded.samples.iter_mut().filter(|s| of(&s.case.scenario, &s.case.variant)) {
        if s.metric == Metric::PullColdBytes {
            s.value = s.value.map(|value| grown(value, s.round));
        }
    }
    let cold = |row: &&mut dbench::results::TransferRow| row.transfer == "pull-cold" && row.layer == Some(2);
    for row in loaded.transfers.iter_mut().filter(cold).filter(|r| of(&r.case.scenario, &r.case.variant)) {
        row.wire = grown(row.wire, row.round);
    }
    let document: serde_json::Value = serde_json::from_str(&Document::new(&loaded).json()).unwrap();
    let layers = &document["sections"][0]["variants"][0]["moves"]["layers"];
    assert_eq!(layers["cold"]["round"], 3, "{layers}");
    let said = shown(&chart(&loaded, "transfer.svg"));
    assert!(said.contains("121 MB") && !said.contains("141 MB"), "{said}");
    assert!(said.contains("median rounds, of two in the middle the lower"), "{said}");
}

#[test]
fn layers_that_do_not_sum_to_the_pull_are_not_drawn_and_are_said_to_be_unknown() {
    let of = |row: &dbench::results::TransferRow| {
        row.case.scenario == "go-scratch" && row.case.variant == "single" && row.transfer == "pull-cold"
    };
    let whole = shown(&chart(&fixed(), "transfer.svg"));
    assert!(!whole.contains("not known"), "{whole}");
    let (mut grown, mut gone) = (fixed(), fixed());
    grown.transfers.iter_mut().filter(|row| of(row) && row.layer == Some(2)).for_each(|row| row.wire += 1);
    gone.transfers.retain(|row| !of(row));
    for loaded in [grown, gone] {
        let document: serde_json::Value = serde_json::from_str(&Document::new(&loaded).json()).unwrap();
        let cold = &document["sections"][0]["variants"][0]["moves"]["layers"]["cold"];
        let counted = |s: &&Sample| {
            s.case.scenario == "go-scratch" && s.case.variant == "single" && s.metric == Metric::PullColdBytes
        };
        let value = loaded.samples.iter().filter(counted).find(|s| cold["round"] == s.round).unwrap().value;
        assert_eq!((cold["bytes"].as_u64(), &cold["segments"]), (value, &serde_json::json!([])));
        let said = shown(&chart(&loaded, "transfer.svg"));
        let total = format::bytes(value.unwrap()).replace(format::THIN, " ");
        let expected = format!("{total}, its layers are not known");
        assert_eq!(said.matches(&expected).count(), 1, "{said}");
        assert!(!said.contains("0 B"), "{said}");
    }
}

#[test]
fn a_blob_that_is_two_layers_is_drawn_once() {
    let mut loaded = fixed();
    let before = chart(&loaded, "transfer.svg");
    let again: Vec<_> = loaded.transfers.iter().filter(|row| row.layer == Some(2)).cloned().collect();
    loaded
        .transfers
        .extend(again.into_iter().map(|row| dbench::results::TransferRow { layer: Some(9), ..row }));
    assert_eq!(chart(&loaded, "transfer.svg"), before);
}

#[test]
fn a_run_without_edits_says_nothing_of_a_pull_after_one() {
    let mut loaded = fixed();
    loaded.run.phases = vec![Phase::Cold];
    loaded.samples.retain(|s| s.case.phase == Phase::Cold);
    loaded.transfers.retain(|t| t.case.phase == Phase::Cold);
    let said = shown(&chart(&loaded, "transfer.svg"));
    assert!(!said.contains("update delta") && !said.contains("one-line edit"), "{said}");
    assert!(said.contains("A pull of go-scratch tuned fetches 3.91 MB, of single 101 MB"), "{said}");
}

#[test]
fn a_run_without_the_cold_phase_tells_what_failed_of_its_cold_transfers() {
    let mut loaded = fixed();
    loaded.run.phases = vec![Phase::SourceEdit];
    let of_build = |s: &Sample| s.metric.parts() == [Measure::Build];
    loaded.samples.retain(|s| s.case.phase != Phase::Cold || !of_build(s));
    let lost = |s: &Sample| {
        s.case.scenario == "go-scratch" && s.case.variant == "multi" && s.case.phase == Phase::Cold
    };
    loaded.samples.retain(|s| !lost(s) || s.metric == Metric::PushBytes);
    fail(&mut loaded, "the registry is gone", lost);
    let claim =
        ClaimRecord { text: "multi pull-cold-bytes reduction >= 90 %".to_owned(), says: String::new() };
    loaded.run.scenarios[0].claims = vec![claim];
    let document = Document::new(&loaded);
    let failed = "multi cold, rounds 1, 2 and 3: push-bytes failed: the registry is gone";
    for text in
        [document.terminal(100, false), document.markdown("."), shown(&chart(&loaded, "transfer.svg"))]
    {
        assert!(text.contains(failed), "{text}");
    }
    let said = "open (multi pull-cold-bytes was not measured, for the push of the image failed: the registry is gone)";
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&document.terminal(100, false)).contains(said), "{}", document.terminal(100, false));
}

#[test]
fn a_scenario_that_lacks_a_cold_pull_is_not_said_to_have_no_update_delta() {
    let mut loaded = fixed();
    let lost = |s: &Sample| s.case.scenario == "go-scratch" && s.metric.name().starts_with("pull-cold");
    fail(&mut loaded, "the node is gone", lost);
    let said = shown(&chart(&loaded, "transfer.svg"));
    assert!(said.contains("of its cold pull (1 of 2\u{a0}scenarios has none to compare)"), "{said}");
    fail(&mut loaded, "the node is gone", |s| s.metric.name().starts_with("pull-cold"));
    let said = shown(&chart(&loaded, "transfer.svg"));
    assert!(said.starts_with("No update delta that can be compared"), "{said}");
}

#[test]
fn json_has_every_metric_that_was_measured() {
    let loaded = fixed();
    let document: serde_json::Value = serde_json::from_str(&Document::new(&loaded).json()).unwrap();
    for sample in loaded.samples.iter().filter(|s| s.status == Status::Valid) {
        let section = document["sections"].as_array().unwrap();
        let section = section.iter().find(|s| s["name"] == *sample.case.scenario).unwrap();
        let row = section["variants"].as_array().unwrap().iter();
        let row = row.clone().find(|row| row["name"] == *sample.case.variant).unwrap();
        let figure = &row["figures"][sample.case.phase.name()][sample.metric.name()]["spread"];
        let value = sample.value.unwrap();
        let between = figure["min"].as_u64().unwrap()..=figure["max"].as_u64().unwrap();
        assert!(between.contains(&value), "{} {}: {figure}", sample.case, sample.metric);
    }
}

#[test]
fn pushes_pulls_and_waits_stand_against_the_baseline_unless_one_failed() {
    let mut loaded = fixed();
    let cold = |loaded: &Loaded| {
        let text = Document::new(loaded).markdown(".").replace(format::THIN, " ");
        let line = text.lines().find(|line| line.starts_with("| cold | multi |")).unwrap();
        line.to_owned()
    };
    let all = cold(&loaded);
    assert_eq!(all.matches('×').count(), 5, "{all}");
    assert!(all.contains("| 7.07 MB 0.070× |") && all.contains("0.46 s (0.44–0.47 s) 0.056× |"), "{all}");
    let terminal = Document::new(&loaded).terminal(100, false);
    assert!(terminal.contains("transfers · median, range below · × against single"), "{terminal}");
    let broken = |s: &Sample| s.round == 1 && s.case.variant == "single" && s.metric == Metric::PushBytes;
    fail(&mut loaded, "status 500", broken);
    let without = cold(&loaded);
    assert!(without.contains("| 7.07 MB | 0.46 s (0.44–0.47 s) | 7.07 MB 0.070× |"), "{without}");
}

#[test]
fn an_image_on_nothing_has_no_pull_on_a_base() {
    let mut loaded = fixed();
    let of = |s: &Sample, variant: &str, metric| {
        s.case.scenario == "go-scratch" && s.case.variant == variant && s.metric == metric
    };
    let whole = loaded.samples.iter().find(|s| of(s, "multi", Metric::PackedSize)).unwrap().clone();
    loaded.samples.retain(|s| !of(s, "multi", Metric::PackedUnique));
    loaded.samples.push(Sample { metric: Metric::PackedUnique, ..whole });
    let pulled = loaded.samples.iter().find(|s| of(s, "single", Metric::PullColdBytes)).unwrap().clone();
    loaded.samples.push(Sample { metric: Metric::PullBaseWarmBytes, ..pulled });
    let document = Document::new(&loaded);
    let rows = |text: String, begin: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with(begin)).map(str::to_owned).collect()
    };
    let markdown = rows(document.markdown("."), "| the node has the base |");
    assert!(markdown[1].starts_with("| the node has the base | multi |  |  | no base |  |"), "{markdown:?}");
    assert!(markdown[2].contains("| tuned |  |  | – | – |"), "{markdown:?}");
    assert_eq!(document.terminal(100, false).matches("no base").count(), 1);
}
