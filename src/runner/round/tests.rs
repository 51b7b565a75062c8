//! Files of a scenario that change while a run goes on: what that costs, and what goes on.

use super::super::tests::{Heard, description, go_on, scenario, settings};
use crate::engine::fake::FakeEngine;
use crate::error::files;
use crate::results::{Builder, Loaded, Metric, Phase, Status, Writer};
use crate::runner::Selection;
use std::path::Path;

/// One round of two scenarios; the files change before the first build.
async fn run(phases: &[Phase], change: fn(&Path)) -> (Loaded, Vec<String>, Vec<String>) {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut scenarios = scenario(folder.path());
    let mut another = scenario(other.path()).remove(0);
    another.name = "other".into();
    scenarios.push(another);
    let selection =
        Selection { rounds: 1, phases: phases.to_vec(), seed: 1, builders: vec![Builder::Buildkit] };
    let engine = FakeEngine::default();
    let begun = description(&engine, &selection, &scenarios).await;
    let writer = Writer::create(&folder.path().join("results"), &begun).unwrap();
    let settings = settings(folder.path(), selection.clone(), selection.rounds(&scenarios));
    let app = scenarios[0].context.clone();
    let mut heard = Heard::default();
    heard.before = Some(Box::new(move |done| {
        if done == 0 {
            change(&app);
        }
    }));
    let (loaded, _) = go_on(&engine, &mut heard, settings, &scenarios, begun, writer).await;
    let builds = engine.calls.borrow().iter().filter(|call| call.starts_with("build ")).cloned().collect();
    (loaded, heard.warnings, builds)
}

/// Scenario, phase, status and reason of every build.
fn walls(loaded: &Loaded, phase: Phase) -> Vec<(&str, Status, &str)> {
    let rows = loaded.samples.iter().filter(|s| s.metric == Metric::BuildWall && s.case.phase == phase);
    rows.map(|s| (s.case.scenario.as_str(), s.status, s.reason.as_str())).collect()
}

#[tokio::test]
async fn a_file_that_no_build_can_take_in_costs_the_variants_that_come_after_it() {
    let (loaded, warnings, builds) = run(&[Phase::Cold, Phase::SourceEdit], |app| {
        std::mem::forget(std::os::unix::net::UnixListener::bind(app.join("socket")).unwrap());
    })
    .await;
    let said = "/app/socket: a socket stands in the context, and builders make different things of it";
    let cold = walls(&loaded, Phase::Cold);
    // The first variant had its copy by then, and is edited from the files as they are.
    assert_eq!((cold[0].0, cold[0].1), ("file", Status::Valid));
    assert_eq!((cold[1].0, cold[1].1), ("file", Status::Failed));
    assert!(cold[1].2.ends_with(said), "{}", cold[1].2);
    let edited = walls(&loaded, Phase::SourceEdit);
    assert_eq!(edited.iter().filter(|row| row.1 == Status::Failed && row.2.ends_with(said)).count(), 2);
    for phase in [cold, edited] {
        let of_other: Vec<_> = phase.iter().filter(|row| row.0 == "other").map(|row| row.1).collect();
        assert_eq!(of_other, [Status::Valid; 2]);
    }
    assert_eq!(warnings.iter().filter(|text| text.starts_with("file/") && text.ends_with(said)).count(), 2);
    assert_eq!(builds.len(), 5, "{builds:?}");
    assert_eq!(loaded.run.scenarios.iter().map(|s| s.finished.len()).collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn a_file_that_is_gone_costs_the_edit_that_needs_it() {
    let (loaded, _, _) = run(&[Phase::Cold, Phase::DepsEdit], |app| {
        files::remove(&app.join("manifest")).unwrap();
    })
    .await;
    let edited = walls(&loaded, Phase::DepsEdit);
    let failed: Vec<_> = edited.iter().filter(|row| row.1 == Status::Failed).collect();
    assert_eq!(failed.len(), 2, "{edited:?}");
    assert!(failed[0].2.starts_with("cannot edit manifest in the copy of the context"), "{}", failed[0].2);
    assert_eq!(edited.iter().filter(|row| row.1 == Status::Valid).count(), 2);
}

#[tokio::test]
async fn a_context_that_is_gone_is_named() {
    let (loaded, _, _) = run(&[Phase::Cold], |app| files::remove_dir_all(app).unwrap()).await;
    let cold = walls(&loaded, Phase::Cold);
    assert_eq!(cold[1].1, Status::Failed);
    assert!(cold[1].2.contains("/app: it cannot be read, and the build is to take it in: "), "{}", cold[1].2);
    assert!(cold[1].2.contains("No such file or directory"), "{}", cold[1].2);
    assert_eq!(cold[3].1, Status::Valid);
}
