//! How a run ends before its plan is done: by an error, by a signal, and by a second one while the engine is waited for.

use crate::common::Folder;
use crate::replay::{Reply, Request, Server};
use crate::succeeds::{scenario, working};
use crate::until;
use dbench::error::files;
use dbench::results::{Loaded, RunFolder};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const RUN: [&str; 5] = ["run", "--phase=cold", "--rounds=2", "--variant=single", "--seed=1"];

fn loaded(folder: &Folder) -> Loaded {
    let run = files::list(&folder.path("results")).unwrap().remove(0);
    Loaded::read(RunFolder::at(run)).unwrap()
}

#[test]
fn a_run_that_an_error_ends_says_which_and_not_that_it_was_interrupted() {
    let folder = scenario();
    let (working, broken) = (working(), AtomicBool::new(false));
    let server = Server::start(&folder.path("docker.sock"), move |request| {
        if request.is("POST", "/build?") && request.target().contains("cold-2") {
            broken.store(true, Ordering::Relaxed);
        }
        let cache = request.is("GET", "/system/df") && broken.load(Ordering::Relaxed);
        if cache {
            Some(Reply::Whole(500, r#"{"message":"database is closed"}"#.into()))
        } else {
            working(request)
        }
    });
    let host = format!("unix://{}", folder.path("docker.sock").display());
    let environment = [("DOCKER_HOST", host.as_str()), ("DBENCH_MEASURE", "build,size")];
    let ran = folder.dbench(&environment, &RUN).ends(1);
    assert!(ran.err.contains("database is closed") && server.saw("POST", "/build?"), "{}", ran.err);
    let loaded = loaded(&folder);
    assert!(!loaded.run.interrupted && loaded.run.ended.is_some() && !loaded.run.is_whole());
    let failure = loaded.run.failure.unwrap();
    assert!(failure.contains("database is closed") && !failure.contains('\n'), "{failure}");
    let report = folder.dbench(&[], &["report", "latest"]).ends(0).out;
    assert!(report.contains("An error ended the run: ") && !report.contains("interrupted"), "{report}");
    // What is missing is measured all the same, and then nothing is said of the error.
    Server::start(&folder.path("good.sock"), crate::succeeds::working());
    let host = format!("unix://{}", folder.path("good.sock").display());
    let environment = [("DOCKER_HOST", host.as_str()), ("DBENCH_MEASURE", "build,size")];
    folder.dbench(&environment, &["run", "--resume", "latest"]).ends(0);
    assert!(self::loaded(&folder).run.is_whole());
}

fn signal(name: &str, process: &Child) {
    let sent = Command::new("kill").args([name, &process.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn begin(folder: &Folder) -> Child {
    Command::new(env!("CARGO_BIN_EXE_dbench"))
        .args(RUN)
        .current_dir(folder.path(""))
        .env_clear()
        .env("XDG_STATE_HOME", folder.path("state"))
        .env("DOCKER_HOST", format!("unix://{}", folder.path("docker.sock").display()))
        .env("DBENCH_MEASURE", "build,size")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A run that is ended in a build of an engine that says nothing more from then on.
fn stuck(first: &str, then: &str) -> (Folder, Output) {
    let folder = scenario();
    let (working, stuck) = (working(), Arc::new(AtomicBool::new(false)));
    let silent = Arc::clone(&stuck);
    let server = Server::start(&folder.path("docker.sock"), move |request: &Request| {
        let build = request.is("POST", "/build?") && request.target().contains("t=dbench");
        let silent = silent.load(Ordering::Relaxed) && !request.is("POST", "/session");
        if build || silent { Some(Reply::Silent(String::new())) } else { working(request) }
    });
    let running = begin(&folder);
    until("the build", || server.requests().iter().any(|line| line.contains("t=dbench")));
    stuck.store(true, Ordering::Relaxed);
    let before = server.requests().len();
    signal(first, &running);
    until("the clean-up asks the engine", || server.requests().len() > before);
    signal(then, &running);
    (folder, running.wait_with_output().unwrap())
}

#[test]
fn a_first_signal_while_a_whole_run_removes_what_it_made_does_not_keep_it_from_that() {
    let folder = scenario();
    let (working, results) = (working(), folder.path("results"));
    let has_ended = move || {
        let runs = files::list(&results).unwrap_or_default().into_iter();
        runs.filter_map(|run| Loaded::read(RunFolder::at(run)).ok()).any(|loaded| loaded.run.ended.is_some())
    };
    let slow = has_ended.clone();
    let server = Server::start(&folder.path("docker.sock"), move |request: &Request| {
        if slow() {
            std::thread::sleep(Duration::from_millis(500));
        }
        working(request)
    });
    let running = begin(&folder);
    until("the end of the plan", has_ended);
    let before = server.requests().len();
    signal("-INT", &running);
    let ended = running.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(server.requests().len() > before, "nothing was left to remove: {said}");
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(said.contains("removing what was made") && !said.contains("interrupted"), "{said}");
    assert!(loaded(&folder).run.is_whole());
    assert!(files::list(&folder.path("state/dbench/journal")).unwrap().is_empty());
}

#[test]
fn a_second_signal_gives_up_waiting_and_leaves_the_journal_to_clean() {
    for (first, then) in [("-INT", "-INT"), ("-TERM", "-INT"), ("-HUP", "-TERM")] {
        let (folder, ended) = stuck(first, then);
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(130), "{said}");
        let hint = "error: interrupted; everything measured so far is kept\n  hint: `dbench clean` removes what is left in \
                    the engine, which was not waited for; `dbench run --resume results/";
        assert!(said.contains(hint), "{said}");
        let run = loaded(&folder).run;
        assert!(run.interrupted && run.ended.is_some() && run.failure.is_none());
        let journals = files::list(&folder.path("state/dbench/journal")).unwrap();
        let ours = |path: &std::path::PathBuf| path.to_string_lossy().contains(&run.id);
        assert!(journals.iter().any(ours), "{journals:?}");
    }
}
