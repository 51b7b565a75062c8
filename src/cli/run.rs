//! `dbench run`: builds, proves and measures scenarios, and shows what came out.

mod engine;
mod gap;
mod measure;
mod resume;

use super::Format;
use super::config::{Builders, Config, deadline};
use super::scenarios::{self, Found};
use super::screen::Screen;
use super::{mapping, plan};
use crate::context as build_context;
use crate::engine::node::ImageStore;
use crate::engine::{About, Engine, Patience, Reach};
use crate::error::{Error, Exit, Result};
use crate::image::same_image;
use crate::meant::meant;
use crate::report::{Document, charts};
use crate::results::{
    Builder, Loaded, MOST_ROUNDS, Measure, NodeKind, Phase, Run, RunFolder, SCHEMA, Writer,
};
use crate::runner::bases::Bases;
use crate::runner::{self, Choice, Deadlines, Lock, Planned, Selection, Settings, host, revision};
use crate::scenario::Scenario;
use clap::parser::ValueSource;
use gap::has_gap;
use jiff::Timestamp;
use measure::{Surroundings, measure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The image of a node in a container, which may be mapped as a base is.
const NODE_IMAGE: &str = "docker:dind";
/// The image of a relay, which may be mapped as well.
const RELAY_IMAGE: &str = "alpine/socat:latest";
/// How long a node or a relay may take to come up.
const NODE_DEADLINE: Duration = Duration::from_secs(60);

const EXAMPLES: &str = "\
Examples:
  dbench run go-scratch --quick             one scenario, one round of cold and source-edit
  dbench run --plan                         the builds to come; runs nothing
  dbench run --rounds 6 --phase cold        enough rounds for a verdict on time
  dbench run --variant single,multi         two variants of every scenario
  dbench run --measure build,size           no pushes, pulls and starts
  dbench run --check-claims --format json   for CI: exit code 4 if a claim is refuted";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Scenarios by name; all if none is named
    #[arg(value_name = "SCENARIO")]
    names: Vec<String>,
    /// Passes over all variants and phases [default: 3]
    #[arg(long, env = "DBENCH_ROUNDS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_ROUNDS)))]
    rounds: Option<u32>,
    /// Go on with a run that did not come to its end: its folder, its id, or `latest`
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,
    /// Only these phases: cold, unchanged, source-edit, deps-edit
    #[arg(long, value_name = "PHASE", value_delimiter = ',', value_parser = phase)]
    phase: Vec<Phase>,
    /// Which builder: buildkit, classic, both [default: buildkit]
    #[arg(long, env = "DBENCH_BUILDER", value_name = "BUILDER", value_parser = Builders::parse)]
    builder: Option<Builders>,
    /// Build for this platform, such as linux/arm64 [default: the engine's own]
    #[arg(long, env = "DBENCH_PLATFORM", value_name = "PLATFORM", value_parser = runner::normal_platform)]
    platform: Option<String>,
    /// Only these variants
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    variant: Vec<String>,
    /// Only these parts: build, size, transfer, start [default: all]
    #[arg(long, env = "DBENCH_MEASURE", value_name = "PART", value_delimiter = ',', value_parser = part)]
    measure: Vec<Measure>,
    /// What pulls: auto, private (an engine of its own), container, none (dbench itself) [default: auto]
    #[arg(long, env = "DBENCH_NODE", value_name = "KIND", value_parser = node, default_value = "auto", hide_default_value = true)]
    node: Node,
    /// A root file system with the engine that a private node runs
    #[arg(long, env = "DBENCH_NODE_ROOT", value_name = "DIR")]
    node_root: Option<PathBuf>,
    /// How a node keeps images: graph, containerd [default: as the engine that builds]
    #[arg(long, env = "DBENCH_NODE_STORE", value_name = "STORE", value_parser = store)]
    node_store: Option<ImageStore>,
    /// The folder of scenarios [default: scenarios]
    #[arg(long, env = "DBENCH_SCENARIOS", value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// The folder of runs [default: results]
    #[arg(long, env = "DBENCH_OUT", value_name = "DIR")]
    out: Option<PathBuf>,
    /// Use another image for a base, as a mirror or a stand-in
    #[arg(long, value_name = "NAME=IMAGE", value_parser = mapping::parse)]
    base: Vec<(String, String)>,
    /// Seed of the order of variants [default: taken from the clock]
    #[arg(long, env = "DBENCH_SEED", value_name = "N")]
    seed: Option<u64>,
    /// Leave the images in the engine until `dbench clean`
    #[arg(long)]
    keep: bool,
    /// One round of cold and source-edit
    #[arg(long)]
    quick: bool,
    /// Show the builds to come, their number and an estimate; run nothing
    #[arg(long)]
    plan: bool,
    /// Draw every chart as PNG as well, at twice its size
    #[arg(long)]
    png: bool,
    /// End with exit code 4 if a claim is refuted
    #[arg(long)]
    check_claims: bool,
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Longest time of one build, in seconds
    #[arg(long, value_name = "S", default_value_t = deadline::BUILD, value_parser = clap::value_parser!(u64).range(1..))]
    build_deadline: u64,
    /// Longest silence in a build, in seconds
    #[arg(long, value_name = "S", default_value_t = deadline::SILENCE, value_parser = clap::value_parser!(u64).range(1..))]
    silence_deadline: u64,
    /// Longest time from the start of a container to its right answer, in seconds
    #[arg(long, value_name = "S", default_value_t = deadline::PROBE, value_parser = clap::value_parser!(u64).range(1..))]
    probe_deadline: u64,
    /// Longest time of one push or pull, in seconds
    #[arg(long, value_name = "S", default_value_t = deadline::TRANSFER, value_parser = clap::value_parser!(u64).range(1..))]
    transfer_deadline: u64,
}

