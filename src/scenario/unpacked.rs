//! Owns the folder that the carried scenarios are unpacked to: its name is a hash of their content, it is held to that content
//! whenever it is used, and whoever uses it keeps others from removing it.
//! Leaves to `carried` what is in it, and to `cli` when it is used.

use super::carried::{self, Files};
use crate::error::{Error, Result, files, shown};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a folder that somebody removes at the same moment is tried again, and how long apart.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

/// The carried scenarios as files. They stay as long as this lives.
#[derive(Debug)]
pub struct Unpacked {
    folder: PathBuf,
    /// Locked for all who use the folder; whoever removes it needs the lock alone.
    _held: File,
}

/// What [`remove_unpacked`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// The folders that are gone.
    pub removed: Vec<PathBuf>,
    /// The folders that another dbench uses.
    pub left: Vec<PathBuf>,
}

impl Unpacked {
    /// Unpacks the carried scenarios below the user's state folder, unless they stand there as they should. What other
    /// versions of dbench unpacked there goes, but for what is in use.
    pub fn below(state: &Path) -> Result<Self> {
        Self::of(&carried::shipped(), &state.join("scenarios"))
    }

    fn of(all: &Files, parent: &Path) -> Result<Self> {
        files::create_dir_all(parent)?;
        let folder = parent.join(name(all));
        for _ in 0..ATTEMPTS {
            if let Some(held) = hold(&folder)? {
                if is_as(&folder, all)? {
                    return Ok(Self { folder, _held: held });
                }
                drop(held);
                if !remove(&folder)? {
                    return Err(Error::surroundings("the unpacked scenarios were changed, and another dbench uses them")
                        .in_file(folder)
                        .hint("wait for it or end it; they are then unpacked anew. To change one, `dbench new NAME --from \
                               SCENARIO` writes it to a folder of yours"));
                }
            } else if let Some(held) = unpack(all, parent, &folder)? {
                remove_below(parent, Some(&folder))?;
                return Ok(Self { folder, _held: held });
            }
            std::thread::sleep(PAUSE);
        }
        Err(Error::surroundings("the unpacked scenarios are removed again and again")
            .in_file(folder)
            .hint("wait until no `dbench clean` goes on"))
    }

    /// Where they stand.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Removes what was unpacked below the user's state folder, but for what is in use.
pub fn remove_unpacked(state: &Path) -> Result<Removed> {
    remove_below(&state.join("scenarios"), None)
}

fn remove_below(parent: &Path, kept: Option<&Path>) -> Result<Removed> {
    let mut done = Removed::default();
    if !parent.is_dir() {
        return Ok(done);
    }
    for folder in files::list(parent)?.into_iter().filter(|folder| Some(folder.as_path()) != kept) {
        if remove(&folder)? { done.removed.push(folder) } else { done.left.push(folder) }
    }
    Ok(done)
}

/// The folder's name: what its content comes to.
fn name(all: &Files) -> String {
    let mut hasher = Sha256::new();
    for (path, content) in all {
        for part in [path.as_os_str().as_encoded_bytes(), content] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    crate::hex::encode(&hasher.finalize())[..16].to_owned()
}

/// Holds a folder for use; `None` if it is not there, or somebody removes it.
fn hold(folder: &Path) -> Result<Option<File>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let held = match files::open(folder) {
        Err(_) if !folder.exists() => return Ok(None),
        opened => opened?,
    };
    match held.try_lock_shared() {
        Ok(()) => Ok(is_same(&held, folder).then_some(held)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(cause)) => Err(unlocked(folder, cause)),
    }
}

/// Whether the open folder is still what its path leads to.
fn is_same(held: &File, folder: &Path) -> bool {
    let place = |of: std::io::Result<std::fs::Metadata>| of.ok().map(|of| (of.dev(), of.ino()));
    place(held.metadata()).is_some_and(|held| place(folder.metadata()) == Some(held))
}

/// Writes the files beside their place, then gives the folder its name; `None` if somebody else was first.
fn unpack(all: &Files, parent: &Path, folder: &Path) -> Result<Option<File>> {
    let failed =
        |cause| Error::surroundings(format!("cannot write below {}", parent.display())).because(cause);
    let beside = tempfile::Builder::new().prefix("new-").tempdir_in(parent).map_err(failed)?;
    // Whoever removes what is left of others may have taken it for that until it is held.
    let Some(held) = hold(beside.path())? else { return Ok(None) };
    carried::write(beside.path(), all)?;
    match files::rename(beside.path(), folder) {
        Ok(()) => {
            // It has another name now, under which it stays.
            let _ = beside.keep();
            Ok(Some(held))
        }
        Err(_) if folder.exists() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a folder that nobody uses; `false` if somebody does.
fn remove(folder: &Path) -> Result<bool> {
    let held = match files::open(folder) {
        Err(_) if !folder.exists() => return Ok(true),
        opened => opened?,
    };
    match held.try_lock() {
        Ok(()) if folder.is_dir() => files::remove_dir_all(folder).map(|()| true),
        Ok(()) => files::remove(folder).map(|()| true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(cause)) => Err(unlocked(folder, cause)),
    }
}

fn unlocked(folder: &Path, cause: std::io::Error) -> Error {
    Error::surroundings(format!("cannot lock {}", shown(folder).display())).because(cause)
}

/// Whether a folder holds these files, byte for byte, and nothing else.
fn is_as(folder: &Path, all: &Files) -> Result<bool> {
    let mut seen = BTreeSet::new();
    if !all_known(folder, folder, all, &mut seen)? || seen.len() != all.len() {
        return Ok(false);
    }
    for (path, content) in all {
        if files::read(&folder.join(path))? != *content {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether all that stands below `dir` is a plain file of these, or a folder that leads to one.
fn all_known(root: &Path, dir: &Path, all: &Files, seen: &mut BTreeSet<PathBuf>) -> Result<bool> {
    for path in files::list(dir)? {
        let relative = path.strip_prefix(root).unwrap_or(&path);
        let metadata = path.symlink_metadata().map_err(|cause| {
            Error::surroundings(format!("cannot look at {}", path.display())).because(cause)
        })?;
        let known = if metadata.is_dir() {
            all.keys().any(|file| file.starts_with(relative)) && all_known(root, &path, all, seen)?
        } else {
            let plain = metadata.is_file() && metadata.permissions().mode() & 0o111 == 0;
            seen.insert(relative.to_owned());
            plain && all.contains_key(relative)
        };
        if !known {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
