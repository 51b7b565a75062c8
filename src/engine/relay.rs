//! Owns relays: containers in the network of an engine's machine, through which it asks a server of dbench's that it does
//! not reach otherwise. Every connection goes over the engine's own API; nothing is opened to the network.
//! Leaves to `runner` when one is needed.

use super::Engine as _;
use super::docker::{AttachedSpec, DockerEngine, Output, Powers, Streams};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

const SCRIPT: &str = include_str!("relay.sh");
/// The network of the engine's machine.
const HOST: &str = "host";
/// How many ports are tried; another program may have one.
const PORTS: u16 = 5;
/// The first of the ports that anybody may take.
const FIRST_PORT: u16 = 49_152;
/// How many seconds one half of a connection may outlive the other: a registry may think that long about what it got.
const PATIENCE: &str = "600";
/// How often and at what distance the socket of a connection is looked for, which is there in a moment.
const TRIES: &str = "retry=500,interval=0.01";
/// What the listener says once it listens, and what it says of a connection.
const LISTENING: &str = "listening on";
const CONNECTION: &str = "connection ";
/// What it says of a port that somebody has.
const TAKEN: &str = "Address already in use";
/// How much of what a relay says is kept for an error.
const KEPT: usize = 2 << 10;
/// A line that is longer is no line of a relay's.
const LONGEST: usize = 1 << 20;

/// How a relay is to be.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// The name of its container, with a token that nobody else has; journalled beforehand.
    pub name: String,
    /// The image, which is there: `alpine/socat` or what stands in for it.
    pub image: String,
    /// Labels of the container.
    pub labels: BTreeMap<String, String>,
    /// The address of the engine's machine at which it listens.
    pub listen: IpAddr,
    /// The server on this machine.
    pub to: SocketAddr,
    /// How long it may take to listen.
    pub deadline: Duration,
}

/// A relay that listens. It ends with `stop`, and when dbench ends in whatever way.
pub struct Relay {
    engine: DockerEngine,
    name: String,
    address: SocketAddr,
    input: Pin<Box<dyn AsyncWrite + Send>>,
    _carrying: AbortOnDropHandle<()>,
}

impl Relay {
    /// Starts a relay in an engine.
    ///
    /// # Errors
    /// If the engine cannot run it, or it does not listen within its deadline.
    pub(super) async fn start(engine: &DockerEngine, settings: &RelaySettings) -> Result<Self> {
        let mut port = settings.to.port().max(FIRST_PORT);
        for _ in 1..PORTS {
            match Self::start_at(engine, settings, port).await? {
                Some(relay) => return Ok(relay),
                None => port = port.checked_add(1).unwrap_or(FIRST_PORT),
            }
        }
        Self::start_at(engine, settings, port).await?.ok_or_else(|| {
            Error::surroundings(format!(
                "{PORTS} ports from {} on are taken on the engine's machine",
                settings.to.port()
            ))
            .hint("start again; other ports are tried then")
        })
    }

    /// `None` if somebody has the port.
    async fn start_at(engine: &DockerEngine, settings: &RelaySettings, port: u16) -> Result<Option<Self>> {
        let address = SocketAddr::new(settings.listen, port);
        let spec = AttachedSpec {
            name: &settings.name,
            image: &settings.image,
            network: HOST,
            command: &["sh", "-c", SCRIPT],
            env: &[
                ("ADDRESS", address.ip().to_string()),
                ("PORT", port.to_string()),
                ("PATIENCE", PATIENCE.to_owned()),
            ],
            labels: &settings.labels,
            powers: Powers::None,
        };
        let Streams { output, input } = engine.start_attached(&spec).await?;
        let mut said = Said { output, connections: String::new(), log: String::new() };
        let heard = tokio::time::timeout(settings.deadline, said.until(LISTENING)).await;
        if matches!(heard, Ok(true)) {
            let carrying = carry(said, engine.clone(), settings.name.clone(), settings.to);
            let carrying = AbortOnDropHandle::new(tokio::spawn(carrying));
            let (engine, name) = (engine.clone(), settings.name.clone());
            return Ok(Some(Self { engine, name, address, input, _carrying: carrying }));
        }
        engine.remove_container(&settings.name).await?;
        if said.log.contains(TAKEN) {
            return Ok(None);
        }
        let why = if heard.is_ok() { "ended before it listened" } else { "did not listen in time" };
        let last = said.log.trim_end();
        Err(Error::surroundings(format!("the relay in a container of {} {why}", settings.image))
            .because(format!("it said:\n{last}"))
            .hint("name another image with sh and socat for alpine/socat: --base alpine/socat=IMAGE"))
    }

    /// Where it listens, on the engine's machine.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it and removes its container.
    pub async fn stop(mut self) -> Result<()> {
        // It fails if the container has ended by itself.
        let _ = self.input.shutdown().await;
        self.engine.remove_container(&self.name).await.map(|_removal| ())
    }
}

/// What a relay says.
struct Said {
    output: Output,
    /// On standard output, as far as it has not been taken yet: its connections.
    connections: String,
    /// On standard error: everything else.
    log: String,
}

impl Said {
    /// Reads on until the log holds that word; `false` at the end.
    async fn until(&mut self, word: &str) -> bool {
        while !self.log.contains(word) {
            if !self.more().await {
                return false;
            }
        }
        true
    }

    async fn more(&mut self) -> bool {
        let Some((standard, bytes)) = self.output.next().await else { return false };
        let text = if standard { &mut self.connections } else { &mut self.log };
        text.push_str(&String::from_utf8_lossy(&bytes));
        let surplus = self.log.len().saturating_sub(KEPT);
        self.log.drain(..self.log.ceil_char_boundary(surplus));
        self.connections.len() < LONGEST
    }

    /// The socket of the next connection; `None` at the end.
    async fn connection(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.connections.split_once('\n') {
                let socket = line.strip_prefix(CONNECTION).map(str::to_owned);
                self.connections = rest.to_owned();
                if socket.is_some() {
                    return socket;
                }
            } else if !self.more().await {
                return None;
            }
        }
    }
}

/// Carries every connection to the server, until the relay ends.
async fn carry(mut said: Said, engine: DockerEngine, container: String, to: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            socket = said.connection() => {
                let Some(socket) = socket else { return };
                let (engine, container) = (engine.clone(), container.clone());
                connections.spawn(async move { connect(&engine, &container, &socket, to).await });
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

/// One connection. What fails on it shows as its end, which is what an engine understands.
async fn connect(engine: &DockerEngine, container: &str, socket: &str, to: SocketAddr) {
    let there = format!("UNIX-CONNECT:{socket},{TRIES}");
    let program = ["socat", "-t", PATIENCE, "-", &there];
    let Ok(Streams { mut output, mut input }) = engine.run_inside(container, &program).await else { return };
    let Ok(server) = TcpStream::connect(to).await else { return };
    let (mut answers, mut questions) = server.into_split();
    let asking = async {
        while let Some((standard, bytes)) = output.next().await {
            if standard && questions.write_all(&bytes).await.is_err() {
                break;
            }
        }
        let _ = questions.shutdown().await;
    };
    let answering = async {
        let _ = tokio::io::copy(&mut answers, &mut input).await;
        let _ = input.shutdown().await;
    };
    tokio::join!(asking, answering);
}
