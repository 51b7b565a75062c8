//! What a private node needs of this machine; what is missing is named with its cure.

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Programs and the Debian packages that they are in; each distribution has packages of like names.
const TOOLS: [(&str, &str); 6] = [
    ("bash", "bash"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("flock", "util-linux"),
    ("mount", "mount"),
    ("ip", "iproute2"),
];
/// Where administrators' programs stand; a user's PATH often leaves them out.
const ALWAYS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const ELSE: &str = "or take --node container, which needs an engine only";

/// The PATH of a supervisor.
pub(super) fn search_path() -> String {
    match std::env::var("PATH") {
        Ok(own) if !own.is_empty() => format!("{own}:{ALWAYS}"),
        _ => ALWAYS.to_owned(),
    }
}

/// An error that names the first thing that is missing.
pub(super) fn check(root: Option<&Path>) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Err(missing("a private node needs Linux", "take --node container"));
    }
    if !rustix::process::geteuid().is_root() {
        return Err(missing("a private node needs root", &format!("run dbench with sudo, {ELSE}")));
    }
    let path = search_path();
    for (tool, package) in TOOLS {
        if find(tool, &path).is_none() {
            let cure = format!("install the package {package}, {ELSE}");
            return Err(missing(&format!("a private node needs `{tool}`, which is not there"), &cure));
        }
    }
    match root {
        Some(root) => check_root(root),
        None if find("dockerd", &path).is_some() => Ok(()),
        None => Err(missing(
            "a private node needs `dockerd`, which is not there",
            &format!(
                "install Docker Engine (on Debian the package docker.io), name a root that holds one with --node-root, {ELSE}"
            ),
        )),
    }
}

fn check_root(root: &Path) -> Result<()> {
    let holds = |place: &str| root.join(place).join("dockerd").exists();
    if ["usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin"].into_iter().any(holds) {
        return Ok(());
    }
    Err(Error::input(format!("the root file system {} holds no `dockerd`", root.display()))
        .hint("unpack a system with Docker Engine there; `scripts/node-roots DIR` makes such roots"))
}

fn missing(what: &str, cure: &str) -> Error {
    Error::surroundings(what).hint(cure)
}

fn find(tool: &str, path: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(tool)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_without_an_engine_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let error = check_root(root.path()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the root file system {} holds no `dockerd`\n  hint: unpack a system with Docker Engine there; \
                 `scripts/node-roots DIR` makes such roots",
                root.path().display()
            )
        );
    }

    #[test]
    fn administrators_programs_are_found_whatever_the_path() {
        assert!(search_path().ends_with(ALWAYS));
        assert!(find("sh", ALWAYS).is_some());
        assert_eq!(find("no-such-tool", ALWAYS), None);
    }
}
