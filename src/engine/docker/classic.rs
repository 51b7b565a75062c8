//! One build by the engine's classic builder: the request, the context as a stream, and the text that comes back.
//! Leaves what the text means to `engine::classic`, and what is sent to `tarball`.

use super::build::{all_args, message, overdue};
use super::tarball::{self, DOCKERFILE};
use super::{ANSWER, DockerEngine, within};
use crate::engine::classic::Reading;
use crate::engine::{BuildRequest, Built, Engine, Heard};
use crate::error::{Error, Result};
use bollard::errors::Error as EngineError;
use bollard::models::{BuildInfo, BuildInfoAux};
use bollard::query_parameters::{BuildImageOptions, BuilderVersion};
use futures_util::StreamExt;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Instant;

/// A Dockerfile that every builder refuses before it makes anything.
const REFUSED: &str = "FROM scratch\nDBENCH\n";
/// What a classic builder says of it.
const REFUSAL: &str = "unknown instruction";

pub(super) async fn build(
    engine: &DockerEngine,
    request: &BuildRequest<'_>,
    heard: &mut dyn FnMut(Heard<'_>),
) -> Result<Built> {
    // The answer begins only after the whole context has come, so the client's patience must cover the build.
    let client = engine.client.clone().with_timeout(request.deadline.saturating_add(ANSWER));
    let dockerfile = request.dockerfile_dir.join(request.dockerfile);
    let redactor = engine.redactor(&[])?;
    let (started, clock) = (Timestamp::now(), Instant::now());
    let (context, progress) = tarball::stream(request.context, &dockerfile);
    let mut events =
        client.build_image(options(request, &engine.proxies), None, Some(bollard::body_try_stream(context)));
    let mut reading = Reading::begin(now());
    let (mut last, mut sent) = (clock, 0);
    loop {
        let left = request.deadline.saturating_sub(clock.elapsed());
        match tokio::time::timeout(left.min(request.silence), events.next()).await {
            Ok(Some(event)) => {
                last = Instant::now();
                take(&mut reading, event, &mut |it| redactor.heard(it, heard));
            }
            Ok(None) => break,
            // The engine says nothing while the context comes.
            Err(_elapsed) if progress.sent() > sent && clock.elapsed() < request.deadline => {
                sent = progress.sent();
            }
            Err(_elapsed) => {
                reading.fail(overdue(request, clock.elapsed()), now());
                break;
            }
        }
    }
    drop(events);
    reading.end(now());
    let outcome = reading.outcome(progress.error()).map_err(|failure| redactor.failure(&failure));
    let wall = last.duration_since(clock);
    let Reading { mut trace, log, made, .. } = reading;
    trace.redact(&redactor);
    let log = redactor.bytes(log);
    Ok(Built { outcome, started, wall, trace, sent: progress.sent(), log, made })
}

fn now() -> u64 {
    u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(0)
}

fn take(reading: &mut Reading, event: Result<BuildInfo, EngineError>, heard: &mut dyn FnMut(Heard<'_>)) {
    match event {
        Ok(info) => {
            if let Some(text) = &info.stream {
                reading.take(text, now(), heard);
            }
            if let Some(BuildInfoAux::Default(image)) = info.aux {
                reading.image(image.id);
            }
        }
        Err(cause) => reading.fail(message(&cause), now()),
    }
}

fn options(request: &BuildRequest<'_>, proxies: &BTreeMap<String, String>) -> BuildImageOptions {
    BuildImageOptions {
        dockerfile: DOCKERFILE.to_owned(),
        t: Some(request.tag.to_owned()),
        nocache: request.no_cache,
        rm: true,
        forcerm: true,
        buildargs: Some(all_args(request, proxies)),
        labels: Some(request.labels.clone().into_iter().collect()),
        networkmode: Some("default".to_owned()),
        platform: request.platform.unwrap_or_default().to_owned(),
        target: request.target.unwrap_or_default().to_owned(),
        version: BuilderVersion::BuilderV1,
        ..BuildImageOptions::default()
    }
}

/// Whether the engine has a classic builder: it reads a Dockerfile then, and refuses what cannot be one.
pub(super) async fn exists(engine: &DockerEngine) -> Result<()> {
    let lacking = |said: String| {
        Error::surroundings("the engine has no classic builder").because(std::io::Error::other(said)).hint(
            "choose --builder buildkit, or point DOCKER_HOST at an engine that still has the classic builder",
        )
    };
    let options = BuildImageOptions { version: BuilderVersion::BuilderV1, ..BuildImageOptions::default() };
    let mut events = engine.client.build_image(options, None, Some(bollard::body_full(refused()?.into())));
    let asking = async {
        while let Some(event) = events.next().await {
            match event {
                Ok(_) => {}
                Err(cause) => return message(&cause),
            }
        }
        "it built what is no Dockerfile".to_owned()
    };
    let said = within("asking for the classic builder", ANSWER, asking).await?;
    if said.to_lowercase().contains(REFUSAL) { Ok(()) } else { Err(lacking(said)) }
}

fn refused() -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(REFUSED.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "Dockerfile", REFUSED.as_bytes())
        .and_then(|()| tar.into_inner())
        .map_err(|cause| Error::surroundings("cannot write an archive").because(cause))
}
