//! The real binary against a server that replays answers of a Docker Engine, whole, broken and missing.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends where something is missing, and says what it left out"
)]

mod classic;
#[path = "../common/mod.rs"]
mod common;
mod cut;
mod disk;
mod ending;
mod engaged;
#[path = "../replay/mod.rs"]
mod replay;
mod resumed;
mod succeeds;

use common::{Folder, Ran};
use dbench::error::files;
use replay::status::trace;
use replay::{Reply, Request, Server};

/// Runs the scenario against a server that answers as `answer` says, and as a good engine where it says nothing.
fn against(
    answer: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static,
    arguments: &[&str],
) -> (Folder, Server, Ran) {
    let folder = Folder::new();
    let server = Server::start(&folder.path("docker.sock"), answer);
    let host = format!("unix://{}", folder.path("docker.sock").display());
    let ran = folder.dbench(&[("DOCKER_HOST", &host), ("DBENCH_MEASURE", "build,size")], arguments);
    (folder, server, ran)
}

const RUN: [&str; 8] =
    ["run", "--phase", "cold", "--rounds", "1", "--variant", "single", "--silence-deadline=1"];

/// The rows that a run left, without the time at their end.
fn rows(folder: &Folder) -> Vec<String> {
    let runs = files::list(&folder.path("results")).unwrap();
    let rows = files::read_to_string(&runs[0].join("samples.csv")).unwrap();
    rows.lines().skip(1).map(str::to_owned).collect()
}

/// A build that goes wrong is a failed row with its reason, a gap in the plan, and no hang.
#[track_caller]
fn fails(reply: impl Fn() -> Reply + Send + Sync + 'static, reason: &str) -> Ran {
    let build = move |request: &Request| request.is("POST", "/build?").then(&reply);
    let (folder, server, ran) = against(build, &RUN);
    let ran = ran.ends(3);
    let rows = rows(&folder);
    let row = rows.iter().find(|row| row.contains(",build-wall,")).unwrap();
    assert!(row.starts_with("greet,single,buildkit,cold,1,build-wall,,ns,failed,"), "{row}");
    assert!(row.contains(reason), "{row}");
    assert!(row.contains("(log: logs/greet-single-buildkit-cold-1.log)"), "{row}");
    assert!(rows.iter().all(|row| !row.contains(",valid,")), "{rows:#?}");
    assert!(server.saw("POST", "/session"), "{:#?}", server.requests());
    assert!(server.saw("DELETE", "/images/"), "what may have been made is removed");
    ran
}

#[test]
fn an_error_in_the_middle_of_a_build_names_the_step_and_shows_its_last_lines() {
    let step = trace(
        "sha256:a",
        "[1/2] RUN make",
        "make: no rule\n",
        "process \"make\" did not complete: exit code: 2",
    );
    let ran = fails(
        move || {
            Reply::Stream(vec![
                step.clone(),
                r#"{"errorDetail":{"message":"failed to solve: exit code: 2"}}"#.into(),
            ])
        },
        "failed,step `1 RUN make`: failed to solve: exit code: 2 (log: ",
    );
    assert!(
        ran.err.contains(
            "its log ends:\n  | [1/2] RUN make ERROR process \"make\" did not complete: exit code: 2\n  \
             | [1/2] RUN make | make: no rule\n"
        ),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("/logs/greet-single-buildkit-cold-1.log\n"), "{}", ran.err);
}

