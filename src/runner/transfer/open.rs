//! Opens the place of a run's transfers: the registry, the node, and how the engines reach it.

use super::site::{Site, Way};
use crate::engine::node::{ContainerSettings, ImageStore, Node, PrivateNode, Settings, StorePlace};
use crate::engine::{About, Engine, Patience, Relay, RelaySettings, visitor_of};
use crate::error::{Error, Result};
use crate::registry::{self, Limits, Registry};
use crate::results::NodeKind;
use crate::runner::bases::Bases;
use crate::runner::journal::{Entry, Journal};
use crate::runner::naming;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the images of a run bring beyond their bases, by a generous guess: nothing of them is built yet.
const RESERVE: u64 = 2_000_000_000;
/// How often the largest base may be in a store: packed and unpacked, below an image before and after its edit.
const TIMES_BASE: u64 = 4;
/// How long the engine has to try the registry.
const REACHING: Patience = Patience { deadline: Duration::from_secs(20), silence: Duration::from_secs(20) };

/// What pulls, and how long it may take.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The kind of node; `None` takes the best that this machine can have.
    pub node: Option<NodeKind>,
    /// A root file system with another engine for a private node.
    pub root: Option<PathBuf>,
    /// How the node keeps images; `None` takes the way of the engine that builds.
    pub store: Option<ImageStore>,
    /// The image of a node in a container: `docker:dind`, or what stands in for it.
    pub image: String,
    /// The image of a relay: `alpine/socat`, or what stands in for it.
    pub relay_image: String,
    /// How long a node or a relay may take to come up.
    pub deadline: Duration,
    /// How long one transfer may take.
    pub patience: Patience,
}

impl Choice {
    /// Refuses what contradicts the node that was asked for, and a private node that this machine cannot have. Nothing is
    /// started.
    ///
    /// # Errors
    /// What does not go together, or what is missing, with its cure.
    pub fn check(&self) -> Result<()> {
        match self.node {
            Some(kind @ NodeKind::Container) => unused(kind, "--node-root", self.root.is_some()),
            Some(kind @ NodeKind::None) => unused(kind, "--node-root", self.root.is_some())
                .and_then(|()| unused(kind, "--node-store", self.store.is_some())),
            Some(NodeKind::Private) => PrivateNode::possible(self.root.as_deref()),
            None => Ok(()),
        }
    }
}

/// Refuses a flag that a node of that kind would leave unheard.
fn unused(kind: NodeKind, flag: &str, given: bool) -> Result<()> {
    if !given {
        return Ok(());
    }
    let why = match kind {
        NodeKind::None => "no engine pulls",
        _ => "its engine comes from an image",
    };
    let variable = flag.trim_start_matches('-').replace('-', "_").to_uppercase();
    Err(Error::input(format!("{flag} means nothing to `--node {}`: {why}", kind.name()))
        .hint(format!("leave {flag} out (or DBENCH_{variable}, which sets it), or take another node")))
}

/// A place for transfers, or why there is none, and what a reader of the numbers should know of it.
pub struct Opened {
    /// The place, or why transfers are skipped.
    pub site: Result<Site, String>,
    /// Who pulls instead of whom, and what goes over a relay.
    pub warnings: Vec<String>,
}

/// Opens the place: a registry on loopback for the engine that builds, and where a node pulls, on the node's link. An
/// engine that does not reach the registry is given a relay.
///
/// # Errors
/// If the registry cannot serve, or the kind of node that was asked for cannot be had.
pub async fn open(
    choice: &Choice,
    (engine, about): (&impl Engine, &About),
    bases: &Bases,
    state: &Path,
    (journal, run): (&mut Journal, &str),
) -> Result<Opened> {
    let registry = Registry::serve(registry::Settings {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        folder: naming::work_folder(state, run).join("registry"),
        limits: Limits::default(),
    })
    .await?;
    let room = room(bases.largest_hint());
    let mut maker =
        Maker { choice, engine, about, room, state, journal, run, registry, warnings: Vec::new() };
    let engine_way = match maker.way_of_engine().await? {
        Ok(way) => way,
        Err(reason) => {
            let reason = format!("the engine does not reach the registry of this run: {reason}");
            let warnings = vec![format!("transfers are skipped: {reason}")];
            return Ok(Opened { site: Err(reason), warnings });
        }
    };
    let (node, node_way) = maker.node(&engine_way).await?;
    let Maker { registry, warnings, .. } = maker;
    let site = Site { registry, node, engine_way, node_way, patience: choice.patience };
    Ok(Opened { site: Ok(site), warnings })
}

