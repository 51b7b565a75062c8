//! The names of what a run makes in an engine.

use crate::results::{Builder, Case};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every image that a run makes has a name under this prefix.
pub const IMAGE_PREFIX: &str = "dbench/run/";
/// Every container that a run makes has a name with this prefix; a journalled token follows.
pub const CONTAINER_PREFIX: &str = "dbench-";

/// The name of an image.
pub fn image(run: &str, case: &Case, round: u32) -> String {
    let Case { scenario, variant, builder, phase } = case;
    let by = if *builder == Builder::Buildkit { String::new() } else { format!("{builder}-") };
    format!("{IMAGE_PREFIX}{scenario}:{variant}-{by}{phase}-{round}-{}", short(run, &[]))
}

/// The name of a base in the embedded registry.
pub fn base(run: &str) -> String {
    format!("{IMAGE_PREFIX}base:{}", short(run, &[]))
}

/// The name of a node in a container, and of its network.
pub fn node(run: &str) -> String {
    format!("{CONTAINER_PREFIX}node-{}", short(run, &[]))
}

/// The name of the container of a relay for that client of the registry.
pub fn relay(run: &str, client: &str) -> String {
    format!("{CONTAINER_PREFIX}relay-{client}-{}", short(run, &[]))
}

/// The namespace of the cache mounts of a variant in a round; also what context transfers are compared within.
pub fn namespace(run: &str, case: &Case, round: u32) -> String {
    format!(
        "dbench-{}",
        short(run, &[&case.scenario, &case.variant, case.builder.name(), &round.to_string()])
    )
}

/// The name of a container, with a token that nobody else has.
pub fn container(run: &str, case: &Case, round: u32) -> String {
    let Case { scenario, variant, builder, phase } = case;
    let parts = [scenario.as_str(), variant, builder.name(), phase.name(), &round.to_string()];
    format!("{CONTAINER_PREFIX}{}", short(run, &parts))
}

/// Where a run keeps copies of contexts while it goes on; `clean` finds it there after a kill.
pub fn work_folder(state: &Path, run: &str) -> PathBuf {
    state.join("work").join(run)
}

/// Where private nodes keep what they are made of.
pub fn nodes_folder(state: &Path) -> PathBuf {
    state.join("nodes")
}

/// The labels that everything of a run carries.
pub fn labels(run: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(crate::engine::RUN_LABEL.to_owned(), run.to_owned())])
}

fn short(run: &str, parts: &[&str]) -> String {
    let text = parts.iter().fold(run.to_owned(), |text, part| format!("{text}\0{part}"));
    crate::hex::encode(&Sha256::digest(text))[..16].to_owned()
}
