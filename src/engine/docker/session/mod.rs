//! Owns a BuildKit session: the hijacked `/session` connection over which an engine fetches the build context, secrets,
//! the SSH agent's signatures and credentials, as it does from the docker CLI.
//! Leaves to `context` which files a build sees, and to the caller the build itself.

mod agent;
mod auth;
mod batch;
mod filesync;
mod health;
mod secrets;
mod senders;
#[cfg(test)]
mod tests;

use super::config::ClientConfig;
use crate::engine::Secret;
use crate::error::{Error, Result};
use agent::AgentService;
use auth::AuthService;
use bollard_buildkit_proto::health::health_server::HealthServer;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::SecretsServer;
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::FileSyncServer;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::AuthServer;
use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::SshServer;
use filesync::FileSyncService;
use secrets::SecretsService;
use std::net::Shutdown;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;

/// How long an engine may take to accept the session.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longest response head that is read; engines send some 150 bytes.
const LONGEST_HEAD: usize = 16 << 10;
/// An engine asks for every file in a message of its own; with the default window of 64 KiB those of a large context
/// hold each other up.
const CONNECTION_WINDOW: u32 = 16 << 20;
const STREAM_WINDOW: u32 = 4 << 20;

/// What a session gives to the engine that asks.
#[derive(Debug)]
pub(super) struct Offer<'a> {
    /// The folder "context".
    pub(super) context: &'a Path,
    /// The folder "dockerfile".
    pub(super) dockerfile_dir: &'a Path,
    /// Secrets, by their ids.
    pub(super) secrets: &'a [Secret],
    /// The socket of an SSH agent.
    pub(super) agent: Option<&'a Path>,
    /// Where credentials of registries come from.
    pub(super) config: &'a Arc<ClientConfig>,
}

impl Offer<'_> {
    /// What an engine may call; it looks before it asks.
    fn methods(&self) -> Vec<&'static str> {
        let mut methods = vec![
            "moby.filesync.v1.FileSync/DiffCopy",
            "grpc.health.v1.Health/Check",
            "moby.filesync.v1.Auth/Credentials",
        ];
        if !self.secrets.is_empty() {
            methods.push("moby.buildkit.secrets.v1.Secrets/GetSecret");
        }
        if self.agent.is_some() {
            methods.extend(["moby.sshforward.v1.SSH/CheckAgent", "moby.sshforward.v1.SSH/ForwardAgent"]);
        }
        methods
    }
}

/// A BuildKit session as the docker CLI serves it.
/// Dropping it closes the connection and ends the server.
#[derive(Debug)]
pub(super) struct Session {
    server: JoinHandle<()>,
    /// The same connection once more: tonic serves it in a task of its own, which only the end of the connection ends.
    connection: std::os::unix::net::UnixStream,
    progress: Arc<Progress>,
}

/// What the server tells its session.
#[derive(Debug, Default)]
struct Progress {
    sent: AtomicU64,
    /// The first failure; those that follow are its consequences.
    error: OnceLock<String>,
}

impl Progress {
    fn fail(&self, message: String) {
        // A later failure is dropped on purpose.
        let _ = self.error.set(message);
    }
}

