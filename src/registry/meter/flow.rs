//! In which time bytes came in, over all connections: the rest of a push is the client's own work.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// From a pause of this length on, the wire waits for the client. A client that compresses as it sends pauses for longer
/// between two pieces; on loopback and on a link between namespaces the wire itself never does.
const PAUSE_NS: u64 = 1_000_000;

/// The time in which bytes came in.
#[derive(Debug, Default)]
pub(super) struct Flow(Mutex<Counted>);

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    last_ns: u64,
    flowing_ns: u64,
}

impl Flow {
    /// Bytes came in now.
    pub(super) fn seen(&self, now_ns: u64) {
        let mut counted = self.counted();
        let since = now_ns.saturating_sub(counted.last_ns);
        if since < PAUSE_NS {
            counted.flowing_ns += since;
        }
        counted.last_ns = counted.last_ns.max(now_ns);
    }

    /// Nanoseconds so far.
    pub(super) fn shown(&self) -> u64 {
        self.counted().flowing_ns
    }

    /// Nanoseconds so far, and begins anew.
    pub(super) fn take(&self) -> u64 {
        std::mem::take(&mut self.counted().flowing_ns)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_the_clients_and_the_rest_the_wires() {
        let flow = Flow::default();
        for now in [5_000_000, 5_100_000, 5_900_000, 8_000_000, 8_000_500] {
            flow.seen(now);
        }
        assert_eq!(flow.shown(), 900_000 + 500);
        assert_eq!((flow.take(), flow.take()), (900_500, 0));
    }
}
