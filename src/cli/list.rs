//! `dbench list`: the scenarios and their variants.

use super::Format;
use super::config::Config;
use super::scenarios;
use super::screen::Screen;
use crate::error::{Error, Exit, Result};
use crate::results::Builder;
use crate::runner::scenario_record;
use crate::scenario::Scenario;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  dbench list                       the scenarios of ./scenarios
  dbench list --scenarios examples  those of another folder
  dbench list --format json         the same for programs";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The folder of scenarios
    #[arg(long, env = "DBENCH_SCENARIOS", value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// How to print the list
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn list(arguments: &Arguments, config: &Config, screen: &Screen) -> Result<Exit> {
    let found = scenarios::find_and_say(config, &arguments.scenarios, &[], screen)?;
    let all = &found.all;
    let text = match arguments.format {
        Format::Text => all.iter().map(described).collect::<Vec<_>>().join("\n"),
        Format::Json => {
            let records =
                all.iter().map(|s| scenario_record(s, &[Builder::Buildkit])).collect::<Result<Vec<_>>>()?;
            let mut text = serde_json::to_string_pretty(&records)
                .map_err(|cause| Error::surroundings("cannot write JSON").because(cause))?;
            text.push('\n');
            text
        }
    };
    screen.print(&text)?;
    Ok(Exit::Done)
}

fn described(scenario: &Scenario) -> String {
    let mut text = format!("{}  {} ({})\n", scenario.name, scenario.title, scenario.language);
    for variant in &scenario.variants {
        let file = variant.path.file_name().unwrap_or_default().to_string_lossy();
        let baseline = if variant.baseline { ", the baseline" } else { "" };
        text.push_str(&format!("  {}  {file}{baseline}\n", variant.name));
    }
    text
}
