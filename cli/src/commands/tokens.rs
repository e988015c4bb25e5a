//! `katonic tokens`.

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use katonic_domain::TokenId;
use katonic_proto::metadata::v1::{
    CreateTokenRequest, ListTokensRequest, ListTokensResponse, RevokeTokenRequest, Token,
};

use super::{Context, Incomplete};
use crate::{
    client::IdempotencyKey,
    exit::Exit,
    failure::Failure,
    output::{fields, table},
    pages, text,
};

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// List your tokens, newest first.
    List,
    /// Make a token; its secret is shown this once.
    Create(CreateArgs),
    /// Revoke a token; felt everywhere within seconds.
    Revoke(RevokeArgs),
}

/// Arguments of `tokens create`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic tokens create ci --scope projects:write --scope executions:write --lifetime 12h")]
pub struct CreateArgs {
    /// What it is for.
    name: String,
    /// What it may be used for, such as `projects:read`; repeat for more.
    #[arg(long = "scope", required = true, value_name = "SCOPE")]
    scopes: Vec<String>,
    /// How long it is good for, such as `12h` or `2160h`; 90 days where unset.
    #[arg(long, value_name = "DURATION")]
    lifetime: Option<SignedDuration>,
}

/// Arguments of `tokens revoke`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic tokens revoke tok_01h455vb4pex5vsknk084sn02q")]
pub struct RevokeArgs {
    /// The token, `tok_…`.
    token: TokenId,
}

/// Runs a command on tokens.
pub async fn run(context: &Context, command: TokensCommand) -> Result<Exit, Failure> {
    match command {
        TokensCommand::List => list(context).await,
        TokensCommand::Create(args) => create(context, args).await,
        TokensCommand::Revoke(args) => revoke(context, args).await,
    }
}

async fn list(context: &Context) -> Result<Exit, Failure> {
    let (tokens, next_page_token) = pages::collect(usize::MAX, async |page_token| {
        let page = context.client.list_tokens(ListTokensRequest { page_token, ..Default::default() }).await?;
        Ok::<_, Failure>((page.tokens, page.next_page_token))
    })
    .await?;
    let all = ListTokensResponse { tokens, next_page_token };
    context.output.answer(&all, |all| {
        let rows = all.tokens.iter().map(row).collect();
        table(["ID", "NAME", "SCOPES", "MADE", "EXPIRES", "REVOKED"], rows, "There are no tokens.")
    })?;
    Ok(Exit::OK)
}

async fn create(context: &Context, args: CreateArgs) -> Result<Exit, Failure> {
    let request =
        CreateTokenRequest { name: args.name, scopes: args.scopes, lifetime: args.lifetime.map(text::wire_duration) };
    let response = context.client.create_token(IdempotencyKey::generate(), request).await?;
    context.output.answer(&response, |response| shown_once(response.token.as_ref(), &response.secret))?;
    Ok(Exit::OK)
}

async fn revoke(context: &Context, args: RevokeArgs) -> Result<Exit, Failure> {
    let response = context.client.revoke_token(RevokeTokenRequest { token_id: args.token.to_string() }).await?;
    context.output.answer(&response.token.ok_or(Incomplete("token"))?, human)?;
    Ok(Exit::OK)
}

fn row(token: &Token) -> [String; 6] {
    [
        token.token_id.clone(),
        token.name.clone(),
        token.scopes.join(" "),
        text::time(token.create_time.as_ref()),
        text::time(token.expire_time.as_ref()),
        text::time(token.revoke_time.as_ref()),
    ]
}

/// A new token with its secret.
pub(super) fn shown_once(token: Option<&Token>, secret: &str) -> String {
    let mut answer = token.map(human).unwrap_or_default();
    answer.push_str(&fields(&[("secret", secret.to_owned())]));
    answer
}

fn human(token: &Token) -> String {
    fields(&[
        ("id", token.token_id.clone()),
        ("name", token.name.clone()),
        ("scopes", token.scopes.join(" ")),
        ("made", text::time(token.create_time.as_ref())),
        ("expires", text::time(token.expire_time.as_ref())),
        ("revoked", text::time(token.revoke_time.as_ref())),
    ])
}
