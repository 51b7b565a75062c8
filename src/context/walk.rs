//! Owns the walk over a context: which entries one transfer asks for, and their order on the wire.
//! It holds one folder listing for each level, never the tree.

use super::glob::{Dialect, Glob};
use super::{Patterns, clean};
use crate::error::{Error, Result, files};
use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// What one transfer asks for.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// What is left out; without patterns, nothing.
    pub patterns: Option<Patterns>,
    /// Only these paths, with wildcards, what is below them, and what the symlinks on the way point to; empty: everything.
    pub follow: Vec<String>,
}

/// A file, folder or symlink of the context.
#[derive(Debug)]
pub struct Entry {
    /// Relative to the context, with slashes.
    pub path: String,
    /// Where it stands.
    pub full: PathBuf,
    /// Of the entry itself: symlinks are not followed.
    pub metadata: Metadata,
}

/// Hands out the selected entries: depth first, each folder sorted by file name, a folder before what it holds (even a
/// folder that is left out, if something in it is not). An engine refuses any other order.
pub fn walk(
    root: &Path,
    selection: &Selection,
    emit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<()> {
    let follow = follow(root, &selection.follow)?;
    let mut walk = Walk { patterns: selection.patterns.as_ref(), follow, held: Vec::new(), emit };
    walk.folder(root, "").map(|_| ())
}

struct Walk<'a> {
    patterns: Option<&'a Patterns>,
    follow: Vec<Vec<Glob>>,
    /// Folders on the way that are not selected themselves and wait for something in them that is not.
    held: Vec<Entry>,
    emit: &'a mut dyn FnMut(Entry) -> ControlFlow<()>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, relative: &str) -> Result<ControlFlow<()>> {
        for full in files::list(folder)? {
            let name = full.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
                Error::input(format!("{} has a name that is not UTF-8", full.display()))
                    .hint("rename the file, or leave it out of the context's folder: builders take UTF-8 names only")
            })?;
            let path = if relative.is_empty() { name.to_owned() } else { format!("{relative}/{name}") };
            let asked = self.asked(&path);
            if asked == Asked::No {
                continue;
            }
            let metadata = match full.symlink_metadata() {
                // Gone since the folder was listed: as if it had never been there.
                Err(cause) if cause.kind() == ErrorKind::NotFound => continue,
                Err(cause) => {
                    return Err(
                        Error::surroundings(format!("cannot look at {}", full.display())).because(cause)
                    );
                }
                Ok(metadata) => metadata,
            };
            let excluded = self.patterns.is_some_and(|patterns| patterns.excludes(&path));
            let is_dir = metadata.is_dir();
            if asked == Asked::OnTheWay && !is_dir {
                continue;
            }
            if excluded
                && !(is_dir && self.patterns.is_some_and(|patterns| patterns.may_hold_included(&path)))
            {
                continue;
            }
            let holding = self.held.len();
            self.held.push(Entry { path: path.clone(), full: full.clone(), metadata });
            if asked == Asked::Yes && !excluded {
                for entry in self.held.drain(..) {
                    if (self.emit)(entry).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            if is_dir && self.folder(&full, &path)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            self.held.truncate(holding);
        }
        Ok(ControlFlow::Continue(()))
    }

    fn asked(&self, path: &str) -> Asked {
        if self.follow.is_empty() {
            return Asked::Yes;
        }
        let depth = path.split('/').count();
        let leads =
            |parts: &&Vec<Glob>| parts.iter().zip(path.split('/')).all(|(part, name)| part.matches(name));
        let mut asked = Asked::No;
        for parts in self.follow.iter().filter(leads) {
            if parts.len() <= depth {
                return Asked::Yes;
            }
            asked = Asked::OnTheWay;
        }
        asked
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    No,
    /// It leads to something asked for.
    OnTheWay,
    /// It, or a folder that it is in.
    Yes,
}

/// The asked paths with the targets of their symlinks, split into parts; empty if everything is asked for.
fn follow(root: &Path, asked: &[String]) -> Result<Vec<Vec<Glob>>> {
    let mut resolved = BTreeSet::new();
    for path in asked {
        resolve(root, path, &mut resolved)?;
    }
    if resolved.contains(".") {
        return Ok(Vec::new());
    }
    let parse = |path: &String| {
        path.split('/').map(|part| Glob::parse(part, Dialect::Part)).collect::<Result<Vec<_>, _>>().map_err(
            |why| {
                Error::input(format!(
                    "the builder asked for the path `{path}`, which is not a pattern: {why}"
                ))
                .hint("correct the source of the COPY or ADD instruction that names it")
            },
        )
    };
    resolved.iter().map(parse).collect()
}

/// Adds one asked path and, for every symlink on it, where that leads; the same link is followed once.
fn resolve(root: &Path, asked: &str, resolved: &mut BTreeSet<String>) -> Result<()> {
    let asked = clean(&format!("/{asked}"));
    let mut current = String::new();
    let mut rest = asked.trim_start_matches('/');
    if rest.is_empty() {
        resolved.insert(".".to_owned());
        return Ok(());
    }
    loop {
        let (part, after) = rest.split_once('/').unwrap_or((rest, ""));
        let targets = targets(root, &current, part)?;
        current = if current.is_empty() { part.to_owned() } else { format!("{current}/{part}") };
        if targets.is_empty() && !after.is_empty() {
            rest = after;
            continue;
        }
        if resolved.insert(current) {
            for target in targets {
                resolve(root, &format!("{target}/{after}"), resolved)?;
            }
        }
        return Ok(());
    }
}

/// Where the symlinks named by one part (with wildcards) of a path lead, seen from the context's root.
fn targets(root: &Path, folder: &str, part: &str) -> Result<Vec<String>> {
    let place = root.join(folder);
    let candidates = if part.contains(['*', '?', '[']) {
        match Glob::parse(part, Dialect::Part) {
            Ok(glob) if place.is_dir() => files::list(&place)?
                .into_iter()
                .filter(|path| {
                    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| glob.matches(name))
                })
                .collect(),
            _ => Vec::new(),
        }
    } else {
        vec![place.join(part)]
    };
    let links = candidates.iter().filter_map(|path| path.read_link().ok());
    Ok(links
        .map(|link| {
            let link = link.to_string_lossy();
            if link.starts_with('/') { link.into_owned() } else { format!("{folder}/{link}") }
        })
        .collect())
}

#[cfg(test)]
mod tests;
