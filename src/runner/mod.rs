//! Owns the run: plan, order, phases and cache states, proof, probes, journal and clean-up.
//! Leaves to `engine` how a build is done, to `results` how a row is written, to `cli` every word on the screen.

pub mod bases;
mod cache;
mod clean;
mod clock;
pub mod host;
mod journal;
mod journalled;
mod lock;
mod mounted;
mod naming;
mod newer;
pub mod noise;
mod order;
mod pass;
mod plan;
mod platform;
mod probe;
mod proof;
mod record;
mod resume;
pub mod revision;
mod round;
mod secrets;
mod steps;
mod tail;
mod transfer;

pub use clean::{Cleaned, clean, clean_run};
pub use journal::state_folder;
pub use lock::{Lock, in_use, measuring};
pub use mounted::unnamed_secrets;
pub use plan::{Estimate, Planned, Selection, estimate, estimate_transfers, select, with_edits};
pub use platform::{emulated, normal as normal_platform};
pub use proof::{Claimed, prove};
pub use record::Verdict;
pub use resume::{Round, missing, same_program, same_surroundings, scenarios_of};
pub use secrets::{Environment, Given, Secrets};
pub use transfer::{Carried, Choice, Moved, Packed, Pulled, Pushed, Site, Store, Wanted, Way};
use transfer::{Opened, open};

use crate::engine::{About, Engine};
use crate::error::{Error, Result};
use crate::results::{Builder, Measure, Run, ScenarioRecord, VariantRecord, Writer};
use crate::scenario::Scenario;
use bases::Bases;
use jiff::Timestamp;
use journal::{Journal, Ledger};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// What a run hears of itself while it goes on.
pub trait Observer {
    /// A build begins, the `done`th of all.
    fn begin(&mut self, planned: &Planned, done: usize);
    /// A step of the build began, or the probe of its image.
    fn step(&mut self, name: &str);
    /// The build and its probe ended; the reason if it does not count.
    fn end(&mut self, planned: &Planned, wall: Duration, counts: Result<(), &str>);
    /// A build is not begun, and why; so many are done with it.
    fn unbuilt(&mut self, planned: &Planned, done: usize, reason: &str);
    /// The transfers of a variant's images begin; their steps follow.
    fn transfers(&mut self, case: &str, round: u32);
    /// A build failed: its log's last lines, and where the whole log stands.
    fn failure(&mut self, planned: &Planned, last_lines: &str, log: &std::path::Path);
    /// Something that a reader of the numbers should know.
    fn warning(&mut self, text: &str);
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// One build.
    pub build: Duration,
    /// Silence in the stream of events of a build.
    pub silence: Duration,
    /// From the start of a container to its right answer.
    pub probe: Duration,
}

/// What a run does.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Rounds, phases, seed.
    pub selection: Selection,
    /// The rounds to come.
    pub rounds: Vec<Round>,
    /// Whether the images stay.
    pub keep: bool,
    /// How long things may take.
    pub deadlines: Deadlines,
    /// The user's state folder.
    pub state: PathBuf,
    /// What the builds may read and nobody may keep.
    pub secrets: Secrets,
    /// What is measured.
    pub measure: Vec<Measure>,
    /// Who pulls, and how long it may take.
    pub transfers: Choice,
    /// What images are built for; `None` for the engine's own platform.
    pub platform: Option<String>,
}

impl Settings {
    fn measures(&self, part: Measure) -> bool {
        self.measure.contains(&part)
    }
}

/// What ended a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its plan is done.
    Done,
    /// A signal.
    Interrupted,
    /// An error, whose text this is.
    Failed(String),
}

