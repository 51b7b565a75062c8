//! Whole runs that push, pull and start, by each kind of node, and that nothing is left of them.

use crate::lane::{Lane, row};
use crate::machine::{Machine, is_root};
use crate::tiny::Tiny;
use dbench::engine::Engine;
use dbench::engine::node::PrivateNode;
use dbench::results::{Loaded, Metric, NodeKind, Phase, Status};
use std::collections::BTreeMap;

const VARIANTS: [&str; 2] = ["single", "multi"];
/// Images that hold an engine.
const IMAGES: [&str; 2] = ["dbench/stand-in/docker:dind", "docker:dind"];

/// Whether this machine can have a private node; as root and where an engine is required it has to.
pub fn private_possible() -> bool {
    if !is_root() {
        eprintln!("left out: private nodes need root");
        return false;
    }
    match PrivateNode::possible(None) {
        Ok(()) => true,
        Err(why) if std::env::var("DBENCH_DOCKER").is_ok_and(|wish| wish == "require") => {
            panic!("DBENCH_DOCKER=require: {why}")
        }
        Err(why) => {
            eprintln!("left out: {why}");
            false
        }
    }
}

/// The image of an engine that the lane's engine holds.
pub fn engine_image(lane: &Lane) -> Option<&'static str> {
    let found = IMAGES.into_iter().find(|name| lane.wait_for(lane.engine.image(name)).unwrap().is_some());
    if found.is_none() {
        eprintln!("left out: none of {IMAGES:?} is there");
    }
    found
}

/// Runs one round of everything on a node of that kind; what is left of it fails.
fn measured(lane: &Lane, kind: NodeKind, more: &[&str]) -> (Tiny, Loaded) {
    let tiny = Tiny::new(lane, kind.name()).on_scratch(lane);
    let before = Machine::look(&lane.path("state/dbench/nodes"));
    let all = ["run", "--rounds", "1", "--measure", "build,size,transfer,start", "--node", kind.name()];
    let ended = lane.dbench(&[&all, more].concat()).expect(0);
    let loaded = lane.loaded();
    lane.assert_nothing_is_left(&ended.stderr);
    before.assert_unchanged();
    (tiny, loaded)
}

/// Fails unless a run measured all that transfers have, all of it valid, and sums agree.
pub fn assert_whole(loaded: &Loaded, tiny: &Tiny, kind: NodeKind) {
    assert_eq!(loaded.run.node.as_ref().map(|node| node.kind), Some(kind));
    let bad = loaded.samples.iter().filter(|row| row.status != Status::Valid);
    let bad: Vec<_> = bad.filter(|row| kind != NodeKind::None || row.metric != Metric::PullReady).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    for variant in VARIANTS {
        for (phase, metric) in expected(variant, kind) {
            let row = row(loaded, &tiny.name, variant, phase, metric);
            assert!(row.valid().is_some(), "{row:?}");
            let pulls = metric.name().starts_with("pull-") || metric.name().starts_with("base-pull-");
            assert_eq!(row.node, if pulls { kind.name() } else { "" }, "{}", metric.name());
        }
        assert_sums(loaded, tiny, variant);
    }
    if kind == NodeKind::None {
        let rows = loaded.samples.iter().filter(|row| is_told_by_an_engine(row.metric));
        assert_eq!(rows.count(), 0);
        for variant in VARIANTS {
            let ready = row(loaded, &tiny.name, variant, Phase::Cold, Metric::PullReady);
            assert_eq!((ready.status, ready.node.as_str()), (Status::Skipped, "none"), "{ready:?}");
            assert_eq!(ready.reason, "without a node there is no engine to start the image");
        }
    }
}

/// What a pull comes to for an engine alone, which unpacks and opens its own connections.
fn is_told_by_an_engine(metric: Metric) -> bool {
    let ends = |end: &str| metric.name().ends_with(end);
    metric.is_of_a_node() && ["-wall", "-unpack", "-connections"].into_iter().any(ends)
}

/// `multi` stands on nothing: there is no base for it to have.
fn expected(variant: &str, kind: NodeKind) -> Vec<(Phase, Metric)> {
    use Metric::*;
    let mut all = vec![
        (Phase::Cold, PushBytes),
        (Phase::Cold, PushWall),
        (Phase::Cold, PushWire),
        (Phase::Cold, PackedSize),
        (Phase::Cold, PackedUnique),
        (Phase::Cold, StartReady),
    ];
    for phase in [Phase::SourceEdit, Phase::DepsEdit] {
        all.extend([UpdatePushBytes, UpdatePushWall, UpdatePushWire].map(|metric| (phase, metric)));
    }
    let mut pulls = vec![
        (Phase::Cold, [PullColdBytes, PullColdWall, PullColdDownload, PullColdUnpack, PullColdConnections]),
        (
            Phase::SourceEdit,
            [
                PullSourceEditBytes,
                PullSourceEditWall,
                PullSourceEditDownload,
                PullSourceEditUnpack,
                PullSourceEditConnections,
            ],
        ),
        (
            Phase::DepsEdit,
            [
                PullDepsEditBytes,
                PullDepsEditWall,
                PullDepsEditDownload,
                PullDepsEditUnpack,
                PullDepsEditConnections,
            ],
        ),
    ];
    if variant == "single" {
        let warm = [
            PullBaseWarmBytes,
            PullBaseWarmWall,
            PullBaseWarmDownload,
            PullBaseWarmUnpack,
            PullBaseWarmConnections,
        ];
        let base = [BasePullBytes, BasePullWall, BasePullDownload, BasePullUnpack, BasePullConnections];
        pulls.extend([(Phase::Cold, warm), (Phase::Cold, base)]);
    }
    all.extend(pulls.into_iter().flat_map(|(phase, metrics)| metrics.map(|metric| (phase, metric))));
    match kind {
        NodeKind::None => all.retain(|(_, metric)| !is_told_by_an_engine(*metric)),
        _ => all.push((Phase::Cold, PullReady)),
    }
    all
}

