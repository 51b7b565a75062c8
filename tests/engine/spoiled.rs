//! For each phase the state is spoiled, and the build must not count, for that reason.

use crate::lane::{Lane, PATIENCE, row};
use crate::tiny::Tiny;
use dbench::context::Copy;
use dbench::engine::{BuildRequest, Engine, Trace};
use dbench::results::{Builder, Loaded, Metric, Phase, Status};
use dbench::runner::{Claimed, prove};
use dbench::scenario::{Nonce, Scenario};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;

/// A variant of a scenario, built through the library with a state of the test's choice.
struct Bench<'a> {
    lane: &'a Lane,
    scenario: Scenario,
    copy: Copy,
    tag: String,
    /// The ids of what it built: the tag is only on the last.
    images: RefCell<BTreeSet<String>>,
}

impl<'a> Bench<'a> {
    fn new(lane: &'a Lane, tiny: &Tiny) -> Self {
        let scenario = Scenario::load(&tiny.dir).unwrap_or_else(|error| panic!("{error}"));
        let copy = Copy::of(&scenario, None, &std::env::temp_dir()).unwrap();
        Self { lane, copy, tag: format!("{}:spoiled", tiny.name), scenario, images: RefCell::default() }
    }

    fn build(&self, no_cache: bool) -> Trace {
        let variant = self.scenario.baseline();
        let (token, folder) = (&self.lane.token, &self.scenario.dir);
        let request = BuildRequest {
            dockerfile: "single.Dockerfile",
            args: &variant.args,
            no_cache,
            ..BuildRequest::plain(self.copy.path(), folder, &self.tag, token, PATIENCE)
        };
        let built = self.lane.wait_for(self.lane.engine.build(&request, &mut |_| ())).unwrap();
        let log = String::from_utf8_lossy(&built.log).into_owned();
        let image = built.outcome.unwrap_or_else(|failure| panic!("{failure:?}\n{log}"));
        self.images.borrow_mut().insert(image);
        built.trace
    }

    fn edit(&self) -> BTreeSet<String> {
        let edit = self.scenario.edit(Phase::SourceEdit).unwrap();
        let nonce = Nonce::for_case("run", &self.scenario.name, "single", Phase::SourceEdit, 1);
        self.copy.apply(edit, &nonce).unwrap()
    }

    fn judge(&self, phase: Phase, edited: &BTreeSet<String>, trace: &Trace) -> Result<(), String> {
        let dockerfile = &self.scenario.baseline().dockerfile;
        let target = dockerfile.target(None).unwrap();
        let builder = Builder::Buildkit;
        prove(&Claimed { builder, phase, dockerfile, target, edited, hidden: false }, trace)
    }
}

impl Drop for Bench<'_> {
    fn drop(&mut self) {
        self.lane.sweep(&self.images.borrow());
    }
}

#[test]
fn each_state_is_proven_only_as_what_it_is() {
    let Some(lane) = Lane::open() else { return };
    let bench = Bench::new(&lane, &Tiny::new(&lane, "state"));
    let none = BTreeSet::new();
    let cold = bench.build(true);
    assert_eq!(bench.judge(Phase::Cold, &none, &cold), Ok(()));
    let reason = bench.judge(Phase::Unchanged, &none, &cold).unwrap_err();
    assert_eq!(of_first_step(&reason), Some("ran, though nothing had changed"), "{reason}");
    let warm = bench.build(false);
    assert_eq!(bench.judge(Phase::Unchanged, &none, &warm), Ok(()));
    let reason = bench.judge(Phase::Cold, &none, &warm).unwrap_err();
    assert_eq!(
        reason,
        "line 3 (stage 0: COPY manifest ./) was answered by the cache, so the build was not cold"
    );
    let edited = bench.edit();
    assert_eq!(edited, BTreeSet::from(["edition".to_owned()]));
    let reason = bench.judge(Phase::SourceEdit, &edited, &warm).unwrap_err();
    assert_eq!(reason, "line 5 (stage 0: COPY . .) did not run, though it takes in an edited file");
    let edit = bench.build(false);
    assert_eq!(bench.judge(Phase::SourceEdit, &edited, &edit), Ok(()));
    let all = bench.build(true);
    let reason = bench.judge(Phase::SourceEdit, &edited, &all).unwrap_err();
    assert_eq!(of_first_step(&reason), Some("ran, though the edit does not reach it"), "{reason}");
    drop(bench);
    lane.assert_nothing_with_the_token_is_left();
}

/// What a reason says of the first step that ran: an engine may have the WORKDIR from an earlier build, even in a
/// build without cache.
fn of_first_step(reason: &str) -> Option<&str> {
    let (step, said) = reason.split_once(") ")?;
    let first = step.starts_with("line 2 (stage 0: WORKDIR ") || step == "line 3 (stage 0: COPY manifest ./";
    first.then_some(said)
}

/// A run whose edits are spoiled: the other phases count, the edits are invalid, and the images still agree.
fn assert_edit_is_invalid(lane: &Lane, tiny: &Tiny, reason: &str) {
    let ended = lane.dbench(&["run", "--rounds", "1"]).expect(3);
    let loaded = lane.loaded();
    assert_eq!(loaded.run.scenarios[0].agree, Some(true), "{}", loaded.run.scenarios[0].disagreement);
    for variant in ["single", "multi"] {
        assert_eq!(verdict(&loaded, tiny, variant, Phase::Cold), (Status::Valid, ""));
        assert_eq!(verdict(&loaded, tiny, variant, Phase::Unchanged), (Status::Valid, ""));
        assert_eq!(verdict(&loaded, tiny, variant, Phase::SourceEdit), (Status::Invalid, reason));
        assert_eq!(verdict(&loaded, tiny, variant, Phase::DepsEdit), (Status::Invalid, reason));
    }
    ended.says(&format!("does not count: {reason}"));
    lane.assert_nothing_is_left(&ended.stderr);
}

fn verdict<'a>(loaded: &'a Loaded, tiny: &Tiny, variant: &str, phase: Phase) -> (Status, &'a str) {
    let row = row(loaded, &tiny.name, variant, phase, Metric::BuildWall);
    (row.status, &row.reason)
}

/// Both variants make the answer themselves, so that only the edit tells an edited build from another.
fn answer_without_the_context(lane: &Lane, tiny: &Tiny, copy: &str) {
    tiny.write("app/other", "no edit changes this\n");
    for variant in ["single", "multi"] {
        let answer = format!("RUN : {}-{variant} && echo edition 0000000000000000 > /edition\n", tiny.name);
        let text = format!("FROM {}\nWORKDIR /{}\nCOPY {copy} ./\n{answer}", lane.base, tiny.name);
        tiny.write(&format!("{variant}.Dockerfile"), &text);
    }
}

#[test]
fn an_edit_that_no_step_takes_in_is_invalid() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "outside");
    answer_without_the_context(&lane, &tiny, "other");
    let reason = "no step takes in an edited file, so the edit is outside of what is built";
    assert_edit_is_invalid(&lane, &tiny, reason);
}

#[test]
fn an_edit_that_the_ignore_file_hides_is_invalid() {
    let Some(lane) = Lane::open() else { return };
    let tiny = Tiny::new(&lane, "hidden");
    answer_without_the_context(&lane, &tiny, ".");
    fs::write(tiny.dir.join("app/.dockerignore"), "edition\nmanifest\n").unwrap();
    let reason = "the edit is hidden by the ignore file, so the builder never saw it";
    assert_edit_is_invalid(&lane, &tiny, reason);
}