#[test]
fn the_failed_step_shows_its_own_lines_though_another_stage_writes_between_them() {
    let (mine, other) = ("[builder 2/3] RUN make", "[assets 2/3] RUN bundle");
    let mut events = Vec::new();
    for at in 1..=30 {
        events.push(trace("sha256:a", mine, &format!("mine {at}\n"), ""));
        events.push(trace("sha256:b", other, &format!("other {at}\n"), ""));
    }
    events.push(trace("sha256:a", mine, "", "exit code: 2"));
    events.extend((31..=60).map(|at| trace("sha256:b", other, &format!("other {at}\n"), "")));
    events.push(r#"{"errorDetail":{"message":"failed to solve: exit code: 2"}}"#.into());
    let ran =
        fails(move || Reply::Stream(events.clone()), "failed,step `builder 2 RUN make`: failed to solve");
    let shown: Vec<_> = ran.err.lines().filter(|line| line.starts_with("  | ")).collect();
    assert_eq!(shown.len(), 21, "{}", ran.err);
    assert_eq!(shown[0], "  | [builder 2/3] RUN make | mine 12");
    assert_eq!(shown[18], "  | [builder 2/3] RUN make | mine 30");
    assert_eq!(shown[20], "  | ERROR: failed to solve: exit code: 2");
    assert!(!ran.err.contains("| other"), "{}", ran.err);
}

#[test]
fn a_folder_of_runs_that_cannot_be_made_is_named_with_the_flag() {
    let (_folder, server, ran) = against(|_| None, &["run", "--out", "scenarios/greet/scenario.toml/below"]);
    let ran = ran.ends(1);
    assert!(
        ran.err.starts_with("error: cannot create the folder scenarios/greet/scenario.toml/below/"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("\n  hint: name a folder that can be made and written with --out\n"),
        "{}",
        ran.err
    );
    assert!(!server.saw("POST", "/build?"));
}

#[test]
fn a_refused_build_is_a_failed_row() {
    fails(
        || Reply::Whole(500, r#"{"message":"no space left on device"}"#.to_owned()),
        "no space left on device",
    );
}

#[test]
fn a_stream_that_is_cut_is_a_failed_row() {
    let reason = "the connection to the engine broke off: error reading a body from connection";
    fails(|| Reply::Cut(trace("sha256:a", "[1/2] RUN make", "", "")), reason);
}

#[test]
fn a_stream_that_ends_without_an_image_is_a_failed_row() {
    fails(|| Reply::Stream(vec![]), "the stream of events ended without an image");
}

#[test]
fn a_silent_engine_is_left_at_the_deadline() {
    let reason = "the engine was silent for 1 s, so the build was cancelled (--silence-deadline)";
    fails(|| Reply::Silent(trace("sha256:a", "[1/2] RUN sleep", "", "")), reason);
    fails(|| Reply::Silent(String::new()), reason);
}

#[test]
fn events_that_are_not_json_are_a_failed_row() {
    fails(|| Reply::Stream(vec!["<html>\n".to_owned()]), "expected value at line 1 column 1");
}

#[test]
fn an_older_api_is_spoken() {
    let version = |request: &Request| {
        request
            .is("GET", "/version")
            .then(|| {
                Reply::Whole(
                    200,
                    r#"{"ApiVersion":"1.41","MinAPIVersion":"1.12","Version":"20.10.24"}"#.to_owned(),
                )
            })
            .or_else(|| request.is("POST", "/build?").then(|| Reply::Stream(vec![])))
    };
    let (folder, server, ran) = against(version, &RUN);
    ran.ends(3);
    let builds: Vec<_> = server.requests().into_iter().filter(|line| line.contains("/build?")).collect();
    assert!(builds[0].starts_with("POST /v1.41/build?"), "{builds:#?}");
    assert!(builds[0].contains("version=2") && builds[0].contains("remote=client-session"), "{builds:#?}");
    let runs = files::list(&folder.path("results")).unwrap();
    let run = files::read_to_string(&runs[0].join("run.json")).unwrap();
    assert!(run.contains(r#""api": "1.41""#) && run.contains(r#""version": "20.10.24""#), "{run}");
}

#[test]
fn an_api_that_is_too_new_too_old_or_none_is_said() {
    for (api, least, said) in [
        ("1.99", "1.90", "client version is too old. Minimum supported API version is 1.90"),
        ("1.12", "1.10", "page not found"),
        ("9", "", "no Docker Engine answers at "),
        ("999999999999999999999.1", "", "no Docker Engine answers at "),
        ("one.two", "", "no Docker Engine answers at "),
    ] {
        let answer = move |request: &Request| {
            if request.is("GET", "/version") {
                let body = format!(r#"{{"ApiVersion":"{api}","MinAPIVersion":"{least}","Version":"1"}}"#);
                return Some(Reply::Whole(200, body));
            }
            // An engine that is too new refuses the version; one that is too old does not know the path.
            let status = if least == "1.90" { 400 } else { 404 };
            Some(Reply::Whole(status, format!(r#"{{"message":"{said}"}}"#)))
        };
        let (folder, server, ran) = against(answer, &RUN);
        let ran = ran.ends(1);
        assert!(ran.err.starts_with("error: ") && ran.err.contains(said), "{api}: {}", ran.err);
        assert!(!server.saw("POST", "/build?") && !folder.path("results").exists(), "{api}");
    }
}

/// Waits for something that comes soon.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !so() {
        assert!(std::time::Instant::now() < end, "{what}: it did not come about");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn an_engine_without_sessions_is_refused_with_what_it_needs() {
    let session = |request: &Request| {
        request
            .is("POST", "/session")
            .then(|| Reply::Whole(404, r#"{"message":"page not found"}"#.to_owned()))
    };
    let (_folder, _server, ran) = against(session, &RUN);
    let ran = ran.ends(1);
    assert!(ran.err.contains("refused a build session: HTTP/1.1 404"), "{}", ran.err);
    assert!(ran.err.contains("hint: BuildKit builds need Docker Engine 18.09 or newer"), "{}", ran.err);
}

#[test]
fn a_base_that_is_not_there_and_cannot_be_pulled_ends_before_any_build() {
    let missing = |request: &Request| {
        if request.is("GET", "/images/base:1/json") {
            return Some(Reply::Whole(404, r#"{"message":"No such image: base:1"}"#.to_owned()));
        }
        let said = r#"{"errorDetail":{"message":"pull access denied for base"},"error":"pull access denied for base"}"#;
        request.is("POST", "/images/create?").then(|| Reply::Stream(vec![format!("{said}\n")]))
    };
    let (folder, server, ran) = against(missing, &RUN);
    let ran = ran.ends(1);
    assert!(
        ran.err.contains(
            "error: scenarios/greet/single.Dockerfile:1:6: the base base:1 cannot be pulled\n  cause: "
        ),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("pull access denied for base"), "{}", ran.err);
    assert!(ran.err.contains("hint: pull or build it by hand, or map it"), "{}", ran.err);
    assert!(!server.saw("POST", "/build?"));
    assert!(!folder.path("results").exists());
}

#[test]
fn answers_that_are_not_json_are_errors_of_the_surroundings() {
    for (method, path, said) in [
        ("GET", "/version", "error: no Docker Engine answers at "),
        ("GET", "/info", "error: the engine failed at asking about the engine\n  cause: "),
        ("GET", "/images/base:1/json", "error: the engine failed at looking at an image\n  cause: "),
        ("GET", "/system/df", "error: the engine's list of its build cache cannot be read\n  cause: "),
    ] {
        let html =
            move |request: &Request| request.is(method, path).then(|| Reply::Whole(200, "<html>".to_owned()));
        let (_folder, server, ran) = against(html, &RUN);
        let ran = ran.ends(1);
        assert!(ran.err.contains(said), "{path}: {}", ran.err);
        assert!(!server.saw("POST", "/build?"));
    }
}

#[test]
fn a_count_of_the_build_cache_that_is_refused_for_now_is_asked_for_again() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let busy = move |request: &Request| {
        let first =
            request.is("GET", "/system/df") && asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2;
        let said = r#"{"message":"a disk usage operation is already running"}"#;
        first.then(|| Reply::Whole(500, said.to_owned()))
    };
    let build = move |request: &Request| {
        busy(request).or_else(|| request.is("POST", "/build?").then(|| Reply::Stream(vec![])))
    };
    let (_folder, server, ran) = against(build, &RUN);
    ran.ends(3);
    assert!(server.saw("POST", "/build?"), "the run goes on: {:#?}", server.requests());
    let broken = |request: &Request| {
        request.is("GET", "/system/df").then(|| Reply::Whole(500, r#"{"message":"bolt: closed"}"#.to_owned()))
    };
    let (_folder, _server, ran) = against(broken, &RUN);
    assert!(ran.ends(1).err.contains(r#"cause: 500 Internal Server Error: {"message":"bolt: closed"}"#));
}

#[test]
fn clean_on_an_engine_that_holds_nothing_of_ours_removes_nothing() {
    let (_folder, server, ran) = against(|_| None, &["clean"]);
    assert_eq!(
        ran.ends(0).out,
        "removed: 0 containers, 0 nodes, 0 networks, 0 images, 0 records of the build cache\n"
    );
    assert!(!server.requests().iter().any(|line| line.starts_with("DELETE") || line.contains("prune")));
}
