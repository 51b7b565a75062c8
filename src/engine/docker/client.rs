//! Owns the client that speaks HTTP to an engine: the version of the API, and which connections are used again. Leaves what
//! is asked to the rest of `docker`, and connections that become streams of their own to who opens them.

use super::{Cause, LONG};
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
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

/// As `Docker::connect_with_unix`, but for the connections that wait for the next request.
fn keeping(socket: &Path) -> Result<Docker, Cause> {
    let mut client = Client::builder(TokioExecutor::new());
    client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(KEPT);
    let client = client.build(UnixConnector);
    let transport = move |request: BollardRequest| {
        let answering = client.request(request);
        async move { answering.await.map_err(Into::into) }
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