/// What pulls; `None` stands for the best that can be had.
#[derive(Clone, Copy, Debug)]
struct Node(Option<NodeKind>);

/// The value of `--phase`.
pub(super) fn phase(text: &str) -> Result<Phase, String> {
    let known = Phase::ALL.map(Phase::name);
    let unknown = || format!("it is not one of {}", known.join(", "));
    Phase::parse(text).ok_or_else(|| match meant(text, &known).as_str() {
        "" => unknown(),
        meant => format!("{}; {}", unknown(), meant.trim_end()),
    })
}

fn part(text: &str) -> Result<Measure, String> {
    let known = Measure::ALL.map(Measure::name).join(", ");
    Measure::parse(text).ok_or_else(|| format!("it is not one of {known}"))
}

fn node(text: &str) -> Result<Node, String> {
    if text == "auto" {
        return Ok(Node(None));
    }
    let known = NodeKind::ALL.map(NodeKind::name).join(", ");
    NodeKind::parse(text)
        .map(|kind| Node(Some(kind)))
        .ok_or_else(|| format!("it is not one of auto, {known}"))
}

/// A flag beats the environment, so only what was given as a flag contradicts `--quick`, `--resume` or `--measure`.
pub(super) fn contradiction(given: &clap::ArgMatches) -> Option<(&'static str, &'static str)> {
    let flag = |id: &str| given.value_source(id) == Some(ValueSource::CommandLine);
    let resumed = resume::TAKEN_FROM_THE_RUN.into_iter().filter(|_| flag("resume"));
    let quick =
        [("rounds", "--rounds <N>"), ("phase", "--phase <PHASE>")].into_iter().filter(|_| flag("quick"));
    let parts = given.get_many::<Measure>("measure").into_iter().flatten().collect::<Vec<_>>();
    let pulls_nothing = flag("measure") && !parts.contains(&&Measure::Transfer);
    let unheard = [("node_root", "--node-root <DIR>"), ("node_store", "--node-store <STORE>")];
    let unheard = unheard.into_iter().filter(|_| pulls_nothing);
    let of = |whose| move |(id, shown)| (whose, id, shown);
    let mut others = resumed
        .map(of("--resume <RUN>"))
        .chain(quick.map(of("--quick")))
        .chain(unheard.map(of("--measure <PART> without transfer")));
    others.find(|(_, id, _)| flag(id)).map(|(whose, _, shown)| (whose, shown))
}

