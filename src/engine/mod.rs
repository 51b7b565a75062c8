//! Owns what dbench asks of a Docker Engine: `trait Engine`, its words, and the trace of a build's steps.
//! Leaves to `runner` when to ask and what the answers prove.

mod classic;
mod dial;
pub mod docker;
pub mod endpoint;
#[cfg(test)]
pub mod fake;
pub mod node;
mod relay;
mod secret;
mod trace;
mod transfer;

use crate::error::Result;
use crate::image::Layer;
use crate::results::{Builder, EngineRecord};
use jiff::Timestamp;
pub use relay::{Relay, RelaySettings};
pub use secret::{LONGEST as LONGEST_SECRET, Redactor, SHORTEST as SHORTEST_SECRET, Secret};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
pub use trace::{Kind, Parts, Place, Step, Trace, VertexUpdate};
pub use transfer::{Fate, Patience, PullTrace, PulledLayer, PushTrace, PushedLayer, TransferEvent};

/// The label on every image and container that a run makes; its value is the id of the run.
pub const RUN_LABEL: &str = "dev.dbench.run";
/// The label on every stand-in base; its value is the official name.
pub const STAND_IN_LABEL: &str = "dev.dbench.stand-in";
/// What the names of stand-in bases begin with. No registry has them.
pub const STAND_INS: &str = "dbench/stand-in/";

/// What an engine says of itself.
#[derive(Clone, Debug)]
pub struct About {
    /// The engine's own id; it names the lock of a run.
    pub id: String,
    /// How it is reached: `unix`, `tcp`, `tls` or `ssh`. Behind anything but a unix socket it may be on another machine.
    pub way: &'static str,
    /// What `run.json` keeps.
    pub record: EngineRecord,
    /// The folder in which the engine keeps its data, as the engine sees it.
    pub root: PathBuf,
}

impl About {
    /// Whether it is behind a unix socket, so that this machine is taken for its own.
    pub fn is_local(&self) -> bool {
        self.way == "unix"
    }
}

/// An image in the engine's store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Names with a tag.
    pub tags: Vec<String>,
    /// A digest in a registry, if the engine knows one.
    pub digest: Option<String>,
    /// Labels, own and inherited.
    pub labels: BTreeMap<String, String>,
    /// Digests of the unpacked layers, lowest first.
    pub diff_ids: Vec<String>,
    /// Instructions that run in a build that stands on it.
    pub onbuild: Vec<String>,
    /// What it is for, as in `linux/arm64/v8`; empty if the engine does not tell.
    pub platform: String,
    /// Bytes by the engine's own account, packed or unpacked as its store has it: a hint how large, never a result.
    pub size_hint: u64,
}

/// An image in the engine's store, also one that only a step of the classic builder left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The image that it was made from; empty if the engine knows none.
    pub parent: String,
    /// Whether it has a name.
    pub named: bool,
    /// When it was made, in seconds since 1970 by the engine's clock.
    pub created: i64,
}

/// One build.
#[derive(Clone, Debug)]
pub struct BuildRequest<'a> {
    /// The builder that is asked.
    pub builder: Builder,
    /// What to build for; `None` for the engine's own platform.
    pub platform: Option<&'a str>,
    /// The folder that the build sees as its context.
    pub context: &'a Path,
    /// A folder that holds the Dockerfile and, if it has one, its ignore file.
    pub dockerfile_dir: &'a Path,
    /// The name of the Dockerfile in that folder.
    pub dockerfile: &'a str,
    /// The stage to build.
    pub target: Option<&'a str>,
    /// Build args.
    pub args: &'a BTreeMap<String, String>,
    /// What `RUN --mount=type=secret` may ask for. No log, step or failure of the build holds it.
    pub secrets: &'a [Secret],
    /// The socket of the SSH agent that `RUN --mount=type=ssh` reaches, if any.
    pub agent: Option<&'a Path>,
    /// The name that the image gets.
    pub tag: &'a str,
    /// Labels that the image gets.
    pub labels: &'a BTreeMap<String, String>,
    /// Whether cached steps must not be used.
    pub no_cache: bool,
    /// The namespace of the cache mounts; the classic builder has none.
    pub namespace: &'a str,
    /// Contexts of builds with the same key are compared, and only what differs travels.
    pub shared_key: &'a str,
    /// How long the whole build may take.
    pub deadline: Duration,
    /// How long the stream of events may be silent.
    pub silence: Duration,
}

impl<'a> BuildRequest<'a> {
    /// A build with BuildKit of the `Dockerfile` in a folder, which gets nothing beside the context and shares caches
    /// with the builds of the same key.
    pub fn plain(
        context: &'a Path,
        dockerfile_dir: &'a Path,
        tag: &'a str,
        key: &'a str,
        deadline: Duration,
    ) -> Self {
        static NOTHING: BTreeMap<String, String> = BTreeMap::new();
        Self {
            builder: Builder::Buildkit,
            platform: None,
            context,
            dockerfile_dir,
            dockerfile: "Dockerfile",
            target: None,
            args: &NOTHING,
            secrets: &[],
            agent: None,
            tag,
            labels: &NOTHING,
            no_cache: false,
            namespace: key,
            shared_key: key,
            deadline,
            silence: deadline,
        }
    }
}

/// What a build came to.
#[derive(Clone, Debug)]
pub struct Built {
    /// The id of the image, or what failed.
    pub outcome: Result<String, Failure>,
    /// When it was asked for.
    pub started: Timestamp,
    /// From the request to the last event.
    pub wall: Duration,
    /// Every step.
    pub trace: Trace,
    /// Bytes of file content that the context transfer sent.
    pub sent: u64,
    /// The whole log.
    pub log: Vec<u8>,
    /// The images that its steps made, in the short form of their ids; only the classic builder leaves any.
    pub made: BTreeSet<String>,
}

