//! The door: accepts connections, gives each its counted wire and its deadlines, and closes in good order.

use super::Limits;
use super::meter::Socket;
use super::visit::{Shared, Visit, answer};
use super::wire::Wire;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// When accepting fails, as without file descriptors, it is tried again after so long.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is told to stop; then lets requests that last come to their end within the deadline.
pub(super) async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let mut visits = JoinSet::new();
    let stop_of_visits = stop.clone();
    loop {
        tokio::select! {
            () = told(&mut stop) => break,
            Some(_) = visits.join_next() => (),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Without it a small answer may wait for the client's acknowledgement.
                    let _ = stream.set_nodelay(true);
                    visits.spawn(converse(stream, peer, shared.clone(), limits, stop_of_visits.clone()));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
        }
    }
    drop(listener);
    let _ =
        tokio::time::timeout(limits.farewell, async { while visits.join_next().await.is_some() {} }).await;
    visits.shutdown().await;
}

/// One connection, of whatever kind, from its first byte to its last.
async fn converse<S>(
    stream: S,
    peer: SocketAddr,
    shared: Arc<Shared>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let socket: Arc<Socket> = shared.meter.open(peer);
    let wire = Wire::new(stream, socket.clone(), limits.silence);
    let service = Router::new().fallback(answer).with_state(Visit { shared, socket });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header)
            .max_header_size(limits.header_bytes)
            .serve_connection(TokioIo::new(wire), TowerToHyperService::new(service))
    );
    // How a connection ends is the client's business; what it carried stands in the meter.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = told(&mut stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn told(stop: &mut watch::Receiver<bool>) {
    // An error says that whoever could tell it is gone, which is the same.
    let _ = stop.wait_for(|stop| *stop).await;
}