/// A run that goes on. Dropping the future of [`Runner::run`] cancels it; [`Runner::finish`] then removes what was
/// made and closes the run.
pub struct Runner<'a, E, O> {
    engine: &'a E,
    observer: &'a mut O,
    settings: Settings,
    scenarios: &'a [Scenario],
    about: About,
    bases: Bases,
    journal: Journal,
    writer: Writer,
    run: Run,
    /// Where images are pushed to and pulled from, if that is measured.
    site: Option<Site>,
    /// Why there is no such place, where there should be one.
    no_transfers: Option<String>,
    /// Content bytes of the unpacked layers that were read so far, by digest.
    contents: BTreeMap<String, u64>,
    cache: cache::Watch,
    /// Whether it has been said that containers are visited.
    visits_said: bool,
    done: usize,
}

impl<'a, E: Engine, O: Observer> Runner<'a, E, O> {
    /// Prepares a run whose folder is open: warns, opens the journal and writes `run.json`.
    #[expect(clippy::too_many_arguments, reason = "everything that a run is made of meets here, once")]
    pub fn new(
        engine: &'a E,
        observer: &'a mut O,
        settings: Settings,
        scenarios: &'a [Scenario],
        bases: Bases,
        about: &About,
        run: Run,
        writer: Writer,
    ) -> Result<Self> {
        let left_over = !Ledger::all(&settings.state, &about.id)?.is_empty();
        writer.run(&run)?;
        // The journal comes first: `clean` knows of the folder by it.
        let journal = Journal::begin(&settings.state, &run.id, &about.id)?;
        crate::error::files::create_dir_all(&naming::work_folder(&settings.state, &run.id))?;
        let mut runner = Self {
            engine,
            observer,
            settings,
            scenarios,
            about: about.clone(),
            bases,
            journal,
            writer,
            run,
            site: None,
            no_transfers: None,
            contents: BTreeMap::new(),
            cache: cache::Watch::default(),
            visits_said: false,
            done: 0,
        };
        let widest = scenarios.iter().map(|s| s.variants.len() as u64).max().unwrap_or(0);
        if left_over {
            runner
                .warn("an earlier run left things in the engine; `dbench clean` removes what nothing else uses, and says \
                       what holds the rest".to_owned())?;
        }
        let wanted = runner.settings.platform.as_deref();
        let warnings = [
            host::elsewhere(about),
            host::busy(&runner.run.host).filter(|_| about.is_local()),
            host::too_little_disk(about, widest),
            wanted.and_then(|wanted| emulated(wanted, &about.record.platform)),
        ];
        let newer = newer::warnings(scenarios, &runner.settings.selection.builders, &about.record.version);
        let mounted = mounted::unnamed_secrets(scenarios, &runner.settings.selection.builders)?;
        for warning in warnings.into_iter().flatten().chain(newer).chain(mounted) {
            runner.warn(warning)?;
        }
        Ok(runner)
    }

    /// Where the rows are written.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Runs the whole plan.
    pub async fn run(&mut self) -> Result<()> {
        if self.settings.measures(Measure::Transfer) {
            self.open_site().await?;
        }
        for Round { scenario: at, number, place } in self.settings.rounds.clone() {
            for (builder, variant) in self.settings.selection.passes(&self.scenarios[at], place) {
                round::variant(self, at, variant, builder, number).await?;
            }
            self.check_bases(at, number).await?;
            self.end_round(at, number)?;
        }
        Ok(())
    }

    /// Writes down that a round is whole, once its rows are on the disk.
    fn end_round(&mut self, at: usize, round: u32) -> Result<()> {
        self.writer.sync()?;
        if let Some(scenario) = self.run.scenarios.get_mut(at) {
            scenario.finished.insert(round);
        }
        self.writer.run(&self.run)
    }

    async fn open_site(&mut self) -> Result<()> {
        let Settings { transfers, state, .. } = &self.settings;
        let of_run = (&mut self.journal, self.run.id.as_str());
        let Opened { site, warnings } =
            open(transfers, (self.engine, &self.about), &self.bases, state, of_run).await?;
        match site {
            Ok(site) => {
                let record = self.site.insert(site).record();
                if self.run.node.as_ref().is_some_and(|before| *before != record) {
                    return Err(another_node());
                }
                self.run.node = Some(record);
            }
            // Rows of one run have one node.
            Err(reason) if self.run.node.is_some() => return Err(another_node().because(reason)),
            Err(reason) => self.no_transfers = Some(reason),
        }
        self.writer.run(&self.run)?;
        warnings.into_iter().try_for_each(|warning| self.warn(warning))
    }

