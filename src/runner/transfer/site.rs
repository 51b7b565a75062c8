//! Where images are pushed to and who pulls them: the registry, the node or dbench's own puller, and one transfer each.

use super::super::record::Verdict;
use super::carried::Carried;
use super::own;
use super::proof::{Packed, Store, exactly, little_beside, to_fetch, to_send};
use crate::engine::node::Node;
use crate::engine::{Engine, Patience, Relay};
use crate::error::Result;
use crate::image::{Content, Digest};
use crate::registry::{Direction, Registry};
use crate::results::{NodeKind, NodeRecord, RELAYED};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// How long a connection may take to be through with what the engine says is done.
const SETTLING: Duration = Duration::from_secs(10);

/// The registry of a run, and who pulls from it.
pub struct Site {
    /// The registry.
    pub registry: Registry,
    /// The node; without one, dbench's own puller counts bytes and time of download.
    pub node: Option<Node>,
    /// How the engine that builds reaches the registry.
    pub engine_way: Way,
    /// How what pulls reaches the registry.
    pub node_way: Way,
    /// How long a transfer may take.
    pub patience: Patience,
}

/// How a client reaches the registry.
pub struct Way {
    at: SocketAddr,
    pub(super) relay: Option<Relay>,
}

impl Way {
    /// The client asks the registry itself, at that address.
    pub fn direct(at: SocketAddr) -> Self {
        Self { at, relay: None }
    }

    /// The client asks a relay.
    pub fn through(relay: Relay) -> Self {
        Self { at: relay.address(), relay: Some(relay) }
    }

    /// Where the client asks.
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// Whether it goes through a relay.
    pub fn relayed(&self) -> bool {
        self.relay.is_some()
    }

    /// What rows say of it in the column `link`.
    pub fn link(&self) -> &'static str {
        if self.relayed() { RELAYED } else { "" }
    }
}

/// A push and what it proves.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// When it was asked for.
    pub started: Timestamp,
    /// From the request to the engine's last event.
    pub wall: Duration,
    /// What the registry took in.
    pub carried: Carried,
    /// The image as the registry holds it; `None` if the push failed.
    pub packed: Option<Packed>,
    /// Whether the registry was in the state that was claimed.
    pub verdict: Verdict,
    /// The start on the meter's clock.
    pub origin_ns: u64,
}

/// What is to be pulled, and what of it should be there.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The image.
    pub packed: &'a Packed,
    /// Its name in the registry.
    pub name: &'a str,
    /// The image that the store should hold; `None` if it should be empty.
    pub present: Option<&'a Packed>,
}

/// A pull and what it proves.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// When it was asked for.
    pub started: Timestamp,
    /// From the request to the last event.
    pub wall: Duration,
    /// What the registry gave out.
    pub carried: Carried,
    /// Whether the store was in the state that was claimed.
    pub verdict: Verdict,
    /// The start on the meter's clock.
    pub origin_ns: u64,
    /// Whether an engine unpacked what came.
    pub unpacked: bool,
}

impl Pulled {
    /// From the start to the last byte of a blob; 0 if none had to come.
    pub fn download(&self) -> Duration {
        let last = self.carried.last_ns.unwrap_or(self.origin_ns);
        Duration::from_nanos(last.saturating_sub(self.origin_ns)).min(self.wall)
    }

    /// What came after the last byte; `None` where nothing was unpacked.
    pub fn unpack(&self) -> Option<Duration> {
        self.unpacked.then(|| self.wall.saturating_sub(self.download()))
    }
}

impl Site {
    /// What is kept of it in `run.json`.
    pub fn record(&self) -> NodeRecord {
        self.node.as_ref().map_or_else(
            || NodeRecord {
                kind: NodeKind::None,
                engine: None,
                store: None,
                file_system: None,
                relayed: false,
            },
            |node| NodeRecord {
                kind: node.about().kind,
                engine: Some(node.about().engine.version.clone()),
                store: Some(node.about().engine.store.clone()),
                file_system: Some(node.about().file_system.clone()),
                relayed: self.node_way.relayed(),
            },
        )
    }

    /// The kind of what pulls.
    pub fn kind(&self) -> NodeKind {
        self.record().kind
    }

    /// Throws away what the node holds; the reason if it cannot.
    pub async fn empty(&mut self) -> Result<(), String> {
        match &mut self.node {
            Some(node) => node
                .empty()
                .await
                .map_err(|error| format!("the node did not come up again: {}", error.reason())),
            None => Ok(()),
        }
    }

