//! Owns where the scenarios of a command come from: the folder that is named, else the one that is found, else those that
//! dbench carries.
//! Leaves what they are to `scenario`.

use super::config::Config;
use super::screen::Screen;
use crate::error::Result;
use crate::runner::state_folder;
use crate::scenario::{Scenario, Unpacked};
use std::path::PathBuf;

/// Scenarios, and what they stand on.
pub(super) struct Found {
    pub(super) all: Vec<Scenario>,
    /// Where the carried ones were unpacked, if these are they. They stay there as long as this lives.
    pub(super) carried: Option<Unpacked>,
}

/// Loads them. Only where no folder is named and none is found, the carried ones are taken.
pub(super) fn find(config: &Config, given: &Option<PathBuf>) -> Result<Found> {
    let folder = config.scenarios(given);
    if !folder.is_built_in() || folder.value.exists() {
        return Ok(Found { all: Scenario::load_all(&folder.value)?, carried: None });
    }
    let carried = Unpacked::below(&state_folder()?)?;
    Ok(Found { all: Scenario::load_all(carried.folder())?, carried: Some(carried) })
}

/// The same, and says so where they are the carried ones.
pub(super) fn find_and_say(config: &Config, given: &Option<PathBuf>, screen: &Screen) -> Result<Found> {
    let found = find(config, given)?;
    if found.carried.is_some() {
        screen.say(
            "there is no folder scenarios here: these are the scenarios that dbench carries; `dbench new NAME --from \
             SCENARIO` writes one of them here, to be changed",
        );
    }
    Ok(found)
}