/// What is heard of a build while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A step began.
    Running {
        /// What the engine calls it.
        name: &'a str,
        /// When, in nanoseconds since 1970 by the engine's clock.
        since: u64,
    },
    /// A step made the image of that id, in its short form.
    Made(&'a str),
}

/// Why a build has no image, or a transfer has not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The step of a build that failed, as the engine names it; `None` if no step did.
    pub step: Option<String>,
    /// What the engine said.
    pub message: String,
}

/// A container to be started.
#[derive(Clone, Debug)]
pub struct ContainerSpec<'a> {
    /// Its name, which makes it ours.
    pub name: &'a str,
    /// The image.
    pub image: &'a str,
    /// Environment variables beside those of the image.
    pub env: &'a BTreeMap<String, String>,
    /// Replaces the image's command.
    pub command: Option<&'a [String]>,
    /// A port to be published on loopback.
    pub port: Option<u16>,
    /// Labels.
    pub labels: &'a BTreeMap<String, String>,
}

/// An answer to a request for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body; what is not UTF-8 is replaced.
    pub body: String,
}

/// How a question reaches a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nobody knows yet: its published port is asked first.
    Unknown,
    /// Through its published port.
    Published,
    /// Through a visitor: a container in its network, over the engine's own connection.
    Visited,
}

/// The name of the container that visits another.
pub fn visitor_of(container: &str) -> String {
    format!("{container}-visitor")
}

/// How a removal ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// It was not there.
    Absent,
    /// The engine refused, because somebody uses it.
    Refused(String),
}

/// A record of the engine's build cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheRecord {
    /// Its id.
    pub id: String,
    /// The records that it stands on.
    pub parents: Vec<String>,
    /// What it holds, in the engine's words.
    pub description: String,
    /// Bytes.
    pub size: u64,
    /// Whether a build is using it.
    pub in_use: bool,
    /// When its step began to make it, in nanoseconds since 1970 by the engine's clock; 0 if the engine does not say.
    pub created: u64,
}

/// A Docker Engine.
#[expect(async_fn_in_trait, reason = "engines are generic parameters, never objects, and runs use one task")]
pub trait Engine {
    /// What it says of itself.
    async fn about(&self) -> Result<About>;
    /// An image by name or id.
    async fn image(&self, name: &str) -> Result<Option<Image>>;
    /// All images that carry a label.
    async fn images(&self, label: &str) -> Result<Vec<Image>>;
    /// Every image by its id, those of steps too.
    async fn stored(&self) -> Result<BTreeMap<String, Stored>>;
    /// What made the topmost layer of an image, in the engine's words; `None` if the image is not there.
    async fn made_by(&self, image: &str) -> Result<Option<String>>;
    /// Pulls an image for a platform, or for the engine's own.
    async fn pull(&self, name: &str, platform: Option<&str>) -> Result<()>;
    /// Builds. A build that fails is an answer; an error means that the engine could not be asked.
    /// `heard` is told of steps as they begin. Dropping the future cancels the build.
    async fn build(&self, request: &BuildRequest<'_>, heard: &mut dyn FnMut(Heard<'_>)) -> Result<Built>;
    /// Blots out those secrets, and what the engine's own configuration holds of the kind.
    fn redactor(&self, secrets: &[Secret]) -> Result<Redactor>;
    /// The layers of an image, read from what the engine saves.
    async fn layers(&self, image: &str) -> Result<Vec<Layer>>;
    /// Creates and starts a container.
    async fn start(&self, spec: &ContainerSpec<'_>) -> Result<()>;
    /// Gets a path from a port of a running container. `Ok(None)` means not yet: refused, reset, cut off.
    async fn get(&self, container: &str, port: u16, path: &str, deadline: Duration)
    -> Result<Option<Answer>>;
    /// How the questions of `get` reach its containers.
    fn reach(&self) -> Reach;
    /// Whether, since this was asked last, a container was visited to find that out, which costs its start time.
    fn take_trial(&self) -> bool;
    /// Whether a container still runs; if not, its exit code.
    async fn exit_code(&self, container: &str) -> Result<Option<i64>>;
    /// What a container wrote: standard output, then both streams.
    async fn logs(&self, container: &str) -> Result<(String, String)>;
    /// The names of all containers, running or not, whose name starts with `prefix`.
    async fn containers(&self, prefix: &str) -> Result<Vec<String>>;
    /// Ends and removes a container with its anonymous volumes.
    async fn remove_container(&self, name: &str) -> Result<Removal>;
    /// Removes a name of an image, and the image with its last name; images that it was made from stay.
    async fn remove_image(&self, reference: &str) -> Result<Removal>;
    /// Removes a network.
    async fn remove_network(&self, name: &str) -> Result<Removal>;
    /// Every record of the build cache.
    async fn cache(&self) -> Result<Vec<CacheRecord>>;
    /// Removes one record of the build cache, if nothing stands on it.
    async fn prune(&self, id: &str) -> Result<()>;
    /// Gives an image a name in a registry and pushes it there. A push that fails is an answer. The name stays.
    async fn push(&self, image: &str, name: &str, patience: Patience) -> Result<PushTrace>;
    /// Pulls an image, minding the time. A pull that fails is an answer.
    async fn pull_timed(&self, name: &str, patience: Patience) -> Result<PullTrace>;
    /// Starts a node in a container of this engine.
    async fn host(&self, settings: node::ContainerSettings) -> Result<node::ContainerNode>;
    /// Starts a relay, through which this engine asks a server on this machine.
    async fn relay(&self, settings: &RelaySettings) -> Result<Relay>;
}
