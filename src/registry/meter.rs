//! The byte meter: one record per request, one count per connection, readable while the registry runs.
//!
//! Two layers are counted apart. A transfer's `body` is what HTTP carried for its content, without headers and framing. A
//! connection's `read` and `written` are what its socket carried, everything in it.

mod flow;

use super::reading::{Connection, Direction, Reading, Transfer, What};
use crate::image::Digest;
use flow::Flow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Between a byte that leaves and its count.
const MOMENT: Duration = Duration::from_millis(1);

/// Counts what crosses the wire. Its clones are one meter.
#[derive(Clone, Debug)]
pub struct Meter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    origin: Instant,
    log: Mutex<Log>,
    completed: Notify,
    incoming: Arc<Flow>,
}

#[derive(Debug, Default)]
struct Log {
    next: u64,
    transfers: BTreeMap<u64, Entry>,
    connections: BTreeMap<u64, Arc<Socket>>,
}

#[derive(Debug)]
struct Entry {
    transfer: Transfer,
    upload: Option<String>,
}

/// The counters of one socket.
#[derive(Debug)]
pub(super) struct Socket {
    id: u64,
    peer: SocketAddr,
    opened_ns: u64,
    origin: Instant,
    incoming: Arc<Flow>,
    read: AtomicU64,
    written: AtomicU64,
    last_ns: AtomicU64,
    /// Set while bytes may have left that are not counted yet.
    writing: AtomicBool,
    /// 0 while it is open.
    closed_ns: AtomicU64,
}

impl Meter {
    pub(super) fn new() -> Self {
        let incoming = Arc::default();
        Self(Arc::new(Shared {
            origin: Instant::now(),
            log: Mutex::default(),
            completed: Notify::new(),
            incoming,
        }))
    }

    /// Nanoseconds since the registry started: the clock of all records.
    pub fn now_ns(&self) -> u64 {
        since(self.0.origin)
    }

    /// What was counted since the meter was last taken, what still lasts included.
    pub fn reading(&self) -> Reading {
        let log = self.log();
        Reading {
            transfers: log.transfers.values().map(|entry| entry.transfer.clone()).collect(),
            connections: log.connections.values().map(|socket| socket.shown(false)).collect(),
            incoming_ns: self.0.incoming.shown(),
        }
    }

    /// Takes what was counted and begins anew. What still lasts stays for the next time; connections that are still open
    /// are shown and count from 0 again.
    pub fn take(&self) -> Reading {
        let mut log = self.log();
        let (done, lasting) = std::mem::take(&mut log.transfers)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(_, entry)| entry.transfer.completed_ns.is_some());
        log.transfers = lasting;
        let connections: Vec<_> = log.connections.values().map(|socket| socket.shown(true)).collect();
        log.connections.retain(|_, socket| socket.closed_ns.load(Ordering::Relaxed) == 0);
        let transfers = done.into_values().map(|entry| entry.transfer).collect();
        Reading { transfers, connections, incoming_ns: self.0.incoming.take() }
    }

    /// Waits until no request lasts and every byte that left is counted; false if that is not so at the deadline. A client
    /// may have its last byte a moment before.
    pub async fn quiet(&self, deadline: Duration) -> bool {
        let lasts = || self.log().transfers.values().any(|entry| entry.transfer.completed_ns.is_none());
        let waiting = async {
            loop {
                // Asked for before the look, so that no completion between the two is missed.
                let completed = self.0.completed.notified();
                if !lasts() {
                    break;
                }
                completed.await;
            }
            while self.log().connections.values().any(|socket| socket.writing.load(Ordering::Acquire)) {
                tokio::time::sleep(MOMENT).await;
            }
        };
        tokio::time::timeout(deadline, waiting).await.is_ok()
    }

    /// A connection was accepted.
    pub(super) fn open(&self, peer: SocketAddr) -> Arc<Socket> {
        let (mut log, now) = (self.log(), self.now_ns());
        log.next += 1;
        let socket = Arc::new(Socket {
            id: log.next,
            peer,
            opened_ns: now,
            origin: self.0.origin,
            incoming: self.0.incoming.clone(),
            read: AtomicU64::new(0),
            written: AtomicU64::new(0),
            last_ns: AtomicU64::new(now),
            writing: AtomicBool::new(false),
            closed_ns: AtomicU64::new(0),
        });
        log.connections.insert(socket.id, socket.clone());
        socket
    }

    /// The head of a request was read.
    pub(super) fn begin(&self, connection: &Socket, direction: Direction) -> Ticket {
        let mut log = self.log();
        log.next += 1;
        let (id, started_ns) = (log.next, self.now_ns());
        let transfer = Transfer {
            connection: connection.id,
            repository: None,
            what: What::Other,
            digest: None,
            direction,
            body: 0,
            status: None,
            started_ns,
            first_ns: None,
            last_ns: None,
            completed_ns: None,
            whole: false,
        };
        log.transfers.insert(id, Entry { transfer, upload: None });
        Ticket { meter: self.clone(), id }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // Counting never leaves half a change behind, so the log is good whatever became of another thread.
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The record of a request that lasts; it is completed when the ticket is dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    meter: Meter,
    id: u64,
}

