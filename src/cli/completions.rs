//! `dbench completions SHELL`: the script that completes subcommands, flags and their values in a shell.

use super::screen::Screen;
use crate::error::{Exit, Result};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  dbench completions bash  belongs into ~/.local/share/bash-completion/completions/dbench
  dbench completions zsh   belongs into _dbench in a folder of $fpath
  dbench completions fish  belongs into ~/.config/fish/completions/dbench.fish";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The shell that is to complete
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn completions(
    arguments: &Arguments,
    mut command: clap::Command,
    screen: &Screen,
) -> Result<Exit> {
    let (name, mut script) = (command.get_name().to_owned(), Vec::new());
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    screen.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
