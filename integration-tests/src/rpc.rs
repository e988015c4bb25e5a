//! gRPC as a program calls it, through the gateway.

use anyhow::Result;
use katonic_proto::{
    dispatcher::v1::execution_service_client::ExecutionServiceClient,
    logs::v1::log_service_client::LogServiceClient,
    metadata::v1::{project_service_client::ProjectServiceClient, token_service_client::TokenServiceClient},
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

/// Puts a token on each call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

type Authorized = InterceptedService<Channel, Bearer>;

/// Clients of the public services.
pub struct Rpc {
    /// Executions.
    pub executions: ExecutionServiceClient<Authorized>,
    /// Logs.
    pub logs: LogServiceClient<Authorized>,
    /// Projects.
    pub projects: ProjectServiceClient<Authorized>,
    /// Tokens.
    pub tokens: TokenServiceClient<Authorized>,
}

impl Rpc {
    /// Connects with a token.
    pub async fn connect(url: &str, token: &str) -> Result<Self> {
        let channel = channel(url).await?;
        let bearer = Bearer(format!("Bearer {token}").parse()?);
        let authorized = || InterceptedService::new(channel.clone(), bearer.clone());
        Ok(Self {
            executions: ExecutionServiceClient::new(authorized()),
            logs: LogServiceClient::new(authorized()),
            projects: ProjectServiceClient::new(authorized()),
            tokens: TokenServiceClient::new(authorized()),
        })
    }
}

/// A connection without credentials.
pub async fn channel(url: &str) -> Result<Channel> {
    Ok(Endpoint::from_shared(url.to_owned())?.connect().await?)
}
