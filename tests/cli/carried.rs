//! The program away from its checkout: it carries its scenarios, writes new ones, and everything that it embeds is in the package
//! that `cargo install` builds from.

use super::common::{Ran, run};
use dbench::error::files;
use dbench::scenario::{Scenario, carried};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An empty folder to work in, with the state folder beside it.
struct Empty(TempDir);

impl Empty {
    fn new() -> Self {
        let empty = Self(tempfile::tempdir().unwrap());
        files::create_dir_all(&empty.here()).unwrap();
        empty
    }

    fn here(&self) -> PathBuf {
        self.0.path().join("here")
    }

    fn unpacked(&self) -> Vec<PathBuf> {
        let folder = self.0.path().join("state/dbench/scenarios");
        if folder.is_dir() { files::list(&folder).unwrap() } else { Vec::new() }
    }

    fn dbench(&self, arguments: &[&str]) -> Ran {
        run(&self.here(), self.0.path(), &[("DOCKER_HOST", "unix:///nonexistent")], arguments)
    }
}

/// Every file below a folder, by its path in it, with its content and whether it is a program.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>, bool)> {
    use std::os::unix::fs::PermissionsExt;
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in files::list(&next).unwrap() {
            if path.is_dir() {
                folders.push(path);
            } else {
                let program = path.metadata().unwrap().permissions().mode() & 0o111 != 0;
                let content = files::read(&path).unwrap();
                found.push((path.strip_prefix(folder).unwrap().to_owned(), content, program));
            }
        }
    }
    found.sort();
    found
}

const SAID: &str =
    "dbench carries these scenarios; `dbench new NAME --from SCENARIO` writes one here, to be changed\n";

#[test]
fn in_an_empty_folder_the_carried_scenarios_are_listed_planned_and_cleaned_away() {
    let empty = Empty::new();
    let listed = empty.dbench(&["list"]).ends(0);
    assert_eq!(listed.err, SAID);
    for scenario in Scenario::load_all(&root().join("scenarios"), &[]).unwrap() {
        let line = format!("{}  {} ({})\n", scenario.name, scenario.title, scenario.language);
        assert!(listed.out.contains(&line), "{}", listed.out);
    }
    let planned = empty.dbench(&["run", "go-scratch", "--plan", "--quick", "--node", "none"]).ends(0);
    assert_eq!(planned.err, SAID);
    assert!(planned.out.contains("go-scratch/tuned round 1: cold source-edit\n"), "{}", planned.out);
    assert!(planned.out.contains("base golang:1.21-alpine\n"), "{}", planned.out);
    assert_eq!(files::list(&empty.here()).unwrap(), Vec::<PathBuf>::new(), "nothing is written here");
    let doctor = empty.dbench(&["doctor"]).ends(1).out;
    assert!(doctor.contains("5, those that dbench carries\n"), "{doctor}");
    assert_eq!(empty.unpacked().len(), 1);
    // There is no engine, and it does not take one.
    let cleaned = empty.dbench(&["clean"]).ends(1);
    assert_eq!(cleaned.out, "removed: the unpacked scenarios that dbench carries\n");
    assert_eq!(empty.unpacked(), Vec::<PathBuf>::new());
}

#[test]
fn a_folder_that_is_named_or_found_is_never_replaced_by_the_carried_scenarios() {
    let empty = Empty::new();
    let said = empty.dbench(&["list", "--scenarios", "scenarios"]).ends(2).err;
    assert!(said.starts_with("error: there is no folder scenarios\n"), "{said}");
    files::create_dir_all(&empty.here().join("scenarios")).unwrap();
    let said = empty.dbench(&["list"]).ends(2).err;
    assert!(said.starts_with("error: no folder in scenarios holds a scenario.toml\n"), "{said}");
    assert_eq!(empty.unpacked(), Vec::<PathBuf>::new());
}

#[test]
fn a_run_of_carried_scenarios_is_taken_up_where_there_is_no_folder_of_scenarios() {
    let empty = Empty::new();
    for name in ["run.json", "samples.csv", "steps.csv", "transfers.csv"] {
        let kept = files::read(&root().join("tests/golden/run").join(name)).unwrap();
        files::create_dir_all(&empty.here().join("results/kept")).unwrap();
        files::write(&empty.here().join("results/kept").join(name), kept).unwrap();
    }
    let said = empty.dbench(&["run", "--resume", "kept", "--plan"]).ends(2).err;
    // That run is of other files than the carried ones: they were found, and compared.
    assert!(said.contains("the scenario go-scratch is no longer what was built"), "{said}");
}

