//! Whole runs that other engines build: every root that `DBENCH_NODE_ROOTS` holds, with both image stores and both builders.
//! What they build has one size by our definitions, but for one thing that stores do: the containerd store leaves a file out
//! of a layer that the layer brings a second time, unchanged.

use crate::building::{dbench, load, nothing_is_left};
use crate::lane::{Ended, Lane};
use crate::machine::Machine;
use crate::node::{candidates, settings};
use crate::tiny::{MANIFEST, Tiny};
use crate::transfer::private_possible;
use dbench::engine::Engine;
use dbench::engine::node::{ImageStore, PrivateNode, Settings, StorePlace};
use dbench::results::{Builder, Loaded, Metric, Phase, Sample, Status};
use std::collections::BTreeMap;
use std::fs;

const SIZES: [Metric; 3] = [Metric::UnpackedSize, Metric::UnpackedUnique, Metric::Layers];

/// The sizes of a run by case and metric. What `single` brings a second time counts for none.
fn sizes(loaded: &Loaded, store: ImageStore) -> BTreeMap<String, u64> {
    let of_sizes = loaded.samples.iter().filter(|sample| SIZES.contains(&sample.metric));
    let twice = |s: &Sample| {
        let counted = store == ImageStore::Graph && s.case.variant == "single" && s.metric != Metric::Layers;
        if counted { MANIFEST.len() as u64 } else { 0 }
    };
    of_sizes.filter_map(|s| Some((format!("{} {}", s.case, s.metric), s.valid()? - twice(s)))).collect()
}

/// Every phase of both variants and builders that is not left out for its builder.
fn assert_all_phases_are_valid(loaded: &Loaded, tiny: &Tiny) {
    let walls: Vec<_> = loaded.samples.iter().filter(|s| s.metric == Metric::BuildWall).collect();
    for (variant, builder, status) in [
        ("single", Builder::Buildkit, Status::Valid),
        ("single", Builder::Classic, Status::Valid),
        ("multi", Builder::Buildkit, Status::Valid),
        ("multi", Builder::Classic, Status::Skipped),
    ] {
        let of = |phase| {
            let is = |s: &&&Sample| {
                let case = &s.case;
                (case.scenario.as_str(), case.variant.as_str()) == (&tiny.name, variant)
                    && (case.builder, case.phase) == (builder, phase)
            };
            walls.iter().filter(is).map(|s| (s.status, s.reason.as_str())).collect::<Vec<_>>()
        };
        for phase in Phase::ALL {
            let found = of(phase);
            assert!(found.len() == 1 && found[0].0 == status, "{variant} {builder} {phase}: {found:?}");
        }
    }
    let doubtful: Vec<_> = loaded.samples.iter().filter(|s| s.status == Status::Invalid).collect();
    assert!(doubtful.is_empty(), "{doubtful:#?}");
}

/// Prints what a reader of the test's output compares between engines.
fn show(loaded: &Loaded, engine: &str) {
    eprintln!("{engine}:");
    let walls = loaded.samples.iter().filter(|s| s.metric == Metric::BuildWall && s.status == Status::Valid);
    for (case, ns) in walls.filter_map(|s| Some((&s.case, s.valid()?))) {
        eprintln!("  {} {} {}: {} ms", case.variant, case.builder, case.phase, ns / 1_000_000);
    }
    let of_single = |metric| {
        loaded
            .samples
            .iter()
            .find(|s| s.metric == metric && s.case.variant == "single")
            .and_then(|s| s.valid())
    };
    eprintln!("  single: {:?} B in {:?} layers", of_single(Metric::UnpackedSize), of_single(Metric::Layers));
}

#[test]
fn every_engine_with_every_store_builds_every_phase_to_the_same_sizes() {
    let Some(lane) = Lane::open() else { return };
    let candidates = candidates();
    if !private_possible() || candidates.len() == 1 {
        return;
    }
    let tiny = Tiny::new(&lane, "builders");
    let before = Machine::look(&lane.path("own"));
    let mut first = None;
    for candidate in candidates {
        let place = StorePlace::Memory(1 << 30);
        let settings = Settings { place, ..settings(&lane.path("own"), &candidate) };
        let node = lane.wait_for(PrivateNode::start(settings)).unwrap_or_else(|error| panic!("{error}"));
        load(&lane, &node);
        let run =
            ["run", "--rounds", "1", "--builder", "both", "--measure", "build,size,start", "--seed", "1"];
        Ended::of(dbench(&lane, &node, &run).output().unwrap()).expect(0);
        let loaded = lane.loaded();
        let about = lane.wait_for(node.engine().about()).unwrap();
        show(&loaded, &format!("Engine {}, {} store", about.record.version, candidate.store.name()));
        assert_all_phases_are_valid(&loaded, &tiny);
        let sizes = sizes(&loaded, candidate.store);
        assert!(!sizes.is_empty());
        let expected = first.get_or_insert_with(|| sizes.clone());
        assert_eq!(&sizes, expected, "{candidate:?}");
        nothing_is_left(&lane, &node);
        lane.wait_for(node.stop()).unwrap();
        before.assert_unchanged();
        // A run is called by the second in which it begins.
        fs::remove_dir_all(lane.path("results")).unwrap();
    }
}
