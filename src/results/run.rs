//! Owns the shape of `run.json`: what made the numbers beside it, and what a report needs of the scenarios.
//! Leaves reading and writing the file to `folder`.

use super::{Builder, Phase};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The version of the shapes on disk; a reader refuses a newer one.
pub const SCHEMA: u32 = 1;
/// More rounds than these cannot be asked for.
pub const MOST_ROUNDS: u32 = 1000;

/// `run.json`: what made the numbers beside it, and what a report needs of the scenarios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Run {
    /// The version of this shape, [`SCHEMA`].
    pub schema: u32,
    /// The name of the run and of its folder.
    pub id: String,
    /// The version of dbench that measured.
    pub dbench: String,
    /// The git revision of the sources that the program was built from, where that is known.
    pub revision: Option<Revision>,
    /// The command line, without the path of the program.
    pub command: Vec<String>,
    /// The seed of the order of variants.
    pub seed: u64,
    /// How many rounds were asked for.
    pub rounds: u32,
    /// The phases that were asked for.
    pub phases: Vec<Phase>,
    /// The builder that claims are decided on: the only one, or BuildKit.
    pub builder: Builder,
    /// All builders of a run of several; empty where `builder` is the only one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builders: Vec<Builder>,
    /// The platform that images were built for, as in `linux/arm64`; `None` for the engine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// What was measured.
    #[serde(default = "Measure::first")]
    pub measure: Vec<Measure>,
    /// What pulled, if anything did.
    #[serde(default)]
    pub node: Option<NodeRecord>,
    /// The machine that ran dbench.
    pub host: Host,
    /// The engine that built.
    pub engine: EngineRecord,
    /// Every base image, and what it resolved to.
    pub bases: Vec<BaseRecord>,
    /// The scenarios, in the order in which they ran.
    pub scenarios: Vec<ScenarioRecord>,
    /// What a reader of the numbers should know: load, foreign builds, too little disk.
    pub warnings: Vec<String>,
    /// When the run began.
    pub started: Timestamp,
    /// When the run ended; `None` while it runs or if it was killed.
    pub ended: Option<Timestamp>,
    /// Whether a signal ended it before its plan was done. Runs that do not know of `failure` say so of an error as well.
    pub interrupted: bool,
    /// The error that ended it before its plan was done, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// When the run was taken up again, once for each time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<Timestamp>,
}

impl Run {
    /// Whether it did all that it was to do.
    pub fn is_whole(&self) -> bool {
        self.ended.is_some() && !self.interrupted && self.failure.is_none()
    }

    /// Every builder that it used, that of the claims first.
    pub fn all_builders(&self) -> Vec<Builder> {
        let others = self.builders.iter().copied().filter(|builder| *builder != self.builder);
        std::iter::once(self.builder).chain(others).collect()
    }
}

/// A part of what can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Build times.
    Build,
    /// Unpacked sizes.
    Size,
    /// Pushes and pulls.
    Transfer,
    /// From a container, or an empty store, to the first right answer.
    Start,
}

impl Measure {
    /// Everything that can be measured.
    pub const ALL: [Self; 4] = [Self::Build, Self::Size, Self::Transfer, Self::Start];

    /// What runs measured before they said it.
    fn first() -> Vec<Self> {
        vec![Self::Build, Self::Size]
    }

    /// The name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Size => "size",
            Self::Transfer => "transfer",
            Self::Start => "start",
        }
    }

    /// The part of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name() == name)
    }
}

/// What pulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// An engine of its own in namespaces of its own, with a link to the registry and to nothing else.
    Private,
    /// An engine in a container of the user's engine.
    Container,
    /// No engine: dbench's own puller, which reads bytes and unpacks nothing.
    None,
}

impl NodeKind {
    /// Every kind, the best first.
    pub const ALL: [Self; 3] = [Self::Private, Self::Container, Self::None];

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Container => "container",
            Self::None => "none",
        }
    }
}

/// What pulled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NodeRecord {
    /// The kind of node.
    pub kind: NodeKind,
    /// The version of its engine; `None` without an engine.
    pub engine: Option<String>,
    /// Where its images live: `graph` or `containerd`.
    pub store: Option<String>,
    /// The file system of its store, which decides how long unpacking takes.
    pub file_system: Option<String>,
    /// Whether what it pulled came through a relay, whose times are not those of a link.
    #[serde(default)]
    pub relayed: bool,
}

/// The git revision of a program's sources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Revision {
    /// The last commit that changed them.
    pub commit: String,
    /// Whether they had no changes against it.
    pub clean: bool,
}

