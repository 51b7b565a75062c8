//! Owns `Secrets.GetSecret`: the engine gets those secrets that the build was given, and no other.

use crate::engine::Secret;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::Secrets;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use std::collections::HashMap;
use tonic::{Request, Response, Status};

pub(super) struct SecretsService(HashMap<String, Vec<u8>>);

impl SecretsService {
    pub(super) fn new(secrets: &[Secret]) -> Self {
        Self(secrets.iter().map(|secret| (secret.id.clone(), secret.value.clone())).collect())
    }
}

#[tonic::async_trait]
impl Secrets for SecretsService {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = request.into_inner().id;
        // With this status a mount that is not required stays empty.
        let data = self.0.get(&id).cloned();
        let data = data.ok_or_else(|| Status::not_found(format!("the build was given no secret `{id}`")))?;
        Ok(Response::new(GetSecretResponse { data }))
    }
}
