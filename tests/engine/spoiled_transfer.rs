//! Where registry or node are not in the state that a transfer claims, it must not count, for that reason.

use crate::kept::{Kept, pull, push, site};
use crate::lane::Lane;
use crate::node::{candidates, open, settings};
use dbench::engine::node::{Node, PrivateNode};
use dbench::results::Phase;
use dbench::runner::Verdict;

/// The reason of what does not count.
fn reason(verdict: Verdict) -> String {
    match verdict {
        Verdict::Invalid(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_push_to_a_registry_that_holds_the_image_does_not_count() {
    let Some(lane) = Lane::open() else { return };
    let kept = Kept::new(&lane);
    let image = kept.image("single", Phase::Cold);
    lane.wait_for(async {
        let site = site(&lane.path("registry"), None).await;
        let first = push(&lane, &site, &image, "tiny/app:1", None).await;
        assert_eq!(first.verdict, Verdict::Valid);
        let packed = first.packed.unwrap();
        let again = push(&lane, &site, &image, "tiny/app:1", None).await;
        let blobs = packed.blobs();
        let lowest = blobs.keys().next().unwrap().to_string();
        let had = format!("the registry had {} blobs ({} among them) already", blobs.len(), &lowest[..19]);
        assert_eq!(reason(again.verdict), had);
        // An update that changes nothing is none.
        let same = push(&lane, &site, &image, "tiny/app:2", Some(&packed)).await;
        assert_eq!(reason(same.verdict), "the edit changed nothing of the image");
        site.close().await.unwrap();
    });
}

#[test]
fn a_pull_by_a_node_that_holds_other_things_than_claimed_does_not_count() {
    let Some((lane, folder)) = open() else { return };
    let kept = Kept::new(&lane);
    let [before, after] = [Phase::Cold, Phase::SourceEdit].map(|phase| kept.image("single", phase));
    let unrelated = kept.image("multi", Phase::Cold);
    for candidate in candidates() {
        eprintln!("{candidate:?}");
        lane.wait_for(async {
            let node = PrivateNode::start(settings(&folder, &candidate)).await;
            let node = Node::Private(Box::new(node.unwrap_or_else(|error| panic!("{error}"))));
            let mut site = site(&lane.path("registry"), Some(node)).await;
            let base = push(&lane, &site, &lane.base, "tiny/base:1", None).await.packed.unwrap();
            let before = push(&lane, &site, &before, "tiny/app:1", Some(&base)).await.packed.unwrap();
            let after = push(&lane, &site, &after, "tiny/app:2", Some(&before)).await.packed.unwrap();
            let unrelated = push(&lane, &site, &unrelated, "tiny/other:1", None).await.packed.unwrap();

            // As claimed, each of them counts.
            let cold = pull(&site, &before, "tiny/app:1", None).await;
            assert_eq!(cold.verdict, Verdict::Valid);
            // All of it is left.
            let again = reason(pull(&site, &before, "tiny/app:1", None).await.verdict);
            assert!(again.starts_with(&format!("the node had {} blobs (", before.blobs().len())), "{again}");
            assert!(again.ends_with(" among them) already"), "{again}");
            let update = pull(&site, &after, "tiny/app:2", Some(&before)).await;
            assert_eq!(update.verdict, Verdict::Valid);

            // The layers of the base are left.
            site.empty().await.unwrap();
            assert_eq!(pull(&site, &base, "tiny/base:1", None).await.verdict, Verdict::Valid);
            let left = reason(pull(&site, &before, "tiny/app:1", None).await.verdict);
            let layer = base.layers[0].0.to_string();
            assert_eq!(left, format!("the node had blob {} already", &layer[..19]));

            // Another image is there than the one before.
            site.empty().await.unwrap();
            assert_eq!(pull(&site, &unrelated, "tiny/other:1", None).await.verdict, Verdict::Valid);
            let other = reason(pull(&site, &after, "tiny/app:2", Some(&before)).await.verdict);
            assert!(other.starts_with("the node should have had "), "{other}");
            assert!(other.ends_with(" among them)"), "{other}");
            site.close().await.unwrap();
        });
        std::fs::remove_dir_all(lane.path("registry")).unwrap();
    }
    drop(kept);
    lane.assert_nothing_with_the_token_is_left();
}
