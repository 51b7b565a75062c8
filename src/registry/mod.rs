//! Owns the embedded registry: the OCI distribution API as engines use it, and the meter of what crosses its wire.
//! Leaves to `runner` which engine talks to it and what the bytes mean, and to `image` what a digest and a manifest are.
//!
//! Blobs are streamed: memory stays flat at any size. Nothing asks who a client is, so it should listen on loopback or on a
//! link of its own.

mod blobs;
mod listing;
mod manifests;
mod meter;
mod name;
mod owner;
mod query;
mod range;
mod reading;
mod refusal;
mod routes;
mod sending;
mod server;
mod store;
mod upload;
mod visit;
mod wire;

use crate::error::{Error, Result};
pub use meter::Meter;
pub use reading::{Connection, Direction, Reading, Transfer, What};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use upload::Uploads;
use visit::Shared;

/// What a registry refuses or waits no longer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest blob, in bytes.
    pub upload_bytes: u64,
    /// The largest head of a request, in bytes.
    pub header_bytes: usize,
    /// How long a connection may take for the head of its next request.
    pub header: Duration,
    /// How long a body may be silent, and how long a client may take nothing of an answer.
    pub silence: Duration,
    /// How long requests that last may go on when the registry is told to stop.
    pub farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload_bytes: 64 << 30,
            header_bytes: 64 << 10,
            header: Duration::from_secs(60),
            silence: Duration::from_secs(120),
            farewell: Duration::from_secs(5),
        }
    }
}

/// How a registry is to be.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens; with port 0, on a free one.
    pub address: SocketAddr,
    /// The folder that holds its content: empty, new, or left by an earlier registry.
    pub folder: PathBuf,
    /// What it refuses.
    pub limits: Limits,
}

/// A registry that serves until it is stopped or dropped.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    shared: Arc<Shared>,
    limits: Limits,
    stop: watch::Sender<bool>,
    serving: Vec<JoinHandle<()>>,
}

impl Registry {
    /// Begins to serve.
    ///
    /// # Errors
    /// If the address is taken or not of this machine, or the folder cannot be used.
    pub async fn serve(settings: Settings) -> Result<Self> {
        let Settings { address, folder, limits } = settings;
        let listener = TcpListener::bind(address).await.map_err(|cause| cannot_listen(address, cause))?;
        let address = listener.local_addr().map_err(|cause| cannot_listen(address, cause))?;
        let store = Store::open(&folder)?;
        let uploads = Uploads::new(store.uploads(), limits.upload_bytes, limits.silence);
        let shared = Arc::new(Shared { store, uploads, meter: Meter::new(), silence: limits.silence });
        let (stop, stopped) = watch::channel(false);
        let serving = vec![tokio::spawn(server::serve(listener, shared.clone(), limits, stopped))];
        Ok(Self { address, shared, limits, stop, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it counts.
    pub fn meter(&self) -> &Meter {
        &self.shared.meter
    }

    /// Forgets all content: it is empty again, as between two measurements. The meter is not touched.
    ///
    /// # Errors
    /// If the content cannot be removed from the disk.
    pub async fn clear(&self) -> Result<()> {
        let shared = self.shared.clone();
        let cleared = tokio::task::spawn_blocking(move || {
            shared.uploads.forget();
            shared.store.clear()
        });
        cleared.await.map_err(|cause| Error::surroundings("the content was not removed").because(cause))?
    }

    /// Takes no more connections, lets what lasts come to its end within `Limits::farewell`, and cuts the rest.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        for serving in &mut self.serving {
            // It fails only if it was ended from elsewhere, and then it is over as well.
            let _ = serving.await;
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.serving.iter().for_each(JoinHandle::abort);
    }
}

fn cannot_listen(address: SocketAddr, cause: std::io::Error) -> Error {
    let hint = match cause.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program listens there: end it, or take another port; port 0 is any free one"
        }
        std::io::ErrorKind::AddrNotAvailable => "take an address of this machine, such as 127.0.0.1",
        _ => "take another address or port; those below 1024 may need root",
    };
    Error::surroundings(format!("the registry cannot listen on {address}")).because(cause).hint(hint)
}
