//! One BuildKit build: a session that serves the context, the request, and the stream of events. What is secret is
//! blotted out of all that comes back.

use super::client::{broke_off, speaking};
use super::log::Log;
use super::session::{Offer, Session};
use super::{ANSWER, DockerEngine, within};
use crate::engine::{BuildRequest, Built, Engine, Failure, Heard, Trace, VertexUpdate};
use crate::error::{Result, said};
use bollard::Docker;
use bollard::errors::Error as EngineError;
use bollard::moby::buildkit::v1::StatusResponse;
use bollard::models::{BuildInfo, BuildInfoAux};
use bollard::query_parameters::{BuildImageOptions, BuilderVersion};
use futures_util::StreamExt;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// A decoder of bollard ends a good build with this when a read is split before a line end.
const SPLIT_LINE_END: &str = "bytes remaining on stream";

pub(super) async fn build(
    engine: &DockerEngine,
    request: &BuildRequest<'_>,
    heard: &mut dyn FnMut(Heard<'_>),
) -> Result<Built> {
    let id = session_id(request);
    let redactor = engine.redactor(request.secrets)?;
    let offer = Offer {
        context: request.context,
        dockerfile_dir: request.dockerfile_dir,
        secrets: request.secrets,
        agent: request.agent,
        config: &engine.config,
    };
    let opening = Session::open(&engine.socket, &id, request.shared_key, &offer);
    let session = within("opening a build session", ANSWER, opening).await??;
    let client = buildkit_client(&engine.client);
    let (started, clock) = (Timestamp::now(), Instant::now());
    let mut events = client.build_image(
        options(request, &engine.proxies, &id),
        None,
        Some(bollard::body_full(Default::default())),
    );
    let mut reading = Reading::default();
    let mut last = clock;
    loop {
        let left = request.deadline.saturating_sub(clock.elapsed());
        match tokio::time::timeout(left.min(request.silence), events.next()).await {
            Ok(Some(event)) => {
                last = Instant::now();
                reading.take(event, &mut |it| redactor.heard(it, heard));
            }
            Ok(None) => break,
            Err(_elapsed) => {
                last = Instant::now();
                reading.late = Some(overdue(request, clock.elapsed()));
                break;
            }
        }
    }
    drop(events);
    let wall = last.duration_since(clock);
    let outcome = reading.outcome(session.error()).map_err(|failure| redactor.failure(&failure));
    let Reading { mut trace, log, .. } = reading;
    trace.redact(&redactor);
    let (sent, log) = (session.sent(), redactor.bytes(log.finish()));
    Ok(Built { outcome, started, wall, trace, sent, log, made: BTreeSet::new() })
}

/// Whether the engine has BuildKit: it takes a session then.
pub(super) async fn exists(engine: &DockerEngine) -> Result<()> {
    let nothing = Path::new("");
    let id = crate::hex::encode(&Sha256::digest(format!("{}\0{}", std::process::id(), Timestamp::now())));
    let offer = Offer {
        context: nothing,
        dockerfile_dir: nothing,
        secrets: &[],
        agent: None,
        config: &engine.config,
    };
    let opening = Session::open(&engine.socket, &id[..25], "dbench", &offer);
    within("asking for a build session", ANSWER, opening).await?.map(drop)
}

pub(super) fn overdue(request: &BuildRequest<'_>, elapsed: Duration) -> String {
    if elapsed >= request.deadline {
        format!("cancelled at the deadline of {} s (--build-deadline)", request.deadline.as_secs())
    } else {
        format!(
            "the engine was silent for {} s, so the build was cancelled (--silence-deadline)",
            request.silence.as_secs()
        )
    }
}

/// The id must be unique to the build; the tag and the time make it so.
fn session_id(request: &BuildRequest<'_>) -> String {
    let text =
        format!("{}\0{}\0{}\0{}", request.tag, request.namespace, std::process::id(), Timestamp::now());
    crate::hex::encode(&Sha256::digest(text))[..25].to_owned()
}

/// bollard opens a session of its own for BuildKit. Asked for the classic builder it does not, and the request is
/// turned into one for BuildKit on its way out.
fn buildkit_client(client: &Docker) -> Docker {
    speaking(client.clone(), |target| {
        target.split_once("version=1").map(|(before, after)| format!("{before}version=2{after}"))
    })
}

/// The args of a build, which beat the proxies of the configuration.
pub(super) fn all_args(
    request: &BuildRequest<'_>,
    proxies: &BTreeMap<String, String>,
) -> HashMap<String, String> {
    let args = proxies.iter().chain(request.args);
    args.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn options(
    request: &BuildRequest<'_>,
    proxies: &BTreeMap<String, String>,
    session: &str,
) -> BuildImageOptions {
    let mut args = all_args(request, proxies);
    args.insert("BUILDKIT_CACHE_MOUNT_NS".to_owned(), request.namespace.to_owned());
    BuildImageOptions {
        dockerfile: request.dockerfile.to_owned(),
        t: Some(request.tag.to_owned()),
        remote: Some("client-session".to_owned()),
        nocache: request.no_cache,
        buildargs: Some(args),
        labels: Some(request.labels.clone().into_iter().collect()),
        networkmode: Some("default".to_owned()),
        platform: request.platform.unwrap_or_default().to_owned(),
        target: request.target.unwrap_or_default().to_owned(),
        session: Some(session.to_owned()),
        version: BuilderVersion::BuilderV1,
        ..BuildImageOptions::default()
    }
}

/// What has been read of a stream of events.
#[derive(Default)]
struct Reading {
    trace: Trace,
    log: Log,
    image: Option<String>,
    failure: Option<String>,
    /// Why it was not waited for any longer.
    late: Option<String>,
}

impl Reading {
    fn take(&mut self, event: Result<BuildInfo, EngineError>, heard: &mut dyn FnMut(Heard<'_>)) {
        match event {
            Ok(BuildInfo { aux: Some(BuildInfoAux::BuildKit(status)), .. }) => self.status(status, heard),
            Ok(BuildInfo { aux: Some(BuildInfoAux::Default(image)), .. }) => self.image = image.id,
            Ok(_) => {}
            Err(cause) => self.error(&cause),
        }
    }

    fn error(&mut self, cause: &EngineError) {
        let message = message(cause);
        let ended_well = self.image.is_some() && message.contains(SPLIT_LINE_END);
        if !ended_well {
            self.log.line(&format!("ERROR: {message}"));
            self.failure.get_or_insert(message);
        }
    }

    fn status(&mut self, status: StatusResponse, heard: &mut dyn FnMut(Heard<'_>)) {
        for vertex in status.vertexes {
            let update = VertexUpdate {
                id: vertex.digest,
                inputs: vertex.inputs,
                name: vertex.name,
                place: None,
                started: vertex.started.as_ref().map(nanoseconds),
                completed: vertex.completed.as_ref().map(nanoseconds),
                cached: vertex.cached,
                error: vertex.error,
            };
            self.log.vertex(&update);
            if let (Some(since), None) = (update.started, update.completed) {
                heard(Heard::Running { name: &update.name, since });
            }
            self.trace.push(&update);
        }
        for line in status.logs {
            self.log.piece(&line.vertex, line.stream, &line.msg);
        }
        for warning in status.warnings {
            self.log.line(&format!("WARNING: {}", String::from_utf8_lossy(&warning.short)));
        }
    }

    fn outcome(&self, session: Option<String>) -> Result<String, Failure> {
        let mut steps = self.trace.steps().iter();
        let failed_step = match &self.late {
            Some(_) => steps.find(|s| s.is_running()),
            None => steps.find(|s| !s.error.is_empty() && !s.error.contains("context canceled")),
        };
        match (self.late.as_ref().or(self.failure.as_ref()), &self.image) {
            (None, Some(image)) => Ok(image.clone()),
            (None, None) => Err(Failure {
                step: None,
                message: session.unwrap_or_else(|| "the stream of events ended without an image".to_owned()),
            }),
            (Some(message), _) => Err(Failure {
                step: failed_step.map(|s| {
                    let number = s.number.map(|n| format!("{} {n} ", s.stage)).unwrap_or_default();
                    format!("{}{}", number.trim_start(), s.name)
                }),
                message: session.map_or_else(|| message.clone(), |said| format!("{message}: {said}")),
            }),
        }
    }
}

/// What an error of a build says, with its causes.
pub(super) fn message(cause: &EngineError) -> String {
    match cause {
        EngineError::DockerStreamError { error } => error.clone(),
        other => {
            let way = if broke_off(other) { "the connection to the engine broke off: " } else { "" };
            format!("{way}{}", said(&other.to_string(), other.source()).join(": "))
        }
    }
}

fn nanoseconds(time: &bollard_buildkit_proto::google::protobuf::Timestamp) -> u64 {
    let seconds = u64::try_from(time.seconds).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.nanos).unwrap_or(0))
}
