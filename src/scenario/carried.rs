//! Owns the scenarios that the program carries, and the skeleton of a new one: their files, and writing a new scenario from
//! them.
//! Leaves to `unpacked` where the carried ones stand while they are used, and loading to `load`.

use super::load::is_name;
use crate::error::{Error, Result, files, shown};
use include_dir::{Dir, include_dir};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");
static SKELETON: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/assets/skeleton");

/// Files by their paths. None of them is a program or a link: neither is kept by what puts them into the program.
pub type Files = BTreeMap<PathBuf, &'static [u8]>;

/// The names of the scenarios that the program carries, sorted.
pub fn names() -> Vec<&'static str> {
    let scenarios = SHIPPED.dirs().filter(|dir| dir.get_file(dir.path().join("scenario.toml")).is_some());
    scenarios.filter_map(|dir| dir.path().to_str()).collect()
}

/// Every carried scenario, and of every base the contract that a scenario is held to.
pub fn shipped() -> Files {
    let names = names();
    let is_needed = |path: &Path| {
        names.iter().any(|name| path.starts_with(name))
            || path.starts_with("bases") && path.file_name().is_some_and(|name| name == "base.toml")
    };
    let mut all = Files::new();
    collect(&SHIPPED, &mut all);
    all.retain(|path, _| is_needed(path));
    all
}

/// One carried scenario, as it stands in its own folder.
fn scenario(name: &str) -> Result<Files> {
    let mut found = Files::new();
    for (path, content) in shipped() {
        if let Ok(path) = path.strip_prefix(name) {
            found.insert(path.to_owned(), content);
        }
    }
    if found.is_empty() || !names().contains(&name) {
        return Err(Error::input(format!("dbench carries no scenario `{name}`"))
            .hint(format!("it carries {}", names().join(", "))));
    }
    Ok(found)
}

fn skeleton() -> Files {
    let mut all = Files::new();
    collect(&SKELETON, &mut all);
    all
}

fn collect(dir: &Dir<'static>, all: &mut Files) {
    all.extend(dir.files().map(|file| (file.path().to_owned(), file.contents())));
    dir.dirs().for_each(|dir| collect(dir, all));
}

/// Writes files below a folder, which need not be there.
pub(super) fn write(folder: &Path, all: &Files) -> Result<()> {
    for (path, content) in all {
        let path = folder.join(path);
        files::create_dir_all(path.parent().unwrap_or(folder))?;
        files::write(&path, content)?;
    }
    Ok(())
}

/// Writes a new scenario below `scenarios`: a copy of a carried one, or else the skeleton. Gives its folder.
///
/// # Errors
/// If something of that name is there already: nothing is ever written over.
pub fn write_new(scenarios: &Path, name: &str, from: Option<&str>) -> Result<PathBuf> {
    if !is_name(name) {
        return Err(Error::input(format!("`{name}` cannot be the name of a scenario"))
            .hint("use lower-case letters, digits and `-`, a letter first"));
    }
    let folder = scenarios.join(name);
    if folder.symlink_metadata().is_ok() {
        return Err(Error::input("there is something of that name already, and nothing is written over")
            .in_file(shown(&folder))
            .hint("choose another name, or move it away"));
    }
    let all = match from {
        None => skeleton(),
        Some(carried) => scenario(carried)?,
    };
    if let Err(error) = write(&folder, &all) {
        // Half a scenario would stand in the way of the next attempt. What is left then is named by that attempt.
        let _ = files::remove_dir_all(&folder);
        return Err(error);
    }
    Ok(folder)
}
