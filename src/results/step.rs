//! Owns a step of a build as its row in `steps.csv`.
//! Leaves how steps are found in the engine's events to `engine`.

use super::{Case, Run, table};
use crate::error::{Error, Result};
use std::path::Path;

/// One step of one build, as the engine's event stream reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRow {
    /// The build that it belongs to.
    pub case: Case,
    /// The round of that build, from 1.
    pub round: u32,
    /// The stage of the Dockerfile; empty for the engine's own steps.
    pub stage: String,
    /// The number of the step in its stage, from 1; `None` for the engine's own steps, and for instructions such as ENV
    /// that only the classic builder makes steps of.
    pub step: Option<u32>,
    /// The step as the engine names it, without the stage.
    pub name: String,
    /// Nanoseconds from the first event of the build; `None` if the step never started.
    pub started_ns: Option<u64>,
    /// Nanoseconds from the first event of the build; `None` if the step never completed.
    pub completed_ns: Option<u64>,
    /// Whether all of it came from the cache.
    pub cached: bool,
    /// Whether it is on the critical path.
    pub critical: bool,
    /// What the engine said went wrong; empty if nothing did.
    pub error: String,
}

impl StepRow {
    pub(super) const COLUMNS: [&'static str; 13] = [
        "scenario",
        "variant",
        "builder",
        "phase",
        "round",
        "stage",
        "step",
        "name",
        "started_ns",
        "completed_ns",
        "cached",
        "critical",
        "error",
    ];

    pub(super) fn to_record(&self) -> [String; 13] {
        let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
        [
            self.case.scenario.clone(),
            self.case.variant.clone(),
            self.case.builder.to_string(),
            self.case.phase.to_string(),
            self.round.to_string(),
            self.stage.clone(),
            number(self.step.map(u64::from)),
            self.name.clone(),
            number(self.started_ns),
            number(self.completed_ns),
            self.cached.to_string(),
            self.critical.to_string(),
            self.error.clone(),
        ]
    }

    fn from_record(row: &table::Row<'_>, run: &Run) -> Result<Self> {
        let ((case, round), (started_ns, completed_ns)) = (row.of(run)?, row.span()?);
        Ok(Self {
            case,
            round,
            stage: row.text("stage")?.to_owned(),
            step: row.optional("step", |t| t.parse().ok())?,
            name: row.text("name")?.to_owned(),
            started_ns,
            completed_ns,
            cached: row.parse("cached", |t| t.parse().ok())?,
            critical: row.parse("critical", |t| t.parse().ok())?,
            error: row.text("error")?.to_owned(),
        })
    }

    /// Reads the `steps.csv` of a run. The second part is a warning when the last line had no line end and was dropped.
    pub fn read_all(path: &Path, run: &Run) -> Result<(Vec<Self>, Option<String>), Error> {
        table::read(path, &Self::COLUMNS, |row| Self::from_record(row, run))
    }
}
