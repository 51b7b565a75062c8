//! What the meter shows: requests and connections, and the sums that a caller asks of them.

use crate::image::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// What a request was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A blob, or a piece of its upload.
    Blob,
    /// A manifest.
    Manifest,
    /// Anything else: the version, tags, referrers.
    Other,
}

/// Which way content goes, as the registry sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From a client: a push.
    In,
    /// To a client: a pull.
    Out,
}

/// One request and its answer. Times are nanoseconds since the registry started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The connection that carried it.
    pub connection: u64,
    /// The repository, if it names one.
    pub repository: Option<String>,
    /// What it was about.
    pub what: What,
    /// The content. Of a piece of an upload it is known from the end of the upload on; of a manifest that is asked for by
    /// tag, from the answer on.
    pub digest: Option<Digest>,
    /// Which way: `In` for POST, PUT and PATCH, `Out` for all others.
    pub direction: Direction,
    /// Bytes of the body in that direction, as far as they went. An answer counts when it is handed to the connection.
    pub body: u64,
    /// Status of the answer; `None` until there is one.
    pub status: Option<u16>,
    /// When the head of the request was read.
    pub started_ns: u64,
    /// When the first bytes of the body passed.
    pub first_ns: Option<u64>,
    /// When the last bytes of the body passed.
    pub last_ns: Option<u64>,
    /// When the answer was handed over whole or its client was gone; `None` while it lasts.
    pub completed_ns: Option<u64>,
    /// Whether the body of the answer was handed over to its end.
    pub whole: bool,
}

/// What one connection carried on its socket. Times are nanoseconds since the registry started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its number, from 1.
    pub id: u64,
    /// Who opened it.
    pub peer: SocketAddr,
    /// Bytes that came in since the meter was last taken.
    pub read: u64,
    /// Bytes that went out since the meter was last taken.
    pub written: u64,
    /// When it was accepted.
    pub opened_ns: u64,
    /// When it last carried a byte.
    pub last_ns: u64,
    /// When it was closed; `None` while it is open.
    pub closed_ns: Option<u64>,
}

/// What a meter shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Requests, in the order in which they began.
    pub transfers: Vec<Transfer>,
    /// Connections, in the order in which they were accepted.
    pub connections: Vec<Connection>,
    /// Nanoseconds in which bytes came in, over all connections; pauses of a millisecond or more are not in it.
    pub incoming_ns: u64,
}

impl Reading {
    /// Body bytes of each blob in a direction, as far as requests that were not refused carried them. One that was only
    /// asked for or mounted is there with 0; one whose upload did not end is not.
    pub fn blobs(&self, direction: Direction) -> BTreeMap<Digest, u64> {
        let mut blobs = BTreeMap::new();
        for transfer in self.carried(What::Blob, direction) {
            if let Some(digest) = &transfer.digest {
                *blobs.entry(digest.clone()).or_default() += transfer.body;
            }
        }
        blobs
    }

    /// Body bytes of all that is of a kind, in a direction, as far as requests that were not refused carried them.
    pub fn body(&self, what: What, direction: Direction) -> u64 {
        self.carried(what, direction).map(|transfer| transfer.body).sum()
    }

    /// How many connections carried bytes of blobs in a direction.
    pub fn blob_connections(&self, direction: Direction) -> usize {
        let carried = self.carried(What::Blob, direction).filter(|transfer| transfer.body > 0);
        carried.map(|transfer| transfer.connection).collect::<BTreeSet<_>>().len()
    }

    /// Bytes that all sockets carried: in, out.
    pub fn socket_bytes(&self) -> (u64, u64) {
        let sum = |of: fn(&Connection) -> u64| self.connections.iter().map(of).sum();
        (sum(|connection| connection.read), sum(|connection| connection.written))
    }

    /// Requests about a kind of content, in a direction, that were not refused.
    pub fn carried(&self, what: What, direction: Direction) -> impl Iterator<Item = &Transfer> {
        let good = |transfer: &&Transfer| transfer.status.is_some_and(|status| (200..300).contains(&status));
        self.transfers.iter().filter(move |t| t.what == what && t.direction == direction).filter(good)
    }
}