#[test]
fn a_copy_of_a_carried_scenario_is_byte_for_byte_the_shipped_one() {
    let empty = Empty::new();
    for name in carried::names() {
        let copy = format!("my-{name}");
        let ran = empty.dbench(&["new", &copy, "--from", name]).ends(0);
        assert!(ran.out.starts_with(&format!("scenarios/{copy}: ")), "{}", ran.out);
        assert!(ran.out.ends_with(", with the variants single, multi, tuned\n"), "{}", ran.out);
        let next = format!("change it, then: dbench run {copy} --plan\n");
        assert!(ran.err.starts_with(&next), "{}", ran.err);
        // The first of them makes the folder that is taken from then on.
        assert_eq!(
            ran.err.contains("from now on `dbench run` takes what is in scenarios;"),
            name == carried::names()[0]
        );
        let copied = empty.here().join("scenarios").join(&copy);
        let shipped = root().join("scenarios").join(name);
        assert!(tree(&copied) == tree(&shipped), "{name}");
        assert_eq!(Scenario::load(&copied).unwrap().hash, Scenario::load(&shipped).unwrap().hash);
    }
    let listed = empty.dbench(&["list"]).ends(0);
    assert_eq!((listed.out.matches("my-").count(), listed.err.as_str()), (5, ""));
}

#[test]
fn a_new_scenario_loads_and_explains_every_table_that_it_has() {
    let empty = Empty::new();
    let ran = empty.dbench(&["new", "greeter"]).ends(0);
    assert_eq!(ran.out, "scenarios/greeter: A greeter (Shell), with the variants single, multi\n");
    let plan = empty.dbench(&["run", "greeter", "--plan", "--rounds", "1", "--node", "none"]).ends(0);
    assert!(
        plan.out.contains("greeter/multi round 1: cold unchanged source-edit deps-edit\n"),
        "{}",
        plan.out
    );
    let text = files::read_to_string(&empty.here().join("scenarios/greeter/scenario.toml")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let mut tables = BTreeSet::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with('[')) {
        assert!(!tables.insert(*line) || lines[at - 1].starts_with('#'), "{line} has no comment");
    }
    assert_eq!(tables.len(), 5, "{tables:?}");
}

#[test]
fn nothing_is_written_over_and_no_wrong_name_is_taken() {
    let empty = Empty::new();
    empty.dbench(&["new", "greeter"]).ends(0);
    let before = tree(&empty.here());
    for (arguments, said) in [
        (
            &["new", "greeter"][..],
            "error: scenarios/greeter: there is something of that name already, and nothing is written over\n  hint: ",
        ),
        (&["new", "Greeter"], "error: `Greeter` cannot be the name of a scenario\n  hint: use lower-case"),
        (&["new", "../greeter"], "error: `../greeter` cannot be the name of a scenario\n"),
        (
            &["new", "other", "--from", "go-scrach"],
            "error: dbench carries no scenario `go-scrach`\n  hint: did you mean `go-scratch`? it carries frontend-nginx, ",
        ),
        (&["new", "other", "--from", "bases"], "error: dbench carries no scenario `bases`\n"),
    ] {
        let ran = empty.dbench(arguments).ends(2);
        assert!(ran.err.starts_with(said), "{arguments:?}: {}", ran.err);
        assert!(tree(&empty.here()) == before, "{arguments:?}");
    }
    std::os::unix::fs::symlink("nowhere", empty.here().join("scenarios/link")).unwrap();
    assert!(empty.dbench(&["new", "link"]).ends(2).err.contains("something of that name"));
}

/// What `cargo package` would put into the package.
fn packaged() -> BTreeSet<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["package", "--list", "--allow-dirty", "--offline"];
    let output = Command::new(cargo).args(arguments).current_dir(root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect()
}

/// The paths that `include_str!` and its like name in the source, from the root.
fn embedded() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for (path, content, _) in
        tree(&root().join("src")).into_iter().filter(|(path, ..)| path.extension().is_some_and(|e| e == "rs"))
    {
        let text = String::from_utf8(content).unwrap();
        for kind in ["include_str!(\"", "include_bytes!(\""] {
            for rest in text.split(kind).skip(1) {
                let named = rest.split('"').next().unwrap();
                let full =
                    root().join("src").join(&path).parent().unwrap().join(named).canonicalize().unwrap();
                found.insert(full.strip_prefix(root().canonicalize().unwrap()).unwrap().to_owned());
            }
        }
    }
    found
}

#[test]
fn the_package_holds_everything_that_the_program_embeds_and_the_program_every_scenario_of_the_package() {
    let packaged = packaged();
    let of_source = embedded();
    assert!(of_source.len() >= 4, "{of_source:?}");
    for path in &of_source {
        assert!(packaged.contains(path), "{} is embedded and not in the package", path.display());
    }
    let below = |folder: &str| -> BTreeSet<PathBuf> {
        let of_package = packaged.iter().filter_map(|path| path.strip_prefix(folder).ok());
        of_package.map(Path::to_owned).collect()
    };
    let scenarios: BTreeSet<_> = below("scenarios")
        .into_iter()
        .filter(|path| !path.starts_with("bases") || path.ends_with("base.toml"))
        .collect();
    let carried: BTreeSet<_> = carried::shipped().into_keys().collect();
    assert_eq!(carried, scenarios, "touch src/scenario/carried.rs if a file was added or removed");
    let skeleton: BTreeSet<_> =
        tree(&root().join("assets/skeleton")).into_iter().map(|(path, ..)| path).collect();
    assert_eq!(below("assets/skeleton"), skeleton);
}
