//! Each refusal, with its status, the specification's code, and its sentence.

use crate::client::{Client, MANIFEST, served};
use dbench::error::files;
use dbench::image::Digest;
use serde_json::json;

const NAME: &str = "is no name of a repository: lower-case letters and digits, joined by . _ or -";

async fn said(client: &mut Client, method: &str, path: &str, body: &[u8], status: u16, code: &str) -> String {
    client.send(method, path, body).await.refuses(status, code)
}

#[tokio::test]
async fn names_and_digests_that_would_leave_the_folder_are_refused() {
    let served = served().await;
    let mut client = served.client().await;
    let (empty, zeros) = (Digest::of(b""), "0".repeat(61));
    for (name, shown) in [
        ("..", ".."),
        ("a/../..", "a/../.."),
        ("%2e%2e%2fetc", "../etc"),
        ("", ""),
        ("/etc", "/etc"),
        ("A", "A"),
        ("a%00", "a\0"),
    ] {
        for (method, path) in [
            ("GET", format!("/v2/{name}/tags/list")),
            ("POST", format!("/v2/{name}/blobs/uploads/")),
            ("PUT", format!("/v2/{name}/manifests/latest")),
            ("DELETE", format!("/v2/{name}/blobs/{empty}")),
        ] {
            let message = said(&mut client, method, &path, b"", 400, "NAME_INVALID").await;
            assert_eq!(message, format!("`{shown}` {NAME}"), "{path}");
        }
    }
    for (method, path) in [
        ("GET", format!("/v2/a/blobs/sha256:..%5c{zeros}")),
        ("GET", format!("/v2/a/manifests/sha256:../{zeros}").replace("../", "...")),
        ("POST", format!("/v2/a/blobs/uploads/?mount=sha256:../{zeros}&from=b")),
        ("POST", format!("/v2/a/blobs/uploads/?digest=sha256:../{zeros}")),
        ("GET", format!("/v2/a/referrers/sha256:..%5c{zeros}")),
    ] {
        let message = said(&mut client, method, &path, b"", 400, "DIGEST_INVALID").await;
        assert!(
            message.contains("is no digest: its digits are not lower-case hexadecimal ones"),
            "{message}"
        );
    }
    let message = said(&mut client, "PUT", "/v2/a/manifests/..", b"", 400, "MANIFEST_INVALID").await;
    assert_eq!(message, "`..` is neither a tag nor a digest");
    let here = files::list(served.folder.path()).unwrap();
    assert_eq!(here, [served.folder.path().join("content")], "nothing was written beside the folder");
}

#[tokio::test]
async fn content_that_has_another_digest_is_refused_and_not_kept() {
    let served = served().await;
    let mut client = served.client().await;
    let (good, wrong) = (Digest::of(b"content"), Digest::of(b"other"));
    let told = format!("the content has the digest {good} and not {wrong}");
    let place = client.upload("a").await;
    client.send("PATCH", &place, b"content").await.is(202);
    let end = format!("{place}?digest={wrong}");
    assert_eq!(said(&mut client, "PUT", &end, b"", 400, "DIGEST_INVALID").await, told);
    let whole = format!("/v2/a/blobs/uploads/?digest={wrong}");
    assert_eq!(said(&mut client, "POST", &whole, b"content", 400, "DIGEST_INVALID").await, told);
    for digest in [good, wrong] {
        said(&mut client, "GET", &format!("/v2/a/blobs/{digest}"), b"", 404, "BLOB_UNKNOWN").await;
    }
    assert_eq!(files::list(&served.folder.path().join("content/uploads")).unwrap().len(), 0);

    let manifest = client.image("a", b"layer").await.to_string();
    let path = Digest::of(b"other").to_string();
    let message = client.push_manifest("a", &path, &manifest).await.refuses(400, "DIGEST_INVALID");
    assert!(message.starts_with("the manifest has the digest sha256:"), "{message}");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let served = served().await;
    let mut client = served.client().await;
    let empty = Digest::of(b"");
    let blob = said(&mut client, "GET", &format!("/v2/a/blobs/{empty}"), b"", 404, "BLOB_UNKNOWN").await;
    assert_eq!(blob, format!("a has no blob {empty}"));
    for path in ["/v2/a/manifests/latest", "/v2/a/tags/list"] {
        assert_eq!(
            said(&mut client, "GET", path, b"", 404, "NAME_UNKNOWN").await,
            "nothing was ever pushed to a"
        );
    }
    client.push_blob("a", b"x").await;
    let manifest = said(&mut client, "GET", "/v2/a/manifests/latest", b"", 404, "MANIFEST_UNKNOWN").await;
    assert_eq!(manifest, "a has no manifest latest");
    for method in ["GET", "PATCH", "PUT", "DELETE"] {
        let path = "/v2/a/blobs/uploads/..";
        let message = said(&mut client, method, path, b"", 404, "BLOB_UPLOAD_UNKNOWN").await;
        assert_eq!(message, "there is no upload ..");
    }
    // An upload belongs to one repository.
    let place = client.upload("a").await.replace("/v2/a/", "/v2/b/");
    said(&mut client, "PATCH", &place, b"x", 404, "BLOB_UPLOAD_UNKNOWN").await;
}

