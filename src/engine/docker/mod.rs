//! Owns the Docker Engine behind a unix socket: bollard for the API, a session of our own for BuildKit.
//! Leaves to the rest of the program the words of `engine`, and to `dial` the socket of an engine that has none on this
//! machine; nothing outside this folder knows bollard.

mod attached;
mod build;
mod cache;
mod classic;
mod client;
mod config;
mod containers;
mod images;
mod log;
mod networks;
mod session;
mod tarball;
mod transfer;
mod visit;

pub(super) use attached::{AttachedSpec, Output, Powers, Streams};

use super::dial::Dial;
use super::endpoint::Endpoint;
use super::node::{ContainerNode, ContainerSettings};
use super::{
    About, Answer, BuildRequest, Built, CacheRecord, ContainerSpec, Engine, Heard, Image, Patience,
    PullTrace, PushTrace, Reach, Redactor, Relay, RelaySettings, Removal, Secret, Stored,
};
use crate::error::{Error, Result};
use crate::image::Layer;
use crate::results::{Builder, EngineRecord};
use bollard::Docker;
use config::ClientConfig;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use visit::Visits;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// How long an answer that is not a build, a pull or a save may take.
const ANSWER: Duration = Duration::from_secs(60);
/// How long an engine that is not behind a socket of this machine may take for its first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(30);
/// How long a save or a pull may take; the engine spools a saved image before its first byte.
const LONG: Duration = Duration::from_secs(1800);

/// A Docker Engine behind a unix socket, which may be one of dbench's own that leads elsewhere.
#[derive(Clone, Debug)]
pub struct DockerEngine {
    client: Docker,
    socket: PathBuf,
    /// Its address, as the docker CLI's configuration names engines.
    host: String,
    /// What the docker CLI is configured with.
    config: Arc<ClientConfig>,
    /// The proxies of that configuration for this engine, as build args.
    proxies: BTreeMap<String, String>,
    /// Where containers publish their ports, and where they are asked.
    published_at: IpAddr,
    /// What is behind the socket, if that is not the engine itself; it ends with the last of its users.
    _dial: Option<Arc<Dial>>,
    /// How it is reached: `unix`, `tcp`, `tls` or `ssh`.
    way: &'static str,
    /// How its containers are asked.
    visits: Arc<Visits>,
}

impl DockerEngine {
    /// Connects to an engine and negotiates the API version.
    ///
    /// # Errors
    /// If none answers there, with the cause and what to do.
    pub async fn connect(endpoint: &Endpoint) -> Result<Self> {
        let address = endpoint.address();
        let dial = Dial::open(address)?.map(Arc::new);
        let socket = match (&dial, endpoint.socket()) {
            (Some(dial), _) => dial.socket().to_owned(),
            (None, socket) => socket.cloned().unwrap_or_default(),
        };
        let negotiating = client::negotiated(&socket, dial.is_some());
        let answered = match &dial {
            Some(_) => tokio::time::timeout(FIRST_ANSWER, negotiating).await.unwrap_or_else(|_elapsed| {
                Err(format!("it said nothing for {} s", FIRST_ANSWER.as_secs()).into())
            }),
            None => within("negotiating the version of the API", ANSWER, negotiating).await?,
        };
        let client = answered.map_err(|cause| no_engine(endpoint, &socket, dial.as_deref(), cause))?;
        let (way, visits) = (address.way(), Arc::new(Visits::of(address.way())));
        Ok(Self {
            client: client::speaking(client, |_| None),
            socket,
            host: address.as_host(),
            config: Arc::default(),
            proxies: BTreeMap::new(),
            published_at: Ipv4Addr::LOCALHOST.into(),
            _dial: dial,
            way,
            visits,
        })
    }

    /// The same engine, whose builds and pulls of bases go by the user's configuration of the docker CLI: credentials of
    /// registries, and proxies. It is found by that environment.
    pub fn configured(self, environment: &dyn Fn(&str) -> Option<OsString>) -> Result<Self> {
        let config = Arc::new(ClientConfig::of(environment)?);
        let proxies = config.proxies(&self.host);
        Ok(Self { config, proxies, ..self })
    }

