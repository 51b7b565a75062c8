//! What the owner of a registry asks of it, past the wire and unmetered.

use super::name::{Name, Reference, Tag};
use super::{Registry, cannot_listen, server};
use crate::error::{Error, Result};
use crate::image::Manifest;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use tokio::net::TcpListener;

impl Registry {
    /// Listens at one more address, until it stops; the same content, the same meter.
    ///
    /// # Errors
    /// If the address is taken or not of this machine.
    pub async fn listen(&mut self, address: SocketAddr) -> Result<SocketAddr> {
        let listener = TcpListener::bind(address).await.map_err(|cause| cannot_listen(address, cause))?;
        let address = listener.local_addr().map_err(|cause| cannot_listen(address, cause))?;
        let stopped = self.stop.subscribe();
        self.serving.push(tokio::spawn(server::serve(listener, self.shared.clone(), self.limits, stopped)));
        Ok(address)
    }

    /// The manifest of `NAME:TAG`, if the registry holds it.
    ///
    /// # Errors
    /// If the content cannot be read, or is no manifest.
    pub async fn manifest(&self, name: &str) -> Result<Option<Manifest>> {
        let (repository, tag) = parse(name)?;
        let shared = self.shared.clone();
        let read = move || {
            let stored = shared.store.manifest(&repository, &Reference::Tag(tag))?;
            stored.map(|stored| Manifest::parse(&stored.bytes, Some(&stored.media_type))).transpose()
        };
        aside(read).await
    }

    /// Forgets `NAME:TAG`: its manifest, and the blobs that no other manifest of the repository points to.
    ///
    /// # Errors
    /// If the content cannot be read or removed.
    pub async fn forget(&self, name: &str) -> Result<()> {
        let (repository, tag) = parse(name)?;
        let shared = self.shared.clone();
        let remove = move || {
            let Some(stored) = shared.store.manifest(&repository, &Reference::Tag(tag))? else {
                return Ok(());
            };
            shared.store.remove_manifest(&repository, &Reference::Digest(stored.digest.clone()))?;
            let mut kept = BTreeSet::new();
            for other in shared.store.manifests(&repository)? {
                let other = Manifest::parse(&other.bytes, Some(&other.media_type))?;
                kept.extend(other.points_to().into_iter().map(|to| to.digest.clone()));
            }
            let manifest = Manifest::parse(&stored.bytes, Some(&stored.media_type))?;
            for blob in manifest.points_to().into_iter().filter(|blob| !kept.contains(&blob.digest)) {
                shared.store.remove_blob(&repository, &blob.digest)?;
            }
            Ok(())
        };
        aside(remove).await
    }
}

fn parse(name: &str) -> Result<(Name, Tag)> {
    let parts = name.rsplit_once(':').and_then(|(name, tag)| Some((Name::parse(name)?, Tag::parse(tag)?)));
    parts.ok_or_else(|| Error::input(format!("`{name}` is no name with a tag")).hint("write NAME:TAG"))
}

/// Files are read and removed beside the tasks that serve.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|cause| Error::surroundings("the registry did not answer its owner").because(cause))?
}
