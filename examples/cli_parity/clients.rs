//! The two that build: this program called once more, which uses dbench's own client, and the docker CLI. Owns their
//! command lines and what is read of what they say.

use dbench::engine::docker::DockerEngine;
use dbench::engine::endpoint::Endpoint;
use dbench::engine::{BuildRequest, Engine, Kind};
use dbench::error::{Error, Result};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The first word of a call that builds once and ends.
pub const BUILD: &str = "build";
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    Dbench,
    Docker,
}

impl Client {
    /// Both are as long, so that what holds them is.
    pub fn short(self) -> &'static str {
        match self {
            Self::Dbench => "ours",
            Self::Docker => "cli0",
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dbench => "dbench",
            Self::Docker => "docker",
        })
    }
}

/// One build of one client.
pub struct Build {
    pub context: PathBuf,
    pub dockerfiles: PathBuf,
    pub tag: String,
    pub key: String,
    pub no_cache: bool,
    /// Bytes of all files of the context.
    pub content: u64,
}

/// A row.
pub struct Timed {
    pub case: &'static str,
    pub pair: u32,
    pub place: usize,
    pub client: Client,
    pub ns: u128,
    pub sent: u64,
}

/// How a build went: the wall of the process, whether its RUN was cached, and the bytes sent.
pub struct Ran {
    pub ns: u128,
    pub cached: bool,
    pub sent: u64,
}

/// From the start of the process to its end.
pub fn time(client: Client, build: &Build) -> Result<Ran> {
    let mut command = match client {
        Client::Dbench => ours(build)?,
        Client::Docker => theirs(build),
    };
    command.stdin(Stdio::null());
    let started = Instant::now();
    let output = command.output();
    let ns = started.elapsed().as_nanos();
    let output =
        output.map_err(|cause| Error::surroundings(format!("cannot start {client}")).because(cause))?;
    let said = succeeded(&client.to_string(), &output)?;
    let read = match client {
        Client::Dbench => read_ours(&said),
        Client::Docker => read_theirs(&said),
    };
    let (cached, sent) =
        read.ok_or_else(|| Error::surroundings(format!("{client} said something else:\n{said}")))?;
    Ok(Ran { ns, cached, sent })
}

fn succeeded(what: &str, output: &Output) -> Result<String> {
    let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    if output.status.success() {
        Ok(said)
    } else {
        Err(Error::surroundings(format!("{what} failed:\n{said}")))
    }
}

fn ours(build: &Build) -> Result<Command> {
    let program = std::env::current_exe()
        .map_err(|cause| Error::surroundings("this program cannot find itself").because(cause))?;
    let mut command = Command::new(program);
    command.arg(BUILD).args([&build.context, &build.dockerfiles]).args([&build.tag, &build.key]);
    command.arg(build.no_cache.to_string());
    Ok(command)
}

fn docker() -> Command {
    // The distribution's client; another on the PATH may be a bare one without BuildKit.
    let place = Path::new("/usr/bin/docker");
    Command::new(if place.exists() { place } else { Path::new("docker") })
}

fn theirs(build: &Build) -> Command {
    let mut command = docker();
    command.env("DOCKER_BUILDKIT", "1").args(["build", "--progress", "plain", "--tag", &build.tag]);
    if build.no_cache {
        command.arg("--no-cache");
    }
    command.arg("--file").arg(build.dockerfiles.join("Dockerfile")).arg(&build.context);
    command
}

/// The version of the CLI.
pub fn version() -> Result<String> {
    let output = docker().args(["version", "--format", "{{.Client.Version}}"]).output();
    let output = output.map_err(|cause| Error::surroundings("cannot start docker").because(cause))?;
    succeeded("docker version", &output).map(|said| said.trim().to_owned())
}

/// One build by dbench's own client of the engine; says what [`read_ours`] reads.
pub async fn build_once(arguments: &[&str]) -> Result<String> {
    let [context, dockerfiles, tag, key, no_cache] = arguments[..] else {
        return Err(Error::input(
            "a build needs a context, the folder of its Dockerfile, a tag, a key and `true` or `false`",
        ));
    };
    let engine = DockerEngine::connect(&Endpoint::choose(None)?).await?;
    let plain = BuildRequest::plain(Path::new(context), Path::new(dockerfiles), tag, key, PATIENCE);
    let request = BuildRequest { no_cache: no_cache == "true", ..plain };
    let built = engine.build(&request, &mut |_| ()).await?;
    if let Err(failure) = built.outcome {
        return Err(Error::surroundings(failure.message));
    }
    let last = built.trace.steps().iter().rfind(|step| step.kind == Kind::Exec);
    let cached = last.is_some_and(|step| step.cached());
    Ok(format!("cached {cached} sent {}\n", built.sent))
}

fn read_ours(said: &str) -> Option<(bool, u64)> {
    let (cached, sent) = said.trim().strip_prefix("cached ")?.split_once(" sent ")?;
    Some((cached.parse().ok()?, sent.parse().ok()?))
}

/// The CLI numbers its steps, as in `#5 [2/2] RUN …` and later `#5 CACHED`.
fn read_theirs(said: &str) -> Option<(bool, u64)> {
    let step = said.lines().find(|line| line.contains("] RUN "))?.split(' ').next()?;
    let cached = said.lines().any(|line| line == format!("{step} CACHED"));
    let sizes = said.lines().filter_map(|line| line.split_once(" transferring context: "));
    let sent = sizes.filter_map(|(_, size)| bytes(size.split(' ').next()?)).max()?;
    Some((cached, sent))
}

/// `2.51kB` in bytes.
fn bytes(size: &str) -> Option<u64> {
    let unit = size.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = size.split_at(unit);
    let unit = match unit {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    Some((number.parse::<f64>().ok()? * unit) as u64)
}
