//! A build whose stream of events ends, or falls silent, after any byte: each time it has failed, with a reason. One process, so
//! that every position is tried.

use crate::replay::status::{Vertex, image};
use crate::replay::{Reply, Request, Server, stream};
use dbench::engine::docker::DockerEngine;
use dbench::engine::endpoint::Endpoint;
use dbench::engine::{BuildRequest, Built, Engine};
use futures_util::StreamExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many builds go on at once.
const AT_ONCE: usize = 8;
const SHORT: Duration = Duration::from_millis(200);

/// Two steps, and the image.
fn events() -> Vec<String> {
    let second = |at: u64| Some(at * 1_000_000_000);
    let copy = Vertex { digest: "sha256:a", name: "[1/2] COPY a b", started: second(1), ..Vertex::default() };
    let run = Vertex {
        digest: "sha256:b",
        inputs: &["sha256:a"],
        name: "[2/2] RUN make",
        started: second(2),
        completed: second(3),
        wrote: "made\n",
        ..Vertex::default()
    };
    let copied = Vertex { completed: second(2), ..copy };
    vec![copy.event(), copied.event(), run.event(), image("sha256:1a6e")]
}

/// Builds against an engine that answers the build with that tag as `reply` says of it.
async fn build(engine: &DockerEngine, folder: &Path, tag: String, silence: Duration) -> Built {
    let plain = BuildRequest::plain(folder, folder, &tag, "n", Duration::from_secs(20));
    let request = BuildRequest { no_cache: true, silence, ..plain };
    engine.build(&request, &mut |_| {}).await.unwrap_or_else(|error| panic!("{tag}: {error}"))
}

/// The number at the end of the tag that a request for a build names.
fn position(request: &Request) -> usize {
    let (_, rest) = request.target().split_once("t=at").unwrap();
    rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// The outcome after each of some numbers of bytes.
fn outcomes(
    positions: impl Iterator<Item = usize>,
    silence: Duration,
    reply: fn(Vec<String>, usize) -> Reply,
) -> Vec<(usize, Result<String, String>)> {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let answer =
        move |request: &Request| request.is("POST", "/build?").then(|| reply(events(), position(request)));
    let _server = Server::start(&socket, answer);
    let done = AtomicUsize::new(0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let outcomes = runtime.block_on(async {
        let engine = DockerEngine::connect(&Endpoint::at_socket(&socket)).await.unwrap();
        let one = async |at: usize| {
            let built = build(&engine, folder.path(), format!("at{at}"), silence).await;
            done.fetch_add(1, Ordering::Relaxed);
            (at, built.outcome.map_err(|failure| failure.message))
        };
        futures_util::stream::iter(positions).map(one).buffer_unordered(AT_ONCE).collect().await
    });
    runtime.shutdown_background();
    outcomes
}

#[test]
fn a_stream_that_is_cut_after_any_byte_is_a_failure_with_a_reason() {
    let whole = stream(&events()).len();
    let outcomes = outcomes(0..=whole, Duration::from_secs(10), Reply::CutAfter);
    assert_eq!(outcomes.len(), whole + 1);
    for (at, outcome) in outcomes {
        match outcome {
            Ok(id) => {
                assert_eq!((at, id.as_str()), (whole, "sha256:1a6e"), "cut after {at} of {whole} bytes")
            }
            Err(reason) => {
                assert!(at < whole, "the whole stream: {reason}");
                assert!(reason.trim().len() > 10, "cut after {at} of {whole} bytes: `{reason}`");
            }
        }
    }
}

#[test]
fn a_stream_that_falls_silent_after_any_byte_is_left_at_the_deadline() {
    let whole = stream(&events()).len();
    // Every ninth byte, with those around the head and the end: each takes as long as the silence that is allowed.
    let some = (0..whole - 1).step_by(9).chain(whole - 12..whole - 6);
    for (at, outcome) in outcomes(some, SHORT, Reply::SilentAfter) {
        let reason = outcome.expect_err("it is not whole");
        assert!(
            reason.contains("so the build was cancelled"),
            "silent after {at} of {whole} bytes: {reason}"
        );
    }
}
