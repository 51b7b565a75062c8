//! A private node: a disposable engine in namespaces of its own, with a link to this machine and nothing else.

use super::store::{ImageStore, StorePlace};
use super::subnet::Subnet;
use super::supervisor::Supervisor;
use super::{NodeAbout, NodeKind, about, connected, fit_for_a_socket, needs, token};
use crate::engine::docker::DockerEngine;
use crate::error::{Error, Result, files};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SUPERVISOR: &str = include_str!("private.sh");
const LIFE: &str = include_str!("life.sh");
/// How long a node may take to be gone; a large store on a slow disk is removed in it.
const ENDING: Duration = Duration::from_secs(60);

/// How a private node is to be.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder in which the node makes its own; below the user's state folder, and not long.
    pub folder: PathBuf,
    /// An unpacked root file system with the engine to take; `None` takes this machine's.
    pub root: Option<PathBuf>,
    /// How the engine keeps images.
    pub image_store: ImageStore,
    /// What the store stands on.
    pub place: StorePlace,
    /// How long the engine may take to answer after a start.
    pub deadline: Duration,
}

/// A running private node. It ends with `stop`, when it is dropped, and when dbench ends in whatever way.
#[derive(Debug)]
pub struct PrivateNode {
    settings: Settings,
    token: String,
    folder: PathBuf,
    subnet: Subnet,
    supervisor: Supervisor,
    engine: DockerEngine,
    about: NodeAbout,
}

impl PrivateNode {
    /// An error that names what this machine lacks for a private node, with its cure. Nothing is started.
    pub fn possible(root: Option<&Path>) -> Result<()> {
        needs::check(root)
    }

    /// Starts a node. What this machine lacks for one is named in the error, and then nothing was begun.
    pub async fn start(settings: Settings) -> Result<Self> {
        Self::possible(settings.root.as_deref())?;
        let token = token();
        let subnet = Subnet::free(&routes()?, u32::from_str_radix(&token, 16).unwrap_or(0))?;
        let folder = make_folder(&settings, &token)?;
        match Self::start_in(&folder, settings, token, subnet).await {
            Ok(node) => Ok(node),
            Err(error) => {
                // Most often the supervisor did it already; the first error is the one that tells.
                let _ = remove(&folder);
                Err(error)
            }
        }
    }

    async fn start_in(folder: &Path, settings: Settings, token: String, subnet: Subnet) -> Result<Self> {
        let mut supervisor = start_supervisor(folder, &settings, &token, subnet)?;
        let came_up = match come_up(&mut supervisor, folder, &settings, subnet).await {
            Ok(engine) => describe(&engine, folder, &settings).await.map(|about| (engine, about)),
            Err(error) => Err(error),
        };
        match came_up {
            Ok((engine, about)) => {
                let folder = folder.to_owned();
                Ok(Self { settings, token, folder, subnet, supervisor, engine, about })
            }
            Err(error) => {
                supervisor.end(ENDING).await?;
                Err(error)
            }
        }
    }

    /// The host's end of the link: where a registry has to listen. The node takes plain HTTP from it, on any port.
    pub fn registry_address(&self) -> IpAddr {
        self.subnet.host().into()
    }

    /// The node's end of the link: where ports that it publishes are reached.
    pub fn address(&self) -> IpAddr {
        self.subnet.node().into()
    }

    /// The name of the link's end on this machine.
    pub fn link(&self) -> String {
        link(&self.token)
    }

    /// The word that is in the name of everything that the node is made of.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Its engine.
    pub fn engine(&self) -> &DockerEngine {
        &self.engine
    }

    /// What it is.
    pub fn about(&self) -> &NodeAbout {
        &self.about
    }

    /// Throws the store away: the engine ends with all that it runs, and another one begins with an empty store on the
    /// same link. Also what brings back a node whose engine was killed.
    pub async fn empty(&mut self) -> Result<()> {
        self.supervisor.tell("empty").await?;
        self.engine = come_up(&mut self.supervisor, &self.folder, &self.settings, self.subnet).await?;
        Ok(())
    }

    /// Ends it and waits until nothing of it is left.
    pub async fn stop(mut self) -> Result<()> {
        self.supervisor.end(ENDING).await?;
        remove(&self.folder)
    }
}

/// Names of links are short: 15 bytes at most.
fn link(token: &str) -> String {
    format!("dbn{token}")
}

/// The control group above those of its containers.
pub(super) fn cgroup(token: &str) -> String {
    format!("dbench-node-{token}")
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("docker.sock")
}

fn remove(folder: &Path) -> Result<()> {
    if folder.is_dir() { files::remove_dir_all(folder) } else { Ok(()) }
}

