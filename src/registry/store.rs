//! Content on the disk: every blob once, by its digest, and a link to it in each repository that has it.
//!
//! ```text
//! dbench-registry                        says whose folder it is, and is locked while a registry uses it
//! blobs/sha256/<hex>                     content
//! repositories/<name>/_blobs/sha256/…    a hard link to content that the repository has
//! repositories/<name>/_manifests/…       media type on the first line, then the manifest
//! repositories/<name>/_tags/<tag>        a digest
//! uploads/<id>                           what is still being sent
//! ```
//!
//! No part of a repository's name begins with `_`. Nothing is forced to the disk: a power cut may cost content.

use super::name::{Name, Reference, Tag};
use crate::error::{Error, Result, files};
use crate::image::Digest;
use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What folder a registry can have.
const FOLDERS: &str = "name an empty folder, a new one, or one that a registry of dbench made";

const MARKER: &str = "dbench-registry";
const PARTS: [&str; 3] = ["blobs", "repositories", "uploads"];

/// The folder of a registry.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    /// Held by whoever changes links, so that content is never removed while a link to it is made.
    changes: Mutex<()>,
    #[expect(dead_code, reason = "the lock lives as long as the open file")]
    lock: File,
}

/// A manifest as it was sent.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) bytes: Vec<u8>,
}

