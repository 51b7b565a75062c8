//! Reads the text that the classic builder writes: steps with the times at which their lines arrived, what came from the
//! cache, the images that steps made. Leaves the connection to `docker`.

use super::trace::{Kind, Place, Trace, VertexUpdate};
use super::{Failure, Heard};
use std::collections::BTreeSet;

/// The instructions that are counted in a stage, as BuildKit counts them.
const COUNTED: [&str; 4] = ["RUN", "COPY", "ADD", "WORKDIR"];
/// The shortest form of an image's id in the text.
const SHORT_ID: usize = 12;

/// What has been read of one build. Times are nanoseconds since 1970.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) trace: Trace,
    pub(super) log: Vec<u8>,
    /// The images that steps made, in the short form of their ids.
    pub(super) made: BTreeSet<String>,
    /// The image of the last stage that ended.
    pub(super) image: Option<String>,
    pub(super) failure: Option<String>,
    line: String,
    open: VertexUpdate,
    /// The number of the step that goes on, and of all, as the text counts them; 0 before the first.
    step: (u32, u32),
    /// Whether the step that goes on has said which image it came to.
    settled: bool,
    from_cache: bool,
    stages: Vec<Stage>,
    built: bool,
}

#[derive(Debug)]
struct Stage {
    name: String,
    /// The last number that was counted in it.
    number: u32,
}

impl Reading {
    /// Begins with the sending of the context.
    pub(super) fn begin(now: u64) -> Self {
        let mut reading = Self {
            trace: Trace::default(),
            log: Vec::new(),
            made: BTreeSet::new(),
            image: None,
            failure: None,
            line: String::new(),
            open: VertexUpdate::default(),
            step: (0, 0),
            settled: true,
            from_cache: false,
            stages: Vec::new(),
            built: false,
        };
        reading.open("sending the build context", Kind::Context, "", None, now);
        reading
    }

    /// Takes in text as it arrives. What a RUN writes arrives in the same way, so a step counts as begun only if it is the
    /// next one and the one before it has come to an image.
    pub(super) fn take(&mut self, text: &str, now: u64, heard: &mut dyn FnMut(Heard<'_>)) {
        self.log.extend_from_slice(text.as_bytes());
        if self.line.is_empty()
            && let Some(instruction) = self.next_step(text.trim_end_matches(['\r', '\n']))
        {
            let instruction = instruction.to_owned();
            self.begin_step(&instruction, now);
            heard(Heard::Running { name: &instruction, since: now });
            return;
        }
        for piece in text.split_inclusive('\n') {
            self.line.push_str(piece);
            if piece.ends_with('\n') {
                let line = std::mem::take(&mut self.line);
                self.line(line.trim_end_matches(['\r', '\n']), now, heard);
            }
        }
    }

    /// The image that the engine names beside the text: one a stage, the last is the result.
    pub(super) fn image(&mut self, id: Option<String>) {
        self.image = id.or_else(|| self.image.take());
    }

    /// What the engine, or the connection to it, says went wrong.
    pub(super) fn fail(&mut self, message: String, now: u64) {
        self.log.extend_from_slice(format!("ERROR: {message}\n").as_bytes());
        if self.failure.is_none() {
            self.close(now, &message);
            self.failure = Some(message);
        }
    }

    /// Ends what goes on; the text has come to its end.
    pub(super) fn end(&mut self, now: u64) {
        if self.failure.is_none() {
            self.close(now, "");
        }
    }

    /// The image, or what failed. `local` says what went wrong on this side, if anything did.
    pub(super) fn outcome(&self, local: Option<String>) -> Result<String, Failure> {
        match (&self.failure, &self.image) {
            (None, Some(image)) if self.built => Ok(image.clone()),
            (None, _) => Err(Failure {
                step: None,
                message: local.unwrap_or_else(|| "the engine's text ended without an image".to_owned()),
            }),
            (Some(message), _) => Err(Failure {
                step: self.failed_step(),
                message: local.map_or_else(|| message.clone(), |local| format!("{message}: {local}")),
            }),
        }
    }

    fn failed_step(&self) -> Option<String> {
        let failed = self.trace.steps().iter().find(|s| !s.error.is_empty() && !s.stage.is_empty())?;
        let number = failed.number.map(|n| format!("{} {n} ", failed.stage)).unwrap_or_default();
        Some(format!("{number}{}", failed.name))
    }

    /// `Step 3/7 : RUN make` → `RUN make`, if that is what comes next.
    fn next_step<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let (count, instruction) = text.strip_prefix("Step ")?.split_once(" : ")?;
        let (number, of) = count.split_once('/')?;
        let (number, of): (u32, u32) = (number.parse().ok()?, of.parse().ok()?);
        let follows = number == self.step.0 + 1 && (self.step.1 == of || self.step.1 == 0);
        if !(follows && self.settled) {
            return None;
        }
        self.step = (number, of);
        Some(instruction)
    }

