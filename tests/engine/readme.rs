//! The commands of the README, typed as they stand there.

use crate::commands::commands;
use crate::lane::{Ended, Lane, copy, root, send, until};
use crate::tiny::Tiny;
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpStream;

/// What the commands need of the checkout. Its scenarios would take an hour: a small one bears the name that they use.
fn small_checkout(lane: &Lane) {
    fs::create_dir(lane.path("scenarios")).unwrap();
    for part in ["Makefile", "README.md", "dbench.toml", "scripts", "scenarios/bases"] {
        let from = root().join(part);
        // Where the official images are at hand there is no configuration.
        if from.exists() {
            copy(&from, &lane.path(part));
        }
    }
    Tiny::called(lane, "go-scratch");
}

/// The one command that does not end by itself, and where it listens.
const SERVING: &str = "dbench registry";
const ADDRESS: &str = "127.0.0.1:5000";

fn answers_until_it_is_told_to_end(lane: &Lane, command: &str) {
    let serving = lane.start_in_shell(command);
    until("the registry's answer", || TcpStream::connect(ADDRESS).ok());
    send("-TERM", &serving);
    let ended = Ended::of(serving.wait_with_output().unwrap()).expect(0);
    assert!(ended.stdout.contains(ADDRESS), "{}", ended.stdout);
}

#[test]
fn every_command_of_the_readme_does_what_it_says() {
    let Some(lane) = Lane::open() else { return };
    small_checkout(&lane);
    let mut said = String::new();
    for command in commands("README.md").iter().filter(|command| *command != "make test") {
        if command == SERVING {
            answers_until_it_is_told_to_end(&lane, command);
            continue;
        }
        // The newest run is one of the small scenario by then, and the README shows another.
        let code = if command.ends_with("--check") { 4 } else { 0 };
        said.push_str(&lane.shell(command).expect(code).stderr);
    }
    let runs = fs::read_dir(lane.path("results")).unwrap().map(|entry| entry.unwrap().path());
    let runs: Vec<_> = runs.collect();
    // A run that is taken up again is named twice.
    let named: BTreeSet<_> = said.lines().filter(|line| line.starts_with("run: results/")).collect();
    assert_eq!(runs.len(), named.len(), "{named:?}");
    for run in runs {
        for part in ["run.json", "samples.csv", "steps.csv", "logs", "charts"] {
            assert!(run.join(part).exists(), "{} has no {part}", run.display());
        }
    }
    lane.assert_nothing_is_left(&said);
}
