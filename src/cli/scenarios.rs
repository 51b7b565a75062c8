//! Owns where the scenarios of a command come from: the folder that is named, else the one that is found, else those that
//! dbench carries.
//! Leaves what they are to `scenario`.

use super::config::Config;
use super::screen::Screen;
use crate::error::{Error, Result, shown};
use crate::runner::state_folder;
use crate::scenario::{Scenario, Unpacked};
use std::path::PathBuf;

/// Scenarios, and what they stand on.
pub(super) struct Found {
    pub(super) all: Vec<Scenario>,
    /// Folders beside them that are none.
    pub(super) unmarked: Vec<PathBuf>,
    /// Where the carried ones were unpacked, if these are they. They stay there as long as this lives.
    pub(super) carried: Option<Unpacked>,
}

/// Loads them, or those that are named where all of these are there. Only where no folder is named and none is found, the
/// carried ones are taken.
pub(super) fn find(config: &Config, given: &Option<PathBuf>, names: &[String]) -> Result<Found> {
    let folder = config.scenarios(given);
    if !folder.is_built_in() || folder.value.exists() {
        let unmarked = Scenario::unmarked(&folder.value).unwrap_or_default();
        return Ok(Found { all: Scenario::load_all(&folder.value, names)?, unmarked, carried: None });
    }
    let carried = Unpacked::below(&state_folder()?)?;
    let all = Scenario::load_all(carried.folder(), names)?;
    Ok(Found { all, unmarked: Vec::new(), carried: Some(carried) })
}

/// Those of a folder that load, and what is wrong with the others.
pub(super) fn each(config: &Config, given: &Option<PathBuf>) -> (Vec<Scenario>, Vec<Error>) {
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for loaded in Scenario::load_each(&config.scenarios(given).value).unwrap_or_default() {
        match loaded {
            Ok(scenario) => all.push(scenario),
            Err(error) => wrong.push(error),
        }
    }
    (all, wrong)
}

/// The same, and says where they are the carried ones, and what one might take for one.
pub(super) fn find_and_say(
    config: &Config,
    given: &Option<PathBuf>,
    names: &[String],
    screen: &Screen,
) -> Result<Found> {
    let found = find(config, given, names)?;
    for folder in &found.unmarked {
        let said = format!("{} holds no scenario.toml, so it is no scenario", shown(folder).display());
        screen.problem("warning", &said);
    }
    if found.carried.is_some() {
        screen.say("dbench carries these scenarios; `dbench new NAME --from SCENARIO` writes one here, to be changed");
    }
    Ok(found)
}
