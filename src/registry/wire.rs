//! The stream under HTTP: counts every byte of the socket, and gives up on a client that takes nothing for too long.

use super::meter::Socket;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A counted stream.
pub(super) struct Wire<S> {
    inner: S,
    socket: Arc<Socket>,
    silence: Duration,
    /// Runs while a write waits for the client.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Wire<S> {
    pub(super) fn new(inner: S, socket: Arc<Socket>, silence: Duration) -> Self {
        Self { inner, socket, silence, waiting: None }
    }

    /// What a write came to: counted, or given up when it has waited for too long.
    fn judged(&mut self, context: &mut Context<'_>, polled: Poll<Result<usize>>) -> Poll<Result<usize>> {
        let Poll::Ready(done) = polled else {
            self.socket.stalled();
            let silence = self.silence;
            let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(silence)));
            ready!(waiting.as_mut().poll(context));
            return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client takes nothing")));
        };
        self.waiting = None;
        match done {
            Ok(bytes) => self.socket.written(bytes),
            Err(_) => self.socket.stalled(),
        }
        Poll::Ready(done)
    }
}

impl<S> Drop for Wire<S> {
    fn drop(&mut self) {
        self.socket.closed();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        self.socket.read(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.socket.writing();
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.judged(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.socket.writing();
        let polled = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.judged(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::meter::Meter;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn bytes_are_counted_and_a_client_that_takes_nothing_is_given_up() {
        let meter = Meter::new();
        let (mut client, server) = tokio::io::duplex(8);
        let socket = meter.open(SocketAddr::from(([127, 0, 0, 1], 1)));
        let mut wire = Wire::new(server, socket, Duration::from_millis(20));
        client.write_all(b"12345").await.unwrap();
        wire.read_exact(&mut [0; 5]).await.unwrap();
        let error = wire.write_all(b"more than fits").await.unwrap_err();
        assert_eq!(error.to_string(), "the client takes nothing");
        let counted = meter.reading().connections.remove(0);
        assert_eq!((counted.read, counted.written, counted.closed_ns), (5, 8, None));
        drop(wire);
        assert!(meter.take().connections[0].closed_ns.is_some());
    }
}
