//! The events of a pull, folded.

use super::{Outcome, TransferEvent, layer};
use crate::engine::Failure;
use jiff::Timestamp;
use std::time::Duration;

/// One layer of a pull.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PulledLayer {
    /// The short digest that the engine names it by.
    pub id: String,
    /// First sign of its download; a small one may give none.
    pub download_started: Option<Duration>,
    /// Its last byte had come.
    pub downloaded: Option<Duration>,
    /// First sign of its unpacking; not every engine gives one.
    pub extract_started: Option<Duration>,
    /// It was unpacked.
    pub completed: Option<Duration>,
    /// Packed bytes, as far as the engine says.
    pub total: Option<u64>,
    /// Nothing was fetched: the store had it.
    pub existed: bool,
    /// How often its download began anew.
    pub retries: u32,
}

/// A pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullTrace {
    /// The digest of the manifest, or what failed.
    pub outcome: Result<String, Failure>,
    /// When it was asked for.
    pub started: Timestamp,
    /// From the request to the last event.
    pub wall: Duration,
    /// In the order in which the engine named them.
    pub layers: Vec<PulledLayer>,
    /// The last layer had been downloaded; `None` if none was fetched or the pull failed. Containerd stores tell of
    /// downloads every 100 ms, and of the last ones at the end: a registry that saw the last byte knows better.
    pub download_end: Option<Duration>,
    /// What came after that.
    pub unpack_tail: Option<Duration>,
}

/// A pull of which events are still to come.
#[derive(Debug, Default)]
pub(in crate::engine) struct PullReading {
    layers: Vec<PulledLayer>,
    outcome: Outcome,
}

impl PullReading {
    /// Takes in an event that came `at` after the request.
    pub fn take(&mut self, at: Duration, event: &TransferEvent) {
        self.outcome.take(event);
        let known = ["Pulling fs layer", "Waiting", "Downloading", "Verifying Checksum", "Download complete"];
        let unpacking = ["Extracting", "Pull complete", "Already exists"];
        let retry = event.status.starts_with("Retrying in");
        let status = event.status.as_str();
        if retry || known.contains(&status) || unpacking.contains(&status) {
            let is = |layer: &PulledLayer| layer.id == event.id;
            let new = || PulledLayer { id: event.id.clone(), ..PulledLayer::default() };
            layer(&mut self.layers, is, new).take(at, event, retry);
        }
    }

    /// Notes a failure that is no event.
    pub fn fail(&mut self, message: String) {
        self.outcome.fail(message);
    }

    /// The whole pull.
    pub fn end(self, started: Timestamp, wall: Duration) -> PullTrace {
        let outcome = self.outcome.result();
        let download_end = outcome.as_ref().ok().and_then(|_digest| download_end(&self.layers));
        let unpack_tail = download_end.map(|end| wall.saturating_sub(end));
        PullTrace { outcome, started, wall, layers: self.layers, download_end, unpack_tail }
    }
}

impl PulledLayer {
    fn take(&mut self, at: Duration, event: &TransferEvent, retry: bool) {
        if retry {
            self.retries = self.retries.saturating_add(u32::from(self.downloaded.is_none()));
            return;
        }
        match event.status.as_str() {
            "Downloading" => {
                self.download_started.get_or_insert(at);
                self.total = event.total.or(self.total);
            }
            // The check follows the last byte; layers that are not checked apart say only that they are complete.
            "Verifying Checksum" | "Download complete" => _ = self.downloaded.get_or_insert(at),
            "Extracting" => _ = self.extract_started.get_or_insert(at),
            "Pull complete" => _ = self.completed.get_or_insert(at),
            "Already exists" => self.existed = true,
            _ => {}
        }
    }

    /// What an engine may leave out is known by what follows it.
    fn download_end(&self) -> Option<Duration> {
        self.downloaded.or(self.extract_started).or(self.completed)
    }
}

