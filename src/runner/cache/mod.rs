//! Tells the records of the build cache that our builds made from those of somebody else's: records carry no label,
//! only the command of the RUN step that made them, the records that they stand on, and when they were made.

mod evidence;
mod steps;

pub(super) use evidence::{Evidence, Sorted};
pub use steps::{Makes, Ran};

use crate::engine::CacheRecord;
use std::collections::BTreeSet;

/// What a run has seen of the build cache.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// What tells its own builds' records from the others'.
    pub evidence: Evidence,
    /// The records of somebody else's builds that were told of.
    told: BTreeSet<String>,
}

/// What came into the build cache between two looks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct New {
    /// The records that are ours.
    pub ours: BTreeSet<String>,
    /// Whether somebody else's build made some.
    pub foreign: bool,
}

impl Watch {
    /// What is new since the last look; nothing at the first.
    pub(super) fn look(&mut self, now: &[CacheRecord]) -> New {
        if self.evidence.begin(now.iter().map(|r| r.id.clone())) {
            return New::default();
        }
        let Sorted { ours, others } = self.evidence.sort(now);
        let foreign: Vec<&CacheRecord> = others.into_iter().filter(|r| self.shows_a_build(r)).collect();
        let told = self.told.len();
        self.told.extend(foreign.into_iter().map(|r| r.id.clone()));
        New { ours: self.evidence.note(ours), foreign: self.told.len() > told }
    }

    /// Whether a record that is not ours shows that somebody built meanwhile. Without a command it may be of an earlier
    /// build: engines show one and the same context by one id while it is in use, and by another afterwards.
    fn shows_a_build(&self, record: &CacheRecord) -> bool {
        let meanwhile = self.evidence.since().is_some_and(|since| record.created >= since);
        command(record).is_some() || meanwhile && !record.in_use
    }
}

/// Whether a RUN step of one of these commands made the record.
fn made_by(record: &CacheRecord, commands: &BTreeSet<String>) -> bool {
    command(record).is_some_and(|command| commands.contains(&one_line(command)))
}

/// A command as it is compared with what the build cache says of it.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The command of a record that a RUN made: `mount / from exec COMMAND`, `cached mount PATH from exec COMMAND`, which newer
/// engines end with ` with id "ID"`.
fn command(record: &CacheRecord) -> Option<&str> {
    let (mount, command) = record.description.split_once(" from exec ")?;
    let named = command.rsplit_once(" with id \"").filter(|_| mount.starts_with("cached mount "));
    Some(named.map_or(command, |(command, _id)| command))
}

#[cfg(test)]
mod tests;
