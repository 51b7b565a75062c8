//! Owns what a build cannot take in of a context: it is found before anything is built, unless an ignore file names it.
//! A FIFO is no obstacle: docker sends it, the classic builder keeps it and BuildKit leaves it out. Of a socket or a device
//! BuildKit makes an empty file, and the classic builder nothing or a device: no two builds of one context would be of the
//! same files.

use super::{Patterns, Selection, classic_ignore_file, ignore_file, walk};
use crate::error::{Error, Result, files, shown};
use crate::results::Builder;
use crate::scenario::{Scenario, Variant};
use rustix::fs::{Access, access};
use std::collections::BTreeSet;
use std::fs::Metadata;
use std::ops::ControlFlow;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

const HINT: &str = "remove it, let it be read, or leave it out with a line in .dockerignore";

/// What a builder leaves out of a context: the ignore file and what it says.
#[derive(Clone, Debug)]
pub struct Ignored {
    /// Where it stands.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
    /// What the text says.
    pub patterns: Patterns,
}

impl Ignored {
    /// What a builder leaves out of the unedited context for a variant; `None` without an ignore file.
    ///
    /// # Errors
    /// If the file cannot be read, or holds what is no pattern.
    pub fn by(builder: Builder, variant: &Variant, context: &Path) -> Result<Option<Self>> {
        let Some(file) = file_of(builder, variant, context) else { return Ok(None) };
        let text = files::read_to_string(&file).map_err(|error| unreadable(&file, error.reason()))?;
        let patterns = Patterns::parse(&text).map_err(|error| match error.place() {
            Some(_) => error,
            None => error.in_file(shown(&file)),
        })?;
        Ok(Some(Self { file, text, patterns }))
    }
}

/// The ignore file that a builder reads for a variant.
fn file_of(builder: Builder, variant: &Variant, context: &Path) -> Option<PathBuf> {
    match builder {
        Builder::Buildkit => ignore_file(&variant.path, context),
        Builder::Classic => classic_ignore_file(context),
    }
}

/// Refuses an ignore file that a symbolic link leads out of the scenario, or that of a context out of the context: builders
/// are sent the link and not the file, and read what they find there.
fn stays_inside(file: &Path, scenario: &Scenario) -> Result<()> {
    let (root, whose) = match file.parent() == Some(scenario.context.as_path()) {
        true => (&scenario.context, "context"),
        false => (&scenario.dir, "scenario"),
    };
    let real = |path: &Path| path.canonicalize().map_err(|cause| unreadable(path, cause));
    let is_absolute = file.read_link().is_ok_and(|target| target.is_absolute());
    if !is_absolute && real(file)?.starts_with(real(root)?) {
        return Ok(());
    }
    Err(Error::input(format!("the ignore file is a link that leads out of the {whose}"))
        .in_file(shown(file))
        .hint("put the file itself there"))
}

/// Looks through all that the builds of a run are sent, for what they could not take in.
///
/// # Errors
/// The first such file, or a wrong ignore file.
pub fn check(scenarios: &[Scenario], builders: &[Builder]) -> Result<()> {
    let each = || scenarios.iter().flat_map(|scenario| scenario.variants.iter().map(move |v| (scenario, v)));
    // Variants that share an ignore file see the same files.
    let mut seen = BTreeSet::new();
    for builder in builders {
        for (scenario, variant) in each() {
            if variant.lacking(*builder)?.is_some() {
                continue;
            }
            if let Some(file) = file_of(*builder, variant, &scenario.context) {
                stays_inside(&file, scenario)?;
            }
            let ignored = Ignored::by(*builder, variant, &scenario.context)?;
            let overlays = [&scenario.source, &scenario.deps].into_iter().flatten();
            let overlays = overlays.filter_map(|edit| edit.overlay.as_ref());
            for root in std::iter::once(&scenario.context).chain(overlays) {
                if seen.insert((root.clone(), ignored.as_ref().map(|ignored| ignored.file.clone()))) {
                    look_through(root, ignored.as_ref().map(|ignored| &ignored.patterns))?;
                }
            }
        }
    }
    Ok(())
}

fn look_through(root: &Path, ignored: Option<&Patterns>) -> Result<()> {
    let mut found = Ok(());
    let selection = Selection { patterns: ignored.cloned(), follow: Vec::new() };
    walk(root, &selection, &mut |entry| {
        found = passable(&entry.full, &entry.metadata);
        if found.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
    .map_err(|error| match error.advice() {
        Some(_) => error,
        None => unreadable(root, error.reason()),
    })?;
    found
}

/// Whether a build can take in what is at a path.
///
/// # Errors
/// What is in the way.
pub(super) fn passable(path: &Path, metadata: &Metadata) -> Result<()> {
    let kind = metadata.file_type();
    let needed = match () {
        () if kind.is_socket() => return Err(special(path, "a socket")),
        () if kind.is_block_device() || kind.is_char_device() => return Err(special(path, "a device")),
        () if kind.is_dir() => Access::READ_OK | Access::EXEC_OK,
        () if kind.is_file() => Access::READ_OK,
        () => return Ok(()),
    };
    access(path, needed).map_err(|cause| unreadable(path, std::io::Error::from(cause)))
}

fn special(path: &Path, kind: &str) -> Error {
    Error::input(format!("{kind} stands in the context, and builders make different things of it"))
        .in_file(shown(path))
        .hint("remove it, or leave it out with a line in .dockerignore")
}

/// A part of a context that cannot be read.
pub(super) fn unreadable(path: &Path, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::input("it cannot be read, and the build is to take it in")
        .in_file(shown(path))
        .because(cause)
        .hint(HINT)
}

#[cfg(test)]
mod tests;
