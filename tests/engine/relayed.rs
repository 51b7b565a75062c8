//! Runs on an engine that does not reach this machine's loopback: its registry stands behind a relay, or transfers are
//! skipped. A private node takes the place of such an engine.

use crate::lane::{Ended, Lane, row};
use crate::machine::Machine;
use crate::node::{Candidate, settings};
use crate::tiny::Tiny;
use crate::transfer::{engine_image, private_possible};
use dbench::engine::Engine;
use dbench::engine::node::{ImageStore, PrivateNode, Settings, StorePlace};
use dbench::results::{Loaded, Metric, NodeKind, Phase, Sample, Status};
use std::process::{Command, Stdio};

/// Images that a relay can be made of.
const RELAYS: [&str; 2] = ["dbench/stand-in/socat:latest", "alpine/socat:latest"];
const ROOM: StorePlace = StorePlace::Memory(4 << 30);
const RUN: [&str; 7] = ["run", "--rounds", "1", "--measure", "build,size,transfer,start", "--seed", "1"];

/// An engine in a network of its own that holds some images of the lane's.
pub fn apart(lane: &Lane, images: &[&str]) -> PrivateNode {
    let engine = Candidate { root: None, store: ImageStore::Graph };
    let settings = Settings { place: ROOM, ..settings(&lane.path("apart"), &engine) };
    let node = lane.wait_for(PrivateNode::start(settings)).unwrap_or_else(|error| panic!("{error}"));
    let mut save = Command::new("docker").arg("save").args(images).stdout(Stdio::piped()).spawn().unwrap();
    let load = Command::new("docker")
        .args(["--host", &host(&node), "load", "--quiet"])
        .stdin(save.stdout.take().unwrap())
        .status()
        .unwrap();
    assert!(save.wait().unwrap().success() && load.success());
    node
}

pub fn host(node: &PrivateNode) -> String {
    format!("unix://{}", node.engine().socket().display())
}

pub fn relay_image(lane: &Lane) -> &'static str {
    let there = |name: &&str| lane.wait_for(lane.engine.image(name)).unwrap().is_some();
    let pull = || {
        lane.wait_for(lane.engine.pull(RELAYS[1], None)).unwrap_or_else(|error| panic!("{error}"));
        RELAYS[1]
    };
    RELAYS.into_iter().find(there).unwrap_or_else(pull)
}

fn run(lane: &Lane, engine: &PrivateNode, more: &[&str]) -> (Ended, Loaded) {
    let mut command = lane.command(&[&RUN, more].concat());
    let ended = Ended::of(command.env("DOCKER_HOST", host(engine)).output().unwrap()).expect(0);
    (ended, lane.loaded())
}

/// Fails if the engine holds more than the images that it was given.
pub fn assert_as_before(lane: &Lane, engine: &PrivateNode) {
    let engine = engine.engine();
    assert_eq!(lane.wait_for(engine.containers("")).unwrap(), Vec::<String>::new());
    assert_eq!(lane.wait_for(engine.images(dbench::engine::RUN_LABEL)).unwrap(), []);
    assert_eq!(lane.wait_for(engine.cache()).unwrap(), []);
}

fn transferred(loaded: &Loaded, word: &str) -> Vec<Sample> {
    let of = |row: &&Sample| row.metric.name().contains(word) && row.metric != Metric::PackedSize;
    loaded.samples.iter().filter(of).cloned().collect()
}

#[test]
fn an_engine_that_does_not_reach_the_registry_pushes_and_pulls_through_relays() {
    let Some(lane) = Lane::open() else { return };
    let Some(dind) = engine_image(&lane) else { return };
    if !private_possible() {
        return;
    }
    let before = Machine::look(&lane.path("apart"));
    let relay = relay_image(&lane);
    let tiny = Tiny::new(&lane, "relayed").on_scratch(&lane);
    let engine = apart(&lane, &[&lane.base, relay, dind]);
    let maps = [format!("docker:dind={dind}"), format!("alpine/socat={relay}")];
    let more = ["--base", &maps[0], "--base", &maps[1], "--node", "container"];
    let (ended, loaded) = run(&lane, &engine, &more);
    ended.says("so what it pushes goes through a relay: its times are marked `relayed`");
    assert!(ended.stdout.contains("relayed"), "no table says it:\n{}", ended.stdout);
    let node = loaded.run.node.as_ref().unwrap();
    assert_eq!((node.kind, node.relayed), (NodeKind::Container, true));
    let bad: Vec<_> = loaded.samples.iter().filter(|row| row.status != Status::Valid).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    for word in ["push-", "pull-"] {
        let rows = transferred(&loaded, word);
        assert!(rows.len() > 8 && rows.iter().all(|row| row.link == "relayed"), "{rows:#?}");
    }
    let links: Vec<_> = loaded.transfers.iter().map(|row| row.link.as_str()).collect();
    assert!(!links.is_empty() && links.iter().all(|link| *link == "relayed"), "{links:?}");
    let packed = row(&loaded, &tiny.name, "single", Phase::Cold, Metric::PackedSize).value;
    assert_eq!(row(&loaded, &tiny.name, "single", Phase::Cold, Metric::PullColdBytes).value, packed);
    assert_as_before(&lane, &engine);
    lane.wait_for(engine.stop()).unwrap();
    before.assert_unchanged();
}

#[test]
fn transfers_of_an_engine_that_can_have_no_relay_are_skipped_and_the_rest_goes_on() {
    let Some(lane) = Lane::open() else { return };
    if !private_possible() {
        return;
    }
    let before = Machine::look(&lane.path("apart"));
    let tiny = Tiny::new(&lane, "skipped");
    let engine = apart(&lane, &[&lane.base]);
    // An image without the programs of a relay.
    let map = format!("alpine/socat:latest={}", lane.base);
    let (ended, loaded) = run(&lane, &engine, &["--base", &map]);
    ended.says("transfers are skipped: the engine does not reach the registry of this run: ");
    ended.says("ended before it listened");
    for variant in ["single", "multi"] {
        for (phase, metric) in [
            (Phase::Cold, Metric::PushBytes),
            (Phase::Cold, Metric::PullColdBytes),
            (Phase::SourceEdit, Metric::PullSourceEditBytes),
            (Phase::DepsEdit, Metric::UpdatePushBytes),
        ] {
            let skipped = row(&loaded, &tiny.name, variant, phase, metric);
            assert_eq!((skipped.status, skipped.value), (Status::Skipped, None));
            assert!(skipped.reason.starts_with("the engine does not reach the registry"), "{skipped:?}");
        }
        let built = row(&loaded, &tiny.name, variant, Phase::Cold, Metric::BuildWall);
        assert_eq!((built.status, built.reason.as_str()), (Status::Valid, ""));
    }
    assert_as_before(&lane, &engine);
    lane.wait_for(engine.stop()).unwrap();
    before.assert_unchanged();
}
