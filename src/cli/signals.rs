//! Owns the signals that end dbench from outside: Ctrl-C, SIGTERM, and SIGHUP of a terminal that is closed.
//! Leaves to each command what it does then.

use crate::error::{Error, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals, listened for from now on.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self> {
        let listen = |kind| {
            signal(kind).map_err(|cause| Error::surroundings("cannot listen for signals").because(cause))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the next of them.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }

    /// Waits for somebody who asks once more. A terminal that closes and the shell in it both send SIGHUP, which is one
    /// wish.
    pub(super) async fn again(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
