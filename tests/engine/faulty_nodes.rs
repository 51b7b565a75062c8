//! Whole runs whose node does not come up, or is killed while they go on.

use crate::lane::{Ended, Lane, row, until};
use crate::machine::Machine;
use crate::node::kill;
use crate::tiny::Tiny;
use crate::transfer::{engine_image, private_possible};
use dbench::results::{Metric, NodeKind, Phase, Status};
use std::fs;

const ALL: [&str; 5] = ["run", "--rounds", "1", "--measure", "build,size,transfer,start"];

fn run<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&ALL, more].concat()
}

#[test]
fn a_root_that_is_not_there_ends_a_run_that_asked_for_it_with_a_hint() {
    let Some(lane) = Lane::open() else { return };
    if !private_possible() {
        return;
    }
    Tiny::new(&lane, "root");
    let before = Machine::look(&lane.path("state/dbench/nodes"));
    let ended = lane.dbench(&run(&["--node", "private", "--node-root", "/nonexistent"])).expect(2);
    ended.says("error: the root file system /nonexistent holds no `dockerd`\n  hint: ");
    assert!(!lane.path("results").exists(), "a run began");
    lane.assert_nothing_is_left(&ended.stderr);
    before.assert_unchanged();
}

#[test]
fn a_root_that_is_not_there_is_said_where_another_node_takes_its_place() {
    let Some(lane) = Lane::open() else { return };
    let Some(image) = engine_image(&lane) else { return };
    let tiny = Tiny::new(&lane, "instead");
    let before = Machine::look(&lane.path("state/dbench/nodes"));
    let dind = format!("docker:dind={image}");
    let more = ["--node-root", "/nonexistent", "--base", &dind, "--phase", "cold"];
    let ended = lane.dbench(&run(&more)).expect(0);
    ended.says("the node is not of the root that was named but `container` (private: ");
    let loaded = lane.loaded();
    assert_eq!(loaded.run.node.as_ref().map(|node| node.kind), Some(NodeKind::Container));
    let pulled = row(&loaded, &tiny.name, "single", Phase::Cold, Metric::PullColdBytes);
    assert_eq!((pulled.status, pulled.reason.as_str()), (Status::Valid, ""));
    lane.assert_nothing_is_left(&ended.stderr);
    before.assert_unchanged();
}

/// The engine of the run's node, once there is one.
fn engine_of(lane: &Lane) -> u32 {
    let word = lane.path("state/dbench/nodes").display().to_string();
    until("the run has a node", || {
        let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name());
        processes.filter_map(|name| name.to_str()?.parse::<u32>().ok()).find(|id| {
            let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).into_owned();
            command.starts_with("dockerd\0") && command.contains(&word)
        })
    })
}

/// Waits until the run has written a row with that text.
fn until_written(lane: &Lane, text: &str) {
    until(text, || {
        let runs = fs::read_dir(lane.path("results")).ok()?;
        let written = runs.map(|run| run.unwrap().path().join("samples.csv"));
        written.filter_map(|rows| fs::read_to_string(rows).ok()).any(|rows| rows.contains(text)).then_some(())
    });
}

#[test]
fn a_run_goes_on_when_its_node_is_killed() {
    let Some(lane) = Lane::open() else { return };
    if !private_possible() {
        return;
    }
    let tiny = Tiny::new(&lane, "revived");
    let before = Machine::look(&lane.path("state/dbench/nodes"));
    let running = lane.start(&run(&["--node", "private", "--seed", "1"]));
    // Where this round's first variant stands: between its cold pull and what comes after it.
    until_written(&lane, ",pull-cold-wall,");
    kill(engine_of(&lane));
    let ended = Ended::of(running.wait_with_output().unwrap()).expect(3);
    let loaded = lane.loaded();
    let spoiled: Vec<_> = loaded.samples.iter().filter(|row| row.status != Status::Valid).collect();
    eprintln!("{spoiled:#?}");
    assert!(!spoiled.is_empty(), "nothing was on the node when it was killed");
    let first = &loaded.samples[0].case.variant;
    for row in &spoiled {
        assert!(row.status == Status::Failed && row.case.variant == *first, "{row:?}");
        assert!(row.reason.contains("node") || row.reason.contains("broke off"), "{row:?}");
    }
    for variant in ["single", "multi"].into_iter().filter(|variant| variant != first) {
        let pulled = row(&loaded, &tiny.name, variant, Phase::DepsEdit, Metric::PullDepsEditBytes);
        assert_eq!((pulled.status, pulled.reason.as_str()), (Status::Valid, ""));
    }
    lane.assert_nothing_is_left(&ended.stderr);
    before.assert_unchanged();
}
