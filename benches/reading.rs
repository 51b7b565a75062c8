//! How long dbench itself takes, apart from engines: scenarios, contexts, the events of a build, runs.
//! `cargo bench`; under `cargo test` each runs once.

#![expect(clippy::unwrap_used, reason = "a benchmark ends where something is missing")]

#[expect(dead_code, reason = "tests replay more than this")]
#[path = "../tests/replay/mod.rs"]
mod replay;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dbench::context::{Patterns, Selection, walk};
use dbench::engine::docker::DockerEngine;
use dbench::engine::endpoint::Endpoint;
use dbench::engine::{BuildRequest, Built, Engine, Trace, VertexUpdate};
use dbench::error::files;
use dbench::report::{Document, charts};
use dbench::results::{Loaded, RunFolder, Sample};
use dbench::scenario::{Dockerfile, Scenario};
use replay::status::{Vertex, image};
use replay::{Reply, Server};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn scenarios(criterion: &mut Criterion) {
    criterion.bench_function("scenario/load go-scratch", |bencher| {
        let folder = in_project("scenarios/go-scratch");
        bencher.iter(|| Scenario::load(black_box(&folder)).unwrap());
    });
    criterion.bench_function("dockerfile/parse go-scratch tuned", |bencher| {
        let path = in_project("scenarios/go-scratch/tuned.Dockerfile");
        let text = files::read_to_string(&path).unwrap();
        bencher.iter(|| Dockerfile::parse(&path, black_box(&text), &BTreeMap::new()).unwrap());
    });
    criterion.bench_function("dockerfile/parse 1000 stages", |bencher| {
        let stage =
            |at: usize| format!("FROM base:1 AS stage{at}\nWORKDIR /app\nCOPY a b /app/\nRUN make all\n");
        let text: String = (0..1000).map(stage).collect();
        bencher
            .iter(|| Dockerfile::parse(Path::new("Dockerfile"), black_box(&text), &BTreeMap::new()).unwrap());
    });
}

const IGNORED: &str = "node_modules\n**/*.log\n!keep/**/*.log\ndist/\n.git\n*.md\n!README.md\ntmp-?/[a-f]*\n";

/// A context of 1,000 files in 20 folders, every tenth of them ignored.
fn context() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for at in 0..1000 {
        let ending = if at % 10 == 0 { "log" } else { "rs" };
        let path = folder.path().join(format!("part{}/deep/file{at}.{ending}", at % 20));
        files::create_dir_all(path.parent().unwrap()).unwrap();
        files::write(&path, "x").unwrap();
    }
    folder
}

fn contexts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("context");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("1000 paths against 8 patterns", |bencher| {
        let patterns = Patterns::parse(IGNORED).unwrap();
        let paths: Vec<_> = (0..1000).map(|at| format!("part{}/deep/file{at}.log", at % 20)).collect();
        bencher.iter(|| paths.iter().filter(|path| patterns.excludes(black_box(path))).count());
    });
    let folder = context();
    for (name, patterns) in [("all", None), ("ignoring", Some(Patterns::parse(IGNORED).unwrap()))] {
        let selection = Selection { patterns, follow: Vec::new() };
        group.bench_with_input(
            BenchmarkId::new("walk 1000 files", name),
            &selection,
            |bencher, selection| {
                bencher.iter(|| {
                    let mut seen = 0;
                    walk(folder.path(), selection, &mut |_| {
                        seen += 1;
                        ControlFlow::Continue(())
                    })
                    .unwrap();
                    seen
                });
            },
        );
    }
}

