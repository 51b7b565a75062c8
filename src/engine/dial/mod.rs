//! Owns the way to an engine that has no unix socket on this machine: a socket of dbench's own, in a folder that nobody
//! else may enter, whose every connection is carried there. Leaves to `docker` what is said on it, so that an engine far
//! away is spoken to as the local one is.

mod carry;
mod ssh;
mod tcp;
mod tls;
mod trouble;

use super::endpoint::Address;
use crate::error::{Error, Result};
use carry::carry;
use ssh::Ssh;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tcp::Port;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixListener;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use trouble::Trouble;

/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(15);

/// A socket on this machine for an engine that is reached in another way. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Dial {
    socket: PathBuf,
    last: Arc<Mutex<Option<Trouble>>>,
    // Connections end before their folder goes.
    _serving: AbortOnDropHandle<()>,
    _folder: TempDir,
}

/// A connection to the engine.
struct Far {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// The program that it goes through, if it goes through one.
    program: Option<ssh::Program>,
}

/// How connections come about.
#[derive(Debug)]
enum Way {
    Port(Port),
    Ssh(Box<Ssh>),
}

impl Way {
    async fn connect(&self) -> Result<Far, Trouble> {
        match self {
            Self::Port(port) => port.connect().await,
            Self::Ssh(ssh) => ssh.connect(),
        }
    }

    /// Why a connection ended before the engine said anything.
    async fn why(&self, far: Far, ended: std::io::Result<()>) -> Trouble {
        match self {
            Self::Port(port) => port.why(ended),
            Self::Ssh(ssh) => {
                let Far { reader, writer, program } = far;
                drop((reader, writer));
                ssh.why(program).await
            }
        }
    }
}

impl Dial {
    /// Makes the socket; no connection is made before somebody asks for one.
    ///
    /// # Errors
    /// If the socket cannot be made, or the files of the encryption are not as they should be.
    pub fn open(address: &Address) -> Result<Option<Self>> {
        let folder = || {
            tempfile::Builder::new().prefix("dbench-").tempdir().map_err(|cause| {
                Error::surroundings("cannot make a folder for the connections to the engine")
                    .because(cause)
                    .hint("set TMPDIR to a folder that you may write to")
            })
        };
        match address {
            Address::Unix(_) => Ok(None),
            Address::Tcp { host, port, tls } => {
                let way = Way::Port(Port::new(host, *port, tls.as_ref())?);
                Self::serve(folder()?, way).map(Some)
            }
            Address::Ssh { .. } => {
                let folder = folder()?;
                let way = Way::Ssh(Box::new(Ssh::new(address, folder.path())));
                Self::serve(folder, way).map(Some)
            }
        }
    }

    fn serve(folder: TempDir, way: Way) -> Result<Self> {
        let socket = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).map_err(|cause| {
            Error::surroundings(format!("cannot listen at {}", socket.display()))
                .because(cause)
                .hint("set TMPDIR to a folder with a short path")
        })?;
        let last = Arc::default();
        let serving = tokio::spawn(accept(listener, Arc::new(way), Arc::clone(&last)));
        Ok(Self { socket, last, _serving: AbortOnDropHandle::new(serving), _folder: folder })
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What the last connection failed of, if one did.
    pub fn trouble(&self) -> Option<Trouble> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves until it is aborted; its connections end with it.
async fn accept(listener: UnixListener, way: Arc<Way>, last: Arc<Mutex<Option<Trouble>>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                let (way, last) = (Arc::clone(&way), Arc::clone(&last));
                connections.spawn(async move { carry(client, &way, &last).await });
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}
