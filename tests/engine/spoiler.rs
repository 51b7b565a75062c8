//! A run on the real engine in which every build is in another state than its phase claims: every row of it is invalid, and so is
//! every transfer of an edit that such a build made.

use crate::classic::assert_no_image_of_a_step_is_left;
use crate::lane::{Lane, PATIENCE, row};
use crate::tiny::Tiny;
use dbench::engine::docker::DockerEngine;
use dbench::engine::node::{ContainerNode, ContainerSettings};
use dbench::engine::{
    About, Answer, BuildRequest, Built, CacheRecord, ContainerSpec, Engine, Heard, Image, Patience,
    PullTrace, PushTrace, Reach, Redactor, Relay, RelaySettings, Removal, Secret, Stored,
};
use dbench::error::Result;
use dbench::image::Layer;
use dbench::results::{Builder, Loaded, Measure, Metric, NodeKind, Phase, Run, SCHEMA, Status, Writer};
use dbench::runner::bases::Bases;
use dbench::runner::{
    Choice, Deadlines, Ending, Observer, Planned, Runner, Secrets, Selection, Settings, host, scenario_record,
};
use dbench::scenario::Scenario;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The engine, but cold builds find their steps in the cache, and all others find none.
struct Spoiler<'a> {
    engine: &'a DockerEngine,
    namespace: &'a str,
}

impl Engine for Spoiler<'_> {
    async fn build(&self, request: &BuildRequest<'_>, heard: &mut dyn FnMut(Heard<'_>)) -> Result<Built> {
        if !request.no_cache {
            return self.engine.build(&BuildRequest { no_cache: true, ..request.clone() }, heard).await;
        }
        let warm = BuildRequest { no_cache: false, namespace: self.namespace, ..request.clone() };
        let first = self.engine.build(&warm, heard).await?;
        let mut second = self.engine.build(&warm, heard).await?;
        second.made.extend(first.made);
        Ok(second)
    }

    async fn about(&self) -> Result<About> {
        self.engine.about().await
    }
    async fn image(&self, name: &str) -> Result<Option<Image>> {
        self.engine.image(name).await
    }
    async fn images(&self, label: &str) -> Result<Vec<Image>> {
        self.engine.images(label).await
    }
    async fn stored(&self) -> Result<BTreeMap<String, Stored>> {
        self.engine.stored().await
    }
    async fn made_by(&self, image: &str) -> Result<Option<String>> {
        self.engine.made_by(image).await
    }
    async fn pull(&self, name: &str, platform: Option<&str>) -> Result<()> {
        self.engine.pull(name, platform).await
    }
    fn redactor(&self, secrets: &[Secret]) -> Result<Redactor> {
        self.engine.redactor(secrets)
    }
    async fn layers(&self, image: &str) -> Result<Vec<Layer>> {
        self.engine.layers(image).await
    }
    async fn start(&self, spec: &ContainerSpec<'_>) -> Result<()> {
        self.engine.start(spec).await
    }
    async fn get(
        &self,
        container: &str,
        port: u16,
        path: &str,
        deadline: Duration,
    ) -> Result<Option<Answer>> {
        self.engine.get(container, port, path, deadline).await
    }
    fn reach(&self) -> Reach {
        self.engine.reach()
    }
    fn take_trial(&self) -> bool {
        self.engine.take_trial()
    }
    async fn exit_code(&self, container: &str) -> Result<Option<i64>> {
        self.engine.exit_code(container).await
    }
    async fn logs(&self, container: &str) -> Result<(String, String)> {
        self.engine.logs(container).await
    }
    async fn containers(&self, prefix: &str) -> Result<Vec<String>> {
        self.engine.containers(prefix).await
    }
    async fn remove_container(&self, name: &str) -> Result<Removal> {
        self.engine.remove_container(name).await
    }
    async fn remove_image(&self, reference: &str) -> Result<Removal> {
        self.engine.remove_image(reference).await
    }
    async fn remove_network(&self, name: &str) -> Result<Removal> {
        self.engine.remove_network(name).await
    }
    async fn cache(&self) -> Result<Vec<CacheRecord>> {
        self.engine.cache().await
    }
    async fn prune(&self, id: &str) -> Result<()> {
        self.engine.prune(id).await
    }
    async fn push(&self, image: &str, name: &str, patience: Patience) -> Result<PushTrace> {
        self.engine.push(image, name, patience).await
    }
    async fn pull_timed(&self, name: &str, patience: Patience) -> Result<PullTrace> {
        self.engine.pull_timed(name, patience).await
    }
    async fn host(&self, settings: ContainerSettings) -> Result<ContainerNode> {
        self.engine.host(settings).await
    }
    async fn relay(&self, settings: &RelaySettings) -> Result<Relay> {
        self.engine.relay(settings).await
    }
}

#[derive(Default)]
struct Warned {
    warnings: String,
}

impl Observer for Warned {
    fn unbuilt(&mut self, _: &dbench::runner::Planned, _: usize, _: &str) {}
    fn begin(&mut self, _: &Planned, _: usize) {}
    fn step(&mut self, _: &str) {}
    fn end(&mut self, _: &Planned, _: Duration, _: Result<(), &str>) {}
    fn transfers(&mut self, _: &str, _: u32) {}
    fn failure(&mut self, planned: &Planned, last_lines: &str, _: &Path) {
        panic!("{planned:?} failed:\n{last_lines}")
    }
    fn warning(&mut self, text: &str) {
        self.warnings.push_str(text);
    }
}