    /// The name under which the engine that builds pushes.
    pub fn name_for_engine(&self, name: &str) -> String {
        format!("{}/{name}", self.engine_way.at)
    }

    /// The name under which the node pulls.
    pub fn name_for_node(&self, name: &str) -> String {
        format!("{}/{name}", self.node_way.at)
    }

    /// Pushes an image; `present` is the one that the registry should hold already.
    pub async fn push(
        &self,
        engine: &impl Engine,
        image: &str,
        name: &str,
        present: Option<&Packed>,
    ) -> Result<Pushed> {
        let diff_ids = engine.image(image).await?.map(|image| image.diff_ids).unwrap_or_default();
        let meter = self.registry.meter();
        meter.take();
        let origin_ns = meter.now_ns();
        let trace = engine.push(image, &self.name_for_engine(name), self.patience).await?;
        meter.quiet(SETTLING).await;
        let carried = Carried::of(&meter.take(), Direction::In);
        let (packed, verdict) = match trace.outcome {
            Err(failure) => (None, Verdict::Failed(failure.message)),
            Ok(_) => match self.packed(name, diff_ids).await? {
                None => (None, Verdict::Failed("the registry does not hold what was pushed".to_owned())),
                Some(packed) => {
                    let verdict = judge_push(&packed, present, &carried);
                    (Some(packed), verdict)
                }
            },
        };
        Ok(Pushed { started: trace.started, wall: trace.wall, carried, packed, verdict, origin_ns })
    }

    async fn packed(&self, name: &str, diff_ids: Vec<String>) -> Result<Option<Packed>> {
        let Some(manifest) = self.registry.manifest(name).await? else { return Ok(None) };
        let Content::Image { config, layers } = manifest.content else { return Ok(None) };
        let layers = layers.into_iter().map(|layer| (layer.digest, layer.size)).collect();
        Ok(Some(Packed { config: (config.digest, config.size), layers, diff_ids }))
    }

    /// Pulls an image and compares what came with what had to.
    pub async fn pull(&self, wanted: &Wanted<'_>) -> Result<Pulled> {
        let expected = to_fetch(wanted.packed, wanted.present, self.store());
        let meter = self.registry.meter();
        meter.take();
        let (started, origin_ns) = (Timestamp::now(), meter.now_ns());
        let (wall, outcome) = match &self.node {
            Some(node) => {
                let name = self.name_for_node(wanted.name);
                match node.engine().pull_timed(&name, self.patience).await {
                    Ok(trace) => {
                        (trace.wall, trace.outcome.map(|_digest| ()).map_err(|failure| failure.message))
                    }
                    // A node is not the user's engine: one that is gone costs this pull, not the run. The error
                    // says no more than that, but names a path of this machine, which rows do not hold.
                    Err(_unreachable) => (Duration::ZERO, Err("the node's engine is gone".to_owned())),
                }
            }
            None => own::pull(self.node_way.at, wanted.name, &expected, self.patience).await,
        };
        meter.quiet(SETTLING).await;
        let carried = Carried::of(&meter.take(), Direction::Out);
        let verdict = match outcome {
            Err(reason) => Verdict::Failed(reason),
            Ok(()) => judge_pull(&expected, &carried),
        };
        let unpacked = self.node.is_some();
        Ok(Pulled { started, wall, carried, verdict, origin_ns, unpacked })
    }

    /// Without an engine only digests tell what is there.
    fn store(&self) -> Store {
        match self.record().store.as_deref() {
            Some("graph") => Store::Graph,
            _ => Store::Containerd,
        }
    }
}

fn judge_push(packed: &Packed, present: Option<&Packed>, carried: &Carried) -> Verdict {
    let expected = to_send(packed, present);
    if expected.is_empty() {
        return Verdict::Invalid("the edit changed nothing of the image".to_owned());
    }
    exactly(&expected, carried, "the registry").map_or_else(Verdict::Invalid, |()| Verdict::Valid)
}

fn judge_pull(expected: &BTreeMap<Digest, u64>, carried: &Carried) -> Verdict {
    let proven = exactly(expected, carried, "the node").and_then(|()| little_beside(carried));
    proven.map_or_else(Verdict::Invalid, |()| Verdict::Valid)
}
