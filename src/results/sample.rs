//! Owns a sample, the case that it belongs to, and its row in `samples.csv`.
//! Leaves tables in general to `table`.

use super::{Metric, Run, table};
use crate::error::{Error, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// What happened before a build, as a developer meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing is cached but the bases.
    Cold,
    /// Nothing changed since the last build.
    Unchanged,
    /// One line of code changed.
    SourceEdit,
    /// A dependency was added or changed.
    DepsEdit,
}

impl Phase {
    /// Every phase, in the order in which a round goes through them.
    pub const ALL: [Self; 4] = [Self::Cold, Self::Unchanged, Self::SourceEdit, Self::DepsEdit];

    /// The name in files, claims and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Unchanged => "unchanged",
            Self::SourceEdit => "source-edit",
            Self::DepsEdit => "deps-edit",
        }
    }

    /// The phase of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which of the engine's builders made an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Builder {
    /// BuildKit, as the engine has it built in.
    Buildkit,
    /// The engine's builder from before BuildKit: every stage, one step after the other.
    Classic,
}

impl Builder {
    /// Every builder; the first of a run is the one that claims are decided on.
    pub const ALL: [Self; 2] = [Self::Buildkit, Self::Classic];

    /// The name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Buildkit => "buildkit",
            Self::Classic => "classic",
        }
    }

    /// The builder as sentences name it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Buildkit => "BuildKit",
            Self::Classic => "the classic builder",
        }
    }

    /// The builder of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|builder| builder.name() == name)
    }
}

impl fmt::Display for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a sample belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Case {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the variant.
    pub variant: String,
    /// The builder that was used.
    pub builder: Builder,
    /// What happened before the build.
    pub phase: Phase,
}

impl Case {
    /// Whether both are of the same variant and builder, in whatever phase.
    pub fn is_of_one_variant_with(&self, other: &Self) -> bool {
        (&self.scenario, &self.variant, self.builder) == (&other.scenario, &other.variant, other.builder)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.scenario, self.variant, self.phase)?;
        if self.builder == Builder::Buildkit { Ok(()) } else { write!(f, " ({})", self.builder) }
    }
}

/// Whether a sample counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// The state was proven to be what it claims: the only samples that count.
    Valid,
    /// The state was not as claimed; the reason says how.
    Invalid,
    /// The build, the probe or the measurement failed; the reason says why.
    Failed,
    /// Not measured, with the reason.
    Skipped,
}

impl Status {
    const ALL: [Self; 4] = [Self::Valid, Self::Invalid, Self::Failed, Self::Skipped];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What the column `link` says where a container carried what two machines cannot say to each other.
pub const RELAYED: &str = "relayed";

/// One observed integer in the base unit of one metric, or a failure with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What it belongs to.
    pub case: Case,
    /// The pass over all variants and phases in which it was taken, from 1.
    pub round: u32,
    /// What was observed.
    pub metric: Metric,
    /// The value in the metric's base unit; unknown is `None`, never 0.
    pub value: Option<u64>,
    /// Whether it counts.
    pub status: Status,
    /// Why it does not count; empty where it does.
    pub reason: String,
    /// When its build began, if one was begun.
    pub started: Option<Timestamp>,
    /// The node that pulled; empty where it has no meaning.
    pub node: String,
    /// The link that was used; empty where it has no meaning.
    pub link: String,
}

impl Sample {
    /// The value, if the sample counts.
    pub fn valid(&self) -> Option<u64> {
        self.value.filter(|_| self.status == Status::Valid)
    }

    pub(super) const COLUMNS: [&'static str; 13] = [
        "scenario", "variant", "builder", "phase", "round", "metric", "value", "unit", "status", "reason",
        "started", "node", "link",
    ];

    pub(super) fn to_record(&self) -> [String; 13] {
        [
            self.case.scenario.clone(),
            self.case.variant.clone(),
            self.case.builder.to_string(),
            self.case.phase.to_string(),
            self.round.to_string(),
            self.metric.to_string(),
            self.value.map(|v| v.to_string()).unwrap_or_default(),
            self.metric.unit().name().to_owned(),
            self.status.name().to_owned(),
            self.reason.clone(),
            self.started.map(|t| t.to_string()).unwrap_or_default(),
            self.node.clone(),
            self.link.clone(),
        ]
    }

    pub(super) fn from_record(row: &table::Row<'_>, run: &Run) -> Result<Self> {
        let (case, round) = row.of(run)?;
        let metric = row.parse("metric", Metric::parse)?;
        let unit = row.text("unit")?;
        if unit != metric.unit().name() {
            return Err(row
                .error("unit", &format!("`{unit}` is not the unit of {metric}"))
                .hint(format!("{metric} is counted in `{}`", metric.unit().name())));
        }
        let sample = Self {
            case,
            round,
            metric,
            value: row.optional("value", |t| t.parse().ok())?,
            status: row.parse("status", |t| Status::ALL.into_iter().find(|s| s.name() == t))?,
            reason: row.text("reason")?.to_owned(),
            started: row.optional("started", |t| t.parse().ok())?,
            node: row.node(run)?,
            link: row.link()?,
        };
        sample.is_sound(row).map(|()| sample)
    }

    /// Reads the `samples.csv` of a run. The second part is a warning when the last line had no line end and was dropped.
    pub fn read_all(path: &Path, run: &Run) -> Result<(Vec<Self>, Option<String>), Error> {
        let mut seen = BTreeSet::new();
        table::read(path, &Self::COLUMNS, |row| {
            let sample = Self::from_record(row, run)?;
            // Whatever pulled and over what: a second row would count twice.
            let Self { case, round, metric, .. } = &sample;
            if seen.insert((case.clone(), *round, metric.name())) {
                return Ok(sample);
            }
            Err(row
                .error("metric", &format!("an earlier row has {metric} of {case}, round {round}, already"))
                .hint("remove the row that is one too many, or take the file from its source again"))
        })
    }
}
