//! Blobs on their way in: an upload begins, goes on in pieces, and ends as a blob; or a blob of another repository is mounted.

use super::blobs::CONTENT_DIGEST;
use super::meter::Ticket;
use super::name::Name;
use super::query::Query;
use super::range::piece;
use super::reading::What;
use super::refusal::{Answer, Code, Refusal};
use super::routes::{digest, empty, named, unsupported};
use super::upload::Held;
use super::visit::{Call, Visit, with};
use crate::image::{Algorithm, Digest};
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::Response;

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// `POST …/blobs/uploads/`: mounts, takes a whole blob at once, or begins an upload.
pub(super) async fn begin(visit: &Visit, call: &mut Call, name: Name, query: Query) -> Answer {
    call.ticket.about(What::Blob, name.as_str(), None);
    if let Some(wanted) = query.get("mount") {
        let wanted = digest(wanted)?;
        let from = query.get("from").map(named).transpose()?;
        if mount(visit, &call.ticket, &name, &wanted, from).await? {
            return Ok(created(&name, &wanted));
        }
    }
    let whole = query.get("digest").map(digest).transpose()?;
    let algorithm = whole.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
    let owner = name.clone();
    let id = visit.on_disk(move |shared| shared.uploads.begin(&owner, algorithm)).await??;
    match whole {
        Some(whole) => {
            let held = visit.shared.uploads.hold(&name, &id).await?;
            finish(visit, call, name, id, held, whole).await
        }
        None => Ok(state(StatusCode::ACCEPTED, &name, &id, 0)),
    }
}

async fn mount(
    visit: &Visit,
    ticket: &Ticket,
    name: &Name,
    wanted: &Digest,
    from: Option<Name>,
) -> Answer<bool> {
    let (owner, content) = (name.clone(), wanted.clone());
    let mounted = visit.on_disk(move |shared| shared.store.mount(&owner, &content, from.as_ref())).await??;
    if mounted {
        ticket.content_is(wanted);
    }
    Ok(mounted)
}

/// `GET`, `PATCH`, `PUT` and `DELETE …/blobs/uploads/<id>`.
pub(super) async fn go_on(visit: &Visit, call: &mut Call, name: Name, id: String, query: Query) -> Answer {
    call.ticket.about(What::Blob, name.as_str(), None);
    call.ticket.of_upload(&id);
    let held = visit.shared.uploads.hold(&name, &id).await?;
    match call.parts.method {
        Method::GET | Method::HEAD => Ok(state(StatusCode::NO_CONTENT, &name, &id, held.size())),
        Method::DELETE => {
            visit.on_disk(move |shared| shared.uploads.cancel(&id, held)).await??;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        Method::PATCH => {
            check_piece(call, &name, &id, &held)?;
            let announced = call.announced();
            let held = visit.shared.uploads.append(&id, held, &mut call.body, announced).await?;
            Ok(state(StatusCode::ACCEPTED, &name, &id, held.size()))
        }
        Method::PUT => {
            check_piece(call, &name, &id, &held)?;
            let asked = query.get("digest").ok_or_else(|| {
                Refusal::new(Code::DigestInvalid, "the end of an upload needs `?digest=` with what was sent")
            })?;
            let whole = digest(asked)?;
            finish(visit, call, name, id, held, whole).await
        }
        ref method => Err(unsupported(method)),
    }
}

async fn finish(visit: &Visit, call: &mut Call, name: Name, id: String, held: Held, whole: Digest) -> Answer {
    let (announced, ticket) = (call.announced(), call.ticket.clone());
    let held = visit.shared.uploads.append(&id, held, &mut call.body, announced).await?;
    let answer = created(&name, &whole);
    visit
        .on_disk(move |shared| {
            shared.uploads.finish(&id, &name, held, &whole, &shared.store)?;
            ticket.content_is(&whole);
            ticket.upload_is(&id, &whole);
            Ok::<_, Refusal>(())
        })
        .await??;
    Ok(answer)
}

/// A piece must begin where the upload ends, and be as long as it says.
fn check_piece(call: &Call, name: &Name, id: &str, held: &Held) -> Answer<()> {
    let Some(header) = call.header(&header::CONTENT_RANGE) else { return Ok(()) };
    let misplaced = |what: String| {
        Refusal::new(Code::BlobUploadInvalid, what)
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .header(header::LOCATION, &location(name, id))
            .header(header::RANGE, &range(held.size()))
            .header(UPLOAD_ID, id)
    };
    let range = piece(header).ok_or_else(|| misplaced(format!("`{header}` is no range of bytes")))?;
    if range.start != held.size() {
        return Err(misplaced(format!(
            "the upload has {} bytes, and the piece begins at {}",
            held.size(),
            range.start
        )));
    }
    match call.announced() {
        Some(bytes) if bytes != range.end - range.start => {
            Err(misplaced(format!("`{header}` is not the range of {bytes} bytes")))
        }
        _ => Ok(()),
    }
}

fn state(status: StatusCode, name: &Name, id: &str, size: u64) -> Response {
    let response = with(empty(status), header::LOCATION, &location(name, id));
    with(with(response, header::RANGE, &range(size)), UPLOAD_ID, id)
}

fn created(name: &Name, digest: &Digest) -> Response {
    let response = with(empty(StatusCode::CREATED), header::LOCATION, &format!("/v2/{name}/blobs/{digest}"));
    with(response, CONTENT_DIGEST, &digest.to_string())
}

fn location(name: &Name, id: &str) -> String {
    format!("/v2/{name}/blobs/uploads/{id}")
}

/// The range header has no way to say "nothing": an empty upload says the same as one of a single byte.
fn range(size: u64) -> String {
    format!("0-{}", size.saturating_sub(1))
}
