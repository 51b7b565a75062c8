//! Owns the folder of a run: its parts, writing them while the run goes on, and reading them back.
//! Leaves the shape of rows to `sample`, `step` and `transfer`, that of `run.json` to `run`.

use super::{Case, MOST_ROUNDS, Measure, Run, SCHEMA, Sample, Status, StepRow, TransferRow, sound, table};
use crate::error::{Error, Result, files, shown};
use crate::plain;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder of one run, by its parts.
#[derive(Clone, Debug)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// The folder at that path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What made the numbers.
    pub fn run(&self) -> PathBuf {
        self.0.join("run.json")
    }

    /// The samples.
    pub fn samples(&self) -> PathBuf {
        self.0.join("samples.csv")
    }

    /// The steps of every build.
    pub fn steps(&self) -> PathBuf {
        self.0.join("steps.csv")
    }

    /// The layers that every transfer moved.
    pub fn transfers(&self) -> PathBuf {
        self.0.join("transfers.csv")
    }

    /// The charts.
    pub fn charts(&self) -> PathBuf {
        self.0.join("charts")
    }

    /// The full log of one build.
    pub fn log(&self, case: &Case, round: u32) -> PathBuf {
        self.of(case, round, "log")
    }

    /// What the container of a probed image wrote.
    pub fn container_log(&self, case: &Case, round: u32) -> PathBuf {
        self.of(case, round, "container.log")
    }

    fn of(&self, case: &Case, round: u32, ending: &str) -> PathBuf {
        let Case { scenario, variant, builder, phase } = case;
        self.0.join("logs").join(format!("{scenario}-{variant}-{builder}-{phase}-{round}.{ending}"))
    }
}

/// Writes a run while it goes on: every row is flushed before the next is measured.
#[derive(Debug)]
pub struct Writer {
    folder: RunFolder,
    samples: File,
    steps: File,
    transfers: File,
}

impl Writer {
    /// Creates the folder of a run below `out` and writes `run.json` and the headers.
    pub fn create(out: &Path, run: &Run) -> Result<Self> {
        let folder = RunFolder::at(out.join(&run.id));
        if folder.path().exists() {
            return Err(Error::surroundings("another run began in the same second and has this folder")
                .in_file(shown(folder.path()))
                .hint("start again; runs at the same time, on different engines, need --out folders of their own"));
        }
        files::create_dir_all(&folder.path().join("logs"))
            .map_err(|error| error.hint("name a folder that can be made and written with --out"))?;
        let writer = Self::open(folder)?;
        // Last, so that a folder with a `run.json` has tables that can be read.
        writer.run(run)?;
        Ok(writer)
    }

    /// Goes on with the folder of a run: rows that were torn are cut off, and new ones follow.
    pub fn reopen(folder: RunFolder) -> Result<Self> {
        let logs = folder.path().join("logs");
        files::no_symlink(&logs)?;
        files::create_dir_all(&logs)?;
        Self::open(folder)
    }

    fn open(folder: RunFolder) -> Result<Self> {
        let samples = files::append(&folder.samples())?;
        lock(&samples, &folder)?;
        table(&samples, &folder.samples(), &Sample::COLUMNS)?;
        let steps = files::append(&folder.steps())?;
        table(&steps, &folder.steps(), &StepRow::COLUMNS)?;
        let transfers = files::append(&folder.transfers())?;
        table(&transfers, &folder.transfers(), &TransferRow::COLUMNS)?;
        Ok(Self { folder, samples, steps, transfers })
    }

    /// Where it writes.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Replaces `run.json`.
    pub fn run(&self, run: &Run) -> Result<()> {
        let path = self.folder.run();
        let mut text = serde_json::to_string_pretty(run).map_err(|cause| {
            Error::surroundings(format!("cannot write {}", path.display())).because(cause)
        })?;
        text.push('\n');
        files::replace(&path, text)
    }

    /// Waits until all rows are on the disk.
    pub fn sync(&self) -> Result<()> {
        let tables = [
            (&self.samples, self.folder.samples()),
            (&self.steps, self.folder.steps()),
            (&self.transfers, self.folder.transfers()),
        ];
        tables
            .into_iter()
            .try_for_each(|(file, path)| file.sync_data().map_err(|cause| unwritable(&path, cause)))
    }

    /// Appends one sample.
    pub fn sample(&mut self, sample: &Sample) -> Result<()> {
        append(&mut self.samples, &self.folder.samples(), &sample.to_record())
    }

    /// Appends one step.
    pub fn step(&mut self, step: &StepRow) -> Result<()> {
        append(&mut self.steps, &self.folder.steps(), &step.to_record())
    }

    /// Appends one layer of a transfer.
    pub fn transfer(&mut self, transfer: &TransferRow) -> Result<()> {
        append(&mut self.transfers, &self.folder.transfers(), &transfer.to_record())
    }
}

/// One process writes a run: the lock is the kernel's and dies with it.
fn lock(samples: &File, folder: &RunFolder) -> Result<()> {
    match samples.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::surroundings("another dbench writes to this run")
            .in_file(shown(folder.path()))
            .hint("wait for it or end it")),
        Err(TryLockError::Error(cause)) => Err(unwritable(&folder.samples(), cause)),
    }
}

/// Makes a file a table to append to: whole rows below a header.
fn table(mut file: &File, path: &Path, columns: &[&str]) -> Result<()> {
    files::no_symlink(path)?;
    let bytes = files::read(path)?;
    let whole = table::whole_rows(path, &bytes)?;
    if whole < bytes.len() {
        file.set_len(whole as u64).map_err(|cause| unwritable(path, cause))?;
    }
    if whole == 0 { append(&mut file, path, columns) } else { Ok(()) }
}

