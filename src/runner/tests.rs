//! The runner on the fake engine: the order of what it asks, the rows that it writes, what it leaves.

use super::*;
use crate::engine::Patience;
use crate::engine::fake::FakeEngine;
use crate::results::{Builder, Loaded, Measure, Metric, NodeKind, Phase, SCHEMA, Sample, Status};
use std::path::Path;

#[derive(Default)]
pub(super) struct Heard {
    pub(super) warnings: Vec<String>,
    failures: Vec<String>,
    steps: Vec<String>,
    /// Called before every build.
    pub(super) before: Option<Box<dyn FnMut(usize)>>,
}

impl Observer for Heard {
    fn begin(&mut self, _: &Planned, done: usize) {
        if let Some(before) = &mut self.before {
            before(done);
        }
    }
    fn step(&mut self, name: &str) {
        self.steps.push(name.to_owned());
    }
    fn end(&mut self, _: &Planned, _: Duration, _: Result<(), &str>) {}
    fn unbuilt(&mut self, _: &Planned, _: usize, _: &str) {}
    fn transfers(&mut self, _: &str, _: u32) {}
    fn failure(&mut self, _: &Planned, last_lines: &str, _: &Path) {
        self.failures.push(last_lines.to_owned());
    }
    fn warning(&mut self, text: &str) {
        self.warnings.push(text.to_owned());
    }
}

pub(super) const SCENARIO: &str = include_str!("../../tests/common/file.toml");

pub(super) fn scenario(folder: &Path) -> Vec<Scenario> {
    let home = folder.join("scenarios/file");
    files_of(&home, SCENARIO, ["FROM base\nCOPY edition /edition\n"; 2]);
    Scenario::load_all(&folder.join("scenarios"), &[]).unwrap()
}

/// Writes a scenario of that description, with the Dockerfiles of `single` and `multi`.
pub(super) fn files_of(home: &Path, description: &str, [single, multi]: [&str; 2]) {
    use crate::error::files;
    files::create_dir_all(&home.join("app")).unwrap();
    files::write(&home.join("scenario.toml"), description).unwrap();
    files::write(&home.join("single.Dockerfile"), single).unwrap();
    files::write(&home.join("multi.Dockerfile"), multi).unwrap();
    files::write(&home.join("app/edition"), "edition 0000000000000000\n").unwrap();
    files::write(&home.join("app/manifest"), "# edition 0000000000000000\n").unwrap();
}

/// Runs one round of `phases` and gives what stands in the folder of the run.
async fn run(engine: &FakeEngine, heard: &mut Heard, phases: &[Phase], keep: bool) -> (Loaded, Cleaned) {
    run_with(engine, heard, phases, keep, &[Builder::Buildkit]).await
}

async fn run_with(
    engine: &FakeEngine,
    heard: &mut Heard,
    phases: &[Phase],
    keep: bool,
    builders: &[Builder],
) -> (Loaded, Cleaned) {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = scenario(folder.path());
    let selection = Selection { rounds: 1, phases: phases.to_vec(), seed: 1, builders: builders.to_vec() };
    let begun = description(engine, &selection, &scenarios).await;
    let writer = Writer::create(&folder.path().join("results"), &begun).unwrap();
    let rounds = selection.rounds(&scenarios);
    let settings = Settings { keep, ..settings(folder.path(), selection, rounds) };
    go_on(engine, heard, settings, &scenarios, begun, writer).await
}

/// Runs what `settings` say, in a folder that is open.
pub(super) async fn go_on(
    engine: &FakeEngine,
    heard: &mut Heard,
    settings: Settings,
    scenarios: &[Scenario],
    run: Run,
    writer: Writer,
) -> (Loaded, Cleaned) {
    let about = engine.about().await.unwrap();
    let bases = bases(engine, scenarios, &settings.selection).await;
    let mut runner = Runner::new(engine, heard, settings, scenarios, bases, &about, run, writer).unwrap();
    runner.run().await.unwrap();
    let cleaned = runner.finish(Ending::Done).await.unwrap();
    let loaded = Loaded::read(runner.writer().folder().clone()).unwrap();
    (loaded, cleaned)
}

async fn bases(engine: &FakeEngine, scenarios: &[Scenario], selection: &Selection) -> Bases {
    let map = std::collections::BTreeMap::new();
    Bases::resolve(engine, scenarios, &map, &selection.builders, None).await.unwrap()
}

pub(super) fn settings(folder: &Path, selection: Selection, rounds: Vec<Round>) -> Settings {
    let moment = Duration::from_secs(9);
    Settings {
        selection,
        rounds,
        keep: false,
        deadlines: Deadlines { build: moment, silence: moment, probe: moment },
        state: folder.join("state"),
        secrets: Secrets::default(),
        measure: vec![Measure::Build, Measure::Size],
        transfers: Choice {
            node: Some(NodeKind::None),
            root: None,
            store: None,
            image: String::new(),
            relay_image: String::new(),
            deadline: moment,
            patience: Patience { deadline: moment, silence: moment },
        },
        platform: None,
    }
}

