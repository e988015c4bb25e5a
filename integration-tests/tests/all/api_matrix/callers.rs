//! Everybody who calls, and what they call about: made once for a test.

use std::fs;

use anyhow::{Context, Result};
use katonic_domain::{AccessToken, MemberId};
use katonic_integration_tests::{
    Platform,
    rest::{Rest, text},
    users,
};
use katonic_service::{
    auth::{AgentGrant, Minter},
    config::KeysSection,
};
use serde_json::json;

/// Somebody who calls.
pub struct Caller {
    /// The column of the table.
    pub name: &'static str,
    /// What they bring.
    pub bearer: Option<String>,
}

/// What is called about: field names of requests, and the values that they get.
pub struct World {
    callers: Vec<Caller>,
    known: Vec<(&'static str, String)>,
}

/// The roles that are granted, by column.
const ROLES: [(&str, &str); 4] = [
    ("results", "ROLE_RESULTS_CONSUMER"),
    ("reader", "ROLE_READER"),
    ("launcher", "ROLE_LAUNCHER"),
    ("contributor", "ROLE_CONTRIBUTOR"),
];

impl World {
    /// Makes users, a project of one of them, and roles in it for others.
    pub async fn make(platform: &Platform) -> Result<Self> {
        let admin = platform.rest();
        let (owner, other) = (users::make(platform, "owner").await?, users::make(platform, "other").await?);
        let project = owner.rest.project("matrix").await?;
        let execution = owner.rest.submit(&project, &["true"]).await?;
        owner.rest.settled(&execution).await?;
        let member = MemberId { execution: execution.parse()?, attempt: 1, role: "main".parse()?, index: 0 };
        let bearer = |name, token: &str| Caller { name, bearer: Some(token.to_owned()) };
        let mut callers = vec![
            Caller { name: "anonymous", bearer: None },
            bearer("garbage", AccessToken::from_random(|| 7).expose()),
            bearer("expired", &expired(platform, &owner.rest).await?),
            bearer("disabled", &disabled(platform, &owner, &project).await?),
            bearer("agent", &agent_of_another_attempt(platform, &member, &project)?),
            bearer("other", &other.token),
            bearer("owner", &owner.token),
            bearer("admin", platform.admin_token()),
        ];
        let mut somebody = String::new();
        for (column, role) in ROLES {
            let granted = users::make(platform, column).await?;
            owner.share(&project, &granted.id, role).await?;
            callers.push(bearer(column, &granted.token));
            somebody = granted.id;
        }
        let lab = owner.rest.post("/organisations", &json!({ "name": owner.name })).await?;
        let subscription = admin.post("/event-subscriptions", &json!({ "name": "matrix" })).await?;
        let nightly = json!({ "name": "matrix", "cron": "@yearly", "job": { "command": ["true"] } });
        let schedule = owner.rest.post(&format!("/projects/{project}/schedules"), &nightly).await?;
        let token = owner.rest.post("/tokens", &json!({ "name": "theirs", "scopes": ["self:read"] })).await?;
        let known = vec![
            ("project_id", project),
            ("execution_id", execution),
            ("schedule_id", text(&schedule, "scheduleId")?),
            ("member_id", member.to_string()),
            ("member_ids", member.to_string()),
            ("party_id", somebody),
            ("user_id", users::make(platform, "bystander").await?.id),
            ("organisation_id", text(&lab, "organisationId")?),
            ("subscription_id", text(&subscription["subscription"], "subscriptionId")?),
            ("token_id", text(&token["token"], "tokenId")?),
            ("part", "metadata".to_owned()),
            ("tier", "small".to_owned()),
            // Found to be wrong, but only after access was decided.
            ("etag", "g999".to_owned()),
            ("commit", "0".repeat(40)),
            ("command", "true".to_owned()),
        ];
        Ok(Self { callers, known })
    }

    /// Everybody.
    pub fn callers(&self) -> &[Caller] {
        &self.callers
    }

    /// What a field of a request gets, if anything.
    pub fn value(&self, field: &str) -> Option<&str> {
        self.known.iter().find(|(known, _)| *known == field).map(|(_, value)| value.as_str())
    }
}

async fn expired(platform: &Platform, owner: &Rest) -> Result<String> {
    let body = json!({ "name": "short-lived", "scopes": ["*"], "lifetime": "1s" });
    let secret = text(&owner.post("/tokens", &body).await?, "secret")?;
    users::refused(&Rest::new(platform.url(), Some(&secret))).await?;
    Ok(secret)
}

/// One who would own the project.
async fn disabled(platform: &Platform, owner: &users::User, project: &str) -> Result<String> {
    let user = users::make(platform, "disabled").await?;
    owner.share(project, &user.id, "ROLE_OWNER").await?;
    platform.rest().post(&format!("/users/{}:disable", user.id), &json!({})).await?;
    user.refused().await?;
    Ok(user.token)
}

/// What the dispatcher would give to the agent of the attempt after the member's.
fn agent_of_another_attempt(platform: &Platform, member: &MemberId, project: &str) -> Result<String> {
    let dir = platform.home().join("secrets/keys");
    let mut files = fs::read_dir(&dir)?.flatten().map(|entry| entry.path());
    let private = files.find(|path| path.to_string_lossy().ends_with(".key.pem"));
    let keys = KeysSection { signing_key: private.context("there is no signing key")?, dir };
    let minter = Minter::load(&keys, &"dispatcher".parse()?)?;
    let another = MemberId { attempt: member.attempt + 1, ..member.clone() };
    let minted = minter.for_agent(&AgentGrant { member: another, project: project.parse()? })?;
    Ok(minted.token.expose().clone())
}
