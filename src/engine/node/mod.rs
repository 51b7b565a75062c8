//! Owns nodes: engines with an empty store that pull, never the user's own, and that end with dbench.
//! Leaves to `docker` how an engine is spoken to, and to `runner` what is pulled and what it proves.

mod container;
mod needs;
mod private;
mod relay;
mod store;
mod subnet;
mod supervisor;

use super::docker::DockerEngine;
use crate::error::{Error, Result};
use crate::results::EngineRecord;
pub use container::{ContainerNode, ContainerSettings};
pub use private::{PrivateNode, Settings};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
pub use store::{ImageStore, StorePlace};

/// The kernel allows no longer path of a unix socket.
const LONGEST_SOCKET: usize = 107;
/// How long to wait between two looks at an engine that is coming up.
const PAUSE: Duration = Duration::from_millis(10);

/// What pulls: the values of `--node`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// The first of the others that this machine can have.
    Auto,
    /// A disposable engine in namespaces of its own.
    Private,
    /// A disposable engine in a container of the user's engine.
    Container,
    /// No engine: dbench's own puller.
    None,
}

impl NodeKind {
    /// Every kind, in the order in which `auto` tries them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Private, Self::Container, Self::None];

    /// Its name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Private => "private",
            Self::Container => "container",
            Self::None => "none",
        }
    }
}

impl fmt::Display for NodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for NodeKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            Error::input(format!("`{text}` is no kind of node")).hint("auto, private, container or none")
        })
    }
}

/// What a node is; it decides the times of its pulls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAbout {
    /// What was taken, never `auto`.
    pub kind: NodeKind,
    /// Version, image store and platform of its engine.
    pub engine: EngineRecord,
    /// The file system that its store is on, as the kernel names it: `tmpfs`, `ext4`, …; empty if nothing tells.
    pub file_system: String,
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
    let host = format!("unix://{}", socket.display());
    loop {
        match DockerEngine::connect(Some(&host)).await {
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
    fn kinds_have_names_both_ways() {
        for kind in NodeKind::ALL {
            assert_eq!(kind.to_string().parse::<NodeKind>().unwrap(), kind);
        }
        let error = "vm".parse::<NodeKind>().unwrap_err();
        assert_eq!(error.to_string(), "`vm` is no kind of node\n  hint: auto, private, container or none");
    }

    #[test]
    fn tokens_differ() {
        let (one, other) = (token(), token());
        assert_ne!(one, other);
        assert_eq!((one.len(), other.len()), (8, 8));
    }
}
