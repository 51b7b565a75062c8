//! Runs are read again from their files alone: what is wrong with one is named, what is right is put into documents.

use super::common::Folder;
use dbench::error::files;
use std::path::Path;

/// A folder with the golden run as `results/kept`.
pub fn golden() -> Folder {
    let folder = Folder::new();
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/run");
    for name in ["run.json", "samples.csv", "steps.csv", "transfers.csv"] {
        folder.write(&format!("results/kept/{name}"), &files::read_to_string(&run.join(name)).unwrap());
    }
    folder
}

#[test]
fn a_run_that_is_not_there_is_wrong_input() {
    let folder = golden();
    for (name, said) in [
        ("gone", "error: there is no run `gone`\n  hint: name a folder, `latest`, or a run below results\n"),
        ("../kept", "error: there is no run `../kept`\n"),
        (
            "scenarios",
            "error: scenarios/run.json: the folder has no run.json, so nothing says what made its numbers\n  \
            hint: name the folder of a run, a run id or `latest`; `dbench run` makes one\n",
        ),
    ] {
        let ran = folder.dbench(&[], &["report", name]).ends(2);
        assert!(ran.err.starts_with(said), "{}", ran.err);
    }
    let ran = folder.dbench(&[], &["report", "--out", "none"]).ends(2);
    assert_eq!(ran.err, "error: no run stands below none\n  hint: `dbench run` makes one\n");
}

#[test]
fn a_malformed_line_is_named() {
    let folder = golden();
    let path = folder.path("results/kept/samples.csv");
    let good = files::read_to_string(&path).unwrap();
    let bad = |line: usize, from: &str, to: &str| {
        let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
        lines[line - 1] = lines[line - 1].replacen(from, to, 1);
        folder.write("results/kept/samples.csv", &(lines.join("\n") + "\n"));
        folder.dbench(&[], &["report", "kept"]).ends(2).err
    };
    assert_eq!(
        bad(3, ",bytes,", ",stones,"),
        "error: results/kept/samples.csv:3:1: column `unit`: `stones` is not the unit of build-cache\n  \
         hint: build-cache is counted in `bytes`\n"
    );
    let hint = "hint: the file was changed by hand or made by another version";
    let said = bad(2, ",1,build-wall,", ",one,build-wall,");
    assert!(
        said.starts_with("error: results/kept/samples.csv:2:1: column `round`: `one` is not")
            && said.contains(hint),
        "{said}"
    );
    let said = bad(4, "go-scratch,", "");
    assert!(
        said.starts_with("error: results/kept/samples.csv:4:1: column `scenario`: 12 instead of 13 fields"),
        "{said}"
    );
    let said = bad(1, "scenario", "szenario");
    assert!(said.starts_with("error: results/kept/samples.csv:1:1: the header does not name"), "{said}");
}

#[test]
fn a_row_that_stands_twice_is_named() {
    let folder = golden();
    let path = folder.path("results/kept/samples.csv");
    let good = files::read_to_string(&path).unwrap();
    let lines = good.lines().count();
    let second = good.lines().nth(1).unwrap();
    folder.write("results/kept/samples.csv", &format!("{good}{second}\n"));
    let said = folder.dbench(&[], &["report", "kept"]).ends(2).err;
    let place =
        format!("error: results/kept/samples.csv:{}:1: column `metric`: an earlier row has ", lines + 1);
    assert!(said.starts_with(&place), "{said}");
    assert!(said.contains(" of go-scratch/single cold, round 1, already\n  hint: remove the row"), "{said}");
}

#[test]
fn what_is_missing_is_named_with_what_to_do() {
    let folder = golden();
    let said = folder.dbench(&[], &["report", "kept", "--into", "none.md"]).ends(2).err;
    let expected = "error: none.md: there is no such file to put the results into\n  hint: make it, with `<!-- dbench:results";
    assert!(said.starts_with(expected), "{said}");
    folder.write("results/kept/run.json", "\n");
    let said = folder.dbench(&[], &["report", "kept"]).ends(2).err;
    assert!(said.starts_with("error: results/kept/run.json:2:1: not a run.json"), "{said}");
    let folder = golden();
    files::remove(&folder.path("results/kept/samples.csv")).unwrap();
    let said = folder.dbench(&[], &["report", "kept"]).ends(2).err;
    assert_eq!(
        said,
        "error: results/kept/samples.csv: the folder of the run lacks this file\n  hint: take the run from its source \
         again, or measure anew with `dbench run`\n"
    );
}

