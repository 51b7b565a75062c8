//! A build of somebody else's while a run goes on: it is told of, and what it made stays, also where no command tells it.

use crate::lane::{Ended, Lane, until};
use crate::tiny::Tiny;
use crate::users::docker;
use dbench::engine::Engine;
use dbench::results::Metric;
use std::collections::BTreeSet;
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

/// Starts a run whose variants copy a file and then take their time, and waits until the first does. Gives their Dockerfile.
fn start_and_wait_for_the_long_step(lane: &Lane, name: &str) -> (Child, String) {
    let tiny = Tiny::new(lane, name);
    let command = format!("echo {}-long && sleep 4", tiny.name);
    let dockerfile = format!("FROM {}\nCOPY edition /edition\nRUN {command}\n", lane.base);
    for file in ["single.Dockerfile", "multi.Dockerfile"] {
        tiny.write(file, &dockerfile);
    }
    let running = lane.start(&["run", "--rounds", "1", "--phase", "cold", "--measure", "build"]);
    until("the long step in the build cache", || {
        lane.records().iter().any(|record| record.description.contains(&command)).then_some(())
    });
    (running, dockerfile)
}

#[test]
fn a_build_of_somebody_else_that_only_copies_is_told_of_and_stays() {
    let Some(lane) = Lane::open() else { return };
    let (running, _) = start_and_wait_for_the_long_step(&lane, "alongside");
    let theirs = build_copies(&lane);
    let ended = Ended::of(running.wait_with_output().unwrap()).expect(0);
    ended.says("somebody else's build ran");
    let counted = lane.loaded().samples.into_iter().filter(|sample| sample.metric == Metric::BuildCache);
    assert_eq!(counted.filter(|sample| sample.valid().is_none()).count(), 1, "{}", ended.stderr);
    let there = ids(&lane);
    assert!(theirs.is_subset(&there), "gone: {:?}", theirs.difference(&there).collect::<Vec<_>>());
    // One stands on the other, so that one goes first, whatever its id.
    for id in theirs.iter().chain(&theirs) {
        lane.wait_for(lane.engine.prune(id)).unwrap();
    }
    lane.assert_nothing_is_left("");
}

#[test]
fn a_build_of_somebody_else_that_has_our_command_stays_in_the_build_cache() {
    let Some(lane) = Lane::open() else { return };
    let folder = lane.path("alike");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("edition"), "mine").unwrap();
    let (running, dockerfile) = start_and_wait_for_the_long_step(&lane, "alike");
    fs::write(folder.join("Dockerfile"), &dockerfile).unwrap();
    let build = ["build", "--quiet", folder.to_str().unwrap()];
    let image = docker(&build);
    let ended = Ended::of(running.wait_with_output().unwrap()).expect(0);
    ended.says("somebody else's build ran");
    ended.says("another build could have made it");
    let clock = Instant::now();
    assert_eq!(docker(&build), image);
    assert!(clock.elapsed() < Duration::from_secs(4), "the user's step ran again");
    lane.sweep(&BTreeSet::from([image.trim().to_owned()]));
    lane.assert_nothing_is_left(&ended.stderr);
}

/// Builds an image by two COPYs with the docker CLI, and gives the records that this left.
fn build_copies(lane: &Lane) -> BTreeSet<String> {
    let (folder, before) = (lane.path("copied"), ids(lane));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("file"), &lane.token).unwrap();
    fs::write(folder.join("Dockerfile"), "FROM scratch\nCOPY file /one\nCOPY file /two\n").unwrap();
    let image = docker(&["build", "--quiet", folder.to_str().unwrap()]);
    // The engine lists a context by another id once no build uses it any more.
    let theirs = until("the records of the copies", || {
        let mut records = lane.wait_for(lane.engine.cache()).unwrap();
        records.retain(|record| !before.contains(&record.id));
        let idle = records.iter().all(|record| !record.in_use);
        (records.len() >= 3 && idle).then(|| records.into_iter().map(|record| record.id).collect())
    });
    lane.wait_for(lane.engine.remove_image(image.trim())).unwrap();
    theirs
}

fn ids(lane: &Lane) -> BTreeSet<String> {
    lane.wait_for(lane.engine.cache()).unwrap().into_iter().map(|record| record.id).collect()
}
