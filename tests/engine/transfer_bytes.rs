//! Bytes are the same whoever counts them: each kind of node, and a client that is not ours.

use crate::kept::{Kept, exchange, pull, push, site};
use crate::lane::{Lane, PATIENCE};
use crate::machine::is_root;
use crate::node::{candidates, settings};
use crate::transfer::{engine_image, private_possible};
use dbench::engine::node::{ContainerNode, ContainerSettings, ImageStore, Node, PrivateNode, StorePlace};
use dbench::results::Phase;
use dbench::runner::{Packed, Site, Verdict};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Pulls the image before its edit and then the one after it into an empty store, and counts.
async fn counted(site: &mut Site, before: &Packed, after: &Packed) -> (u64, u64) {
    site.empty().await.unwrap();
    let cold = pull(site, before, "tiny/app:1", None).await;
    let update = pull(site, after, "tiny/app:2", Some(before)).await;
    assert_eq!((&cold.verdict, &update.verdict), (&Verdict::Valid, &Verdict::Valid), "{:?}", site.kind());
    (cold.carried.bytes(), update.carried.bytes())
}

async fn private(lane: &Lane) -> Option<Node> {
    let settings = settings(&lane.path("node"), &candidates()[0]);
    let node = PrivateNode::start(settings).await.unwrap_or_else(|error| panic!("{error}"));
    Some(Node::Private(Box::new(node)))
}

async fn contained(lane: &Lane, image: &str) -> Option<Node> {
    let folder = lane.path("contained");
    std::fs::create_dir_all(&folder).unwrap();
    let settings = ContainerSettings {
        name: format!("dbench-{}", lane.token),
        image: image.to_owned(),
        folder,
        labels: BTreeMap::new(),
        image_store: ImageStore::Graph,
        place: StorePlace::Memory(256 << 20),
        deadline: PATIENCE,
    };
    let node = ContainerNode::start(&lane.engine, settings).await.unwrap_or_else(|error| panic!("{error}"));
    Some(Node::Container(Box::new(node)))
}

#[test]
fn every_kind_of_node_counts_the_same_bytes() {
    let Some(lane) = Lane::open() else { return };
    let kept = Kept::new(&lane);
    let image = engine_image(&lane);
    // The edit changes the highest layer alone, so that a store that goes by chains fetches no more than another.
    let [before, after] = [Phase::Cold, Phase::SourceEdit].map(|phase| kept.image("multi", phase));
    lane.wait_for(async {
        let mut site = site(&lane.path("registry"), None).await;
        let before = push(&lane, &site, &before, "tiny/app:1", None).await.packed.unwrap();
        let after = push(&lane, &site, &after, "tiny/app:2", Some(&before)).await.packed.unwrap();
        let own = counted(&mut site, &before, &after).await;
        assert_eq!(own.0, before.bytes());
        assert!(own.1 < own.0, "{own:?}");
        if private_possible() {
            exchange(&mut site, private(&lane).await).await;
            assert_eq!(counted(&mut site, &before, &after).await, own);
            exchange(&mut site, None).await.unwrap().stop().await.unwrap();
        }
        if let Some(image) = image {
            exchange(&mut site, contained(&lane, image).await).await;
            assert_eq!(counted(&mut site, &before, &after).await, own);
        }
        site.close().await.unwrap();
    });
    drop(kept);
    lane.assert_nothing_with_the_token_is_left();
}

/// What `skopeo` reads of an image: the bytes of its distinct blobs.
fn read_by_skopeo(name: &str) -> Option<u64> {
    let asked = ["inspect", "--raw", "--tls-verify=false", &format!("docker://{name}")].map(str::to_owned);
    let output = match Command::new("skopeo").args(asked).output() {
        Ok(output) => output,
        Err(why) => {
            let debian = Path::new("/etc/debian_version").exists();
            assert!(!debian || !is_root(), "skopeo, which scripts/test installs: {why}");
            eprintln!("left out: skopeo: {why}");
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let manifest: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let layers = manifest["layers"].as_array().unwrap().iter();
    let blobs: BTreeMap<_, _> = layers
        .chain([&manifest["config"]])
        .map(|blob| (blob["digest"].as_str().unwrap(), blob["size"].as_u64().unwrap()))
        .collect();
    Some(blobs.values().sum())
}

#[test]
fn the_packed_size_is_what_another_client_reads() {
    let Some(lane) = Lane::open() else { return };
    let kept = Kept::new(&lane);
    let images = ["single", "multi"].map(|variant| kept.image(variant, Phase::Cold));
    lane.wait_for(async {
        let site = site(&lane.path("registry"), None).await;
        for (at, image) in images.iter().enumerate() {
            let name = format!("tiny/app:{at}");
            let packed = push(&lane, &site, image, &name, None).await.packed.unwrap();
            let seen = site.name_for_engine(&name);
            let read = tokio::task::spawn_blocking(move || read_by_skopeo(&seen)).await.unwrap();
            assert!(read.is_none_or(|bytes| bytes == packed.bytes()), "{read:?} {packed:?}");
            site.registry.clear().await.unwrap();
        }
        site.close().await.unwrap();
    });
    drop(kept);
    lane.assert_nothing_with_the_token_is_left();
}