pub(super) async fn description(engine: &FakeEngine, selection: &Selection, scenarios: &[Scenario]) -> Run {
    let bases = bases(engine, scenarios, selection).await;
    Run {
        schema: SCHEMA,
        id: "r".into(),
        dbench: env!("CARGO_PKG_VERSION").into(),
        revision: None,
        command: vec![],
        seed: selection.seed,
        rounds: selection.rounds,
        phases: selection.phases.clone(),
        builder: selection.builders[0],
        builders: selection.builders.clone(),
        platform: None,
        measure: vec![Measure::Build, Measure::Size],
        node: None,
        host: host::host(),
        engine: engine.about().await.unwrap().record,
        bases: bases.records(),
        scenarios: scenarios.iter().map(|s| scenario_record(s, &selection.builders).unwrap()).collect(),
        warnings: vec![],
        started: Timestamp::UNIX_EPOCH,
        ended: None,
        interrupted: false,
        failure: None,
        resumed: vec![],
    }
}

fn walls(loaded: &Loaded) -> Vec<(String, Phase, Status)> {
    let rows = loaded.samples.iter().filter(|s| s.metric == Metric::BuildWall);
    let mut walls: Vec<_> = rows.map(|s| (s.case.variant.clone(), s.case.phase, s.status)).collect();
    walls.sort();
    walls
}

fn of<'a>(loaded: &'a Loaded, variant: &str, metric: Metric) -> &'a Sample {
    loaded.samples.iter().find(|s| s.case.variant == variant && s.metric == metric).unwrap()
}

#[tokio::test]
async fn a_round_opens_cold_builds_on_it_and_cleans_up() {
    let engine = FakeEngine::default();
    let mut heard = Heard::default();
    let phases = [Phase::Cold, Phase::Unchanged, Phase::SourceEdit];
    let (loaded, cleaned) = run(&engine, &mut heard, &phases, false).await;
    let calls = engine.calls.borrow().clone();
    let (first, second) = if calls[0].contains("multi") { ("multi", "single") } else { ("single", "multi") };
    let of_variant = |variant: &str, records: [&str; 2]| {
        let mut calls = Vec::new();
        for phase in ["cold-1 without cache", "unchanged-1", "source-edit-1"] {
            calls.push(format!("build dbench/run/file:{variant}-{phase}"));
            calls.extend(["start".to_owned(), "remove container".to_owned()]);
        }
        calls.extend(records.map(|record| format!("prune {record}")));
        calls
    };
    let expected =
        [of_variant(first, ["record-0", "record-1"]), of_variant(second, ["record-2", "record-3"])];
    assert_eq!(calls, expected.concat());
    let of_build = ["[2/2] COPY edition /edition", "probing"];
    let of_variant = [&of_build[..], &["reading the layers"], &of_build, &of_build].concat();
    assert_eq!(heard.steps, of_variant.repeat(2));
    assert!(walls(&loaded).iter().all(|(_, _, status)| *status == Status::Valid), "{:?}", walls(&loaded));
    assert_eq!(walls(&loaded).len(), 6);
    assert_eq!(of(&loaded, "multi", Metric::UnpackedSize).value, Some(125));
    assert_eq!(of(&loaded, "multi", Metric::UnpackedUnique).value, Some(25));
    assert_eq!(of(&loaded, "multi", Metric::BuildCache).value, Some(7));
    assert_eq!(loaded.run.scenarios[0].agree, Some(true));
    assert!(engine.images_left().is_empty());
    assert_eq!(cleaned.left, Vec::<String>::new());
}

#[tokio::test]
async fn a_warm_cold_build_is_invalid_with_its_reason() {
    let mut engine = FakeEngine::default();
    engine.warm = Some("single-cold");
    let (loaded, _) = run(&engine, &mut Heard::default(), &[Phase::Cold], false).await;
    let row = of(&loaded, "single", Metric::BuildWall);
    assert_eq!(row.status, Status::Invalid);
    assert_eq!(
        row.reason,
        "line 2 (stage 0: COPY edition /edition) was answered by the cache, so the build was not cold"
    );
    assert_eq!(of(&loaded, "multi", Metric::BuildWall).status, Status::Valid);
}

#[tokio::test]
async fn a_failed_build_is_a_row_and_costs_only_what_stands_on_it() {
    let mut engine = FakeEngine::default();
    engine.broken = Some("single-cold");
    let mut heard = Heard::default();
    let (loaded, _) = run(&engine, &mut heard, &[Phase::Cold, Phase::Unchanged], false).await;
    let expected = [
        ("multi".to_owned(), Phase::Cold, Status::Valid),
        ("multi".to_owned(), Phase::Unchanged, Status::Valid),
        ("single".to_owned(), Phase::Cold, Status::Failed),
        ("single".to_owned(), Phase::Unchanged, Status::Failed),
    ];
    assert_eq!(walls(&loaded), expected);
    assert_eq!(
        of(&loaded, "single", Metric::BuildWall).reason,
        "step `2 COPY edition /edition`: no such file (log: logs/file-single-buildkit-cold-1.log)"
    );
    assert_eq!(heard.failures, ["a line"]);
}

