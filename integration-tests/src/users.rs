//! Users of a test's own, with tokens.

use anyhow::Result;
use katonic_domain::UserId;
use reqwest::Method;
use serde_json::json;

use crate::{
    Platform,
    rest::{Rest, text},
    wait,
};

/// A user with a token for everything.
pub struct User {
    /// Who.
    pub id: String,
    /// Their name.
    pub name: String,
    /// The token.
    pub token: String,
    /// REST as them.
    pub rest: Rest,
}

/// Makes a user; `called` need not be unique.
pub async fn make(platform: &Platform, called: &str) -> Result<User> {
    let admin = platform.rest();
    let name = format!("{called}-{}", &UserId::generate().suffix()[14..]);
    let id = text(&admin.post("/users", &json!({ "name": name })).await?, "userId")?;
    let made = admin.post(&format!("/users/{id}/tokens"), &json!({ "name": "test", "scopes": ["*"] })).await?;
    let token = text(&made, "secret")?;
    Ok(User { rest: Rest::new(platform.url(), Some(&token)), id, name, token })
}

impl User {
    /// Gives another a role in a project of one's own.
    pub async fn share(&self, project: &str, with: &str, role: &str) -> Result<()> {
        self.rest.put(&format!("/projects/{project}/grants/{with}"), &json!({ "role": role })).await.map(drop)
    }

    /// Waits until the token lets nobody in.
    pub async fn refused(&self) -> Result<()> {
        refused(&self.rest).await
    }
}

/// Waits until whoever calls is not known any more.
pub async fn refused(rest: &Rest) -> Result<()> {
    wait::until("the token is refused", async || {
        let answer = Rest::send(rest.request(Method::GET, "/self")).await?;
        Ok((answer.status == 401).then_some(()))
    })
    .await
}
