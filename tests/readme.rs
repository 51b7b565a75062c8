//! The README is held to the program: its scenario loads, its tables are the program's, its commands parse, its links lead somewhere.

#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

#[path = "common/commands.rs"]
mod commands;
mod common;

use commands::commands;
use common::{Folder, run};
use dbench::error::files;
use dbench::results::{Loaded, Metric, Phase, RunFolder, Status};
use dbench::scenario::{Expect, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    files::read_to_string(&root().join("README.md")).unwrap()
}

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let readme = readme();
    let fence = format!("```{language}\n");
    readme.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

fn section<'a>(readme: &'a str, title: &str) -> &'a str {
    let rest = readme.split(&format!("\n## {title}\n")).nth(1).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// The cells of the tables of a section, without heads and rules.
fn table(title: &str) -> Vec<Vec<String>> {
    let readme = readme();
    let rows = section(&readme, title).lines().filter(|line| line.starts_with("| "));
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).filter(|row: &Vec<String>| !row[0].starts_with("---")).skip(1).collect()
}

fn with_scenario(text: &str) -> Scenario {
    let folder = Folder::new();
    let below = |path: &str| format!("scenarios/greeter/{path}");
    let go = "const edition = \"0000000000000000\"\n";
    folder.write(&below("scenario.toml"), text);
    folder.write(&below("single.Dockerfile"), "FROM base:1\n");
    folder.write(&below("multi.Dockerfile"), "FROM base:1 AS final\n");
    folder.write(&below("app/main.go"), go);
    folder.write(&below("edits/deps/main.go"), go);
    folder.write(&below("edits/deps/go.mod"), "module x\n// edition 0000000000000000\n");
    Scenario::load(&folder.path("scenarios/greeter")).unwrap()
}

#[test]
fn the_reference_of_scenario_toml_loads() {
    let text = &blocks("toml")[0];
    let scenario = with_scenario(text);
    assert_eq!(scenario.variants.len(), 2);
    assert_eq!(scenario.variants[1].target.as_deref(), Some("final"));
    assert_eq!(scenario.variants[1].probe.env["PORT"], "8081");
    assert!(scenario.edit(Phase::SourceEdit).is_some() && scenario.edit(Phase::DepsEdit).is_some());
    assert_eq!(scenario.claims.len(), 1);
    // The other kind of probe stands there as a comment.
    let (before, rest) = text.split_once("[probe.http]").unwrap();
    let (_, after) = rest.split_once("# [probe.command]").unwrap();
    let uncommented = after.replacen("\n# run", "\nrun", 1).replacen("\n# output", "\noutput", 1);
    let by_command = format!("{}[probe.command]{uncommented}", before.replace("port = 8081, ", ""));
    let scenario = with_scenario(&by_command);
    assert_eq!(scenario.variants[0].probe.expect, Expect::Output { text: "edition {nonce}".to_owned() });
}

#[test]
fn the_reference_names_every_key() {
    let text = &blocks("toml")[0];
    let disk = files::read_to_string(&root().join("src/scenario/disk.rs")).unwrap();
    let keys = disk.lines().filter_map(|line| line.trim().strip_prefix("pub ")).filter_map(|line| {
        let (key, kind) = line.split_once(": ")?;
        Some((key, kind))
    });
    for (key, _) in keys {
        let key = key.replace('_', "-");
        let named = [format!("{key} = "), format!("[{key}"), format!(".{key}]")];
        assert!(named.iter().any(|form| text.contains(form)), "`{key}` is not in the reference");
    }
}

#[test]
fn the_configuration_of_the_readme_is_one() {
    let folder = Folder::new();
    folder.write("dbench.toml", &blocks("toml")[1]);
    let ran = folder.dbench(&[], &["run", "--plan", "--phase", "cold"]).ends(0);
    assert!(ran.out.ends_with("10 builds, no earlier run to estimate from\n"), "{}", ran.out);
}

#[test]
fn exit_codes_are_those_of_the_help() {
    let help = Folder::new().dbench(&[], &["--help"]).ends(0).out;
    let of_help: Vec<_> = help
        .split("Exit codes:\n")
        .nth(1)
        .unwrap()
        .lines()
        .map(|line| line.trim().split_once(' ').unwrap())
        .map(|(code, meaning)| vec![code.to_owned(), meaning.trim().to_owned()])
        .collect();
    assert_eq!(table("Exit codes"), of_help);
}

#[test]
fn every_flag_and_variable_of_the_configuration_is_in_the_help() {
    let folder = Folder::new();
    let help = folder.dbench(&[], &["run", "--help"]).ends(0).out;
    // clap does not read this one.
    let elsewhere = "NO_COLOR";
    for row in table("Configuration") {
        for name in row[..2].iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
            let name = name.split(' ').next().unwrap();
            assert!(help.contains(name) || name == elsewhere, "{name}");
        }
    }
}

