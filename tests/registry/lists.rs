//! Manifests of all kinds, tags, and what refers to what.

use crate::client::{INDEX, MANIFEST, served};
use dbench::image::Digest;
use serde_json::json;

#[tokio::test]
async fn manifests_of_docker_and_oci_are_kept_byte_for_byte() {
    let served = served().await;
    let mut client = served.client().await;
    for (kind, list) in [
        (
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
        ),
        (MANIFEST, INDEX),
    ] {
        let mut manifest = client.image("a", b"layer").await;
        manifest["mediaType"] = json!(kind);
        // Blanks at the end are content as well.
        let text = format!("{manifest} \n");
        let digest = Digest::of(text.as_bytes());
        let reply = client.push_manifest("a", "1.0", &text).await.is(201);
        assert_eq!(reply.header("location"), "/v2/a/manifests/1.0");
        assert_eq!(reply.header("docker-content-digest"), digest.to_string());
        for reference in ["1.0", &digest.to_string()] {
            let path = format!("/v2/a/manifests/{reference}");
            let reply = client.get(&path).await.is(200);
            assert_eq!((reply.header("content-type"), reply.body.as_slice()), (kind, text.as_bytes()));
            let head = client.request("HEAD", &path, &[], b"").await.is(200);
            assert_eq!(head.header("content-length"), text.len().to_string());
            assert_eq!(head.header("docker-content-digest"), digest.to_string());
        }
        let entry = json!({ "mediaType": kind, "digest": digest.to_string(), "size": text.len() });
        let index = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string();
        let path = format!("/v2/a/manifests/{}", Digest::of(index.as_bytes()));
        client.request("PUT", &path, &[("content-type", list)], index.as_bytes()).await.is(201);
        assert_eq!(client.get(&path).await.is(200).header("content-type"), list);
    }
}

#[tokio::test]
async fn a_tag_moves_and_goes_and_a_manifest_takes_its_tags_along() {
    let served = served().await;
    let mut client = served.client().await;
    let old = client.image("a", b"old").await.to_string();
    let new = client.image("a", b"new").await.to_string();
    client.push_manifest("a", "latest", &old).await.is(201);
    client.push_manifest("a", "latest", &new).await.is(201);
    client.push_manifest("a", "old", &old).await.is(201);
    assert_eq!(client.get("/v2/a/manifests/latest").await.body, new.as_bytes());
    client.send("DELETE", "/v2/a/manifests/latest", b"").await.is(202);
    client.get("/v2/a/manifests/latest").await.refuses(404, "MANIFEST_UNKNOWN");
    let by_digest = |text: &str| format!("/v2/a/manifests/{}", Digest::of(text.as_bytes()));
    client.get(&by_digest(&new)).await.is(200);
    client.send("DELETE", &by_digest(&old), b"").await.is(202);
    client.get("/v2/a/manifests/old").await.refuses(404, "MANIFEST_UNKNOWN");
    client.send("DELETE", &by_digest(&old), b"").await.refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn tags_come_in_pages() {
    let served = served().await;
    let mut client = served.client().await;
    let manifest = client.image("a/b", b"layer").await.to_string();
    for tag in ["c", "B", "a", "1"] {
        client.push_manifest("a/b", tag, &manifest).await.is(201);
    }
    let all = client.get("/v2/a/b/tags/list").await.is(200);
    assert_eq!(all.json(), json!({ "name": "a/b", "tags": ["1", "a", "B", "c"] }));
    assert!(!all.headers.contains_key("link"));
    let page = client.get("/v2/a/b/tags/list?n=3").await.is(200);
    assert_eq!(page.header("link"), "</v2/a/b/tags/list?n=3&last=B>; rel=\"next\"");
    let rest = client.get("/v2/a/b/tags/list?n=3&last=B").await.is(200);
    assert_eq!(rest.json()["tags"], json!(["c"]));
    assert!(!rest.headers.contains_key("link"));
    assert_eq!(client.get("/v2/a/b/tags/list?n=0").await.is(200).json()["tags"], json!([]));
}

#[tokio::test]
async fn what_refers_to_a_manifest_is_listed_by_kind() {
    let served = served().await;
    let mut client = served.client().await;
    let subject = client.image("a", b"layer").await.to_string();
    client.push_manifest("a", "1", &subject).await.is(201);
    let digest = Digest::of(subject.as_bytes()).to_string();
    for kind in ["application/signature", "application/bill"] {
        let mut artifact = client.image("a", kind.as_bytes()).await;
        artifact["artifactType"] = json!(kind);
        artifact["annotations"] = json!({ "of": kind });
        artifact["subject"] = json!({ "mediaType": MANIFEST, "digest": digest, "size": subject.len() });
        let reply = client.push_manifest("a", &kind.replace('/', "-"), &artifact.to_string()).await.is(201);
        assert_eq!(reply.header("oci-subject"), digest);
    }
    let all = client.get(&format!("/v2/a/referrers/{digest}")).await.is(200);
    assert_eq!((all.header("content-type"), all.json()["manifests"].as_array().unwrap().len()), (INDEX, 2));
    assert!(!all.headers.contains_key("oci-filters-applied"));
    let path = format!("/v2/a/referrers/{digest}?artifactType=application%2Fbill");
    let bills = client.get(&path).await.is(200);
    assert_eq!(bills.header("oci-filters-applied"), "artifactType");
    let [bill] = bills.json()["manifests"].as_array().unwrap().clone().try_into().unwrap();
    assert_eq!(
        (&bill["artifactType"], &bill["annotations"]["of"]),
        (&json!("application/bill"), &json!("application/bill"))
    );
    let none = client.get(&format!("/v2/none/referrers/{digest}")).await.is(200);
    assert_eq!(none.json()["manifests"], json!([]));
}
