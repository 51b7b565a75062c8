//! Networks of an engine: making one that leads nowhere, removing it.

use super::{ANSWER, DockerEngine, Removal, failed, removal, within};
use crate::error::{Error, Result};
use bollard::errors::Error as EngineError;
use bollard::models::NetworkCreateRequest;
use std::collections::BTreeMap;
use std::net::IpAddr;

impl DockerEngine {
    /// Makes a network without a way out, and gives the address of its gateway: the engine's machine as its
    /// containers see it.
    pub(in crate::engine) async fn create_network(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<IpAddr> {
        let doing = "making a network";
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            internal: Some(true),
            labels: Some(labels.clone().into_iter().collect()),
            ..NetworkCreateRequest::default()
        };
        let creating = within(doing, ANSWER, self.client.create_network(request));
        creating.await?.map_err(|cause| failed(doing, cause))?;
        let looking = within(doing, ANSWER, self.client.inspect_network(name, None));
        let network = looking.await?.map_err(|cause| failed(doing, cause))?;
        let parts = network.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        // Some engines write the gateway with the length of the network.
        let gateways = parts.into_iter().filter_map(|part| part.gateway);
        let mut gateways = gateways.filter_map(|text| text.split('/').next()?.parse::<IpAddr>().ok());
        gateways.find(IpAddr::is_ipv4).ok_or_else(|| {
            Error::surroundings(format!("the engine made the network {name} without a gateway"))
                .hint("take --node private, or --node none")
        })
    }

    pub(super) async fn delete_network(&self, name: &str) -> Result<Removal> {
        let doing = "removing a network";
        match within(doing, ANSWER, self.client.remove_network(name)).await? {
            // A container is still in it.
            Err(EngineError::DockerResponseServerError { status_code: 403, message }) => {
                Ok(Removal::Refused(message))
            }
            answer => removal(doing, answer),
        }
    }
    /// The address of a running container in a network.
    pub(in crate::engine) async fn address_in(&self, container: &str, network: &str) -> Result<IpAddr> {
        let doing = "looking for the address of a container";
        let answer = within(doing, ANSWER, self.client.inspect_container(container, None)).await?;
        let networks =
            answer.map_err(|cause| failed(doing, cause))?.network_settings.and_then(|n| n.networks);
        let address = networks.and_then(|mut networks| networks.remove(network)?.ip_address);
        address.and_then(|text| text.parse().ok()).ok_or_else(|| {
            Error::surroundings(format!("the container {container} has no address in the network {network}"))
        })
    }
}