#[tokio::test]
async fn pieces_that_do_not_fit_are_refused_with_what_is_there() {
    let served = served().await;
    let mut client = served.client().await;
    let place = client.upload("a").await;
    client.request("PATCH", &place, &[("content-range", "0-3")], b"1234").await.is(202);
    for (range, told) in [
        ("9-12", "the upload has 4 bytes, and the piece begins at 9"),
        ("0-3", "the upload has 4 bytes, and the piece begins at 0"),
        ("4-9", "`4-9` is not the range of 4 bytes"),
        ("here", "`here` is no range of bytes"),
    ] {
        let reply = client.request("PATCH", &place, &[("content-range", range)], b"5678").await;
        assert_eq!((reply.header("range"), reply.header("location")), ("0-3", place.as_str()));
        assert_eq!(reply.refuses(416, "BLOB_UPLOAD_INVALID"), told);
    }
    let message = said(&mut client, "PUT", &place, b"", 400, "DIGEST_INVALID").await;
    assert_eq!(message, "the end of an upload needs `?digest=` with what was sent");
    client.send("PUT", &format!("{place}?digest={}", Digest::of(b"12345678")), b"5678").await.is(201);
}

#[tokio::test]
async fn manifests_that_cannot_be_pulled_are_refused() {
    let served = served().await;
    let mut client = served.client().await;
    let good = client.image("a", b"layer").await;
    let absent = Digest::of(b"absent").to_string();
    let changed = |key: &str, value: serde_json::Value| {
        let mut manifest = good.clone();
        manifest[key] = value;
        manifest.to_string()
    };
    let layer = json!([{ "mediaType": "application/layer", "digest": absent, "size": 6 }]);
    for (text, status, code, told) in [
        (
            "{".to_owned(),
            400,
            "MANIFEST_INVALID",
            "the manifest cannot be read: EOF while parsing".to_owned(),
        ),
        (
            changed("mediaType", json!("a/b")),
            400,
            "MANIFEST_INVALID",
            "`a/b` is no media type of a manifest".to_owned(),
        ),
        (changed("config", json!(null)), 400, "MANIFEST_INVALID", "the manifest has no `config`".to_owned()),
        (
            changed("layers", layer),
            404,
            "MANIFEST_BLOB_UNKNOWN",
            format!("a has no {absent}, to which the manifest points"),
        ),
    ] {
        let message = client.push_manifest("a", "latest", &text).await.refuses(status, code);
        assert!(message.starts_with(&told), "{message}");
    }
    let entry = json!([{ "mediaType": MANIFEST, "digest": absent, "size": 6 }]);
    let index = json!({ "mediaType": crate::client::INDEX, "manifests": entry }).to_string();
    client.push_manifest("a", "latest", &index).await.refuses(404, "MANIFEST_BLOB_UNKNOWN");
    client.get("/v2/a/manifests/latest").await.refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_manifest_that_states_a_wrong_size_is_refused() {
    let served = served().await;
    let mut client = served.client().await;
    let good = client.image("a", b"layer").await;
    client.push_manifest("a", "good", &good.to_string()).await.is(201);
    for (part, key, real) in [("/config", "config", 2), ("/layers/0", "layers", 5)] {
        for wrong in [real - 1, real + 1, 0] {
            let mut manifest = good.clone();
            manifest.pointer_mut(part).unwrap()["size"] = json!(wrong);
            let digest = manifest.pointer(part).unwrap()["digest"].as_str().unwrap().to_owned();
            let reply = client.push_manifest("a", "bad", &manifest.to_string()).await;
            let message = reply.refuses(400, "MANIFEST_INVALID");
            let told = format!("{digest} has {real} bytes, and the manifest says {wrong}");
            assert_eq!(message, told, "{key}");
        }
    }
    let text = good.to_string();
    let digest = Digest::of(text.as_bytes()).to_string();
    for (size, status) in [(text.len() + 1, 400), (text.len(), 201)] {
        let entry = json!([{ "mediaType": MANIFEST, "digest": digest, "size": size }]);
        let index = json!({ "mediaType": crate::client::INDEX, "manifests": entry }).to_string();
        let reply = client.push_manifest("a", "index", &index).await;
        if status == 201 {
            reply.is(201);
        } else {
            let told = format!("{digest} has {} bytes, and the manifest says {size}", text.len());
            assert_eq!(reply.refuses(400, "MANIFEST_INVALID"), told);
        }
    }
    client.get("/v2/a/manifests/bad").await.refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn what_the_specification_does_not_have_is_unsupported() {
    let served = served().await;
    let mut client = served.client().await;
    for (method, path) in [
        ("POST", "/v2/"),
        ("PUT", "/v2/a/tags/list"),
        ("GET", "/v2/a/blobs/uploads/"),
        ("POST", "/v2/a/manifests/1"),
    ] {
        let message = said(&mut client, method, path, b"", 405, "UNSUPPORTED").await;
        assert_eq!(message, format!("{method} means nothing here"));
    }
    let message = said(&mut client, "GET", "/v1/search", b"", 404, "UNSUPPORTED").await;
    assert_eq!(message, "`/v1/search` means nothing here");
    let message = said(&mut client, "GET", "/v2/a/tags/list?n=many", b"", 400, "SIZE_INVALID").await;
    assert!(message.starts_with("`n=many` is no number of tags: invalid digit"), "{message}");
}
