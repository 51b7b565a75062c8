//! What a transfer carried, read off the registry's meter: bytes, times, connections.

use crate::image::Digest;
use crate::registry::{Direction, Reading, What};
use std::collections::BTreeMap;

/// The blobs that crossed the wire in one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Each blob with what crossed of it.
    pub blobs: BTreeMap<Digest, Moved>,
    /// Nanoseconds in which bytes came in to the registry.
    pub incoming_ns: u64,
    /// When the last byte of a blob passed, on the meter's clock; `None` if none did.
    pub last_ns: Option<u64>,
    /// How many connections carried blobs in that direction.
    pub connections: u64,
    /// What all sockets carried in that direction, everything in it.
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
        let mut carried = Self { incoming_ns: reading.incoming_ns, ..Self::default() };
        carried.manifests = reading.body(What::Manifest, direction);
        for transfer in reading.carried(What::Blob, direction) {
            let (Some(digest), Some(first_ns), Some(last_ns)) =
                (&transfer.digest, transfer.first_ns, transfer.last_ns)
            else {
                continue;
            };
            let moved = carried.blobs.entry(digest.clone()).or_insert(Moved { bytes: 0, first_ns, last_ns });
            moved.bytes += transfer.body;
            (moved.first_ns, moved.last_ns) = (moved.first_ns.min(first_ns), moved.last_ns.max(last_ns));
        }
        carried.last_ns = carried.blobs.values().map(|moved| moved.last_ns).max();
        carried.connections = reading.blob_connections(direction) as u64;
        let (read, written) = reading.socket_bytes();
        carried.socket = if direction == Direction::In { read } else { written };
        carried
    }

    /// Bytes of all blobs.
    pub fn bytes(&self) -> u64 {
        self.blobs.values().map(|moved| moved.bytes).sum()
    }
}
