//! What a transfer carried, read off the registry's meter: bytes, times, connections.

use crate::image::Digest;
use crate::registry::{Direction, Reading, What};
use std::collections::{BTreeMap, BTreeSet};

/// The blobs that crossed the wire in one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Each blob with what crossed of it.
    pub blobs: BTreeMap<Digest, Moved>,
    /// Nanoseconds in which at least one connection carried a blob.
    pub busy_ns: u64,
    /// When the last byte of a blob passed, on the meter's clock; `None` if none did.
    pub last_ns: Option<u64>,
    /// How many connections carried something in that direction.
    pub connections: u64,
    /// What the sockets of those connections carried in that direction, everything in it.
    pub socket: u64,
    /// Bodies of manifests in that direction.
    pub manifests: u64,
}

/// One blob on the wire. Times are on the meter's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Bytes, all tries together.
    pub bytes: u64,
    /// The first byte.
    pub first_ns: u64,
    /// The last byte.
    pub last_ns: u64,
}

impl Carried {
    /// Reads what went `direction`.
    pub fn of(reading: &Reading, direction: Direction) -> Self {
        let mut carried = Self::default();
        let mut spans = Vec::new();
        let mut connections = BTreeSet::new();
        for transfer in reading.transfers.iter().filter(|t| t.direction == direction) {
            connections.insert(transfer.connection);
            if transfer.what == What::Manifest {
                carried.manifests += transfer.body;
            }
            let (What::Blob, Some(digest), Some(first), Some(last)) =
                (transfer.what, &transfer.digest, transfer.first_ns, transfer.last_ns)
            else {
                continue;
            };
            let fresh = Moved { bytes: 0, first_ns: first, last_ns: last };
            let moved = carried.blobs.entry(digest.clone()).or_insert(fresh);
            moved.bytes += transfer.body;
            (moved.first_ns, moved.last_ns) = (moved.first_ns.min(first), moved.last_ns.max(last));
            spans.push((first, last));
        }
        carried.last_ns = spans.iter().map(|(_, last)| *last).max();
        carried.busy_ns = union(spans);
        carried.connections = connections.len() as u64;
        let used = reading.connections.iter().filter(|c| connections.contains(&c.id));
        carried.socket = used.map(|c| if direction == Direction::In { c.read } else { c.written }).sum();
        carried
    }

    /// Bytes of all blobs.
    pub fn bytes(&self) -> u64 {
        self.blobs.values().map(|moved| moved.bytes).sum()
    }
}

/// How long the union of some intervals is.
fn union(mut spans: Vec<(u64, u64)>) -> u64 {
    spans.sort_unstable();
    let (mut total, mut end) = (0, 0);
    for (first, last) in spans {
        total += last.saturating_sub(first.max(end));
        end = end.max(last);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_that_overlap_count_once() {
        assert_eq!(union(vec![(5, 9), (1, 3), (2, 4), (6, 7)]), 3 + 4);
        assert_eq!(union(vec![]), 0);
    }
}
