//! Rows that cannot be, one change from those of kept runs.

use crate::error::files;
use crate::results::{Loaded, RunFolder};
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
    files::write(&run, without).unwrap();
    Loaded::read(RunFolder::at(folder.path())).unwrap();
}
