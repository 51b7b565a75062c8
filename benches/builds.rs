//! Real builds under criterion, so that its baselines tell what a change to a Dockerfile does: those of benches/pair, cold
//! and unchanged, each build proven to be so. `cargo bench --bench builds`; needs a Docker Engine and skips without one
//! (`DBENCH_DOCKER=require` fails instead, `off` always skips). It removes what it made.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark ends where something is wrong")]
#![expect(clippy::print_stderr, reason = "a benchmark has no other room that prints")]

mod sweep;

use criterion::{Criterion, SamplingMode};
use dbench::engine::docker::DockerEngine;
use dbench::engine::endpoint::Endpoint;
use dbench::engine::{BuildRequest, Engine, Kind, Step};
use dbench::error::files;
use dbench::runner::{Lock, state_folder};
use std::path::{Path, PathBuf};
use std::time::Duration;
use sweep::Sweep;
use tokio::runtime::Runtime;

/// The base of the pair, and the stand-in that set-up makes of it.
const BASES: [&str; 2] = ["dbench/stand-in/alpine:3.21", "alpine:3.21"];
const PATIENCE: Duration = Duration::from_secs(600);
/// For the ten samples of a variant in a phase; slower builds take longer.
const MEASURING: Duration = Duration::from_secs(15);

/// The engine, the base, and the copy of the pair that is built.
struct Bench {
    runtime: Runtime,
    engine: DockerEngine,
    sweep: Sweep,
    token: String,
    folder: tempfile::TempDir,
    opened: u32,
    images: Vec<String>,
    _alone: Lock,
}

/// What happened before a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Cold,
    Unchanged,
}

fn pair() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/pair")
}

/// The variants: every Dockerfile of the pair's folder, without its ending.
fn variants() -> Vec<String> {
    let names = files::list(&pair()).unwrap().into_iter();
    let names = names.map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
    names.filter_map(|name| name.strip_suffix(".Dockerfile").map(str::to_owned)).collect()
}

impl Bench {
    /// `None`, and why, if there is nothing to build with.
    fn open() -> Result<Self, String> {
        let runtime = Runtime::new().unwrap();
        let token = format!("bench{}", std::process::id());
        let opening = async {
            let engine = DockerEngine::connect(&Endpoint::choose(None)?).await?;
            let about = engine.about().await?;
            let alone = Lock::take(&state_folder()?, &about.id)?;
            let mut base = None;
            for name in BASES {
                if base.is_none() && engine.image(name).await?.is_some() {
                    base = Some(name);
                }
            }
            let sweep = Sweep::begin(&engine, &token).await?;
            Ok::<_, dbench::error::Error>((engine, alone, base, sweep))
        };
        let (engine, alone, base, sweep) = runtime.block_on(opening).map_err(|error| error.to_string())?;
        let base =
            base.ok_or_else(|| format!("the engine has none of {BASES:?}; `make setup` makes the first"))?;
        let folder = tempfile::tempdir().unwrap();
        for variant in variants() {
            let name = format!("{variant}.Dockerfile");
            let text = files::read_to_string(&pair().join(&name)).unwrap();
            let text = text.replace("{base}", base).replace("{token}", &token);
            files::write(&folder.path().join(name), text).unwrap();
        }
        Ok(Self { runtime, engine, sweep, token, folder, opened: 0, images: Vec::new(), _alone: alone })
    }

    /// One build and its wall. A cold one opens a namespace of its own, an unchanged one repeats the one before it.
    fn build(&mut self, variant: &str, phase: Phase) -> Duration {
        if phase == Phase::Cold {
            self.opened += 1;
        }
        let namespace = format!("{}-{variant}-{}", self.token, self.opened);
        let tag = format!("dbench/bench/{variant}:{}-{}", self.token, self.images.len());
        self.images.push(tag.clone());
        let (context, key) = (pair().join("app"), format!("{}-{variant}", self.token));
        let request = BuildRequest {
            dockerfile: &format!("{variant}.Dockerfile"),
            no_cache: phase == Phase::Cold,
            namespace: &namespace,
            ..BuildRequest::plain(&context, self.folder.path(), &tag, &key, PATIENCE)
        };
        let built = self.runtime.block_on(self.engine.build(&request, &mut |_| ())).unwrap();
        if let Err(failure) = &built.outcome {
            panic!("{variant}: {failure:?}\n{}", String::from_utf8_lossy(&built.log));
        }
        let steps = || built.trace.steps().iter().filter(|step| step.kind == Kind::Exec);
        let as_claimed = |step: &Step| match phase {
            Phase::Cold => !step.cached() || step.name.starts_with("WORKDIR "),
            Phase::Unchanged => step.cached(),
        };
        assert!(
            steps().count() > 0 && steps().all(as_claimed),
            "{variant} was not {phase:?}: {:?}",
            built.trace
        );
        built.wall
    }

    /// Removes the images and the build cache of all builds so far.
    fn sweep(&mut self) -> dbench::error::Result<()> {
        let images = std::mem::take(&mut self.images);
        self.runtime.block_on(self.sweep.remove(&self.engine, &images))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Err(error) = self.sweep() {
            eprintln!("builds: {error}");
        }
    }
}

fn main() {
    // `cargo test --benches` calls it without; a build is no test of this file.
    if !std::env::args().any(|argument| argument == "--bench") {
        eprintln!("builds: left out: they are for `cargo bench --bench builds`");
        return;
    }
    let wish = std::env::var("DBENCH_DOCKER").unwrap_or_default();
    let opened = if wish == "off" { Err("DBENCH_DOCKER=off".to_owned()) } else { Bench::open() };
    let mut bench = match opened {
        Ok(bench) => bench,
        Err(why) if wish == "require" => panic!("DBENCH_DOCKER=require: {why}"),
        Err(why) => {
            eprintln!("builds: left out: {why}");
            return;
        }
    };
    // Plots need a font that not every build of the drawing library has; the figures are what counts.
    let mut criterion = Criterion::default().configure_from_args().without_plots();
    let mut group = criterion.benchmark_group("builds");
    // Few long samples: the linear mode would ask for 55 builds, and a warm-up for more.
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    group.measurement_time(MEASURING);
    for variant in variants() {
        for phase in [Phase::Cold, Phase::Unchanged] {
            group.bench_function(format!("{variant}/{phase:?}").to_lowercase(), |bencher| {
                if phase == Phase::Unchanged {
                    bench.build(&variant, Phase::Cold);
                }
                bencher.iter_custom(|builds| (0..builds).map(|_| bench.build(&variant, phase)).sum());
            });
            bench.sweep().unwrap();
        }
    }
    group.finish();
    criterion.final_summary();
}
