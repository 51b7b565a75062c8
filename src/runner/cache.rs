//! Tells the records of the build cache that our builds made from those of somebody else's: records carry no label,
//! only the command of the RUN step that made them, and the records that they stand on.

use crate::engine::CacheRecord;
use std::collections::{BTreeMap, BTreeSet};

/// What a run has seen of the build cache, and the commands of its RUN steps.
#[derive(Debug, Default)]
pub(super) struct Watch {
    known: Option<BTreeSet<String>>,
    commands: BTreeSet<String>,
    /// Whether this run has built with the build cache at all.
    built: bool,
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
    /// From now on records of these commands are ours.
    pub(super) fn claim(&mut self, commands: &BTreeSet<String>) {
        self.commands.extend(commands.iter().cloned());
        self.built = true;
    }

    /// What is new since the last look; nothing at the first. A record of a command that is not ours shows that
    /// somebody else built: then only what is certainly ours is taken. Otherwise all that is new is ours, also a
    /// context that the engine lists only after its build has ended.
    pub(super) fn look(&mut self, now: &[CacheRecord]) -> New {
        let ids = now.iter().map(|r| r.id.clone()).collect();
        let Some(known) = self.known.replace(ids) else { return New::default() };
        let new: Vec<&CacheRecord> = now.iter().filter(|r| !known.contains(&r.id)).collect();
        if !self.built {
            return New { ours: BTreeSet::new(), foreign: new.iter().any(|r| command(r).is_some()) };
        }
        let sorted = sort(&new, |record| made_by(record, &self.commands));
        if sorted.doubtful.iter().any(|r| command(r).is_some()) {
            return New { ours: sorted.ours, foreign: true };
        }
        New { ours: new.into_iter().map(|r| r.id.clone()).collect(), foreign: false }
    }
}

/// The new records of a build, sorted into ours and doubtful ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sorted<'a> {
    /// Records that our steps made.
    pub ours: BTreeSet<String>,
    /// Records that somebody else's build could also have made.
    pub doubtful: Vec<&'a CacheRecord>,
}

/// Sorts new records: ours are those of which it is certain, and those without a command that are connected with them.
pub(super) fn sort<'a>(new: &[&'a CacheRecord], certain: impl Fn(&CacheRecord) -> bool) -> Sorted<'a> {
    let mut ours: BTreeSet<&str> = new.iter().filter(|r| certain(r)).map(|r| r.id.as_str()).collect();
    let by_id: BTreeMap<&str, &CacheRecord> = new.iter().map(|r| (r.id.as_str(), *r)).collect();
    loop {
        let connected: Vec<&str> = by_id
            .values()
            .filter(|r| command(r).is_none() && !ours.contains(r.id.as_str()))
            .filter(|r| {
                let stands_on_ours = r.parents.iter().any(|p| ours.contains(p.as_str()));
                let carries_ours =
                    ours.iter().filter_map(|id| by_id.get(id)).any(|o| o.parents.contains(&r.id));
                stands_on_ours || carries_ours
            })
            .map(|r| r.id.as_str())
            .collect();
        if connected.is_empty() {
            break;
        }
        ours.extend(connected);
    }
    Sorted {
        doubtful: new.iter().filter(|r| !ours.contains(r.id.as_str())).copied().collect(),
        ours: ours.into_iter().map(str::to_owned).collect(),
    }
}

/// Whether a RUN step of one of these commands made the record.
pub(super) fn made_by(record: &CacheRecord, commands: &BTreeSet<String>) -> bool {
    command(record).is_some_and(|command| commands.contains(&one_line(command)))
}

/// A command as it is compared with what the build cache says of it.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The command of a record that a RUN made: `mount / from exec COMMAND`, `cached mount PATH from exec COMMAND`, which newer
/// engines end with ` with id "ID"`.
pub(super) fn command(record: &CacheRecord) -> Option<&str> {
    let (mount, command) = record.description.split_once(" from exec ")?;
    let named = command.rsplit_once(" with id \"").filter(|_| mount.starts_with("cached mount "));
    Some(named.map_or(command, |(command, _id)| command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, parent: &str, description: &str) -> CacheRecord {
        CacheRecord {
            id: id.into(),
            parents: if parent.is_empty() { vec![] } else { vec![parent.into()] },
            description: description.into(),
            ..CacheRecord::default()
        }
    }

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn what_comes_late_without_a_command_is_ours() {
        let mut watch = Watch::default();
        watch.claim(&ids(&["/bin/sh -c make"]));
        let mut records = vec![record("theirs", "", "mount / from exec /bin/sh -c other")];
        assert_eq!(watch.look(&records), New::default(), "what was there before is nobody's news");
        records.push(record("run", "", "mount / from exec /bin/sh -c make"));
        assert_eq!(watch.look(&records), New { ours: ids(&["run"]), foreign: false });
        records.push(record("late", "", "local source for context"));
        assert_eq!(watch.look(&records), New { ours: ids(&["late"]), foreign: false });
        assert_eq!(watch.look(&records), New::default());
    }

    #[test]
    fn a_command_that_is_not_ours_is_somebody_elses_build() {
        let mut watch = Watch::default();
        watch.claim(&ids(&["/bin/sh -c make"]));
        watch.look(&[]);
        let records = [
            record("run", "", "mount / from exec /bin/sh -c make"),
            record("after", "run", "fileop target"),
            record("theirs", "", "mount / from exec /bin/sh -c other"),
            record("loose", "", "local source for context"),
        ];
        assert_eq!(watch.look(&records), New { ours: ids(&["after", "run"]), foreign: true });
    }

    #[test]
    fn without_a_build_of_ours_nothing_is_ours() {
        let mut watch = Watch::default();
        watch.look(&[]);
        let mut records = vec![record("loose", "", "local source for context")];
        assert_eq!(watch.look(&records), New::default());
        records.push(record("theirs", "", "mount / from exec /bin/sh -c other"));
        assert_eq!(watch.look(&records), New { ours: ids(&[]), foreign: true });
    }

    #[test]
    fn a_command_is_found_in_every_engines_words() {
        for (description, expected) in [
            ("mount / from exec /bin/sh -c make", Some("/bin/sh -c make")),
            ("cached mount /c from exec /bin/sh -c make", Some("/bin/sh -c make")),
            (r#"cached mount /c from exec /bin/sh -c make with id "0123//c""#, Some("/bin/sh -c make")),
            (r#"mount / from exec /bin/sh -c grep with id "x""#, Some(r#"/bin/sh -c grep with id "x""#)),
            ("local source for context", None),
        ] {
            assert_eq!(command(&record("a", "", description)), expected, "{description}");
        }
    }

    #[test]
    fn commands_are_compared_on_one_line() {
        assert_eq!(one_line("/bin/sh -c a  &&\n\tb"), "/bin/sh -c a && b");
    }
}