fn store(text: &str) -> Result<ImageStore, String> {
    let known = ImageStore::ALL.map(ImageStore::name).join(", ");
    ImageStore::parse(text).ok_or_else(|| format!("it is not one of {known}"))
}

pub(super) async fn run(
    arguments: Arguments,
    context: Option<&str>,
    config: &Config,
    screen: &Screen,
) -> Result<Exit> {
    if let Some(name) = &arguments.resume {
        return resume::resume(&arguments, name, context, config, screen).await;
    }
    let out = config.out(&arguments.out).value;
    // The carried ones stay where they are unpacked until the run has ended.
    let Found { all, carried: _carried, .. } =
        scenarios::find_and_say(config, &arguments.scenarios, &arguments.names, screen)?;
    let mut scenarios = runner::select(all, &arguments.names, &arguments.variant)?;
    for left_out in runner::with_edits(&mut scenarios, &arguments.phase)? {
        screen.problem("warning", &left_out);
    }
    let selection = selection(&arguments, config);
    build_context::check(&scenarios, &selection.builders)?;
    let plan = selection.all(&scenarios);
    for name in mapping::unused(&arguments.base, &scenarios, &selection.builders)?
        .into_iter()
        .filter(|name| ![NODE_IMAGE, RELAY_IMAGE].iter().any(|image| same_image(image, name)))
    {
        screen.problem("warning", &format!("--base {name}: no scenario of this run uses that base"));
    }
    let mut map = config.bases.clone();
    map.extend(arguments.base.iter().cloned());
    let measured =
        if arguments.measure.is_empty() { Measure::ALL.to_vec() } else { arguments.measure.clone() };
    let transfers = transfers(&arguments, &map);
    let transferring = measured.contains(&Measure::Transfer);
    if transferring {
        transfers.check()?;
    }
    if arguments.plan {
        if let Err(missing) = engine::secrets(&scenarios, &selection.builders) {
            screen.problem("warning", &format!("{missing}"));
        }
        for mounted in runner::unnamed_secrets(&scenarios, &selection.builders)? {
            screen.problem("warning", &mounted);
        }
        let transfers = transferring.then_some(&transfers);
        return plan::show(&plan, transfers, &scenarios, &map, &out, arguments.format, screen)
            .map(|()| Exit::Done);
    }
    let (engine, secrets) = engine::connect(&scenarios, &selection.builders, &transfers, context).await?;
    let (about, state) = (engine.about().await?, runner::state_folder()?);
    let lock = Lock::take(&state, &about.id)?;
    for builder in &selection.builders {
        engine.has(*builder).await?;
    }
    let platform = config.platform(&arguments.platform).value;
    let bases = Bases::resolve(&engine, &scenarios, &map, &selection.builders, platform.as_deref()).await?;
    if engine.reach() == Reach::Visited && scenarios.iter().any(Scenario::asks_a_port) {
        engine.have_visitors().await?;
    }
    let run = description(&selection, &measured, platform.clone(), &about, &scenarios, &bases)?;
    let settings = Settings {
        rounds: selection.rounds(&scenarios),
        selection,
        keep: arguments.keep,
        deadlines: deadlines(&arguments),
        state,
        secrets,
        measure: measured,
        transfers,
        platform,
    };
    let writer = Writer::create(&out, &run)?;
    lock.of_run(writer.folder().path());
    let dir = arguments.scenarios.as_deref();
    let place = Surroundings { engine: &engine, about: &about, scenarios: &scenarios, dir, bases };
    let folder = measure(place, settings, run, writer, screen).await?;
    conclude(&arguments, &plan, folder, screen)
}

fn selection(arguments: &Arguments, config: &Config) -> Selection {
    let (rounds, phases) = if arguments.quick {
        (1, vec![Phase::Cold, Phase::SourceEdit])
    } else {
        let phases = if arguments.phase.is_empty() { Phase::ALL.to_vec() } else { arguments.phase.clone() };
        (config.rounds(arguments.rounds).value, phases)
    };
    let from_clock = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0) % 1_000_000;
    let seed = config.choose(&arguments.seed, &config.defaults.seed, from_clock).value;
    let builders = config.builders(arguments.builder).value.all();
    Selection { rounds, phases, seed, builders }
}

