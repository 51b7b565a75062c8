//! Owns the command line: flags, the configuration file, and every word on the screen.
//! Leaves all work to the rooms below; each subcommand is a file of its own.

mod clean;
mod completions;
mod config;
mod doctor;
mod list;
mod man;
mod mapping;
mod new;
mod plan;
mod progress;
mod registry;
mod report;
mod run;
mod scenarios;
mod screen;
mod signals;
mod timeline;
mod variable;

use crate::error::{Exit, Result};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use config::Config;
use screen::Screen;

/// Measures, with evidence, what a multi-stage Docker build buys and what it costs.
#[derive(Debug, Parser)]
#[command(name = "dbench", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Colour on the terminal; NO_COLOR turns it off as well
    // The place is behind the flags of every subcommand, however many there are.
    #[arg(long, global = true, display_order = 900, value_enum, env = "DBENCH_COLOR", default_value_t = Colour::Auto)]
    color: Colour,
    /// The docker context of the engine; else DOCKER_HOST, DOCKER_CONTEXT or the current one, as with docker
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done; claims are shown whatever their outcome
  1    the surroundings failed (no engine, disk full)
  2    wrong input, nothing was started
  3    a build or transfer failed or was invalid in every round, or none counts; the rest is there
  4    a claim is refuted under `run --check-claims`, or `report --check` would change a file
  130  interrupted; everything measured is kept";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

/// The form in which data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build, prove and measure scenarios, and show what came out
    Run(run::Arguments),
    /// Show the scenarios and their variants
    List(list::Arguments),
    /// Show a run again, from its files alone: tables, Markdown, charts
    Report(report::Arguments),
    /// Show what is there, what is missing and how to get it
    Doctor(doctor::Arguments),
    /// Remove everything that dbench made in the engine, and nothing else
    Clean(clean::Arguments),
    /// Serve the embedded registry alone: push to it and pull from it, until it is told to end
    Registry(registry::Arguments),
    /// Write a scenario to begin with: a small one, or a copy of one that dbench carries
    New(new::Arguments),
    /// Print the script that completes dbench's commands and flags in a shell
    Completions(completions::Arguments),
    /// Print the manual, or write all of its pages
    Man(man::Arguments),
}

/// Reads the arguments, does what they ask for, and says what went wrong.
pub fn main() -> Exit {
    let arguments = match parse() {
        Ok(arguments) => arguments,
        Err(message) => {
            // Help and version go to standard output and are no mistake. A closed pipe is nobody's fault.
            let _ = message.print();
            return if message.use_stderr() { Exit::Input } else { Exit::Done };
        }
    };
    let screen = Screen::new(arguments.color);
    dispatch(arguments.command, arguments.context.as_deref(), &screen).unwrap_or_else(|error| {
        screen.problem("error", &error.to_string());
        error.exit()
    })
}

fn parse() -> Result<Arguments, clap::Error> {
    let mut command = Arguments::command();
    let given = command
        .try_get_matches_from_mut(std::env::args_os())
        .map_err(|error| variable::named(error, &command, std::env::args_os()))?;
    if let Some((flag, other)) = given.subcommand_matches("run").and_then(run::contradiction) {
        let said = format!("the argument '{flag}' cannot be used with '{other}'");
        let run = command.find_subcommand_mut("run");
        return Err(run.unwrap_or(&mut Arguments::command()).error(ErrorKind::ArgumentConflict, said));
    }
    Arguments::from_arg_matches(&given)
}

fn dispatch(command: Command, context: Option<&str>, screen: &Screen) -> Result<Exit> {
    let config = match command {
        // These speak of the program alone: a mistake in somebody's configuration is no reason to fail.
        Command::Completions(_) | Command::Man(_) => Config::default(),
        _ => Config::find()?,
    };
    match command {
        Command::Run(arguments) => block_on(run::run(arguments, context, &config, screen)),
        Command::List(arguments) => list::list(&arguments, &config, screen),
        Command::Report(arguments) => report::report(&arguments, &config, screen),
        Command::Doctor(arguments) => block_on(doctor::doctor(arguments, context, &config, screen)),
        Command::Clean(arguments) => block_on(clean::clean(arguments, context, screen)),
        Command::Registry(arguments) => block_on(registry::registry(arguments, screen)),
        Command::New(arguments) => new::new(&arguments, &config, screen),
        Command::Completions(arguments) => completions::completions(&arguments, Arguments::command(), screen),
        Command::Man(arguments) => man::man(&arguments, Arguments::command(), screen),
    }
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|cause| crate::error::Error::surroundings("cannot start the runtime").because(cause))?;
    let result = runtime.block_on(work);
    // A request that was cancelled may still wait for an answer; nobody wants it any more.
    runtime.shutdown_background();
    result
}
