//! What `dbench doctor` says where there is an engine.

use crate::lane::Lane;
use dbench::engine::Engine;

#[test]
fn the_disk_of_the_engine_is_measured_where_it_is_on_this_machine_and_unknown_elsewhere() {
    let Some(lane) = Lane::open() else { return };
    let ended = lane.dbench(&["doctor", "--format", "json"]).expect(0);
    let findings: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let mut disks = findings.as_array().unwrap().iter().filter(|finding| finding["what"] == "disk");
    let disk = disks.next().unwrap();
    assert!(disks.next().is_none() && disk["effect"].is_string(), "{findings:#}");
    let found = disk["found"].as_str().unwrap();
    let root = lane.wait_for(lane.engine.about()).unwrap().root;
    if root.is_dir() {
        assert!(
            found.contains(" free of ") && found.ends_with(&format!(" at {}", root.display())),
            "{found}"
        );
    } else {
        assert!(found.starts_with("unknown: the engine's folder "), "{found}");
    }
}