impl Ticket {
    fn change(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.meter.log().transfers.get_mut(&self.id) {
            change(entry);
        }
    }

    pub(super) fn about(&self, what: What, repository: &str, digest: Option<&Digest>) {
        self.change(|entry| {
            entry.transfer.what = what;
            entry.transfer.repository = Some(repository.to_owned());
            entry.transfer.digest = digest.cloned();
        });
    }

    /// The request is a piece of an upload.
    pub(super) fn of_upload(&self, upload: &str) {
        self.change(|entry| entry.upload = Some(upload.to_owned()));
    }

    /// The content of an upload is known now: all its pieces are.
    pub(super) fn upload_is(&self, upload: &str, digest: &Digest) {
        let mut log = self.meter.log();
        let pieces = log.transfers.values_mut().filter(|entry| entry.upload.as_deref() == Some(upload));
        pieces.for_each(|entry| entry.transfer.digest = Some(digest.clone()));
    }

    pub(super) fn content_is(&self, digest: &Digest) {
        self.change(|entry| entry.transfer.digest = Some(digest.clone()));
    }

    /// Bytes of a body passed.
    pub(super) fn passed(&self, bytes: usize) {
        let now = self.meter.now_ns();
        self.change(|entry| {
            entry.transfer.body += bytes as u64;
            entry.transfer.first_ns.get_or_insert(now);
            entry.transfer.last_ns = Some(now);
        });
    }

    pub(super) fn answered(&self, status: u16) {
        self.change(|entry| entry.transfer.status = Some(status));
    }

    pub(super) fn whole(&self) {
        self.change(|entry| entry.transfer.whole = true);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let now = self.meter.now_ns();
        self.change(|entry| entry.transfer.completed_ns = Some(now));
        self.meter.0.completed.notify_waiters();
    }
}

impl Socket {
    pub(super) fn read(&self, bytes: usize) {
        let now = since(self.origin);
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        self.last_ns.store(now, Ordering::Relaxed);
        self.incoming.seen(now);
    }

    /// Bytes may leave from now on until `written` or `stalled`.
    pub(super) fn writing(&self) {
        self.writing.store(true, Ordering::Release);
    }

    /// None left.
    pub(super) fn stalled(&self) {
        self.writing.store(false, Ordering::Release);
    }

    pub(super) fn written(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
        self.last_ns.store(since(self.origin), Ordering::Relaxed);
        self.writing.store(false, Ordering::Release);
    }

    pub(super) fn closed(&self) {
        self.closed_ns.store(since(self.origin).max(1), Ordering::Relaxed);
    }

    fn shown(&self, anew: bool) -> Connection {
        let count = |counter: &AtomicU64| match anew {
            true => counter.swap(0, Ordering::Relaxed),
            false => counter.load(Ordering::Relaxed),
        };
        let closed = self.closed_ns.load(Ordering::Relaxed);
        Connection {
            id: self.id,
            peer: self.peer,
            read: count(&self.read),
            written: count(&self.written),
            opened_ns: self.opened_ns,
            last_ns: self.last_ns.load(Ordering::Relaxed),
            closed_ns: (closed > 0).then_some(closed),
        }
    }
}

fn since(origin: Instant) -> u64 {
    u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