/// When the last of the fetched layers had come; nothing if one of them never did.
fn download_end(layers: &[PulledLayer]) -> Option<Duration> {
    let fetched = layers.iter().filter(|layer| !layer.existed);
    let ends: Option<Vec<_>> = fetched.map(PulledLayer::download_end).collect();
    ends?.into_iter().max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn read(events: &[(u64, &str, &str)]) -> PullReading {
        let mut reading = PullReading::default();
        for (at, id, status) in events {
            let total = (*status == "Downloading").then_some(100);
            let event = TransferEvent {
                id: (*id).into(),
                status: (*status).into(),
                total,
                ..TransferEvent::default()
            };
            reading.take(ms(*at), &event);
        }
        reading
    }

    #[test]
    fn layers_are_fetched_and_unpacked() {
        let reading = read(&[
            (1, "1.0", "Pulling from tiny/app"),
            (2, "aa", "Pulling fs layer"),
            (2, "bb", "Pulling fs layer"),
            (3, "bb", "Waiting"),
            (4, "aa", "Downloading"),
            (6, "aa", "Downloading"),
            (9, "bb", "Download complete"),
            (10, "aa", "Verifying Checksum"),
            (11, "aa", "Download complete"),
            (12, "aa", "Extracting"),
            (14, "aa", "Extracting"),
            (15, "aa", "Pull complete"),
            (16, "bb", "Extracting"),
            (17, "bb", "Pull complete"),
            (18, "", "Digest: sha256:dd"),
            (19, "", "Status: Downloaded newer image for x"),
        ]);
        let trace = reading.end(Timestamp::UNIX_EPOCH, ms(20));
        assert_eq!(trace.outcome, Ok("sha256:dd".to_owned()));
        let big = PulledLayer {
            id: "aa".into(),
            download_started: Some(ms(4)),
            downloaded: Some(ms(10)),
            extract_started: Some(ms(12)),
            completed: Some(ms(15)),
            total: Some(100),
            ..PulledLayer::default()
        };
        let small = PulledLayer {
            id: "bb".into(),
            downloaded: Some(ms(9)),
            extract_started: Some(ms(16)),
            completed: Some(ms(17)),
            ..PulledLayer::default()
        };
        assert_eq!(trace.layers, [big, small]);
        assert_eq!((trace.download_end, trace.unpack_tail), (Some(ms(10)), Some(ms(10))));
    }

    #[test]
    fn a_layer_that_the_store_had_has_no_download() {
        let events = [(1, "aa", "Already exists"), (2, "bb", "Pulling fs layer"), (5, "bb", "Pull complete")];
        let mut reading = read(&events);
        let digest = TransferEvent { status: "Digest: sha256:dd".into(), ..TransferEvent::default() };
        reading.take(ms(6), &digest);
        let trace = reading.end(Timestamp::UNIX_EPOCH, ms(6));
        assert!(trace.layers[0].existed && !trace.layers[1].existed);
        assert_eq!((trace.download_end, trace.unpack_tail), (Some(ms(5)), Some(ms(1))));

        let mut reading = read(&events[..1]);
        reading.take(ms(6), &digest);
        assert_eq!(reading.end(Timestamp::UNIX_EPOCH, ms(6)).download_end, None);
    }

    #[test]
    fn a_failed_pull_has_no_parts() {
        let mut reading = read(&[
            (1, "aa", "Downloading"),
            (3, "aa", "Retrying in 5 seconds"),
            (4, "aa", "Retrying in 4 seconds"),
        ]);
        let error = TransferEvent { error: Some("unexpected EOF".into()), ..TransferEvent::default() };
        reading.take(ms(9), &error);
        let trace = reading.end(Timestamp::UNIX_EPOCH, ms(9));
        assert_eq!(trace.outcome.unwrap_err().message, "unexpected EOF");
        assert_eq!((trace.download_end, trace.unpack_tail), (None, None));
        assert!(trace.layers[0].retries > 0);
    }
}
