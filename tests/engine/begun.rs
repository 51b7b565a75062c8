//! A scenario that `dbench new` wrote, as it is.

use crate::lane::{Lane, row};
use dbench::results::{Metric, Phase, Status};

#[test]
fn a_new_scenario_builds_and_answers_after_every_edit_as_it_is() {
    let Some(lane) = Lane::open() else { return };
    let name = format!("greeter-{}", lane.token);
    lane.dbench(&["new", &name]).expect(0);
    let base = format!("alpine:3.21={}", lane.base);
    let phases = "cold,source-edit,deps-edit";
    let ended = lane.dbench(&["run", &name, "--rounds", "1", "--phase", phases, "--base", &base]).expect(0);
    let loaded = lane.loaded();
    assert_eq!(loaded.run.scenarios[0].agree, Some(true), "{}", loaded.run.scenarios[0].disagreement);
    for variant in ["single", "multi"] {
        for phase in [Phase::Cold, Phase::SourceEdit, Phase::DepsEdit] {
            let wall = row(&loaded, &name, variant, phase, Metric::BuildWall);
            assert_eq!(wall.status, Status::Valid, "{variant} {phase}: {}", wall.reason);
        }
    }
    let said: Vec<_> = ended.stdout.lines().filter(|line| line.contains(">= 50 %")).collect();
    assert!(said.len() == 1 && said[0].contains("confirmed"), "{}", ended.stdout);
    lane.assert_nothing_is_left(&ended.stderr);
}
