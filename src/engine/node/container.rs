//! A node in a container of the user's engine, for machines that cannot have a private one.

use super::store::{ImageStore, StorePlace, file_system_of};
use super::{NodeAbout, NodeKind, about, connected, fit_for_a_socket, socket as dial};
use crate::engine::docker::{AttachedSpec, DockerEngine, Output, Powers, Streams};
use crate::engine::{Engine, Reach, Removal};
use crate::error::{Error, Result, files};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

const SUPERVISOR: &str = include_str!("container.sh");
const STORE: &str = "/var/lib/docker";
/// How long a container may take to be gone after its standard input ended.
const ENDING: Duration = Duration::from_secs(30);
/// How long to wait between two looks for it.
const PAUSE: Duration = Duration::from_millis(20);
/// How much of what the engine writes is kept for an error.
const KEPT: usize = 4 << 10;
const SHOWN_LINES: usize = 8;

/// How a node in a container is to be.
#[derive(Clone, Debug)]
pub struct ContainerSettings {
    /// The name of the container and of its network, with a token that nobody else has; journalled beforehand.
    pub name: String,
    /// The image, which is there: `docker:dind` or what stands in for it.
    pub image: String,
    /// The folder in which the node makes its socket.
    pub folder: PathBuf,
    /// Labels of the container and the network.
    pub labels: BTreeMap<String, String>,
    /// How the engine keeps images.
    pub image_store: ImageStore,
    /// What the store stands on: a tmpfs, or a volume on the disk of the user's engine.
    pub place: StorePlace,
    /// How long the engine may take to answer after a start.
    pub deadline: Duration,
}

/// A running node in a container. It ends with `stop`, and when dbench ends in whatever way; its network then waits
/// for `clean`.
pub struct ContainerNode {
    outer: DockerEngine,
    settings: ContainerSettings,
    gateway: IpAddr,
    life: Life,
    engine: DockerEngine,
    about: NodeAbout,
    _dial: AbortOnDropHandle<()>,
}

impl ContainerNode {
    /// Starts a node in the engine `outer`.
    pub async fn start(outer: &DockerEngine, settings: ContainerSettings) -> Result<Self> {
        let folder = settings.folder.canonicalize().map_err(|cause| {
            Error::surroundings(format!("cannot find {}", settings.folder.display())).because(cause)
        })?;
        let settings = ContainerSettings { folder, ..settings };
        fit_for_a_socket(&socket(&settings))?;
        match Self::start_in(outer, &settings).await {
            Ok(node) => Ok(node),
            Err(error) => {
                // The first error is the one that tells; the journal knows what could not be removed.
                let _ = outer.remove_container(&settings.name).await;
                let _ = remove_rest(outer, &settings).await;
                Err(error)
            }
        }
    }

    async fn start_in(outer: &DockerEngine, settings: &ContainerSettings) -> Result<Self> {
        let gateway = outer.create_network(&settings.name, &settings.labels).await?;
        let dial = dial::serve(&socket(settings), outer.clone(), settings.name.clone())?;
        let mut life = Life::begin(outer, settings, gateway).await?;
        let engine = life.come_up(outer, settings).await?;
        let about = describe(outer, &engine, settings).await?;
        let (outer, settings) = (outer.clone(), settings.clone());
        Ok(Self { outer, settings, gateway, life, engine, about, _dial: dial })
    }

    /// The gateway of the node's network: where a registry has to listen. The node takes plain HTTP from it.
    pub fn registry_address(&self) -> IpAddr {
        self.gateway
    }

    /// Its engine.
    pub fn engine(&self) -> &DockerEngine {
        &self.engine
    }

    /// What it is.
    pub fn about(&self) -> &NodeAbout {
        &self.about
    }

    /// Throws the store away: the container ends and removes itself with its volume, and another one of that name
    /// begins on the same network.
    pub async fn empty(&mut self) -> Result<()> {
        self.life.end(&self.outer, &self.settings.name).await?;
        self.life = Life::begin(&self.outer, &self.settings, self.gateway).await?;
        self.engine = self.life.come_up(&self.outer, &self.settings).await?;
        Ok(())
    }

    /// Ends it and waits until nothing of it is left.
    pub async fn stop(mut self) -> Result<()> {
        self.life.end(&self.outer, &self.settings.name).await?;
        remove_rest(&self.outer, &self.settings).await
    }
}

/// One container of a node: its standard input, and the end of what it writes.
struct Life {
    input: Pin<Box<dyn AsyncWrite + Send>>,
    written: Arc<Mutex<Vec<u8>>>,
    reading: JoinHandle<()>,
}

impl Drop for Life {
    fn drop(&mut self) {
        // The connection ends with both of its halves, and with it the standard input.
        self.reading.abort();
    }
}

