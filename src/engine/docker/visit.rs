//! Asks containers whose published ports are not reached from here: a visitor, a container with socat in the network of
//! the one that is asked, carries each question over the engine's own API, and nothing is opened to the network.
//! Leaves to `containers` what is asked of a port that is reached.

use super::{ANSWER, Answer, AttachedSpec, DockerEngine, Output, Powers, Streams, failed, within};
use crate::engine::{Engine, Reach, visitor_of};
use crate::error::{Error, Result};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::task::AbortOnDropHandle;

/// What visitors are made of, if nothing else is said.
const IMAGE: &str = "alpine/socat:latest";
/// How long a published port may refuse, while none of this engine's was ever open to us, before a visitor is tried.
/// The proxies of engines accept at once.
const GRACE: Duration = Duration::from_secs(2);
/// How socat waits for a port to open: a question is then on its way within a hundredth of a second.
const TRIES: &str = "retry=50,interval=0.01";
/// How many seconds one half of a connection may outlive the other.
const PATIENCE: &str = "30";

/// How an engine's containers are asked, and the visitors that there are.
pub(super) struct Visits {
    image: String,
    state: Mutex<State>,
    /// An engine that is itself in a container is asked in the network of that one.
    through: Option<Through>,
}

struct State {
    reach: Reach,
    tried: bool,
    visits: BTreeMap<String, Visit>,
}

/// One container that may be visited.
struct Visit {
    since: Instant,
    labels: BTreeMap<String, String>,
    visitor: Option<Visitor>,
    failure: Option<Error>,
}

/// A visitor that runs. It ends with its standard input.
#[derive(Clone)]
struct Visitor {
    name: String,
    /// The container's own address: what listens on its loopback alone is as unreachable as ever.
    address: IpAddr,
    _streams: Arc<Mutex<Streams>>,
}

struct Through {
    outer: DockerEngine,
    container: String,
}

impl std::fmt::Debug for Visits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visits").field("image", &self.image).field("reach", &self.state().reach).finish()
    }
}

impl Visits {
    /// Published ports of an engine behind a socket are tried first; those of any other may be another machine's.
    pub fn of(way: &str) -> Self {
        let reach = if way == "unix" { Reach::Unknown } else { Reach::Visited };
        Self::new(IMAGE.to_owned(), reach, None)
    }

    fn new(image: String, reach: Reach, through: Option<Through>) -> Self {
        let state = State { reach, tried: false, visits: BTreeMap::new() };
        Self { image, state: Mutex::new(state), through }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn reach(&self) -> Reach {
        self.state().reach
    }

    /// Whether ports are published at all.
    pub fn publishes(&self) -> bool {
        self.reach() != Reach::Visited || self.through.is_some()
    }

    /// The first sign decides for good.
    pub fn settle(&self, reach: Reach) {
        let mut state = self.state();
        if state.reach == Reach::Unknown {
            state.reach = reach;
        }
    }

    pub fn take_trial(&self) -> bool {
        std::mem::take(&mut self.state().tried)
    }

    /// A container was started that may have to be visited.
    fn begin(&self, container: &str, labels: &BTreeMap<String, String>) {
        let visit = Visit { since: Instant::now(), labels: labels.clone(), visitor: None, failure: None };
        self.state().visits.insert(container.to_owned(), visit);
    }

    pub fn end(&self, container: &str) {
        self.state().visits.remove(container);
    }

    fn with<T>(&self, container: &str, act: impl FnOnce(&mut Visit) -> T) -> Option<T> {
        self.state().visits.get_mut(container).map(act)
    }

    /// Why there is no visitor, if that is not told yet.
    fn failure(&self, container: &str) -> Option<Error> {
        self.with(container, |visit| visit.failure.take()).flatten()
    }

    fn visitor(&self, container: &str) -> Option<Visitor> {
        self.with(container, |visit| visit.visitor.clone()).flatten()
    }
}

impl DockerEngine {
    /// The same engine, whose visitors are of that image.
    pub fn visiting_with(self, image: &str) -> Self {
        let visits = Visits::new(image.to_owned(), self.visits.reach(), None);
        Self { visits: Arc::new(visits), ..self }
    }

    /// The same engine, which runs in a container of `outer` and whose published ports are asked there.
    pub(in crate::engine) fn visited_in(self, outer: &DockerEngine, container: &str) -> Self {
        let through = Through { outer: outer.clone(), container: container.to_owned() };
        let visits = Visits::new(self.visits.image.clone(), Reach::Visited, Some(through));
        Self { visits: Arc::new(visits), ..self }
    }

    /// Has the image of visitors in the engine.
    ///
    /// # Errors
    /// If it cannot be had.
    pub async fn have_visitors(&self) -> Result<()> {
        let image = &self.visits.image;
        match self.find_image(image).await? {
            Some(_) => Ok(()),
            None => self.pull(image, None).await,
        }
    }

    /// A container was started: a visitor comes at once where its ports are known to be out of reach.
    pub(in crate::engine) async fn begin_visit(&self, container: &str, labels: &BTreeMap<String, String>) {
        if self.visits.through.is_some() || self.reach() == Reach::Published {
            return;
        }
        self.visits.begin(container, labels);
        if self.reach() == Reach::Visited
            && let Err(error) = self.open_visitor(container).await
        {
            // One that has ended cannot be visited, which is not the visitor's fault: whoever asks next decides.
            self.visits.with(container, |visit| visit.failure = Some(error));
        }
    }

