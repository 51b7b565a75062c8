//! Blobs: every way in and every way out.

use crate::client::{content, served};
use dbench::error::files;
use dbench::image::{Algorithm, Digest, Hasher};

#[tokio::test]
async fn a_blob_comes_in_whole_in_pieces_or_as_the_end_of_its_upload() {
    let served = served().await;
    let mut client = served.client().await;
    let all = content(300_000);
    let digest = Digest::of(&all);
    let (first, rest) = all.split_at(100_000);

    // One after the other, as an engine does; the second client says where its pieces belong.
    let place = client.upload("a").await;
    let reply = client.send("PATCH", &place, &all).await.is(202);
    assert_eq!(reply.header("range"), "0-299999");
    let reply = client.send("PUT", &format!("{place}?digest={digest}"), b"").await.is(201);
    assert_eq!(reply.header("location"), format!("/v2/a/blobs/{digest}"));
    assert_eq!(reply.header("docker-content-digest"), digest.to_string());

    let place = client.upload("b").await;
    client.request("PATCH", &place, &[("content-range", "0-99999")], first).await.is(202);
    assert_eq!(client.get(&place).await.is(204).header("range"), "0-99999");
    let end = format!("{place}?digest={digest}");
    client.request("PUT", &end, &[("content-range", "bytes 100000-299999/*")], rest).await.is(201);
    client.get(&place).await.refuses(404, "BLOB_UPLOAD_UNKNOWN");

    client.push_blob("c", &all).await;
    for repository in ["a", "b", "c"] {
        let path = format!("/v2/{repository}/blobs/{digest}");
        assert_eq!(client.get(&path).await.is(200).body, all);
        let head = client.request("HEAD", &path, &[], b"").await.is(200);
        assert_eq!((head.header("content-length"), head.header("accept-ranges")), ("300000", "bytes"));
    }
    let blobs = served.folder.path().join("content/blobs/sha256");
    assert_eq!(files::list(&blobs).unwrap().len(), 1, "content is kept once");
}

#[tokio::test]
async fn an_upload_goes_on_where_a_broken_connection_left_it() {
    let served = served().await;
    let all = content(500_000);
    let mut first = served.client().await;
    let place = first.upload("a").await;
    first.head("PATCH", &place, &[], all.len()).await;
    first.write(&all[..200_000]).await;
    drop(first);

    let mut second = served.client().await;
    let state = second.get(&place).await.is(204);
    let last: usize = state.header("range").strip_prefix("0-").unwrap().parse().unwrap();
    let from = if last == 0 { 0 } else { last + 1 };
    assert!(from <= 200_000, "{from}");
    let range = format!("{from}-{}", all.len() - 1);
    second.request("PATCH", &place, &[("content-range", &range)], &all[from..]).await.is(202);
    second.send("PUT", &format!("{place}?digest={}", Digest::of(&all)), b"").await.is(201);
    assert_eq!(second.get(&format!("/v2/a/blobs/{}", Digest::of(&all))).await.body, all);
}

#[tokio::test]
async fn the_same_content_from_many_clients_at_once_is_kept_once() {
    let served = served().await;
    let all = content(2_000_000);
    let mut pushing = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (mut client, all) = (served.client().await, all.clone());
        // Half of them share a repository.
        pushing.spawn(async move { client.push_blob(&format!("a{}", number / 2), &all).await });
    }
    let digests = pushing.join_all().await;
    assert_eq!(digests, vec![Digest::of(&all); 8]);
    let kept = served.folder.path().join("content");
    assert_eq!(files::list(&kept.join("blobs/sha256")).unwrap().len(), 1);
    assert_eq!(files::list(&kept.join("uploads")).unwrap().len(), 0);
    let mut client = served.client().await;
    for number in 0..4 {
        client.send("DELETE", &format!("/v2/a{number}/blobs/{}", digests[0]), b"").await.is(202);
    }
    assert_eq!(files::list(&kept.join("blobs/sha256")).unwrap().len(), 0);
}

