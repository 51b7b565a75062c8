//! Owns the log of a build as it is kept: whole lines, each with the name of its step.
//! Engines send what a step writes in pieces that end anywhere; a line is put together here, so that what must not be
//! kept is found in it.

use crate::engine::VertexUpdate;
use std::collections::{BTreeMap, HashMap};

/// How much of a build's log is kept: a step may write for as long as it likes.
const LONGEST: usize = 64 << 20;
const CUT: &[u8] = b"\nthe log is longer than this and is cut here\n";
/// A line that is still longer is cut, as a step that never ends its line must not fill the memory.
const LONGEST_LINE: usize = 1 << 20;

/// A log that grows.
#[derive(Default)]
pub(super) struct Log {
    bytes: Vec<u8>,
    names: HashMap<String, String>,
    /// What has come of a line of a step, by the step and its stream.
    begun: BTreeMap<(String, i64), Vec<u8>>,
}

impl Log {
    /// A line of its own.
    pub(super) fn line(&mut self, text: &str) {
        if self.bytes.len() + text.len() < LONGEST {
            self.bytes.extend_from_slice(text.as_bytes());
            self.bytes.push(b'\n');
        } else if !self.bytes.ends_with(CUT) {
            self.bytes.extend_from_slice(CUT);
        }
    }

    /// The end of a step, or its name for what it writes.
    pub(super) fn vertex(&mut self, update: &VertexUpdate) {
        self.names.insert(update.id.clone(), update.name.clone());
        let said = match (update.completed, update.cached, update.error.is_empty()) {
            (_, _, false) => format!("ERROR {}", update.error),
            (Some(_), true, _) => "CACHED".to_owned(),
            (Some(_), false, _) => "DONE".to_owned(),
            (None, ..) => return,
        };
        self.end_lines(|(vertex, _)| *vertex == update.id);
        self.line(&format!("{} {said}", update.name));
    }

    /// A piece of what a step writes.
    pub(super) fn piece(&mut self, vertex: &str, stream: i64, piece: &[u8]) {
        let key = (vertex.to_owned(), stream);
        let mut line = self.begun.remove(&key).unwrap_or_default();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(part);
            if part.ends_with(b"\n") || line.len() >= LONGEST_LINE {
                self.written(vertex, &line);
                line.clear();
            }
        }
        if !line.is_empty() {
            self.begun.insert(key, line);
        }
    }

    /// The whole log.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.end_lines(|_| true);
        self.bytes
    }

    fn end_lines(&mut self, of: impl Fn(&(String, i64)) -> bool) {
        let (ended, begun) = std::mem::take(&mut self.begun).into_iter().partition(|(key, _)| of(key));
        self.begun = begun;
        let ended: BTreeMap<(String, i64), Vec<u8>> = ended;
        ended.iter().for_each(|((vertex, _), line)| self.written(vertex, line));
    }

    fn written(&mut self, vertex: &str, line: &[u8]) {
        let name = self.names.get(vertex).cloned().unwrap_or_default();
        let text = String::from_utf8_lossy(line);
        for text in text.lines() {
            self.line(&format!("{name} | {text}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(id: &str, completed: Option<u64>, error: &str) -> VertexUpdate {
        let (id, error) = (id.to_owned(), error.to_owned());
        VertexUpdate { name: format!("RUN {id}"), id, completed, error, ..VertexUpdate::default() }
    }

    #[test]
    fn pieces_become_whole_lines_of_their_step() {
        let mut log = Log::default();
        log.vertex(&update("a", None, ""));
        log.vertex(&update("b", None, ""));
        log.piece("a", 1, b"hun");
        log.piece("b", 1, b"other\nun");
        log.piece("a", 2, b"warning\n");
        log.piece("a", 1, "ter2\ncaf\u{e9}".as_bytes());
        log.vertex(&update("a", Some(1), ""));
        log.vertex(&update("b", Some(1), "exit code: 1"));
        log.line("ERROR: failed");
        log.piece("c", 1, b"late");
        let text = String::from_utf8(log.finish()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "RUN b | other",
                "RUN a | warning",
                "RUN a | hunter2",
                "RUN a | caf\u{e9}",
                "RUN a DONE",
                "RUN b | un",
                "RUN b ERROR exit code: 1",
                "ERROR: failed",
                " | late"
            ]
        );
    }

    #[test]
    fn a_line_without_an_end_is_cut() {
        let mut log = Log::default();
        for _ in 0..5 {
            log.piece("a", 1, &vec![b'x'; LONGEST_LINE / 2]);
        }
        let text = String::from_utf8(log.finish()).unwrap();
        assert_eq!(
            text.lines().map(str::len).collect::<Vec<_>>(),
            [LONGEST_LINE + 3, LONGEST_LINE + 3, LONGEST_LINE / 2 + 3]
        );
    }
}
