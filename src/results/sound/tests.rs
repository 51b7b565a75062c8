//! Rows that cannot be, one change from those of kept runs.

use crate::error::files;
use crate::results::{Loaded, Metric, Phase, RunFolder, Sample};
use std::path::Path;

const KEPT: [&str; 4] = ["run.json", "samples.csv", "steps.csv", "transfers.csv"];

fn golden() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/run");
    for name in KEPT {
        files::write(&folder.path().join(name), files::read(&run.join(name)).unwrap()).unwrap();
    }
    folder
}

/// The first line of a table that holds `word`.
fn golden_line(table: &str, word: &str) -> String {
    let text = files::read_to_string(&golden().path().join(table)).unwrap();
    text.lines().find(|line| line.contains(word)).unwrap().to_owned()
}

/// Changes the first line of a table that holds `from`, and gives what is said, without the folder.
fn said(table: &str, from: &str, to: &str) -> String {
    let folder = golden();
    let path = folder.path().join(table);
    let text = files::read_to_string(&path).unwrap();
    let changed = text.replacen(from, to, 1);
    assert_ne!(changed, text, "{from} stands nowhere in {table}");
    let line = text[..text.find(from).unwrap()].matches('\n').count() + 1;
    files::write(&path, changed).unwrap();
    let error = Loaded::read(RunFolder::at(folder.path())).unwrap_err();
    assert_eq!(error.exit().code(), 2, "{error}");
    let place = error.place().unwrap();
    assert_eq!((&place.file, place.line), (&path, Some(line)), "{error}");
    let text = error.to_string();
    let (said, hint) = text.split_once("\n  hint: ").unwrap();
    assert!(hint.ends_with("take the run from its source again"), "{text}");
    said.split_once(":1: ").unwrap().1.to_owned()
}

#[test]
fn samples_that_do_not_hold_what_their_status_promises_are_refused() {
    let whole = "build-wall,30335822356,ns,valid,,2026-01-02T03:10:00Z,";
    for (from, to, expected) in [
        (
            whole,
            "build-wall,,ns,valid,,2026-01-02T03:10:00Z,",
            "column `value`: a row that is `valid` has a value",
        ),
        (
            whole,
            "build-wall,3,ns,valid,a reason,2026-01-02T03:10:00Z,",
            "column `reason`: a row that is `valid` has no reason",
        ),
        (
            whole,
            "build-wall,3,ns,valid,,,",
            "column `started`: a row that is `valid` says when what it is of was started",
        ),
        (
            whole,
            "build-wall,3,ns,invalid,a reason,,",
            "column `started`: a row that is `invalid` says when what it is of was started",
        ),
        (
            whole,
            "build-wall,3,ns,invalid,,2026-01-02T03:10:00Z,",
            "column `reason`: a row that is `invalid` says why in its reason",
        ),
        (
            whole,
            "build-wall,,ns,failed,,2026-01-02T03:10:00Z,",
            "column `reason`: a row that is `failed` says why in its reason",
        ),
        (
            whole,
            "build-wall,,ns,skipped,,,",
            "column `reason`: a row that is `skipped` says why in its reason",
        ),
        (whole, "build-wall,3,ns,skipped,a reason,,", "column `value`: a row that is `skipped` has no value"),
    ] {
        assert_eq!(said("samples.csv", from, to), expected);
    }
}

#[test]
fn rows_of_what_run_json_does_not_name_are_refused_in_every_table() {
    for (table, row) in [
        ("samples.csv", "go-scratch,single,buildkit,cold,1,build-wall"),
        ("steps.csv", "go-scratch,multi,buildkit,cold,1,,,"),
        ("transfers.csv", "go-scratch,single,buildkit,cold,1,,,push"),
    ] {
        for (from, to, expected) in [
            ("go-scratch", "go-gone", "column `scenario`: `go-gone` is not a scenario that run.json names"),
            (",buildkit", "x,buildkit", "is not a variant that run.json names"),
            ("buildkit", "classic", "column `builder`: `classic` is not a builder that run.json names"),
            ("cold", "deps-edit", "column `phase`: `deps-edit` is not a phase that run.json names"),
            (",1,", ",0,", "column `round`: rounds count from 1"),
        ] {
            let said = said(table, row, &row.replacen(from, to, 1));
            assert!(said.ends_with(expected), "{table}: {said}");
        }
    }
}

#[test]
fn what_ends_before_it_begins_is_refused() {
    let step = "COPY package*.json ./,200000000,400000000,";
    let layer = "3363876,1000000,10000000";
    assert_eq!(
        said("steps.csv", step, "COPY package*.json ./,400000000,200000000,"),
        "column `completed_ns`: 200000000 is before it was started, at 400000000"
    );
    assert_eq!(
        said("steps.csv", step, "COPY package*.json ./,,200000000,"),
        "column `started_ns`: what was completed was started"
    );
    assert_eq!(
        said("transfers.csv", layer, "3363876,10000000,1000000"),
        "column `completed_ns`: 1000000 is before it was started, at 10000000"
    );
}

