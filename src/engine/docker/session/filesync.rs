//! Owns `FileSync.DiffCopy` (the fsutil protocol): it lists the selected files, the engine asks for those that it does
//! not have yet, and `senders` send their content. Memory is bounded by what is on the way, not by the files.

use super::Progress;
use super::batch::{Batch, Outgoing, Packets, channel};
use super::senders::Senders;
use crate::context::{Entry, Patterns, Selection, walk};
use crate::error::{Error, Result};
use bollard_buildkit_proto::fsutil::types::packet::PacketType;
use bollard_buildkit_proto::fsutil::types::{Packet, Stat};
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::FileSync;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

pub(super) struct FileSyncService {
    context: PathBuf,
    dockerfile: PathBuf,
    progress: Arc<Progress>,
}

impl FileSyncService {
    pub(super) fn new(context: &Path, dockerfile: &Path, progress: Arc<Progress>) -> Self {
        Self { context: context.to_owned(), dockerfile: dockerfile.to_owned(), progress }
    }
}

#[tonic::async_trait]
impl FileSync for FileSyncService {
    type DiffCopyStream = Packets;

    async fn diff_copy(
        &self,
        request: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::DiffCopyStream>, Status> {
        let asked = request.metadata();
        let name = values(asked, "dir-name")?.into_iter().next().unwrap_or_default();
        let root = match name.as_str() {
            "context" => self.context.clone(),
            "dockerfile" => self.dockerfile.clone(),
            other => return Err(Status::not_found(format!("this session serves no folder `{other}`"))),
        };
        let selection = selection(asked).map_err(|error| {
            self.progress.fail(error.to_string());
            Status::invalid_argument(error.reason())
        })?;
        let (outgoing, packets) = channel();
        let transfer = Transfer::new(outgoing, Arc::clone(&self.progress));
        tokio::spawn(transfer.serve(root, selection, request.into_inner()));
        Ok(Response::new(packets))
    }

    type TarStreamStream = Packets;

    async fn tar_stream(
        &self,
        _: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::TarStreamStream>, Status> {
        Err(Status::unimplemented("only DiffCopy is served"))
    }
}

/// All values of a metadata key. What is not ASCII comes escaped as in a URL's query, and the key says so, or from older
/// engines as it is.
pub(super) fn values(asked: &MetadataMap, key: &str) -> Result<Vec<String>, Status> {
    let escaped = asked.get(format!("{key}-encoded").as_str()).is_some_and(|value| value.as_bytes() == b"1");
    let text = |value: &tonic::metadata::MetadataValue<tonic::metadata::Ascii>| match std::str::from_utf8(
        value.as_bytes(),
    ) {
        Ok(value) if escaped => Ok(unescape(value)),
        Ok(value) => Ok(value.to_owned()),
        Err(cause) => Err(Status::invalid_argument(format!("{key}: {cause}"))),
    };
    asked.get_all(key).iter().map(text).collect()
}

/// Undoes Go's `url.QueryEscape`; what is no escape stays as it is.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let (byte, used) = match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => (byte, 2),
            (b'+', _) => (b' ', 0),
            (other, _) => (*other, 0),
        };
        bytes.push(byte);
        rest = &after[used..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn selection(asked: &MetadataMap) -> Result<Selection> {
    let list = |key| {
        values(asked, key).map_err(|status| {
            Error::surroundings(format!(
                "the engine's request for the context cannot be read: {}",
                status.message()
            ))
        })
    };
    let patterns = Some(list("exclude-patterns")?).filter(|lines| !lines.is_empty());
    let mut follow = list("followpaths")?;
    follow.extend(list("include-patterns")?);
    Ok(Selection { patterns: patterns.map(|lines| Patterns::new(&lines)).transpose()?, follow })
}

/// One listing of a folder and the sending of what the engine wants of it.
#[derive(Clone)]
pub(super) struct Transfer {
    pub(super) outgoing: Outgoing,
    /// Files that were listed and not yet asked for, by their place in the list.
    files: Arc<Mutex<HashMap<u32, PathBuf>>>,
    pub(super) progress: Arc<Progress>,
}

impl Transfer {
    pub(super) fn new(outgoing: Outgoing, progress: Arc<Progress>) -> Self {
        Self { outgoing, files: Arc::default(), progress }
    }

    async fn serve(self, root: PathBuf, selection: Selection, mut incoming: Streaming<Packet>) {
        let lister = self.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = lister.list(&root, &selection) {
                lister.fail(&error);
            }
        });
        self.answer(&mut incoming).await;
        // The answer ends with its last sender. What may still come is taken off the connection until the engine ends.
        drop(self);
        while let Ok(Some(_)) = incoming.message().await {}
    }