    fn begin_step(&mut self, instruction: &str, now: u64) {
        self.close(now, "");
        let keyword = instruction.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        if keyword == "FROM" {
            let number = self.stage(instruction);
            let stage = self.stages.last().map(|stage| stage.name.clone()).unwrap_or_default();
            self.open(instruction, Kind::Resolve, &stage, number, now);
            self.settled = false;
            return;
        }
        let counted = COUNTED.contains(&keyword.as_str());
        let (stage, number) = match self.stages.last_mut() {
            Some(stage) => {
                stage.number += u32::from(counted);
                (stage.name.clone(), counted.then_some(stage.number))
            }
            None => (String::new(), None),
        };
        // An ARG before the first FROM comes to no image.
        self.settled = self.stages.is_empty();
        let kind = if stage.is_empty() { Kind::Resolve } else { Kind::Exec };
        self.open(instruction, kind, &stage, number, now);
    }

    /// Begins a stage. A FROM of an image is its first step, one of a stage or of scratch is none.
    fn stage(&mut self, instruction: &str) -> Option<u32> {
        let words: Vec<&str> =
            instruction.split_whitespace().skip(1).filter(|word| !word.starts_with("--")).collect();
        let from = words.first().copied().unwrap_or_default().to_lowercase();
        let name = match words.as_slice() {
            [_, word, name, ..] if word.eq_ignore_ascii_case("as") => name.to_lowercase(),
            _ => format!("stage-{}", self.stages.len()),
        };
        let of_image = from != "scratch" && self.stages.iter().all(|stage| stage.name != from);
        self.stages.push(Stage { name, number: u32::from(of_image) });
        of_image.then_some(1)
    }

    fn line(&mut self, line: &str, now: u64, heard: &mut dyn FnMut(Heard<'_>)) {
        if let Some(id) = line.strip_prefix("Successfully built ") {
            if self.settled && self.step.0 == self.step.1 && is_id(id) {
                self.built = true;
                self.close(now, "");
                self.open("exporting: naming the image", Kind::Export, "", None, now);
            }
            return;
        }
        let Some(said) = line.strip_prefix(" ---> ") else { return };
        if said == "Using cache" {
            self.from_cache = true;
            self.open.cached = true;
        } else if is_id(said) || said.is_empty() {
            // The first image of a FROM is the one that it names; those after it are made by what it triggers.
            let named = self.open.name.to_ascii_uppercase().starts_with("FROM") && !self.settled;
            if !self.from_cache && !named && is_id(said) {
                self.open.cached = false;
                self.made.insert(said.to_owned());
                heard(Heard::Made(said));
            }
            self.settled = true;
            self.from_cache = false;
        }
    }

    fn open(&mut self, name: &str, kind: Kind, stage: &str, number: Option<u32>, now: u64) {
        // One step waits for the other.
        let before = std::mem::take(&mut self.open.id);
        self.open = VertexUpdate {
            id: self.trace.steps().len().to_string(),
            inputs: if before.is_empty() { vec![] } else { vec![before] },
            name: name.to_owned(),
            place: Some(Place { kind, stage: stage.to_owned(), number }),
            started: Some(now),
            ..VertexUpdate::default()
        };
        self.trace.push(&self.open);
    }

    fn close(&mut self, now: u64, error: &str) {
        self.open.completed = Some(now);
        self.open.error = error.to_owned();
        self.trace.push(&self.open);
    }
}

fn is_id(text: &str) -> bool {
    text.len() >= SHORT_ID && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
