//! Lists: the tags of a repository, and what refers to a manifest.

use super::manifests::unknown_name;
use super::meter::Ticket;
use super::name::{Name, Tag};
use super::query::Query;
use super::reading::What;
use super::refusal::{Answer, Code, Refusal};
use super::store::{Store, Stored};
use super::visit::{Visit, respond, with};
use crate::image::{Digest, Manifest, ManifestKind};
use axum::body::Body;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

const FILTERS: HeaderName = HeaderName::from_static("oci-filters-applied");

/// `GET …/tags/list?n=…&last=…`.
pub(super) async fn tags(visit: &Visit, ticket: &Ticket, name: Name, query: Query) -> Answer {
    ticket.about(What::Other, name.as_str(), None);
    let limit = query.get("n").map(count).transpose()?;
    let last = query.get("last").map(str::to_owned);
    let owner = name.clone();
    let all = visit
        .on_disk(move |shared| {
            let known = shared.store.knows(&owner);
            if known { Ok(shared.store.tags(&owner)?) } else { Err(unknown_name(&owner)) }
        })
        .await??;
    let (page, more) = page(&all, limit, last.as_deref());
    let body =
        json!({ "name": name.as_str(), "tags": page.iter().map(|tag| tag.as_str()).collect::<Vec<_>>() });
    let response = listed(&body, "application/json");
    Ok(match (page.last(), more) {
        (Some(last), true) => {
            let next =
                format!("</v2/{name}/tags/list?n={}&last={}>; rel=\"next\"", page.len(), last.as_str());
            with(response, header::LINK, &next)
        }
        _ => response,
    })
}

fn count(text: &str) -> Answer<usize> {
    text.parse().map_err(|cause| {
        Refusal::new(Code::SizeInvalid, format!("`n={text}` is no number of tags: {cause}"))
            .status(StatusCode::BAD_REQUEST)
    })
}

/// The tags behind `last`, at most `limit` of them, and whether there are more.
fn page<'a>(all: &'a [Tag], limit: Option<usize>, last: Option<&str>) -> (&'a [Tag], bool) {
    let order = |tag: &str| (tag.to_ascii_lowercase(), tag.to_owned());
    let from = last.map_or(0, |last| all.partition_point(|tag| order(tag.as_str()) <= order(last)));
    let rest = &all[from..];
    let length = limit.unwrap_or(rest.len()).min(rest.len());
    (&rest[..length], length < rest.len())
}

/// `GET …/referrers/<digest>?artifactType=…`.
pub(super) async fn referrers(
    visit: &Visit,
    ticket: &Ticket,
    name: Name,
    subject: Digest,
    query: Query,
) -> Answer {
    ticket.about(What::Other, name.as_str(), Some(&subject));
    let filter = query.get("artifactType").map(str::to_owned);
    let filtered = filter.is_some();
    let entries =
        visit.on_disk(move |shared| referring(&shared.store, &name, &subject, filter.as_deref())).await??;
    let index = ManifestKind::OciIndex.media_type();
    let response = listed(&json!({ "schemaVersion": 2, "mediaType": index, "manifests": entries }), index);
    Ok(if filtered { with(response, FILTERS, "artifactType") } else { response })
}

fn referring(store: &Store, name: &Name, subject: &Digest, artifact: Option<&str>) -> Answer<Vec<Value>> {
    let mut entries = Vec::new();
    for stored in store.manifests(name)? {
        let manifest = Manifest::parse(&stored.bytes, Some(&stored.media_type))?;
        let refers = manifest.subject.as_ref().is_some_and(|named| named.digest == *subject);
        if refers && artifact.is_none_or(|wanted| manifest.artifact_type.as_deref() == Some(wanted)) {
            entries.push(entry(&stored, &manifest));
        }
    }
    Ok(entries)
}

fn entry(stored: &Stored, manifest: &Manifest) -> Value {
    let mut entry = json!({
        "mediaType": stored.media_type,
        "digest": stored.digest.to_string(),
        "size": stored.bytes.len(),
    });
    if let Some(artifact) = &manifest.artifact_type {
        entry["artifactType"] = json!(artifact);
    }
    if !manifest.annotations.is_empty() {
        entry["annotations"] = json!(manifest.annotations);
    }
    entry
}

fn listed(body: &Value, media_type: &str) -> Response {
    with(respond(StatusCode::OK, Body::from(body.to_string())), header::CONTENT_TYPE, media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_whatever_the_case() {
        let all: Vec<_> = ["1", "a", "B", "c"].iter().map(|tag| Tag::parse(tag).unwrap()).collect();
        let shown = |limit, last| {
            let (page, more) = page(&all, limit, last);
            (page.iter().map(Tag::as_str).collect::<Vec<_>>().join(" "), more)
        };
        assert_eq!(shown(None, None), ("1 a B c".to_owned(), false));
        assert_eq!(shown(Some(2), None), ("1 a".to_owned(), true));
        assert_eq!(shown(Some(2), Some("a")), ("B c".to_owned(), false));
        assert_eq!(shown(Some(9), Some("A")), ("a B c".to_owned(), false));
        assert_eq!(shown(Some(0), None), (String::new(), true));
        assert_eq!(shown(None, Some("z")), (String::new(), false));
    }
}
