//! Domain types as the contracts show them; also the events' payloads.

use katonic_proto::{metadata::v1 as pb, time::timestamp};

use crate::domain::{
    decision::{Decision, Role, Visible},
    etag,
    grant::Grant,
    limit::ScopeLimit,
    organisation::{Organisation, Standing},
    project::Project,
    subscription::Subscription,
    tier::Tier,
    token::Token,
    user::User,
};

/// A project as its readers see it.
pub fn project(project: &Project) -> pb::Project {
    let head = |head: &crate::git::files::Head| pb::Head { r#ref: head.name.clone(), commit: head.commit.to_string() };
    pb::Project {
        project_id: project.id.to_string(),
        name: project.name.to_string(),
        owner_id: project.owner.to_string(),
        description: project.description.clone(),
        etag: etag::of(project.generation),
        create_time: Some(timestamp(project.created_at)),
        heads: project.files.heads().iter().map(head).collect(),
        tags: project.tags.iter().cloned().collect(),
        archived: project.archived_at.is_some(),
    }
}

/// A user as everybody sees them.
pub fn user(user: &User) -> pb::User {
    pb::User {
        user_id: user.id.to_string(),
        name: user.name.to_string(),
        display_name: user.display_name.clone(),
        admin: user.admin,
        disabled: user.disabled,
        etag: etag::of(user.generation),
        create_time: Some(timestamp(user.created_at)),
    }
}

/// A user as the world hears of them: ids only.
pub fn user_access(user: &User) -> pb::UserAccess {
    pb::UserAccess { user_id: user.id.to_string() }
}

/// An organisation as everybody sees it: without its members.
pub fn organisation(organisation: &Organisation) -> pb::Organisation {
    pb::Organisation {
        organisation_id: organisation.id.to_string(),
        name: organisation.name.to_string(),
        display_name: organisation.display_name.clone(),
        members: Vec::new(),
        etag: etag::of(organisation.generation),
        create_time: Some(timestamp(organisation.created_at)),
    }
}

/// An organisation as its members see it.
pub fn whole_organisation(of: &Organisation) -> pb::Organisation {
    let member = |member: &crate::domain::organisation::Member| pb::OrganisationMember {
        user_id: member.user.to_string(),
        role: standing(member.standing).into(),
    };
    pb::Organisation { members: of.members.iter().map(member).collect(), ..organisation(of) }
}

const fn standing(standing: Standing) -> pb::OrganisationRole {
    match standing {
        Standing::Member => pb::OrganisationRole::Member,
        Standing::Owner => pb::OrganisationRole::Owner,
    }
}

/// An organisation as the world hears of it: ids only.
pub fn organisation_access(organisation: &Organisation) -> pb::OrganisationAccess {
    pb::OrganisationAccess { organisation_id: organisation.id.to_string() }
}

/// A role in a project.
pub fn grant(grant: &Grant) -> pb::Grant {
    pb::Grant {
        project_id: grant.project.to_string(),
        party_id: grant.party.to_string(),
        role: grant.role.map_or(pb::Role::Unspecified, role).into(),
        etag: etag::of(grant.generation),
        update_time: Some(timestamp(grant.changed_at)),
    }
}

const fn role(role: Role) -> pb::Role {
    match role {
        Role::ResultsConsumer => pb::Role::ResultsConsumer,
        Role::Reader => pb::Role::Reader,
        Role::Launcher => pb::Role::Launcher,
        Role::Contributor => pb::Role::Contributor,
        Role::Owner => pb::Role::Owner,
    }
}

/// A change of a role as the world hears of it: ids only.
pub fn access_change(grant: &Grant) -> pb::AccessChange {
    pb::AccessChange {
        grant_id: grant.id.to_string(),
        principal_id: grant.party.to_string(),
        project_id: grant.project.to_string(),
    }
}

/// A token as its owner sees it.
pub fn token(token: &Token) -> pb::Token {
    pb::Token {
        token_id: token.id.to_string(),
        user_id: token.user.to_string(),
        name: token.name.clone(),
        scopes: token.scopes.iter().map(ToString::to_string).collect(),
        create_time: Some(timestamp(token.created_at)),
        expire_time: token.expires_at.map(timestamp),
        revoke_time: token.revoked_at.map(timestamp),
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
        expire_time: token.expires_at.map(timestamp),
    }
}

/// A tier.
pub fn tier(tier: &Tier) -> pb::HardwareTier {
    pb::HardwareTier {
        name: tier.name.to_string(),
        revision: tier.revision,
        cpu_millis: tier.size.cpu_millis,
        memory_bytes: tier.size.memory_bytes,
        max_running: tier.size.max_running,
        default: tier.default,
        tier_id: tier.id.to_string(),
        price_micros_per_hour: tier.size.price_micros_per_hour,
        currency: tier.size.currency.clone(),
        create_time: Some(timestamp(tier.created_at)),
        retire_time: tier.retired_at.map(timestamp),
        etag: tier.etag(),
    }
}

/// What a scope may.
pub fn limit(limit: &ScopeLimit) -> pb::Limit {
    pb::Limit {
        limit_id: limit.id.to_string(),
        scope: limit.scope.to_string(),
        max_running: limit.limit.running,
        max_queued: limit.limit.queued,
        change_time: Some(timestamp(limit.changed_at)),
        etag: limit.etag(),
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
        create_time: Some(timestamp(subscription.created_at)),
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