fn description(about: &About, scenarios: &[Scenario], bases: &Bases, builder: Builder) -> Run {
    Run {
        schema: SCHEMA,
        id: "spoiled".into(),
        dbench: "0".into(),
        revision: None,
        command: vec![],
        seed: 1,
        rounds: 1,
        phases: Phase::ALL.to_vec(),
        builder,
        builders: vec![],
        platform: None,
        measure: vec![Measure::Build],
        node: None,
        host: host::host(),
        engine: about.record.clone(),
        bases: bases.records(),
        scenarios: scenarios.iter().map(|s| scenario_record(s, &[builder]).unwrap()).collect(),
        warnings: vec![],
        started: "2026-01-02T03:04:05Z".parse().unwrap(),
        ended: None,
        interrupted: false,
        failure: None,
        resumed: vec![],
    }
}

/// One round of all phases through a spoiled engine: what was written, and what was warned of.
async fn spoiled(lane: &Lane, builder: Builder) -> Result<(Loaded, String)> {
    let engine = Spoiler { engine: &lane.engine, namespace: &lane.token };
    let scenarios = Scenario::load_all(&lane.path("scenarios"), &[])?;
    let about = engine.about().await?;
    let bases = Bases::resolve(&engine, &scenarios, &BTreeMap::new(), &[builder], None).await?;
    let run = description(&about, &scenarios, &bases, builder);
    let selection = Selection { rounds: 1, phases: Phase::ALL.to_vec(), seed: 1, builders: vec![builder] };
    let settings = Settings {
        rounds: selection.rounds(&scenarios),
        selection,
        keep: false,
        deadlines: Deadlines { build: PATIENCE, silence: PATIENCE, probe: PATIENCE },
        state: lane.path("state"),
        secrets: Secrets::default(),
        measure: vec![Measure::Build, Measure::Transfer],
        transfers: Choice {
            node: Some(NodeKind::None),
            root: None,
            store: None,
            image: String::new(),
            relay_image: String::new(),
            deadline: PATIENCE,
            patience: Patience { deadline: PATIENCE, silence: PATIENCE },
        },
        platform: None,
    };
    let (mut heard, writer) = (Warned::default(), Writer::create(&lane.path("results"), &run)?);
    let mut runner = Runner::new(&engine, &mut heard, settings, &scenarios, bases, &about, run, writer)?;
    let done = runner.run().await;
    runner.finish(Ending::Done).await?;
    done?;
    let loaded = Loaded::read(runner.writer().folder().clone())?;
    Ok((loaded, heard.warnings))
}

#[test]
fn every_phase_whose_state_is_spoiled_is_an_invalid_row() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "spoiled");
    assert_every_phase_is_invalid(&lane, &tiny, Builder::Buildkit);
}

#[test]
fn every_phase_of_the_classic_builder_whose_state_is_spoiled_is_an_invalid_row() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "spoiled").without_mounts(&lane);
    assert_every_phase_is_invalid(&lane, &tiny, Builder::Classic);
    assert_no_image_of_a_step_is_left(&lane);
}

fn assert_every_phase_is_invalid(lane: &Lane, tiny: &Tiny, builder: Builder) {
    for variant in ["single", "multi"] {
        // A step that no edit reaches: where it runs all the same, an edit was not all that had changed.
        let file = format!("{variant}.Dockerfile");
        let text = fs::read_to_string(tiny.dir.join(&file)).unwrap();
        let first = format!("RUN : {}-{variant}-first\nCOPY manifest", tiny.name);
        tiny.write(&file, &text.replacen("COPY manifest", &first, 1));
    }
    let (loaded, warned) = lane.wait_for(spoiled(lane, builder)).unwrap_or_else(|error| panic!("{error}"));
    for variant in ["single", "multi"] {
        for (phase, said) in [
            (Phase::Cold, "was answered by the cache, so the build was not cold"),
            (Phase::Unchanged, "ran, though nothing had changed"),
            (Phase::SourceEdit, "ran, though the edit does not reach it"),
            (Phase::DepsEdit, "ran, though the edit does not reach it"),
        ] {
            let wall = row(&loaded, &tiny.name, variant, phase, Metric::BuildWall);
            assert_eq!(wall.status, Status::Invalid, "{variant} {phase}: {}", wall.reason);
            assert!(wall.reason.ends_with(said), "{variant} {phase}: {}", wall.reason);
            assert!(wall.value.is_some(), "{variant} {phase}: what was measured is kept");
        }
        for (phase, metric) in [
            (Phase::SourceEdit, Metric::UpdatePushBytes),
            (Phase::SourceEdit, Metric::PullSourceEditBytes),
            (Phase::DepsEdit, Metric::UpdatePushBytes),
            (Phase::DepsEdit, Metric::PullDepsEditBytes),
        ] {
            let moved = row(&loaded, &tiny.name, variant, phase, metric);
            let why = row(&loaded, &tiny.name, variant, phase, Metric::BuildWall).reason.clone();
            assert_eq!(moved.status, Status::Invalid, "{variant} {metric}: {}", moved.reason);
            assert_eq!(moved.reason, format!("the build of the image does not count: {why}"));
            assert!(moved.value.is_some(), "{variant} {metric}: what was measured is kept");
        }
    }
    // To the run, the builds that spoil are somebody else's.
    let told = warned.contains("somebody else's build ran");
    assert!(told || builder == Builder::Classic, "{warned}");
    lane.sweep(&BTreeSet::new());
    lane.assert_nothing_with_the_token_is_left();
}