/// What `ip` says of all routes, also those in tables that a VPN made.
fn routes() -> Result<String> {
    let failed = || Error::surroundings("the routes of this machine cannot be read");
    let mut command = Command::new("ip");
    command.args(["-4", "route", "show", "table", "all"]).env("PATH", needs::search_path());
    let output = command.output().map_err(|cause| failed().because(cause))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(failed().because(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

fn make_folder(settings: &Settings, token: &str) -> Result<PathBuf> {
    files::create_dir_all(&settings.folder)?;
    let folder = settings.folder.canonicalize().map_err(|cause| {
        Error::surroundings(format!("cannot find {}", settings.folder.display())).because(cause)
    })?;
    check_place(&folder, token)?;
    let folder = folder.join(token);
    files::create_dir_all(&folder)?;
    Ok(folder)
}

/// The folder is seen by dbench and by the node's engine under one path, which has limits.
fn check_place(folder: &Path, token: &str) -> Result<()> {
    if folder.starts_with("/run") {
        return Err(Error::surroundings(format!(
            "a private node hides /run, and its folder {} is there",
            folder.display()
        ))
        .hint("set XDG_STATE_HOME to another folder"));
    }
    fit_for_a_socket(&socket(&folder.join(token)))
}

fn start_supervisor(folder: &Path, settings: &Settings, token: &str, subnet: Subnet) -> Result<Supervisor> {
    let script = folder.join("private.sh");
    files::write(&script, SUPERVISOR)?;
    files::write(&folder.join("life.sh"), LIFE)?;
    files::write(
        &folder.join("daemon.json"),
        daemon_config(folder, settings, token, subnet.host()).to_string(),
    )?;
    let root = settings.root.as_deref().map(Path::canonicalize).transpose().map_err(|cause| {
        Error::surroundings("cannot find the root file system of the node").because(cause)
    })?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let env = [
        ("FOLDER", text(folder)),
        ("LINK", link(token)),
        ("SUBNET", subnet.text()),
        ("HOST_END", subnet.host().to_string()),
        ("NODE_END", subnet.node().to_string()),
        ("CGROUP", cgroup(token)),
        ("STORE", settings.place.word()),
        ("ROOT", root.as_deref().map(text).unwrap_or_default()),
    ];
    Supervisor::start(&script, &folder.join("log"), &env)
}

/// A configuration of its own keeps the user's daemon.json out. Without rules of its own the engine publishes ports
/// through its proxy, and there is no table for it to change; cgroupfs, because no systemd listens in there.
fn daemon_config(folder: &Path, settings: &Settings, token: &str, host: Ipv4Addr) -> serde_json::Value {
    json!({
        "hosts": [format!("unix://{}", socket(folder).display())],
        "data-root": folder.join("data"),
        "exec-root": "/run/docker",
        "pidfile": "/run/docker.pid",
        "cgroup-parent": format!("/{}", cgroup(token)),
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "iptables": false,
        "ip6tables": false,
        "insecure-registries": [format!("{host}/32")],
        "features": { "containerd-snapshotter": settings.image_store == ImageStore::Containerd },
    })
}

/// Waits until the engine answers, or it is known that it will not.
async fn come_up(
    supervisor: &mut Supervisor,
    folder: &Path,
    settings: &Settings,
    subnet: Subnet,
) -> Result<DockerEngine> {
    let up = tokio::time::timeout(settings.deadline, answering(supervisor, folder)).await;
    let why = match up {
        Ok(Some(engine)) => return Ok(engine.publishing_at(subnet.node().into())),
        Ok(None) => "ended before it answered".to_owned(),
        Err(_elapsed) => format!("did not answer within {} s", settings.deadline.as_secs()),
    };
    Err(Error::surroundings(format!("the engine of a private node {why}"))
        .because(format!("its last lines:\n{}", supervisor.last_lines()))
        .hint("another root with --node-root, or --node container, may fare better"))
}

/// The engine once it answers, or none if it ended.
async fn answering(supervisor: &mut Supervisor, folder: &Path) -> Option<DockerEngine> {
    // An engine that ended before it was asked to begin again says nothing of the new one.
    while supervisor.hear().await? != "started" {}
    let socket = socket(folder);
    tokio::select! {
        engine = connected(&socket) => Some(engine),
        _ended = supervisor.hear() => None,
    }
}

async fn describe(engine: &DockerEngine, folder: &Path, settings: &Settings) -> Result<NodeAbout> {
    let about = about(engine, NodeKind::Private, settings.image_store).await?;
    Ok(NodeAbout { file_system: settings.place.file_system(folder)?, ..about })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_cannot_hold_a_node_are_refused() {
        let long = PathBuf::from(format!("/{}", "x".repeat(90)));
        let error = check_place(&long, "01234567").unwrap_err().to_string();
        assert!(error.contains("is longer than the 107 bytes"), "{error}");
        let error = check_place(Path::new("/run/user/0"), "01234567").unwrap_err().to_string();
        assert!(error.starts_with("a private node hides /run"), "{error}");
        assert!(check_place(Path::new("/root/.local/state/dbench/node"), "01234567").is_ok());
    }

    #[test]
    fn the_engine_takes_plain_http_from_the_hosts_end_and_nobody_else() {
        let settings = Settings {
            folder: "/s".into(),
            root: None,
            image_store: ImageStore::Containerd,
            place: StorePlace::Disk,
            deadline: Duration::from_secs(1),
        };
        let config = daemon_config(Path::new("/s/t"), &settings, "t", Ipv4Addr::new(198, 18, 0, 1));
        assert_eq!(config["insecure-registries"], json!(["198.18.0.1/32"]));
        assert_eq!(config["features"]["containerd-snapshotter"], json!(true));
        assert_eq!(config["hosts"], json!(["unix:///s/t/docker.sock"]));
    }

    #[test]
    fn names_of_links_are_short_enough() {
        assert!(link(&token()).len() <= 15);
    }
}