    /// Passes on what the engine asks for until it has everything. Requests are taken off the connection as they come,
    /// whatever the senders do: HTTP/2 gives a connection up on which many small frames pile up. They are few bytes each.
    async fn answer(&self, incoming: &mut Streaming<Packet>) {
        let mut senders = Senders::of(self);
        loop {
            let packet = match incoming.message().await {
                Ok(Some(packet)) => packet,
                Ok(None) => return,
                // Nobody waits for our answer when the build is over or cancelled; then this is no failure.
                Err(_) if self.outgoing.is_closed() => return,
                Err(status) => {
                    return self
                        .progress
                        .fail(format!("the engine broke the transfer off: {}", status.message()));
                }
            };
            match packet.r#type() {
                PacketType::PacketReq => senders.ask(packet.id),
                PacketType::PacketFin => {
                    // The engine may have gone already.
                    let _ = self.outgoing.send(vec![Ok(empty(PacketType::PacketFin))]).await;
                    return;
                }
                PacketType::PacketErr => {
                    let said = String::from_utf8_lossy(&packet.data);
                    return self.progress.fail(format!("the engine broke the transfer off: {said}"));
                }
                other => {
                    return self
                        .progress
                        .fail(format!("the engine sent an unexpected packet: {}", other.as_str_name()));
                }
            }
        }
    }

    /// Lists the folder; an empty entry ends the list.
    fn list(&self, root: &Path, selection: &Selection) -> Result<()> {
        let mut id = 0;
        let mut failure = None;
        let mut batch = Batch::of(&self.outgoing);
        walk(root, selection, &mut |entry| {
            let listed = match stat(&entry) {
                Ok(Some(stat)) => stat,
                // Sockets and devices have no place in a build context.
                Ok(None) => return ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    return ControlFlow::Break(());
                }
            };
            if entry.metadata.is_file() {
                self.files().insert(id, entry.full);
            }
            id += 1;
            batch.push(Packet { stat: Some(listed), ..empty(PacketType::PacketStat) })
        })?;
        if let Some(error) = failure {
            return Err(error);
        }
        // If the engine has gone, its build has failed already.
        let _ = batch.push(empty(PacketType::PacketStat));
        let _ = batch.flush();
        Ok(())
    }

    /// Keeps the error and tells the engine twice: not every engine knows the packet for it, but all see the call fail.
    pub(super) fn fail(&self, error: &Error) {
        self.progress.fail(error.to_string());
        let reason = error.reason();
        let said = Packet { data: reason.clone().into_bytes(), ..empty(PacketType::PacketErr) };
        let _ = self.outgoing.blocking_send(vec![Ok(said), Err(Status::internal(reason))]);
    }

    pub(super) fn files(&self) -> MutexGuard<'_, HashMap<u32, PathBuf>> {
        // No holder panics between two steps of a change, so a poisoned map is still whole.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn empty(kind: PacketType) -> Packet {
    Packet { r#type: kind.into(), stat: None, id: 0, data: Vec::new() }
}

