//! The events of a push, folded.

use super::{Outcome, TransferEvent, layer};
use crate::engine::Failure;
use jiff::Timestamp;
use std::time::Duration;

/// How a layer of a push ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was sent.
    Pushed,
    /// The registry had it in that repository.
    Existed,
    /// The registry had it in another repository.
    Mounted,
}

/// One layer of a push.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushedLayer {
    /// The short digest that the engine names it by: of the unpacked layer with graph drivers, else of the blob.
    pub id: String,
    /// First sign of its sending.
    pub started: Option<Duration>,
    /// Its end.
    pub completed: Option<Duration>,
    /// How it ended; `None` if it did not.
    pub fate: Option<Fate>,
    /// Bytes, as far as the engine says: unpacked with graph drivers, packed otherwise.
    pub total: Option<u64>,
}

/// A push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushTrace {
    /// The digest of the manifest, or what failed.
    pub outcome: Result<String, Failure>,
    /// When it was asked for.
    pub started: Timestamp,
    /// From the request to the last event.
    pub wall: Duration,
    /// In the order in which the engine named them.
    pub layers: Vec<PushedLayer>,
}

/// A push of which events are still to come.
#[derive(Debug, Default)]
pub(in crate::engine) struct PushReading {
    layers: Vec<PushedLayer>,
    outcome: Outcome,
}

impl PushReading {
    /// Takes in an event that came `at` after the request.
    pub fn take(&mut self, at: Duration, event: &TransferEvent) {
        self.outcome.take(event);
        let fate = fate(&event.status);
        if fate.is_some() || ["Preparing", "Waiting", "Pushing"].contains(&event.status.as_str()) {
            let is = |layer: &PushedLayer| layer.id == event.id;
            let new = || PushedLayer { id: event.id.clone(), ..PushedLayer::default() };
            layer(&mut self.layers, is, new).take(at, event, fate);
        }
    }

    /// Notes a failure that is no event.
    pub fn fail(&mut self, message: String) {
        self.outcome.fail(message);
    }

    /// The whole push.
    pub fn end(self, started: Timestamp, wall: Duration) -> PushTrace {
        PushTrace { outcome: self.outcome.result(), started, wall, layers: self.layers }
    }
}

impl PushedLayer {
    fn take(&mut self, at: Duration, event: &TransferEvent, fate: Option<Fate>) {
        if event.status == "Pushing" {
            self.started.get_or_insert(at);
            self.total = event.total.or(self.total);
        }
        if fate.is_some() && self.fate.is_none() {
            (self.fate, self.completed) = (fate, Some(at));
        }
    }
}

fn fate(status: &str) -> Option<Fate> {
    match status {
        "Pushed" => Some(Fate::Pushed),
        "Layer already exists" | "Already exists" => Some(Fate::Existed),
        _ if status.starts_with("Mounted from") => Some(Fate::Mounted),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn layers_are_sent_found_or_mounted() {
        let mut reading = PushReading::default();
        for (at, id, status) in [
            (1, "", "The push refers to repository [127.0.0.1:5000/tiny]"),
            (2, "aa", "Preparing"),
            (2, "bb", "Preparing"),
            (2, "cc", "Waiting"),
            (3, "bb", "Layer already exists"),
            (4, "aa", "Pushing"),
            (6, "aa", "Pushing"),
            (7, "aa", "Pushed"),
            (8, "cc", "Mounted from other"),
            (9, "", "1: digest: sha256:dd size: 528"),
        ] {
            let total = (status == "Pushing").then_some(512);
            let event =
                TransferEvent { id: id.into(), status: status.into(), total, ..TransferEvent::default() };
            reading.take(ms(at), &event);
        }
        let trace = reading.end(Timestamp::UNIX_EPOCH, ms(9));
        assert_eq!(trace.outcome, Ok("sha256:dd".to_owned()));
        let sent = PushedLayer {
            id: "aa".into(),
            started: Some(ms(4)),
            completed: Some(ms(7)),
            fate: Some(Fate::Pushed),
            total: Some(512),
        };
        let ended = |id: &str, at, fate| PushedLayer {
            id: id.into(),
            completed: Some(ms(at)),
            fate: Some(fate),
            ..PushedLayer::default()
        };
        assert_eq!(trace.layers, [sent, ended("bb", 3, Fate::Existed), ended("cc", 8, Fate::Mounted)]);
    }

    #[test]
    fn a_push_that_breaks_off_is_a_failure() {
        let mut reading = PushReading::default();
        let event = TransferEvent { id: "aa".into(), status: "Pushing".into(), ..TransferEvent::default() };
        reading.take(ms(1), &event);
        reading.fail("the stream of events broke off".into());
        let trace = reading.end(Timestamp::UNIX_EPOCH, ms(2));
        assert_eq!(trace.outcome.unwrap_err().message, "the stream of events broke off");
        assert_eq!(trace.layers[0].fate, None);
    }
}
