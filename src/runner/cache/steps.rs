//! Owns what the steps of a build leave in the build cache, and which record is which step's: by what it holds and by when it
//! was made. Of more records than steps none is certain.

use crate::engine::{CacheRecord, Kind, Place, Trace};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How far the times of a step and of its record may lie apart, in nanoseconds: both are the engine's, read one after the
/// other.
pub(super) const APART: u64 = 100_000_000;

/// What a step leaves in the build cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Makes {
    /// What was read from the client.
    Source,
    /// Files that were put onto a stage.
    Files,
    /// What a command left of a stage; what it left in a cache mount is another thing.
    Stage,
    /// What was fetched from elsewhere.
    Download,
}

impl Makes {
    /// Every kind that has no command.
    pub(super) const PLAIN: [Self; 3] = [Self::Source, Self::Files, Self::Download];

    /// What BuildKit's step of that kind and name, without its stage, leaves.
    fn of(kind: Kind, name: &str) -> Option<Self> {
        match kind {
            Kind::Context => Some(Self::Source),
            Kind::Exec if name.starts_with("RUN ") => Some(Self::Stage),
            Kind::Exec => Some(Self::Files),
            Kind::Resolve if name.contains("://") && !name.contains(' ') => Some(Self::Download),
            Kind::Resolve | Kind::Export => None,
        }
    }

    /// What BuildKit's step of that whole name leaves.
    pub(in super::super) fn of_name(name: &str) -> Option<Self> {
        let (place, rest) = Place::read(name);
        Self::of(place.kind, &rest)
    }

    /// Whether the record is such a thing.
    pub(in super::super) fn describes(self, record: &CacheRecord) -> bool {
        match self {
            Self::Source => record.description.starts_with("local source for "),
            // In the words of older engines; newer ones name the step.
            Self::Files => {
                record.description == "fileop target"
                    || Self::of_name(&record.description) == Some(Self::Files)
            }
            Self::Stage => record.description.starts_with("mount / from exec "),
            Self::Download => ["http url ", "git "].iter().any(|kind| record.description.starts_with(kind)),
        }
    }
}

/// A step that ran. Times are nanoseconds since 1970 by the engine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ran {
    /// What it leaves in the build cache, if anything.
    pub makes: Option<Makes>,
    /// When it began.
    pub from: u64,
    /// When it ended.
    pub to: u64,
}

impl Ran {
    /// The steps of a build that ran. One whose end is not known ended with the build.
    pub(in super::super) fn all(trace: &Trace) -> Vec<Self> {
        let ran = trace.steps().iter().filter(|step| step.ran());
        let spans: Vec<_> = ran.filter_map(|step| Some((step, step.span()?))).collect();
        let last = spans.iter().map(|(_, (from, to))| to.unwrap_or(*from)).max().unwrap_or_default();
        spans
            .into_iter()
            .map(|(step, (from, to))| Self {
                makes: Makes::of(step.kind, &step.name),
                from,
                to: to.unwrap_or(last),
            })
            .collect()
    }

    pub(super) fn fits(&self, record: &CacheRecord) -> bool {
        (self.from.saturating_sub(APART)..=self.to.saturating_add(APART)).contains(&record.created)
    }
}

/// The records of one kind that steps of that kind made. Those that are known to be ours already take their steps first.
/// Where more of the rest fit than steps are left, those that fit the same steps are not certain.
pub(super) fn matched<'a>(
    steps: &[Ran],
    known: &[&'a CacheRecord],
    rest: &[&'a CacheRecord],
) -> BTreeSet<&'a str> {
    let mut free: Vec<Ran> = steps.to_vec();
    free.sort_by_key(|step| step.to);
    assign(&mut free, known);
    let open = free.clone();
    let fitting: Vec<&CacheRecord> =
        rest.iter().filter(|r| open.iter().any(|step| step.fits(r))).copied().collect();
    let over = assign(&mut free, &fitting);
    let contested: Vec<&Ran> = open.iter().filter(|step| over.iter().any(|r| step.fits(r))).collect();
    let certain = fitting.into_iter().filter(|r| !contested.iter().any(|step| step.fits(r)));
    certain.map(|r| r.id.as_str()).collect()
}

/// Gives each record, the first made first, the step that it fits and that ends first; those that get none.
fn assign<'a>(free: &mut Vec<Ran>, records: &[&'a CacheRecord]) -> Vec<&'a CacheRecord> {
    let mut sorted = records.to_vec();
    sorted.sort_by_key(|record| record.created);
    sorted.retain(|record| {
        let at = free.iter().position(|step| step.fits(record));
        at.map(|at| free.remove(at)).is_none()
    });
    sorted
}