fn traces(criterion: &mut Criterion) {
    criterion.bench_function("trace/1000 steps, 3 updates each", |bencher| {
        let update = |step: u64, at: u64| VertexUpdate {
            id: format!("sha256:{step:064x}"),
            inputs: step.checked_sub(1).map(|before| format!("sha256:{before:064x}")).into_iter().collect(),
            name: format!("[stage {}/1000] RUN make part{step}", step + 1),
            started: (at > 0).then_some(step * 10),
            completed: (at > 1).then_some(step * 10 + 9),
            cached: false,
            ..VertexUpdate::default()
        };
        let updates: Vec<_> = (0..1000).flat_map(|step| (0..3).map(move |at| update(step, at))).collect();
        bencher.iter(|| {
            let mut trace = Trace::default();
            updates.iter().for_each(|update| trace.push(black_box(update)));
            trace.steps().len()
        });
    });
}

/// The events of a build of 1,000 steps, each announced, begun with a line of its log, and ended.
fn events() -> String {
    let mut lines = String::new();
    for step in 0..1000 {
        let (digest, input) = (format!("sha256:{:064x}", step + 1), format!("sha256:{step:064x}"));
        let (name, inputs) = (format!("[stage {}/1000] RUN make part{step}", step + 1), [input.as_str()]);
        let announced = Vertex { digest: &digest, inputs: &inputs, name: &name, ..Vertex::default() };
        let running = Vertex { started: Some(step * 10), wrote: "compiled\n", ..announced };
        let ended = Vertex { completed: Some(step * 10 + 9), wrote: "", ..running };
        lines.extend([announced, running, ended].map(|vertex| vertex.event()));
    }
    lines + &image("sha256:1")
}

/// From the engine's bytes on the socket to the trace of a build: JSON, base64, protocol buffers, the fold.
fn statuses(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let (socket, events) = (folder.path().join("engine.sock"), events());
    let mut group = criterion.benchmark_group("status");
    group.throughput(Throughput::Bytes(events.len() as u64));
    let _server = Server::start(&socket, move |request| {
        request.is("POST", "/build?").then(|| Reply::Stream(vec![events.clone()]))
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let engine = runtime.block_on(DockerEngine::connect(&Endpoint::at_socket(&socket))).unwrap();
    group.bench_function("1000 steps, 3 updates each, over a socket", |bencher| {
        bencher.iter(|| {
            let built = runtime.block_on(replayed(&engine, folder.path())).outcome;
            assert_eq!(built.unwrap(), "sha256:1");
        });
    });
}

async fn replayed(engine: &DockerEngine, folder: &Path) -> Built {
    let request = BuildRequest::plain(folder, folder, "replayed", "replayed", Duration::from_secs(60));
    engine.build(&request, &mut |_| ()).await.unwrap()
}

fn kept() -> Loaded {
    Loaded::read(RunFolder::at(in_project("tests/golden/run"))).unwrap()
}

/// The kept run with its rounds repeated until it has 100,000 samples.
fn long_run() -> Loaded {
    let mut loaded = kept();
    let once = loaded.samples.clone();
    let rounds = once.iter().map(|sample| sample.round).max().unwrap_or(1);
    let repeated = |(at, sample): (usize, &Sample)| Sample {
        round: sample.round + rounds * u32::try_from(at / once.len()).unwrap(),
        ..sample.clone()
    };
    loaded.samples = once.iter().cycle().take(100_000).enumerate().map(repeated).collect();
    loaded
}

fn reports(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("report");
    group.sample_size(10);
    let (short, long) = (kept(), long_run());
    group.bench_function("tables of 100000 samples", |bencher| {
        bencher.iter(|| Document::new(black_box(&long)).terminal(100, false));
    });
    group.bench_function("Markdown of 100000 samples", |bencher| {
        bencher.iter(|| Document::new(black_box(&long)).markdown("results/kept"));
    });
    group.bench_function("charts", |bencher| bencher.iter(|| charts(black_box(&short)).unwrap()));
    group.bench_function("charts of 100000 samples", |bencher| {
        bencher.iter(|| charts(black_box(&long)).unwrap());
    });
}

criterion_group!(benches, scenarios, contexts, traces, statuses, reports);
criterion_main!(benches);
