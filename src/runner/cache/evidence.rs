//! What tells the records of a run's builds from somebody else's, kept in the journal as well: what was there before,
//! the commands of each build, when it ran, and what each of its steps leaves.

use super::steps::{APART, Makes, Ran, matched};
use super::{command, made_by};
use crate::engine::CacheRecord;
use std::collections::{BTreeMap, BTreeSet};

/// How many nanoseconds after the begin of the last step that was heard of the next one may begin, if the end of the build is
/// not known.
const LAST_STEP: u64 = 60_000_000_000;
/// How many nanoseconds after its begin a step whose end is not known may make its record.
const MAKING: u64 = 10_000_000_000;

/// What is known of the builds of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What was there before them; `None` as long as nobody looked.
    before: Option<BTreeSet<String>>,
    /// Records that were found to be theirs.
    known: BTreeSet<String>,
    builds: Vec<Build>,
}

/// One build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Build {
    /// The commands of its RUN steps.
    commands: BTreeSet<String>,
    /// What was there before it.
    present: BTreeSet<String>,
    /// When it was asked for, in nanoseconds since 1970 by our clock.
    asked: u64,
    /// The steps of it that ran; if it has not ended, those of which it was heard that they began.
    steps: Vec<Ran>,
    ended: bool,
}

impl Build {
    /// From when it was asked for to its end, as far as that was heard, by the engine's clock.
    fn time(&self) -> (u64, u64) {
        let first = self.steps.iter().map(|step| step.from).min().unwrap_or(self.asked);
        let until = if self.ended {
            self.steps.iter().map(|step| step.to).max().unwrap_or(self.asked)
        } else {
            let last = self.steps.iter().map(|step| step.from).max().unwrap_or(self.asked);
            last.saturating_add(LAST_STEP)
        };
        (first.min(self.asked), until)
    }

    fn ran_at(&self, created: u64) -> bool {
        let (from, to) = self.time();
        (from.saturating_sub(APART)..=to.saturating_add(APART)).contains(&created)
    }

    /// Whether the record may be of it by when it came.
    fn may_have_made(&self, record: &CacheRecord) -> bool {
        self.ran_at(record.created) && (self.ended || !self.present.contains(&record.id))
    }

    /// Whether a base was resolved when the record came: of what it unpacks from containerd's store an engine says nothing.
    fn resolved_at(&self, record: &CacheRecord) -> bool {
        self.steps.iter().any(|step| step.makes.is_none() && step.fits(record))
    }

    /// Its steps that leave such a thing.
    fn steps(&self, makes: Makes) -> impl Iterator<Item = Ran> {
        self.steps.iter().filter(move |step| step.makes == Some(makes)).copied()
    }
}

/// The records that came since the first build of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Sorted<'a> {
    /// Those that our builds made.
    pub ours: BTreeSet<String>,
    /// Those that somebody else's build could also have made.
    pub others: Vec<&'a CacheRecord>,
}

impl Evidence {
    /// Takes down what is there before the first build; whether nobody had.
    pub(in super::super) fn begin(&mut self, ids: impl Iterator<Item = String>) -> bool {
        let first = self.before.is_none();
        if first {
            self.before = Some(ids.collect());
        }
        first
    }

    /// A build is asked for, at that time by our clock.
    pub(in super::super) fn ask(
        &mut self,
        asked: u64,
        commands: BTreeSet<String>,
        present: BTreeSet<String>,
    ) {
        self.begin(present.iter().cloned());
        self.builds.push(Build { commands, present, asked, ..Build::default() });
    }

    /// It is heard that a step of the last build began.
    pub(in super::super) fn hear(&mut self, makes: Option<Makes>, from: u64) {
        if let Some(build) = self.builds.last_mut() {
            // An engine may say it more than once.
            if !build.steps.iter().any(|step| (step.makes, step.from) == (makes, from)) {
                build.steps.push(Ran { makes, from, to: from.saturating_add(MAKING) });
            }
        }
    }

    /// The last build has ended, and these are all of its steps that ran.
    pub(in super::super) fn end(&mut self, steps: Vec<Ran>) {
        if let Some(build) = self.builds.last_mut() {
            let (present, ended) = (BTreeSet::new(), true);
            *build = Build { present, steps, ended, ..std::mem::take(build) };
        }
    }

    /// Takes records down as ours; those that were not known.
    pub(in super::super) fn note(&mut self, ids: BTreeSet<String>) -> BTreeSet<String> {
        ids.into_iter().filter(|id| self.known.insert(id.clone())).collect()
    }

    /// A record of ours was removed.
    pub(in super::super) fn forget(&mut self, id: &str) {
        self.known.remove(id);
    }

    /// Everything was judged: what comes from now on is not of these builds.
    pub(in super::super) fn close(&mut self, ids: BTreeSet<String>) {
        *self = Self { known: ids, ..Self::default() };
    }

    /// When the first build was asked for.
    pub(in super::super) fn since(&self) -> Option<u64> {
        self.builds.first().map(|build| build.time().0)
    }

