//! Owns what a scenario is: its variants, edits, probe and claims, and how they are read from `scenario.toml` and Dockerfiles.
//! Leaves copies of the context to `context`, builds to `engine`, and what a claim comes to, to `report`.

pub mod bases;
pub mod carried;
mod disk;
pub mod dockerfile;
mod hash;
mod load;
mod nonce;
mod unpacked;

pub use dockerfile::{Dockerfile, News, Origin, SecretMount, Stage, Step, StepKind, Takes};
pub use nonce::Nonce;
pub use unpacked::{Removed, Unpacked, remove_unpacked};

use crate::error::Result;
use crate::results::{Builder, ClaimRecord, Phase};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A folder with one app, the variants that build it, and the probe that every image must pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub dir: PathBuf,
    /// What the report calls it.
    pub title: String,
    /// The language of the app.
    pub language: String,
    /// The section of `docs/multi-stage-patterns.md` that it implements.
    pub pattern: Option<String>,
    /// The build context, inside `dir`.
    pub context: PathBuf,
    /// In the order of the file, which is the order of rows and colours.
    pub variants: Vec<Variant>,
    /// One line of code changes.
    pub source: Option<Edit>,
    /// A dependency is added or changes.
    pub deps: Option<Edit>,
    /// Statements to be decided; each parses and names a variant.
    pub claims: Vec<ClaimRecord>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// SHA-256, in hexadecimal, over everything that a build or its proof depends on.
    pub hash: String,
}

impl Scenario {
    /// The variant that the others are compared with.
    pub fn baseline(&self) -> &Variant {
        // The loader lets no scenario pass that has none; the first stands in so that nothing can panic.
        self.variants.iter().find(|v| v.baseline).unwrap_or(&self.variants[0])
    }

    /// Whether some image is proven by an answer from a port.
    pub fn asks_a_port(&self) -> bool {
        self.variants.iter().any(|variant| matches!(variant.probe.expect, Expect::Http { .. }))
    }

    /// What is edited before a build of that phase.
    pub fn edit(&self, phase: Phase) -> Option<&Edit> {
        match phase {
            Phase::SourceEdit => self.source.as_ref(),
            Phase::DepsEdit => self.deps.as_ref(),
            Phase::Cold | Phase::Unchanged => None,
        }
    }

    /// The phases that it can be built in: all but the edits that it does not define.
    pub fn phases(&self) -> Vec<Phase> {
        let has =
            |phase: &Phase| matches!(phase, Phase::Cold | Phase::Unchanged) || self.edit(*phase).is_some();
        Phase::ALL.into_iter().filter(has).collect()
    }
}

/// One way to build the app.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// Whether the others are compared with it.
    pub baseline: bool,
    /// Path of the Dockerfile.
    pub path: PathBuf,
    /// The Dockerfile, with `args` filled in where image names stand.
    pub dockerfile: Dockerfile,
    /// The stage to build; the last one if none is named.
    pub target: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// What its flaw costs, or what makes it good.
    pub notes: Vec<String>,
    /// What its build may read: the scenario's secrets and its own.
    pub secrets: Vec<Secret>,
    /// The line and column of scenario.toml that let its build reach the user's SSH agent, if some do.
    pub ssh: Option<(usize, usize)>,
    /// How its image is proven to work: the scenario's probe with the variant's own changes.
    pub probe: Probe,
}

impl Variant {
    /// Why a builder cannot build it: the first thing that only BuildKit can do.
    ///
    /// # Errors
    /// If its target is no stage.
    pub fn lacking(&self, builder: Builder) -> Result<Option<String>> {
        let target = self.dockerfile.target(self.target.as_deref())?;
        let given = match (self.secrets.first(), self.ssh) {
            (Some(secret), _) => Some(format!("the secret `{}` needs BuildKit", secret.id)),
            (None, Some(_)) => Some("the SSH agent needs BuildKit".to_owned()),
            (None, None) => None,
        };
        let given = given.filter(|_| builder == Builder::Classic);
        Ok(self.dockerfile.lacking(target, builder).or(given))
    }
}

/// A secret of a build, by its source: what it holds stands in no scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// What `RUN --mount=type=secret,id=…` calls it.
    pub id: String,
    /// Where it comes from.
    pub source: SecretSource,
    /// The line and column of scenario.toml that name it.
    pub named: (usize, usize),
}

/// Where a secret comes from. A scenario cannot name a file outside of its own folder: only the user can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The value of a variable of the environment.
    Env(String),
    /// A file of the scenario, relative to its folder.
    File(PathBuf),
    /// The file whose path a variable of the environment holds.
    FileEnv(String),
}

/// How an image is proven to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Set in the container beside what the image sets.
    pub env: BTreeMap<String, String>,
    /// Takes the place of the image's own command.
    pub command: Option<Vec<String>>,
    /// What the image must answer.
    pub expect: Expect,
}

/// The answer that an image must give; `{nonce}` in it is filled in before comparing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// An answer over HTTP.
    Http {
        /// The port that the program listens on in its container.
        port: u16,
        /// Path and query of the request.
        path: String,
        /// The status that must come back.
        status: u16,
        /// The whole body, but for white space at its end.
        body: String,
    },
    /// What the command prints.
    Output {
        /// The whole output, but for white space at its end.
        text: String,
    },
}

/// What changes in a copy of the context before a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// A folder whose files are laid over the copy.
    pub overlay: Option<PathBuf>,
    /// The lines that get a fresh nonce.
    pub lines: Vec<EditLine>,
}

/// A line that carries a nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditLine {
    /// The file, relative to the context.
    pub file: PathBuf,
    /// The line without white space around it, with `{nonce}` in it.
    pub line: String,
}