/// How an entry is listed: owned by root, as the docker CLI does, so that the user's ids do not reach the image.
fn stat(entry: &Entry) -> Result<Option<Stat>> {
    let metadata = &entry.metadata;
    let Some(mode) = go_mode(metadata) else { return Ok(None) };
    let mut linkname = String::new();
    if metadata.is_symlink() {
        let link = entry.full.read_link().map_err(|cause| {
            Error::surroundings(format!("cannot read the symlink {}", entry.full.display())).because(cause)
        })?;
        linkname = link.into_os_string().into_string().map_err(|link| {
            Error::input(format!(
                "the symlink {} points to {link:?}, which is not UTF-8",
                entry.full.display()
            ))
            .hint("builders take UTF-8 names only: correct the link or leave it out of the context")
        })?;
    }
    Ok(Some(Stat {
        path: entry.path.clone(),
        mode,
        size: if metadata.is_file() { i64::try_from(metadata.len()).unwrap_or(i64::MAX) } else { 0 },
        mod_time: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
        linkname,
        ..Stat::default()
    }))
}

/// The mode as Go's `fs.FileMode` lays out its bits; `None` for what is not sent.
fn go_mode(metadata: &std::fs::Metadata) -> Option<u32> {
    let kind = metadata.file_type();
    let kind = match () {
        () if kind.is_file() => 0,
        () if kind.is_dir() => 1 << 31,
        () if kind.is_symlink() => 1 << 27,
        () if kind.is_fifo() => 1 << 25,
        () => return None,
    };
    let special = [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];
    let special =
        special.into_iter().filter(|(unix, _)| metadata.mode() & unix != 0).map(|(_, go)| go).sum::<u32>();
    Some(kind | special | (metadata.mode() & 0o777))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::files;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn modes_are_laid_out_as_go_lays_them_out() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        files::write(&file, "x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o4751)).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1770)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        let mode = |path: &Path| go_mode(&path.symlink_metadata().unwrap());
        assert_eq!(mode(&file), Some((1 << 23) | 0o751));
        assert_eq!(mode(folder.path()), Some((1 << 31) | (1 << 20) | 0o770));
        assert_eq!(mode(&link), Some((1 << 27) | 0o777));
        assert_eq!(mode(Path::new("/dev/null")), None);
    }

    #[test]
    fn a_listed_entry_belongs_to_root_and_carries_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let full = folder.path().join("link");
        std::os::unix::fs::symlink("some/where", &full).unwrap();
        files::write(&folder.path().join("a"), "four").unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_700_000_000, 42);
        let times = fs::FileTimes::new().set_modified(time);
        files::open(&folder.path().join("a")).unwrap().set_times(times).unwrap();
        let mut seen = Vec::new();
        walk(folder.path(), &Selection::default(), &mut |entry| {
            seen.push(stat(&entry).unwrap().unwrap());
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!((seen[0].path.as_str(), seen[0].size, seen[0].uid, seen[0].gid), ("a", 4, 0, 0));
        assert_eq!(seen[0].mod_time, 1_700_000_000_000_000_042);
        assert_eq!((seen[1].linkname.as_str(), seen[1].size), ("some/where", 0));
    }

    #[test]
    fn values_that_are_not_ascii_come_escaped_or_as_they_are() {
        let mut asked = MetadataMap::new();
        asked.append("followpaths", "a%2Fb+c%C3%A9".parse().unwrap());
        asked.append("followpaths", "100%".parse().unwrap());
        asked.append("exclude-patterns", "a+b%20".parse().unwrap());
        asked.append("exclude-patterns", "\u{e9}/*".as_bytes().try_into().unwrap());
        assert_eq!(values(&asked, "exclude-patterns").unwrap(), ["a+b%20", "\u{e9}/*"]);
        asked.insert("followpaths-encoded", "1".parse().unwrap());
        assert_eq!(values(&asked, "followpaths").unwrap(), ["a/b cé", "100%"]);
        assert_eq!(values(&asked, "dir-name").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_wrong_pattern_of_the_engine_is_named() {
        let mut asked = MetadataMap::new();
        asked.append("exclude-patterns", "a".parse().unwrap());
        asked.append("exclude-patterns", "[b".parse().unwrap());
        let said = selection(&asked).unwrap_err().reason();
        assert!(said.starts_with("line 2 of the ignore patterns, `[b`, is not a pattern"), "{said}");
    }
}
