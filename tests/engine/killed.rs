//! Runs that are ended from outside at any point: no row that was written is lost, `--resume` completes them, and after
//! `dbench clean` nothing is left and nothing of the user's has changed. `DBENCH_KILLS` says how often, `DBENCH_KILLS_SEED` where;
//! a test says the point of each kill.

use crate::lane::{Ended, Lane};
use crate::machine::Machine;
use crate::tiny::Tiny;
use crate::transfer::private_possible;
use crate::users::Users;
use dbench::engine::{Engine, Removal};
use dbench::results::{Loaded, RunFolder, Status};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const RUN: [&str; 4] = ["run", "--quick", "--measure=build,size,transfer,start", "--node=private"];
const SIGNALS: [&str; 2] = ["-KILL", "-INT"];
/// How often, unless told otherwise: each takes about as long as a run and a half.
const KILLS: u64 = 20;
/// How long an engine may hold what a build made whose client is gone.
const LETTING_GO: Duration = Duration::from_secs(60);

fn setting(name: &str, or: u64) -> u64 {
    std::env::var(name).map_or(or, |text| text.parse().unwrap_or_else(|why| panic!("{name}: {why}")))
}

/// A part of a whole, from 0 to 1, that depends on the seed alone.
fn part(at: u64) -> f64 {
    let seed = setting("DBENCH_KILLS_SEED", 1);
    let hash = Sha256::digest(format!("{seed} {at}"));
    f64::from(u32::from_le_bytes(hash[..4].try_into().unwrap())) / f64::from(u32::MAX)
}

fn send(signal: &str, child: &Child) {
    // It may have ended by itself, and is not waited for yet: the signal then goes nowhere.
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success(), "kill {signal}: {sent}");
}

/// The tables of all runs, as they stand.
fn tables(lane: &Lane) -> BTreeMap<PathBuf, String> {
    let runs = fs::read_dir(lane.path("results")).into_iter().flatten().map(|run| run.unwrap().path());
    let files = runs.flat_map(|run| ["samples.csv", "steps.csv", "transfers.csv"].map(|file| run.join(file)));
    files.filter_map(|file| Some((file.clone(), fs::read_to_string(file).ok()?))).collect()
}

/// Every row that was there before the kill is there after it, and all rows are whole.
fn assert_rows_are_kept(lane: &Lane, before: &BTreeMap<PathBuf, String>) {
    let after = tables(lane);
    for (file, rows) in before {
        assert!(after[file].starts_with(rows.as_str()), "{}: rows are lost", file.display());
    }
    for (file, rows) in &after {
        assert!(rows.is_empty() || rows.ends_with('\n'), "{}: a torn row", file.display());
    }
    for run in fs::read_dir(lane.path("results")).into_iter().flatten().map(|run| run.unwrap().path()) {
        if run.join("run.json").is_file() {
            let loaded = Loaded::read(RunFolder::at(&run)).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(loaded.warnings, Vec::<String>::new());
        }
    }
}

/// What the journals name, by what it is.
pub fn journalled(lane: &Lane) -> Vec<(String, String)> {
    let journals = fs::read_dir(lane.path("state/dbench/journal")).into_iter().flatten();
    let texts = journals.map(|journal| fs::read_to_string(journal.unwrap().path()).unwrap());
    let lines: Vec<_> = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let read = |line: &String| {
        let entry: serde_json::Value = serde_json::from_str(line).ok()?;
        let of = |name: &str| entry[name].as_str().map(str::to_owned);
        Some((of("entry")?, of("tag").or_else(|| of("name"))?))
    };
    lines.iter().filter_map(read).collect()
}

/// Files below a folder, without those of locks, which stay.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for path in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_none_or(|ending| ending != "lock") {
            found.insert(path);
        }
    }
    found
}

/// Cleans until there is nothing to clean: an engine takes some time to end a build whose client is gone, and holds its
/// records as long.
pub fn clean(lane: &Lane) {
    let none = "removed: 0 containers, 0 nodes, 0 networks, 0 images, 0 records of the build cache\n";
    let mut said = String::new();
    let end = Instant::now() + LETTING_GO;
    while said != none {
        assert!(Instant::now() < end, "something is left to clean:\n{said}");
        said = lane.dbench(&["clean"]).expect(0).stdout;
    }
}

