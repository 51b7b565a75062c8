//! The meter's figures, against a client that knows every byte it sent and received.

use crate::client::{Client, DEADLINE, Served, content, served};
use dbench::image::Digest;
use dbench::registry::{Direction, Reading, What};

async fn taken(served: &Served) -> Reading {
    assert!(served.registry.meter().quiet(DEADLINE).await);
    served.registry.meter().take()
}

/// Sockets are counted to the byte.
#[track_caller]
fn same_bytes(reading: &Reading, client: &Client, at: usize) {
    let connection = &reading.connections[at];
    assert_eq!((connection.read, connection.written), (client.sent, client.received));
}

#[tokio::test]
async fn a_push_is_counted_by_blob_direction_and_connection() {
    let served = served().await;
    let mut client = served.client().await;
    let layer = content(3_000_000);
    let digest = Digest::of(&layer);
    let place = client.upload("team/app").await;
    client.send("PATCH", &place, &layer[..2_000_000]).await.is(202);
    client.send("PATCH", &place, &layer[2_000_000..]).await.is(202);
    client.send("PUT", &format!("{place}?digest={digest}"), b"").await.is(201);
    let manifest = client.image("team/app", b"small").await.to_string();
    client.push_manifest("team/app", "latest", &manifest).await.is(201);

    let reading = taken(&served).await;
    same_bytes(&reading, &client, 0);
    let blobs: Vec<_> = reading.transfers.iter().filter(|t| t.digest.as_ref() == Some(&digest)).collect();
    let shown: Vec<_> = blobs.iter().map(|t| (t.what, t.direction, t.body, t.status)).collect();
    let piece = |body, status| (What::Blob, Direction::In, body, Some(status));
    assert_eq!(shown, [piece(2_000_000, 202), piece(1_000_000, 202), piece(0, 201)]);
    let manifests: Vec<_> = reading.transfers.iter().filter(|t| t.what == What::Manifest).collect();
    let [manifest_in] = manifests.as_slice() else { panic!("{manifests:?}") };
    assert_eq!(manifest_in.body, manifest.len() as u64);
    assert_eq!(manifest_in.digest.as_ref(), Some(&Digest::of(manifest.as_bytes())));
    for transfer in &reading.transfers {
        assert_eq!(
            (transfer.connection, transfer.repository.as_deref()),
            (reading.connections[0].id, Some("team/app"))
        );
        assert!(transfer.whole && transfer.started_ns <= transfer.completed_ns.unwrap(), "{transfer:?}");
    }
    let expected = [(digest, 3_000_000), (Digest::of(b"{}"), 2), (Digest::of(b"small"), 5)];
    assert_eq!(reading.blobs(Direction::In), expected.into());
    assert_eq!(reading.body(What::Blob, Direction::In), 3_000_007);
    assert_eq!(reading.body(What::Manifest, Direction::In), manifest.len() as u64);
    assert_eq!((reading.blobs(Direction::Out).len(), reading.blob_connections(Direction::Out)), (0, 0));
    assert_eq!(reading.socket_bytes(), (client.sent, client.received));
}

#[tokio::test]
async fn a_pull_is_counted_on_each_of_its_connections() {
    let served = served().await;
    let mut first = served.client().await;
    let layer = content(5_000_000);
    let manifest = first.image("a", &layer).await.to_string();
    first.push_manifest("a", "latest", &manifest).await.is(201);
    taken(&served).await;

    (first.sent, first.received) = (0, 0);
    let mut second = served.client().await;
    first.get("/v2/a/manifests/latest").await.is(200);
    let path = format!("/v2/a/blobs/{}", Digest::of(&layer));
    second.request("GET", &path, &[("range", "bytes=1000-4999999")], b"").await.is(206);
    first.request("HEAD", &path, &[], b"").await.is(200);
    first.get("/v2/none/manifests/latest").await.is(404);

    let reading = taken(&served).await;
    same_bytes(&reading, &first, 0);
    same_bytes(&reading, &second, 1);
    let shown: Vec<_> =
        reading.transfers.iter().map(|t| (t.connection, t.what, t.direction, t.status)).collect();
    let (one, two) = (reading.connections[0].id, reading.connections[1].id);
    let expected = [
        (one, What::Manifest, Direction::Out, Some(200)),
        (two, What::Blob, Direction::Out, Some(206)),
        (one, What::Blob, Direction::Out, Some(200)),
        (one, What::Manifest, Direction::Out, Some(404)),
    ];
    assert_eq!(shown, expected);
    assert_eq!(reading.blobs(Direction::Out), [(Digest::of(&layer), 4_999_000)].into());
    assert_eq!(reading.blob_connections(Direction::Out), 1);
    assert_eq!(reading.socket_bytes().1, first.received + second.received);
    // By tag, and yet known.
    assert_eq!(reading.transfers[0].digest, Some(Digest::of(manifest.as_bytes())));
    assert_eq!(reading.transfers[0].body, manifest.len() as u64);
    let part = &reading.transfers[1];
    assert_eq!((part.body, part.whole, reading.transfers[2].body), (4_999_000, true, 0));
    assert!(part.started_ns <= part.first_ns.unwrap() && part.first_ns < part.last_ns);
    drop((first, second));
    // Closing has no request that could be waited for.
    while served
        .registry
        .meter()
        .reading()
        .connections
        .iter()
        .any(|connection| connection.closed_ns.is_none())
    {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let closed = served.registry.meter().take();
    assert!(
        closed.connections.iter().all(|connection| connection.read == 0 && connection.closed_ns.is_some())
    );
    assert_eq!(served.registry.meter().take(), Reading::default());
}
