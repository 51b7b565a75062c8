//! `dbench registry`: the embedded registry alone, until it is told to end.

use super::screen::Screen;
use super::signals::Signals;
use crate::error::{Error, Exit, Result};
use crate::registry::{Limits, Registry, Settings};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

/// How often the meter is emptied.
const FORGETTING: Duration = Duration::from_secs(10);

const EXAMPLES: &str = "\
Examples:
  dbench registry                                     on 127.0.0.1:5000, and nothing is kept
  dbench registry --addr 127.0.0.1:5001 --dir images  on another port, and kept";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Where to listen; port 0 is any free one. Nobody is asked who they are: leave it on loopback unless the network is
    /// your own
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000", value_parser = address)]
    addr: SocketAddr,
    /// The folder that keeps the content; a temporary one if left out
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// The value of `--addr`: a name such as `localhost` stands for the first address that it has.
fn address(text: &str) -> Result<SocketAddr, String> {
    let found = text.to_socket_addrs().map_err(|cause| cause.to_string());
    found.and_then(|mut all| all.next().ok_or_else(|| "the name has no address".to_owned())).map_err(|why| {
        format!("{why}; write HOST:PORT, such as 127.0.0.1:5000 or localhost:0, port 0 being any free one")
    })
}

pub(super) async fn registry(arguments: Arguments, screen: &Screen) -> Result<Exit> {
    let mut signals = Signals::listen()?;
    // It is removed with all its content when the command ends.
    let temporary = match arguments.dir {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(|cause| {
            Error::surroundings("cannot make a temporary folder").because(cause).hint("name one with --dir")
        })?),
    };
    let folder = arguments.dir.or_else(|| temporary.as_ref().map(|folder| folder.path().to_path_buf()));
    let settings =
        Settings { address: arguments.addr, folder: folder.unwrap_or_default(), limits: Limits::default() };
    let registry = Registry::serve(settings).await?;
    announce(&registry, temporary.is_some(), screen)?;
    loop {
        tokio::select! {
            () = signals.next() => break,
            // Nobody reads the meter here, and it would grow for as long as this runs.
            () = tokio::time::sleep(FORGETTING) => drop(registry.meter().take()),
        }
    }
    registry.stop().await;
    Ok(Exit::Done)
}

fn announce(registry: &Registry, temporary: bool, screen: &Screen) -> Result<()> {
    let address = registry.address();
    if !address.ip().is_loopback() {
        screen.problem(
            "warning",
            &format!("{address} is not loopback: whoever reaches it can push, pull and delete, and is not asked who it is"),
        );
    }
    let kept = if temporary { "; its content goes when it ends" } else { "" };
    screen.print(&format!("listening on {address}{kept}\n"))
}