pub fn assert_nothing_is_left(lane: &Lane, made: &[(String, String)]) {
    for (kind, name) in made {
        match kind.as_str() {
            "tag" => assert!(lane.wait_for(lane.engine.image(name)).unwrap().is_none(), "image {name}"),
            "container" => {
                let found = lane.wait_for(lane.engine.containers(name)).unwrap();
                assert_eq!(found, Vec::<String>::new());
            }
            "network" => {
                let removal = lane.wait_for(lane.engine.remove_network(name)).unwrap();
                assert_eq!(removal, Removal::Absent, "network {name}");
            }
            _ => {}
        }
    }
    lane.assert_nothing_with_the_token_is_left();
    assert_eq!(files(&lane.path("state")), BTreeSet::new());
}

/// How long the run takes that nobody ends, and what counts of it.
fn undisturbed(lane: &Lane) -> (Duration, BTreeMap<String, usize>) {
    let clock = Instant::now();
    lane.dbench(&RUN).expect(0);
    let taken = clock.elapsed();
    let counted = counted(&lane.loaded());
    fs::remove_dir_all(lane.path("results")).unwrap();
    (taken, counted)
}

/// How many samples count, by case and metric.
fn counted(loaded: &Loaded) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for sample in loaded.samples.iter().filter(|sample| sample.status == Status::Valid) {
        *counted.entry(format!("{} {}", sample.case, sample.metric)).or_default() += 1;
    }
    counted
}

/// Takes up the run that was ended, if it had begun, and compares what then counts with what nobody ended.
fn complete(lane: &Lane, whole: &BTreeMap<String, usize>) {
    let mut runs = fs::read_dir(lane.path("results")).into_iter().flatten().map(|run| run.unwrap().path());
    let Some(run) = runs.next().filter(|run| run.join("run.json").is_file()) else { return };
    let ended = lane.dbench(&["run", "--resume", run.to_str().unwrap()]).expect(0);
    let loaded = Loaded::read(RunFolder::at(&run)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert_eq!(&counted(&loaded), whole, "{}", ended.stderr);
    assert!(loaded.run.ended.is_some() && !loaded.run.interrupted);
}

/// Starts the run that is to be ended. It may be interrupted from its first instruction on, also where these tests ignore
/// interrupts, as what a shell starts in the background does.
fn start(lane: &Lane) -> Child {
    lane.start_in_shell(&format!("env --default-signal=INT dbench {}", RUN.join(" ")))
}

/// What a run may end with that was sent a signal: before it listens the signal ends it as any program, and near its end it
/// may be done.
fn assert_ended_by(signal: &str, has_begun: bool, ended: &Ended) {
    let may_be = match (signal, has_begun) {
        ("-INT", true) => [Some(130), Some(0)],
        ("-INT", false) => [Some(130), None],
        _ => [None, Some(0)],
    };
    assert!(may_be.contains(&ended.code), "{:?}\n{}", ended.code, ended.stderr);
}

#[test]
fn a_run_that_is_ended_at_any_point_loses_no_row_and_leaves_nothing() {
    let Some(lane) = Lane::open() else { return };
    if !private_possible() {
        return;
    }
    Tiny::new(&lane, "killed").on_scratch(&lane);
    let users = Users::with(&lane);
    let machine = Machine::look(&lane.path("state/dbench/nodes"));
    let (whole, counted) = undisturbed(&lane);
    for at in 0..setting("DBENCH_KILLS", KILLS) {
        let (signal, point) = (SIGNALS[at as usize % SIGNALS.len()], whole.mul_f64(part(at)));
        eprintln!("{at}: {signal} at {} ms of {} ms", point.as_millis(), whole.as_millis());
        let running = start(&lane);
        std::thread::sleep(point);
        let (rows, made) = (tables(&lane), journalled(&lane));
        send(signal, &running);
        let ended = Ended::of(running.wait_with_output().unwrap());
        assert_ended_by(signal, !made.is_empty(), &ended);
        if signal == "-INT" && ended.code.is_some() {
            assert_nothing_is_left(&lane, &[]);
        }
        assert_rows_are_kept(&lane, &rows);
        // Once on what the signals left, and once on an engine that is clean.
        if at % 4 < 2 {
            clean(&lane);
            assert_nothing_is_left(&lane, &made);
            users.assert_unchanged();
        }
        complete(&lane, &counted);
        let made = [made, journalled(&lane)].concat();
        clean(&lane);
        assert_nothing_is_left(&lane, &made);
        users.assert_unchanged();
        machine.assert_unchanged();
        // A run is called by the second in which it begins.
        fs::remove_dir_all(lane.path("results")).or_else(absent).unwrap();
    }
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