#[test]
fn a_run_json_of_another_kind_is_named() {
    let folder = golden();
    let good = files::read_to_string(&folder.path("results/kept/run.json")).unwrap();
    let bad = |text: &str| {
        folder.write("results/kept/run.json", text);
        folder.dbench(&[], &["report", "results/kept"]).ends(2).err
    };
    assert_eq!(
        bad(&good.replacen("\"schema\": 1", "\"schema\": 99", 1)),
        "error: results/kept/run.json: schema 99 is newer than this dbench, which reads 1\n  \
         hint: use the dbench that made the run\n"
    );
    let said = bad(&good.replacen("\"seed\"", "\"sead\"", 1));
    assert!(said.starts_with("error: results/kept/run.json:"), "{said}");
    assert!(
        said.contains(": not a run.json that this version can read\n  cause: unknown field `sead`"),
        "{said}"
    );
    assert!(
        said.ends_with("\n  hint: it was changed by hand or made by another version of dbench\n"),
        "{said}"
    );
}

#[test]
fn a_torn_last_line_is_dropped_with_a_warning() {
    let folder = golden();
    let whole = folder.dbench(&[], &["report", "kept", "--format", "json"]).ends(0);
    assert_eq!(whole.err, "");
    let good = files::read_to_string(&folder.path("results/kept/samples.csv")).unwrap();
    folder.write("results/kept/samples.csv", &format!("{good}go-scratch,single,buildkit,co"));
    let torn = folder.dbench(&[], &["report", "kept", "--format", "json"]).ends(0);
    assert_eq!(
        torn.err,
        "warning: results/kept/samples.csv: the last line has no line end and was dropped\n"
    );
    let data = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["sections"].clone();
    assert_eq!(data(&torn.out), data(&whole.out));
}

#[test]
fn a_report_is_written_into_a_document_and_checked() {
    let folder = golden();
    folder.write("README.md", "# x\n\n<!-- dbench:results -->\n<!-- /dbench:results -->\n");
    let into = ["report", "latest", "--into", "README.md"];
    let check = [&into[..], &["--check"]].concat();
    let before = folder.dbench(&[], &check).ends(4);
    let said = "error: README.md and 10 more are not what the run says; run `dbench report results/kept --into README.md`\n";
    assert!(before.err == said && before.err.lines().count() == 1, "{}", before.err);
    assert!(!folder.path("results/kept/charts").exists(), "a check writes nothing");
    folder.dbench(&[], &into).ends(0);
    assert!(files::read_to_string(&folder.path("README.md")).unwrap().contains("<picture>"));
    assert_eq!(folder.dbench(&[], &check).ends(0).err, "");
    folder.write("results/kept/charts/size.svg", "<svg/>");
    assert_eq!(
        folder.dbench(&[], &check).ends(4).err,
        "error: results/kept/charts/size.svg is not what the run says; run `dbench report results/kept --into README.md`\n"
    );
    folder.dbench(&[], &into).ends(0);
    let written = folder.path("README.md").metadata().unwrap().modified().unwrap();
    folder.dbench(&[], &into).ends(0);
    let again = folder.path("README.md").metadata().unwrap().modified().unwrap();
    assert_eq!(again, written, "what is right already is not written");
    folder.write("README.md", "# no markers\n");
    let ran = folder.dbench(&[], &into).ends(2);
    assert!(
        ran.err.starts_with("error: README.md: the marker `<!-- dbench:results -->` is missing"),
        "{}",
        ran.err
    );
}

/// Puts a run beside the kept one that began later, with so many lines of its samples.
fn later(folder: &Folder, lines: usize) {
    let read = |name: &str| files::read_to_string(&folder.path(&format!("results/kept/{name}"))).unwrap();
    let mut run: serde_json::Value = serde_json::from_str(&read("run.json")).unwrap();
    (run["id"], run["started"]) = ("later".into(), "2099-01-01T00:00:00Z".into());
    run["interrupted"] = true.into();
    folder.write("results/later/run.json", &run.to_string());
    let samples: Vec<String> = read("samples.csv").lines().take(lines).map(|l| format!("{l}\n")).collect();
    folder.write("results/later/samples.csv", &samples.concat());
    let head = |name: &str| format!("{}\n", read(name).lines().next().unwrap());
    folder.write("results/later/steps.csv", &head("steps.csv"));
    folder.write("results/later/transfers.csv", &head("transfers.csv"));
}