/// The machine that ran dbench.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Host {
    /// Operating system and architecture, as in `linux/x86_64`.
    pub platform: String,
    /// The processor's own name.
    pub cpu: Option<String>,
    /// Number of logical cores.
    pub cores: Option<u32>,
    /// Bytes of main memory.
    pub memory: Option<u64>,
    /// Release of the kernel.
    pub kernel: Option<String>,
    /// The frequency governor of the first core.
    pub governor: Option<String>,
    /// Load average of the last minute when the run began, in hundredths.
    pub load_percent: Option<u32>,
}

/// The engine that built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EngineRecord {
    /// The engine's version.
    pub version: String,
    /// The version of the API that was negotiated.
    pub api: String,
    /// The storage driver, as in `overlay2`.
    pub driver: String,
    /// Where images live: `graph` or `containerd`.
    pub store: String,
    /// Operating system and architecture of the engine, as in `linux/x86_64`.
    pub platform: String,
    /// The operating system's own name.
    pub system: String,
    /// Number of cores that the engine has.
    pub cores: Option<u64>,
    /// Bytes of memory that the engine has.
    pub memory: Option<u64>,
}

/// A base image and what it resolved to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BaseRecord {
    /// The name that Dockerfiles use.
    pub name: String,
    /// The name that was used instead of it, if it was mapped.
    pub mapped: Option<String>,
    /// Whether what was used is a stand-in and not the official image or a mirror of it.
    pub stand_in: bool,
    /// The id of the image in the engine's store.
    pub image: String,
    /// The digest in a registry, if the engine knows one.
    pub digest: Option<String>,
}

/// What a report needs of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScenarioRecord {
    /// The name of its folder.
    pub name: String,
    /// One line that says what is built.
    pub title: String,
    /// The language of the app.
    pub language: String,
    /// The section of `docs/multi-stage-patterns.md` that it implements, if one.
    pub pattern: Option<String>,
    /// Hash over everything in its folder that a build depends on.
    pub hash: String,
    /// The variants in their order.
    pub variants: Vec<VariantRecord>,
    /// The claims in their order.
    pub claims: Vec<ClaimRecord>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// The names of the bases that its variants use, sorted.
    pub bases: Vec<String>,
    /// Whether all images that were probed gave the same, expected answer.
    /// `None` until the first was probed.
    pub agree: Option<bool>,
    /// How they disagreed or failed; empty if they did not.
    pub disagreement: String,
    /// Rounds whose samples do not count, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub spoiled: BTreeMap<u32, String>,
    /// Rounds that came to their end.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub finished: BTreeSet<u32>,
    /// Rounds that repeat another one, which is among the spoiled ones, when the run was resumed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub repeats: BTreeMap<u32, u32>,
    /// The phases that it can be built in: an edit that it does not define is none. Empty in runs that do not say it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
}

impl ScenarioRecord {
    /// The variant that the others are compared with. A loaded scenario always has one.
    pub fn baseline(&self) -> Option<&VariantRecord> {
        self.variants.iter().find(|v| v.baseline)
    }

    /// The bases that some variants use with a builder: those of the variants, or of all where these do not say it.
    pub fn bases_of<'a>(
        &'a self,
        builder: Builder,
        variants: impl Iterator<Item = &'a VariantRecord>,
    ) -> BTreeSet<&'a str> {
        let of_variants: Option<Vec<_>> =
            variants.map(|variant| Some(variant).filter(|v| !v.bases.is_empty())).collect();
        match of_variants {
            Some(known) => {
                known.iter().filter_map(|v| v.bases.get(&builder)).flatten().map(String::as_str).collect()
            }
            None => self.bases.iter().map(String::as_str).collect(),
        }
    }

    /// The round that stands in the place of one that was asked for: itself, or the last that repeats it.
    pub fn standing_for(&self, place: u32) -> u32 {
        let mut round = place;
        // A repetition has the higher number, so this comes to an end whatever the file says.
        while let Some((next, _)) = self.repeats.iter().find(|(new, old)| **old == round && **new > round) {
            round = *next;
        }
        round
    }
}

/// What a report needs of a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VariantRecord {
    /// Its name.
    pub name: String,
    /// Whether the others are compared with it.
    pub baseline: bool,
    /// Its Dockerfile, relative to the scenario's folder.
    pub dockerfile: String,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// The bases that its build with each builder uses. Empty in runs that do not say it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<Builder, BTreeSet<String>>,
}

/// A claim and who makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClaimRecord {
    /// The claim in the grammar of [`super::Claim`].
    pub text: String,
    /// The words in which it is made where it comes from.
    pub says: String,
}
