//! `dbench run --resume` with the real binary: what it refuses, what it goes on with, and what it then leaves on the disk.

use crate::common::{Folder, Ran};
use crate::replay::{Reply, Request, Server};
use crate::succeeds::{scenario, working};
use crate::until;
use dbench::error::files;
use dbench::results::{Loaded, RunFolder, Status};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

const RUN: [&str; 5] = ["run", "--phase=cold", "--rounds=3", "--variant=single", "--seed=1"];

/// An engine that falls silent in the build of that number, from 1.
fn silent_from(number: usize) -> impl Fn(&Request) -> Option<Reply> + Send + Sync {
    let (working, builds) = (working(), AtomicUsize::new(0));
    move |request| {
        let build = request.is("POST", "/build?");
        if build && builds.fetch_add(1, Ordering::Relaxed) + 1 >= number {
            return Some(Reply::Silent(String::new()));
        }
        working(request)
    }
}

fn host(folder: &Folder, name: &str) -> String {
    format!("unix://{}", folder.path(name).display())
}

fn dbench(folder: &Folder, socket: &str, arguments: &[&str]) -> Ran {
    folder.dbench(&[("DOCKER_HOST", &host(folder, socket)), ("DBENCH_MEASURE", "build,size")], arguments)
}

fn only_run(folder: &Folder) -> PathBuf {
    files::list(&folder.path("results")).unwrap().remove(0)
}

/// A run that is killed in its second round, with a row that was torn.
fn killed() -> Folder {
    let folder = scenario();
    killed_in(&folder, 2);
    let samples = only_run(&folder).join("samples.csv");
    let text = files::read_to_string(&samples).unwrap();
    files::write(&samples, format!("{text}greet,single,buildkit,co")).unwrap();
    folder
}