/// What the layers of `transfers.csv` sum to is what the rows say.
fn assert_sums(loaded: &Loaded, tiny: &Tiny, variant: &str) {
    let value = |phase, metric| row(loaded, &tiny.name, variant, phase, metric).valid().unwrap();
    let of = |phase, transfer: &str| {
        let rows = loaded.transfers.iter().filter(move |row| {
            (row.case.scenario.as_str(), row.case.variant.as_str()) == (tiny.name.as_str(), variant)
        });
        let rows = rows.filter(|row| row.case.phase == phase && row.transfer == transfer);
        // A blob that is in the image twice has a row for each place and moved once.
        let blobs: BTreeMap<_, _> = rows.map(|row| (&row.digest, (row.packed, row.wire))).collect();
        assert!(!blobs.is_empty(), "{variant} {phase} {transfer}");
        blobs.values().fold((0, 0), |sum, blob| (sum.0 + blob.0, sum.1 + blob.1))
    };
    let cold = value(Phase::Cold, Metric::PullColdBytes);
    assert_eq!(of(Phase::Cold, "push"), (cold, value(Phase::Cold, Metric::PushBytes)));
    assert_eq!(of(Phase::Cold, "pull-cold"), (value(Phase::Cold, Metric::PackedSize), cold));
    assert_eq!(cold, value(Phase::Cold, Metric::PackedSize));
    for (phase, transfer, metric) in [
        (Phase::SourceEdit, "pull-source-edit", Metric::PullSourceEditBytes),
        (Phase::DepsEdit, "pull-deps-edit", Metric::PullDepsEditBytes),
    ] {
        let (pulled, pushed) = (value(phase, metric), value(phase, Metric::UpdatePushBytes));
        assert_eq!(of(phase, transfer).1, pulled, "{variant} {phase}");
        assert_eq!(of(phase, "update-push").1, pushed, "{variant} {phase}");
        // An engine may fetch again what stands above a changed layer; more than that it does not.
        assert!(
            0 < pushed && pushed <= pulled && pulled < cold,
            "{variant} {phase}: {pushed} {pulled} {cold}"
        );
    }
    let unique = value(Phase::Cold, Metric::PackedUnique);
    if variant == "single" {
        let warm = value(Phase::Cold, Metric::PullBaseWarmBytes);
        assert_eq!(of(Phase::Cold, "pull-base-warm").1, warm);
        assert_eq!(of(Phase::Cold, "base-pull").1, value(Phase::Cold, Metric::BasePullBytes));
        assert_eq!(warm, unique);
    } else {
        assert_eq!(unique, cold);
    }
}

#[test]
fn a_run_with_a_private_node_measures_everything_and_leaves_nothing() {
    let Some(lane) = Lane::open() else { return };
    if !private_possible() {
        return;
    }
    let (tiny, loaded) = measured(&lane, NodeKind::Private, &[]);
    assert_whole(&loaded, &tiny, NodeKind::Private);
    let node = loaded.run.node.unwrap();
    assert_eq!(node.store.as_deref(), Some(loaded.run.engine.store.as_str()));
    assert!(node.engine.is_some_and(|version| !version.is_empty()));
    assert!(node.file_system.is_some_and(|kind| !kind.is_empty()));
}

#[test]
fn a_run_with_a_node_in_a_container_measures_everything_and_leaves_nothing() {
    let Some(lane) = Lane::open() else { return };
    let Some(image) = engine_image(&lane) else { return };
    let (tiny, loaded) = measured(&lane, NodeKind::Container, &["--base", &format!("docker:dind={image}")]);
    assert_whole(&loaded, &tiny, NodeKind::Container);
}

#[test]
fn a_run_without_a_node_measures_bytes_and_download_alone() {
    let Some(lane) = Lane::open() else { return };
    let (tiny, loaded) = measured(&lane, NodeKind::None, &[]);
    assert_whole(&loaded, &tiny, NodeKind::None);
    let node = loaded.run.node.unwrap();
    assert_eq!((node.engine, node.store, node.file_system), (None, None, None));
}
