//! Builds by the classic builder, replayed: what the real binary makes of its text, whole, broken and cut.

use crate::common::{Folder, Ran};
use crate::replay::{Reply, Request, Server};
use crate::{against, rows};
use dbench::error::files;

const RUN: [&str; 8] = [
    "run",
    "--phase=cold",
    "--rounds=1",
    "--variant=single",
    "--silence-deadline=1",
    "--builder",
    "classic",
    "--keep",
];

fn text(said: &str) -> String {
    format!("{}\n", serde_json::json!({ "stream": said }))
}

fn error(said: &str) -> String {
    format!("{}\n", serde_json::json!({ "errorDetail": { "message": said }, "error": said }))
}

/// The text up to the step that goes on.
fn begun() -> Vec<String> {
    [
        "Step 1/3 : FROM base:1",
        "\n",
        " ---> ba5eba5eba5e\n",
        "Step 2/3 : COPY . /",
        "\n",
        " ---> 0123456789ab\n",
        "Step 3/3 : LABEL dev.dbench.run=r",
        "\n",
    ]
    .map(text)
    .into()
}

fn is_build(request: &Request) -> bool {
    request.is("POST", "/build?") && request.target().contains("t=dbench")
}

#[track_caller]
fn fails(reply: impl Fn() -> Reply + Send + Sync + 'static, reason: &str) -> (Folder, Server, Ran) {
    let (folder, server, ran) = against(move |request| is_build(request).then(&reply), &RUN);
    let ran = ran.ends(3);
    let rows = rows(&folder);
    let row = rows.iter().find(|row| row.contains(",build-wall,")).unwrap();
    assert!(row.starts_with("greet,single,classic,cold,1,build-wall,,ns,failed,"), "{row}");
    assert!(row.contains(reason), "{row}");
    assert!(row.contains("(log: logs/greet-single-classic-cold-1.log)"), "{row}");
    assert!(rows.iter().all(|row| !row.contains(",valid,")), "{rows:#?}");
    assert!(!server.saw("POST", "/session"), "BuildKit is not asked: {:#?}", server.requests());
    (folder, server, ran)
}

#[test]
fn an_error_in_the_middle_names_the_step_that_went_on() {
    let said = "The command '/bin/sh -c make' returned a non-zero code: 2";
    let (folder, server, ran) = fails(
        move || Reply::Stream([begun(), vec![error(said)]].concat()),
        &format!("failed,step `LABEL dev.dbench.run=r`: {said} (log: "),
    );
    assert!(ran.err.contains("  | Step 2/3 : COPY . /\n"), "{}", ran.err);
    assert!(ran.err.contains(&format!("  | ERROR: {said}\n")), "{}", ran.err);
    let builds: Vec<_> = server.requests().into_iter().filter(|line| is_build_line(line)).collect();
    assert_eq!(builds.len(), 1, "{builds:#?}");
    for asked in ["version=1", "rm=true", "forcerm=true", "nocache=true", "dockerfile=.dbench.Dockerfile"] {
        assert!(builds[0].contains(asked), "{asked}: {builds:#?}");
    }
    assert!(!builds[0].contains("BUILDKIT"), "{builds:#?}");
    let runs = files::list(&folder.path("results")).unwrap();
    let steps = files::read_to_string(&runs[0].join("steps.csv")).unwrap();
    let steps: Vec<_> = steps.lines().skip(1).collect();
    assert_eq!(steps.len(), 4, "{steps:#?}");
    assert!(steps[1].starts_with("greet,single,classic,cold,1,stage-0,1,FROM base:1,"), "{steps:#?}");
    assert!(steps[2].starts_with("greet,single,classic,cold,1,stage-0,2,COPY . /,"), "{steps:#?}");
    assert!(steps[2].ends_with(",false,true,"), "it ran, and every step is on the critical path: {steps:#?}");
}

fn is_build_line(line: &str) -> bool {
    line.starts_with("POST ") && line.contains("/build?") && line.contains("t=dbench")
}

