//! Owns the client that speaks HTTP to an engine: the version of the API, and which connections are used again. Leaves what
//! is asked to the rest of `docker`, and connections that become streams of their own to who opens them.

use super::{Cause, LONG};
use bollard::errors::Error as EngineError;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker, body_full};
use hyper::Method;
use hyper::body::{Body, Bytes};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyperlocal::UnixConnector;
use std::path::Path;
use std::time::Duration;

/// How long a connection on which nothing is asked is kept; engines and what lies before them end such ones after minutes.
const IDLE: Duration = Duration::from_secs(60);
/// How many of them are kept: a build has two requests at a time.
const KEPT: usize = 2;

/// A client in the version of the API that both sides know. Far connections are dialled for every request at the price of
/// programs that start or keys that are exchanged, so they are `kept` for the next one; on a socket of this machine every
/// request has its own, which leaves nothing of one to the next.
pub(super) async fn negotiated(socket: &Path, kept: bool) -> Result<Docker, Cause> {
    let client = match kept {
        true => keeping(socket)?,
        false => Docker::connect_with_unix(&socket.to_string_lossy(), LONG.as_secs(), API_DEFAULT_VERSION)?,
    };
    Ok(client.negotiate_version().await?)
}

/// As `Docker::connect_with_unix`, but for the connections that wait for the next request. Such a one may end just as it is
/// used again: what only asks is asked once more then, on another connection, and what does something never is.
fn keeping(socket: &Path) -> Result<Docker, Cause> {
    let mut client = Client::builder(TokioExecutor::new());
    client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(KEPT);
    let client = client.build(UnixConnector);
    let transport = move |request: BollardRequest| {
        let (client, again) = (client.clone(), repeatable(&request));
        async move {
            let answer = match (client.request(request).await, again) {
                (Err(error), Some(again)) if !error.is_connect() => client.request(again).await,
                (answer, _) => answer,
            };
            answer.map_err(Into::into)
        }
    };
    // The connector reads the path of the socket from the address's host.
    let address = hyper::Uri::from(hyperlocal::Uri::new(socket, "/")).to_string();
    Ok(Docker::connect_with_custom_transport(
        transport,
        Some(address.trim_end_matches('/')),
        LONG.as_secs(),
        API_DEFAULT_VERSION,
    )?)
}

/// The same request once more, if it only asks.
fn repeatable(request: &BollardRequest) -> Option<BollardRequest> {
    if request.method() != Method::GET || !request.body().is_end_stream() {
        return None;
    }
    let mut again = BollardRequest::new(body_full(Bytes::new()));
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    Some(again)
}

/// Whether an error is of the way to the engine, and not of what the engine said.
pub(super) fn broke_off(cause: &EngineError) -> bool {
    // The last is of a body that is read through a decoder.
    matches!(
        cause,
        EngineError::HyperResponseError { .. }
            | EngineError::HyperLegacyError { .. }
            | EngineError::IOError { .. }
    )
}

/// The client with every request in the negotiated version of the API, which bollard drops from the path, and with
/// path and query as `rewrite` makes them.
pub(super) fn speaking(client: Docker, rewrite: fn(&str) -> Option<String>) -> Docker {
    let version = client.client_version();
    client.with_request_modifier(move |mut request| {
        let mut parts = request.uri().clone().into_parts();
        if let Some(target) = parts.path_and_query.as_ref().map(|target| target.as_str().to_owned()) {
            let target = rewrite(&target).unwrap_or(target);
            parts.path_and_query = format!("/v{version}{target}").parse().ok();
        }
        // A target that is none any more is sent as it came, and the engine says what it thinks of it.
        if let Ok(uri) = hyper::Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
        request
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::query_parameters::KillContainerOptions;
    use std::sync::{Arc, Mutex};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{UnixListener, UnixStream};

    /// Answers the first request of a connection, and ends the connection under the second one.
    async fn answer_once(mut stream: UnixStream, asked: Arc<Mutex<Vec<String>>>) {
        for request in 0..2 {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { return };
                head.push(byte);
            }
            let text = String::from_utf8(head).unwrap();
            let (method, _) = text.split_once(' ').unwrap();
            asked.lock().unwrap().push(format!("{method} {request}"));
            if request == 0 {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK").await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn a_question_whose_connection_ends_is_asked_once_more_and_an_order_never() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let (listener, asked) = (UnixListener::bind(&socket).unwrap(), Arc::default());
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer_once(stream, Arc::clone(&kept)));
            }
        });
        let client = keeping(&socket).unwrap();
        client.ping().await.unwrap();
        client.ping().await.unwrap();
        let expected = ["GET 0", "GET 1", "GET 0"];
        assert_eq!(*asked.lock().unwrap(), expected, "the second went over both connections");
        let killed = client.kill_container("name", None::<KillContainerOptions>).await;
        assert!(killed.unwrap_err().to_string().contains("SendRequest"));
        assert_eq!(*asked.lock().unwrap(), ["GET 0", "GET 1", "GET 0", "POST 1"]);
    }
}
