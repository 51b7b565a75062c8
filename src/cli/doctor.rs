//! `dbench doctor`: what is there, what is missing, and its cure.

mod machine;

use super::Format;
use super::config::{Builders, Config, deadline};
use super::scenarios;
use super::screen::{Screen, fold};
use crate::engine::docker::DockerEngine;
use crate::engine::endpoint::{Address, Endpoint, Tls};
use crate::engine::node::PrivateNode;
use crate::engine::{Engine, STAND_IN_LABEL};
use crate::error::{Error, Exit, Result, shown};
use crate::results::{Builder, Measure};
use crate::runner::{bases, emulated, in_use, normal_platform, state_folder};
use crate::scenario::Scenario;
use machine::Look;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  dbench doctor                what is there, and what to do about what is not
  dbench doctor --format json  the same for programs";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The folder of scenarios
    #[arg(long, env = "DBENCH_SCENARIOS", value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// What a run would take from its environment; flags of the run itself, so not shown
    #[arg(long, env = "DBENCH_ROUNDS", hide = true, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,
    #[arg(long, env = "DBENCH_SEED", hide = true)]
    seed: Option<u64>,
    #[arg(long, env = "DBENCH_OUT", hide = true)]
    out: Option<PathBuf>,
    #[arg(long, env = "DBENCH_BUILDER", hide = true, value_parser = Builders::parse)]
    builder: Option<Builders>,
    #[arg(long, env = "DBENCH_PLATFORM", hide = true, value_parser = normal_platform)]
    platform: Option<String>,
    #[arg(long, env = "DBENCH_MEASURE", hide = true)]
    measure: Option<String>,
    #[arg(long, env = "DBENCH_NODE", hide = true)]
    node: Option<String>,
    #[arg(long, env = "DBENCH_NODE_ROOT", hide = true)]
    node_root: Option<String>,
    #[arg(long, env = "DBENCH_NODE_STORE", hide = true)]
    node_store: Option<String>,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The least room for what was found.
const NARROWEST: usize = 30;

/// How a thing is, for a program that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Mark {
    /// As it should be.
    Ok,
    /// Not looked at, or not told by the machine.
    Unknown,
    /// Runs go on, with less.
    Warn,
    /// Nothing can be run before it is mended.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Finding {
    mark: Mark,
    what: String,
    found: String,
    /// What it does to a measurement; `None` for what is no part of the machine.
    effect: Option<&'static str>,
    /// What to do about it; `None` if it is as it should be, or unknown.
    cure: Option<String>,
}

#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn fine(&mut self, what: &str, found: impl Into<String>) {
        self.push(Mark::Ok, what, found.into(), None);
    }

    fn unknown(&mut self, what: &str, found: impl Into<String>) {
        self.push(Mark::Unknown, what, found.into(), None);
    }

    fn worse(&mut self, what: &str, found: impl Into<String>, cure: impl Into<String>) {
        self.push(Mark::Warn, what, found.into(), Some(cure.into()));
    }

    fn problem(&mut self, what: &str, found: impl Into<String>, cure: impl Into<String>) {
        self.push(Mark::Bad, what, found.into(), Some(cure.into()));
    }

    /// A folder that a run writes below.
    fn written(&mut self, what: &str, folder: &Path, said: String, cure: &str) {
        match unwritable(folder) {
            Some(why) => self.problem(what, format!("{said}: {why}"), cure),
            None => self.fine(what, said),
        }
    }

    /// What it all comes to.
    fn verdict(&self) -> String {
        let marked = |mark: Mark| {
            let names =
                self.0.iter().filter(|finding| finding.mark == mark).map(|finding| finding.what.as_str());
            // Of many things of one kind the kind is named once.
            names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        let (bad, worse) = (marked(Mark::Bad), marked(Mark::Warn));
        if !bad.is_empty() {
            format!("`dbench run` does not work here before this is mended: {}", bad.join(", "))
        } else if worse.is_empty() {
            "`dbench run` works here".to_owned()
        } else {
            format!("`dbench run` works here; to be looked at before: {}", worse.join(", "))
        }
    }

    fn push(&mut self, mark: Mark, what: &str, found: String, cure: Option<String>) {
        self.0.push(Finding { mark, what: what.to_owned(), found, effect: None, cure });
    }
}

