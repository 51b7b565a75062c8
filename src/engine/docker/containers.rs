//! Containers of an engine: starting one, asking it, reading its logs, removing it.

use super::{ANSWER, Answer, ContainerSpec, DockerEngine, Removal, failed, removal, within};
use crate::engine::{Engine, Reach};
use crate::error::{Error, Result};
use bollard::container::LogOutput;
use bollard::models::{ContainerCreateBody, HostConfig, PortBinding};
use bollard::query_parameters::{
    CreateContainerOptions, ListContainersOptions, LogsOptions, RemoveContainerOptions, StartContainerOptions,
};
use futures_util::StreamExt;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// An answer of a probe is small; what is longer is cut, and then it is not the expected one.
pub(super) const BODY_LIMIT: u64 = 1 << 20;
/// More of what a container wrote is not read; its lines are of any length.
const LONGEST_LOG: usize = 1 << 20;

/// How long a port of this machine may take to accept; nothing that listens takes that long.
const CONNECTING: Duration = Duration::from_secs(5);

impl DockerEngine {
    pub(super) async fn start_container(&self, spec: &ContainerSpec<'_>) -> Result<()> {
        let doing = "starting a container";
        let options = CreateContainerOptions { name: Some(spec.name.to_owned()), ..Default::default() };
        let creating = self.client.create_container(Some(options), create_body(spec, self.publishes()));
        within(doing, ANSWER, creating).await?.map_err(|cause| failed(doing, cause))?;
        let starting = self.client.start_container(spec.name, None::<StartContainerOptions>);
        within(doing, ANSWER, starting).await?.map_err(|cause| failed(doing, cause))?;
        if spec.port.is_some() {
            self.begin_visit(spec.name, spec.labels).await;
        }
        Ok(())
    }

    /// Where ports are published; a container that is visited needs none open.
    fn publishes(&self) -> Option<IpAddr> {
        self.visits.publishes().then_some(self.published_at)
    }

    /// The port of the host on which a port of the container is published; none once it has ended.
    pub(super) async fn published(&self, container: &str, port: u16) -> Result<Option<u16>> {
        let doing = "looking for a published port";
        let answer = within(doing, ANSWER, self.client.inspect_container(container, None)).await?;
        let ports = answer.map_err(|cause| failed(doing, cause))?.network_settings.and_then(|n| n.ports);
        let bindings = ports.and_then(|mut ports| ports.remove(&format!("{port}/tcp"))).flatten();
        Ok(bindings.into_iter().flatten().filter_map(|b| b.host_port).find_map(|p| p.parse().ok()))
    }

    pub(super) async fn get_page(
        &self,
        container: &str,
        port: u16,
        path: &str,
        deadline: Duration,
    ) -> Result<Option<Answer>> {
        if self.reach() == Reach::Visited {
            return self.visit(container, port, path, deadline).await;
        }
        let Some(published) = self.published(container, port).await? else { return Ok(None) };
        let url = format!("http://{}{path}", SocketAddr::from((self.published_at, published)));
        let asked = tokio::task::spawn_blocking(move || request(&url, deadline))
            .await
            .map_err(|cause| Error::surroundings("asking a container ended early").because(cause))?;
        match asked {
            Asked::Unheard if self.reach() == Reach::Unknown => {
                self.try_visit(container, port, path, deadline).await
            }
            Asked::Unheard => Ok(None),
            Asked::Accepted => {
                self.visits.settle(Reach::Published);
                Ok(None)
            }
            Asked::Answered(answer) => {
                self.visits.settle(Reach::Published);
                Ok(Some(answer))
            }
        }
    }

    pub(super) async fn container_exit_code(&self, container: &str) -> Result<Option<i64>> {
        let doing = "looking at a container";
        let answer = within(doing, ANSWER, self.client.inspect_container(container, None)).await?;
        let state = answer.map_err(|cause| failed(doing, cause))?.state.unwrap_or_default();
        Ok(if state.running == Some(true) { None } else { state.exit_code })
    }

