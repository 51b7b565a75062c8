//! Every shipped scenario loads and is what its documents say.

use dbench::scenario::Scenario;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn scenarios() -> Vec<Scenario> {
    Scenario::load_all(&root().join("scenarios")).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_scenario_folder_loads() {
    let names: Vec<_> = scenarios().into_iter().map(|scenario| scenario.name).collect();
    assert_eq!(names, ["frontend-nginx", "go-scratch", "java-maven", "node-build", "python-venv"]);
    assert!(Path::new(&root()).is_absolute());
}
