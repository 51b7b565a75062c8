//! Owns nodes: engines with an empty store that pull, never the user's own, and that end with dbench.
//! Leaves to `docker` how an engine is spoken to, and to `runner` what is pulled and what it proves.

mod container;
mod needs;
mod private;
mod socket;
mod store;
mod subnet;
mod supervisor;
mod sweep;

use super::docker::DockerEngine;
use super::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::results::{EngineRecord, NodeKind};
pub use container::{ContainerNode, ContainerSettings};
pub use private::{PrivateNode, Settings};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;
pub use store::{ImageStore, StorePlace};
pub use sweep::sweep;

/// The kernel allows no longer path of a unix socket.
const LONGEST_SOCKET: usize = 107;
/// How long to wait between two looks at an engine that is coming up.
const PAUSE: Duration = Duration::from_millis(10);

/// What a node is; it decides the times of its pulls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAbout {
    /// What was taken.
    pub kind: NodeKind,
    /// Version, image store and platform of its engine.
    pub engine: EngineRecord,
    /// The file system that its store is on, as the kernel names it: `tmpfs`, `ext4`, …; empty if nothing tells.
    pub file_system: String,
}

/// A running node of either kind.
pub enum Node {
    /// In namespaces of its own.
    Private(Box<PrivateNode>),
    /// In a container of the user's engine.
    Container(Box<ContainerNode>),
}

impl Node {
    /// Where a registry has to listen for it; the node takes plain HTTP from that address, on any port.
    pub fn registry_address(&self) -> IpAddr {
        match self {
            Self::Private(node) => node.registry_address(),
            Self::Container(node) => node.registry_address(),
        }
    }

    /// Its engine.
    pub fn engine(&self) -> &DockerEngine {
        match self {
            Self::Private(node) => node.engine(),
            Self::Container(node) => node.engine(),
        }
    }

    /// What it is.
    pub fn about(&self) -> &NodeAbout {
        match self {
            Self::Private(node) => node.about(),
            Self::Container(node) => node.about(),
        }
    }

    /// Throws its store away and begins with an empty one; also what brings back a node whose engine was killed.
    pub async fn empty(&mut self) -> Result<()> {
        match self {
            Self::Private(node) => node.empty().await,
            Self::Container(node) => node.empty().await,
        }
    }

    /// Ends it and waits until nothing of it is left.
    pub async fn stop(self) -> Result<()> {
        match self {
            Self::Private(node) => node.stop().await,
            Self::Container(node) => node.stop().await,
        }
    }
}

/// A fresh word that nothing else on this machine has in a name.
fn token() -> String {
    use sha2::{Digest, Sha256};
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let text = format!("{} {count} {}", std::process::id(), jiff::Timestamp::now().as_nanosecond());
    crate::hex::encode(&Sha256::digest(text))[..8].to_owned()
}

/// An error if no socket can be made there.
fn fit_for_a_socket(path: &Path) -> Result<()> {
    if path.as_os_str().len() <= LONGEST_SOCKET {
        return Ok(());
    }
    let said = path.display();
    Err(Error::surroundings(format!(
        "the path {said} is longer than the {LONGEST_SOCKET} bytes that a socket's may have"
    ))
    .hint("set XDG_STATE_HOME to another folder"))
}

/// The engine behind a socket, as soon as there is one that answers.
async fn connected(socket: &Path) -> DockerEngine {
    let endpoint = Endpoint::at_socket(socket);
    loop {
        match DockerEngine::connect(&endpoint).await {
            Ok(engine) => return engine,
            Err(_not_yet) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// An engine that keeps another image store than was asked for would measure something else.
async fn about(engine: &DockerEngine, kind: NodeKind, asked: ImageStore) -> Result<NodeAbout> {
    let record = super::Engine::about(engine).await?.record;
    if record.store != asked.name() {
        return Err(Error::surroundings(format!(
            "Engine {} has the image store `{}`, and `{}` was asked for",
            record.version,
            record.store,
            asked.name()
        ))
        .hint("Engine 26 and newer have both; the graph drivers are in every version"));
    }
    Ok(NodeAbout { kind, engine: record, file_system: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ() {
        let (one, other) = (token(), token());
        assert_ne!(one, other);
        assert_eq!((one.len(), other.len()), (8, 8));
    }
}
