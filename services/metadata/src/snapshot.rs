//! Domain types as the contracts show them; also the events' payloads.

use katonic_domain::Timestamp;
use katonic_proto::metadata::v1 as pb;

use crate::domain::{
    decision::{Decision, Visible},
    project::Project,
    subscription::Subscription,
    tier::Tier,
    token::Token,
    user::User,
};

fn time(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

/// A project as its readers see it.
pub fn project(project: &Project) -> pb::Project {
    let head = |head: &crate::git::files::Head| pb::Head { r#ref: head.name.clone(), commit: head.commit.to_string() };
    pb::Project {
        project_id: project.id.to_string(),
        name: project.name.to_string(),
        owner_id: project.owner.to_string(),
        description: project.description.clone(),
        etag: format!("g{}", project.generation),
        create_time: Some(time(project.created_at)),
        heads: project.files.heads().iter().map(head).collect(),
    }
}

/// A token as its owner sees it.
pub fn token(token: &Token) -> pb::Token {
    pb::Token {
        token_id: token.id.to_string(),
        user_id: token.user.to_string(),
        name: token.name.clone(),
        scopes: token.scopes.iter().map(ToString::to_string).collect(),
        create_time: Some(time(token.created_at)),
        expire_time: token.expires_at.map(time),
        revoke_time: token.revoked_at.map(time),
    }
}

/// A token as the world hears of it: ids only.
pub fn token_access(token: &Token) -> pb::TokenAccess {
    pb::TokenAccess { token_id: token.id.to_string(), user_id: token.user.to_string() }
}

/// Whose token it is, for the gateway.
pub fn authenticated(user: &User, token: &Token) -> pb::AuthenticateResponse {
    pb::AuthenticateResponse {
        token_id: token.id.to_string(),
        user_id: user.id.to_string(),
        admin: user.admin,
        scopes: token.scopes.iter().map(ToString::to_string).collect(),
        expire_time: token.expires_at.map(time),
    }
}

/// A tier.
pub fn tier(tier: &Tier) -> pb::HardwareTier {
    pb::HardwareTier {
        name: tier.name.to_string(),
        revision: tier.revision,
        cpu_millis: tier.cpu_millis,
        memory_bytes: tier.memory_bytes,
        max_running: tier.max_running,
        default: tier.default,
    }
}

/// A subscription, without its password.
pub fn subscription(subscription: &Subscription, uri: &str) -> pb::EventSubscription {
    pb::EventSubscription {
        subscription_id: subscription.id.to_string(),
        name: subscription.name.clone(),
        bindings: subscription.bindings.clone(),
        queue: katonic_bus::subscriber::queue_name(&subscription.id),
        username: katonic_bus::subscriber::username(&subscription.id),
        uri: uri.to_owned(),
        create_time: Some(time(subscription.created_at)),
    }
}

/// A decision.
pub const fn decision(decision: Decision) -> pb::Decision {
    match decision {
        Decision::Allowed => pb::Decision::Allowed,
        Decision::Denied => pb::Decision::Denied,
        Decision::Hidden => pb::Decision::Hidden,
    }
}

/// What a principal may see.
pub fn visible(visible: Visible) -> pb::ListVisibleProjectsResponse {
    match visible {
        Visible::All => pb::ListVisibleProjectsResponse { all: true, project_ids: Vec::new() },
        Visible::Only(projects) => {
            let project_ids = projects.iter().map(ToString::to_string).collect();
            pb::ListVisibleProjectsResponse { all: false, project_ids }
        }
    }
}