fn unwritable(path: &Path, cause: std::io::Error) -> Error {
    Error::surroundings(format!("cannot write {}", path.display())).because(cause).hint(
        "free some space there, or make it a folder that can be written; then `dbench run --resume` goes on",
    )
}

/// One row in one write and in one line, so that a kill tears at most the last line.
fn append(file: &mut impl Write, path: &Path, fields: &[impl AsRef<str>]) -> Result<()> {
    let mut line = csv::Writer::from_writer(Vec::new());
    let row = line
        .write_record(fields.iter().map(|field| field.as_ref().replace(['\r', '\n'], " ")))
        .map_err(std::io::Error::other)
        .and_then(|()| line.into_inner().map_err(|cause| std::io::Error::other(cause.to_string())));
    row.and_then(|row| file.write_all(&row).and_then(|()| file.flush()))
        .map_err(|cause| unwritable(path, cause))
}

/// Longer names are no files on many file systems.
const LONGEST_NAME: usize = 100;

/// A run as it stands on disk.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Where it stands.
    pub folder: RunFolder,
    /// What made the numbers.
    pub run: Run,
    /// The samples, in the order in which they were taken.
    pub samples: Vec<Sample>,
    /// The steps of every build.
    pub steps: Vec<StepRow>,
    /// The layers of every transfer; empty for a run that measured none.
    pub transfers: Vec<TransferRow>,
    /// What was dropped while reading.
    pub warnings: Vec<String>,
}

impl Loaded {
    /// Reads a run folder.
    pub fn read(folder: RunFolder) -> Result<Self> {
        let run = read_run(&folder.run())?;
        let (mut samples, torn_samples) = Sample::read_all(&folder.samples(), &run)?;
        let (steps, torn_steps) = StepRow::read_all(&folder.steps(), &run)?;
        // A run that measures transfers has the file from its start; one from before there were any has none.
        let has_transfers = run.measure.contains(&Measure::Transfer) || folder.transfers().is_file();
        let (transfers, torn_transfers) = if has_transfers {
            TransferRow::read_all(&folder.transfers(), &run)?
        } else {
            (Vec::new(), None)
        };
        samples.iter_mut().for_each(|sample| spoil(sample, &run));
        let torn = torn_samples.into_iter().chain(torn_steps).chain(torn_transfers);
        let warnings = torn.chain(sound::lost(&run, &samples)).collect();
        Ok(Self { folder, run, samples, steps, transfers, warnings })
    }
}

/// A row is written before it is known whether its round holds: what `run.json` says of the round decides.
fn spoil(sample: &mut Sample, run: &Run) {
    let scenario = run.scenarios.iter().find(|s| s.name == sample.case.scenario);
    // What failed in a round that was repeated is answered by the repetition.
    let repeated = scenario.is_some_and(|s| s.repeats.values().any(|round| *round == sample.round));
    if let Some(reason) = scenario.and_then(|s| s.spoiled.get(&sample.round))
        && (repeated || sample.status == Status::Valid)
    {
        (sample.status, sample.reason) = (Status::Invalid, reason.clone());
    }
}

pub(super) fn read_run(path: &Path) -> Result<Run> {
    if !files::is_plain(path) {
        return Err(Error::input("the folder has no run.json, so nothing says what made its numbers")
            .in_file(shown(path))
            .hint("name the folder of a run, a run id or `latest`; `dbench run` makes one"));
    }
    let text = files::read_to_string(path)?;
    let run = parse(&text).map_err(|cause| {
        Error::input("not a run.json that this version can read")
            .at(shown(path), cause.line().max(1), cause.column().max(1))
            .because(cause)
            .hint("it was changed by hand or made by another version of dbench")
    })?;
    if run.schema > SCHEMA {
        return Err(Error::input(format!(
            "schema {} is newer than this dbench, which reads {SCHEMA}",
            run.schema
        ))
        .in_file(shown(path))
        .hint("use the dbench that made the run"));
    }
    check(&run).map(|()| run).map_err(|what| {
        Error::input(what)
            .in_file(shown(path))
            .hint("it was changed by hand; take the run from its source again")
    })
}

/// Its texts are shown in many places, none of which may obey them.
fn parse(text: &str) -> Result<Run, serde_json::Error> {
    // First as it is, because the place of a mistake is known only there.
    let run: Run = serde_json::from_str(text)?;
    let mut value = serde_json::to_value(&run)?;
    plain::json(&mut value);
    serde_json::from_value(value)
}

/// Whoever wrote the file decides over no path outside of it, and over no time without an end.
fn check(run: &Run) -> Result<(), String> {
    if run.rounds == 0 {
        return Err("a run has one round at least, not 0".to_owned());
    }
    if run.rounds > MOST_ROUNDS {
        return Err(format!("{} rounds are more than the {MOST_ROUNDS} of a run", run.rounds));
    }
    let variants = run.scenarios.iter().flat_map(|s| s.variants.iter().map(|v| &v.name).chain([&s.name]));
    let mut names = variants.chain([&run.id]);
    names
        .find(|name| !names_a_file(name))
        .map_or(Ok(()), |name| Err(format!("`{name}` cannot be a name of a run")))
}

/// Whether it can be a part of a path without leading anywhere else.
fn names_a_file(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with('.') && name.chars().all(allowed)
}
