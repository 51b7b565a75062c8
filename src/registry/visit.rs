//! One request from its head to the last byte of its answer: it is counted on the way in and on the way out.

use super::meter::{Meter, Socket, Ticket};
use super::reading::Direction;
use super::refusal::{Answer, Code, Refusal};
use super::routes;
use super::store::Store;
use super::upload::{Uploads, drain};
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// What all requests share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) uploads: Uploads,
    pub(super) meter: Meter,
    pub(super) silence: Duration,
}

/// What the requests of one connection share.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) shared: Arc<Shared>,
    pub(super) socket: Arc<Socket>,
}

/// A request that is being answered.
pub(super) struct Call {
    pub(super) parts: Parts,
    pub(super) body: Body,
    pub(super) ticket: Arc<Ticket>,
}

impl Call {
    /// A header, if it is there and readable.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The bytes that the body is said to have.
    pub(super) fn announced(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }
}

impl Visit {
    /// Work on the disk, apart from the threads that serve connections.
    pub(super) async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> T + Send + 'static,
    ) -> Answer<T> {
        let shared = self.shared.clone();
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.map_err(|cause| Refusal::new(Code::Unknown, format!("the work was ended: {cause}")))
    }
}

/// Answers one request.
pub(super) async fn answer(State(visit): State<Visit>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let direction = match parts.method {
        Method::POST | Method::PUT | Method::PATCH => Direction::In,
        _ => Direction::Out,
    };
    let ticket = Arc::new(visit.shared.meter.begin(&visit.socket, direction));
    let body = Body::new(Counted::request(body, ticket.clone(), direction));
    let mut call = Call { parts, body, ticket: ticket.clone() };
    let response = match routes::handle(&visit, &mut call).await {
        Ok(response) => response,
        Err(refusal) => {
            // A client that is asked to wait for the answer has one now; any other still sends, and would find the
            // connection closed before it reads why. One that fell silent is not waited for once more.
            if !call.parts.headers.contains_key(header::EXPECT) && !refusal.is_late() {
                drain(&mut call.body, visit.shared.silence).await;
            }
            refusal.into_response()
        }
    };
    ticket.answered(response.status().as_u16());
    response.map(|body| Body::new(Counted::answer(body, ticket, direction)))
}

/// An answer with the header that old engines look for.
pub(super) fn respond(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let version = HeaderName::from_static("docker-distribution-api-version");
    response.headers_mut().insert(version, HeaderValue::from_static("registry/2.0"));
    response
}

/// Adds a header whose value was made of parts that were checked.
pub(super) fn with(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// A body that tells a record what passes.
struct Counted {
    body: Body,
    ticket: Arc<Ticket>,
    /// Whether its bytes are those that the record counts.
    counts: bool,
    /// Whether it is the answer, whose end is that of the request.
    answers: bool,
}

impl Counted {
    fn request(body: Body, ticket: Arc<Ticket>, direction: Direction) -> Self {
        Self { body, ticket, counts: direction == Direction::In, answers: false }
    }

    fn answer(body: Body, ticket: Arc<Ticket>, direction: Direction) -> Self {
        let counted = Self { body, ticket, counts: direction == Direction::Out, answers: true };
        counted.look_for_end();
        counted
    }

    fn look_for_end(&self) {
        if self.answers && self.body.is_end_stream() {
            self.ticket.whole();
        }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(data)) = frame.as_ref().map(|frame| frame.as_ref().map(Frame::data_ref)) {
            if self.counts {
                self.ticket.passed(data.map_or(0, Bytes::len));
            }
            self.look_for_end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
