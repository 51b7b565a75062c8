//! The real binary without an engine: every subcommand, its help, its exit code and what it says.
//! `DBENCH_UPDATE=1 cargo test --test cli` writes the snapshots of the help anew.

#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod builders;
mod carried;
mod charts;
#[path = "../common/mod.rs"]
mod common;
mod doctor;
mod endpoint;
mod examples;
mod manual;
mod report;
mod told;
mod variables;

use common::{Folder, SCENARIO, run};
use dbench::error::files;
use std::path::Path;

#[test]
fn what_no_build_can_take_in_is_refused_before_anything_is_built() {
    let folder = Folder::new();
    let _listener = std::os::unix::net::UnixListener::bind(folder.path("scenarios/greet/app/s")).unwrap();
    let said = folder.dbench(&[], &["run", "--plan"]).ends(2).err;
    assert_eq!(
        said,
        "error: scenarios/greet/app/s: a socket stands in the context, and builders make different things of it\n  \
         hint: remove it, or leave it out with a line in .dockerignore\n"
    );
    folder.write("scenarios/greet/app/.dockerignore", "s\n");
    folder.dbench(&[], &["run", "--plan"]).ends(0);
}

#[test]
fn version_is_that_of_the_package() {
    let ran = Folder::new().dbench(&[], &["--version"]).ends(0);
    assert_eq!(ran.out, format!("dbench {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_arguments_are_wrong_input() {
    let folder = Folder::new();
    for (arguments, said) in [
        (&["build"][..], "error: unrecognized subcommand 'build'"),
        (&[], "Measures, with evidence"),
        (
            &["run", "--quick", "--rounds", "2"],
            "error: the argument '--quick' cannot be used with '--rounds <N>'",
        ),
        (
            &["run", "--measure=build", "--node-store=graph"],
            "error: the argument '--measure <PART> without transfer' cannot be used with '--node-store <STORE>'",
        ),
        (
            &["run", "--resume=r", "--node-store=graph"],
            "error: the argument '--resume <RUN>' cannot be used with '--node-store <STORE>'",
        ),
        (&["run", "--rounds", "0"], "error: invalid value '0' for '--rounds <N>': 0 is not in 1..=1000"),
        (
            &["run", "--phase", "warm"],
            "error: invalid value 'warm' for '--phase <PHASE>': it is not one of cold, unchanged",
        ),
        (
            &["run", "--base", "a"],
            "error: invalid value 'a' for '--base <NAME=IMAGE>': write it as NAME=IMAGE",
        ),
        (
            &["run", "greeter", "--plan"],
            "error: there is no scenario `greeter`\n  hint: did you mean `greet`? `dbench list` shows what there is: greet",
        ),
        (
            &["run", "--variant", "mutli", "--plan"],
            "error: no chosen scenario has a variant `mutli`\n  hint: did you mean `multi`? there is multi, single",
        ),
        (&["run", "--variant", "tiny", "--plan"], "error: "),
        (
            &["list", "--scenarios", "none"],
            "error: there is no folder none\n  hint: name the folder of the scenarios",
        ),
    ] {
        let ran = folder.dbench(&[], arguments).ends(2);
        assert!(ran.err.starts_with(said), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn every_mistake_in_a_scenario_is_shown_with_its_place_before_anything_is_built() {
    let zeros = "the unedited file must hold the line once, with sixteen zeros where `{nonce}` stands";
    let own = "keep everything that a scenario builds from in its own folder";
    for (from, to, said) in [
        ("language", "langauge", "2:1: unknown field `langauge`, expected one of `title`, `language`, `pattern`, `context`, \
            `notes`, `secrets`, `ssh`, `variants`, `probe`, `edits`, `claims`\n  hint: did you mean `language`? correct the key's spelling, or remove it".to_owned()),
        ("\"multi.Dockerfile\"", "\"none\"", "11:14: the Dockerfile `none` does not exist\n  cause: No such file or \
            directory (os error 2)\n  hint: correct the path or add what is missing".to_owned()),
        ("target =", "baseline = true\ntarget =", "12:1: `single` and `multi` are both the baseline\n  \
            hint: keep `baseline = true` in one variant".to_owned()),
        ("port = 8080\n", "", "14:1: the probe has no port\n  hint: add `port = …` with the port that the program \
            listens on".to_owned()),
        ("line = \"edition {", "line = \"release {", format!("19:37: the line stands 0 times in `edition`, not once: \
            release 0000000000000000\n  hint: {zeros}")),
        ("\"final\"", "\"last\"", "12:10: `multi.Dockerfile` has no stage `last`\n  hint: its named stages are builder, \
            final".to_owned()),
        ("language = \"Shell\"", "language = \"Shell\"\ncontext = \"../../outside\"", format!("3:11: the context \
            `../../outside` is outside the scenario\n  hint: {own}")),
        ("language = \"Shell\"", "language = \"Shell\"\ncontext = \"link\"", format!("3:11: the context `link` is outside the \
            scenario\n  hint: {own}")),
        ("[edits.source]", "[edits.source]\noverlay = \"link\"", format!("19:11: the overlay `link` is outside the \
            scenario\n  hint: {own}")),
        ("name = \"multi\"", "name = \"../multi\"", "10:8: `../multi` cannot be the name of a variant\n  hint: use \
            lower-case letters, digits and `-`, a letter first".to_owned()),
        (">= 90 %", "~ 90 %", "22:39: the claim does not parse: `~` is not one of <= >= < > =\n  hint: write VARIANT \
            METRIC [in PHASE] [reduction] OP NUMBER [UNIT or %], such as `multi unpacked-size reduction >= 90 %`".to_owned()),
    ] {
        let folder = Folder::new();
        folder.write("outside/edition", "edition 0000000000000000\n");
        std::os::unix::fs::symlink(folder.path("outside"), folder.path("scenarios/greet/link")).unwrap();
        assert!(SCENARIO.contains(from), "{from}");
        folder.write("scenarios/greet/scenario.toml", &SCENARIO.replacen(from, to, 1));
        let expected = format!("error: scenarios/greet/scenario.toml:{said}\n");
        // The engine that does not exist is never asked for.
        for arguments in [&["run"][..], &["run", "--plan"], &["list"]] {
            let ran = folder.dbench(&[("DOCKER_HOST", "unix:///nonexistent")], arguments).ends(2);
            assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", expected.as_str()));
        }
        assert!(!folder.path("results").exists());
    }
}

#[test]
fn a_program_for_another_c_library_is_refused_before_anything_is_built() {
    let folder = Folder::new();
    let contract = |name: &str, official: &str, libc: &str| {
        let text = format!(
            "official = \"{official}\"\nstand-in = \"dbench/stand-in/{name}\"\nlibc = \"{libc}\"\nusers = []\n\
             paths = []\ntools = []\n"
        );
        folder.write(&format!("scenarios/bases/{name}/base.toml"), &text);
    };
    contract("base", "base:1", "glibc");
    let onto = |base: &str| {
        let text = format!(
            "FROM base:1 AS builder\nCOPY . /\nFROM {base} AS final\nCOPY --from=builder /bin/app /\n"
        );
        folder.write("scenarios/greet/multi.Dockerfile", &text);
    };
    onto("small:1");
    // Nothing is known of one of the two.
    folder.dbench(&[], &["list"]).ends(0);
    contract("small", "small:1", "musl");
    let expected = "error: scenarios/greet/multi.Dockerfile:4:1: `/bin/app` may hold programs for glibc, and the stage \
        rests on `small:1` with musl\n  hint: take both stages from bases of one C library, or copy files that are no \
        programs by their names\n";
    for arguments in [&["run"][..], &["run", "--plan"], &["list"]] {
        let ran = folder.dbench(&[("DOCKER_HOST", "unix:///nonexistent")], arguments).ends(2);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", expected));
    }
    // An empty image has no C library.
    onto("scratch");
    folder.dbench(&[], &["list"]).ends(0);
}

#[test]
fn a_mistake_in_the_configuration_is_shown_with_its_place() {
    let folder = Folder::new();
    folder.write("dbench.toml", "[defaults]\nround = 3\n");
    let ran = folder.dbench(&[], &["list"]).ends(2);
    assert!(ran.err.starts_with("error: dbench.toml:2:1: unknown field `round`"), "{}", ran.err);
    assert!(ran.err.ends_with(
        "hint: did you mean `rounds`? the file may hold [bases] and [defaults] with rounds (1 to 1000), seed, scenarios, out, \
         builder and platform\n"
    ));
    for (text, said) in [
        ("[defaults]\nrounds = 0\n", "2:10: 0 rounds: a run has 1 to 1000\n  hint: the file may hold "),
        (
            "[bases]\n\"Base:1\" = \"y\"\n",
            "2:12: `Base:1` is not the name of an image: names of images are in lower case\n  hint: write NAME",
        ),
        (
            "[bases]\n\"base:1\" = \"y@@\"\n",
            "2:12: `y@@` is not the name of an image: its digest is not an algorithm, a colon and hexadecimal digits\n  hint: write NAME",
        ),
    ] {
        folder.write("dbench.toml", text);
        for arguments in [&["run"][..], &["run", "--plan"]] {
            let ran = folder.dbench(&[("DOCKER_HOST", "unix:///nonexistent")], arguments).ends(2);
            assert!(ran.err.starts_with(&format!("error: dbench.toml:{said}")), "{}", ran.err);
        }
    }
    let ran = folder.dbench(&[("DBENCH_CONFIG", "nope")], &["list"]).ends(2);
    assert_eq!(
        ran.err,
        "error: nope: DBENCH_CONFIG names no file\n  hint: name the file, or unset DBENCH_CONFIG to have dbench.toml \
         looked for\n"
    );
}

#[test]
fn quick_beats_the_environment() {
    let folder = Folder::new();
    let ran = folder.dbench(&[("DBENCH_ROUNDS", "2")], &["run", "--quick", "--plan"]).ends(0);
    assert!(ran.out.ends_with("4 builds, no earlier run to estimate from\n"), "{}", ran.out);
    let ran = folder.dbench(&[], &["run", "--quick", "--phase", "cold", "--plan"]).ends(2);
    assert!(ran.err.contains("'--quick' cannot be used with '--phase <PHASE>'"), "{}", ran.err);
    assert!(ran.err.contains("Usage: dbench run "), "{}", ran.err);
}

#[test]
fn a_mapping_is_shown_in_the_plan_and_warned_of_where_nothing_uses_it() {
    let folder = Folder::new();
    let plan = |more: &[&str]| folder.dbench(&[], &[&["run", "--plan", "--quick"], more].concat()).ends(0);
    let ran = plan(&["--base", "zzz=yyy"]);
    assert_eq!(ran.err, "warning: --base zzz: no scenario of this run uses that base\n");
    assert!(ran.out.contains("\nbase base:1\n"), "{}", ran.out);
    let ran = plan(&["--base", "docker.io/library/base:1=mirror.example/b:1"]);
    assert_eq!(ran.err, "");
    assert!(ran.out.contains("\nbase base:1 as mirror.example/b:1\n"), "{}", ran.out);
    folder.write("scenarios/greet/single.Dockerfile", "FROM other:1\nCOPY . /\n");
    folder.write("dbench.toml", "[bases]\n\"base:1\" = \"stand-in\"\nunused = \"x\"\n");
    let ran = plan(&[]);
    assert_eq!(ran.err, "");
    let said = "\ngreet: base:1 is mapped and other:1 is not; if one of the images is a stand-in and another is not,\n  \
        the run is refused\n";
    assert!(ran.out.contains(said), "{}", ran.out);
    let json = plan(&["--format", "json"]).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["bases"][0], serde_json::json!({ "name": "base:1", "mapped": "stand-in" }));
    let ran = folder.dbench(&[], &["run", "--plan", "--base", "x=y@@"]).ends(2);
    assert!(ran.err.contains("`y@@` is not the name of an image"), "{}", ran.err);
}

#[test]
fn a_scenario_that_is_not_text_is_shown_with_the_place_of_its_first_wrong_byte() {
    let folder = Folder::new();
    let path = folder.path("scenarios/greet/scenario.toml");
    files::write(&path, b"title = \"A\"\nlanguage = \"\xe9\xff\"\n").unwrap();
    let ran = folder.dbench(&[], &["list"]).ends(2);
    let said =
        "error: scenarios/greet/scenario.toml:2:13: the file is not UTF-8 text\n  cause: invalid utf-8";
    assert!(ran.err.starts_with(said), "{}", ran.err);
    assert!(ran.err.contains("\n  hint: save it as UTF-8"), "{}", ran.err);
}

#[test]
fn flags_beat_the_environment_which_beats_the_file() {
    let folder = Folder::new();
    folder.write("dbench.toml", "[defaults]\nrounds = 4\n");
    let rounds = |environment: &[(&str, &str)], more: &[&str]| {
        let ran = folder.dbench(environment, &[&["run", "--plan", "--phase", "cold"], more].concat()).ends(0);
        ran.out.lines().last().unwrap().to_owned()
    };
    assert_eq!(rounds(&[], &[]), "8 builds, no earlier run to estimate from");
    assert_eq!(rounds(&[("DBENCH_ROUNDS", "2")], &[]), "4 builds, no earlier run to estimate from");
    assert_eq!(
        rounds(&[("DBENCH_ROUNDS", "2")], &["--rounds", "1"]),
        "2 builds, no earlier run to estimate from"
    );
}

#[test]
fn without_an_engine_three_ways_to_get_one_are_shown() {
    let folder = Folder::new();
    let host = [("DOCKER_HOST", "unix:///nonexistent/docker.sock")];
    for arguments in [&["run"][..], &["clean"]] {
        let ran = folder.dbench(&host, arguments).ends(1);
        assert!(
            ran.err.starts_with("error: no Docker Engine answers at /nonexistent/docker.sock\n  cause: "),
            "{}",
            ran.err
        );
        for way in ["`make setup`", "`systemctl start docker`", "point DOCKER_HOST at the unix socket"] {
            assert!(ran.err.contains(way), "{}", ran.err);
        }
    }
    let ran = folder.dbench(&host, &["doctor"]).ends(1);
    assert!(ran.out.contains("no Docker Engine answers at /nonexistent/docker.sock"), "{}", ran.out);
    let ran = folder.dbench(&host, &["doctor", "--format", "json"]).ends(1);
    let findings: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(findings.to_string().contains("no Docker Engine answers"), "{findings}");
}

#[test]
fn a_plan_is_shown_as_text_and_as_json() {
    let folder = Folder::new();
    let arguments = ["run", "greet", "--plan", "--quick", "--seed", "1", "--node", "none"];
    let text = folder.dbench(&[], &arguments).ends(0).out;
    let mut lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.pop(), Some("4 builds, no earlier run to estimate from"));
    let pushed =
        "images are pushed to a registry of dbench's own on this machine, and pulled by dbench itself";
    assert_eq!(lines.pop(), Some(pushed));
    lines.sort_unstable();
    assert_eq!(lines.remove(0), "base base:1");
    assert_eq!(lines, ["greet/multi round 1: cold source-edit", "greet/single round 1: cold source-edit"]);
    let json = folder.dbench(&[], &[&arguments[..], &["--format", "json"]].concat()).ends(0).out;
    let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(plan["estimate-ns"], serde_json::Value::Null);
    assert_eq!(plan["builds"].as_array().unwrap().len(), 4);
    assert_eq!(plan["builds"][0]["phase"], "cold");
    assert_eq!(plan["builds"][1]["measured"], true);
    assert!(!folder.path("results").exists());
    folder.write("results/broken/run.json", "{}");
    let broken = folder.dbench(&[], &arguments).ends(0);
    assert!(
        broken
            .err
            .starts_with("warning: the estimate cannot use an earlier run: results/broken/run.json:1:2: "),
        "{}",
        broken.err
    );
    assert!(broken.out.ends_with("4 builds, no earlier run to estimate from\n"), "{}", broken.out);
}

#[test]
fn a_phase_whose_edit_no_scenario_defines_is_wrong_input() {
    let folder = Folder::new();
    let path = folder.path("scenarios/greet/scenario.toml");
    let whole = files::read_to_string(&path).unwrap();
    let deps = "[edits.deps]\nlines = [{ file = \"edition\", line = \"edition {nonce}\" }]\n\n[edits.source]";
    let with = whole.replace("[edits.source]", deps);
    let arguments = ["run", "--plan", "--node", "none", "--phase", "deps-edit"];
    assert_eq!(
        folder.dbench(&[], &arguments).ends(2).err,
        "error: phase deps-edit needs a table [edits.deps], and there is none in greet\n  \
         hint: add [edits.deps] to scenario.toml, or leave deps-edit out of --phase\n"
    );
    for name in ["scenario.toml", "single.Dockerfile", "multi.Dockerfile"] {
        let text = files::read_to_string(&folder.path(&format!("scenarios/greet/{name}"))).unwrap();
        let text = if name == "scenario.toml" { with.clone() } else { text };
        folder.write(&format!("scenarios/other/{name}"), &text);
    }
    for file in files::list(&folder.path("scenarios/greet/app")).unwrap() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        folder.write(&format!("scenarios/other/app/{name}"), &files::read_to_string(&file).unwrap());
    }
    let ran = folder.dbench(&[], &arguments).ends(0);
    assert_eq!(ran.err, "warning: no table [edits.deps] in greet: phase deps-edit is skipped there\n");
    assert!(ran.out.contains("other/multi round 1") && !ran.out.contains("greet/"), "{}", ran.out);
}

#[test]
fn scenarios_are_listed_as_text_and_as_json() {
    let folder = Folder::new();
    assert_eq!(
        folder.dbench(&[], &["list"]).ends(0).out,
        "greet  A greeter (Shell)\n  single  single.Dockerfile, the baseline\n  multi  multi.Dockerfile\n"
    );
    let json = folder.dbench(&[], &["list", "--format", "json"]).ends(0).out;
    let list: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(list[0]["name"], "greet");
    assert_eq!(list[0]["variants"][1]["dockerfile"], "multi.Dockerfile");
    assert_eq!(list[0]["bases"], serde_json::json!(["base:1"]));
}

#[test]
fn the_shipped_scenarios_are_found_from_the_root_of_the_project() {
    let state = tempfile::tempdir().unwrap();
    let ran = run(Path::new(env!("CARGO_MANIFEST_DIR")), state.path(), &[], &["list"]).ends(0);
    assert!(ran.out.contains("go-scratch  A Go service on an empty image (Go)\n"), "{}", ran.out);
}
