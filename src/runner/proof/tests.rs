//! Proofs of phases: which steps must have run, which must not, and which may do either.

use super::*;
use crate::engine::VertexUpdate;
use std::collections::BTreeMap;
use std::path::Path;

const DOCKERFILE: &str = "\
FROM base AS tools
RUN install tools
FROM base AS builder
WORKDIR /app
COPY go.mod ./
RUN download
COPY . .
RUN build
FROM scratch
COPY --from=builder /out /out
COPY --from=tools /t /t
";

/// A trace from lines `NAME` (ran) and `NAME!` (cached).
fn trace(steps: &[&str]) -> Trace {
    let mut trace = Trace::default();
    for (at, step) in steps.iter().enumerate() {
        let start = 10 * at as u64;
        trace.push(&VertexUpdate {
            id: at.to_string(),
            name: step.trim_end_matches('!').to_owned(),
            started: Some(start),
            completed: Some(start + 5),
            cached: step.ends_with('!'),
            ..VertexUpdate::default()
        });
    }
    trace
}

fn prove_with(
    phase: Phase,
    dockerfile: &str,
    edited: &[&str],
    hidden: bool,
    steps: &[&str],
) -> Result<(), String> {
    let dockerfile = Dockerfile::parse(Path::new("Dockerfile"), dockerfile, &BTreeMap::new()).unwrap();
    let edited = edited.iter().map(|path| (*path).to_owned()).collect();
    let target = dockerfile.target(None).unwrap();
    let builder = Builder::Buildkit;
    prove(
        &Claimed { builder, phase, dockerfile: &dockerfile, target, edited: &edited, hidden },
        &trace(steps),
    )
}

const RAN: [&str; 10] = [
    "[tools 1/2] FROM base",
    "[tools 2/2] RUN install tools",
    "[builder 2/6] WORKDIR /app!",
    "[builder 3/6] COPY go.mod ./",
    "[builder 4/6] RUN download",
    "[builder 5/6] COPY . .",
    "[builder 6/6] RUN build",
    "[stage-2 1/2] COPY --from=builder /out /out",
    "[stage-2 2/2] COPY --from=tools /t /t",
    "exporting to image",
];

/// `RAN` with the steps at these places cached.
fn cached(places: &[usize]) -> Vec<String> {
    let mark = |at: usize| if places.contains(&at) && !RAN[at].ends_with('!') { "!" } else { "" };
    RAN.iter().enumerate().map(|(at, step)| format!("{step}{}", mark(at))).collect()
}

