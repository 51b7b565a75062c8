//! The context of a classic build as a stream: a tar archive that is written while it is sent, so that memory does not grow
//! with it. Leaves to `context` which files a build sees; what differs from the files is said here.

use crate::context::{Entry, Patterns, Selection, walk};
use crate::error::{Error, Result, files};
use hyper::body::Bytes;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tar::{EntryType, Header};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// How much is sent at once.
const PIECE: usize = 64 << 10;
/// Pieces that wait for the connection.
const WAITING: usize = 16;
/// The Dockerfile's name in the archive. It stands outside of the context, so it must hide from COPY.
pub(super) const DOCKERFILE: &str = ".dbench.Dockerfile";
const IGNORE_FILE: &str = ".dockerignore";
/// The longest target of a symlink that a header holds.
const SHORT_LINK: usize = 100;

type Pieces = mpsc::Sender<io::Result<Bytes>>;

/// What becomes of an archive while it is sent.
#[derive(Debug, Default)]
pub(super) struct Progress {
    sent: AtomicU64,
    error: OnceLock<String>,
}

impl Progress {
    /// Bytes of file content that were sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// What went wrong on this side.
    pub(super) fn error(&self) -> Option<String> {
        self.error.get().cloned()
    }
}

/// Begins to write the archive of a context and the Dockerfile; it is written as fast as it is read.
pub(super) fn stream(
    context: &Path,
    dockerfile: &Path,
) -> (ReceiverStream<io::Result<Bytes>>, Arc<Progress>) {
    let (pieces, stream) = mpsc::channel(WAITING);
    let progress = Arc::new(Progress::default());
    let (context, dockerfile, noted) = (context.to_owned(), dockerfile.to_owned(), Arc::clone(&progress));
    tokio::task::spawn_blocking(move || {
        let body = Body { pieces: pieces.clone(), piece: Vec::with_capacity(PIECE) };
        if let Err(error) = write(&context, &dockerfile, body, &noted.sent) {
            // An archive that just ended would pass for whole. Nobody may be left to hear of it.
            let _ = pieces.blocking_send(Err(io::Error::other(error.reason())));
            let _ = noted.error.set(error.reason());
        }
    });
    (ReceiverStream::new(stream), progress)
}

/// Writes the archive: the Dockerfile and the ignore file, then the context in the order of its paths.
fn write(context: &Path, dockerfile: &Path, body: impl Write, sent: &AtomicU64) -> Result<()> {
    let ignore_file = context.join(IGNORE_FILE);
    let ignored = ignore_file.is_file().then(|| files::read_to_string(&ignore_file)).transpose()?;
    let patterns = ignored.as_deref().map(Patterns::parse).transpose()?;
    let mut archive = Archive { tar: tar::Builder::new(body), sent };
    archive.text(DOCKERFILE, &files::read_to_string(dockerfile)?, None)?;
    archive.text(IGNORE_FILE, &hiding(ignored.as_deref()), ignored.is_some().then_some(&ignore_file))?;
    let mut outcome = Ok(());
    walk(context, &Selection { patterns, follow: Vec::new() }, &mut |entry| {
        if entry.path != IGNORE_FILE {
            outcome = archive.entry(&entry);
        }
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome?;
    let mut body = archive.tar.into_inner().map_err(broken)?;
    body.flush().map_err(broken)
}

/// The ignore file as the docker CLI sends it for a Dockerfile outside of the context: the engine takes out of the context
/// what it names of these two files.
fn hiding(ignored: Option<&str>) -> String {
    format!("{}\n{DOCKERFILE}\n", ignored.unwrap_or(IGNORE_FILE))
}

fn broken(cause: io::Error) -> Error {
    Error::surroundings("the context cannot be sent").because(cause)
}

struct Archive<'a, W: Write> {
    tar: tar::Builder<W>,
    sent: &'a AtomicU64,
}

impl<W: Write> Archive<'_, W> {
    /// A file that is made here, with the mode and time of one that it stands for.
    fn text(&mut self, path: &str, text: &str, like: Option<&PathBuf>) -> Result<()> {
        let like = like.and_then(|path| path.metadata().ok());
        let mode = like.as_ref().map_or(0o644, |metadata| metadata.mode());
        let mut header = header(EntryType::Regular, mode, like.map_or(0, |metadata| metadata.mtime()));
        header.set_size(text.len() as u64);
        self.tar.append_data(&mut header, path, text.as_bytes()).map_err(broken)
    }

    fn entry(&mut self, entry: &Entry) -> Result<()> {
        let Entry { path, full, metadata } = entry;
        let kind = metadata.file_type();
        if kind.is_dir() {
            let mut header = header(EntryType::Directory, metadata.mode(), metadata.mtime());
            self.tar.append_data(&mut header, format!("{path}/"), io::empty()).map_err(broken)
        } else if kind.is_symlink() {
            self.link(entry)
        } else if kind.is_file() {
            let mut header = header(EntryType::Regular, metadata.mode(), metadata.mtime());
            header.set_size(metadata.len());
            let mut content = Content { file: files::open(full)?, left: metadata.len(), sent: self.sent };
            self.tar.append_data(&mut header, path, &mut content).map_err(|cause| {
                Error::surroundings(format!("cannot send {}", full.display())).because(cause)
            })
        } else if kind.is_fifo() {
            let mut header = header(EntryType::Fifo, metadata.mode(), metadata.mtime());
            self.tar.append_data(&mut header, path, io::empty()).map_err(broken)
        } else {
            // Nothing else gets into the copy of a context.
            Ok(())
        }
    }

    fn link(&mut self, entry: &Entry) -> Result<()> {
        let target = entry.full.read_link().map_err(|cause| {
            Error::surroundings(format!("cannot read the symlink {}", entry.full.display())).because(cause)
        })?;
        let mut header = header(EntryType::Symlink, 0o777, entry.metadata.mtime());
        let bytes = std::os::unix::ffi::OsStrExt::as_bytes(target.as_os_str());
        if bytes.len() > SHORT_LINK {
            return self.tar.append_link(&mut header, &entry.path, &target).map_err(broken);
        }
        // Literally: the target may lead through `.` and `..`, and COPY must see it as it is.
        header.set_link_name_literal(bytes).map_err(broken)?;
        self.tar.append_data(&mut header, &entry.path, io::empty()).map_err(broken)
    }
}

/// Everything belongs to root: COPY keeps the owner, and the engine's cache does not see it.
fn header(kind: EntryType, mode: u32, modified: i64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode & 0o7777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(u64::try_from(modified).unwrap_or(0));
    header.set_size(0);
    header
}

/// The content of a file, exactly as long as its header says.
struct Content<'a> {
    file: std::fs::File,
    left: u64,
    sent: &'a AtomicU64,
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read(&mut buffer[..most])?;
        if read == 0 && self.left > 0 && most > 0 {
            return Err(io::Error::other("it became shorter while it was sent"));
        }
        self.left -= read as u64;
        self.sent.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The archive on its way to the connection.
struct Body {
    pieces: Pieces,
    piece: Vec<u8>,
}

impl Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        if piece.is_empty() {
            return Ok(());
        }
        let sent = self.pieces.blocking_send(Ok(piece.into()));
        sent.map_err(|cause| io::Error::new(io::ErrorKind::BrokenPipe, cause))
    }
}

#[cfg(test)]
mod tests;
