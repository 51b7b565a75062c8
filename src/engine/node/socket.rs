//! A socket on this machine for an engine in a container: every connection becomes a program in the container that
//! speaks to its engine. A socket in a shared folder would be root's, and would not cross a virtual machine; a
//! published port would let everybody in.

use crate::engine::docker::{DockerEngine, Streams};
use crate::error::{Error, Result};
use std::path::Path;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// What every client of an engine has for that purpose.
const DIAL: [&str; 3] = ["docker", "system", "dial-stdio"];

/// Serves the socket until the handle is dropped; its connections end with it.
pub(super) fn serve(socket: &Path, outer: DockerEngine, container: String) -> Result<AbortOnDropHandle<()>> {
    let listener = UnixListener::bind(socket).map_err(|cause| {
        Error::surroundings(format!("cannot listen at {}", socket.display())).because(cause)
    })?;
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { return };
                    let (outer, container) = (outer.clone(), container.clone());
                    connections.spawn(async move { connect(stream, &outer, &container).await });
                }
                Some(_ended) = connections.join_next() => {}
            }
        }
    })))
}

/// One connection. What fails on it shows as its end, which is what the engine's clients understand.
async fn connect(stream: UnixStream, outer: &DockerEngine, container: &str) {
    let Ok(Streams { mut output, mut input }) = outer.run_inside(container, &DIAL).await else { return };
    let (mut asked, mut answered) = stream.into_split();
    let questions = async {
        let _ = tokio::io::copy(&mut asked, &mut input).await;
        let _ = input.shutdown().await;
        std::future::pending::<()>().await;
    };
    let answers = async {
        while let Some((standard, bytes)) = output.next().await {
            if standard && answered.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = questions => {}
        () = answers => {}
    }
}
