//! Timed pulls and pushes. bollard keeps neither the layers of a push nor its digest, so the stream of events is
//! read here, for both.

use super::{ANSWER, DockerEngine, failed, within};
use crate::engine::transfer::{Patience, PullReading, PullTrace, PushReading, PushTrace, TransferEvent};
use crate::error::{Error, Result};
use bollard::query_parameters::TagImageOptions;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde::Deserialize;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tokio_util::task::AbortOnDropHandle;

/// No credentials, as a JSON object in base64; an engine refuses a push without.
const NOBODY: &str = "e30=";
/// The longest event that is read; engines send some hundred bytes.
const LONGEST_EVENT: usize = 1 << 20;

impl DockerEngine {
    /// Pulls an image. A pull that fails is an answer; an error means that the engine could not be asked. Dropping the
    /// future cancels the pull.
    pub(super) async fn follow_pull(&self, name: &str, patience: Patience) -> Result<PullTrace> {
        let target = format!("/images/create?fromImage={}", encoded(name));
        let (started, clock) = (Timestamp::now(), Instant::now());
        let mut reading = PullReading::default();
        let mut take = |at, event: &TransferEvent| reading.take(at, event);
        let (wall, failure) = self.follow(&target, clock, patience, &mut take).await?;
        if let Some(failure) = failure {
            reading.fail(failure);
        }
        Ok(reading.end(started, wall))
    }

    /// Gives an image a name in a registry and pushes it there. As with a pull, a push that fails is an answer. The
    /// name stays; it is the caller's to remove.
    pub(super) async fn follow_push(&self, image: &str, name: &str, patience: Patience) -> Result<PushTrace> {
        let (repository, tag) = repository_and_tag(name)?;
        let doing = "naming an image for a registry";
        let options = TagImageOptions { repo: Some(repository.to_owned()), tag: Some(tag.to_owned()) };
        let tagging = within(doing, ANSWER, self.client.tag_image(image, Some(options)));
        tagging.await?.map_err(|cause| failed(doing, cause))?;

        let target = format!("/images/{}/push?tag={}", encoded(repository), encoded(tag));
        let (started, clock) = (Timestamp::now(), Instant::now());
        let mut reading = PushReading::default();
        let mut take = |at, event: &TransferEvent| reading.take(at, event);
        let (wall, failure) = self.follow(&target, clock, patience, &mut take).await?;
        if let Some(failure) = failure {
            reading.fail(failure);
        }
        Ok(reading.end(started, wall))
    }

    /// Posts and hears every event until the end, a deadline or a broken connection: the time of the last event, and a
    /// failure that is no event.
    async fn follow(
        &self,
        target: &str,
        clock: Instant,
        patience: Patience,
        take: &mut (dyn FnMut(Duration, &TransferEvent) + Send),
    ) -> Result<(Duration, Option<String>)> {
        let stream = self.open().await?;
        let asking = tokio::time::timeout(patience.silence.min(patience.deadline), self.ask(stream, target));
        let (mut events, _connection) = match asking.await {
            Ok(Ok(asked)) => asked,
            Ok(Err(broken)) => return Ok((clock.elapsed(), Some(broken))),
            Err(_elapsed) => return Ok((clock.elapsed(), Some(overdue(patience, clock)))),
        };
        let mut last = clock.elapsed();
        loop {
            let left = patience.deadline.saturating_sub(clock.elapsed());
            match tokio::time::timeout(left.min(patience.silence), events.next()).await {
                Ok(Ok(Some(event))) => {
                    last = clock.elapsed();
                    take(last, &event);
                }
                Ok(Ok(None)) => return Ok((last, None)),
                Ok(Err(broken)) => return Ok((clock.elapsed(), Some(broken))),
                Err(_elapsed) => return Ok((clock.elapsed(), Some(overdue(patience, clock)))),
            }
        }
    }

    async fn open(&self) -> Result<UnixStream> {
        UnixStream::connect(&self.socket).await.map_err(|cause| {
            Error::surroundings(format!("the engine at {} cannot be asked", self.socket.display()))
                .because(cause)
                .hint("check that the engine runs and that you may use its socket")
        })
    }

    /// The events of a request. They end when the connection is dropped, and with them what the engine was doing.
    async fn ask(&self, stream: UnixStream, target: &str) -> Result<(Events, AbortOnDropHandle<()>), String> {
        let broken = |cause: hyper::Error| format!("the engine broke off: {cause}");
        let shaking = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (mut sender, connection) = shaking.await.map_err(broken)?;
        let connection = AbortOnDropHandle::new(tokio::spawn(async move {
            // Its failure is the failure of the body, which is read.
            let _ = connection.await;
        }));
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/v{}{target}", self.client.client_version()))
            .header("host", "docker")
            .header("x-registry-auth", NOBODY)
            .body(Empty::<Bytes>::new())
            .map_err(|cause| cause.to_string())?;
        let response = sender.send_request(request).await.map_err(broken)?;
        Ok((Events::of(response).await, connection))
    }
}

fn overdue(patience: Patience, clock: Instant) -> String {
    if clock.elapsed() >= patience.deadline {
        format!("cancelled at the deadline of {} s", patience.deadline.as_secs())
    } else {
        format!("the engine was silent for {} s, so it was cancelled", patience.silence.as_secs())
    }
}

