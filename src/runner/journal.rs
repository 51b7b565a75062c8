//! What dbench makes in an engine is written down here before it is made, flushed, in the user's state folder, so
//! that `clean` finds it even after a SIGKILL. Labels are inherited by what others build from our images, so they
//! never decide alone.

use super::cache::{Evidence, Makes, Ran};
use crate::error::{Error, Result, files};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// One thing that a run made or is about to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry", deny_unknown_fields)]
pub enum Entry {
    /// The run and the engine that all that follows stands in.
    Run {
        /// Id of the run.
        run: String,
        /// Id of the engine.
        engine: String,
    },
    /// A container of that name is about to be made.
    Container {
        /// Its name, which holds a token that nobody else has.
        name: String,
    },
    /// A network of that name is about to be made.
    Network {
        /// Its name, which holds a token that nobody else has.
        name: String,
    },
    /// An image of that name is about to be made.
    Tag {
        /// Its name.
        tag: String,
    },
    /// A build made an image of that id.
    Image {
        /// Its id.
        id: String,
    },
    /// A build is about to begin.
    Build {
        /// Nanoseconds since 1970.
        at: u64,
        /// The commands of its RUN steps, as the build cache describes them.
        commands: BTreeSet<String>,
        /// The records that the build cache held before.
        present: BTreeSet<String>,
    },
    /// A step of that build began.
    Step {
        /// What it leaves in the build cache, if it has no command.
        makes: Option<Makes>,
        /// Nanoseconds since 1970 by the engine's clock.
        from: u64,
    },
    /// The build ended, and these steps of it ran.
    Built {
        /// All of them.
        steps: Vec<Ran>,
    },
    /// These records are new and of our builds.
    Records {
        /// Their ids.
        ids: BTreeSet<String>,
    },
    /// Everything was removed but these records of ours: what comes from now on is not of ours.
    Judged {
        /// Their ids.
        ids: BTreeSet<String>,
    },
    /// A build by the classic builder is about to begin.
    ClassicBuild {
        /// Seconds since 1970.
        at: i64,
        /// The commands of its RUN steps.
        commands: BTreeSet<String>,
        /// The ids of all images that the engine held before.
        present: BTreeSet<String>,
    },
    /// A step of that build made an image.
    Made {
        /// Seconds since 1970.
        at: i64,
        /// Its id, in the short form.
        id: String,
    },
    /// The build ended and its steps made these images, which have no name.
    StepImages {
        /// Their ids.
        ids: BTreeSet<String>,
    },
    /// A record, or the image of a step, was removed.
    Pruned {
        /// Its id.
        id: String,
    },
}

/// The journal of one run, open for writing.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Begins the journal of a run.
    pub fn begin(state: &Path, run: &str, engine: &str) -> Result<Self> {
        let folder = state.join("journal");
        files::create_dir_all(&folder)?;
        let mut journal = Self::reopen(&folder.join(format!("{run}.jsonl")))?;
        journal.write(&Entry::Run { run: run.to_owned(), engine: engine.to_owned() })?;
        Ok(journal)
    }

    /// Goes on with the journal of a run that has ended. A line that a kill tore is cut off: what follows must not
    /// stand on it.
    pub fn reopen(path: &Path) -> Result<Self> {
        let (file, path) = (files::append(path)?, path.to_owned());
        let text = files::read(&path)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(|cause| {
                Error::surroundings(format!("cannot write the journal {}", path.display())).because(cause)
            })?;
        }
        Ok(Self { path, file })
    }

    /// Writes an entry and waits until it is on the disk.
    pub fn write(&mut self, entry: &Entry) -> Result<()> {
        self.note(entry)?;
        self.file.sync_data().map_err(|cause| failed(&self.path, cause))
    }

    /// Writes an entry while a clock runs: it survives the end of dbench, but not that of the machine.
    pub fn note(&mut self, entry: &Entry) -> Result<()> {
        let mut line = serde_json::to_vec(entry).map_err(|cause| failed(&self.path, cause.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(|cause| failed(&self.path, cause))
    }

    /// Where it stands.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn failed(journal: &Path, cause: std::io::Error) -> Error {
    Error::surroundings(format!("cannot write the journal {}", journal.display())).because(cause)
}

/// What one journal says is left in an engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Id of the run.
    pub run: String,
    /// Id of the engine.
    pub engine: String,
    /// Names of containers.
    pub containers: BTreeSet<String>,
    /// Names of networks.
    pub networks: BTreeSet<String>,
    /// Names of images.
    pub tags: BTreeSet<String>,
    /// Ids of images.
    pub images: BTreeSet<String>,
    /// What tells which records of the build cache are ours.
    pub(super) evidence: Evidence,
    /// Commands of all RUN steps that the classic builder was asked to build.
    pub commands: BTreeSet<String>,
    /// Ids of images that steps of the classic builder made.
    pub step_images: BTreeSet<String>,
    /// A build by the classic builder that began and of which no end is known.
    pub unfinished_classic: Option<Unfinished>,
}

/// A build by the classic builder of which no end is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// When it began, and when something was heard of it last, in seconds since 1970.
    pub seen: (i64, i64),
    /// The images that were there before it.
    pub present: BTreeSet<String>,
    /// The images that its steps said that they made, in the short form of ids.
    pub made: BTreeSet<String>,
}

/// How many seconds after the last word of a build its last step may have ended.
const LAST_STEP: i64 = 60;