    /// A container is about to end, and its visitor with it.
    pub(in crate::engine) async fn end_visit(&self, container: &str) -> Result<()> {
        if self.visits.visitor(container).is_some() {
            self.remove_container(&visitor_of(container)).await?;
        }
        self.visits.end(container);
        Ok(())
    }

    async fn open_visitor(&self, container: &str) -> Result<()> {
        let labels = self.visits.with(container, |visit| visit.labels.clone()).unwrap_or_default();
        let address = self.own_address(container).await?;
        let (name, network) = (visitor_of(container), format!("container:{container}"));
        let spec = AttachedSpec {
            name: &name,
            image: &self.visits.image,
            network: &network,
            command: &["cat"],
            env: &[],
            labels: &labels,
            powers: Powers::None,
        };
        let streams = Arc::new(Mutex::new(self.start_attached(&spec).await?));
        let visitor = Visitor { name, address, _streams: streams };
        self.visits.with(container, |visit| visit.visitor = Some(visitor));
        Ok(())
    }

    /// The address of a container in its first network.
    async fn own_address(&self, container: &str) -> Result<IpAddr> {
        let doing = "looking for the address of a container";
        let answer = within(doing, ANSWER, self.client.inspect_container(container, None)).await?;
        let networks =
            answer.map_err(|cause| failed(doing, cause))?.network_settings.and_then(|n| n.networks);
        let mut addresses = networks.into_iter().flatten().filter_map(|(_, network)| network.ip_address);
        let address = addresses.find_map(|text| text.parse().ok());
        Ok(address.unwrap_or(Ipv4Addr::LOCALHOST.into()))
    }

    /// Tries a visitor where a published port has refused for a while; its answer decides how all are asked.
    pub(super) async fn try_visit(
        &self,
        container: &str,
        port: u16,
        path: &str,
        deadline: Duration,
    ) -> Result<Option<Answer>> {
        let waited =
            self.visits.with(container, |visit| visit.since.elapsed() >= GRACE && visit.failure.is_none());
        if waited != Some(true) {
            return Ok(None);
        }
        if self.visits.visitor(container).is_none() {
            self.visits.state().tried = true;
            let opened = match self.have_visitors().await {
                Ok(()) => self.open_visitor(container).await,
                Err(error) => Err(error),
            };
            if let Err(error) = opened {
                // The port may open yet; the probe says at its end that nobody ever got through.
                self.visits.with(container, |visit| visit.failure = Some(error));
                return Ok(None);
            }
        }
        let answer = self.visit(container, port, path, deadline).await?;
        if answer.is_some() {
            self.visits.settle(Reach::Visited);
        }
        Ok(answer)
    }

    /// Asks through the visitor of a container. `None` means not yet.
    pub(super) async fn visit(
        &self,
        container: &str,
        port: u16,
        path: &str,
        deadline: Duration,
    ) -> Result<Option<Answer>> {
        if let Some(Through { outer, container: node }) = &self.visits.through {
            let Some(published) = self.published(container, port).await? else { return Ok(None) };
            let Some(visitor) = outer.visits.visitor(node) else {
                return outer.visits.failure(node).map_or(Ok(None), Err);
            };
            return outer
                .ask_from(&visitor.name, (self.published_at, published).into(), path, deadline)
                .await;
        }
        if let Some(visitor) = self.visits.visitor(container) {
            return self.ask_from(&visitor.name, (visitor.address, port).into(), path, deadline).await;
        }
        match self.visits.failure(container) {
            Some(error) if self.container_exit_code(container).await?.is_none() => Err(error.hint(
                "published ports of this engine are not reached from here, so its containers are asked through one of \
                 alpine/socat; name another image with socat and cat: --base alpine/socat:latest=IMAGE",
            )),
            _ => Ok(None),
        }
    }

    /// One question over a program in a visitor.
    async fn ask_from(
        &self,
        visitor: &str,
        to: SocketAddr,
        path: &str,
        deadline: Duration,
    ) -> Result<Option<Answer>> {
        let there = format!("TCP:{to},{TRIES}");
        let program = ["socat", "-t", PATIENCE, "-", &there];
        let Streams { output, input } = self.run_inside(visitor, &program).await?;
        let stream = tokio::io::join(Answers { output, rest: Bytes::new() }, input);
        let asking = tokio::time::timeout(deadline, ask(TokioIo::new(stream), to, path));
        Ok(asking.await.ok().and_then(Result::ok))
    }
}

type Stream = TokioIo<tokio::io::Join<Answers, Pin<Box<dyn tokio::io::AsyncWrite + Send>>>>;
type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Refused, reset and cut off all show as the end of the stream.
async fn ask(stream: Stream, to: SocketAddr, path: &str) -> Result<Answer, Failed> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(async move {
        // Its failure is that of the question.
        let _ = connection.await;
    }));
    let request = Request::get(path)
        .header("host", to.to_string())
        .header("connection", "close")
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let limit = usize::try_from(super::containers::BODY_LIMIT)?;
    let body = Limited::new(response.into_body(), limit).collect().await?.to_bytes();
    Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
}

/// What a program writes on its standard output, as a reader.
struct Answers {
    output: Output,
    rest: Bytes,
}

impl AsyncRead for Answers {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(self.output.poll_next(context)) {
                Some((true, bytes)) => self.rest = bytes,
                Some((false, _said)) => {}
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = self.rest.len().min(into.remaining());
        into.put_slice(&self.rest.split_to(count));
        Poll::Ready(Ok(()))
    }
}
