//! gRPC as a program calls it, through the gateway.

use std::time::Duration;

use anyhow::Result;
use bytes::{Buf, BufMut, Bytes};
use katonic_proto::{
    dispatcher::v1::execution_service_client::ExecutionServiceClient,
    logs::v1::log_service_client::LogServiceClient,
    metadata::v1::{project_service_client::ProjectServiceClient, token_service_client::TokenServiceClient},
};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

/// A stream that was opened and says nothing for so long is open.
const SILENCE: Duration = Duration::from_secs(2);

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

/// The code of the answer of any RPC, by its path, to a message that is encoded already.
pub async fn call(url: &str, path: &str, bearer: Option<&str>, message: Bytes) -> Result<Code> {
    let mut client = Grpc::new(channel(url).await?);
    client.ready().await?;
    let mut request = Request::new(message);
    if let Some(bearer) = bearer {
        request.metadata_mut().insert("authorization", format!("Bearer {bearer}").parse()?);
    }
    let path: PathAndQuery = path.parse()?;
    Ok(match client.server_streaming(request, path, RawCodec).await {
        Err(status) => status.code(),
        Ok(mut answer) => match tokio::time::timeout(SILENCE, answer.get_mut().message()).await {
            Ok(Err(status)) => status.code(),
            Ok(Ok(_)) | Err(_) => Code::Ok,
        },
    })
}

/// Messages as bytes, of any type.
#[derive(Clone, Copy, Default)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, destination: &mut EncodeBuf<'_>) -> Result<(), Status> {
        destination.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining())))
    }
}
