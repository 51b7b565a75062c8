//! A whole run, and that nothing is left of it.

use crate::lane::{Lane, row};
use crate::tiny::{BALLAST, MANIFEST, Tiny, UNEDITED};
use dbench::engine::Engine;
use dbench::results::{Metric, Phase, Status};

#[test]
fn a_run_measures_every_phase_and_leaves_nothing() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "whole");
    let ended = lane.dbench(&["run", "--rounds", "1"]).expect(0);
    let loaded = lane.loaded();
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert_eq!(loaded.run.scenarios[0].agree, Some(true), "{}", loaded.run.scenarios[0].disagreement);
    assert!(!loaded.run.interrupted);
    for variant in ["single", "multi"] {
        for phase in Phase::ALL {
            let wall = row(&loaded, &tiny.name, variant, phase, Metric::BuildWall);
            assert_eq!((wall.status, wall.reason.as_str()), (Status::Valid, ""), "{variant} {phase}");
            assert!(wall.value.is_some_and(|ns| ns > 0), "{variant} {phase}");
        }
    }
    let layers = lane.wait_for(lane.engine.layers(&lane.base)).unwrap();
    let base: u64 = layers.iter().map(|layer| layer.content).sum();
    let (edition, manifest) = (UNEDITED.len() as u64, MANIFEST.len() as u64);
    // `single` keeps the context, where `COPY . .` brings the manifest a second time, and what was built from it.
    let single = BALLAST + manifest + (manifest + edition) + edition;
    for (variant, unique, count) in [("single", single, 5), ("multi", edition, 1)] {
        let value = |metric| row(&loaded, &tiny.name, variant, Phase::Cold, metric).valid();
        assert_eq!(value(Metric::UnpackedSize), Some(base + unique), "{variant}");
        assert_eq!(value(Metric::UnpackedUnique), Some(unique), "{variant}");
        assert_eq!(value(Metric::Layers), Some(layers.len() as u64 + count), "{variant}");
    }
    assert!(ended.stdout.contains(&tiny.name), "{}", ended.stdout);
    lane.assert_nothing_is_left(&ended.stderr);
}