fn deadlines(arguments: &Arguments) -> Deadlines {
    Deadlines {
        build: Duration::from_secs(arguments.build_deadline),
        silence: Duration::from_secs(arguments.silence_deadline),
        probe: Duration::from_secs(arguments.probe_deadline),
    }
}

fn transfers(arguments: &Arguments, map: &BTreeMap<String, String>) -> Choice {
    let whole = Duration::from_secs(arguments.transfer_deadline);
    let mapped = |name: &str| runner::bases::mapped(map, name).unwrap_or(name).to_owned();
    Choice {
        node: arguments.node.0,
        root: arguments.node_root.clone(),
        store: arguments.node_store,
        image: mapped(NODE_IMAGE),
        relay_image: mapped(RELAY_IMAGE),
        deadline: NODE_DEADLINE,
        patience: Patience { deadline: whole, silence: whole },
    }
}

fn description(
    selection: &Selection,
    measure: &[Measure],
    platform: Option<String>,
    about: &About,
    scenarios: &[Scenario],
    bases: &Bases,
) -> Result<Run> {
    let started = Timestamp::now();
    Ok(Run {
        schema: SCHEMA,
        id: started.strftime("%Y%m%dT%H%M%SZ").to_string(),
        dbench: env!("CARGO_PKG_VERSION").to_owned(),
        revision: revision::of_this_program(),
        command: std::env::args().skip(1).collect(),
        seed: selection.seed,
        rounds: selection.rounds,
        phases: selection.phases.clone(),
        builder: selection.builders.first().copied().unwrap_or(Builder::Buildkit),
        builders: if selection.builders.len() > 1 { selection.builders.clone() } else { Vec::new() },
        platform,
        measure: measure.to_vec(),
        node: None,
        host: host::host(),
        engine: about.record.clone(),
        bases: bases.records(),
        scenarios: scenarios
            .iter()
            .map(|scenario| runner::scenario_record(scenario, &selection.builders))
            .collect::<Result<_>>()?,
        warnings: Vec::new(),
        started,
        ended: None,
        interrupted: false,
        failure: None,
        resumed: Vec::new(),
    })
}

/// How to go on with a run, with the folder of its scenarios if that was named.
fn going_on(folder: &RunFolder, scenarios: Option<&Path>) -> String {
    let folder = crate::error::shown(folder.path());
    let scenarios = scenarios.map_or(String::new(), |dir| format!(" --scenarios {}", dir.display()));
    format!("`dbench run --resume {}{scenarios}` goes on with what is missing", folder.display())
}

/// Prints and draws what came out, and decides the exit code: 130, then 3, then 4.
fn conclude(arguments: &Arguments, plan: &[Planned], folder: RunFolder, screen: &Screen) -> Result<Exit> {
    let loaded = Loaded::read(folder)?;
    let document = Document::new(&loaded);
    let charts = super::report::drawn(&loaded, charts(&loaded)?, arguments.png)?;
    let written = super::report::write_charts(&loaded, &charts);
    screen.print_styled(&match arguments.format {
        Format::Text => {
            super::report::in_words(&document, &loaded, written.is_ok() && !charts.is_empty(), screen)
        }
        Format::Json => document.json(),
    })?;
    screen.say(&format!("run: {}", crate::error::shown(loaded.folder.path()).display()));
    if arguments.keep {
        screen.say("its images stay in the engine until `dbench clean`");
    }
    written?;
    let refuted = document.refuted();
    Ok(if loaded.run.interrupted {
        let hint = going_on(&loaded.folder, arguments.scenarios.as_deref());
        screen.problem("error", &Error::interrupted().hint(hint).to_string());
        Exit::Interrupted
    } else if has_gap(plan, &loaded.samples) {
        Exit::Incomplete
    } else if arguments.check_claims && !refuted.is_empty() {
        refuted.iter().for_each(|claim| screen.problem("error", &format!("refuted: {claim}")));
        Exit::Refuted
    } else {
        Exit::Done
    })
}
