//! Containers that live as long as somebody holds their standard input, and programs run inside them.

use super::{ANSWER, DockerEngine, failed, within};
use crate::error::{Error, Result};
use bollard::container::LogOutput;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::{ContainerCreateBody, ExecConfig, HostConfig, HostConfigCgroupnsModeEnum};
use bollard::query_parameters::{AttachContainerOptions, CreateContainerOptions, StartContainerOptions};
use futures_util::{Stream, StreamExt};
use hyper::body::Bytes;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;

/// Where an engine in a container keeps its store.
const STORE: &str = "/var/lib/docker";

/// A container that lives as long as its standard input is held.
#[derive(Debug)]
pub(in crate::engine) struct AttachedSpec<'a> {
    /// Its name, which makes it ours.
    pub name: &'a str,
    /// The image.
    pub image: &'a str,
    /// The network that it is in; `host` is that of the engine's machine.
    pub network: &'a str,
    /// Replaces the image's entry point.
    pub command: &'a [&'a str],
    /// Environment variables beside those of the image.
    pub env: &'a [(&'a str, String)],
    /// Labels.
    pub labels: &'a BTreeMap<String, String>,
    /// What it may do.
    pub powers: Powers,
}

/// What a container may do beyond what every container may.
#[derive(Debug)]
pub(in crate::engine) enum Powers {
    /// Nothing.
    None,
    /// Whatever an engine in it needs.
    Engine {
        /// Options of the tmpfs that its store is; `None` puts it in an anonymous volume.
        store: Option<String>,
    },
}

/// A connection to the standard streams of a program in the engine.
pub(in crate::engine) struct Streams {
    /// What it writes.
    pub output: Output,
    /// Its standard input.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
}

/// What a program in the engine writes.
pub(in crate::engine) struct Output(
    Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>,
);

impl Output {
    /// The next piece, and whether it is of standard output; `None` at the end.
    pub async fn next(&mut self) -> Option<(bool, Bytes)> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// The same, for a reader.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(bool, Bytes)>> {
        self.0.poll_next_unpin(context).map(|piece| {
            let piece = piece?.ok()?;
            let standard = matches!(piece, LogOutput::StdOut { .. } | LogOutput::Console { .. });
            Some((standard, piece.into_bytes()))
        })
    }
}

impl DockerEngine {
    /// Starts a container and holds its standard input: when that ends, however this process does, the container is
    /// told; when it ends, it and its anonymous volumes are removed.
    pub(in crate::engine) async fn start_attached(&self, spec: &AttachedSpec<'_>) -> Result<Streams> {
        let doing = "starting a container and attaching to it";
        let options = CreateContainerOptions { name: Some(spec.name.to_owned()), ..Default::default() };
        let creating = within(doing, ANSWER, self.client.create_container(Some(options), body(spec)));
        creating.await?.map_err(|cause| failed(doing, cause))?;
        let options = AttachContainerOptions {
            stream: true,
            stdin: true,
            stdout: true,
            stderr: true,
            ..AttachContainerOptions::default()
        };
        let attaching = within(doing, ANSWER, self.client.attach_container(spec.name, Some(options)));
        let attached = attaching.await?.map_err(|cause| failed(doing, cause))?;
        let starting = self.client.start_container(spec.name, None::<StartContainerOptions>);
        within(doing, ANSWER, starting).await?.map_err(|cause| failed(doing, cause))?;
        Ok(Streams { output: Output(attached.output), input: attached.input })
    }

    /// Runs a program in a container.
    pub(in crate::engine) async fn run_inside(&self, container: &str, program: &[&str]) -> Result<Streams> {
        let doing = "running a program in a container";
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(program.iter().map(|&word| word.to_owned()).collect()),
            ..ExecConfig::default()
        };
        let creating = within(doing, ANSWER, self.client.create_exec(container, config));
        let exec = creating.await?.map_err(|cause| failed(doing, cause))?;
        let starting = within(doing, ANSWER, self.client.start_exec(&exec.id, None::<StartExecOptions>));
        match starting.await?.map_err(|cause| failed(doing, cause))? {
            StartExecResults::Attached { output, input } => Ok(Streams { output: Output(output), input }),
            StartExecResults::Detached => {
                Err(Error::surroundings("the engine ran a program apart that was to be attached"))
            }
        }
    }
}

fn body(spec: &AttachedSpec<'_>) -> ContainerCreateBody {
    let host = HostConfig {
        network_mode: Some(spec.network.to_owned()),
        auto_remove: Some(true),
        init: Some(true),
        ..HostConfig::default()
    };
    let (host, volumes) = match &spec.powers {
        Powers::None => (host, None),
        Powers::Engine { store } => {
            (engine_host(host, store.as_deref()), store.is_none().then(|| vec![STORE.to_owned()]))
        }
    };
    ContainerCreateBody {
        image: Some(spec.image.to_owned()),
        entrypoint: words(spec.command),
        cmd: Some(Vec::new()),
        env: Some(spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        labels: Some(spec.labels.clone().into_iter().collect()),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        stdin_once: Some(true),
        volumes,
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

/// What an engine in a container needs: everything a privileged container has but SYS_RESOURCE, which some hosts do not
/// have to give, and the devices, which a node has no use for.
fn engine_host(host: HostConfig, store: Option<&str>) -> HostConfig {
    let places = [("/run/docker", "exec"), ("/tmp", "mode=1777")].into_iter();
    let places = places.chain(store.map(|options| (STORE, options)));
    HostConfig {
        cap_add: words(&["ALL"]),
        cap_drop: words(&["SYS_RESOURCE"]),
        security_opt: words(&["seccomp=unconfined", "apparmor=unconfined"]),
        // None is left masked or read-only: an engine writes to /proc/sys/net.
        masked_paths: Some(Vec::new()),
        readonly_paths: Some(Vec::new()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        tmpfs: Some(places.map(|(path, options)| (path.to_owned(), options.to_owned())).collect()),
        ..host
    }
}

fn words(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|&word| word.to_owned()).collect())
}
