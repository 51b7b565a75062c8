//! Owns `Auth`: which credentials an engine uses at a registry while it builds. It gets the credentials themselves; of
//! tokens made on this side none are offered, which engines take as the docker CLI's refusal of them.

use super::Progress;
use crate::engine::docker::config::ClientConfig;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::Auth;
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(super) struct AuthService {
    config: Arc<ClientConfig>,
    progress: Arc<Progress>,
}

impl AuthService {
    pub(super) fn new(config: Arc<ClientConfig>, progress: Arc<Progress>) -> Self {
        Self { config, progress }
    }
}

#[tonic::async_trait]
impl Auth for AuthService {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let found = self.config.credentials(&request.into_inner().host).await.map_err(|error| {
            self.progress.fail(error.to_string());
            Status::unknown(error.reason())
        })?;
        let found = found.unwrap_or_default();
        Ok(Response::new(if found.identity_token.is_empty() {
            CredentialsResponse { username: found.username, secret: found.password }
        } else {
            CredentialsResponse { username: String::new(), secret: found.identity_token }
        }))
    }

    async fn fetch_token(
        &self,
        _: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(no_tokens())
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(no_tokens())
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(no_tokens())
    }
}

/// The one status that every engine takes here as "ask for the credentials instead".
fn no_tokens() -> Status {
    Status::unimplemented("no tokens are made on this side: ask for the credentials")
}
