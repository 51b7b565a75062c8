//! Tables that a stray quote or a kill left behind.

use crate::error::{Error, files};
use crate::results::{Loaded, RunFolder, Sample, StepRow, TransferRow, Writer};
use std::path::{Path, PathBuf};

const TABLES: [&str; 3] = ["samples.csv", "steps.csv", "transfers.csv"];

fn golden() -> (tempfile::TempDir, RunFolder) {
    let folder = tempfile::tempdir().unwrap();
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/run");
    for name in TABLES.into_iter().chain(["run.json"]) {
        files::write(&folder.path().join(name), files::read(&run.join(name)).unwrap()).unwrap();
    }
    let run = RunFolder::at(folder.path());
    (folder, run)
}

/// Changes one line of a table; gives its path and its whole new text.
fn change(run: &RunFolder, table: &str, line: usize, change: impl Fn(&str) -> String) -> (PathBuf, String) {
    let path = run.path().join(table);
    let text = files::read_to_string(&path).unwrap();
    let lines = text.split_inclusive('\n').enumerate();
    let changed: String =
        lines.map(|(at, kept)| if at + 1 == line { change(kept) } else { kept.to_owned() }).collect();
    assert_ne!(changed, text);
    files::write(&path, &changed).unwrap();
    (path, changed)
}

fn is_refused(error: &Error, path: &Path, line: usize) {
    assert_eq!(error.exit().code(), 2, "{error}");
    let expected = format!(
        "{}:{line}:1: the quotes of this line do not enclose whole fields\n  hint: the file was changed by hand or is not \
         a table of dbench; take the run from its source again",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_stray_quote_is_a_mistake_in_its_line_and_costs_no_row_of_the_file() {
    for table in TABLES {
        for stray in [
            |line: &str| line.replacen(",buildkit", ",\"buildkit", 1),
            |line: &str| line.replacen("buildkit", "build\"kit", 1),
            |line: &str| line.replacen('\n', "\"\n", 1),
        ] {
            let (_folder, run) = golden();
            let (path, changed) = change(&run, table, 4, stray);
            is_refused(&Loaded::read(run.clone()).unwrap_err(), &path, 4);
            is_refused(&Writer::reopen(run).unwrap_err(), &path, 4);
            assert_eq!(files::read_to_string(&path).unwrap(), changed);
        }
    }
}

#[test]
fn two_stray_quotes_do_not_make_one_row_of_many() {
    for table in TABLES {
        let (_folder, run) = golden();
        change(&run, table, 9, |line| line.replacen(",buildkit", ",\"buildkit", 1));
        let (path, changed) = change(&run, table, 4, |line| line.replacen(",buildkit", ",\"buildkit", 1));
        is_refused(&Loaded::read(run.clone()).unwrap_err(), &path, 4);
        is_refused(&Writer::reopen(run.clone()).unwrap_err(), &path, 4);
        assert_eq!(files::read_to_string(&path).unwrap(), changed);
        // An even number of quotes in a line, the last of which opens a field.
        let (_folder, run) = golden();
        let even = |line: &str| line.replacen("buildkit,", "build\"kit,\"", 1);
        let (path, changed) = change(&run, table, 4, even);
        is_refused(&Loaded::read(run.clone()).unwrap_err(), &path, 4);
        is_refused(&Writer::reopen(run).unwrap_err(), &path, 4);
        assert_eq!(files::read_to_string(&path).unwrap(), changed);
    }
}

#[test]
fn what_follows_the_last_line_end_is_dropped_and_cut_and_nothing_else() {
    for table in TABLES {
        for torn in ["go-scratch,single,bui", "go-scratch,\"a, b", "go-scratch,\"a \"\"b\"\"\","] {
            let (_folder, run) = golden();
            let whole = Loaded::read(run.clone()).unwrap();
            let path = run.path().join(table);
            let text = files::read_to_string(&path).unwrap();
            files::write(&path, text.clone() + torn).unwrap();
            let read = Loaded::read(run.clone()).unwrap();
            assert_eq!(
                (read.samples, read.steps, read.transfers),
                (whole.samples, whole.steps, whole.transfers)
            );
            let warning = format!("{}: the last line has no line end and was dropped", path.display());
            assert_eq!(read.warnings, [warning]);
            Writer::reopen(run).unwrap();
            assert_eq!(files::read_to_string(&path).unwrap(), text);
        }
    }
}

#[test]
fn a_row_is_one_line_whatever_its_fields_hold() {
    let (_folder, run) = golden();
    let whole = Loaded::read(run.clone()).unwrap();
    let mut writer = Writer::reopen(run.clone()).unwrap();
    let sample = Sample {
        reason: "it said \"no\",\r\nand no more".to_owned(),
        status: crate::results::Status::Failed,
        round: 3,
        ..whole.samples[0].clone()
    };
    let step = StepRow { name: "RUN <<EOF\necho \"a\"\nEOF".to_owned(), ..whole.steps[0].clone() };
    let layer = TransferRow { layer: Some(99), ..whole.transfers[0].clone() };
    let lines = |path: PathBuf| files::read_to_string(&path).unwrap().lines().count();
    let before = TABLES.map(|table| lines(run.path().join(table)));
    // A row of a case, round and metric stands once.
    let text = files::read_to_string(&run.samples()).unwrap();
    let same =
        |line: &&str| !line.contains(",3,build-wall,") || !line.contains("go-scratch,single,buildkit,cold");
    let kept: String = text.split_inclusive('\n').filter(same).collect();
    files::write(&run.samples(), &kept).unwrap();
    writer.sample(&Sample { metric: crate::results::Metric::BuildWall, ..sample }).unwrap();
    writer.step(&step).unwrap();
    writer.transfer(&layer).unwrap();
    assert_eq!(TABLES.map(|table| lines(run.path().join(table))), [before[0], before[1] + 1, before[2] + 1]);
    let read = Loaded::read(run).unwrap();
    assert_eq!(read.samples.last().unwrap().reason, "it said \"no\",  and no more");
    assert_eq!(read.steps.last().unwrap().name, "RUN <<EOF echo \"a\" EOF");
    assert_eq!(read.transfers.last().unwrap().layer, Some(99));
}