/// Makes the parts of a place.
struct Maker<'a, E> {
    choice: &'a Choice,
    engine: &'a E,
    about: &'a About,
    room: u64,
    state: &'a Path,
    journal: &'a mut Journal,
    run: &'a str,
    registry: Registry,
    warnings: Vec<String>,
}

impl<E: Engine> Maker<'_, E> {
    /// Directly where the engine reaches the registry so, else through a relay on its own loopback, from which engines
    /// take plain HTTP unasked; or why neither.
    async fn way_of_engine(&mut self) -> Result<Result<Way, String>> {
        let direct = match self.reached_at(self.registry.address()).await? {
            Ok(()) => return Ok(Ok(Way::direct(self.registry.address()))),
            Err(reason) => reason,
        };
        let relay = match self.relay("engine", Ipv4Addr::LOCALHOST.into()).await {
            Ok(relay) => relay,
            Err(error) => return Ok(Err(format!("{direct}; it can have no relay: {}", error.reason()))),
        };
        if let Err(reason) = self.reached_at(relay.address()).await? {
            relay.stop().await?;
            return Ok(Err(format!("{direct}; through a relay: {reason}")));
        }
        self.warnings.push(format!(
            "the engine does not reach this machine ({direct}), so what it pushes goes through a relay: its times are \
             marked `relayed` and are those of no link"
        ));
        Ok(Ok(Way::through(relay)))
    }

    /// Asks the engine for an image that is not there: the meter tells whether the question arrived.
    async fn reached_at(&self, address: SocketAddr) -> Result<Result<(), String>> {
        let trace = self.engine.pull_timed(&format!("{address}/dbench/reach:none"), REACHING).await?;
        if !self.registry.meter().take().transfers.is_empty() {
            return Ok(Ok(()));
        }
        Ok(Err(trace.outcome.err().map_or_else(|| "it never asked".to_owned(), |failure| failure.message)))
    }

    async fn relay(&mut self, client: &str, listen: IpAddr) -> Result<Relay> {
        let settings = RelaySettings {
            name: naming::relay(self.run, client),
            image: self.choice.relay_image.clone(),
            labels: naming::labels(self.run),
            listen,
            to: self.registry.address(),
            deadline: self.choice.deadline,
        };
        self.have(&settings.image).await?;
        self.journal.write(&Entry::Container { name: settings.name.clone() })?;
        self.engine.relay(&settings).await
    }

    async fn have(&self, image: &str) -> Result<()> {
        match self.engine.image(image).await? {
            Some(_) => Ok(()),
            None => self.engine.pull(image, None).await,
        }
    }

    /// The node that was asked for, or the best that can be had, and its way; no node is dbench's own puller.
    async fn node(&mut self, engine_way: &Way) -> Result<(Option<Node>, Way)> {
        let node = match self.choice.node {
            Some(NodeKind::None) => None,
            Some(kind) => Some(self.connected(kind, engine_way).await?),
            None => self.best(engine_way).await,
        };
        Ok(match node {
            Some((node, way)) => (Some(node), way),
            None => (None, Way::direct(self.registry.address())),
        })
    }

    async fn best(&mut self, engine_way: &Way) -> Option<(Node, Way)> {
        let mut reasons = Vec::new();
        for kind in [NodeKind::Private, NodeKind::Container] {
            match self.connected(kind, engine_way).await {
                Ok(node) => {
                    let instead = self.instead_of_root(kind, &reasons);
                    self.warnings.extend(instead);
                    return Some(node);
                }
                Err(error) => reasons.push(format!("{}: {}", kind.name(), error.reason())),
            }
        }
        self.warnings.push(format!(
            "no node could be had, so dbench pulls itself and tells bytes and the time of download alone ({})",
            reasons.join("; ")
        ));
        None
    }

    /// A node, and how it reaches the registry. One in a container of an engine that needs a relay needs one too.
    async fn connected(&mut self, kind: NodeKind, engine_way: &Way) -> Result<(Node, Way)> {
        let node = self.make(kind).await?;
        let address = node.registry_address();
        let way = if kind == NodeKind::Container && engine_way.relayed() {
            self.relay("node", address).await.map(Way::through)
        } else {
            self.registry.listen((address, 0).into()).await.map(Way::direct)
        };
        match way {
            Ok(way) => Ok((node, way)),
            Err(error) => {
                node.stop().await?;
                Err(error)
            }
        }
    }

    /// Whoever named a root wants the engine in it, and is told that another one pulls.
    fn instead_of_root(&self, kind: NodeKind, reasons: &[String]) -> Vec<String> {
        let named = self.choice.root.is_some() && kind != NodeKind::Private;
        let warning = || {
            let (kind, why) = (kind.name(), reasons.join("; "));
            format!("the node is not of the root that was named but `{kind}` ({why})")
        };
        named.then(warning).into_iter().collect()
    }

    async fn make(&mut self, kind: NodeKind) -> Result<Node> {
        let image_store = self.choice.store.unwrap_or_else(|| ImageStore::of(&self.about.record.store));
        let (place, deadline) = (place(kind, self.about, self.room), self.choice.deadline);
        if kind == NodeKind::Private {
            let (folder, root) = (naming::nodes_folder(self.state), self.choice.root.clone());
            let settings = Settings { folder, root, image_store, place, deadline };
            return Ok(Node::Private(Box::new(PrivateNode::start(settings).await?)));
        }
        let image = self.choice.image.clone();
        self.have(&image).await?;
        let folder = naming::work_folder(self.state, self.run);
        let name = naming::node(self.run);
        self.journal.write(&Entry::Network { name: name.clone() })?;
        self.journal.write(&Entry::Container { name: name.clone() })?;
        self.journal.write(&Entry::Container { name: visitor_of(&name) })?;
        let labels = naming::labels(self.run);
        let settings = ContainerSettings { name, image, folder, labels, image_store, place, deadline };
        Ok(Node::Container(Box::new(self.engine.host(settings).await?)))
    }
}