impl Life {
    async fn begin(outer: &DockerEngine, settings: &ContainerSettings, gateway: IpAddr) -> Result<Self> {
        let spec = AttachedSpec {
            name: &settings.name,
            image: &settings.image,
            network: &settings.name,
            command: &["sh", "-c", SUPERVISOR],
            env: &[("DAEMON", daemon_config(settings.image_store, gateway).to_string())],
            labels: &settings.labels,
            powers: Powers::Engine {
                store: match settings.place {
                    StorePlace::Memory(bytes) => Some(format!("exec,suid,dev,size={bytes}")),
                    StorePlace::Disk => None,
                },
            },
        };
        let Streams { output, input } = outer.start_attached(&spec).await?;
        let written = Arc::new(Mutex::new(Vec::new()));
        let reading = tokio::spawn(keep_end(output, Arc::clone(&written)));
        Ok(Self { input, written, reading })
    }

    /// Waits until the engine answers, or it is known that it will not.
    async fn come_up(&mut self, outer: &DockerEngine, settings: &ContainerSettings) -> Result<DockerEngine> {
        let socket = socket(settings);
        let why = tokio::select! {
            engine = connected(&socket) => {
                let address = outer.address_in(&settings.name, &settings.name).await?;
                return Ok(visited(engine.publishing_at(address), outer, settings).await);
            }
            _ended = &mut self.reading => "ended before it answered".to_owned(),
            () = tokio::time::sleep(settings.deadline) => {
                format!("did not answer within {} s", settings.deadline.as_secs())
            }
        };
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&written);
        let lines: Vec<_> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        Err(Error::surroundings(format!("the engine in a container of {} {why}", settings.image))
            .because(format!("its last lines:\n{last}"))
            .hint("name another image with an engine for docker:dind, or take --node none"))
    }

    /// Ends the standard input and waits until the container has removed itself; one that does not is removed.
    async fn end(&mut self, outer: &DockerEngine, name: &str) -> Result<()> {
        outer.end_visit(name).await?;
        // It fails if the container has ended by itself.
        let _ = self.input.shutdown().await;
        let give_up = Instant::now() + ENDING;
        while Instant::now() < give_up {
            if !outer.containers(name).await?.iter().any(|other| other == name) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        outer.remove_container(name).await.map(|_removal| ())
    }
}

/// Ports of a node are as far away as those of the engine that it runs in.
async fn visited(engine: DockerEngine, outer: &DockerEngine, settings: &ContainerSettings) -> DockerEngine {
    if outer.reach() != Reach::Visited {
        return engine;
    }
    outer.begin_visit(&settings.name, &settings.labels).await;
    engine.visited_in(outer, &settings.name)
}

/// Reads to the end and keeps the last bytes.
async fn keep_end(mut output: Output, written: Arc<Mutex<Vec<u8>>>) {
    while let Some((_standard, bytes)) = output.next().await {
        let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(&bytes);
        let surplus = written.len().saturating_sub(KEPT);
        written.drain(..surplus);
    }
}

fn socket(settings: &ContainerSettings) -> PathBuf {
    settings.folder.join(format!("{}.sock", settings.name))
}

/// Without a way out there is nothing for rules of its own to do; cgroupfs, because no systemd listens in there.
fn daemon_config(store: ImageStore, gateway: IpAddr) -> serde_json::Value {
    json!({
        "hosts": ["unix:///var/run/docker.sock"],
        "data-root": STORE,
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "iptables": false,
        "ip6tables": false,
        "insecure-registries": [format!("{gateway}/32")],
        "features": { "containerd-snapshotter": store == ImageStore::Containerd },
    })
}

/// What is left when the container is gone.
async fn remove_rest(outer: &DockerEngine, settings: &ContainerSettings) -> Result<()> {
    let socket = socket(settings);
    if socket.exists() {
        files::remove(&socket)?;
    }
    match outer.remove_network(&settings.name).await? {
        Removal::Removed | Removal::Absent => Ok(()),
        Removal::Refused(why) => {
            Err(Error::surroundings(format!("the network {} stays: {why}", settings.name))
                .hint("run `dbench clean`"))
        }
    }
}

async fn describe(
    outer: &DockerEngine,
    engine: &DockerEngine,
    settings: &ContainerSettings,
) -> Result<NodeAbout> {
    let about = about(engine, NodeKind::Container, settings.image_store).await?;
    let mut mounts = Vec::new();
    let Streams { mut output, .. } =
        outer.run_inside(&settings.name, &["cat", "/proc/self/mountinfo"]).await?;
    let reading = async {
        while let Some((standard, bytes)) = output.next().await {
            mounts.extend_from_slice(if standard { &bytes } else { &[] });
        }
    };
    // A program that does not end leaves the file system unknown, which costs no measurement.
    let _ = tokio::time::timeout(settings.deadline, reading).await;
    let file_system = file_system_of(&String::from_utf8_lossy(&mounts), Path::new(STORE)).unwrap_or_default();
    Ok(NodeAbout { file_system, ..about })
}
