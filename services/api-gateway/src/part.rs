//! The gateway's own `PartService`. The public port is the only one it has, so
//! that the service is met there, by other services only: for everybody else
//! it does not exist, as all calls between services do not.

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use katonic_service::{
    auth::{self, Audience, Caller, Verifier},
    rpc, telemetry,
};
use tower::ServiceExt;

use crate::credential::{self, Credential, Schemes};

/// Answers other services about this process.
#[derive(Clone)]
pub(crate) struct Part {
    verifier: Verifier,
    router: Router,
}

impl Part {
    pub(crate) fn new(handle: telemetry::Handle, verifier: Verifier) -> Self {
        let layer = auth::Layer::new(verifier.clone(), Audience::Gateway);
        Self { verifier, router: rpc::part_service(handle, layer) }
    }

    /// Whether a gRPC call is a service's, to the gateway itself.
    pub(crate) fn is_meant(&self, path: &str, headers: &HeaderMap) -> bool {
        let bearer = || credential::of(headers, Schemes::Bearer);
        path.starts_with("/katonic.part.")
            && matches!(bearer(), Ok(Credential::Jwt(jwt)) if self.is_service(jwt.expose()))
    }

    fn is_service(&self, jwt: &str) -> bool {
        matches!(self.verifier.verify(jwt, &[Audience::Gateway]), Ok(Caller::Service(_)))
    }

    pub(crate) async fn answer(&self, request: Request) -> Response {
        self.router.clone().oneshot(request).await.into_response()
    }
}
