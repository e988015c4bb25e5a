//! The tower layer in front of every gRPC service: authenticates, finds the
//! RPC's rule, and refuses before the handler runs.
//!
//! gRPC's own health and reflection services are open: they say nothing about
//! users' work, and the ports are not public.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use futures::future::{Either, Ready, ready};
use http::{Request, Response, header::AUTHORIZATION};
use katonic_proto::rules::{self, Rule};
use tower::Service;

use super::{Audience, Caller, Error, TICKET_PREFIX, Ticket, Verifier, bearer, caller::admit};
use crate::{config::Secret, rpc::status::to_status};

/// What the layer found, in the extensions of every request that a handler sees.
#[derive(Debug, Clone)]
pub struct Call {
    /// The RPC, `/package.Service/Method`.
    pub path: String,
    /// Its rule.
    pub rule: &'static Rule,
    /// Who calls.
    pub caller: Caller,
}

/// Authenticates calls for one audience.
#[derive(Debug, Clone)]
pub struct Layer {
    verifier: Verifier,
    audience: Audience,
}

impl Layer {
    /// Accepts tokens for `audience` only.
    pub fn new(verifier: Verifier, audience: Audience) -> Self {
        Self { verifier, audience }
    }

    fn admit<B>(&self, request: &Request<B>) -> Result<Call, Error> {
        let path = request.uri().path();
        let rule = rules::rule(path).ok_or(Error::NoRule)?;
        let caller = match rule {
            Rule::Public => Caller::Anyone,
            Rule::Access(_) | Rule::Service | Rule::Agent => self.authenticate(request, rule)?,
        };
        admit(rule, &caller)?;
        Ok(Call { path: path.to_owned(), rule, caller })
    }

    fn authenticate<B>(&self, request: &Request<B>, rule: &Rule) -> Result<Caller, Error> {
        let mut values = request.headers().get_all(AUTHORIZATION).iter();
        let secret = values.next().and_then(bearer).ok_or(Error::Missing)?;
        if values.next().is_some() {
            return Err(Error::Invalid);
        }
        if *rule == Rule::Agent && secret.starts_with(TICKET_PREFIX) {
            return Ok(Caller::Ticket(Ticket(Secret::new(secret.to_owned()))));
        }
        self.verifier.verify(secret, &[self.audience])
    }
}

/// The gRPC answer to a refused caller.
pub fn refusal<B: Default>(error: Error) -> Response<B> {
    to_status(&error).into_http()
}

impl<S> tower::Layer<S> for Layer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthService { inner, layer: self.clone() }
    }
}

/// The service that [`Layer`] makes.
#[derive(Debug, Clone)]
pub struct AuthService<S> {
    inner: S,
    layer: Layer,
}

impl<S, B, R> Service<Request<B>> for AuthService<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    R: Default,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = Either<S::Future, Ready<Result<S::Response, Infallible>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if request.uri().path().starts_with("/grpc.") {
            return Either::Left(self.inner.call(request));
        }
        match self.layer.admit(&request) {
            Ok(call) => {
                request.extensions_mut().insert(call);
                Either::Left(self.inner.call(request))
            }
            Err(error) => {
                tracing::debug!(%error, "refused");
                Either::Right(ready(Ok(refusal(error))))
            }
        }
    }
}
