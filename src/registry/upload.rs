//! Blobs on their way in: each upload has a file, a running hash and a size, and survives a connection that breaks.

use super::name::Name;
use super::refusal::{Answer, Code, Refusal};
use super::store::Store;
use crate::error::{Error, Result, files};
use crate::image::{Algorithm, Digest, Hasher};
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use http_body_util::BodyExt;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc};

/// Pieces between the socket and the disk: enough to keep both busy, few enough to keep memory flat.
const PIECES: usize = 8;
/// Of a body that is refused, so much is still taken, so that its sender reads the answer and not a broken pipe.
const DRAINED: u64 = 64 << 20;

/// One upload. Whoever holds it is the only one that writes to it.
#[derive(Debug)]
pub(super) struct Upload {
    path: PathBuf,
    file: File,
    hasher: Hasher,
    size: u64,
    /// A write failed half way: the file may hold more than was hashed.
    torn: bool,
}

/// How much of a body there was room for.
enum Fed {
    Whole,
    TooMuch,
}

pub(super) type Held = OwnedMutexGuard<Upload>;

/// By their id, with the repository that each belongs to.
type Open = HashMap<String, (Name, Arc<Mutex<Upload>>)>;

/// The uploads that are not finished.
#[derive(Debug)]
pub(super) struct Uploads {
    folder: PathBuf,
    limit: u64,
    silence: Duration,
    open: SyncMutex<Open>,
}

impl Uploads {
    pub(super) fn new(folder: PathBuf, limit: u64, silence: Duration) -> Self {
        Self { folder, limit, silence, open: SyncMutex::default() }
    }

    /// Begins one and tells its id.
    pub(super) fn begin(&self, name: &Name, algorithm: Algorithm) -> Result<String> {
        let id = format!("{:032x}", rand::random::<u128>());
        let path = self.folder.join(&id);
        let file = files::create(&path)?;
        let upload = Upload { path, file, hasher: Hasher::new(algorithm), size: 0, torn: false };
        self.open().insert(id.clone(), (name.clone(), Arc::new(Mutex::new(upload))));
        Ok(id)
    }

    /// Waits until nobody else writes to it: a broken connection's last bytes may still be on their way to the disk.
    pub(super) async fn hold(&self, name: &Name, id: &str) -> Answer<Held> {
        let found = self.open().get(id).filter(|(owner, _)| owner == name).map(|(_, upload)| upload.clone());
        let upload = found.ok_or_else(|| unknown(id))?;
        let held = tokio::time::timeout(self.silence, upload.lock_owned()).await;
        let held = held.map_err(|late| {
            Refusal::new(
                Code::BlobUploadInvalid,
                format!("another request still writes to upload {id}: {late}"),
            )
            .status(StatusCode::CONFLICT)
        })?;
        if held.torn {
            self.cancel(id, held)?;
            return Err(unknown(id));
        }
        // It may have ended while it was waited for.
        if self.open().contains_key(id) { Ok(held) } else { Err(unknown(id)) }
    }

    /// Writes a body to the end of an upload. What came of a broken one stays, to be resumed; one that is too large ends it.
    pub(super) async fn append(
        &self,
        id: &str,
        held: Held,
        body: &mut Body,
        announced: Option<u64>,
    ) -> Answer<Held> {
        let room = self.limit.saturating_sub(held.size);
        if announced.is_some_and(|bytes| bytes > room) {
            self.cancel(id, held)?;
            return Err(self.too_large());
        }
        let (sender, receiver) = mpsc::channel(PIECES);
        let writing = tokio::task::spawn_blocking(move || write(held, receiver));
        let fed = self.feed(body, sender, room).await;
        let (held, written) = writing
            .await
            .map_err(|cause| Refusal::new(Code::Unknown, format!("the writer ended: {cause}")))?;
        if let Err(error) = written {
            self.cancel(id, held)?;
            return Err(error.into());
        }
        match fed {
            Ok(Fed::Whole) => Ok(held),
            Ok(Fed::TooMuch) => {
                self.cancel(id, held)?;
                Err(self.too_large())
            }
            Err(refusal) => Err(refusal),
        }
    }

    async fn feed(&self, body: &mut Body, sender: mpsc::Sender<Bytes>, room: u64) -> Answer<Fed> {
        let mut left = room;
        while let Some(piece) = next(body, self.silence).await? {
            let Some(rest) = left.checked_sub(piece.len() as u64) else { return Ok(Fed::TooMuch) };
            left = rest;
            if sender.send(piece).await.is_err() {
                // The writer ended early and says why.
                break;
            }
        }
        Ok(Fed::Whole)
    }

    /// Ends an upload as a blob of the repository, if it has the digest.
    pub(super) fn finish(
        &self,
        id: &str,
        name: &Name,
        held: Held,
        digest: &Digest,
        store: &Store,
    ) -> Answer<()> {
        let ours = self.open().remove(id).is_some();
        if !ours {
            return Err(unknown(id));
        }
        let found = found(&held, digest.algorithm())?;
        if found == *digest {
            return Ok(store.adopt(name, digest, &held.path)?);
        }
        files::remove(&held.path)?;
        Err(Refusal::new(Code::DigestInvalid, format!("the content has the digest {found} and not {digest}")))
    }

