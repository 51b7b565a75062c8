//! Manifests in and out, by tag and by digest.

use super::blobs::CONTENT_DIGEST;
use super::name::{Name, Reference, Tag};
use super::reading::What;
use super::refusal::{Answer, Code, Refusal};
use super::routes::{empty, unsupported};
use super::store::{Store, Stored};
use super::upload::next;
use super::visit::{Call, Visit, respond, with};
use crate::image::{Algorithm, Content, Digest, Hasher, Manifest};
use axum::body::Body;
use axum::http::{HeaderName, Method, StatusCode, header};
use std::time::Duration;

/// The largest manifest.
const LIMIT: u64 = 4 << 20;

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

pub(super) async fn manifest(visit: &Visit, call: &mut Call, name: Name, reference: Reference) -> Answer {
    let digest = match &reference {
        Reference::Digest(digest) => Some(digest),
        Reference::Tag(_) => None,
    };
    call.ticket.about(What::Manifest, name.as_str(), digest);
    match call.parts.method {
        Method::GET | Method::HEAD => send(visit, call, name, reference).await,
        Method::PUT => take(visit, call, name, reference).await,
        Method::DELETE => remove(visit, name, reference).await,
        ref method => Err(unsupported(method)),
    }
}

async fn send(visit: &Visit, call: &mut Call, name: Name, reference: Reference) -> Answer {
    let found = visit.on_disk(move |shared| find(&shared.store, &name, &reference)).await??;
    call.ticket.content_is(&found.digest);
    let length = found.bytes.len().to_string();
    let body = if call.parts.method == Method::HEAD { Body::empty() } else { Body::from(found.bytes) };
    let response = with(respond(StatusCode::OK, body), header::CONTENT_TYPE, &found.media_type);
    let response = with(response, header::CONTENT_LENGTH, &length);
    let response = with(response, header::ETAG, &format!("\"{}\"", found.digest));
    Ok(with(response, CONTENT_DIGEST, &found.digest.to_string()))
}

fn find(store: &Store, name: &Name, reference: &Reference) -> Answer<Stored> {
    if !store.knows(name) {
        return Err(unknown_name(name));
    }
    store.manifest(name, reference)?.ok_or_else(|| unknown(name, reference))
}

async fn remove(visit: &Visit, name: Name, reference: Reference) -> Answer {
    let refusal = unknown(&name, &reference);
    let removed = visit.on_disk(move |shared| shared.store.remove_manifest(&name, &reference)).await??;
    if removed { Ok(empty(StatusCode::ACCEPTED)) } else { Err(refusal) }
}

async fn take(visit: &Visit, call: &mut Call, name: Name, reference: Reference) -> Answer {
    let sent_as = call.header(&header::CONTENT_TYPE).map(str::to_owned);
    let bytes = read(&mut call.body, visit.shared.silence).await?;
    let (digest, tag) = named(&bytes, &reference)?;
    call.ticket.content_is(&digest);
    let invalid = |error: crate::error::Error| Refusal::new(Code::ManifestInvalid, error.reason());
    let manifest = Manifest::parse(&bytes, sent_as.as_deref()).map_err(invalid)?;
    let subject = manifest.subject.as_ref().map(|subject| subject.digest.to_string());
    let response =
        with(empty(StatusCode::CREATED), header::LOCATION, &format!("/v2/{name}/manifests/{reference}"));
    let response = with(response, CONTENT_DIGEST, &digest.to_string());
    let media_type = manifest.kind.media_type().to_owned();
    visit
        .on_disk(move |shared| {
            check_content(&shared.store, &name, &manifest)?;
            Ok::<_, Refusal>(shared.store.put_manifest(
                &name,
                tag.as_ref(),
                &Stored { digest, media_type, bytes },
            )?)
        })
        .await??;
    Ok(match subject {
        Some(subject) => with(response, SUBJECT, &subject),
        None => response,
    })
}

async fn read(body: &mut Body, silence: Duration) -> Answer<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(piece) = next(body, silence).await? {
        if (bytes.len() + piece.len()) as u64 > LIMIT {
            return Err(Refusal::new(Code::SizeInvalid, format!("the limit of a manifest is {LIMIT} bytes")));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The digest of a manifest, and the tag that moves to it.
fn named(bytes: &[u8], reference: &Reference) -> Answer<(Digest, Option<Tag>)> {
    let algorithm = match reference {
        Reference::Digest(digest) => digest.algorithm(),
        Reference::Tag(_) => Algorithm::Sha256,
    };
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    let found = hasher.digest();
    match reference {
        Reference::Digest(digest) if *digest != found => Err(Refusal::new(
            Code::DigestInvalid,
            format!("the manifest has the digest {found} and not {digest}"),
        )),
        Reference::Digest(_) => Ok((found, None)),
        Reference::Tag(tag) => Ok((found, Some(tag.clone()))),
    }
}

/// Everything that a manifest points to must be there with the size that it states, or an engine would learn of it only in
/// the middle of a pull, and sizes are read off manifests. The specification leaves both to a registry.
fn check_content(store: &Store, name: &Name, manifest: &Manifest) -> Answer<()> {
    let is_list = matches!(manifest.content, Content::List { .. });
    for entry in manifest.points_to().into_iter().filter(|entry| !entry.is_foreign()) {
        let digest = &entry.digest;
        let of_manifest = if is_list { store.manifest_size(name, digest)? } else { None };
        let size = of_manifest.map_or_else(|| store.blob_size(name, digest), |size| Ok(Some(size)))?;
        let Some(size) = size else {
            let message = format!("{name} has no {digest}, to which the manifest points");
            return Err(Refusal::new(Code::ManifestBlobUnknown, message));
        };
        if size != entry.size {
            let message = format!("{digest} has {size} bytes, and the manifest says {}", entry.size);
            return Err(Refusal::new(Code::ManifestInvalid, message));
        }
    }
    Ok(())
}

fn unknown(name: &Name, reference: &Reference) -> Refusal {
    Refusal::new(Code::ManifestUnknown, format!("{name} has no manifest {reference}"))
}

pub(super) fn unknown_name(name: &Name) -> Refusal {
    Refusal::new(Code::NameUnknown, format!("nothing was ever pushed to {name}"))
}