impl Store {
    /// Opens a folder, new or left by an earlier registry, whose unfinished uploads are removed.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        if folder.exists() && !folder.is_dir() {
            return Err(Error::input(format!("{} is no folder", folder.display())).hint(FOLDERS));
        }
        files::create_dir_all(folder).map_err(|error| error.hint(FOLDERS))?;
        let marker = folder.join(MARKER);
        if !marker.exists() && !files::list(folder).map_err(|error| error.hint(FOLDERS))?.is_empty() {
            let message = format!("{} holds something else than a registry", folder.display());
            return Err(Error::input(message).hint(FOLDERS));
        }
        let lock = files::append(&marker)?;
        match lock.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::surroundings(format!("another registry uses {}", folder.display()))
                    .hint("end it, or name another folder"));
            }
            Err(TryLockError::Error(cause)) => {
                return Err(Error::surroundings(format!("cannot lock {}", marker.display())).because(cause));
            }
        }
        let store = Self { folder: folder.to_path_buf(), changes: Mutex::new(()), lock };
        remove_folder(&store.uploads())?;
        PARTS.iter().try_for_each(|part| files::create_dir_all(&folder.join(part)))?;
        Ok(store)
    }

    /// Forgets all content.
    pub(super) fn clear(&self) -> Result<()> {
        let _changing = self.changing();
        for part in PARTS {
            remove_folder(&self.folder.join(part))?;
            files::create_dir_all(&self.folder.join(part))?;
        }
        Ok(())
    }

    /// Where content stands while it is being sent.
    pub(super) fn uploads(&self) -> PathBuf {
        self.folder.join("uploads")
    }

    /// Whether anything was ever pushed to the repository.
    pub(super) fn knows(&self, name: &Name) -> bool {
        ["_blobs", "_manifests"].iter().any(|part| self.repository(name).join(part).is_dir())
    }

    pub(super) fn has_blob(&self, name: &Name, digest: &Digest) -> bool {
        self.link(name, digest).is_file()
    }

    /// The bytes of a blob, if the repository has it.
    pub(super) fn blob_size(&self, name: &Name, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.blob(name, digest)?.map(|(_file, size)| size))
    }

    /// A blob and its size, if the repository has it.
    pub(super) fn blob(&self, name: &Name, digest: &Digest) -> Result<Option<(File, u64)>> {
        let link = self.link(name, digest);
        if !link.is_file() {
            return Ok(None);
        }
        let file = files::open(&link)?;
        let size = file.metadata().map_err(|cause| failed("look at", &link, cause))?.len();
        Ok(Some((file, size)))
    }

    /// Takes in a file whose content has the digest; the file is gone from its place afterwards.
    pub(super) fn adopt(&self, name: &Name, digest: &Digest, file: &Path) -> Result<()> {
        let _changing = self.changing();
        let blob = self.content(digest);
        if blob.is_file() {
            files::remove(file)?;
        } else {
            create_parent(&blob)?;
            files::rename(file, &blob)?;
        }
        self.link_to(name, digest)
    }

    /// Gives a repository a blob that another one has: the named one, or any.
    pub(super) fn mount(&self, name: &Name, digest: &Digest, from: Option<&Name>) -> Result<bool> {
        let _changing = self.changing();
        let there = match from {
            Some(from) => self.has_blob(from, digest),
            None => self.content(digest).is_file(),
        };
        if there {
            self.link_to(name, digest)?;
        }
        Ok(there)
    }

    /// Takes a blob from a repository; its content goes with the last link. False if it was not there.
    pub(super) fn remove_blob(&self, name: &Name, digest: &Digest) -> Result<bool> {
        let _changing = self.changing();
        let (link, blob) = (self.link(name, digest), self.content(digest));
        if !link.is_file() {
            return Ok(false);
        }
        files::remove(&link)?;
        let links = blob.metadata().map_err(|cause| failed("look at", &blob, cause))?.nlink();
        if links == 1 {
            files::remove(&blob)?;
        }
        Ok(true)
    }

    /// The manifest that a tag or digest stands for.
    pub(super) fn manifest(&self, name: &Name, reference: &Reference) -> Result<Option<Stored>> {
        let _changing = self.changing();
        let Some(digest) = self.resolve(name, reference)? else { return Ok(None) };
        let path = self.manifest_path(name, &digest);
        if path.is_file() { stored(digest, &path).map(Some) } else { Ok(None) }
    }

    /// The bytes of a manifest, if the repository has it.
    pub(super) fn manifest_size(&self, name: &Name, digest: &Digest) -> Result<Option<u64>> {
        let found = self.manifest(name, &Reference::Digest(digest.clone()))?;
        Ok(found.map(|stored| stored.bytes.len() as u64))
    }

    /// Keeps a manifest and moves the tag to it, if there is one.
    pub(super) fn put_manifest(&self, name: &Name, tag: Option<&Tag>, manifest: &Stored) -> Result<()> {
        let _changing = self.changing();
        let text = [manifest.media_type.as_bytes(), b"\n", &manifest.bytes].concat();
        self.write(&self.manifest_path(name, &manifest.digest), &text)?;
        match tag {
            Some(tag) => self.write(&self.tag(name, tag), manifest.digest.to_string().as_bytes()),
            None => Ok(()),
        }
    }

    /// Removes a tag, or a manifest with all its tags. False if it was not there.
    pub(super) fn remove_manifest(&self, name: &Name, reference: &Reference) -> Result<bool> {
        let _changing = self.changing();
        let path = match reference {
            Reference::Tag(tag) => self.tag(name, tag),
            Reference::Digest(digest) => self.manifest_path(name, digest),
        };
        if !path.is_file() {
            return Ok(false);
        }
        if let Reference::Digest(digest) = reference {
            for tag in self.tags(name)? {
                let path = self.tag(name, &tag);
                if files::read_to_string(&path)? == digest.to_string() {
                    files::remove(&path)?;
                }
            }
        }
        files::remove(&path)?;
        Ok(true)
    }

    /// The tags of a repository, in the specification's order: that of the alphabet, whatever the case.
    pub(super) fn tags(&self, name: &Name) -> Result<Vec<Tag>> {
        let found = list(&self.repository(name).join("_tags"))?;
        let mut tags: Vec<_> =
            found.iter().filter_map(|path| Tag::parse(path.file_name()?.to_str()?)).collect();
        tags.sort_by_cached_key(|tag| (tag.as_str().to_ascii_lowercase(), tag.clone()));
        Ok(tags)
    }

    /// Every manifest of a repository, ordered by digest.
    pub(super) fn manifests(&self, name: &Name) -> Result<Vec<Stored>> {
        let _changing = self.changing();
        let mut all = Vec::new();
        for folder in list(&self.repository(name).join("_manifests"))? {
            for path in list(&folder)? {
                if let Some(digest) = digest_of(&path) {
                    all.push(stored(digest, &path)?);
                }
            }
        }
        Ok(all)
    }

    fn resolve(&self, name: &Name, reference: &Reference) -> Result<Option<Digest>> {
        let tag = match reference {
            Reference::Digest(digest) => return Ok(Some(digest.clone())),
            Reference::Tag(tag) => self.tag(name, tag),
        };
        if tag.is_file() { files::read_to_string(&tag)?.parse().map(Some) } else { Ok(None) }
    }

    fn link_to(&self, name: &Name, digest: &Digest) -> Result<()> {
        let link = self.link(name, digest);
        if link.is_file() {
            return Ok(());
        }
        create_parent(&link)?;
        files::link(&self.content(digest), &link)
    }

    /// Beside its place first, so that no reader sees half of it. One at a time: the caller holds the lock.
    fn write(&self, path: &Path, content: &[u8]) -> Result<()> {
        let beside = self.uploads().join("_writing");
        files::write(&beside, content)?;
        create_parent(path)?;
        files::rename(&beside, path)
    }

    fn content(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join(digest.algorithm().name()).join(digest.hex())
    }

    fn repository(&self, name: &Name) -> PathBuf {
        self.folder.join("repositories").join(name.folder())
    }

    fn link(&self, name: &Name, digest: &Digest) -> PathBuf {
        self.repository(name).join("_blobs").join(digest.algorithm().name()).join(digest.hex())
    }

    fn manifest_path(&self, name: &Name, digest: &Digest) -> PathBuf {
        self.repository(name).join("_manifests").join(digest.algorithm().name()).join(digest.hex())
    }

    fn tag(&self, name: &Name, tag: &Tag) -> PathBuf {
        self.repository(name).join("_tags").join(tag.as_str())
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        // What is guarded stands on the disk; whoever failed while holding it has said so.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stored(digest: Digest, path: &Path) -> Result<Stored> {
    let mut text = files::read(path)?;
    let line = text
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or_else(|| Error::surroundings("the manifest is not as it was written").in_file(path))?;
    let bytes = text.split_off(line + 1);
    Ok(Stored { digest, media_type: String::from_utf8_lossy(&text[..line]).into_owned(), bytes })
}

fn digest_of(path: &Path) -> Option<Digest> {
    let (hex, algorithm) = (path.file_name()?.to_str()?, path.parent()?.file_name()?.to_str()?);
    format!("{algorithm}:{hex}").parse().ok()
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    if folder.is_dir() { files::list(folder) } else { Ok(Vec::new()) }
}

fn remove_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() { files::remove_dir_all(folder) } else { Ok(()) }
}

fn create_parent(path: &Path) -> Result<()> {
    path.parent().map_or(Ok(()), files::create_dir_all)
}

fn failed(doing: &str, path: &Path, cause: std::io::Error) -> Error {
    Error::surroundings(format!("cannot {doing} {}", path.display())).because(cause)
}

#[cfg(test)]
mod tests;
