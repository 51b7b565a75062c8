//! Blobs on their way out, whole or a part of one, and their removal.

use super::name::Name;
use super::range::{Wanted, wanted};
use super::reading::What;
use super::refusal::{Answer, Code, Refusal};
use super::routes::{empty, unsupported};
use super::visit::{Call, Visit, respond, with};
use crate::image::Digest;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;

/// What the disk is read in, and how many such pieces wait for the socket.
const PIECE: usize = 256 << 10;
const PIECES: usize = 4;

pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

pub(super) async fn blob(visit: &Visit, call: &mut Call, name: Name, digest: Digest) -> Answer {
    call.ticket.about(What::Blob, name.as_str(), Some(&digest));
    match call.parts.method {
        Method::GET | Method::HEAD => send(visit, call, name, digest).await,
        Method::DELETE => remove(visit, name, digest).await,
        ref method => Err(unsupported(method)),
    }
}

async fn remove(visit: &Visit, name: Name, digest: Digest) -> Answer {
    let refusal = unknown(&name, &digest);
    let removed = visit.on_disk(move |shared| shared.store.remove_blob(&name, &digest)).await??;
    if removed { Ok(empty(StatusCode::ACCEPTED)) } else { Err(refusal) }
}

async fn send(visit: &Visit, call: &mut Call, name: Name, digest: Digest) -> Answer {
    let (refusal, etag) = (unknown(&name, &digest), format!("\"{digest}\""));
    let content = digest.to_string();
    let found = visit.on_disk(move |shared| shared.store.blob(&name, &digest)).await??;
    let (file, size) = found.ok_or(refusal)?;
    let asked = match (call.parts.method == Method::GET, call.header(&header::IF_RANGE)) {
        (false, _) => Wanted::Whole,
        (true, Some(condition)) if condition != etag => Wanted::Whole,
        (true, _) => wanted(call.header(&header::RANGE), size),
    };
    let (status, part) = match asked {
        Wanted::Whole => (StatusCode::OK, 0..size),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::Nothing => return Err(outside(size)),
    };
    let body = if call.parts.method == Method::HEAD { Body::empty() } else { read(file, part.clone()) };
    let response = described(respond(status, body), &content, &etag, part.end - part.start);
    Ok(match status {
        StatusCode::PARTIAL_CONTENT => {
            let range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            with(response, header::CONTENT_RANGE, &range)
        }
        _ => response,
    })
}

fn described(response: Response, digest: &str, etag: &str, length: u64) -> Response {
    let response = with(response, header::CONTENT_TYPE, "application/octet-stream");
    let response = with(response, header::CONTENT_LENGTH, &length.to_string());
    let response = with(response, header::ACCEPT_RANGES, "bytes");
    with(with(response, CONTENT_DIGEST, digest), header::ETAG, etag)
}

fn unknown(name: &Name, digest: &Digest) -> Refusal {
    Refusal::new(Code::BlobUnknown, format!("{name} has no blob {digest}"))
}

fn outside(size: u64) -> Refusal {
    Refusal::new(Code::SizeInvalid, format!("the blob has {size} bytes, and none of them is in that range"))
        .status(StatusCode::RANGE_NOT_SATISFIABLE)
        .header(header::CONTENT_RANGE, &format!("bytes */{size}"))
}

/// A part of a file as a body, read ahead by a thread of its own.
fn read(file: File, part: Range<u64>) -> Body {
    let (sender, pieces) = mpsc::channel(PIECES);
    let left = part.end - part.start;
    tokio::task::spawn_blocking(move || {
        if let Err(cause) = read_pieces(file, part, &sender) {
            // Nobody listens any more if this fails.
            let _ = sender.blocking_send(Err(cause));
        }
    });
    Body::new(Pieces { pieces, left })
}

/// Buffers are used again as soon as the socket has what was in them: a few stay in the processor's cache, where new ones for
/// every piece would cost more than the reading.
fn read_pieces(
    mut file: File,
    part: Range<u64>,
    sender: &mpsc::Sender<std::io::Result<Bytes>>,
) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(part.start))?;
    let mut left = usize::try_from(part.end - part.start).map_err(std::io::Error::other)?;
    let mut lent = VecDeque::new();
    while left > 0 {
        let size = left.min(PIECE);
        let mut buffer = match returned(&mut lent).map(Bytes::try_into_mut) {
            Some(Ok(buffer)) => buffer,
            _ => Bytes::from(vec![0; size]).into(),
        };
        file.read_exact(&mut buffer[..size])?;
        left -= size;
        let whole = buffer.freeze();
        lent.push_back(whole.clone());
        if sender.blocking_send(Ok(whole.slice(..size))).is_err() {
            break;
        }
    }
    Ok(())
}

/// The buffer that was lent first, if nobody holds it any more.
fn returned(lent: &mut VecDeque<Bytes>) -> Option<Bytes> {
    if lent.front()?.is_unique() { lent.pop_front() } else { None }
}

/// A body of known length.
struct Pieces {
    pieces: mpsc::Receiver<std::io::Result<Bytes>>,
    left: u64,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        let piece = ready!(self.pieces.poll_recv(context));
        if let Some(Ok(bytes)) = &piece {
            self.left = self.left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
