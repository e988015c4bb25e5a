//! Asks metadata whose token a secret is.

use katonic_domain::{ErrorKind, Scope, Timestamp, token::AccessToken};
use katonic_proto::metadata::v1::{
    AuthenticateRequest, AuthenticateResponse, access_service_client::AccessServiceClient,
};
use katonic_service::{
    auth::UserGrant,
    rpc::{Channel, Failure, from_status},
};

/// Whose token it is.
///
/// # Errors
/// Unauthenticated with metadata's reason, or that it cannot be asked now.
pub(crate) async fn authenticate(
    client: &AccessServiceClient<Channel>,
    token: &AccessToken,
) -> Result<UserGrant, Failure> {
    let request = AuthenticateRequest { secret: token.expose().to_owned() };
    let answer = client.clone().authenticate(request).await.map_err(|status| refused(from_status(&status)))?;
    grant(&answer.into_inner())
        .ok_or_else(|| Failure::new(ErrorKind::Internal, "AUTHENTICATION_UNREADABLE", "the token could not be checked"))
}

/// What metadata says of a *token* is ours to pass on; what it says of the
/// *call* (that we may not ask, for one) is a fault of ours.
fn refused(failure: Failure) -> Failure {
    let of_token = ["TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_REVOKED"];
    match failure.kind {
        ErrorKind::Unauthenticated if of_token.contains(&failure.reason.as_str()) => failure,
        ErrorKind::NotFound | ErrorKind::Invalid => crate::credential::invalid(),
        ErrorKind::Unauthenticated | ErrorKind::Denied | ErrorKind::Internal => {
            tracing::error!(reason = failure.reason, "metadata does not let us authenticate callers");
            unavailable()
        }
        _ => unavailable(),
    }
}

fn unavailable() -> Failure {
    Failure::new(ErrorKind::Unavailable, "AUTHENTICATION_UNAVAILABLE", "tokens cannot be checked now")
}

fn grant(answer: &AuthenticateResponse) -> Option<UserGrant> {
    let expires = match &answer.expire_time {
        None => None,
        Some(time) => Some(Timestamp::new(time.seconds, time.nanos).ok()?),
    };
    Some(UserGrant {
        user: answer.user_id.parse().ok()?,
        token: answer.token_id.parse().ok()?,
        admin: answer.admin,
        // A scope of a newer release is one that nothing here asks for.
        scopes: answer.scopes.iter().filter_map(|scope| scope.parse::<Scope>().ok()).collect(),
        expires,
    })
}