#[test]
fn a_row_of_a_layer_is_of_a_known_transfer_and_names_it_once() {
    let row = "go-scratch,single,buildkit,cold,1,,,push,1,sha256:0110";
    assert_eq!(
        said("transfers.csv", row, "go-scratch,single,buildkit,cold,1,,,pushed,1,sha256:0110"),
        "column `transfer`: `pushed` is not a value of this column"
    );
    assert_eq!(
        said("transfers.csv", row, "go-scratch,single,buildkit,cold,1,,,update-push,1,sha256:0110"),
        "column `phase`: update-push is not made in cold"
    );
    assert_eq!(
        said("transfers.csv", row, "go-scratch,single,buildkit,cold,1,,,push,1,sha256:x0110"),
        "column `digest`: `sha256:x0110060110060110060110060110060110060110060110060110060110060000` is not a value of \
         this column"
    );
    // The second of two rows is the one too many.
    assert_eq!(
        said("transfers.csv", ",push,2,sha256:0210", ",push,1,sha256:0210"),
        "column `layer`: an earlier row has layer 1 in push of go-scratch/single cold, round 1, already"
    );
}

#[test]
fn a_row_of_a_layer_says_of_node_wire_and_content_what_can_be() {
    let pull = "single,buildkit,cold,1,private,,pull-cold,1,";
    let as_pull = |middle: &str| format!("single,buildkit,cold,1,{middle},pull-cold,1,");
    let unnamed = "column `node`: `container` is not the node that run.json names";
    assert_eq!(said("transfers.csv", pull, &as_pull("container,")), unnamed);
    assert_eq!(said("transfers.csv", pull, &as_pull(",")), "column `node`: a pull names what pulled");
    let link = "column `link`: `banana` is not a value of this column";
    assert_eq!(said("transfers.csv", pull, &as_pull("private,banana")), link);
    let push = "single,buildkit,cold,1,,,push,1,";
    assert_eq!(
        said("transfers.csv", push, "single,buildkit,cold,1,private,,push,1,"),
        "column `node`: no node has a part in a push"
    );
    assert_eq!(
        said("transfers.csv", push, "single,buildkit,cold,1,,,push,0,"),
        "column `layer`: `0` is not a value of this column"
    );
    assert_eq!(
        said("transfers.csv", ",3363876,1000000,10000000", ",3363876,,"),
        "column `completed_ns`: what crossed the wire came to an end there"
    );
    let wall = "pull-cold-wall,";
    let row = golden_line("samples.csv", wall);
    assert_eq!(said("samples.csv", &row, &row.replace(",private,", ",container,")), unnamed);
    assert_eq!(said("samples.csv", &row, &format!("{}banana", row.trim_end())), link);
}

#[test]
fn a_round_beyond_those_of_the_run_is_one_that_repeats_another() {
    for (table, row) in [
        ("samples.csv", "python-venv,single,buildkit,cold,3,build-wall"),
        ("steps.csv", "go-scratch,multi,buildkit,cold,1,,,"),
        ("transfers.csv", "python-venv,single,buildkit,cold,3,,,push"),
    ] {
        let beyond = row.replacen(",3,", ",4,", 1).replacen(",1,", ",4,", 1);
        let expected = "column `round`: 4 is beyond the 3 of the run and repeats none of them";
        assert_eq!(said(table, row, &beyond), expected, "{table}");
    }
}

#[test]
fn a_metric_is_of_its_phase_and_has_a_node_or_a_link_only_where_it_moves_something() {
    let wall = "build-wall,30335822356,ns,valid,,2026-01-02T03:10:00Z,";
    for (from, to, expected) in [
        (
            "go-scratch,single,buildkit,cold,1,unpacked-size",
            "go-scratch,single,buildkit,source-edit,1,unpacked-size",
            "column `phase`: unpacked-size belongs to cold, not to source-edit",
        ),
        (
            "go-scratch,single,buildkit,source-edit,1,pull-source-edit-bytes",
            "go-scratch,single,buildkit,cold,1,pull-source-edit-bytes",
            "column `phase`: pull-source-edit-bytes belongs to source-edit, not to cold",
        ),
        (
            wall,
            "build-wall,30335822356,ns,valid,,2026-01-02T03:10:00Z,private",
            "column `node`: no node has a part in build-wall",
        ),
        (
            "build-wall,30335822356,ns,valid,,2026-01-02T03:10:00Z,,",
            "build-wall,30335822356,ns,valid,,2026-01-02T03:10:00Z,,relayed",
            "column `link`: build-wall goes over no link",
        ),
    ] {
        assert_eq!(said("samples.csv", from, to), expected);
    }
}