/// What stands before and after the last colon, if that is one of a tag.
fn repository_and_tag(name: &str) -> Result<(&str, &str)> {
    name.rsplit_once(':')
        .filter(|(repository, tag)| !repository.is_empty() && !tag.is_empty() && !tag.contains('/'))
        .ok_or_else(|| {
            Error::input(format!("`{name}` is no name with a tag")).hint("write REGISTRY/NAME:TAG")
        })
}

/// Everything but letters, digits and what names of images hold, as %XX.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b':' | b'@' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

/// A body whose lines are events.
struct Events {
    body: Incoming,
    rest: Vec<u8>,
    /// An answer that is no stream: what the engine refuses with.
    refusal: Option<TransferEvent>,
}

impl Events {
    async fn of(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let mut events = Self { body, rest: Vec::new(), refusal: None };
        if !head.status.is_success() {
            let text = Limited::new(&mut events.body, LONGEST_EVENT).collect().await;
            let text = text.map(|text| text.to_bytes()).unwrap_or_default();
            events.refusal = Some(refused(head.status.as_u16(), &text));
        }
        events
    }

    /// The next event; `None` at the end of a whole stream.
    async fn next(&mut self) -> Result<Option<TransferEvent>, String> {
        if let Some(refusal) = self.refusal.take() {
            return Ok(Some(refusal));
        }
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                if !line.trim_ascii().is_empty() {
                    return read(&line).map(Some);
                }
                continue;
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.rest.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
                Some(Err(cause)) => return Err(format!("the stream of events broke off: {cause}")),
                None if self.rest.trim_ascii().is_empty() => return Ok(None),
                None => return read(&std::mem::take(&mut self.rest)).map(Some),
            }
            if self.rest.len() > LONGEST_EVENT {
                return Err(format!("an event is longer than {LONGEST_EVENT} bytes"));
            }
        }
    }
}

/// An event as the engine writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    id: Option<String>,
    status: Option<String>,
    progress_detail: Option<Progress>,
    error: Option<String>,
    error_detail: Option<ErrorDetail>,
    aux: Option<Aux>,
}

#[derive(Deserialize)]
struct Progress {
    total: Option<i64>,
}

#[derive(Deserialize)]
struct ErrorDetail {
    message: Option<String>,
}

#[derive(Deserialize)]
struct Aux {
    #[serde(rename = "Digest")]
    digest: Option<String>,
}

fn read(line: &[u8]) -> Result<TransferEvent, String> {
    let line: Line = serde_json::from_slice(line)
        .map_err(|cause| format!("`{}` is no event: {cause}", String::from_utf8_lossy(line).trim()))?;
    let total = line.progress_detail.and_then(|progress| progress.total);
    Ok(TransferEvent {
        id: line.id.unwrap_or_default(),
        status: line.status.unwrap_or_default(),
        total: total.and_then(|total| u64::try_from(total).ok()).filter(|total| *total > 0),
        digest: line.aux.and_then(|aux| aux.digest),
        error: line.error_detail.and_then(|detail| detail.message).or(line.error),
    })
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

fn refused(status: u16, text: &[u8]) -> TransferEvent {
    let message = serde_json::from_slice(text).map(|refusal: Refusal| refusal.message);
    let message = message.unwrap_or_else(|_not_json| String::from_utf8_lossy(text).trim().to_owned());
    TransferEvent { error: Some(format!("{message} (status {status})")), ..TransferEvent::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_engines_write_them() {
        let line = br#"{"status":"Downloading","progressDetail":{"current":1,"total":30},"progress":"[>]","id":"ab"}"#;
        let event = read(line).unwrap();
        assert_eq!((event.id.as_str(), event.status.as_str(), event.total), ("ab", "Downloading", Some(30)));
        let line = br#"{"progressDetail":{},"aux":{"Tag":"1","Digest":"sha256:ab","Size":528}}"#;
        assert_eq!(read(line).unwrap().digest.as_deref(), Some("sha256:ab"));
        let line = br#"{"errorDetail":{"code":1,"message":"no space left on device"},"error":"x"}"#;
        assert_eq!(read(line).unwrap().error.as_deref(), Some("no space left on device"));
        let error = read(b"<html>\n").unwrap_err();
        assert!(error.starts_with("`<html>` is no event: "), "{error}");
    }

    #[test]
    fn refusals_are_given_in_the_engines_words() {
        let event = refused(404, br#"{"message":"No such image: x:1"}"#);
        assert_eq!(event.error.as_deref(), Some("No such image: x:1 (status 404)"));
        assert_eq!(refused(500, b"oops\n").error.as_deref(), Some("oops (status 500)"));
    }

    #[test]
    fn names_are_taken_apart_and_made_fit_for_a_request() {
        assert_eq!(repository_and_tag("127.0.0.1:5000/a/b:1").unwrap(), ("127.0.0.1:5000/a/b", "1"));
        let error = repository_and_tag("127.0.0.1:5000/a").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`127.0.0.1:5000/a` is no name with a tag\n  hint: write REGISTRY/NAME:TAG"
        );
        assert_eq!(encoded("h:1/a_b.c-d@sha256:0&tag=x y"), "h:1/a_b.c-d@sha256:0%26tag%3Dx%20y");
    }
}