#[tokio::test]
async fn a_priming_build_that_fails_has_its_reason_in_the_rows_that_stand_on_it() {
    let mut engine = FakeEngine::default();
    engine.broken = Some("single-cold");
    let (loaded, _) = run(&engine, &mut Heard::default(), &[Phase::Unchanged], false).await;
    assert_eq!(
        of(&loaded, "single", Metric::BuildWall).reason,
        "the first build of the round failed: step `2 COPY edition /edition`: no such file \
         (log: logs/file-single-buildkit-cold-1.log)"
    );
}

#[tokio::test]
async fn without_cold_a_priming_build_opens_the_round_and_is_not_measured() {
    let engine = FakeEngine::default();
    let (loaded, _) = run(&engine, &mut Heard::default(), &[Phase::Unchanged], false).await;
    let calls = engine.calls.borrow().clone();
    assert!(calls.contains(&"build dbench/run/file:single-cold-1".to_owned()), "{calls:?}");
    assert!(walls(&loaded).iter().all(|(_, phase, _)| *phase == Phase::Unchanged));
    assert_eq!(of(&loaded, "single", Metric::UnpackedSize).value, Some(125));
}

#[tokio::test]
async fn images_stay_when_they_are_asked_to() {
    let engine = FakeEngine::default();
    run(&engine, &mut Heard::default(), &[Phase::Cold], true).await;
    assert_eq!(engine.images_left().len(), 2);
}

#[tokio::test]
async fn somebody_elses_build_is_warned_of_and_recorded() {
    let engine = std::rc::Rc::new(FakeEngine::default());
    let mut heard = Heard::default();
    let other = engine.clone();
    heard.before = Some(Box::new(move |done| {
        if done == 1 {
            other.build_by_somebody_else();
        }
    }));
    let (loaded, _) = run(&engine, &mut heard, &[Phase::Cold, Phase::Unchanged], false).await;
    let foreign: Vec<_> = heard.warnings.iter().filter(|w| w.starts_with("somebody else's build")).collect();
    assert_eq!(foreign.len(), 1, "{:?}", heard.warnings);
    assert!(loaded.run.warnings.contains(foreign[0]));
}

#[tokio::test]
async fn a_round_whose_base_became_another_image_does_not_count() {
    let engine = std::rc::Rc::new(FakeEngine::default());
    let mut heard = Heard::default();
    let other = engine.clone();
    heard.before = Some(Box::new(move |_| other.retag_the_base()));
    let (loaded, _) = run(&engine, &mut heard, &[Phase::Cold], false).await;
    let reason = "the base base is no longer the image that it was when the run began";
    for row in &loaded.samples {
        assert_eq!((row.status, row.reason.as_str()), (Status::Invalid, reason));
    }
    let warning = format!("file, round 1: {reason}; its samples do not count");
    assert!(heard.warnings.contains(&warning), "{:?}", heard.warnings);
}

#[tokio::test]
async fn both_builders_build_every_variant_one_builder_after_the_other() {
    let engine = FakeEngine::default();
    let (loaded, cleaned) =
        run_with(&engine, &mut Heard::default(), &[Phase::Cold, Phase::Unchanged], false, &Builder::ALL)
            .await;
    let calls = engine.calls.borrow().clone();
    let builds: Vec<_> =
        calls.iter().filter_map(|call| call.strip_prefix("build dbench/run/file:")).collect();
    assert_eq!(builds.len(), 8, "{calls:?}");
    let classic: Vec<_> = builds.iter().map(|build| build.contains("-classic-")).collect();
    assert!(classic[..4].iter().all(|of| *of == classic[0]), "{builds:?}");
    assert!(classic[4..].iter().all(|of| *of != classic[0]), "{builds:?}");
    for builder in Builder::ALL {
        let rows =
            loaded.samples.iter().filter(|s| s.metric == Metric::BuildWall && s.case.builder == builder);
        assert_eq!(rows.filter(|s| s.valid().is_some()).count(), 4, "{builder}");
    }
    let of_cache = loaded.samples.iter().filter(|s| s.metric == Metric::BuildCache);
    assert!(of_cache.into_iter().all(|s| s.case.builder == Builder::Buildkit));
    assert!(calls.iter().any(|call| call.starts_with("remove image sha256:")), "{calls:?}");
    assert_eq!((engine.steps_left(), engine.images_left()), (vec![], vec![]));
    assert_eq!(cleaned.left, Vec::<String>::new());
}

#[tokio::test]
async fn a_warm_classic_build_is_not_cold() {
    let mut engine = FakeEngine::default();
    engine.warm = Some("single-classic-cold");
    let (loaded, _) =
        run_with(&engine, &mut Heard::default(), &[Phase::Cold], false, &[Builder::Classic]).await;
    let row = of(&loaded, "single", Metric::BuildWall);
    assert_eq!((row.status, row.case.builder), (Status::Invalid, Builder::Classic));
    assert_eq!(of(&loaded, "multi", Metric::BuildWall).status, Status::Valid);
}