#[test]
fn the_latest_run_is_one_that_has_something_to_report() {
    let folder = golden();
    later(&folder, 1);
    let ran = folder.dbench(&[], &["report", "--format", "json"]).ends(0);
    assert_eq!(ran.err, "warning: results/later has nothing to report and was passed over\n");
    assert!(!ran.out.contains("\"id\": \"later\""));
    later(&folder, 5);
    let alone = folder.path("alone");
    folder.write("alone/headless/samples.csv", "");
    let ran = folder.dbench(&[], &["report", "--out", alone.to_str().unwrap()]).ends(2);
    assert!(ran.err.contains("headless has samples and no run.json, and was passed over\n"), "{}", ran.err);
    folder.write("results/headless/samples.csv", "");
    let ran = folder.dbench(&[], &["report"]).ends(0);
    assert_eq!(ran.err, "warning: results/headless has samples and no run.json, and was passed over\n");
    assert!(ran.out.contains("warning: The run was interrupted"), "{}", ran.out);
    later(&folder, 1);
    files::remove_dir_all(&folder.path("results/kept")).unwrap();
    let said = folder.dbench(&[], &["report"]).ends(2).err;
    let none = "error: no run below results has anything to report\n  hint: `dbench run` makes one\n";
    assert!(said.starts_with("warning: results/headless ") && said.ends_with(none), "{said}");
}

#[test]
fn a_whole_run_is_not_to_be_replaced_by_a_part_of_one_without_a_word() {
    let folder = golden();
    let kept = files::read_to_string(&folder.path("results/kept/run.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    folder.write("README.md", "<!-- dbench:results -->\n<!-- /dbench:results -->\n");
    folder.dbench(&[], &["report", "kept", "--into", "README.md"]).ends(0);
    later(&folder, 5);
    let id = kept["id"].as_str().unwrap();
    files::rename(&folder.path("results/kept"), &folder.path(&format!("results/{id}"))).unwrap();
    let said = folder.dbench(&[], &["report", "--into", "README.md", "--check"]).ends(4).err;
    assert!(said.contains(&format!("README.md shows run {id} with ")), "{said}");
    assert!(said.contains("and run later was not brought to its end and has "), "{said}");
    assert!(said.contains(&format!("`dbench report {id} --into README.md --check` checks it")), "{said}");
    assert!(!said.contains("; run `dbench report results/later --into"), "{said}");
}

#[test]
fn colour_is_off_where_it_is_not_wanted() {
    let folder = golden();
    let coloured = |environment: &[(&str, &str)], more: &[&str]| {
        let error = folder.dbench(environment, &[&["report", "gone"], more].concat()).ends(2).err;
        let table = folder.dbench(environment, &[&["report", "kept"], more].concat()).ends(0).out;
        (error.contains('\u{1b}'), table.contains('\u{1b}'))
    };
    assert_eq!(coloured(&[], &[]), (false, false));
    assert_eq!(coloured(&[], &["--color", "always"]), (true, true));
    assert_eq!(coloured(&[("DBENCH_COLOR", "always")], &[]), (true, true));
    assert_eq!(coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]), (false, false));
    assert_eq!(
        coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &["--color", "never"]),
        (false, false)
    );
}

#[test]
fn a_run_that_cannot_be_read_is_not_in_the_way_of_the_others() {
    let folder = golden();
    folder.write("results/broken/run.json", "{}");
    let ran = folder.dbench(&[], &["report"]).ends(0);
    let said = "warning: a run was passed over: results/broken/run.json:1:2: ";
    assert!(ran.err.starts_with(said), "{}", ran.err);
    assert!(ran.out.starts_with("run "), "{}", ran.out);
    let planned = ["run", "go-scratch", "--plan", "--quick", "--scenarios"];
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let ran = folder.dbench(&[], &[&planned[..], &[scenarios.to_str().unwrap()]].concat()).ends(0);
    assert!(
        ran.err.contains("warning: the estimate cannot use an earlier run: results/broken/run.json:1:2: "),
        "{}",
        ran.err
    );
    assert!(ran.out.contains("6 builds, about ") && ran.out.contains(" by run "), "{}", ran.out);
    files::remove_dir_all(&folder.path("results/kept")).unwrap();
    let ran = folder.dbench(&[], &["report"]).ends(2);
    assert!(ran.err.starts_with("error: results/broken/run.json:1:2: "), "{}", ran.err);
}
