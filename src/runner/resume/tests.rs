//! A run that was cut off anywhere and taken up again has what one has that nobody cut off.

use super::*;
use crate::engine::fake::FakeEngine;
use crate::error::files;
use crate::results::{Builder, Case, Loaded, Phase, RunFolder, Writer};
use crate::runner::tests::{Heard, description, go_on, scenario, settings};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const PHASES: [Phase; 3] = [Phase::Cold, Phase::Unchanged, Phase::SourceEdit];

fn selection() -> Selection {
    Selection { rounds: 3, phases: PHASES.to_vec(), seed: 1, builders: vec![Builder::Buildkit] }
}

/// A whole run below `folder`.
async fn whole(engine: &FakeEngine, folder: &Path, scenarios: &[Scenario]) -> Loaded {
    let run = description(engine, &selection(), scenarios).await;
    let writer = Writer::create(&folder.join("results"), &run).unwrap();
    let settings = settings(folder, selection(), selection().rounds(scenarios));
    go_on(engine, &mut Heard::default(), settings, scenarios, run, writer).await.0
}

/// Takes a run up again.
async fn resume(engine: &FakeEngine, folder: &Path, scenarios: &[Scenario]) -> (Loaded, Vec<Round>) {
    let mut loaded = Loaded::read(RunFolder::at(folder.join("results/r"))).unwrap();
    let rounds = missing(&mut loaded.run, &loaded.samples, &selection(), scenarios);
    let writer = Writer::reopen(loaded.folder).unwrap();
    let settings = settings(folder, selection(), rounds.clone());
    loaded.run.resumed.push(Timestamp::UNIX_EPOCH);
    (loaded.run.ended, loaded.run.interrupted) = (None, false);
    let (loaded, _) = go_on(engine, &mut Heard::default(), settings, scenarios, loaded.run, writer).await;
    (loaded, rounds)
}

/// What a kill leaves that comes after so many rows, in the middle of the next.
fn cut(folder: &Path, whole: &Loaded, rows: usize) {
    let path = whole.folder.samples();
    let text = files::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = text.split_inclusive('\n').take(rows + 2).collect();
    if let Some(torn) = lines.get_mut(rows + 1) {
        *torn = &torn[..torn.len() / 2];
    }
    let mut run = whole.run.clone();
    run.ended = None;
    let next = whole.samples.get(rows).map_or(u32::MAX, |sample| sample.round);
    run.scenarios[0].finished.retain(|round| *round < next);
    let to = folder.join("results/r");
    files::create_dir_all(&to).unwrap();
    files::write(&to.join("samples.csv"), lines.concat()).unwrap();
    files::write(&to.join("steps.csv"), files::read(&whole.folder.steps()).unwrap()).unwrap();
    files::write(&to.join("run.json"), serde_json::to_string(&run).unwrap()).unwrap();
}

/// How many samples count, by case and metric.
fn counted(loaded: &Loaded) -> BTreeMap<(Case, &'static str), usize> {
    let mut counted = BTreeMap::new();
    for sample in loaded.samples.iter().filter(|sample| sample.status == Status::Valid) {
        *counted.entry((sample.case.clone(), sample.metric.name())).or_default() += 1;
    }
    counted
}

/// The order of variants of a round, by its rows.
fn order(loaded: &Loaded, round: u32) -> Vec<&str> {
    let mut order: Vec<&str> =
        loaded.samples.iter().filter(|s| s.round == round).map(|s| s.case.variant.as_str()).collect();
    order.dedup();
    order
}

#[tokio::test]
async fn a_run_that_was_cut_off_after_any_row_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = scenario(folder.path());
    let whole = whole(&FakeEngine::default(), folder.path(), &scenarios).await;
    let rows = whole.samples.len();
    assert!(rows > 100, "{rows}");
    for at in (0..=rows).step_by(13).chain([rows - 1, rows]) {
        let folder = tempfile::tempdir().unwrap();
        cut(folder.path(), &whole, at);
        let (loaded, rounds) = resume(&FakeEngine::default(), folder.path(), &scenarios).await;
        assert_eq!(counted(&loaded), counted(&whole), "cut after {at} of {rows} rows");
        assert_eq!(loaded.warnings, Vec::<String>::new());
        assert!(loaded.run.ended.is_some() && !loaded.run.interrupted);
        let kept = |loaded: &Loaded| {
            let text = files::read_to_string(&loaded.folder.samples()).unwrap();
            text.lines().take(at + 1).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(kept(&loaded), kept(&whole), "rows that were there are changed");
        for Round { number, place, .. } in rounds {
            assert_eq!(order(&loaded, number), order(&whole, place), "round {number} for {place}");
        }
        // A second time there is nothing to do.
        let mut run = loaded.run.clone();
        assert_eq!(missing(&mut run, &loaded.samples, &selection(), &scenarios), []);
    }
}

