//! One test at a time on the engine, with a state folder of its own, and what it left behind.

use dbench::engine::docker::DockerEngine;
use dbench::engine::endpoint::Endpoint;
use dbench::engine::{CacheRecord, Engine, Removal};
use dbench::results::{Case, Loaded, Metric, Phase, Sample, find_run};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;

static ENGINE: Mutex<()> = Mutex::new(());
static COUNT: AtomicU32 = AtomicU32::new(0);

/// How long a test waits for something that has to come.
pub const PATIENCE: Duration = Duration::from_secs(120);
const DBENCH: &str = env!("CARGO_BIN_EXE_dbench");
const STAND_IN: &str = "dbench/stand-in/alpine:3.21";
const OFFICIAL: &str = "alpine:3.21";

/// A test's place: an engine for itself, as far as this lane goes, and a folder.
pub struct Lane {
    runtime: tokio::runtime::Runtime,
    pub engine: DockerEngine,
    /// A word that nothing else on the engine holds: it is in the names and commands of the test's scenarios.
    pub token: String,
    /// The base of the test's scenarios.
    pub base: String,
    folder: TempDir,
    /// Since 1970.
    opened: Duration,
    before: Present,
    _alone: MutexGuard<'static, ()>,
}

#[derive(Debug, Default)]
struct Present {
    records: BTreeSet<String>,
    containers: BTreeSet<String>,
}

impl Lane {
    /// `None` if the lane is left out.
    pub fn open() -> Option<Self> {
        let wish = std::env::var("DBENCH_DOCKER").unwrap_or_default();
        if wish == "off" {
            eprintln!("left out: DBENCH_DOCKER=off");
            return None;
        }
        let alone = ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let found = runtime.block_on(async {
            let engine = chosen_engine().await.map_err(|error| error.to_string())?;
            let base = base(&engine).await?;
            Ok::<_, String>((engine, base))
        });
        let (engine, base) = match found {
            Ok(found) => found,
            Err(why) if wish == "require" => panic!("DBENCH_DOCKER=require: {why}"),
            Err(why) => {
                eprintln!("left out: {why}");
                return None;
            }
        };
        let token = format!("t{}n{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("dbench.toml"), "").unwrap();
        let opened = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let before = Present::default();
        let mut lane = Self { runtime, engine, token, base, folder, opened, before, _alone: alone };
        let records = lane.wait_for(lane.engine.cache()).unwrap().into_iter().map(|record| record.id);
        lane.before = Present { records: records.collect(), containers: lane.containers() };
        Some(lane)
    }

    pub fn wait_for<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, in the test's own folder, with nothing of the environment's settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.here(DBENCH);
        command.args(arguments).env("DBENCH_CONFIG", self.path("dbench.toml"));
        command
    }

    /// A line of the shell in the test's own folder, where `dbench` and that of `make` are the program under test.
    pub fn shell(&self, line: &str) -> Ended {
        Ended::of(self.shell_command(line).output().unwrap())
    }

    /// The same, of something that goes on until it is told to end.
    pub fn start_in_shell(&self, line: &str) -> Child {
        let mut command = self.shell_command(&format!("exec {line}"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn shell_command(&self, line: &str) -> Command {
        let folder = Path::new(DBENCH).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([folder].into_iter().chain(std::env::split_paths(&path))).unwrap();
        let mut command = self.here("sh");
        // A `make` around the tests would pass on what it was called with.
        command.args(["-c", line]).env("PATH", path).env("DBENCH", DBENCH).env_remove("MAKEFLAGS");
        command
    }

    fn here(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DBENCH_")) {
            command.env_remove(name);
        }
        command.env("XDG_STATE_HOME", self.path("state")).env("NO_COLOR", "1").stdin(Stdio::null());
        // Transfers have tests of their own, which say so.
        command.env("DBENCH_MEASURE", "build,size");
        command
    }

    pub fn dbench(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments).output().unwrap())
    }

