//! The engine that a run builds on, and what its builds may read and nobody may keep.

use crate::engine::docker::DockerEngine;
use crate::engine::endpoint::Endpoint;
use crate::error::Result;
use crate::results::Builder;
use crate::runner::{Choice, Secrets};
use crate::scenario::Scenario;
use std::ffi::OsString;

/// Reads the secrets, so that a missing one is said before anything is asked, and connects by the user's configuration.
pub(super) async fn connect(
    scenarios: &[Scenario],
    builders: &[Builder],
    transfers: &Choice,
    context: Option<&str>,
) -> Result<(DockerEngine, Secrets)> {
    let secrets = secrets(scenarios, builders)?;
    let engine = DockerEngine::connect(&Endpoint::choose(context)?).await?.configured(&environment)?;
    Ok((engine.visiting_with(&transfers.relay_image), secrets))
}

/// The secrets of the builds.
///
/// # Errors
/// The first that is not there.
pub(super) fn secrets(scenarios: &[Scenario], builders: &[Builder]) -> Result<Secrets> {
    Secrets::resolve(scenarios, builders, &environment)
}

fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
