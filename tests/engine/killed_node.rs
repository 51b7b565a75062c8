//! A run whose node is in a container, killed in the middle of a pull: `dbench clean` leaves nothing of run and node.

use crate::container_node::{docker, open};
use crate::killed::{assert_nothing_is_left, clean, journalled};
use crate::lane::{Ended, send, until};
use crate::machine::Machine;
use crate::tiny::Tiny;
use dbench::engine::Engine;
use std::process::Command;

/// Bytes that do not compress, so that a pull takes long enough to be met.
const BALLAST: u64 = 150_000_000;

#[test]
fn clean_leaves_nothing_of_a_run_that_was_killed_while_its_container_node_pulled() {
    let Some((lane, folder, image)) = open() else { return };
    let tiny = Tiny::new(&lane, "killed-node");
    let large = format!("head -c {BALLAST} /dev/urandom > /ballast && cat edition > /edition");
    let steps = format!("WORKDIR /{0}\nCOPY . .\nRUN echo {0}-large && {large}\n", tiny.name);
    tiny.write("single.Dockerfile", &format!("FROM {}\n{steps}", lane.base));
    let machine = Machine::look(&folder);
    let volumes = docker(&["volume", "ls", "--quiet"]);
    let dind = format!("docker:dind={image}");
    let mut run = vec!["run", "--rounds=1", "--phase=cold", "--variant=single", "--node=container"];
    run.extend(["--measure=build,transfer", "--base", &dind]);
    let running = lane.start(&run);
    let node = until("a node in the journal", || {
        let entries = journalled(&lane);
        entries.into_iter().find(|(kind, _)| kind == "network").map(|(_, name)| name)
    });
    until("the node in a pull", || is_pulling(&node).then_some(()));
    let made = journalled(&lane);
    send("-KILL", &running);
    let ended = Ended::of(running.wait_with_output().unwrap());
    assert_eq!(ended.code, None, "{}", ended.stderr);
    clean(&lane);
    assert_nothing_is_left(&lane, &made);
    assert!(made.iter().any(|(kind, name)| kind == "container" && *name == node), "{made:?}");
    assert_eq!(lane.wait_for(lane.engine.containers(&node)).unwrap(), Vec::<String>::new());
    until("no volume is left", || (docker(&["volume", "ls", "--quiet"]) == volumes).then_some(()));
    machine.assert_unchanged();
}

/// Whether the engine in that container is taking in a layer.
fn is_pulling(node: &str) -> bool {
    let looked = Command::new("docker").args(["exec", node, "ls", "/var/lib/docker/tmp"]).output().unwrap();
    String::from_utf8_lossy(&looked.stdout).contains("GetImageBlob")
}
