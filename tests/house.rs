//! The rules of the house that a machine can check: which room may name which library, and how files look.

#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

use dbench::error::files;
use std::path::{Path, PathBuf};

/// Every file below a folder of the project that ends so, with its text, named from the root.
fn texts(folder: &str, ending: &str) -> Vec<(String, String)> {
    fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for path in files::list(folder).unwrap() {
            if path.is_dir() {
                collect(&path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    if root.join(folder).is_dir() {
        collect(&root.join(folder), ending, &mut found);
    }
    let named = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        (name, files::read_to_string(&path).unwrap())
    };
    found.into_iter().map(named).collect()
}

/// The source without its tests: what stands before the test module, and no file that holds only tests.
fn code(folder: &str) -> Vec<(String, String)> {
    let sources = texts(folder, ".rs").into_iter().filter(|(name, _)| !name.ends_with("tests.rs"));
    let before_tests = |text: String| {
        let inline = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        text[..inline].to_owned()
    };
    sources.map(|(name, text)| (name, before_tests(text))).collect()
}

/// The lines of code, comments apart, with their place.
fn lines(folder: &str) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (name, text) in code(folder) {
        for (number, line) in text.lines().enumerate() {
            if !line.trim_start().starts_with("//") {
                lines.push((format!("{name}:{}", number + 1), line.to_owned()));
            }
        }
    }
    assert!(!lines.is_empty(), "{folder} holds no code");
    lines
}

#[test]
fn libraries_stay_in_their_rooms() {
    for (library, rooms) in [
        ("bollard", &["src/engine/docker/"][..]),
        ("plotters", &["src/report/chart/"]),
        ("resvg", &["src/report/chart/"]),
        ("include_dir", &["src/scenario/", "src/runner/revision.rs"]),
        ("axum", &["src/registry/"]),
        ("tokio", &["src/engine/", "src/registry/", "src/context/", "src/runner/", "src/cli/"]),
        ("clap", &["src/cli/"]),
    ] {
        let named = |line: &str| {
            [format!("{library}::"), format!("{library}_"), format!("use {library}")]
                .iter()
                .any(|form| line.contains(form))
        };
        let outside: Vec<_> = lines("src")
            .into_iter()
            .filter(|(place, line)| named(line) && !rooms.iter().any(|room| place.starts_with(room)))
            .collect();
        assert_eq!(outside, [], "{library} is named outside of {rooms:?}");
    }
}

#[test]
fn rooms_import_only_those_below_them() {
    let order = [
        "cli", "runner", "engine", "registry", "context", "scenario", "image", "report", "stats", "results",
        "error",
    ];
    // A room that reads runs needs no engine, one that measures no report, and the registry nothing but images.
    let forbidden = |room: &str, other: &str| {
        let at = |name| order.iter().position(|room| *room == name).unwrap();
        at(other) < at(room)
            || room == "runner" && ["report", "stats"].contains(&other)
            || room == "registry" && !["registry", "image", "error"].contains(&other)
    };
    for room in order.iter().filter(|room| **room != "error") {
        for (place, line) in lines(&format!("src/{room}")) {
            for other in order.iter().filter(|other| forbidden(room, other)) {
                assert!(!line.contains(&format!("crate::{other}")), "{place}: {room} imports {other}");
            }
        }
    }
}

#[test]
fn only_the_command_line_prints() {
    for (place, line) in lines("src") {
        let prints = ["println!", "eprintln!", "print!(", "stdout()", "stderr()"]
            .iter()
            .any(|form| line.contains(form));
        assert!(!prints || place.starts_with("src/cli/"), "{place}: {line}");
    }
}

#[test]
fn nothing_panics_on_purpose() {
    for (place, line) in lines("src") {
        for form in [
            ".unwrap()",
            ".expect(",
            "panic!(",
            "unreachable!(",
            "todo!(",
            "unimplemented!(",
            "dbg!(",
            "map_err(|_|",
        ] {
            assert!(!line.contains(form), "{place}: {line}");
        }
        assert!(!line.contains("allow("), "{place}: `expect` with a reason says when it is no longer needed");
    }
}

#[test]
fn modules_say_what_they_own_and_files_stay_short() {
    for (name, text) in texts("src", ".rs") {
        assert!(text.starts_with("//! "), "{name} does not begin by saying what it owns");
    }
    for folder in ["src", "tests", "benches"] {
        for (name, text) in texts(folder, ".rs") {
            let length = text.lines().count();
            assert!(length < 400, "{name} has {length} lines");
        }
    }
}

#[test]
fn nothing_is_left_to_do_later() {
    for folder in ["src", "tests", "benches", "scripts", "docs"] {
        for (name, text) in texts(folder, "") {
            for word in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")] {
                assert!(!text.contains(word), "{name} holds {word}");
            }
        }
    }
}

#[test]
fn kept_runs_name_no_place_of_the_machine_that_made_them() {
    for (name, text) in texts("results", "run.json").into_iter().chain(texts("tests/golden", "run.json")) {
        // A quoted path within a note is one of an image.
        let unescaped = text.replace("\\\"", "'");
        let absolute: Vec<_> = unescaped.split('"').filter(|word| word.starts_with('/')).collect();
        assert!(absolute.is_empty(), "{name} holds the absolute paths {absolute:?}");
    }
}

#[test]
fn actions_are_pinned_and_run_the_commands_of_the_readme() {
    for (name, text) in texts(".github/workflows", ".yml") {
        for line in text.lines().filter(|line| line.contains("uses:")) {
            let version = line.rsplit_once('@').unwrap().1;
            assert!(version.starts_with('v') && version[1..].parse::<u32>().is_ok(), "{name}: {line}");
        }
        let runs = |line: &str| line.trim_start().starts_with("run: ") && line.contains("make ");
        assert!(text.lines().any(runs), "{name}");
    }
}