#[test]
fn the_table_of_scenarios_is_that_of_the_folder() {
    let scenarios =
        Scenario::load_all(&root().join("scenarios"), &[]).unwrap_or_else(|error| panic!("{error}"));
    let mut of_folder: Vec<_> = scenarios
        .into_iter()
        .map(|s| vec![format!("[{0}](scenarios/{0})", s.name), s.title, s.language])
        .collect();
    let mut of_readme = table("Scenarios");
    of_folder.sort();
    of_readme.sort();
    assert_eq!(of_readme, of_folder);
}

#[test]
fn every_command_of_the_readme_is_understood() {
    let state = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for command in commands("README.md") {
        let arguments: Vec<_> = match command.split_once(' ') {
            Some(("dbench", rest)) => rest.split_whitespace().collect(),
            Some(("make", rest)) => match rest.split_once("ARGS=") {
                Some((_, given)) => {
                    ["run"].into_iter().chain(given.trim_matches('"').split_whitespace()).collect()
                }
                None => {
                    let makefile = files::read_to_string(&root().join("Makefile")).unwrap();
                    assert!(makefile.contains(&format!("\n{rest}:")), "the Makefile makes no `{rest}`");
                    continue;
                }
            },
            _ => continue,
        };
        seen += 1;
        // What would build shows its plan, and what needs a run or an engine its help.
        let harmless = match arguments[0] {
            "run" if arguments.contains(&"--plan") => &[][..],
            "run" if arguments.contains(&"--resume") => &["--help"],
            "run" => &["--plan"],
            _ => &["--help"],
        };
        let ran = run(root(), state.path(), &[], &[&arguments[..], harmless].concat()).ends(0);
        assert_eq!(ran.err, "", "{command}");
    }
    assert!(seen >= 8, "only {seen} commands were found");
}

/// The documents for those who use dbench, beside the README.
const GUIDES: [&str; 4] = ["docs/charts.md", "docs/install.md", "docs/machine.md", "docs/new-scenario.md"];

#[test]
fn every_command_of_the_guides_is_understood() {
    let folder = Folder::new();
    for (guide, command) in
        GUIDES.into_iter().flat_map(|guide| commands(guide).into_iter().map(move |c| (guide, c)))
    {
        if let Some(("dbench", rest)) = command.split_once(' ') {
            let arguments: Vec<_> = rest.split_whitespace().chain(["--help"]).collect();
            assert_eq!(folder.dbench(&[], &arguments).ends(0).err, "", "{guide}: {command}");
        }
    }
}

#[test]
fn the_guide_to_the_machine_says_what_doctor_says() {
    let guide = files::read_to_string(&root().join("docs/machine.md")).unwrap();
    let host = [("DOCKER_HOST", "unix:///nonexistent")];
    let found = Folder::new().dbench(&host, &["doctor", "--format", "json"]).ends(1).out;
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    for finding in found.as_array().unwrap().iter().filter(|finding| !finding["effect"].is_null()) {
        let (what, effect) = (finding["what"].as_str().unwrap(), finding["effect"].as_str().unwrap());
        let row = guide.lines().find(|line| line.starts_with(&format!("| {what} |"))).unwrap();
        assert!(row.contains(&format!("| {effect} |")), "{row}");
    }
}