    pub(super) async fn container_logs(&self, container: &str) -> Result<(String, String)> {
        let doing = "reading a container's log";
        let options =
            LogsOptions { stdout: true, stderr: true, tail: "200".to_owned(), ..LogsOptions::default() };
        let mut lines = self.client.logs(container, Some(options));
        let (mut stdout, mut all) = (Vec::new(), Vec::new());
        let reading = async {
            while let Some(line) = lines.next().await {
                let line = line?;
                if all.len() > LONGEST_LOG {
                    break;
                }
                if matches!(line, LogOutput::StdOut { .. } | LogOutput::Console { .. }) {
                    stdout.extend_from_slice(line.as_ref());
                }
                all.extend_from_slice(line.as_ref());
            }
            Ok(())
        };
        within(doing, ANSWER, reading).await?.map_err(|cause| failed(doing, cause))?;
        Ok((String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&all).into_owned()))
    }

    pub(super) async fn container_names(&self, prefix: &str) -> Result<Vec<String>> {
        let doing = "listing containers";
        let options = ListContainersOptions {
            all: true,
            filters: Some(HashMap::from([("name".to_owned(), vec![prefix.to_owned()])])),
            ..ListContainersOptions::default()
        };
        let answer = within(doing, ANSWER, self.client.list_containers(Some(options))).await?;
        let containers = answer.map_err(|cause| failed(doing, cause))?;
        let names = containers.into_iter().flat_map(|c| c.names.unwrap_or_default());
        let mut names: Vec<_> = names.map(|n| n.trim_start_matches('/').to_owned()).collect();
        names.retain(|name| name.starts_with(prefix));
        names.sort();
        Ok(names)
    }

    pub(super) async fn delete_container(&self, name: &str) -> Result<Removal> {
        let doing = "removing a container";
        let options = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
        let removing = self.client.remove_container(name, Some(options));
        let removed = removal(doing, within(doing, ANSWER, removing).await?);
        self.visits.end(name);
        removed
    }
}

/// What became of a question to a published port.
enum Asked {
    /// Nothing there took the connection.
    Unheard,
    /// Something took it and gave no answer.
    Accepted,
    Answered(Answer),
}

fn create_body(spec: &ContainerSpec<'_>, published_at: Option<IpAddr>) -> ContainerCreateBody {
    let ports = spec.port.map(|port| format!("{port}/tcp"));
    let binding = published_at
        .map(|address| PortBinding { host_ip: Some(address.to_string()), host_port: Some(String::new()) });
    ContainerCreateBody {
        image: Some(spec.image.to_owned()),
        cmd: spec.command.map(<[String]>::to_vec),
        env: Some(spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        labels: Some(spec.labels.clone().into_iter().collect()),
        exposed_ports: ports.clone().map(|port| vec![port]),
        host_config: Some(HostConfig {
            port_bindings: ports.zip(binding).map(|(port, at)| HashMap::from([(port, Some(vec![at]))])),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// A published port accepts before the app listens, so refused, reset and cut off all mean "not yet".
fn request(url: &str, deadline: Duration) -> Asked {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(deadline))
        .timeout_connect(Some(CONNECTING.min(deadline)))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .build()
        .into();
    let mut response = match agent.get(url).call() {
        Ok(response) => response,
        Err(error) if unheard(&error) => return Asked::Unheard,
        Err(_cut_off) => return Asked::Accepted,
    };
    match response.body_mut().with_config().limit(BODY_LIMIT).lossy_utf8(true).read_to_string() {
        Ok(body) => Asked::Answered(Answer { status: response.status().as_u16(), body }),
        Err(_cut_off) => Asked::Accepted,
    }
}

/// Whether no connection came about.
fn unheard(error: &ureq::Error) -> bool {
    use std::io::ErrorKind;
    match error {
        ureq::Error::Io(cause) => matches!(
            cause.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::TimedOut
                | ErrorKind::AddrNotAvailable
        ),
        ureq::Error::Timeout(ureq::Timeout::Connect) | ureq::Error::ConnectionFailed => true,
        _ => false,
    }
}
