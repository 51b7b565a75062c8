//! Owns what dbench must know of a Dockerfile: its stages, what each step takes in, and where image names stand.
//! What it cannot read exactly it refuses, so that nothing is measured under a false name.

mod lexer;
mod needs;
mod news;
mod parse;
mod rewrite;
mod steps;
#[cfg(test)]
mod tests;
mod variables;

pub use news::News;

use crate::error::{Error, Result, line_and_column};
use crate::results::Builder;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

/// A Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dockerfile {
    /// Its bytes, unchanged.
    pub text: String,
    /// In the order of the file.
    pub stages: Vec<Stage>,
    path: PathBuf,
    names: Vec<ImageName>,
    transfers: Vec<Transfer>,
    needs: Vec<Need>,
    frontend: Option<String>,
    news: Vec<(News, usize)>,
}

/// Something that only BuildKit can do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Need {
    stage: usize,
    line: usize,
    what: String,
}

/// Where an image is named in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ImageName {
    span: Range<usize>,
    name: String,
}

/// Files that a stage takes from another stage or image: COPY --from and RUN --mount from=.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The stage that takes them.
    pub stage: usize,
    /// The line, from 1.
    pub line: usize,
    /// Where they come from.
    pub from: Origin,
    /// What is taken, as written.
    pub sources: Vec<String>,
}

/// One `FROM …` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// From 0.
    pub index: usize,
    /// Its name in lower case.
    pub name: Option<String>,
    /// What it starts from.
    pub from: Origin,
    /// Its steps.
    pub steps: Vec<Step>,
    /// The line of FROM, from 1.
    pub line: usize,
}

/// Where files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nothing.
    Scratch,
    /// An earlier stage.
    Stage(usize),
    /// An image, after ARG substitution.
    Image(String),
}

/// What an engine reports as a numbered step of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The instruction.
    pub kind: StepKind,
    /// The line it begins on, from 1.
    pub line: usize,
    /// The instruction with its lines joined, as an engine shows it.
    pub text: String,
    /// The here-documents that it opens.
    pub documents: Vec<String>,
    /// What a RUN runs, its shell in front.
    pub command: Option<String>,
    /// What it takes in.
    pub takes: Takes,
}

/// The instructions that become steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// RUN
    Run,
    /// COPY
    Copy,
    /// ADD
    Add,
    /// WORKDIR
    Workdir,
    /// WORKDIR that leads to the root, which is a step to the classic builder alone.
    Root,
}

/// What a step takes in, beside the stage it stands in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Takes {
    /// Patterns of files of the context.
    pub context: Vec<String>,
    /// Stages, by index.
    pub stages: Vec<usize>,
    /// Images, by name.
    pub images: Vec<String>,
    /// Secrets, by id.
    pub secrets: Vec<SecretMount>,
}

/// `RUN --mount=type=secret`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMount {
    /// What the build calls the secret.
    pub id: String,
    /// Whether the step fails without it.
    pub required: bool,
}

impl Dockerfile {
    /// The index of the stage to build: by name or number, the last one if none is named.
    pub fn target(&self, name: Option<&str>) -> Result<usize> {
        let Some(name) = name else {
            return Ok(self.stages.len().saturating_sub(1));
        };
        let lower = name.to_lowercase();
        let by_name = self.stages.iter().rposition(|stage| stage.name.as_ref() == Some(&lower));
        let by_number = || name.parse().ok().filter(|index| *index < self.stages.len());
        by_name.or_else(by_number).ok_or_else(|| {
            let names: Vec<_> = self.stages.iter().filter_map(|s| s.name.as_deref()).collect();
            let hint = if names.is_empty() {
                "name a stage with `FROM … AS <name>`, or leave the target out".to_owned()
            } else {
                format!("its named stages are {}", names.join(", "))
            };
            Error::input(format!("{} has no stage `{name}`", self.path.display())).hint(hint)
        })
    }

    /// The stages that the target needs, itself among them.
    pub fn needed(&self, target: usize) -> BTreeSet<usize> {
        let mut needed = BTreeSet::new();
        let mut open = vec![target];
        while let Some(index) = open.pop() {
            let Some(stage) = self.stages.get(index) else { continue };
            if needed.insert(index) {
                if let Origin::Stage(parent) = stage.from {
                    open.push(parent);
                }
                open.extend(stage.steps.iter().flat_map(|step| &step.takes.stages));
            }
        }
        needed
    }

    /// The stages that a builder builds: BuildKit those that the target needs, the classic builder all up to the target.
    pub fn built(&self, target: usize, builder: Builder) -> BTreeSet<usize> {
        match builder {
            Builder::Buildkit => self.needed(target),
            Builder::Classic => (0..=target).filter(|index| *index < self.stages.len()).collect(),
        }
    }

    /// Why a builder cannot build the target: the first thing that only BuildKit can do.
    pub fn lacking(&self, target: usize, builder: Builder) -> Option<String> {
        let need = self.needs.iter().find(|need| need.stage <= target)?;
        let Need { line, what, .. } = need;
        (builder == Builder::Classic).then(|| format!("line {line}: {what} needs BuildKit"))
    }

    /// The images that the stages which a builder builds use.
    pub fn bases(&self, target: usize, builder: Builder) -> BTreeSet<String> {
        let mut bases = BTreeSet::new();
        for stage in self.built(target, builder).into_iter().filter_map(|index| self.stages.get(index)) {
            if let Origin::Image(name) = &stage.from {
                bases.insert(name.clone());
            }
            bases.extend(stage.steps.iter().flat_map(|step| step.takes.images.iter().cloned()));
        }
        bases
    }

    /// The image that `# syntax=` lets read the file in the builder's place.
    pub fn frontend(&self) -> Option<&str> {
        self.frontend.as_deref()
    }

    /// The image that the target rests on in the end; `None` for scratch.
    pub fn final_base(&self, target: usize) -> Option<&str> {
        let mut stage = self.stages.get(target)?;
        loop {
            match &stage.from {
                Origin::Scratch => return None,
                Origin::Image(name) => return Some(name),
                // Only earlier stages can be named, so this ends.
                Origin::Stage(parent) => stage = self.stages.get(*parent)?,
            }
        }
    }

    /// Where an image is named first, in bytes from the beginning of the text.
    pub fn first_place(&self, image: &str) -> Option<usize> {
        self.names.iter().find(|named| named.name == image).map(|named| named.span.start)
    }

    /// The stages whose FROM stands on a line above that of a place in the text, lowest last.
    pub fn stages_above(&self, offset: usize) -> impl Iterator<Item = &Stage> {
        let (line, _) = line_and_column(&self.text, offset);
        self.stages.iter().take_while(move |stage| stage.line < line)
    }

    /// What stages take from other stages and images, in the order of the file.
    pub fn transfers(&self) -> &[Transfer] {
        &self.transfers
    }
}
