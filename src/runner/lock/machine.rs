//! A name on this machine for each engine in use: an abstract unix socket, which all users see and which goes with its
//! process. A container with a network of its own has names of its own.

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use sha2::{Digest, Sha256};
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

/// Takes the name of an engine; `None` where there are no such names, as in some sandboxes.
///
/// # Errors
/// Who has it.
pub(super) fn take(engine: &str) -> Result<Option<UnixListener>, String> {
    let name = name(engine);
    let bound = SocketAddr::from_abstract_name(&name).and_then(|address| UnixListener::bind_addr(&address));
    match bound {
        Ok(listener) => Ok(Some(listener)),
        Err(cause) if cause.kind() == ErrorKind::AddrInUse => Err(holder(&name).unwrap_or_default()),
        Err(_) => Ok(None),
    }
}

/// Of one length, whatever the engine calls itself: such a name has little room.
fn name(engine: &str) -> Vec<u8> {
    format!("dbench-engine-{}", crate::hex::encode(&Sha256::digest(engine))).into_bytes()
}

/// The process that listens under a name, as the kernel knows it. It is never spoken to.
fn holder(name: &[u8]) -> io::Result<String> {
    // It accepts nobody, so a connection that had to wait for it would wait for ever.
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new_abstract_name(name)?)?;
    let peer = tokio::net::UnixStream::from_std(UnixStream::from(socket))?.peer_cred()?;
    // A process of a container is nobody here.
    let process = peer.pid().filter(|id| *id > 0).ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
    let own = peer.uid() == rustix::process::geteuid().as_raw();
    Ok(if own { format!("process {process}") } else { format!("process {process} of user {}", peer.uid()) })
}
