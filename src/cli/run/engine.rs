//! The engine that a run builds on, and what its builds may read and nobody may keep.

use crate::engine::docker::DockerEngine;
use crate::engine::endpoint::Endpoint;
use crate::error::Result;
use crate::results::Builder;
use crate::runner::{Choice, Secrets};
use crate::scenario::Scenario;

/// Reads the secrets, so that a missing one is said before anything is asked, and connects by the user's configuration.
pub(super) async fn connect(
    scenarios: &[Scenario],
    builders: &[Builder],
    transfers: &Choice,
    context: Option<&str>,
) -> Result<(DockerEngine, Secrets)> {
    let environment = |name: &str| std::env::var_os(name);
    let secrets = Secrets::resolve(scenarios, builders, &environment)?;
    let engine = DockerEngine::connect(&Endpoint::choose(context)?).await?.configured(&environment)?;
    Ok((engine.visiting_with(&transfers.relay_image), secrets))
}
