//! What goes wrong with the engine that builds: its disk is full, or it is killed in the middle of a build and comes back. It is
//! a private node, so that it can.

use crate::lane::{Ended, Lane, row, until};
use crate::machine::Machine;
use crate::node::{Candidate, engine_process, kill, settings};
use crate::tiny::Tiny;
use crate::transfer::private_possible;
use dbench::engine::Engine;
use dbench::engine::node::{ImageStore, PrivateNode, Settings, StorePlace};
use dbench::results::{Loaded, Metric, Phase, Status};
use std::process::{Command, Stdio};

/// An engine of its own that holds the lane's base, with so much room.
fn engine(lane: &Lane, bytes: u64) -> PrivateNode {
    let candidate = Candidate { root: None, store: ImageStore::Graph };
    let place = StorePlace::Memory(bytes);
    let settings = Settings { place, ..settings(&lane.path("own"), &candidate) };
    let node = lane.wait_for(PrivateNode::start(settings)).unwrap_or_else(|error| panic!("{error}"));
    load(lane, &node);
    node
}

pub fn load(lane: &Lane, node: &PrivateNode) {
    let mut save = Command::new("docker").args(["save", &lane.base]).stdout(Stdio::piped()).spawn().unwrap();
    let mut load = Command::new("docker");
    load.args(["--host", &host(node), "load", "--quiet"])
        .stdin(save.stdout.take().unwrap())
        .stdout(Stdio::null());
    assert!(load.status().unwrap().success() && save.wait().unwrap().success());
}

fn host(node: &PrivateNode) -> String {
    format!("unix://{}", node.engine().socket().display())
}

/// The program, told to build on that engine.
pub fn dbench(lane: &Lane, node: &PrivateNode, arguments: &[&str]) -> Command {
    let mut command = lane.command(arguments);
    command.env("DOCKER_HOST", host(node)).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn nothing_is_left(lane: &Lane, node: &PrivateNode) {
    let engine = node.engine();
    assert_eq!(lane.wait_for(engine.containers("")).unwrap(), Vec::<String>::new());
    assert_eq!(lane.wait_for(engine.images(dbench::engine::RUN_LABEL)).unwrap(), []);
    let ours: Vec<_> = lane.wait_for(engine.cache()).unwrap();
    assert!(ours.iter().all(|record| !record.description.contains(&lane.token)), "{ours:#?}");
}

#[test]
fn a_full_disk_of_the_engine_is_a_failed_row_and_the_rest_goes_on() {
    let Some(lane) = Lane::open() else { return };
    if !private_possible() {
        return;
    }
    let before = Machine::look(&lane.path("own"));
    let tiny = Tiny::new(&lane, "full");
    let greedy = format!(
        "FROM {}\nCOPY edition /edition\nRUN : {} && dd if=/dev/zero of=/big bs=1000000 count=400\n",
        lane.base, lane.token
    );
    tiny.write("multi.Dockerfile", &greedy);
    let node = engine(&lane, 200 << 20);
    let run = ["run", "--rounds", "1", "--phase", "cold", "--seed", "1"];
    let ended = Ended::of(dbench(&lane, &node, &run).output().unwrap()).expect(3);
    let loaded = lane.loaded();
    let failed = row(&loaded, &tiny.name, "multi", Phase::Cold, Metric::BuildWall);
    assert_eq!((failed.status, failed.value), (Status::Failed, None));
    assert!(failed.reason.starts_with("step `"), "{}", failed.reason);
    ended.says("No space left on device");
    let single = row(&loaded, &tiny.name, "single", Phase::Cold, Metric::BuildWall);
    assert_eq!((single.status, single.reason.as_str()), (Status::Valid, ""));
    nothing_is_left(&lane, &node);
    lane.wait_for(node.stop()).unwrap();
    before.assert_unchanged();
}

#[test]
fn an_engine_that_is_killed_in_a_build_is_told_and_the_run_is_completed_once_it_is_back() {
    let Some(lane) = Lane::open() else { return };
    if !private_possible() {
        return;
    }
    let before = Machine::look(&lane.path("own"));
    let (done, tiny) = (Tiny::new(&lane, "a-done"), Tiny::new(&lane, "killed"));
    let slow = format!("FROM {}\nCOPY . /\nRUN : {}-endless && sleep 5\n", lane.base, tiny.name);
    tiny.write("multi.Dockerfile", &slow);
    let mut node = engine(&lane, 1 << 30);
    let running =
        dbench(&lane, &node, &["run", "--rounds", "1", "--phase", "cold", "--seed", "1"]).spawn().unwrap();
    let endless = format!("{}-endless", tiny.name);
    until("the endless step in the build cache", || {
        let records = lane.wait_for(node.engine().cache()).ok()?;
        records.iter().any(|record| record.description.contains(&endless)).then_some(())
    });
    kill(engine_process(node.token()));
    let ended = Ended::of(running.wait_with_output().unwrap()).expect(1);
    ended.says("error: ");
    let loaded = lane.loaded();
    assert!(!loaded.run.interrupted && loaded.run.failure.is_some() && loaded.run.ended.is_some());
    let failed = row(&loaded, &tiny.name, "multi", Phase::Cold, Metric::BuildWall);
    assert_eq!((failed.status, failed.value), (Status::Failed, None));
    eprintln!("{}\n{}", failed.reason, ended.stderr);
    let single = row(&loaded, &done.name, "single", Phase::Cold, Metric::BuildWall);
    assert_eq!((single.status, single.reason.as_str()), (Status::Valid, ""));

    lane.wait_for(node.empty()).unwrap();
    load(&lane, &node);
    Ended::of(dbench(&lane, &node, &["clean"]).output().unwrap()).expect(0);
    Ended::of(dbench(&lane, &node, &["run", "--resume", "latest"]).output().unwrap()).expect(0);
    let loaded: Loaded = lane.loaded();
    for (scenario, variant) in [(&done, "single"), (&done, "multi"), (&tiny, "single"), (&tiny, "multi")] {
        let of = |s: &&dbench::results::Sample| {
            s.case.scenario == scenario.name && s.case.variant == variant && s.metric == Metric::BuildWall
        };
        let valid = loaded.samples.iter().filter(of).filter(|s| s.status == Status::Valid).count();
        assert_eq!(valid, 1, "{} {variant}", scenario.name);
    }
    nothing_is_left(&lane, &node);
    lane.wait_for(node.stop()).unwrap();
    before.assert_unchanged();
}