    /// The same engine, whose containers publish their ports at another address of its machine than loopback.
    pub fn publishing_at(self, address: IpAddr) -> Self {
        Self { published_at: address, ..self }
    }

    /// Finds out, before anything is built, whether it has that builder. Nothing is left of the question.
    pub async fn has(&self, builder: Builder) -> Result<()> {
        match builder {
            Builder::Buildkit => build::exists(self).await,
            Builder::Classic => classic::exists(self).await,
        }
    }

    /// The socket that it answers at.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

/// What the way there failed of says more than what its client saw of that. What named the address is said with what to do,
/// since that may be the thing to change.
fn no_engine(endpoint: &Endpoint, socket: &Path, dial: Option<&Dial>, cause: Cause) -> Error {
    let error = Error::surroundings(format!("no Docker Engine answers at {}", endpoint.address()));
    let error = match (dial, dial.and_then(Dial::trouble)) {
        (_, Some(trouble)) => error.because(trouble.cause).hint(trouble.hint),
        (Some(_), None) => error.because(cause).hint(
            "check that an engine answers there, and how: DOCKER_TLS_VERIFY and DOCKER_CERT_PATH ask for TLS, and `docker \
             version` shows whether the docker CLI gets through",
        ),
        (None, _) => without_a_socket(error, socket, cause),
    };
    let named = match endpoint.because() {
        "" => return error,
        "built in" => "no flag, variable or docker context names another address".to_owned(),
        because => format!("the address is from {because}"),
    };
    let hint = error.advice().map(|hint| format!("{named}; {hint}"));
    error.hint(hint.unwrap_or(named))
}

/// What the system says of the socket tells more than the client that tried it.
fn without_a_socket(error: Error, socket: &Path, cause: Cause) -> Error {
    let (error, denied) = match UnixStream::connect(socket) {
        Ok(_) => (error.because(cause), false),
        Err(refused) => {
            let denied = refused.kind() == ErrorKind::PermissionDenied;
            (error.because(refused), denied)
        }
    };
    error.hint(if denied {
        "this user may not use that socket: run dbench as root, or join the group that owns it (`docker`) and log in again"
    } else {
        "get one in one of three ways: `make setup` in the checkout of dbench (Debian, as root), start Docker \
         Desktop or `systemctl start docker`, or point DOCKER_HOST at the unix socket of a running engine, or \
         --context at its docker context"
    })
}

/// An engine that does not answer within `deadline` is an error, never a hang.
async fn within<T>(doing: &str, deadline: Duration, what: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(deadline, what).await.map_err(|cause| {
        Error::surroundings(format!("{doing}: the engine did not answer within {} s", deadline.as_secs()))
            .because(cause)
            .hint("see the engine's log; restarting it often helps")
    })
}

fn failed(doing: &str, cause: bollard::errors::Error) -> Error {
    let broke_off = client::broke_off(&cause);
    let error = Error::surroundings(format!("the engine failed at {doing}")).because(cause);
    match broke_off {
        true => error.hint("the connection broke off: see whether the engine still runs, then try again"),
        false => error,
    }
}

/// `None` for the engine's 404.
fn found<T>(doing: &str, answer: Result<T, bollard::errors::Error>) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(cause) => Err(failed(doing, cause)),
    }
}

/// How a removal ended, by the engine's status.
fn removal<T>(doing: &str, answer: Result<T, bollard::errors::Error>) -> Result<Removal> {
    match answer {
        Ok(_) => Ok(Removal::Removed),
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => {
            Ok(Removal::Absent)
        }
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 409, message }) => {
            Ok(Removal::Refused(message))
        }
        Err(cause) => Err(failed(doing, cause)),
    }
}