#[test]
fn a_classic_text_that_is_cut_or_ends_early_is_a_failed_row() {
    fails(
        || Reply::Cut(begun().concat()),
        "the connection to the engine broke off: error reading a body from connection",
    );
    fails(|| Reply::Stream(begun()), "the engine's text ended without an image");
    fails(|| Reply::Stream(vec![]), "the engine's text ended without an image");
}

#[test]
fn a_silent_classic_builder_is_left_at_the_deadline() {
    let reason = "the engine was silent for 1 s, so the build was cancelled (--silence-deadline)";
    fails(|| Reply::Silent(begun().concat()), reason);
    fails(|| Reply::Silent(String::new()), reason);
}

#[test]
fn a_refused_classic_build_is_a_failed_row() {
    let said = r#"{"message":"no space left on device"}"#;
    fails(|| Reply::Whole(500, said.to_owned()), "no space left on device");
}

#[test]
fn an_engine_without_a_classic_builder_is_refused_before_anything_is_built() {
    let gone = |request: &Request| {
        let said = r#"{"message":"the classic builder is no longer supported"}"#;
        request.is("POST", "/build?").then(|| Reply::Whole(400, said.to_owned()))
    };
    let (folder, server, ran) = against(gone, &RUN);
    let ran = ran.ends(1);
    assert!(ran.err.contains("error: the engine has no classic builder\n  cause: "), "{}", ran.err);
    assert!(ran.err.contains("the classic builder is no longer supported"), "{}", ran.err);
    assert!(ran.err.contains("hint: choose --builder buildkit, or point DOCKER_HOST at"), "{}", ran.err);
    assert!(!server.requests().iter().any(|line| is_build_line(line)));
    assert!(!folder.path("results").exists());
}

#[test]
fn both_builders_want_both() {
    let session = |request: &Request| {
        request
            .is("POST", "/session")
            .then(|| Reply::Whole(404, r#"{"message":"page not found"}"#.to_owned()))
    };
    let (_folder, _server, ran) = against(session, &["run", "--builder", "both"]);
    let ran = ran.ends(1);
    assert!(ran.err.contains("refused a build session: HTTP/1.1 404"), "{}", ran.err);
    assert!(ran.err.contains("or choose --builder classic"), "{}", ran.err);
}

#[test]
fn a_platform_is_asked_for_and_a_base_for_another_is_refused() {
    let (_folder, server, ran) = against(
        |request| is_build(request).then(|| Reply::Stream(begun())),
        &[&RUN[..], &["--platform", "linux/x86_64"]].concat(),
    );
    let ran = ran.ends(1);
    assert!(
        ran.err.contains("error: scenarios/greet/single.Dockerfile:1:6: the base base:1 is there for "),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("and the run is to build for linux/amd64\n"), "{}", ran.err);
    assert!(!server.requests().iter().any(|line| is_build_line(line)));
    let arm = |request: &Request| {
        let base = r#"{"Id":"sha256:ba5e","Os":"linux","Architecture":"arm64","Variant":"v8","RootFS":{"Type":"layers","Layers":["sha256:1"]}}"#;
        let base = || Reply::Whole(200, base.to_owned());
        request
            .is("GET", "/images/base:1/json")
            .then(base)
            .or_else(|| is_build(request).then(|| Reply::Stream(begun())))
    };
    let (folder, server, ran) = against(arm, &[&RUN[..], &["--platform", "linux/aarch64"]].concat());
    let ran = ran.ends(3);
    assert!(
        ran.err.contains("the images are for linux/arm64 and the engine runs on linux/amd64"),
        "{}",
        ran.err
    );
    let build = server.requests().into_iter().find(|line| is_build_line(line)).unwrap();
    assert!(build.contains("platform=linux%2Farm64"), "{build}");
    let runs = files::list(&folder.path("results")).unwrap();
    let run = files::read_to_string(&runs[0].join("run.json")).unwrap();
    assert!(run.contains(r#""platform": "linux/arm64""#) && run.contains(r#""builder": "classic""#), "{run}");
}
