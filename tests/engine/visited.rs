//! Probes of images on an engine whose published ports are not reached from here. A private node takes its place: its
//! socket is here, and its ports are in a network of its own.

use crate::lane::{Ended, Lane};
use crate::machine::Machine;
use crate::relayed::{apart, assert_as_before, host, relay_image};
use crate::transfer::private_possible;
use crate::web::web;
use dbench::results::{Loaded, Metric, Sample, Status};

const RUN: [&str; 7] = [
    "run",
    "--rounds=1",
    "--phase=cold",
    "--seed=1",
    "--measure=build,start",
    "--color=never",
    "--probe-deadline=20",
];

/// The rows of start times, all of them valid.
pub fn starts(loaded: &Loaded) -> Vec<Sample> {
    let rows = loaded.samples.iter().filter(|row| row.metric == Metric::StartReady);
    let rows: Vec<_> = rows.cloned().collect();
    assert!(rows.iter().all(|row| row.status == Status::Valid && row.value.is_some()), "{rows:#?}");
    rows
}

#[test]
fn an_engine_whose_ports_are_not_reached_is_asked_through_its_own_connection() {
    let Some(lane) = Lane::open() else { return };
    if !private_possible() {
        return;
    }
    let before = Machine::look(&lane.path("apart"));
    let relay = relay_image(&lane);
    let scenario = web(&lane, "visited");
    let engine = apart(&lane, &[&lane.base, relay]);
    let map = format!("alpine/socat={relay}");
    let mut command = lane.command(&[&RUN[..], &["--base", &map]].concat());
    let ended = Ended::of(command.env("DOCKER_HOST", host(&engine)).output().unwrap()).expect(0);
    let loaded = lane.loaded();
    ended.says("containers are asked through the engine's own connection");
    assert_eq!(ended.stderr.matches("containers are asked through").count(), 1, "{}", ended.stderr);
    let rows = starts(&loaded);
    assert_eq!(rows.len(), 2, "{rows:#?}");
    for row in &rows {
        assert_eq!((row.case.scenario.as_str(), row.link.as_str()), (scenario.name.as_str(), "relayed"));
    }
    // The one in which the way was found out is not what was kept: that way is only tried after two seconds.
    assert!(rows.iter().all(|row| row.value < Some(2_000_000_000)), "{rows:#?}");
    assert_as_before(&lane, &engine);
    lane.wait_for(engine.stop()).unwrap();
    before.assert_unchanged();
}

#[test]
fn without_an_image_to_ask_from_the_reason_says_what_would_help() {
    let Some(lane) = Lane::open() else { return };
    if !private_possible() {
        return;
    }
    let scenario = web(&lane, "unvisited");
    let engine = apart(&lane, &[&lane.base]);
    let arguments = ["run", "--rounds=1", "--phase=cold", "--variant=single", "--probe-deadline=4"];
    let mut command = lane.command(&arguments);
    let ended = Ended::of(command.env("DOCKER_HOST", host(&engine)).output().unwrap()).expect(3);
    let loaded = lane.loaded();
    let row = loaded.samples.iter().find(|row| row.metric == Metric::BuildWall).unwrap();
    assert_eq!(
        (row.case.scenario.as_str(), row.status),
        (scenario.name.as_str(), Status::Failed),
        "{}",
        ended.stderr
    );
    assert!(
        row.reason.contains("nothing answered (if ports of this engine cannot be reached from here"),
        "{row:?}"
    );
    assert_as_before(&lane, &engine);
    lane.wait_for(engine.stop()).unwrap();
}

#[test]
fn an_engine_of_this_machine_is_asked_at_its_published_ports() {
    let Some(lane) = Lane::open() else { return };
    let scenario = web(&lane, "published");
    // An image that could not be visited with.
    let map = format!("alpine/socat=dbench/none-{}", lane.token);
    let ended = lane.dbench(&[&RUN[..], &["--base", &map]].concat()).expect(0);
    let rows = starts(&lane.loaded());
    assert_eq!(rows.len(), 2, "{rows:#?}");
    assert!(rows.iter().all(|row| row.case.scenario == scenario.name && row.link.is_empty()), "{rows:#?}");
    lane.assert_nothing_is_left(&ended.stderr);
}