impl Engine for DockerEngine {
    async fn about(&self) -> Result<About> {
        let doing = "asking about the engine";
        let info = within(doing, ANSWER, self.client.info()).await?.map_err(|cause| failed(doing, cause))?;
        let version =
            within(doing, ANSWER, self.client.version()).await?.map_err(|cause| failed(doing, cause))?;
        let status = info.driver_status.unwrap_or_default();
        let containerd = status.iter().flatten().any(|s| s.contains("io.containerd.snapshotter"));
        let unsigned = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
        Ok(About {
            id: info.id.unwrap_or_default(),
            way: self.way,
            root: PathBuf::from(info.docker_root_dir.unwrap_or_default()),
            record: EngineRecord {
                version: version.version.unwrap_or_default(),
                api: self.client.client_version().to_string(),
                driver: info.driver.unwrap_or_default(),
                store: if containerd { "containerd" } else { "graph" }.to_owned(),
                platform: format!(
                    "{}/{}",
                    info.os_type.unwrap_or_default(),
                    info.architecture.unwrap_or_default()
                ),
                system: info.operating_system.unwrap_or_default(),
                cores: unsigned(info.ncpu),
                memory: unsigned(info.mem_total),
            },
        })
    }

    async fn image(&self, name: &str) -> Result<Option<Image>> {
        self.find_image(name).await
    }

    async fn images(&self, label: &str) -> Result<Vec<Image>> {
        self.labelled_images(label).await
    }

    async fn stored(&self) -> Result<BTreeMap<String, Stored>> {
        self.all_images().await
    }

    async fn made_by(&self, image: &str) -> Result<Option<String>> {
        self.top_of_history(image).await
    }

    async fn pull(&self, name: &str, platform: Option<&str>) -> Result<()> {
        self.pull_image(name, platform).await
    }

    async fn build(&self, request: &BuildRequest<'_>, heard: &mut dyn FnMut(Heard<'_>)) -> Result<Built> {
        match request.builder {
            Builder::Buildkit => build::build(self, request, heard).await,
            Builder::Classic => classic::build(self, request, heard).await,
        }
    }

    fn redactor(&self, secrets: &[Secret]) -> Result<Redactor> {
        let hidden: Vec<String> = self.proxies.values().flat_map(|value| config::hidden(value)).collect();
        let secrets = secrets.iter().map(|secret| secret.value.as_slice());
        Redactor::new(secrets.chain(hidden.iter().map(String::as_bytes)))
    }

    async fn layers(&self, image: &str) -> Result<Vec<Layer>> {
        self.saved_layers(image).await
    }

    async fn start(&self, spec: &ContainerSpec<'_>) -> Result<()> {
        self.start_container(spec).await
    }

    async fn get(
        &self,
        container: &str,
        port: u16,
        path: &str,
        deadline: Duration,
    ) -> Result<Option<Answer>> {
        self.get_page(container, port, path, deadline).await
    }

    fn reach(&self) -> Reach {
        self.visits.reach()
    }

    fn take_trial(&self) -> bool {
        self.visits.take_trial()
    }

    async fn exit_code(&self, container: &str) -> Result<Option<i64>> {
        self.container_exit_code(container).await
    }

    async fn logs(&self, container: &str) -> Result<(String, String)> {
        self.container_logs(container).await
    }

    async fn containers(&self, prefix: &str) -> Result<Vec<String>> {
        self.container_names(prefix).await
    }

    async fn remove_container(&self, name: &str) -> Result<Removal> {
        self.delete_container(name).await
    }

    async fn remove_image(&self, reference: &str) -> Result<Removal> {
        self.delete_image(reference).await
    }

    async fn remove_network(&self, name: &str) -> Result<Removal> {
        self.delete_network(name).await
    }

    async fn cache(&self) -> Result<Vec<CacheRecord>> {
        cache::records(&self.socket).await
    }

    async fn prune(&self, id: &str) -> Result<()> {
        cache::prune(&self.client, id).await
    }

    async fn push(&self, image: &str, name: &str, patience: Patience) -> Result<PushTrace> {
        self.follow_push(image, name, patience).await
    }

    async fn pull_timed(&self, name: &str, patience: Patience) -> Result<PullTrace> {
        self.follow_pull(name, patience).await
    }

    async fn host(&self, settings: ContainerSettings) -> Result<ContainerNode> {
        ContainerNode::start(self, settings).await
    }

    async fn relay(&self, settings: &RelaySettings) -> Result<Relay> {
        Relay::start(self, settings).await
    }
}