pub(super) async fn doctor(
    arguments: Arguments,
    context: Option<&str>,
    config: &Config,
    screen: &Screen,
) -> Result<Exit> {
    let look = Look::begin(Path::new("/"));
    let mut findings = Findings::default();
    look_at_config(&mut findings, config, &arguments);
    findings.fine("color", screen.colour_and_source());
    look_at_surroundings(&mut findings, arguments.node_root.as_deref().map(Path::new));
    let scenarios = match scenarios::find(config, &arguments.scenarios, &[]) {
        Ok(found) => {
            let carried = if found.carried.is_some() { ", those that dbench carries" } else { "" };
            findings.fine("scenarios found", format!("{}{carried}", found.all.len()));
            found.all
        }
        Err(error) => {
            let (all, _wrong) = scenarios::each(config, &arguments.scenarios);
            let cure = error.advice().unwrap_or("mend the file");
            if all.is_empty() {
                findings.problem("scenarios", error.reason(), cure);
            } else {
                let others = format!("{cure}; until then name those that are to run: {} load", all.len());
                findings.worse("scenarios", error.reason(), others);
            }
            all
        }
    };
    findings.0.extend(look.end().await);
    let no_engine = match connected(&mut findings, context).await {
        Ok((endpoint, engine)) => {
            look_at_engine(&mut findings, &endpoint, &engine, &scenarios, config, &arguments).await?;
            false
        }
        Err(error) => {
            findings.0.push(machine::disk(None));
            findings.problem("engine", error.reason(), error.advice().unwrap_or("start one").to_owned());
            true
        }
    };
    screen.print(&match arguments.format {
        Format::Text => text(&findings, screen.page()),
        Format::Json => json(&findings)?,
    })?;
    Ok(if no_engine { Exit::Surroundings } else { Exit::Done })
}

fn look_at_config(findings: &mut Findings, config: &Config, arguments: &Arguments) {
    match &config.path {
        Some(path) => findings.fine("configuration", shown(path).display().to_string()),
        None => findings.fine("configuration", "no dbench.toml here or above"),
    }
    let rounds = config.rounds(arguments.rounds);
    findings.fine("rounds", format!("{} ({})", rounds.value, rounds.from));
    let known = |seed: Option<u64>| seed.map(|seed| seed.to_string());
    let from_clock = "taken from the clock".to_owned();
    let seed = config.choose(&known(arguments.seed), &known(config.defaults.seed), from_clock);
    findings.fine("seed", format!("{} ({})", seed.value, seed.from));
    let folder = config.scenarios(&arguments.scenarios);
    findings.fine("scenarios", format!("{} ({})", shown(&folder.value).display(), folder.from));
    let out = config.out(&arguments.out);
    let said = format!("{} ({})", shown(&out.value).display(), out.from);
    findings.written("results", &out.value, said, "name one that can be written with --out");
    let builders = config.builders(arguments.builder);
    findings.fine("builders used", format!("{} ({})", builders.value.name(), builders.from));
    let platform = config.platform(&arguments.platform);
    let name = platform.value.as_deref().unwrap_or("the engine's own");
    findings.fine("platform", format!("{name} ({})", platform.from));
    for (name, image) in &config.bases {
        let file = config.path.as_deref().map(shown).unwrap_or_default();
        findings.fine("base mapped", format!("{name} = {image} ({})", file.display()));
    }
    if config.bases.is_empty() {
        findings.fine("base mapped", "none (built in)");
    }
    for (what, given, otherwise) in [
        ("measure", &arguments.measure, Measure::ALL.map(Measure::name).join(",")),
        ("node", &arguments.node, "auto".to_owned()),
        ("node root", &arguments.node_root, "the engine of this machine".to_owned()),
        ("node store", &arguments.node_store, "as the engine that builds".to_owned()),
    ] {
        let value = config.choose(given, &None, otherwise);
        findings.fine(what, format!("{} ({})", value.value, value.from));
    }
    for (what, seconds) in [
        ("build deadline", deadline::BUILD),
        ("silence deadline", deadline::SILENCE),
        ("probe deadline", deadline::PROBE),
        ("transfer deadline", deadline::TRANSFER),
    ] {
        findings.fine(what, format!("{seconds} s (built in)"));
    }
}

fn look_at_surroundings(findings: &mut Findings, node_root: Option<&Path>) {
    match PrivateNode::possible(node_root) {
        Ok(()) => findings.fine("private node", "can be had"),
        Err(error) => findings.fine("private node", format!("cannot be had: {}", error.reason())),
    }
    match state_folder() {
        Ok(folder) => {
            let cure = "point XDG_STATE_HOME at a folder that can be written";
            findings.written("journal", &folder, folder.display().to_string(), cure);
        }
        Err(error) => {
            findings.problem("journal", error.reason(), error.advice().unwrap_or_default().to_owned())
        }
    }
}

/// Why a run could not write below a folder, which need not be there yet: it is tried, and nothing is left of it.
fn unwritable(folder: &Path) -> Option<String> {
    let whole = std::path::absolute(folder).ok()?;
    let there = whole.ancestors().find(|place| place.exists())?;
    tempfile::tempdir_in(there).err().map(|cause| {
        let cause = cause.kind().to_string();
        format!("nothing can be written in {}: {cause}", shown(there).display())
    })
}

/// Shows which engine is asked, why that one, and how, and asks it.
async fn connected(findings: &mut Findings, context: Option<&str>) -> Result<(Endpoint, DockerEngine)> {
    let endpoint = Endpoint::choose(context)?;
    findings.fine("engine asked", format!("{} ({})", endpoint.address(), endpoint.because()));
    match endpoint.address() {
        Address::Tcp { tls: Some(tls), .. } => findings.fine("engine tls", tls_in_words(tls)),
        Address::Tcp { tls: None, .. } => findings.fine("engine tls", "none: whoever listens in reads along"),
        Address::Unix(_) | Address::Ssh { .. } => {}
    }
    let engine = DockerEngine::connect(&endpoint).await?;
    Ok((endpoint, engine))
}