    /// Whether the end of the last build is not known.
    pub(in super::super) fn is_open(&self) -> bool {
        self.open().is_some()
    }

    /// Whether the record came while the last build ran, whose end is not known.
    pub(in super::super) fn came_at_last(&self, record: &CacheRecord) -> bool {
        self.open().is_some_and(|build| build.may_have_made(record))
    }

    /// Whether a build of ours could have made the record, as could another.
    pub(in super::super) fn is_doubtful(&self, record: &CacheRecord) -> bool {
        let mut builds = self.builds.iter().filter(|build| build.may_have_made(record));
        builds.any(|build| command(record).is_none() || made_by(record, &build.commands))
    }

    fn open(&self) -> Option<&Build> {
        self.builds.last().filter(|build| !build.ended)
    }

    /// Sorts the records that are there now. Ours are those that are what a step of ours made, by what they hold, a command
    /// of ours among it, and by when they came; and those that are connected with one of these.
    pub(in super::super) fn sort<'a>(&self, now: &'a [CacheRecord]) -> Sorted<'a> {
        let before = |id: &String| self.before.as_ref().is_none_or(|before| before.contains(id));
        let new: Vec<&CacheRecord> =
            now.iter().filter(|r| self.known.contains(&r.id) || !before(&r.id)).collect();
        let certain = new.iter().filter(|r| self.known.contains(&r.id) || self.is_certain(r));
        let mut ours: BTreeSet<&str> = certain.map(|r| r.id.as_str()).collect();
        self.take(Makes::Stage, &new, &mut ours);
        self.connect(&new, &mut ours);
        Makes::PLAIN.iter().for_each(|makes| self.take(*makes, &new, &mut ours));
        self.connect(&new, &mut ours);
        let others = new.iter().filter(|r| !ours.contains(r.id.as_str())).copied().collect();
        Sorted { ours: ours.into_iter().map(str::to_owned).collect(), others }
    }

    /// Adds what steps of ours that leave such a thing made.
    fn take<'a>(&self, makes: Makes, new: &[&'a CacheRecord], ours: &mut BTreeSet<&'a str>) {
        let steps: Vec<Ran> = self.builds.iter().flat_map(|build| build.steps(makes)).collect();
        let of_kind = new.iter().filter(|r| makes.describes(r)).copied();
        let (known, rest): (Vec<_>, Vec<_>) = of_kind.partition(|r| ours.contains(r.id.as_str()));
        let rest: Vec<_> = rest.into_iter().filter(|r| command(r).is_none() || self.has_command(r)).collect();
        ours.extend(matched(&steps, &known, &rest));
    }

    /// Whether a build of ours that may have made the record has its command.
    fn has_command(&self, record: &CacheRecord) -> bool {
        self.builds.iter().any(|build| build.may_have_made(record) && made_by(record, &build.commands))
    }

    /// What no count of steps tells: a cache mount by its command, a base that was pulled by its time alone.
    fn is_certain(&self, record: &CacheRecord) -> bool {
        if command(record).is_some() {
            return !Makes::Stage.describes(record) && self.has_command(record);
        }
        // In the words of BuildKit, and of engines whose images are in a store of their own.
        let pulled = ["pulled from ", "from local "].iter().any(|from| record.description.starts_with(from));
        let stands_on_known = record.parents.iter().any(|parent| self.known.contains(parent));
        let mut builds = self.builds.iter().filter(|build| build.may_have_made(record));
        builds.any(|build| {
            let unpacked = || record.description.is_empty() && build.resolved_at(record);
            if build.ended { pulled || unpacked() } else { stands_on_known }
        })
    }

    /// Whether the last step of a build whose end is not known may have made it, on a record of ours.
    fn is_last_step(&self, record: &CacheRecord) -> bool {
        self.came_at_last(record) && self.has_command(record)
    }

    /// Adds what came while a build of ours ran and stands on one of ours, or carries one: without a command, or the last step
    /// of a build whose end is not known.
    fn connect<'a>(&self, new: &[&'a CacheRecord], ours: &mut BTreeSet<&'a str>) {
        let by_id: BTreeMap<&str, &CacheRecord> = new.iter().map(|r| (r.id.as_str(), *r)).collect();
        loop {
            let carried: BTreeSet<&str> = ours
                .iter()
                .filter_map(|id| by_id.get(id))
                .flat_map(|r| r.parents.iter().map(String::as_str))
                .collect();
            let connected: Vec<&str> = new
                .iter()
                .filter(|r| !ours.contains(r.id.as_str()))
                .filter(|r| {
                    let stands = r.parents.iter().any(|parent| ours.contains(parent.as_str()));
                    match command(r) {
                        None => stands || carried.contains(r.id.as_str()),
                        Some(_) => stands && self.is_last_step(r),
                    }
                })
                .filter(|r| self.builds.iter().any(|build| build.may_have_made(r)))
                .map(|r| r.id.as_str())
                .collect();
            if connected.is_empty() {
                return;
            }
            ours.extend(connected);
        }
    }
}
