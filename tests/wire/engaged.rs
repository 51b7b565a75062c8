//! An engine that a run has: who else is refused, what is said of the run, and that nothing of it outlives the process.

use crate::common::{Folder, Ran, run};
use crate::replay::status::trace;
use crate::replay::{Reply, Request, Server};
use crate::{RUN, until};
use dbench::error::files;
use std::process::{Child, Command, Stdio};

fn silent(request: &Request) -> Option<Reply> {
    request.is("POST", "/build?").then(|| Reply::Silent(trace("sha256:a", "[1/2] RUN sleep", "", "")))
}

fn begin(folder: &Folder, host: &str, deadline: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_dbench"))
        .args(&RUN[..7])
        .arg(deadline)
        .current_dir(folder.path(""))
        .env_clear()
        .env("XDG_STATE_HOME", folder.path("state"))
        .envs([("DOCKER_HOST", host), ("DBENCH_MEASURE", "build,size")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A second run, with its state in that folder.
fn second(folder: &Folder, state: &str, host: &str) -> Ran {
    let environment = [("DOCKER_HOST", host), ("DBENCH_MEASURE", "build,size")];
    run(
        &folder.path(""),
        &folder.path(state),
        &environment,
        &["run", "--rounds", "1", "--silence-deadline=1", "--out", "later"],
    )
}

#[test]
fn two_runs_at_once_on_one_engine_are_refused_whosever_they_are() {
    let folder = Folder::new();
    let server = Server::start(&folder.path("docker.sock"), silent);
    let host = format!("unix://{}", folder.path("docker.sock").display());
    let mut first = begin(&folder, &host, "--silence-deadline=600");
    until("the first run builds", || server.saw("POST", "/build?"));
    let hint = "hint: wait for it or end it; two runs at once would measure each other\n";
    let runs = files::list(&folder.path("results")).unwrap();
    let id = runs[0].file_name().unwrap().to_string_lossy().into_owned();
    let process = format!("error: another dbench uses this engine: process {}", first.id());
    assert_eq!(second(&folder, "", &host).ends(1).err, format!("{process}, run results/{id}\n  {hint}"));
    let cleaned = folder.dbench(&[("DOCKER_HOST", &host)], &["clean"]).ends(1).err;
    assert_eq!(cleaned, format!("{process}, run results/{id}\n  {hint}"));
    if cfg!(target_os = "linux") {
        // The state folder of another user says nothing, and only the process can be named.
        assert_eq!(second(&folder, "theirs", &host).ends(1).err, format!("{process}\n  {hint}"));
    }
    assert!(!folder.path("later").exists());

    first.kill().unwrap();
    first.wait().unwrap();
    second(&folder, "theirs", &host).ends(3);
    assert_eq!(files::list(&folder.path("later")).unwrap().len(), 1);
}