#[test]
fn one_metric_of_a_case_and_a_round_counts_once_over_whatever_link() {
    let folder = golden();
    let samples = folder.path().join("samples.csv");
    let text = files::read_to_string(&samples).unwrap();
    let pull = text.lines().find(|line| line.contains(",pull-cold-bytes,")).unwrap();
    let again = pull.replace(",private,", ",private,relayed");
    assert_ne!(again, pull);
    files::write(&samples, format!("{text}{again}\n")).unwrap();
    let error = Loaded::read(RunFolder::at(folder.path())).unwrap_err().to_string();
    let expected = "column `metric`: an earlier row has pull-cold-bytes of go-scratch/single cold, round 1, already\n  hint: ";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn node_and_link_are_of_what_moves_and_of_nothing_else() {
    let names = |is: fn(Metric) -> bool| {
        let mut names: Vec<&str> = Metric::ALL.iter().filter(|m| is(**m)).map(|m| m.name()).collect();
        names.iter_mut().for_each(|name| *name = name.rsplit_once('-').unwrap().0);
        names.dedup();
        names
    };
    let pulls = ["pull-cold", "pull-base-warm", "pull-source-edit", "pull-deps-edit", "base-pull"];
    assert_eq!(names(Metric::is_of_a_node), [pulls.as_slice(), &["pull"]].concat());
    let pushes = ["push", "update-push"];
    let all = [pushes.as_slice(), &pulls, &["start", "pull"]].concat();
    assert_eq!(names(Metric::is_over_a_link), all);
}

#[test]
fn a_run_without_a_round_or_without_its_transfers_is_refused() {
    let folder = golden();
    let run = RunFolder::at(folder.path());
    let text = files::read_to_string(&run.run()).unwrap();
    files::write(&run.run(), text.replacen("\"rounds\": 3", "\"rounds\": 0", 1)).unwrap();
    let error = Loaded::read(run.clone()).unwrap_err();
    assert_eq!(error.exit().code(), 2);
    assert!(error.to_string().contains("run.json: a run has one round at least, not 0\n  hint: "), "{error}");

    files::write(&run.run(), &text).unwrap();
    files::remove(&run.transfers()).unwrap();
    let error = Loaded::read(run.clone()).unwrap_err();
    assert_eq!(error.exit().code(), 2);
    let expected = "transfers.csv: the folder of the run lacks this file\n  hint: ";
    assert!(error.to_string().contains(expected), "{error}");

    let older = text.replacen("    \"transfer\",\n", "", 1);
    assert_ne!(older, text);
    files::write(&run.run(), older).unwrap();
    assert_eq!(Loaded::read(run).unwrap().transfers, []);
}

#[test]
fn a_row_that_was_not_begun_needs_no_time_and_sizes_of_a_priming_build_are_cold() {
    let folder = golden();
    let samples = folder.path().join("samples.csv");
    let text = files::read_to_string(&samples).unwrap();
    let more = "python-venv,single,buildkit,source-edit,4,build-wall,,ns,failed,no state to build on,,,\n\
                python-venv,single,buildkit,source-edit,5,build-wall,,ns,skipped,it needs BuildKit,,,\n";
    files::write(&samples, text + more).unwrap();
    let run = folder.path().join("run.json");
    let text = files::read_to_string(&run).unwrap();
    let without = text.replacen("    \"cold\",\n", "", 1);
    assert_ne!(without, text);
    let mut value: serde_json::Value = serde_json::from_str(&without).unwrap();
    let scenario = value["scenarios"].as_array_mut().unwrap().iter_mut().find(|s| s["name"] == "python-venv");
    scenario.unwrap()["repeats"] = serde_json::json!({ "4": 2, "5": 4 });
    files::write(&run, value.to_string()).unwrap();
    Loaded::read(RunFolder::at(folder.path())).unwrap();
}

#[test]
fn a_build_that_a_finished_round_lacks_is_warned_of() {
    let folder = golden();
    let mut loaded = Loaded::read(RunFolder::at(folder.path())).unwrap();
    let phases = loaded.run.phases.clone();
    for scenario in &mut loaded.run.scenarios {
        (scenario.phases, scenario.finished) = (phases.clone(), [1, 2].into());
    }
    assert_eq!(super::lost(&loaded.run, &loaded.samples), None);
    let of = |sample: &Sample| sample.metric == Metric::BuildWall && sample.case.variant == "multi";
    let whole = loaded.samples.clone();
    loaded.samples.retain(|s| {
        !(of(s) && s.round == 2 && s.case.phase == Phase::Cold && s.case.scenario == "go-scratch")
    });
    let said = super::lost(&loaded.run, &loaded.samples).unwrap();
    assert!(said.starts_with("samples.csv lacks build-wall of go-scratch/multi cold, round 2: "), "{said}");
    // A round that did not come to its end may lack anything.
    loaded.samples = whole;
    loaded.samples.retain(|s| s.round != 3);
    assert_eq!(super::lost(&loaded.run, &loaded.samples), None);
    loaded.samples.retain(|s| !of(s));
    let said = super::lost(&loaded.run, &loaded.samples).unwrap();
    assert!(
        said.starts_with("samples.csv lacks build-wall of go-scratch/multi cold, round 1 and 7 more: "),
        "{said}"
    );
}
