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
    let (all, wrong) = match scenarios::find_and_say(config, &arguments.scenarios, &[], screen) {
        Ok(found) => (found.all, Vec::new()),
        Err(error) => {
            let (all, wrong) = scenarios::each(config, &arguments.scenarios);
            // What is wrong with all of them together is no one's mistake.
            if all.is_empty() || wrong.is_empty() {
                return Err(error);
            }
            (all, wrong)
        }
    };
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
    wrong.iter().for_each(|error| screen.problem("error", &error.to_string()));
    Ok(if wrong.is_empty() { Exit::Done } else { Exit::Input })
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