impl Session {
    /// Opens a session under `id`, which the build request then names. Sessions with the same `shared_key` let the
    /// engine reuse what it received before, so only changed files travel.
    pub(super) async fn open(socket: &Path, id: &str, shared_key: &str, offer: &Offer<'_>) -> Result<Self> {
        let stream = connect(socket, id, shared_key, offer, HANDSHAKE).await?;
        let unusable =
            |cause| Error::surroundings("the connection of the build session cannot be used").because(cause);
        let stream = stream.into_std().map_err(unusable)?;
        let connection = stream.try_clone().map_err(unusable)?;
        let stream = UnixStream::from_std(stream).map_err(unusable)?;

        let progress = Arc::new(Progress::default());
        let files = FileSyncService::new(offer.context, offer.dockerfile_dir, Arc::clone(&progress));
        let auth = AuthService::new(Arc::clone(offer.config), Arc::clone(&progress));
        let secrets = Some(offer.secrets).filter(|secrets| !secrets.is_empty());
        let agent = offer.agent.map(|socket| AgentService::new(socket, Arc::clone(&progress)));
        let server = tonic::transport::Server::builder()
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_stream_window_size(STREAM_WINDOW)
            .add_service(HealthServer::new(health::Healthy))
            .add_service(FileSyncServer::new(files))
            .add_service(AuthServer::new(auth))
            .add_optional_service(secrets.map(|secrets| SecretsServer::new(SecretsService::new(secrets))))
            .add_optional_service(agent.map(SshServer::new));
        // The second half never yields: a server whose listener ends would end with it.
        let incoming = tokio_stream::once(Ok::<_, std::io::Error>(stream)).chain(tokio_stream::pending());
        let ended = Arc::clone(&progress);
        let server = tokio::spawn(async move {
            if let Err(cause) = server.serve_with_incoming(incoming).await {
                ended.fail(format!("the session server ended: {cause}"));
            }
        });
        Ok(Self { server, connection, progress })
    }

    /// Bytes of file content sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.progress.sent.load(Ordering::Relaxed)
    }

    /// What went wrong on this side; the engine's own message often says less.
    pub(super) fn error(&self) -> Option<String> {
        self.progress.error.get().cloned()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.server.abort();
        // It may be closed already; nothing is left to do then.
        let _ = self.connection.shutdown(Shutdown::Both);
    }
}

/// A connection that the engine has accepted as a session, within the deadline.
async fn connect(
    socket: &Path,
    id: &str,
    shared_key: &str,
    offer: &Offer<'_>,
    deadline: Duration,
) -> Result<UnixStream> {
    tokio::time::timeout(deadline, handshake(socket, id, shared_key, offer)).await.map_err(|cause| {
        Error::surroundings(format!("the engine at {} did not accept a build session", socket.display()))
            .because(cause)
            .hint("check that the engine is well, for example with `docker info`")
    })?
}

/// Asks for the session and reads the head of the answer; what follows on the connection is gRPC.
async fn handshake(socket: &Path, id: &str, shared_key: &str, offer: &Offer<'_>) -> Result<UnixStream> {
    let failed = |doing: &str, cause: std::io::Error| {
        Error::surroundings(format!("cannot {doing} the engine at {}", socket.display()))
            .because(cause)
            .hint("check that the engine runs and that you may use its socket")
    };
    let mut stream = UnixStream::connect(socket).await.map_err(|cause| failed("connect to", cause))?;
    // A header holds no line ends; everything beyond ASCII is escaped with them.
    let (id, shared_key) = (id.escape_default(), shared_key.escape_default());
    let methods = offer.methods().into_iter();
    let methods: String =
        methods.map(|method| format!("X-Docker-Expose-Session-Grpc-Method: /{method}\r\n")).collect();
    let request = format!(
        "POST /session HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\
         X-Docker-Expose-Session-Uuid: {id}\r\n\
         X-Docker-Expose-Session-Name: dbench\r\n\
         X-Docker-Expose-Session-Sharedkey: {shared_key}\r\n\
         {methods}\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(|cause| failed("ask for a session from", cause))?;
    let mut head = Vec::new();
    // Byte by byte: what comes after the head belongs to gRPC and must stay unread.
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        head.push(stream.read_u8().await.map_err(|cause| failed("read the answer of", cause))?);
    }
    if head.starts_with(b"HTTP/1.1 101") {
        return Ok(stream);
    }
    let head = String::from_utf8_lossy(&head);
    let status = head.lines().next().unwrap_or_default();
    Err(Error::surroundings(format!("the engine at {} refused a build session: {status}", socket.display()))
        .hint("BuildKit builds need Docker Engine 18.09 or newer; or choose --builder classic"))
}