#[tokio::test]
async fn an_unfinished_round_is_repeated_under_a_new_number_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = scenario(folder.path());
    let whole = whole(&FakeEngine::default(), folder.path(), &scenarios).await;
    let second = whole.samples.iter().position(|sample| sample.round == 2).unwrap();
    let folder = tempfile::tempdir().unwrap();
    cut(folder.path(), &whole, second + 4);
    let (loaded, rounds) = resume(&FakeEngine::default(), folder.path(), &scenarios).await;
    let round = |number, place| Round { scenario: 0, number, place };
    assert_eq!(rounds, [round(4, 2), round(3, 3)]);
    let record = &loaded.run.scenarios[0];
    assert_eq!((record.finished.clone(), record.repeats.clone()), ([1, 3, 4].into(), [(4, 2)].into()));
    let reason = "it did not come to its end, and round 4 repeats it";
    assert_eq!(record.spoiled, [(2, reason.to_owned())].into());
    let old: Vec<_> = loaded.samples.iter().filter(|sample| sample.round == 2).collect();
    assert_eq!(old.len(), 4);
    assert!(old.iter().all(|s| s.status == Status::Invalid && s.reason == reason), "{old:?}");
    assert_eq!(loaded.run.resumed.len(), 1);
}

#[tokio::test]
async fn a_round_with_a_failed_case_is_repeated_and_what_disagreed_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = scenario(folder.path());
    let mut engine = FakeEngine::default();
    engine.broken = Some("single-unchanged-1");
    let mut failed = whole(&engine, folder.path(), &scenarios).await;
    failed.run.scenarios[0].agree = Some(false);
    failed.run.scenarios[0].disagreement = "single unchanged: nothing".into();
    files::write(&failed.folder.run(), serde_json::to_string(&failed.run).unwrap()).unwrap();
    let (loaded, rounds) = resume(&FakeEngine::default(), folder.path(), &scenarios).await;
    assert_eq!(rounds, [Round { scenario: 0, number: 4, place: 1 }]);
    let record = &loaded.run.scenarios[0];
    assert_eq!(record.spoiled[&1], "not all of its samples were valid, and round 4 repeats it");
    assert_eq!((record.agree, record.disagreement.as_str()), (Some(true), ""));
    assert!(counted(&loaded).values().all(|count| *count == 3), "{:?}", counted(&loaded));
    // It fails once more: the repetition is repeated.
    let mut run = loaded.run.clone();
    let mut samples = loaded.samples.clone();
    samples.iter_mut().find(|sample| sample.round == 4).unwrap().status = Status::Invalid;
    let again = missing(&mut run, &samples, &selection(), &scenarios);
    assert_eq!(again, [Round { scenario: 0, number: 5, place: 1 }]);
    assert_eq!(run.scenarios[0].standing_for(1), 5);
}

#[tokio::test]
async fn a_run_of_a_version_that_did_not_write_down_its_rounds_tells_by_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = scenario(folder.path());
    let whole = whole(&FakeEngine::default(), folder.path(), &scenarios).await;
    let mut old = whole.run.clone();
    old.scenarios[0].finished = BTreeSet::new();
    let selection = selection();
    assert_eq!(missing(&mut old.clone(), &whole.samples, &selection, &scenarios), []);
    old.ended = None;
    let round = |number, place| Round { scenario: 0, number, place };
    assert_eq!(missing(&mut old, &whole.samples, &selection, &scenarios), [round(4, 3)]);
}

#[tokio::test]
async fn what_has_changed_is_named_and_refused() {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = scenario(folder.path());
    let engine = FakeEngine::default();
    let run = description(&engine, &selection(), &scenarios).await;
    let now = |change: &dyn Fn(&mut Run)| {
        let mut now = run.clone();
        change(&mut now);
        same_surroundings(&run, &now.host, &now.engine, &now.bases).map_err(|error| error.to_string())
    };
    let said = |what: &str| {
        format!(
            "run r cannot go on here: {what}\n  hint: make it what it was, or measure anew with `dbench run`: numbers of \
             both would not be comparable"
        )
    };
    assert_eq!(now(&|_| {}), Ok(()));
    assert_eq!(now(&|now| now.host.load_percent = Some(12345)), Ok(()), "the load is not who the host is");
    let little = |now: &mut Run| now.host.memory = now.host.memory.map(|memory| memory + 4096);
    assert_eq!(now(&little), Ok(()), "a kernel keeps a little for itself");
    let changed = now(&|now| (now.engine.version, now.host.cores) = ("9".into(), Some(4096)));
    let cores = run.host.cores.unwrap();
    let what = format!(
        "the number of cores was `{cores}` and is `4096`; the engine's version was `fake` and is `9`"
    );
    assert_eq!(changed.unwrap_err(), said(&what));
    let changed = now(&|now| now.bases[0].image = "other".into());
    assert_eq!(changed.unwrap_err(), said("the base base was `base` and is `other`"));
    let changed = now(&|now| now.bases.clear());
    assert_eq!(changed.unwrap_err(), said("the base base was `base` and is not known"));

    files::write(&folder.path().join("scenarios/file/app/more"), "more").unwrap();
    let error = scenarios_of(&run, scenario_again(folder.path())).unwrap_err();
    assert_eq!(error.to_string(), said("the scenario file is no longer what was built"));
    assert_eq!(error.exit().code(), 2);
    let error = scenarios_of(&run, vec![]).unwrap_err();
    assert_eq!(error.to_string(), said("the scenario file is no longer there"));
}

fn scenario_again(folder: &Path) -> Vec<Scenario> {
    Scenario::load_all(&folder.join("scenarios"), &[]).unwrap()
}

#[test]
fn a_table_of_repetitions_that_leads_in_a_circle_comes_to_an_end() {
    let text = include_str!("../../../tests/golden/run/run.json");
    let mut run: Run = serde_json::from_str(text).unwrap();
    run.scenarios[0].repeats = [(1, 1), (2, 1), (1, 2), (3, 2)].into();
    assert_eq!(run.scenarios[0].standing_for(1), 3);
}
