//! Runs that are ended from outside, and what of the engine is whose afterwards.

use crate::lane::{Ended, Lane, row, send, until};
use crate::tiny::Tiny;
use bollard::models::ContainerConfig;
use bollard::query_parameters::CommitContainerOptions;
use dbench::engine::{ContainerSpec, Engine, Removal};
use dbench::results::{Metric, Phase, Status};
use std::collections::BTreeMap;
use std::process::Child;

/// Starts a run, one variant of which does not come to its end, and waits until it is in the middle of that.
fn start_and_wait_for_the_middle(lane: &Lane, tiny: &Tiny) -> Child {
    let run = format!("RUN : {}-endless && sleep 600", tiny.name);
    let dockerfile = format!("FROM {}\nCOPY edition /edition\n{run}\n", lane.base);
    tiny.write("multi.Dockerfile", &dockerfile);
    let running = lane.start(&["run", "--rounds", "1", "--phase", "cold"]);
    let command = format!("{}-endless", tiny.name);
    until("the endless step in the build cache", || {
        lane.records().iter().any(|record| record.description.contains(&command)).then_some(())
    });
    running
}

#[test]
fn an_interrupt_keeps_the_rows_and_leaves_nothing() {
    let Some(lane) = Lane::open() else { return };
    // Scenarios go by name, so that one is measured before the other comes to its endless build.
    let (done, tiny) = (Tiny::new(&lane, "a-done"), Tiny::new(&lane, "interrupted"));
    let running = start_and_wait_for_the_middle(&lane, &tiny);
    send("-INT", &running);
    let ended = Ended::of(running.wait_with_output().unwrap()).expect(130);
    let loaded = lane.loaded();
    assert!(loaded.run.interrupted && loaded.run.ended.is_some());
    assert_eq!(loaded.warnings, Vec::<String>::new());
    let single = row(&loaded, &done.name, "single", Phase::Cold, Metric::BuildWall);
    assert_eq!((single.status, single.reason.as_str()), (Status::Valid, ""));
    lane.assert_nothing_is_left(&ended.stderr);
}

#[test]
fn clean_removes_what_a_killed_run_left() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "killed");
    let running = start_and_wait_for_the_middle(&lane, &tiny);
    send("-KILL", &running);
    let ended = Ended::of(running.wait_with_output().unwrap());
    assert_eq!(ended.code, None, "{}", ended.stderr);
    // The engine ends the build once it sees that nobody listens.
    until("the end of the build in the engine", || {
        (!lane.records().iter().any(|record| record.in_use)).then_some(())
    });
    let cleaned = lane.dbench(&["clean"]).expect(0);
    assert!(cleaned.stdout.starts_with("removed: "), "{}", cleaned.stdout);
    lane.assert_nothing_with_the_token_is_left();
    let again = lane.dbench(&["clean"]).expect(0);
    assert_eq!(
        again.stdout,
        "removed: 0 containers, 0 nodes, 0 networks, 0 images, 0 records of the build cache\n"
    );
}

#[test]
fn clean_leaves_what_the_user_made_of_our_images() {
    let Some(lane) = Lane::open() else { return };
    Tiny::new(&lane, "kept");
    lane.dbench(&["run", "--rounds", "1", "--phase", "cold", "--keep"]).expect(0);
    let kept = lane.images();
    assert_eq!(kept.len(), 2, "{kept:?}");
    let of = |variant: &str| kept.iter().find(|name| name.contains(&format!(":{variant}-"))).unwrap();
    let (container, derived) = (format!("user-{}", lane.token), format!("user/{}:mine", lane.token));
    start(&lane, &container, of("single"));
    let second = format!("{container}-2");
    start(&lane, &second, of("multi"));
    commit(&lane, &second, &derived);
    assert_eq!(lane.wait_for(lane.engine.remove_container(&second)).unwrap(), Removal::Removed);

    let cleaned = lane.dbench(&["clean"]).expect(0);
    let image = lane.wait_for(lane.engine.image(&derived)).unwrap();
    let inherited = image.is_some_and(|image| image.labels.contains_key(dbench::engine::RUN_LABEL));
    assert!(inherited, "the user's image is gone, or has not inherited the label");
    assert_eq!(lane.wait_for(lane.engine.containers(&container)).unwrap(), [container.as_str()]);
    let left = format!("left: image {}: ", of("single"));
    assert!(cleaned.stdout.contains(&left), "{}", cleaned.stdout);
    assert_eq!(lane.images(), [of("single").as_str()]);

    // What was in use goes with the next clean-up, once the user has let go of it.
    assert_eq!(lane.wait_for(lane.engine.remove_container(&container)).unwrap(), Removal::Removed);
    lane.dbench(&["clean"]).expect(0);
    let image = lane.wait_for(lane.engine.image(&derived)).unwrap();
    assert!(image.is_some_and(|image| image.tags == [derived.as_str()]), "the user's image is gone");
    assert_eq!(lane.wait_for(lane.engine.remove_image(&derived)).unwrap(), Removal::Removed);
    lane.assert_nothing_with_the_token_is_left();
}

fn start(lane: &Lane, name: &str, image: &str) {
    let spec = ContainerSpec {
        name,
        image,
        env: &BTreeMap::new(),
        command: Some(&["true".to_owned()]),
        port: None,
        labels: &BTreeMap::new(),
    };
    lane.wait_for(lane.engine.start(&spec)).unwrap_or_else(|error| panic!("{error}"));
}

/// As `docker commit` does: the new image inherits the labels of the container's image.
fn commit(lane: &Lane, container: &str, name: &str) {
    let (repo, tag) = name.split_once(':').unwrap();
    let options = CommitContainerOptions {
        container: Some(container.to_owned()),
        repo: Some(repo.to_owned()),
        tag: Some(tag.to_owned()),
        ..CommitContainerOptions::default()
    };
    let committing = async {
        let socket = lane.engine.socket().to_string_lossy().into_owned();
        let docker = bollard::Docker::connect_with_unix(&socket, 60, bollard::API_DEFAULT_VERSION)?;
        docker.negotiate_version().await?.commit_container(options, ContainerConfig::default()).await
    };
    lane.wait_for(committing).unwrap_or_else(|error| panic!("{error}"));
}