    /// The program with the bases that set-up made ready for the project's own scenarios.
    pub fn dbench_on_shipped_bases(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        let config = root().join("dbench.toml");
        if config.is_file() {
            command.env("DBENCH_CONFIG", config);
        }
        Ended::of(command.output().unwrap())
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The newest run below `results`.
    pub fn loaded(&self) -> Loaded {
        let found = find_run(&self.path("results"), None).and_then(Loaded::read);
        found.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The records of the build cache that hold the test's token.
    pub fn records(&self) -> Vec<CacheRecord> {
        let mut records = self.wait_for(self.engine.cache()).unwrap();
        records.retain(|record| record.description.contains(&self.token));
        records
    }

    /// The names of the images that the test's scenarios made.
    pub fn images(&self) -> Vec<String> {
        let images = self.wait_for(self.engine.images(dbench::engine::RUN_LABEL)).unwrap();
        let names = images.into_iter().flat_map(|image| image.tags);
        names.filter(|name| name.starts_with("dbench/run/") && name.contains(&self.token)).collect()
    }

    /// The ids of images without a name whose history or labels hold the test's token.
    fn untagged(&self) -> Vec<String> {
        let said = |arguments: &[&str]| {
            let output = Command::new("docker").args(arguments).output().unwrap();
            // An image of another build may go away while it is looked at.
            String::from_utf8(output.stdout).unwrap()
        };
        let ids = said(&["image", "ls", "--quiet", "--no-trunc", "--filter", "dangling=true"]);
        let holds = |id: &&str| {
            let history = said(&["history", "--no-trunc", "--format", "{{.CreatedBy}}", id]);
            let labels = said(&["image", "inspect", "--format", "{{json .Config.Labels}}", id]);
            (history + &labels).contains(&self.token)
        };
        ids.lines().filter(holds).map(str::to_owned).collect()
    }

    fn containers(&self) -> BTreeSet<String> {
        self.wait_for(self.engine.containers("dbench-")).unwrap().into_iter().collect()
    }

    /// The records that came since the test began. One that is older is of another build: an engine lists it by another id
    /// while it is in use.
    fn came(&self) -> Vec<CacheRecord> {
        let mut records = self.wait_for(self.engine.cache()).unwrap();
        records.retain(|record| {
            u128::from(record.created) >= self.opened.as_nanos() && !self.before.records.contains(&record.id)
        });
        records
    }

    /// Fails if the engine holds something that has the test's token.
    pub fn assert_nothing_with_the_token_is_left(&self) {
        assert_eq!(self.images(), Vec::<String>::new());
        assert_eq!(self.untagged(), Vec::<String>::new(), "images without a name");
        let ours: Vec<_> = self.records().into_iter().map(|record| record.description).collect();
        assert_eq!(ours, Vec::<String>::new());
    }

    /// Fails if the engine holds something of the test. What holds no token could be of another build on the engine: that
    /// goes away by itself, or the program `said` that it saw one.
    pub fn assert_nothing_is_left(&self, said: &str) {
        self.assert_nothing_with_the_token_is_left();
        let mut records = self.came();
        let mut containers: BTreeSet<_> =
            self.containers().difference(&self.before.containers).cloned().collect();
        let end = Instant::now() + PATIENCE / 4;
        while Instant::now() < end && !(containers.is_empty() && records.is_empty()) {
            std::thread::sleep(Duration::from_millis(500));
            let (now, here) = (self.came(), self.containers());
            records.retain(|record| now.iter().any(|other| other.id == record.id));
            containers.retain(|name| here.contains(name));
        }
        assert_eq!(containers, BTreeSet::new(), "the program said:\n{said}");
        assert_eq!(records, [], "the program said:\n{said}");
    }

    /// Removes what the test made through the library: images by their ids, which also those have whose name went on
    /// to the next build, and of the build cache the records with the token and what is connected with them.
    pub fn sweep(&self, images: &BTreeSet<String>) {
        for image in images {
            let removed = self.wait_for(self.engine.remove_image(image)).unwrap();
            assert!(!matches!(removed, Removal::Refused(_)), "{image}: {removed:?}");
        }
        let came = self.came();
        let mut ours: BTreeSet<String> = connected(&came, &self.token);
        // Nothing tells whose context it was; without it the next build sends it again.
        let sent = came.iter().filter(|r| r.description.starts_with("local source") && !r.in_use);
        ours.extend(sent.map(|record| record.id.clone()));
        while !ours.is_empty() {
            let records = self.wait_for(self.engine.cache()).unwrap();
            let stood_on: BTreeSet<_> = records.iter().flat_map(|record| &record.parents).collect();
            let leaves: Vec<_> = ours.iter().filter(|id| !stood_on.contains(id)).cloned().collect();
            for id in &leaves {
                self.wait_for(self.engine.prune(id)).unwrap();
            }
            let after: BTreeSet<_> =
                self.wait_for(self.engine.cache()).unwrap().into_iter().map(|record| record.id).collect();
            ours.retain(|id| after.contains(id));
            assert!(leaves.iter().any(|id| !ours.contains(id)), "none of {leaves:?} goes away");
        }
    }
}

fn connected(records: &[CacheRecord], token: &str) -> BTreeSet<String> {
    let mut ours: BTreeSet<String> =
        records.iter().filter(|r| r.description.contains(token)).map(|r| r.id.clone()).collect();
    loop {
        let more: Vec<String> = records
            .iter()
            .filter(|r| !ours.contains(&r.id) && r.parents.iter().any(|parent| ours.contains(parent)))
            .chain(records.iter().filter(|r| {
                !ours.contains(&r.id)
                    && records.iter().any(|o| ours.contains(&o.id) && o.parents.contains(&r.id))
            }))
            .map(|r| r.id.clone())
            .collect();
        if more.is_empty() {
            return ours;
        }
        ours.extend(more);
    }
}

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Copies a file or a folder.
pub fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").args([from, to]).status().unwrap();
    assert!(copied.success(), "cp {}: {copied}", from.display());
}

/// The engine that the program under test takes as well.
async fn chosen_engine() -> dbench::error::Result<DockerEngine> {
    DockerEngine::connect(&Endpoint::choose(None)?).await
}

async fn base(engine: &DockerEngine) -> Result<String, String> {
    for name in [STAND_IN, OFFICIAL] {
        if engine.image(name).await.map_err(|error| error.to_string())?.is_some() {
            return Ok(name.to_owned());
        }
    }
    engine.pull(OFFICIAL, None).await.map_err(|error| error.to_string())?;
    Ok(OFFICIAL.to_owned())
}

/// How the program ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Fails with everything that was said if the exit code is another.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    pub fn says(&self, text: &str) {
        assert!(self.stderr.contains(text), "stderr does not say `{text}`:\n{}", self.stderr);
    }
}

/// Sends a signal by its name, as in `-INT`.
pub fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success(), "kill {signal}: {sent}");
}

/// Asks until there is an answer; fails after a long while, saying what was waited for.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{what}: it did not come about")
}

/// The one row of a metric in a case.
pub fn row<'a>(
    loaded: &'a Loaded,
    scenario: &str,
    variant: &str,
    phase: Phase,
    metric: Metric,
) -> &'a Sample {
    let of = |case: &Case| case.scenario == scenario && case.variant == variant && case.phase == phase;
    let mut rows = loaded.samples.iter().filter(|row| row.metric == metric && of(&row.case));
    let row = rows.next().unwrap_or_else(|| panic!("no row {scenario} {variant} {phase} {metric:?}"));
    assert!(rows.next().is_none(), "two rows {scenario} {variant} {phase} {metric:?}");
    row
}
