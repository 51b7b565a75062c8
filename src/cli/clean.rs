//! `dbench clean`: removes what dbench made in the engine and what it unpacked, and nothing else.

use super::screen::Screen;
use crate::engine::Engine;
use crate::engine::docker::DockerEngine;
use crate::engine::endpoint::Endpoint;
use crate::error::{Exit, Result};
use crate::runner::{self, Lock};
use crate::scenario::remove_unpacked;

const EXAMPLES: &str = "\
Examples:
  dbench clean          what runs left in the engine
  dbench clean --bases  the stand-in bases as well";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Remove the stand-in bases as well
    #[arg(long)]
    bases: bool,
}

pub(super) async fn clean(arguments: Arguments, context: Option<&str>, screen: &Screen) -> Result<Exit> {
    let state = runner::state_folder()?;
    // This needs no engine.
    let unpacked = remove_unpacked(&state)?;
    if !unpacked.removed.is_empty() {
        screen.print("removed: the unpacked scenarios that dbench carries\n")?;
    }
    for folder in unpacked.left {
        screen.print(&format!("left: {}, which another dbench uses\n", folder.display()))?;
    }
    let engine = DockerEngine::connect(&Endpoint::choose(context)?).await?;
    let id = engine.about().await?.id;
    let _lock = Lock::take(&state, &id)?;
    let cleaned = runner::clean(&engine, &id, &state, arguments.bases).await?;
    screen.print(&format!(
        "removed: {} containers, {} nodes, {} networks, {} images, {} records of the build cache\n",
        cleaned.containers.len(),
        cleaned.nodes.len(),
        cleaned.networks.len(),
        cleaned.images.len(),
        cleaned.records
    ))?;
    // What is left is held by somebody else, from whom nothing is ever taken: the work is done, so the code is 0.
    for left in &cleaned.left {
        screen.print(&format!("left: {left}\n"))?;
    }
    Ok(Exit::Done)
}
