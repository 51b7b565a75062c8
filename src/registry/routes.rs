//! From an address to what it means, and from there to whoever answers it.

use super::name::{Name, Reference, Tag};
use super::query::{Query, decoded};
use super::refusal::{Answer, Code, Refusal};
use super::visit::{Call, Visit, respond};
use super::{blobs, listing, manifests, sending};
use crate::image::Digest;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::response::Response;

/// What an address means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Version,
    Tags(Name),
    Uploads(Name),
    Upload(Name, String),
    Blob(Name, Digest),
    Manifest(Name, Reference),
    Referrers(Name, Digest),
}

impl Target {
    fn parse(path: &str) -> Answer<Self> {
        let nothing = || {
            Refusal::new(Code::Unsupported, format!("`{path}` means nothing here"))
                .status(StatusCode::NOT_FOUND)
        };
        let path = decoded(path, false);
        let rest = match path.strip_prefix("/v2") {
            Some("" | "/") => return Ok(Self::Version),
            Some(rest) => rest.strip_prefix('/').ok_or_else(nothing)?,
            None => return Err(nothing()),
        };
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Ok(Self::Tags(named(name)?));
        }
        let uploads = rest.strip_suffix('/').unwrap_or(rest).strip_suffix("/blobs/uploads");
        if let Some(name) = uploads {
            return Ok(Self::Uploads(named(name)?));
        }
        let (above, last) = rest.rsplit_once('/').ok_or_else(nothing)?;
        if let Some(name) = above.strip_suffix("/blobs/uploads") {
            return Ok(Self::Upload(named(name)?, last.to_owned()));
        }
        let (name, kind) = above.rsplit_once('/').ok_or_else(nothing)?;
        Ok(match kind {
            "blobs" => Self::Blob(named(name)?, digest(last)?),
            "manifests" => Self::Manifest(named(name)?, reference(last)?),
            "referrers" => Self::Referrers(named(name)?, digest(last)?),
            _ => return Err(nothing()),
        })
    }
}

pub(super) fn named(text: &str) -> Answer<Name> {
    Name::parse(text).ok_or_else(|| {
        let message =
            format!("`{text}` is no name of a repository: lower-case letters and digits, joined by . _ or -");
        Refusal::new(Code::NameInvalid, message)
    })
}

pub(super) fn digest(text: &str) -> Answer<Digest> {
    text.parse().map_err(|error: crate::error::Error| Refusal::new(Code::DigestInvalid, error.reason()))
}

fn reference(text: &str) -> Answer<Reference> {
    if text.contains(':') {
        return digest(text).map(Reference::Digest);
    }
    let tag = Tag::parse(text);
    tag.map(Reference::Tag)
        .ok_or_else(|| Refusal::new(Code::ManifestInvalid, format!("`{text}` is neither a tag nor a digest")))
}

/// Finds who answers.
pub(super) async fn handle(visit: &Visit, call: &mut Call) -> Answer {
    let target = Target::parse(call.parts.uri.path())?;
    let query = Query::parse(call.parts.uri.query().unwrap_or_default());
    let reads = matches!(call.parts.method, Method::GET | Method::HEAD);
    match target {
        Target::Version if reads => Ok(respond(StatusCode::OK, Body::from("{}"))),
        Target::Tags(name) if reads => listing::tags(visit, &call.ticket, name, query).await,
        Target::Referrers(name, subject) if reads => {
            listing::referrers(visit, &call.ticket, name, subject, query).await
        }
        Target::Uploads(name) if call.parts.method == Method::POST => {
            sending::begin(visit, call, name, query).await
        }
        Target::Upload(name, id) => sending::go_on(visit, call, name, id, query).await,
        Target::Blob(name, digest) => blobs::blob(visit, call, name, digest).await,
        Target::Manifest(name, reference) => manifests::manifest(visit, call, name, reference).await,
        _ => Err(unsupported(&call.parts.method)),
    }
}

pub(super) fn unsupported(method: &Method) -> Refusal {
    Refusal::new(Code::Unsupported, format!("{method} means nothing here"))
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    respond(status, Body::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    #[test]
    fn addresses_mean_what_the_specification_says() {
        let name = || Name::parse("a/b").unwrap();
        let empty = Digest::of(b"");
        for (path, target) in [
            ("/v2/".to_owned(), Target::Version),
            ("/v2".to_owned(), Target::Version),
            ("/v2/a/b/tags/list".to_owned(), Target::Tags(name())),
            ("/v2/a/b/blobs/uploads/".to_owned(), Target::Uploads(name())),
            ("/v2/a/b/blobs/uploads".to_owned(), Target::Uploads(name())),
            ("/v2/a/b/blobs/uploads/x".to_owned(), Target::Upload(name(), "x".to_owned())),
            (format!("/v2/a/b/blobs/{empty}"), Target::Blob(name(), empty.clone())),
            (
                format!("/v2/a/b/manifests/sha256%3A{}", empty.hex()),
                Target::Manifest(name(), Reference::Digest(empty.clone())),
            ),
            (
                "/v2/a/b/manifests/1".to_owned(),
                Target::Manifest(name(), Reference::Tag(Tag::parse("1").unwrap())),
            ),
            (format!("/v2/a/b/referrers/{empty}"), Target::Referrers(name(), empty)),
            ("/v2/tags/list/tags/list".to_owned(), Target::Tags(Name::parse("tags/list").unwrap())),
        ] {
            assert_eq!(Target::parse(&path).unwrap(), target, "{path}");
        }
    }

    #[test]
    fn addresses_that_mean_nothing_or_leave_the_folder_are_refused() {
        for (path, status) in [
            ("/", 404),
            ("/v1/", 404),
            ("/v2x", 404),
            ("/v2/a", 404),
            ("/v2/a/b", 404),
            ("/v2/a/b/c/d", 404),
            ("/v2/../etc/tags/list", 400),
            ("/v2/%2e%2e/%2e%2e/tags/list", 400),
            ("/v2//etc/tags/list", 400),
            ("/v2/a%00/tags/list", 400),
            ("/v2/a/blobs/sha256:..%2f..%2fetc", 404),
            ("/v2/a/blobs/sha256:abc", 400),
            ("/v2/a/manifests/..", 400),
        ] {
            let refusal = Target::parse(path).unwrap_err();
            assert_eq!(refusal.into_response().status().as_u16(), status, "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_an_address_is_its_parts_stay_below_the_folder(
            name in "([a-z0-9._/%\\-]|%2[eEfF]|\\PC){0,30}",
            kind in "tags/list|blobs/uploads/|blobs/uploads/x|manifests/|blobs/sha256:|referrers/sha256:",
            last in "[a-f0-9]{64}|[a-z0-9._%/\\-]{0,70}",
        ) {
            let path = format!("/v2/{name}/{kind}{last}");
            let (name, last) = match Target::parse(&path) {
                Ok(Target::Tags(name) | Target::Uploads(name) | Target::Upload(name, _)) => (name, String::new()),
                Ok(Target::Blob(name, digest) | Target::Referrers(name, digest)) => (name, digest.hex().to_owned()),
                Ok(Target::Manifest(name, Reference::Tag(tag))) => (name, tag.as_str().to_owned()),
                Ok(Target::Manifest(name, Reference::Digest(digest))) => (name, digest.hex().to_owned()),
                Ok(Target::Version) | Err(_) => return Ok(()),
            };
            let below = name.folder().join(last);
            let normal = |part| matches!(part, std::path::Component::Normal(_));
            assert!(below.components().all(normal), "{path} leads to {}", below.display());
        }
    }
}
