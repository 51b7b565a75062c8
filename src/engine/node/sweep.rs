//! What is left of a private node whose supervisor could not do its work: it was killed, or the machine lost its power.

use super::private::cgroup;
use crate::error::{Error, Result, files};
use rustix::fs::FlockOperation;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A node that is being made has no lock yet for this long at most.
const MAKING: Duration = Duration::from_secs(60);

/// Removes the folders and control groups of nodes that are no more, and gives their tokens. `folder` is where nodes
/// make their folders; a node that lives, whoever's it is, is left alone.
pub fn sweep(folder: &Path) -> Result<Vec<String>> {
    let mut swept = Vec::new();
    for node in if folder.is_dir() { files::list(folder)? } else { Vec::new() } {
        let token = node.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_token(&token) && is_dead(&node)? {
            remove_cgroups(Path::new("/sys/fs/cgroup"), &cgroup(&token))?;
            files::remove_dir_all(&node)?;
            swept.push(token);
        }
    }
    Ok(swept)
}

fn is_token(name: &str) -> bool {
    name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Its supervisor and its engine hold the lock as long as one of them lives.
fn is_dead(node: &Path) -> Result<bool> {
    let lock = node.join("lock");
    if lock.is_file() {
        return Ok(rustix::fs::flock(files::open(&lock)?, FlockOperation::NonBlockingLockExclusive).is_ok());
    }
    let made = node.metadata().and_then(|about| about.modified());
    Ok(made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > MAKING)))
}

/// In the first version of control groups there is one below each hierarchy, in the second one below the root.
fn remove_cgroups(root: &Path, name: &str) -> Result<()> {
    let hierarchies = if root.is_dir() { files::list(root)? } else { Vec::new() };
    for parent in std::iter::once(root.to_owned()).chain(hierarchies) {
        remove_group(parent.join(name))?;
    }
    Ok(())
}

/// A group goes once the groups below it are gone; its files go with it.
fn remove_group(group: PathBuf) -> Result<()> {
    if !group.is_dir() {
        return Ok(());
    }
    for below in files::list(&group)? {
        remove_group(below)?;
    }
    std::fs::remove_dir(&group).map_err(|cause| {
        Error::surroundings(format!("cannot remove the control group {}", group.display())).because(cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_are_swept_and_the_living_are_not() {
        let state = tempfile::tempdir().unwrap();
        for name in ["01234567", "89abcdef", "mine"] {
            files::create_dir_all(&state.path().join(name)).unwrap();
            files::write(&state.path().join(name).join("lock"), "").unwrap();
        }
        files::create_dir_all(&state.path().join("aaaaaaaa")).unwrap();
        let held = files::open(&state.path().join("89abcdef/lock")).unwrap();
        rustix::fs::flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(sweep(state.path()).unwrap(), ["01234567"]);
        let left: Vec<_> = files::list(state.path()).unwrap();
        assert_eq!(left, ["89abcdef", "aaaaaaaa", "mine"].map(|name| state.path().join(name)));
        assert_eq!(sweep(&state.path().join("absent")).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn groups_go_from_the_lowest_up() {
        let root = tempfile::tempdir().unwrap();
        for place in ["memory/ours/container", "ours/a/b", "memory/theirs"] {
            files::create_dir_all(&root.path().join(place)).unwrap();
        }
        remove_cgroups(root.path(), "ours").unwrap();
        let left = files::list(root.path()).unwrap();
        assert_eq!(left, [root.path().join("memory")]);
        assert_eq!(files::list(&left[0]).unwrap(), [left[0].join("theirs")]);
    }
}