fn tls_in_words(tls: &Tls) -> String {
    let trusted = match (&tls.ca, tls.verify) {
        (_, false) => "its certificate is not checked".to_owned(),
        (Some(ca), true) => format!("its certificate is checked with {}", shown(ca).display()),
        (None, true) => "its certificate is checked with the authorities of this machine".to_owned(),
    };
    match &tls.identity {
        Some((cert, _)) => format!("{trusted}; the client's own is {}", shown(cert).display()),
        None => format!("{trusted}; no client certificate"),
    }
}

async fn look_at_engine(
    findings: &mut Findings,
    endpoint: &Endpoint,
    engine: &DockerEngine,
    scenarios: &[Scenario],
    config: &Config,
    arguments: &Arguments,
) -> Result<()> {
    let about = engine.about().await?;
    let record = &about.record;
    findings.fine("engine", format!("{} at {}", record.version, endpoint.address()));
    findings.fine("api", record.api.clone());
    look_at_builders(findings, engine, &config.builders(arguments.builder).value.all()).await;
    let platform = config.platform(&arguments.platform).value;
    if let Some(found) = platform.and_then(|wanted| emulated(&wanted, &record.platform)) {
        findings.worse("platform", found, "leave --platform out to build for the engine's own");
    }
    findings.fine("store", format!("{} ({})", record.driver, record.store));
    if let Some(error) = state_folder().ok().and_then(|state| in_use(&state, &about.id)) {
        findings.problem("engine", error.reason(), error.advice().unwrap_or_default().to_owned());
    }
    if about.is_local() {
        findings.0.push(machine::disk(Some(&about.root)));
    } else {
        findings.unknown("disk", "the engine's own, not looked at from here");
    }
    look_at_bases(findings, engine, scenarios, config, &config.builders(arguments.builder).value.all()).await
}

/// Which builders the engine has; one that is not used may be missing.
async fn look_at_builders(findings: &mut Findings, engine: &DockerEngine, used: &[Builder]) {
    for builder in Builder::ALL {
        match engine.has(builder).await {
            Ok(()) => findings.fine("builder", format!("{builder}, built into the engine")),
            Err(error) if used.contains(&builder) => {
                let cure = error.advice().unwrap_or("choose the other builder").to_owned();
                findings.problem("builder", error.reason(), cure);
            }
            Err(error) => findings.fine("builder", format!("no {builder}: {}", error.reason())),
        }
    }
}

async fn look_at_bases(
    findings: &mut Findings,
    engine: &DockerEngine,
    scenarios: &[Scenario],
    config: &Config,
    builders: &[Builder],
) -> Result<()> {
    let mut names = BTreeSet::new();
    for scenario in scenarios {
        names.extend(bases::used(scenario, builders)?);
    }
    for name in names {
        let used = config.bases.get(&name).unwrap_or(&name);
        match engine.image(used).await? {
            Some(image) if image.labels.contains_key(STAND_IN_LABEL) => {
                findings.fine("base", format!("{name}: stand-in {used}"));
            }
            Some(_) => findings.fine("base", format!("{name}: {used}")),
            None => {
                let cure = bases::built_by_set_up(used).unwrap_or(
                    "`dbench run` pulls it; where no registry can be reached, `make setup` builds stand-ins",
                );
                findings.worse("base", format!("{name}: {used} is not in the engine"), cure);
            }
        }
    }
    Ok(())
}

fn text(findings: &Findings, page: usize) -> String {
    let width = findings.0.iter().map(|f| f.what.len()).max().unwrap_or(0);
    let mut text = String::new();
    for finding in &findings.0 {
        let mark = if finding.cure.is_some() { "!" } else { " " };
        let effect = finding.effect.map(|effect| format!("effect: {effect}"));
        let cure = finding.cure.as_ref().map(|cure| format!("cure: {cure}"));
        let said = [Some(finding.found.clone()), effect, cure].into_iter().flatten();
        // A narrow terminal breaks the lines itself.
        let room = page.saturating_sub(width + 4).max(NARROWEST);
        let lines = said.map(|one| fold(&one, room, 2)).collect::<Vec<_>>().join("\n");
        for (at, line) in lines.lines().enumerate() {
            let (mark, what) = if at == 0 { (mark, finding.what.as_str()) } else { (" ", "") };
            text.push_str(&format!("{mark} {what:width$}  {line}\n"));
        }
    }
    text.push_str(&format!("\n{}\n", fold(&findings.verdict(), page.max(NARROWEST), 2)));
    text
}

fn json(findings: &Findings) -> Result<String> {
    let mut text = serde_json::to_string_pretty(&findings.0)
        .map_err(|cause| Error::surroundings("cannot write JSON").because(cause))?;
    text.push('\n');
    Ok(text)
}
