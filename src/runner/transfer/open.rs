//! Opens the place of a run's transfers: the registry, the node, and whether they reach each other.

use super::site::Site;
use crate::engine::node::{ContainerSettings, ImageStore, Node, PrivateNode, Settings, StorePlace};
use crate::engine::{About, Engine, Patience};
use crate::error::Result;
use crate::registry::{self, Limits, Registry};
use crate::results::NodeKind;
use crate::runner::journal::{Entry, Journal};
use crate::runner::naming;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a node's store holds at most: an image before and after its edit, and its base.
const ROOM: u64 = 6_000_000_000;
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
    /// How long a node may take to come up.
    pub deadline: Duration,
    /// How long one transfer may take.
    pub patience: Patience,
}

impl Choice {
    /// Refuses a private node that was asked for and that this machine cannot have. Nothing is started.
    ///
    /// # Errors
    /// What is missing, with its cure.
    pub fn check(&self) -> Result<()> {
        if self.node == Some(NodeKind::Private) { PrivateNode::possible(self.root.as_deref()) } else { Ok(()) }
    }
}

/// A place for transfers, or why there is none, and what a reader of the numbers should know of it.
#[derive(Default)]
pub struct Opened {
    /// The place.
    pub site: Option<Site>,
    /// Why transfers are skipped, or who pulls instead of whom.
    pub warnings: Vec<String>,
}

/// Opens the place: a registry on loopback for the engine that builds, and where a node pulls, on the node's link.
///
/// # Errors
/// If the registry cannot serve, or the kind of node that was asked for cannot be had.
pub async fn open(
    choice: &Choice,
    engine: &impl Engine,
    about: &About,
    state: &Path,
    (journal, run): (&mut Journal, &str),
) -> Result<Opened> {
    let mut registry = Registry::serve(registry::Settings {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        folder: naming::work_folder(state, run).join("registry"),
        limits: Limits::default(),
    })
    .await?;
    if let Err(reason) = reaches(engine, &registry).await? {
        let warning =
            format!("transfers are skipped: the engine does not reach the registry of this run: {reason}");
        return Ok(Opened { site: None, warnings: vec![warning] });
    }
    let (node, warnings) = Maker { choice, engine, about, state, journal, run }.node().await?;
    let seen_by_engine = registry.address();
    let seen_by_node = match &node {
        Some(node) => registry.listen((node.registry_address(), 0).into()).await?,
        None => seen_by_engine,
    };
    let patience = choice.patience;
    Ok(Opened { site: Some(Site { registry, node, seen_by_engine, seen_by_node, patience }), warnings })
}

/// Asks the engine for an image that is not there: the meter tells whether the question arrived.
async fn reaches(engine: &impl Engine, registry: &Registry) -> Result<Result<(), String>> {
    let name = format!("{}/dbench/reach:none", registry.address());
    let trace = engine.pull_timed(&name, REACHING).await?;
    if !registry.meter().take().transfers.is_empty() {
        return Ok(Ok(()));
    }
    Ok(Err(trace.outcome.err().map_or_else(|| "it never asked".to_owned(), |failure| failure.message)))
}

/// Makes nodes for one run.
struct Maker<'a, E> {
    choice: &'a Choice,
    engine: &'a E,
    about: &'a About,
    state: &'a Path,
    journal: &'a mut Journal,
    run: &'a str,
}

impl<E: Engine> Maker<'_, E> {
    /// The node that was asked for, or the best that can be had; `None` is dbench's own puller.
    async fn node(&mut self) -> Result<(Option<Node>, Vec<String>)> {
        match self.choice.node {
            Some(NodeKind::None) => Ok((None, Vec::new())),
            Some(kind) => Ok((Some(self.make(kind).await?), Vec::new())),
            None => self.best().await,
        }
    }

    async fn best(&mut self) -> Result<(Option<Node>, Vec<String>)> {
        let mut reasons = Vec::new();
        for kind in [NodeKind::Private, NodeKind::Container] {
            match self.make(kind).await {
                Ok(node) => return Ok((Some(node), self.instead_of_root(kind, &reasons))),
                Err(error) => reasons.push(format!("{}: {}", kind.name(), error.reason())),
            }
        }
        let warning = format!(
            "no node could be had, so dbench pulls itself and tells bytes and the time of download alone ({})",
            reasons.join("; ")
        );
        Ok((None, vec![warning]))
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
        let (place, deadline) = (StorePlace::for_bytes(ROOM), self.choice.deadline);
        if kind == NodeKind::Private {
            let (folder, root) = (naming::nodes_folder(self.state), self.choice.root.clone());
            let settings = Settings { folder, root, image_store, place, deadline };
            return Ok(Node::Private(Box::new(PrivateNode::start(settings).await?)));
        }
        let image = self.choice.image.clone();
        if self.engine.image(&image).await?.is_none() {
            self.engine.pull(&image).await?;
        }
        let folder = naming::work_folder(self.state, self.run);
        let name = naming::node(self.run);
        self.journal.write(&Entry::Network { name: name.clone() })?;
        self.journal.write(&Entry::Container { name: name.clone() })?;
        let labels = naming::labels(self.run);
        let settings = ContainerSettings { name, image, folder, labels, image_store, place, deadline };
        Ok(Node::Container(Box::new(self.engine.host(settings).await?)))
    }
}

impl Site {
    /// Ends node and registry, and waits until both are gone.
    pub async fn close(self) -> Result<()> {
        self.registry.stop().await;
        match self.node {
            Some(node) => node.stop().await,
            None => Ok(()),
        }
    }
}