/// What a node's store may have to hold, where the largest base is that large.
fn room(largest_base: u64) -> u64 {
    largest_base.saturating_mul(TIMES_BASE).saturating_add(RESERVE)
}

/// A private node is on this machine; one in a container is where its engine is, which may be elsewhere.
fn place(kind: NodeKind, about: &About, room: u64) -> StorePlace {
    match kind {
        NodeKind::Private => StorePlace::on_this_machine(room),
        _ => StorePlace::on_machine_with(about.record.memory, room),
    }
}

impl Site {
    /// Ends node, relays and registry, and waits until all are gone.
    pub async fn close(self) -> Result<()> {
        self.registry.stop().await;
        for relay in [self.engine_way.relay, self.node_way.relay].into_iter().flatten() {
            relay.stop().await?;
        }
        match self.node {
            Some(node) => node.stop().await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::FakeEngine;

    #[test]
    fn what_a_node_leaves_unheard_is_refused() {
        let choice = |node, root: Option<&str>, store| Choice {
            node: Some(node),
            root: root.map(PathBuf::from),
            store,
            image: String::new(),
            relay_image: String::new(),
            deadline: Duration::ZERO,
            patience: REACHING,
        };
        let said = |node, root, store| choice(node, root, store).check().map_err(|error| error.to_string());
        assert_eq!(said(NodeKind::None, None, None), Ok(()));
        assert_eq!(said(NodeKind::Container, None, Some(ImageStore::Graph)), Ok(()));
        assert_eq!(
            said(NodeKind::Container, Some("/roots/28.5"), None),
            Err("--node-root means nothing to `--node container`: its engine comes from an image\n  hint: leave \
                 --node-root out (or DBENCH_NODE_ROOT, which sets it), or take another node".to_owned())
        );
        assert_eq!(
            said(NodeKind::None, None, Some(ImageStore::Graph)),
            Err("--node-store means nothing to `--node none`: no engine pulls\n  hint: leave --node-store out (or \
                 DBENCH_NODE_STORE, which sets it), or take another node".to_owned())
        );
    }

    #[tokio::test]
    async fn a_node_in_a_container_has_the_memory_of_its_own_engine() {
        let mut about = FakeEngine::default().about().await.unwrap();
        assert_eq!(room(500_000_000), 4_000_000_000);
        about.record.memory = Some(40_000_000_000);
        let of = |about: &About, room| place(NodeKind::Container, about, room);
        assert_eq!(of(&about, room(500_000_000)), StorePlace::Memory(10_000_000_000));
        assert_eq!(of(&about, room(3_000_000_000)), StorePlace::Disk);
        about.record.memory = Some(8_000_000_000);
        assert_eq!(of(&about, room(500_000_000)), StorePlace::Disk);
        about.record.memory = None;
        assert_eq!(of(&about, 0), StorePlace::Disk);
    }
}