#[test]
fn the_guide_to_files_has_every_column_and_every_metric() {
    let guide = files::read_to_string(&root().join("docs/files.md")).unwrap();
    for file in ["samples.csv", "steps.csv", "transfers.csv"] {
        let (_, section) = guide.split_once(&format!("\n## {file}\n")).unwrap();
        let rows = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| `"));
        let named = rows.flat_map(|row| row.split(" | ").next().unwrap().split('`').skip(1).step_by(2));
        let table = files::read_to_string(&root().join(kept_run()).join(file)).unwrap();
        assert_eq!(named.collect::<Vec<_>>().join(","), table.lines().next().unwrap());
    }
    let (_, section) = guide.split_once("\n## Metrics\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    let expected = Metric::ALL.iter().map(|metric| {
        let phases = match metric.phases() {
            all if all == Phase::ALL => "each".to_owned(),
            some => some.iter().map(|phase| phase.name()).collect::<Vec<_>>().join(", "),
        };
        let parts = metric.parts().iter().map(|part| part.name()).collect::<Vec<_>>().join(", ");
        let (name, unit, about) = (metric.name(), metric.unit().name(), metric.about());
        format!("| `{name}` | {unit} | {phases} | {parts} | {about} |")
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

/// Every key of what a program is told.
fn keys(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(all) => all.iter().for_each(|(key, value)| {
            found.insert(key.clone());
            // Of these the keys are phases, metrics and builders.
            match key.as_str() {
                "units" => {}
                "bases" if value.is_object() => {}
                "figures" => {
                    let figures = value.as_object().unwrap().values().flat_map(|of| of.as_object().unwrap());
                    figures.for_each(|(_, figure)| keys(figure, found));
                }
                _ => keys(value, found),
            }
        }),
        serde_json::Value::Array(all) => all.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

/// Checks that a section of the guide to files names every key of a JSON text; gives their number.
fn keys_are_named(section: &str, json: &str) -> usize {
    let guide = files::read_to_string(&root().join("docs/files.md")).unwrap();
    let (_, guide) = guide.split_once(&format!("\n## {section}\n")).unwrap();
    let guide = guide.split("\n## ").next().unwrap();
    let mut found = BTreeSet::new();
    keys(&serde_json::from_str(json).unwrap(), &mut found);
    let lacking: Vec<_> = found.iter().filter(|key| !guide.contains(&format!("`{key}`"))).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
    found.len()
}

#[test]
fn the_guide_to_files_has_every_key_of_the_report() {
    let report = files::read_to_string(&root().join("tests/golden/expected/report.json")).unwrap();
    let number = keys_are_named("The report as JSON", &report);
    assert!(number > 60, "{number}");
}

#[test]
fn the_guide_to_files_has_every_key_of_lists_plans_and_findings() {
    let state = tempfile::tempdir().unwrap();
    for (arguments, code, number) in [
        (&["list"][..], 0, 16),
        (&["run", "--plan", "--quick", "--builder=both"], 0, 15),
        (&["doctor"], 1, 5),
    ] {
        let host = [("DOCKER_HOST", "unix:///nonexistent")];
        let arguments = [arguments, &["--format=json"]].concat();
        let said = run(root(), state.path(), &host, &arguments).ends(code).out;
        assert_eq!(keys_are_named("Lists, plans and findings as JSON", &said), number, "{said}");
    }
}

#[test]
fn the_table_of_parity_is_what_its_rows_say() {
    let rows = files::read_to_string(&root().join("docs/parity.csv")).unwrap();
    let mut times: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for row in rows.lines().skip(1) {
        let (build, rest) = row.strip_prefix('"').unwrap().split_once("\",").unwrap();
        let [_pair, _place, client, ns, _sent] = rest.split(',').collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        times.entry((build, client)).or_default().push(ns.parse().unwrap());
    }
    let readme = readme();
    for ((build, _), ours) in times.iter().filter(|((_, client), _)| *client == "dbench") {
        let theirs = &times[&(*build, "docker")];
        let mut ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        ratios.sort_by(f64::total_cmp);
        assert_eq!(ratios.len(), 10, "{build}");
        let middle = f64::midpoint(ratios[4], ratios[5]);
        let row = format!("| {build} | {middle:.2} | {:.2} to {:.2} |\n", ratios[0], ratios[9]);
        assert!(readme.contains(&row), "{row}");
    }
    assert_eq!(times.len(), 12);
}

#[test]
fn every_link_leads_to_something() {
    for document in GUIDES.into_iter().chain([
        "README.md",
        "docs/dockerfiles.md",
        "docs/files.md",
        "docs/method.md",
        "scenarios/bases/README.md",
    ]) {
        let path = root().join(document);
        let text = files::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let target = link.split('#').next().unwrap();
            let there = link.contains("://") || path.parent().unwrap().join(target).exists();
            assert!(there, "{document}: {link}");
        }
    }
}

#[test]
fn the_results_have_one_place() {
    let readme = readme();
    let spliced = dbench::report::splice(Path::new("README.md"), &readme, "results");
    let spliced = spliced.unwrap_or_else(|error| panic!("{error}"));
    assert!(spliced.contains("<!-- dbench:results -->\n\nresults\n\n<!-- /dbench:results -->\n"));
}

/// The run whose charts the README shows.
fn kept_run() -> String {
    let readme = readme();
    let after = readme.split("\"results/").nth(1).unwrap();
    format!("results/{}", after.split('/').next().unwrap())
}

#[test]
fn every_picture_is_of_one_run() {
    let (readme, kept) = (readme(), kept_run());
    let of_runs: Vec<&str> = readme.split("\"results/").skip(1).collect();
    assert!(of_runs.len() > 10);
    for path in of_runs {
        assert!(format!("results/{path}").starts_with(&format!("{kept}/")), "{}", &path[..40]);
    }
}

#[test]
fn the_results_are_those_of_the_kept_run() {
    let arguments = ["report", &kept_run(), "--into", "README.md", "--check"];
    let ran = run(root(), &Folder::new().path(""), &[], &arguments).ends(0);
    assert_eq!(ran.err, "");
}

#[test]
fn the_kept_run_was_made_at_a_clean_revision_and_counts() {
    let loaded = Loaded::read(RunFolder::at(root().join(kept_run()))).unwrap();
    assert!(loaded.run.revision.is_some_and(|revision| revision.clean));
    assert!(loaded.run.ended.is_some() && !loaded.run.interrupted);
    assert!(loaded.samples.iter().all(|sample| matches!(sample.status, Status::Valid | Status::Skipped)));
}
