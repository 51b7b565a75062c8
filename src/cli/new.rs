//! `dbench new`: writes a scenario to begin with, a small one of its own or a copy of one that dbench carries.

use super::config::Config;
use super::screen::Screen;
use crate::error::{Error, Exit, Result, shown};
use crate::meant::meant;
use crate::scenario::{Scenario, carried};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  dbench new greeter                       a small scenario with a comment at every part
  dbench new my-service --from go-scratch  a copy of one that dbench carries";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// What the scenario is called, and its folder
    #[arg(value_name = "NAME")]
    name: String,
    /// Copy this scenario, one of those that dbench carries
    #[arg(long, value_name = "SCENARIO")]
    from: Option<String>,
    /// The folder of scenarios [default: scenarios]
    #[arg(long, env = "DBENCH_SCENARIOS", value_name = "DIR")]
    scenarios: Option<PathBuf>,
}

pub(super) fn new(arguments: &Arguments, config: &Config, screen: &Screen) -> Result<Exit> {
    let known = carried::names();
    if let Some(unknown) = arguments.from.as_deref().filter(|from| !known.contains(from)) {
        return Err(Error::input(format!("dbench carries no scenario `{unknown}`")).hint(format!(
            "{}it carries {}",
            meant(unknown, &known),
            known.join(", ")
        )));
    }
    let parent = config.scenarios(&arguments.scenarios);
    // Where that folder is found from now on, the carried ones are no longer taken.
    let instead_of_carried = parent.is_built_in() && !parent.value.exists();
    let parent = parent.value;
    let folder = carried::write_new(&parent, &arguments.name, arguments.from.as_deref())?;
    // What dbench writes must be what it reads.
    let scenario = Scenario::load(&folder)?;
    let variants: Vec<_> = scenario.variants.iter().map(|variant| variant.name.as_str()).collect();
    screen.print(&format!(
        "{}: {} ({}), with the variants {}\n",
        shown(&folder).display(),
        scenario.title,
        scenario.language,
        variants.join(", ")
    ))?;
    let elsewhere = if parent == config.scenarios(&None).value {
        String::new()
    } else {
        format!(" --scenarios {}", shown(&parent).display())
    };
    screen.say(&format!("change it, then: dbench run {} --plan{elsewhere}", arguments.name));
    if instead_of_carried {
        screen.say(&format!(
            "from now on `dbench run` takes what is in {}; a carried scenario is had there with `dbench new NAME --from \
             SCENARIO`",
            shown(&parent).display()
        ));
    }
    Ok(Exit::Done)
}