    /// Gives an upload up.
    pub(super) fn cancel(&self, id: &str, held: Held) -> Result<()> {
        self.open().remove(id);
        if held.path.is_file() { files::remove(&held.path) } else { Ok(()) }
    }

    /// Gives all up; their files are the caller's to remove.
    pub(super) fn forget(&self) {
        self.open().clear();
    }

    fn too_large(&self) -> Refusal {
        Refusal::new(Code::SizeInvalid, format!("the limit of an upload is {} bytes", self.limit))
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Every change is a single insertion or removal, whole or not there.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// Bytes that came so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }
}

fn unknown(id: &str) -> Refusal {
    Refusal::new(Code::BlobUploadUnknown, format!("there is no upload {id}"))
}

/// Hashes and writes what comes, apart from the threads that serve connections. Its end lets go of the upload.
fn write(mut held: Held, mut pieces: mpsc::Receiver<Bytes>) -> (Held, Result<()>) {
    while let Some(piece) = pieces.blocking_recv() {
        if let Err(cause) = held.file.write_all(&piece) {
            held.torn = true;
            let doing = format!("cannot write {}", held.path.display());
            return (held, Err(Error::surroundings(doing).because(cause)));
        }
        held.hasher.update(&piece);
        held.size += piece.len() as u64;
    }
    (held, Ok(()))
}

/// The digest of what was written; read again only if it was hashed by another algorithm.
fn found(upload: &Upload, algorithm: Algorithm) -> Result<Digest> {
    if upload.hasher.algorithm() == algorithm {
        return Ok(upload.hasher.clone().digest());
    }
    digest_of_file(&upload.path, algorithm)
}

fn digest_of_file(path: &Path, algorithm: Algorithm) -> Result<Digest> {
    let (mut file, mut hasher) = (files::open(path)?, Hasher::new(algorithm));
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer);
        match read
            .map_err(|cause| Error::surroundings(format!("cannot read {}", path.display())).because(cause))?
        {
            0 => return Ok(hasher.digest()),
            bytes => hasher.update(&buffer[..bytes]),
        }
    }
}

/// The next piece of a body, within the deadline.
pub(super) async fn next(body: &mut Body, silence: Duration) -> Answer<Option<Bytes>> {
    let refused = |status, what: String| Refusal::new(Code::BlobUploadInvalid, what).status(status);
    loop {
        match tokio::time::timeout(silence, body.frame()).await {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(frame))) => {
                // What is no data is trailers, which say nothing here.
                if let Ok(piece) = frame.into_data() {
                    return Ok(Some(piece));
                }
            }
            Ok(Some(Err(cause))) => {
                return Err(refused(StatusCode::BAD_REQUEST, format!("the body broke off: {cause}")));
            }
            Err(late) => {
                return Err(refused(StatusCode::REQUEST_TIMEOUT, format!("the body is silent: {late}")));
            }
        }
    }
}

/// Takes the rest of a body that is refused, or a good part of it.
pub(super) async fn drain(body: &mut Body, silence: Duration) {
    let mut taken = 0;
    while let Ok(Some(piece)) = next(body, silence).await {
        taken += piece.len() as u64;
        if taken > DRAINED {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    fn uploads(folder: &Path) -> Uploads {
        Uploads::new(folder.to_path_buf(), 1000, Duration::from_secs(10))
    }

    #[tokio::test]
    async fn an_upload_whose_file_may_be_torn_never_becomes_a_blob() {
        let folder = tempfile::tempdir().unwrap();
        let (uploads, name) = (uploads(folder.path()), Name::parse("a").unwrap());
        let id = uploads.begin(&name, Algorithm::Sha256).unwrap();
        let mut held = uploads.hold(&name, &id).await.unwrap();
        // As on a full disk: no write succeeds.
        held.file = files::open(&held.path).unwrap();
        let refusal = uploads.append(&id, held, &mut Body::from("content"), None).await.unwrap_err();
        assert_eq!(refusal.into_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(files::list(folder.path()).unwrap().is_empty());
        let refusal = uploads.hold(&name, &id).await.unwrap_err();
        assert!(format!("{refusal:?}").contains(&format!("there is no upload {id}")), "{refusal:?}");
        // The same, when nobody waits for the answer any more.
        let id = uploads.begin(&name, Algorithm::Sha256).unwrap();
        uploads.hold(&name, &id).await.unwrap().torn = true;
        let refusal = uploads.hold(&name, &id).await.unwrap_err();
        assert_eq!(refusal.into_response().status(), StatusCode::NOT_FOUND);
        assert!(files::list(folder.path()).unwrap().is_empty());
    }
}