/// Kills a run in its build of that number.
fn killed_in(folder: &Folder, build: usize) {
    let server = Server::start(&folder.path("first.sock"), silent_from(build));
    let mut running = Command::new(env!("CARGO_BIN_EXE_dbench"))
        .args(RUN)
        .current_dir(folder.path(""))
        .env_clear()
        .env("XDG_STATE_HOME", folder.path("state"))
        .envs([("DOCKER_HOST", host(folder, "first.sock").as_str()), ("DBENCH_MEASURE", "build,size")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let builds = || server.requests().iter().filter(|line| line.contains("/build?")).count();
    until("that build runs", || builds() == build);
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn a_killed_run_is_taken_up_and_says_so() {
    let folder = killed();
    Server::start(&folder.path("good.sock"), working());
    let id = only_run(&folder).file_name().unwrap().to_string_lossy().into_owned();
    let ran = dbench(&folder, "good.sock", &["run", "--resume", &id, "--plan"]).ends(0);
    assert!(ran.out.starts_with("greet/single round 2: cold\ngreet/single round 3: cold\n"), "{}", ran.out);
    let ran = dbench(&folder, "good.sock", &["run", "--resume", &id]).ends(0);
    let said = ran.err.replace([dbench::report::format::THIN, '\u{a0}'], " ");
    assert!(said.contains(&format!("going on with results/{id}: 2 rounds missing\n")), "{said}");
    assert_eq!(files::list(&folder.path("results")).unwrap().len(), 1);
    let loaded = Loaded::read(RunFolder::at(only_run(&folder))).unwrap();
    assert_eq!(loaded.warnings, Vec::<String>::new(), "the torn row is gone");
    assert!(loaded.samples.iter().all(|sample| sample.status == Status::Valid), "{:#?}", loaded.samples);
    let rounds: std::collections::BTreeSet<_> = loaded.samples.iter().map(|sample| sample.round).collect();
    assert_eq!(rounds, [1, 2, 3].into());
    assert_eq!(loaded.samples.len() % 3, 0);
    assert_eq!((loaded.run.resumed.len(), loaded.run.interrupted), (1, false));
    assert!(loaded.run.ended.is_some());

    let before = files::read(&loaded.folder.samples()).unwrap();
    let ran = dbench(&folder, "good.sock", &["run", "--resume", "latest"]).ends(0);
    assert!(ran.err.contains(&format!("nothing is missing of results/{id}\n")), "{}", ran.err);
    assert_eq!(files::read(&loaded.folder.samples()).unwrap(), before);
    let ran = dbench(&folder, "none.sock", &["run", "--resume", "latest", "--plan"]).ends(0);
    assert_eq!(ran.out, format!("nothing is missing of results/{id}\n"));
}

#[test]
fn the_latest_run_is_taken_up_though_it_has_not_a_row() {
    let folder = scenario();
    killed_in(&folder, 1);
    let id = only_run(&folder).file_name().unwrap().to_string_lossy().into_owned();
    // An older one that came to its end has rows, and is not meant.
    let older = folder.path("results/20200101T000000Z");
    files::create_dir_all(&older).unwrap();
    for table in ["samples.csv", "steps.csv", "transfers.csv"] {
        files::write(&older.join(table), files::read(&run_of(&folder, &id).join(table)).unwrap()).unwrap();
    }
    let run = files::read_to_string(&run_of(&folder, &id).join("run.json")).unwrap();
    let year = format!("\"started\": \"{}", &id[..4]);
    assert!(run.contains(&year), "{run}");
    files::write(&older.join("run.json"), run.replace(&year, "\"started\": \"2020")).unwrap();
    let rows = "greet,single,buildkit,cold,1,build-wall,1,ns,valid,,,,\n";
    let header = files::read_to_string(&older.join("samples.csv")).unwrap();
    files::write(&older.join("samples.csv"), header + rows).unwrap();

    Server::start(&folder.path("good.sock"), working());
    let ran = dbench(&folder, "good.sock", &["run", "--resume", "latest"]).ends(0);
    let said = ran.err.replace([dbench::report::format::THIN, '\u{a0}'], " ");
    assert!(said.contains(&format!("going on with results/{id}: 3 rounds missing\n")), "{said}");
    let loaded = Loaded::read(RunFolder::at(run_of(&folder, &id))).unwrap();
    assert!(loaded.run.ended.is_some() && loaded.samples.len() >= 9, "{:#?}", loaded.samples);
}

fn run_of(folder: &Folder, id: &str) -> PathBuf {
    folder.path("results").join(id)
}

#[test]
fn what_contradicts_the_run_is_refused() {
    let folder = killed();
    let server = Server::start(&folder.path("good.sock"), working());
    let before = files::read(&only_run(&folder).join("samples.csv")).unwrap();
    for (flags, shown) in [
        (&["--rounds", "5"][..], "--rounds <N>"),
        (&["--phase", "cold"], "--phase <PHASE>"),
        (&["--seed", "2"], "--seed <N>"),
        (&["--variant", "single"], "--variant <NAME>"),
        (&["--measure", "build"], "--measure <PART>"),
        (&["--node", "none"], "--node <KIND>"),
        (&["--quick"], "--quick"),
        (&["greet"], "[SCENARIO]..."),
    ] {
        let arguments = [&["run", "--resume", "latest"], flags].concat();
        let ran = dbench(&folder, "good.sock", &arguments).ends(2);
        let said = format!("error: the argument '--resume <RUN>' cannot be used with '{shown}'\n");
        assert!(ran.err.starts_with(&said), "{}", ran.err);
    }
    let ran =
        dbench(&folder, "good.sock", &["run", "--resume", "latest", "--base", "base:1=other:1"]).ends(2);
    assert_eq!(
        ran.err,
        "error: --base base:1=other:1: the run has no other image for that base\n  hint: leave the flag out: a run that is \
         resumed keeps its bases\n"
    );
    assert!(
        dbench(&folder, "good.sock", &["run", "--resume", "none"])
            .ends(2)
            .err
            .contains("there is no run `none`")
    );

    let other = |request: &Request| {
        let version =
            r#"{"ApiVersion":"1.47","MinAPIVersion":"1.24","Version":"28.0.0","Os":"linux","Arch":"amd64"}"#;
        request.is("GET", "/version").then(|| Reply::Whole(200, version.to_owned()))
    };
    Server::start(&folder.path("other.sock"), other);
    let ran = dbench(&folder, "other.sock", &["run", "--resume", "latest"]).ends(2);
    assert!(
        ran.err.contains("cannot go on here: the engine's version was `27.5.1` and is `28.0.0`"),
        "{}",
        ran.err
    );

    folder.write("scenarios/greet/app/edition", "edition 0000000000000000\nmore\n");
    let ran = dbench(&folder, "good.sock", &["run", "--resume", "latest"]).ends(2);
    assert!(
        ran.err.contains("cannot go on here: the scenario greet is no longer what was built\n  hint: "),
        "{}",
        ran.err
    );
    assert!(!server.saw("POST", "/build?"));
    assert_eq!(files::read(&only_run(&folder).join("samples.csv")).unwrap(), before);
}

#[test]
fn a_run_that_another_process_writes_is_left_to_it() {
    let folder = killed();
    let samples = files::append(&only_run(&folder).join("samples.csv")).unwrap();
    samples.try_lock().unwrap();
    let server = Server::start(&folder.path("good.sock"), working());
    let ran = dbench(&folder, "good.sock", &["run", "--resume", "latest"]).ends(1);
    assert!(
        ran.err.contains(": another dbench writes to this run\n  hint: wait for it or end it\n"),
        "{}",
        ran.err
    );
    assert!(!server.saw("POST", "/build?"));
}