#[tokio::test]
async fn an_upload_that_is_being_written_is_waited_for() {
    let served = served().await;
    let (mut writer, mut other) = (served.client().await, served.client().await);
    let place = writer.upload("a").await;
    writer.head("PATCH", &place, &[], 10).await;
    writer.write(b"12345").await;
    let meter = served.registry.meter();
    while meter.reading().transfers.iter().all(|transfer| transfer.body < 5) {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    other.head("GET", &place, &[], 0).await;
    writer.write(b"67890").await;
    writer.reply(false).await.is(202);
    assert_eq!(other.reply(false).await.is(204).header("range"), "0-9");
}

#[tokio::test]
async fn an_upload_can_be_given_up() {
    let served = served().await;
    let mut client = served.client().await;
    let place = client.upload("a").await;
    client.send("PATCH", &place, b"half").await.is(202);
    client.send("DELETE", &place, b"").await.is(204);
    client.get(&place).await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    assert_eq!(files::list(&served.folder.path().join("content/uploads")).unwrap().len(), 0);
}

#[tokio::test]
async fn a_part_of_a_blob_has_its_range_and_one_that_is_not_there_is_refused() {
    let served = served().await;
    let mut client = served.client().await;
    let all = content(1000);
    let digest = client.push_blob("a", &all).await;
    let path = format!("/v2/a/blobs/{digest}");
    for (asked, said, part) in [
        ("bytes=0-0", "bytes 0-0/1000", 0..1),
        ("bytes=10-19", "bytes 10-19/1000", 10..20),
        ("bytes=990-", "bytes 990-999/1000", 990..1000),
        ("bytes=-10", "bytes 990-999/1000", 990..1000),
        ("bytes=990-5000", "bytes 990-999/1000", 990..1000),
    ] {
        let reply = client.request("GET", &path, &[("range", asked)], b"").await.is(206);
        assert_eq!((reply.header("content-range"), reply.body.as_slice()), (said, &all[part]), "{asked}");
    }
    let reply = client.request("GET", &path, &[("range", "bytes=1000-")], b"").await;
    assert_eq!(reply.header("content-range"), "bytes */1000");
    let message = reply.refuses(416, "SIZE_INVALID");
    assert_eq!(message, "the blob has 1000 bytes, and none of them is in that range");
    // What is no single range of bytes is answered as if it had not been asked.
    for headers in [&[("range", "bytes=0-1,5-6")][..], &[("range", "bytes=0-1"), ("if-range", "\"other\"")]] {
        assert_eq!(client.request("GET", &path, headers, b"").await.is(200).body, all);
    }
}

#[tokio::test]
async fn a_blob_is_mounted_from_where_it_is() {
    let served = served().await;
    let mut client = served.client().await;
    let digest = client.push_blob("from/here", b"content").await;
    let path = |rest: &str| format!("/v2/to/there/blobs/uploads/?mount={digest}{rest}");
    let elsewhere = client.send("POST", &path("&from=not/here"), b"").await.is(202);
    assert!(elsewhere.header("location").starts_with("/v2/to/there/blobs/uploads/"));
    client.get(&format!("/v2/to/there/blobs/{digest}")).await.refuses(404, "BLOB_UNKNOWN");
    let mounted = client.send("POST", &path("&from=from/here"), b"").await.is(201);
    assert_eq!(mounted.header("location"), format!("/v2/to/there/blobs/{digest}"));
    client.send("POST", &path("").replace("to/there", "to/all"), b"").await.is(201);
    for repository in ["to/there", "to/all"] {
        assert_eq!(client.get(&format!("/v2/{repository}/blobs/{digest}")).await.is(200).body, b"content");
    }
}

#[tokio::test]
async fn a_removed_blob_is_gone_from_its_repository_alone() {
    let served = served().await;
    let mut client = served.client().await;
    let digest = client.push_blob("a", b"content").await;
    client.push_blob("b", b"content").await;
    client.send("DELETE", &format!("/v2/a/blobs/{digest}"), b"").await.is(202);
    client.send("DELETE", &format!("/v2/a/blobs/{digest}"), b"").await.refuses(404, "BLOB_UNKNOWN");
    client.get(&format!("/v2/a/blobs/{digest}")).await.refuses(404, "BLOB_UNKNOWN");
    assert_eq!(client.get(&format!("/v2/b/blobs/{digest}")).await.is(200).body, b"content");
}

#[tokio::test]
async fn content_may_be_named_with_the_other_algorithm() {
    let served = served().await;
    let mut client = served.client().await;
    let mut hasher = Hasher::new(Algorithm::Sha512);
    hasher.update(b"content");
    let digest = hasher.digest();
    // The upload does not know yet which it will be.
    let place = client.upload("a").await;
    client.send("PUT", &format!("{place}?digest={digest}"), b"content").await.is(201);
    client.send("POST", &format!("/v2/b/blobs/uploads/?digest={digest}"), b"content").await.is(201);
    for repository in ["a", "b"] {
        assert_eq!(client.get(&format!("/v2/{repository}/blobs/{digest}")).await.is(200).body, b"content");
    }
}

#[tokio::test]
async fn a_cleared_registry_is_empty_and_goes_on() {
    let served = served().await;
    let mut client = served.client().await;
    let manifest = client.image("a", b"layer").await.to_string();
    client.push_manifest("a", "latest", &manifest).await.is(201);
    let place = client.upload("a").await;
    served.registry.clear().await.unwrap();
    client.get("/v2/a/manifests/latest").await.refuses(404, "NAME_UNKNOWN");
    client.get(&format!("/v2/a/blobs/{}", Digest::of(b"layer"))).await.refuses(404, "BLOB_UNKNOWN");
    client.get(&place).await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    let manifest = client.image("a", b"layer").await.to_string();
    client.push_manifest("a", "latest", &manifest).await.is(201);
}