fn proven(phase: Phase, edited: &[&str], places: &[usize]) -> Result<(), String> {
    let steps = cached(places);
    prove_with(phase, DOCKERFILE, edited, false, &steps.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn cold_lets_only_from_and_workdir_be_cached() {
    assert_eq!(proven(Phase::Cold, &[], &[0]), Ok(()));
    assert_eq!(
        proven(Phase::Cold, &[], &[4]),
        Err("line 6 (builder: RUN download) was answered by the cache, so the build was not cold".into())
    );
}

#[test]
fn a_step_of_which_nothing_was_reported_proves_nothing() {
    assert_eq!(
        prove_with(Phase::Cold, DOCKERFILE, &[], false, &RAN[..9][1..]).map(|()| "all reported"),
        Ok("all reported")
    );
    assert_eq!(
        prove_with(Phase::Cold, DOCKERFILE, &[], false, &RAN[2..]),
        Err("line 2 (tools: RUN install tools): the engine reported nothing of it".into())
    );
}

#[test]
fn unchanged_wants_every_step_cached() {
    let all: Vec<usize> = (0..RAN.len()).collect();
    assert_eq!(proven(Phase::Unchanged, &[], &all), Ok(()));
    assert_eq!(
        proven(Phase::Unchanged, &[], &all[..8]),
        Err("line 11 (stage 2: COPY --from=tools /t /t) ran, though nothing had changed".into())
    );
}

#[test]
fn an_edit_runs_what_takes_it_in_and_every_run_after_it() {
    // The copies out of the touched stage may be either: builders compare contents.
    assert_eq!(proven(Phase::SourceEdit, &["main.go"], &[0, 1, 3, 4]), Ok(()));
    assert_eq!(proven(Phase::SourceEdit, &["main.go"], &[0, 1, 3, 4, 7, 8]), Ok(()));
    assert_eq!(
        proven(Phase::SourceEdit, &["main.go"], &[0, 1, 3, 4, 6]),
        Err("line 8 (builder: RUN build) did not run, though a step before it takes in an edited file".into())
    );
    assert_eq!(
        proven(Phase::SourceEdit, &["main.go"], &[0, 1, 3, 4, 5, 6]),
        Err("line 7 (builder: COPY . .) did not run, though it takes in an edited file".into())
    );
}

#[test]
fn what_the_edit_does_not_reach_must_be_cached() {
    assert_eq!(
        proven(Phase::SourceEdit, &["main.go"], &[0, 1, 3]),
        Err("line 6 (builder: RUN download) ran, though the edit does not reach it".into())
    );
    assert_eq!(
        proven(Phase::SourceEdit, &["main.go"], &[0, 3, 4]),
        Err("line 2 (tools: RUN install tools) ran, though the edit does not reach it".into())
    );
    // An edited manifest reaches the download as well.
    assert_eq!(proven(Phase::DepsEdit, &["go.mod"], &[0, 1]), Ok(()));
}

#[test]
fn an_edit_that_nothing_takes_in_is_no_edit() {
    let dockerfile = "FROM base\nCOPY a ./\nRUN build\n";
    let steps = ["[2/3] COPY a ./!", "[3/3] RUN build!"];
    assert_eq!(
        prove_with(Phase::SourceEdit, dockerfile, &["b"], false, &steps),
        Err("no step takes in an edited file, so the edit is outside of what is built".into())
    );
    assert_eq!(
        prove_with(Phase::SourceEdit, dockerfile, &[], true, &steps),
        Err("the edit is hidden by the ignore file, so the builder never saw it".into())
    );
    assert_eq!(
        prove_with(Phase::SourceEdit, dockerfile, &[], false, &steps),
        Err("the edit changed nothing in the context".into())
    );
}

#[test]
fn a_stage_from_a_touched_stage_is_touched() {
    let dockerfile = "FROM base AS a\nCOPY x ./\nFROM a\nRUN build\n";
    let claim = |steps: &[&str]| prove_with(Phase::SourceEdit, dockerfile, &["x"], false, steps);
    assert_eq!(claim(&["[a 2/2] COPY x ./", "[stage-1 1/1] RUN build"]), Ok(()));
    assert_eq!(
        claim(&["[a 2/2] COPY x ./", "[stage-1 1/1] RUN build!"]),
        Err("line 4 (stage 1: RUN build) did not run, though a step before it takes in an edited file".into())
    );
}

#[test]
fn a_bind_mount_takes_in_the_context() {
    let dockerfile = "FROM base\nRUN --mount=type=bind,target=/src build\n";
    assert_eq!(
        prove_with(Phase::SourceEdit, dockerfile, &["x"], false, &["[2/2] RUN --mount build"]),
        Ok(())
    );
}

#[test]
fn steps_that_are_alike_down_to_the_base_are_reported_once() {
    let dockerfile = "FROM base AS a\nRUN w\nRUN x\nFROM base\nRUN w\nCOPY --from=a /x /x\n";
    let steps = ["[a 2/3] RUN w", "[a 3/3] RUN x", "[stage-1 3/3] COPY --from=a /x /x"];
    assert_eq!(prove_with(Phase::Cold, dockerfile, &[], false, &steps), Ok(()));
    let other = dockerfile.replace("FROM base\n", "FROM other\n");
    assert_eq!(
        prove_with(Phase::Cold, &other, &[], false, &steps),
        Err("line 5 (stage 1: RUN w): the engine reported nothing of it".into())
    );
}

#[test]
fn the_classic_builder_builds_every_stage_up_to_the_target() {
    let text = "FROM base AS a\nRUN x\nFROM base AS b\nCOPY f ./\nFROM base\nRUN y\n";
    let dockerfile = Dockerfile::parse(Path::new("Dockerfile"), text, &BTreeMap::new()).unwrap();
    let edited = BTreeSet::new();
    let claim = |builder, steps: &[&str]| {
        let phase = Phase::Cold;
        let claimed =
            Claimed { builder, phase, dockerfile: &dockerfile, target: 2, edited: &edited, hidden: false };
        prove(&claimed, &trace(steps))
    };
    let last = ["[stage-2 2/2] RUN y"];
    assert_eq!(claim(Builder::Buildkit, &last), Ok(()));
    let reason = "line 2 (a: RUN x): the engine reported nothing of it";
    assert_eq!(claim(Builder::Classic, &last), Err(reason.into()));
    assert_eq!(claim(Builder::Classic, &["[a 2/2] RUN x", "[b 2/2] COPY f ./", last[0]]), Ok(()));
}

#[test]
fn a_classic_step_may_be_answered_by_one_that_is_alike_and_ran_before_it() {
    let text = "FROM base AS a\nCOPY x ./\nFROM base AS b\nCOPY x ./\n";
    let dockerfile = Dockerfile::parse(Path::new("Dockerfile"), text, &BTreeMap::new()).unwrap();
    let edited = BTreeSet::from(["x".to_owned()]);
    let claim = |steps: &[&str]| {
        let (builder, phase) = (Builder::Classic, Phase::SourceEdit);
        let claimed =
            Claimed { builder, phase, dockerfile: &dockerfile, target: 1, edited: &edited, hidden: false };
        prove(&claimed, &trace(steps))
    };
    assert_eq!(claim(&["[a 2/2] COPY x ./", "[b 2/2] COPY x ./!"]), Ok(()));
    let reason = "line 2 (a: COPY x ./) did not run, though it takes in an edited file";
    assert_eq!(claim(&["[a 2/2] COPY x ./!", "[b 2/2] COPY x ./"]), Err(reason.into()));
}

#[test]
fn a_folder_that_becomes_the_root_is_a_step_of_the_classic_builder_alone() {
    let text = "FROM base AS a\nWORKDIR /\nCOPY x ./\nRUN y\n";
    let dockerfile = Dockerfile::parse(Path::new("Dockerfile"), text, &BTreeMap::new()).unwrap();
    let edited = BTreeSet::new();
    let claim = |builder, steps: &[&str]| {
        let (phase, dockerfile) = (Phase::Cold, &dockerfile);
        prove(
            &Claimed { builder, phase, dockerfile, target: 0, edited: &edited, hidden: false },
            &trace(steps),
        )
    };
    assert_eq!(claim(Builder::Buildkit, &["[a 2/3] COPY x ./", "[a 3/3] RUN y"]), Ok(()));
    let classic = ["[a 2/4] WORKDIR /", "[a 3/4] COPY x ./", "[a 4/4] run y"];
    assert_eq!(claim(Builder::Classic, &classic), Ok(()));
}

#[test]
fn a_step_is_not_proven_by_another_one_in_its_place() {
    let text = "FROM base AS a\nCOPY x ./\nRUN y\n";
    let reason = "line 2 (a: COPY x ./): the engine reports `RUN triggered` in its place";
    let steps = ["[a 2/4] RUN triggered", "[a 3/4] COPY x ./", "[a 4/4] RUN y"];
    assert_eq!(prove_with(Phase::Cold, text, &[], false, &steps), Err(reason.into()));
}

#[test]
fn stages_are_not_alike_if_their_here_documents_differ() {
    let stages = |second: &str| {
        format!(
            "FROM base AS a\nRUN <<EOF\none\nEOF\nFROM base AS b\nRUN <<EOF\n{second}\nEOF\nFROM b\nCOPY --from=a / /a\n"
        )
    };
    let steps = ["[a 2/2] RUN <<EOF (one)", "[stage-2 1/1] COPY --from=a / /a"];
    assert_eq!(prove_with(Phase::Cold, &stages("one"), &[], false, &steps), Ok(()));
    let reason = "line 6 (b: RUN <<EOF): the engine reported nothing of it";
    assert_eq!(prove_with(Phase::Cold, &stages("two"), &[], false, &steps), Err(reason.into()));
}
