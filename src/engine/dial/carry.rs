//! One connection from its client to the engine and back, with a buffer of a fixed size each way.

use super::trouble::Trouble;
use super::{CONNECTING, Far, Way};
use std::io::{Error as IoError, ErrorKind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// The first piece of an answer.
const PIECE: usize = 16 << 10;
/// How an answer begins of which this side understands nothing: TLS on a connection without.
const ALERT: [u8; 2] = [0x15, 0x03];
/// How long a client that is told of a failure may go on with what it was saying.
const HEARING: Duration = Duration::from_secs(2);

/// Carries a connection to its end. What kept the engine from answering is kept, and then told to the client as an engine
/// would.
pub(super) async fn carry(mut client: UnixStream, way: &Way, last: &Mutex<Option<Trouble>>) {
    let connected = tokio::time::timeout(CONNECTING, way.connect()).await;
    let trouble = match connected {
        Ok(Ok(far)) => match through(&mut client, far).await {
            Some((far, ended)) => way.why(far, ended).await,
            None => return,
        },
        Ok(Err(trouble)) => trouble,
        Err(_elapsed) => Trouble::new(
            format!("no connection came about within {} s", CONNECTING.as_secs()),
            "check that the machine is up and that no firewall stands between",
        ),
    };
    *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble.clone());
    refuse(client, &trouble).await;
}

/// Both directions until the engine has said all; how it ended if that was before it said anything.
async fn through(client: &mut UnixStream, mut far: Far) -> Option<(Far, Result<(), IoError>)> {
    let (mut asking, mut hearing) = client.split();
    let silent = {
        let Far { reader, writer, .. } = &mut far;
        let questions = async {
            // A half that fails shows in the other one.
            let _ = tokio::io::copy(&mut asking, writer).await;
            let _ = writer.shutdown().await;
            std::future::pending::<()>().await;
        };
        let answers = async {
            let mut first = vec![0; PIECE];
            match reader.read(&mut first).await {
                Ok(0) => return Some(Ok(())),
                Err(cause) => return Some(Err(cause)),
                Ok(read) if first[..read].starts_with(&ALERT) => {
                    return Some(Err(IoError::from(ErrorKind::InvalidData)));
                }
                Ok(read) => hearing.write_all(&first[..read]).await.ok()?,
            }
            drop(first);
            let _ = tokio::io::copy(reader, &mut hearing).await;
            let _ = hearing.shutdown().await;
            None
        };
        tokio::select! {
            () = questions => None,
            silent = answers => silent,
        }
    };
    silent.map(|ended| (far, ended))
}

/// Answers in the place of the engine. What the client still says is read first: a socket that closes over something
/// unread takes the answer with it.
async fn refuse(mut client: UnixStream, trouble: &Trouble) {
    let telling = async {
        client.write_all(trouble.answer().as_bytes()).await?;
        client.shutdown().await?;
        tokio::io::copy(&mut client, &mut tokio::io::sink()).await
    };
    // A client that has gone does not want to hear it.
    let _ = tokio::time::timeout(HEARING, telling).await;
}