impl Unfinished {
    /// A build of which nothing was heard yet.
    fn begun(at: i64, present: BTreeSet<String>) -> Self {
        Self { seen: (at, at), present, made: BTreeSet::new() }
    }

    /// Whether the build, or its last step that nobody listened to any more, was running at that time.
    pub fn ran_at(&self, seconds: i64) -> bool {
        (self.seen.0..=self.seen.1 + LAST_STEP).contains(&seconds)
    }
}

impl Ledger {
    /// Reads a journal. A last line that is torn is what a kill leaves and is not read.
    pub fn read(path: &Path) -> Result<Self> {
        let text = files::read_to_string(path)?;
        let mut ledger = Self::default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (at, line) in whole.lines().enumerate() {
            let entry: Entry = serde_json::from_str(line).map_err(|cause| {
                Error::input("the journal cannot be read")
                    .at(path, at + 1, cause.column())
                    .because(cause)
                    .hint("remove what it names by hand, then remove the journal")
            })?;
            ledger.take(entry);
        }
        Ok(ledger)
    }

    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Run { run, engine } => (self.run, self.engine) = (run, engine),
            Entry::Container { name } => _ = self.containers.insert(name),
            Entry::Network { name } => _ = self.networks.insert(name),
            Entry::Tag { tag } => _ = self.tags.insert(tag),
            Entry::Image { id } => _ = self.images.insert(id),
            Entry::Build { at, commands, present } => self.evidence.ask(at, commands, present),
            Entry::Step { makes, from } => self.evidence.hear(makes, from),
            Entry::Built { steps } => self.evidence.end(steps),
            Entry::Records { ids } => _ = self.evidence.note(ids),
            Entry::Judged { ids } => self.evidence.close(ids),
            Entry::ClassicBuild { at, commands, present } => {
                self.commands.extend(commands);
                self.unfinished_classic = Some(Unfinished::begun(at, present));
            }
            Entry::Made { at, id } => {
                if let Some(build) = &mut self.unfinished_classic {
                    build.seen.1 = at;
                    build.made.insert(id);
                }
            }
            Entry::StepImages { ids } => {
                self.step_images.extend(ids);
                self.unfinished_classic = None;
            }
            Entry::Pruned { id } => {
                self.evidence.forget(&id);
                self.step_images.remove(&id);
            }
        }
    }

    /// Every journal of an engine, by its path.
    pub fn all(state: &Path, engine: &str) -> Result<BTreeMap<PathBuf, Self>> {
        let folder = state.join("journal");
        let mut found = BTreeMap::new();
        for path in if folder.is_dir() { files::list(&folder)? } else { Vec::new() } {
            if path.extension().is_some_and(|e| e == "jsonl") {
                let ledger = Self::read(&path)?;
                if ledger.engine == engine {
                    found.insert(path, ledger);
                }
            }
        }
        Ok(found)
    }
}

/// The user's state folder: `$XDG_STATE_HOME/dbench`, else `~/.local/state/dbench`.
pub fn state_folder() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_STATE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("dbench"))
        .ok_or_else(|| {
            Error::surroundings("neither XDG_STATE_HOME nor HOME is set, so the state of dbench has no place")
                .hint("set XDG_STATE_HOME to a folder that you may write to")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_survives_a_torn_last_line() {
        let state = tempfile::tempdir().unwrap();
        let mut journal = Journal::begin(state.path(), "r1", "e1").unwrap();
        journal.write(&Entry::Tag { tag: "dbench/run/x".into() }).unwrap();
        let (present, commands) =
            (BTreeSet::from(["a".to_owned()]), BTreeSet::from(["/bin/sh -c make".to_owned()]));
        let build = Entry::Build { at: 7, commands: commands.clone(), present: present.clone() };
        journal.write(&build).unwrap();
        journal.note(&Entry::Step { makes: Some(Makes::Files), from: 9 }).unwrap();
        let mut torn = files::read(journal.path()).unwrap();
        torn.extend_from_slice(b"{\"entry\":\"rec");
        files::write(journal.path(), torn).unwrap();
        let all = Ledger::all(state.path(), "e1").unwrap();
        let ledger = &all[journal.path()];
        let mut evidence = Evidence::default();
        evidence.ask(7, commands, present);
        evidence.hear(Some(Makes::Files), 9);
        assert_eq!(ledger.evidence, evidence);
        assert!(evidence.is_open());
        assert_eq!(ledger.tags.len(), 1);
        assert!(Ledger::all(state.path(), "another").unwrap().is_empty());
    }

    #[test]
    fn a_classic_build_is_unfinished_until_its_images_are_named() {
        let ids = |names: &[&str]| names.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        let mut ledger = Ledger::default();
        ledger.take(Entry::ClassicBuild { at: 7, commands: ids(&[]), present: ids(&["sha256:old"]) });
        ledger.take(Entry::Made { at: 9, id: "abc".into() });
        let unfinished = Unfinished { seen: (7, 9), present: ids(&["sha256:old"]), made: ids(&["abc"]) };
        assert_eq!(ledger.unfinished_classic, Some(unfinished));
        ledger.take(Entry::StepImages { ids: ids(&["sha256:abc", "sha256:def"]) });
        assert_eq!(ledger.unfinished_classic, None);
        ledger.take(Entry::Pruned { id: "sha256:abc".into() });
        assert_eq!(ledger.step_images, ids(&["sha256:def"]));
    }
}
