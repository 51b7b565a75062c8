//! Whole runs whose node is of another engine than the one that builds: every root that `DBENCH_NODE_ROOTS` holds, with
//! both image stores.

use crate::kept::{Kept, pull, push, site};
use crate::lane::{Lane, row};
use crate::machine::Machine;
use crate::node::{candidates, open, settings};
use crate::tiny::Tiny;
use crate::transfer::{assert_whole, private_possible};
use dbench::engine::node::{ImageStore, Node, PrivateNode};
use dbench::results::{Loaded, Metric, NodeKind, Phase};
use dbench::runner::Verdict;
use std::fs;

const RUN: [&str; 7] =
    ["run", "--rounds", "1", "--measure", "build,size,transfer,start", "--node", "private"];

/// Prints what a reader of the test's output compares between engines.
fn show(loaded: &Loaded, tiny: &Tiny) {
    let node = loaded.run.node.as_ref().unwrap();
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    eprintln!("Engine {}, {}, {}:", text(&node.engine), text(&node.store), text(&node.file_system));
    for variant in ["single", "multi"] {
        let value = |phase, metric| row(loaded, &tiny.name, variant, phase, metric).valid().unwrap();
        let ms = |metric| value(Phase::Cold, metric) / 1_000_000;
        eprintln!(
            "  {variant}: cold {} B in {} ms (unpack {} ms), source edit {} B, deps edit {} B, ready {} ms",
            value(Phase::Cold, Metric::PullColdBytes),
            ms(Metric::PullColdWall),
            ms(Metric::PullColdUnpack),
            value(Phase::SourceEdit, Metric::PullSourceEditBytes),
            value(Phase::DepsEdit, Metric::PullDepsEditBytes),
            ms(Metric::PullReady),
        );
    }
}

#[test]
fn every_engine_with_every_store_pulls_what_the_proof_expects_of_it() {
    let Some(lane) = Lane::open() else { return };
    if !private_possible() {
        return;
    }
    let tiny = Tiny::new(&lane, "engines").on_scratch(&lane);
    let before = Machine::look(&lane.path("state/dbench/nodes"));
    for candidate in candidates() {
        let mut run = RUN.to_vec();
        let root = candidate.root.as_ref().map(|root| root.display().to_string());
        if let Some(root) = &root {
            run.extend(["--node-root", root, "--node-store", candidate.store.name()]);
        }
        lane.dbench(&run).expect(0);
        let loaded = lane.loaded();
        assert_whole(&loaded, &tiny, NodeKind::Private);
        show(&loaded, &tiny);
        let store = loaded.run.node.unwrap().store.unwrap();
        assert!(root.is_none() || store == candidate.store.name(), "{store}");
        lane.assert_nothing_with_the_token_is_left();
        before.assert_unchanged();
        // A run is called by the second in which it begins.
        fs::remove_dir_all(lane.path("results")).unwrap();
    }
}

#[test]
fn a_layer_above_a_changed_one_comes_again_to_a_store_that_goes_by_chains() {
    let Some((lane, folder)) = open() else { return };
    let kept = Kept::of(&lane, |tiny| tiny.with_a_layer_above(&lane));
    let [before, after] = [Phase::Cold, Phase::SourceEdit].map(|phase| kept.image("multi", phase));
    for candidate in candidates() {
        lane.wait_for(async {
            let node = PrivateNode::start(settings(&folder, &candidate)).await;
            let node = Node::Private(Box::new(node.unwrap_or_else(|error| panic!("{error}"))));
            let mut site = site(&lane.path("registry"), Some(node)).await;
            let before = push(&lane, &site, &before, "tiny/app:1", None).await.packed.unwrap();
            let after = push(&lane, &site, &after, "tiny/app:2", Some(&before)).await.packed.unwrap();
            assert_ne!(before.layers[0], after.layers[0]);
            assert_eq!(before.layers[1], after.layers[1], "the upper layer is to be the same");
            site.empty().await.unwrap();
            assert_eq!(pull(&site, &before, "tiny/app:1", None).await.verdict, Verdict::Valid);
            let update = pull(&site, &after, "tiny/app:2", Some(&before)).await;
            eprintln!("{candidate:?}: {} of {} B", update.carried.bytes(), after.bytes());
            assert_eq!(update.verdict, Verdict::Valid);
            let again = update.carried.blobs.contains_key(&after.layers[1].0);
            assert_eq!(again, candidate.store == ImageStore::Graph);
            site.close().await.unwrap();
        });
        fs::remove_dir_all(lane.path("registry")).unwrap();
    }
    drop(kept);
    lane.assert_nothing_with_the_token_is_left();
}
