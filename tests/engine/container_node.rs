//! Nodes in a container of the engine: what they are, how they end, and that nothing is left of them.

use crate::lane::{Lane, PATIENCE, until};
use crate::little_registry::LittleRegistry;
use crate::machine::Machine;
use crate::node::{assert_empty, said_token};
use dbench::engine::docker::DockerEngine;
use dbench::engine::endpoint::Endpoint;
use dbench::engine::node::{ContainerNode, ContainerSettings, ImageStore, StorePlace};
use dbench::engine::{Engine, Patience, Removal};
use dbench::results::NodeKind;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PATIENT: Patience = Patience { deadline: PATIENCE, silence: PATIENCE };
/// Names the folder of the node that the helper below holds.
const HOLD: &str = "DBENCH_TEST_HOLD_CONTAINER_NODE";
const IMAGES: [&str; 2] = ["dbench/stand-in/docker:dind", "docker:dind"];

/// The lane, a folder, and the image of an engine; nothing where none is there.
pub fn open() -> Option<(Lane, PathBuf, &'static str)> {
    let lane = Lane::open()?;
    let folder = lane.path("node");
    std::fs::create_dir_all(&folder).unwrap();
    let found = IMAGES.into_iter().find(|name| lane.wait_for(lane.engine.image(name)).unwrap().is_some());
    if found.is_none() {
        eprintln!("left out: none of {IMAGES:?} is there");
    }
    found.map(|image| (lane, folder, image))
}

fn settings(name: &str, folder: &Path, image: &str) -> ContainerSettings {
    ContainerSettings {
        name: format!("dbench-{name}"),
        image: image.to_owned(),
        folder: folder.to_owned(),
        labels: BTreeMap::from([(dbench::engine::RUN_LABEL.to_owned(), name.to_owned())]),
        image_store: ImageStore::Graph,
        place: StorePlace::Memory(256 << 20),
        deadline: PATIENCE,
    }
}

#[test]
fn a_node_in_a_container_pulls_into_an_empty_store_and_leaves_nothing() {
    let Some((lane, folder, image)) = open() else { return };
    for (place, kinds) in [(StorePlace::Memory(256 << 20), ["tmpfs"].as_slice()), (StorePlace::Disk, &[])] {
        let before = Machine::look(&folder);
        lane.wait_for(async {
            let settings = ContainerSettings { place, ..settings(&lane.token, &folder, image) };
            let name = settings.name.clone();
            let mut node =
                ContainerNode::start(&lane.engine, settings).await.unwrap_or_else(|e| panic!("{e}"));
            eprintln!("{:?}", node.about());
            assert_eq!(node.about().kind, NodeKind::Container);
            assert!(!node.about().file_system.is_empty());
            assert!(kinds.is_empty() || kinds.contains(&node.about().file_system.as_str()));
            assert_eq!(lane.engine.containers(&name).await.unwrap(), [name.as_str()]);
            let registry = LittleRegistry::start(node.registry_address(), 1 << 20);
            for _ in 0..2 {
                assert_empty(node.engine()).await;
                let trace = node.engine().pull_timed(&registry.name(), PATIENT).await.unwrap();
                assert_eq!(trace.outcome, Ok(registry.digest.clone()));
                assert!(trace.layers.iter().all(|layer| !layer.existed) && trace.layers.len() == 2);
                node.empty().await.unwrap_or_else(|e| panic!("{e}"));
            }
            node.stop().await.unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(lane.engine.containers(&name).await.unwrap(), Vec::<String>::new());
        });
        before.assert_unchanged();
    }
}

#[test]
fn a_node_whose_engine_does_not_come_up_says_why_and_leaves_nothing() {
    let Some((lane, folder, _)) = open() else { return };
    let before = Machine::look(&folder);
    // A base without an engine.
    let settings = settings(&lane.token, &folder, &lane.base);
    let ended = lane.wait_for(ContainerNode::start(&lane.engine, settings)).map(|_| ());
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("ended before it answered"), "{error}");
    assert!(error.contains("dockerd: not found"), "the last lines: {error}");
    before.assert_unchanged();
}

/// Not a test of its own: the process that the next test kills.
#[test]
fn a_process_that_holds_a_container_node() {
    let Some(folder) = std::env::var_os(HOLD).map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let engine = DockerEngine::connect(&Endpoint::choose(None).unwrap()).await.unwrap();
        let (token, image) =
            (std::env::var("DBENCH_TEST_TOKEN").unwrap(), std::env::var("DBENCH_TEST_IMAGE").unwrap());
        let _node = ContainerNode::start(&engine, settings(&token, &folder, &image))
            .await
            .unwrap_or_else(|e| panic!("{e}"));
        eprintln!("\nheld: {token}");
        tokio::time::sleep(PATIENCE).await;
    });
}

#[test]
fn the_container_of_a_killed_process_removes_itself() {
    let Some((lane, folder, image)) = open() else { return };
    let before = Machine::look(&folder);
    let volumes = docker(&["volume", "ls", "--quiet"]);
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "container_node::a_process_that_holds_a_container_node", "--nocapture"])
        .envs([
            (HOLD, folder.as_os_str()),
            ("DBENCH_TEST_TOKEN", lane.token.as_ref()),
            ("DBENCH_TEST_IMAGE", image.as_ref()),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let name = format!("dbench-{}", said_token(&mut holder));
    assert_eq!(lane.wait_for(lane.engine.containers(&name)).unwrap(), [name.as_str()]);
    holder.kill().unwrap();
    holder.wait().unwrap();
    until("the container has removed itself", || {
        lane.wait_for(lane.engine.containers(&name)).unwrap().is_empty().then_some(())
    });
    // What cannot end by itself is what the journal is for.
    assert_eq!(lane.wait_for(lane.engine.remove_network(&name)).unwrap(), Removal::Removed);
    assert_eq!(lane.wait_for(lane.engine.remove_network(&name)).unwrap(), Removal::Absent);
    std::fs::remove_file(folder.join(format!("{name}.sock"))).unwrap();
    until("no volume is left", || (docker(&["volume", "ls", "--quiet"]) == volumes).then_some(()));
    before.assert_unchanged();
}

pub fn docker(arguments: &[&str]) -> String {
    String::from_utf8(Command::new("docker").args(arguments).output().unwrap().stdout).unwrap()
}
