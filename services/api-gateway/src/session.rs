//! Who is behind a token, remembered for 2 s.
//!
//! Refusals are remembered as well; a failure to ask is not. A stream asks
//! again every 2 s, so a revocation is felt within 2 s of cache + 2 s of
//! interval + one call (DESIGN I3 allows 5 s).

use std::{sync::Arc, time::Duration};

use katonic_domain::{Clock, ErrorKind, token::AccessToken};
use katonic_proto::metadata::v1::access_service_client::AccessServiceClient;
use katonic_service::{
    Shutdown,
    auth::UserGrant,
    rpc::{Channel, Failure},
};
use moka::future::Cache;
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use crate::{
    limits::{Limits, UserLimits},
    lookup,
};

/// How long an answer about a token is believed.
const REMEMBER: Duration = Duration::from_secs(2);
/// How often an open stream asks again.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Answers remembered at once: 2 s of the most lookups there can be, and room.
const ANSWERS: u64 = 10_000;

/// A user who is known.
#[derive(Debug)]
pub(crate) struct Session {
    /// What authentication found.
    pub(crate) grant: UserGrant,
    /// What they may have going on.
    pub(crate) limits: Arc<UserLimits>,
}

type Verdict = Result<Arc<Session>, Failure>;

/// The users who are known.
pub(crate) struct Sessions {
    client: AccessServiceClient<Channel>,
    limits: Arc<Limits>,
    clock: Arc<dyn Clock>,
    // By hash: the cache holds no secret.
    verdicts: Cache<[u8; 32], Verdict>,
}

/// Why a stream ends that neither side ended.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    /// The gateway drains.
    Draining,
    /// The credential is no longer good.
    Refused(Failure),
}

impl From<Ending> for Failure {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Draining => Self::new(ErrorKind::Unavailable, "DRAINING", "the gateway restarts; connect again"),
            Ending::Refused(failure) => failure,
        }
    }
}

impl Sessions {
    pub(crate) fn new(channel: Channel, limits: Arc<Limits>, clock: Arc<dyn Clock>) -> Self {
        let verdicts = Cache::builder().max_capacity(ANSWERS).time_to_live(REMEMBER).build();
        Self { client: AccessServiceClient::new(channel), limits, clock, verdicts }
    }

    /// The user behind a token.
    pub(crate) async fn user(&self, token: &AccessToken) -> Verdict {
        let key: [u8; 32] = Sha256::digest(token.expose().as_bytes()).into();
        let verdict = self.verdicts.try_get_with(key, self.ask(token)).await;
        let session = verdict.map_err(|failure| Failure::clone(&failure))??;
        let expired = session.grant.expires.is_some_and(|end| end <= self.clock.now());
        if expired {
            Err(Failure::new(ErrorKind::Unauthenticated, "TOKEN_EXPIRED", "the token has expired"))
        } else {
            Ok(session)
        }
    }

    async fn ask(&self, token: &AccessToken) -> Result<Verdict, Failure> {
        self.limits.lookup()?;
        match lookup::authenticate(&self.client, token).await {
            Ok(grant) => {
                let limits = self.limits.user(grant.user).await;
                Ok(Ok(Arc::new(Session { grant, limits })))
            }
            Err(failure) if failure.kind == ErrorKind::Unauthenticated => Ok(Err(failure)),
            Err(failure) => Err(failure),
        }
    }

    /// Waits until a stream of this token must end. That metadata cannot be
    /// asked ends nothing: the owner behind the stream has its own checks.
    pub(crate) async fn ending(self: Arc<Self>, token: Option<AccessToken>, shutdown: Shutdown) -> Ending {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ending::Draining,
                () = sleep(ASK_AGAIN) => {}
            }
            let Some(token) = &token else { continue };
            match self.user(token).await {
                Err(failure) if failure.kind == ErrorKind::Unauthenticated => return Ending::Refused(failure),
                Ok(_) | Err(_) => {}
            }
        }
    }
}