    /// Rows of a round that may have been built from another image than `run.json` names do not count.
    async fn check_bases(&mut self, at: usize, round: u32) -> Result<()> {
        let changed = self.bases.changed(self.engine).await?;
        let Some(scenario) = self.run.scenarios.get_mut(at) else { return Ok(()) };
        let Some(base) = changed.into_iter().find(|name| scenario.bases.contains(name)) else {
            return Ok(());
        };
        let reason = format!("the base {base} is no longer the image that it was when the run began");
        scenario.spoiled.insert(round, reason.clone());
        let name = scenario.name.clone();
        self.warn(format!("{name}, round {round}: {reason}; its samples do not count"))
    }

    /// Removes what the run made, and closes it. Images stay if asked for, until `clean`. Dropping the future leaves to
    /// `clean` what is not removed by then.
    pub async fn finish(&mut self, ending: Ending) -> Result<Cleaned> {
        self.run.interrupted = matches!(ending, Ending::Interrupted);
        self.run.failure = if let Ending::Failed(reason) = ending { Some(reason) } else { None };
        self.run.ended = Some(Timestamp::now());
        // Where the disk of the results is full, what was made in the engine goes all the same.
        let written = self.writer.run(&self.run);
        let removed = self.remove_all().await;
        written.and(removed)
    }

    async fn remove_all(&mut self) -> Result<Cleaned> {
        // What a node that does not end leaves must not keep the rest from going.
        let closed = match self.site.take() {
            Some(site) => site.close().await,
            None => Ok(()),
        };
        let (ledger, mut cleaned) = (Ledger::read(self.journal.path())?, Cleaned::default());
        let Settings { state, keep, .. } = &self.settings;
        clean::clean_by(self.engine, state, self.journal.path(), &ledger, *keep, &mut cleaned).await?;
        closed.map(|()| cleaned)
    }

    /// Tells a person and `run.json`. What an earlier part of a run that is taken up again said is not said once more.
    fn warn(&mut self, text: String) -> Result<()> {
        if self.run.warnings.contains(&text) {
            return Ok(());
        }
        self.observer.warning(&text);
        self.run.warnings.push(text);
        self.writer.run(&self.run)
    }
}

fn another_node() -> Error {
    Error::input("what pulls is no longer what it was when the run began")
        .hint("name the same --node-root as then, or measure anew with `dbench run`")
}

/// What `run.json` keeps of a scenario.
pub fn scenario_record(scenario: &Scenario, builders: &[Builder]) -> Result<ScenarioRecord> {
    let relative = |path: &std::path::Path| {
        path.strip_prefix(&scenario.dir).unwrap_or(path).to_string_lossy().into_owned()
    };
    Ok(ScenarioRecord {
        name: scenario.name.clone(),
        title: scenario.title.clone(),
        language: scenario.language.clone(),
        pattern: scenario.pattern.clone(),
        hash: scenario.hash.clone(),
        variants: scenario
            .variants
            .iter()
            .map(|v| {
                Ok(VariantRecord {
                    name: v.name.clone(),
                    baseline: v.baseline,
                    dockerfile: relative(&v.path),
                    notes: v.notes.clone(),
                    bases: bases::of_variant(v, builders)?,
                })
            })
            .collect::<Result<_>>()?,
        claims: scenario.claims.clone(),
        notes: scenario.notes.clone(),
        bases: bases::names(scenario, builders)?.into_iter().collect(),
        agree: None,
        disagreement: String::new(),
        spoiled: BTreeMap::new(),
        finished: BTreeSet::new(),
        repeats: BTreeMap::new(),
        phases: scenario.phases(),
    })
}

#[cfg(test)]
mod tests;
