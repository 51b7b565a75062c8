//! What is too large or too slow is cut, and the registry goes on.

use crate::client::{DEADLINE, content, served, served_with};
use dbench::error::files;
use dbench::image::Digest;
use dbench::registry::Limits;
use std::time::Duration;

fn short(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

#[tokio::test]
async fn a_manifest_above_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let served = served().await;
    let mut client = served.client().await;
    let mut manifest = client.image("a", b"layer").await.to_string();
    manifest.push_str(&" ".repeat((4 << 20) - manifest.len()));
    client.push_manifest("a", "largest", &manifest).await.is(201);
    manifest.push(' ');
    let message = client.push_manifest("a", "larger", &manifest).await.refuses(413, "SIZE_INVALID");
    assert_eq!(message, "the limit of a manifest is 4194304 bytes");
    client.get("/v2/a/manifests/larger").await.refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn an_upload_above_the_limit_is_refused_and_forgotten() {
    let served = served_with(short(|limits| limits.upload_bytes = 1000)).await;
    let mut client = served.client().await;
    let all = content(1001);
    client.push_blob("a", &all[..1000]).await;
    let told = "the limit of an upload is 1000 bytes";
    let path = format!("/v2/a/blobs/uploads/?digest={}", Digest::of(&all));
    assert_eq!(client.send("POST", &path, &all).await.refuses(413, "SIZE_INVALID"), told);
    // Who asks first whether to send is told not to.
    let length = 10_usize << 30;
    client.head("POST", &path, &[("expect", "100-continue")], length).await;
    assert_eq!(client.reply(false).await.refuses(413, "SIZE_INVALID"), told);
    assert_eq!(client.until_closed().await, "");
    let mut client = served.client().await;
    // Piece by piece, and without a word on the length.
    let place = client.upload("a").await;
    client.send("PATCH", &place, &all[..600]).await.is(202);
    let head = format!("PATCH {place} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n191\r\n");
    client.write(head.as_bytes()).await;
    client.write(&all[600..]).await;
    client.write(b"\r\n0\r\n\r\n").await;
    assert_eq!(client.reply(false).await.refuses(413, "SIZE_INVALID"), told);
    client.get(&place).await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    assert_eq!(files::list(&served.folder.path().join("content/uploads")).unwrap().len(), 0);
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut() {
    let served = served_with(short(|limits| limits.header = Duration::from_millis(100))).await;
    // One that stops in the middle, and one that never begins.
    for begun in ["GET /v2/ HTTP/1.1\r\nhost: x\r\nx-slow: ", ""] {
        let mut client = served.client().await;
        client.write(begun.as_bytes()).await;
        let said = client.until_closed().await;
        assert!(!said.contains(" 200 "), "{said}");
    }
    served.client().await.get("/v2/").await.is(200);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_cut() {
    let served = served().await;
    let mut client = served.client().await;
    let _ = client.try_write(b"GET /v2/ HTTP/1.1\r\nhost: x\r\nx-long: ").await;
    // Far more than a connection's buffer: the registry must stop reading, and close.
    let mut cut = false;
    for _ in 0..256 {
        cut = cut || client.try_write(&[b'x'; 64 << 10]).await.is_err();
    }
    assert!(cut, "16 MB of a head were taken");
    let mut client = served.client().await;
    let large = "x".repeat(100 << 10);
    client.request("GET", "/v2/", &[("x-large", &large)], b"").await.is(431);
    served.client().await.get("/v2/").await.is(200);
}

#[tokio::test]
async fn a_body_that_falls_silent_is_given_up_and_its_upload_can_go_on() {
    let served = served_with(short(|limits| limits.silence = Duration::from_millis(100))).await;
    let mut client = served.client().await;
    let place = client.upload("a").await;
    client.head("PATCH", &place, &[], 10).await;
    client.write(b"12345").await;
    let message = client.reply(false).await.refuses(408, "BLOB_UPLOAD_INVALID");
    assert!(message.starts_with("the body is silent: "), "{message}");
    let mut client = served.client().await;
    assert_eq!(client.get(&place).await.is(204).header("range"), "0-4");
    client.send("PUT", &format!("{place}?digest={}", Digest::of(b"1234567890")), b"67890").await.is(201);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let served = served_with(short(|limits| limits.silence = Duration::from_millis(100))).await;
    let mut client = served.client().await;
    // More than the buffers of a socket hold.
    let digest = client.push_blob("a", &content(32 << 20)).await;
    assert!(served.registry.meter().quiet(DEADLINE).await);
    served.registry.meter().take();
    client.head("GET", &format!("/v2/a/blobs/{digest}"), &[], 0).await;
    while served.registry.meter().reading().transfers.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(served.registry.meter().quiet(DEADLINE).await);
    let reading = served.registry.meter().take();
    assert!(!reading.transfers[0].whole && reading.transfers[0].body < 32 << 20, "{reading:?}");
}

#[tokio::test]
async fn a_registry_that_is_told_to_stop_lets_a_transfer_end_and_cuts_an_idle_client() {
    let served = served_with(short(|limits| limits.farewell = Duration::from_secs(30))).await;
    let (mut idle, mut busy) = (served.client().await, served.client().await);
    idle.get("/v2/").await.is(200);
    let place = busy.upload("a").await;
    busy.head("PATCH", &place, &[], 10).await;
    busy.write(b"12345").await;
    // The request lasts from the moment at which the meter shows its bytes.
    let meter = served.registry.meter().clone();
    while !meter.reading().transfers.iter().any(|transfer| transfer.body == 5) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let stopping = tokio::spawn(served.registry.stop());
    assert_eq!(idle.until_closed().await, "");
    busy.write(b"67890").await;
    busy.reply(false).await.is(202);
    stopping.await.unwrap();
}
