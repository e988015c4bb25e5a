//! `katonic users`.

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use katonic_domain::Name;
use katonic_proto::metadata::v1::{
    CreateUserRequest, CreateUserTokenRequest, DisableUserRequest, EnableUserRequest, ListUsersRequest,
    ListUsersResponse, User,
};

use super::{Context, Incomplete, tokens};
use crate::{
    client::IdempotencyKey,
    exit::Exit,
    failure::Failure,
    output::{fields, table},
    pages,
    party::{self, UserRef},
    text,
};

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// List the users, newest first.
    List,
    /// Make a user (administrators); `katonic users token` then lets them in.
    Create(CreateArgs),
    /// Refuse a user everywhere within seconds (administrators).
    Disable(UserArgs),
    /// Let a user in again (administrators).
    Enable(UserArgs),
    /// Make a token for a user (administrators); its secret is shown this once.
    Token(TokenArgs),
}

/// Arguments of `users create`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic users create ada --display-name 'Ada Lovelace'")]
pub struct CreateArgs {
    /// 1 to 63 of a-z, 0-9 and `-`.
    name: Name,
    /// How they are called.
    #[arg(long, default_value = "")]
    display_name: String,
    /// Whether they are to administer the installation.
    #[arg(long)]
    admin: bool,
}

/// Arguments of `users disable` and `users enable`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic users disable ada
  katonic users enable ada")]
pub struct UserArgs {
    /// The user, by name or id.
    user: UserRef,
}

/// Arguments of `users token`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic users token ada")]
pub struct TokenArgs {
    /// The user, by name or id.
    user: UserRef,
    /// What it is for.
    #[arg(long, default_value = "first token")]
    name: String,
    /// What it may be used for, such as `projects:read`; repeat for more. Everything where unset.
    #[arg(long = "scope", default_value = "*", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// How long it is good for, such as `12h` or `2160h`; 90 days where unset.
    #[arg(long, value_name = "DURATION")]
    lifetime: Option<SignedDuration>,
}

/// Runs a command on users.
pub async fn run(context: &Context, command: UsersCommand) -> Result<Exit, Failure> {
    match command {
        UsersCommand::List => list(context).await,
        UsersCommand::Create(args) => create(context, args).await,
        UsersCommand::Disable(args) => disable(context, args).await,
        UsersCommand::Enable(args) => enable(context, args).await,
        UsersCommand::Token(args) => token(context, args).await,
    }
}

async fn list(context: &Context) -> Result<Exit, Failure> {
    let (users, next_page_token) = pages::collect(usize::MAX, async |page_token| {
        let page = context.client.list_users(ListUsersRequest { page_token, ..Default::default() }).await?;
        Ok::<_, Failure>((page.users, page.next_page_token))
    })
    .await?;
    let all = ListUsersResponse { users, next_page_token };
    context.output.answer(&all, |all| {
        let rows = all.users.iter().map(row).collect();
        table(["NAME", "ID", "CALLED", "STATE", "MADE"], rows, "There are no users.")
    })?;
    Ok(Exit::OK)
}

async fn create(context: &Context, args: CreateArgs) -> Result<Exit, Failure> {
    let CreateArgs { name, display_name, admin } = args;
    let request = CreateUserRequest { name: name.to_string(), display_name, admin };
    let response = context.client.create_user(IdempotencyKey::generate(), request).await?;
    context.output.answer(&response.user.ok_or(Incomplete("user"))?, human)?;
    Ok(Exit::OK)
}

async fn disable(context: &Context, args: UserArgs) -> Result<Exit, Failure> {
    let user_id = party::user(&context.client, &args.user).await?;
    let response = context.client.disable_user(DisableUserRequest { user_id }).await?;
    context.output.answer(&response.user.ok_or(Incomplete("user"))?, human)?;
    Ok(Exit::OK)
}

async fn enable(context: &Context, args: UserArgs) -> Result<Exit, Failure> {
    let user_id = party::user(&context.client, &args.user).await?;
    let response = context.client.enable_user(EnableUserRequest { user_id }).await?;
    context.output.answer(&response.user.ok_or(Incomplete("user"))?, human)?;
    Ok(Exit::OK)
}

async fn token(context: &Context, args: TokenArgs) -> Result<Exit, Failure> {
    let request = CreateUserTokenRequest {
        user_id: party::user(&context.client, &args.user).await?,
        name: args.name,
        scopes: args.scopes,
        lifetime: args.lifetime.map(text::wire_duration),
    };
    let response = context.client.create_user_token(IdempotencyKey::generate(), request).await?;
    context.output.answer(&response, |response| tokens::shown_once(response.token.as_ref(), &response.secret))?;
    Ok(Exit::OK)
}

fn row(user: &User) -> [String; 5] {
    let made = text::time(user.create_time.as_ref());
    [user.name.clone(), user.user_id.clone(), user.display_name.clone(), state(user).to_owned(), made]
}

fn state(user: &User) -> &'static str {
    match (user.disabled, user.admin) {
        (true, _) => "disabled",
        (false, true) => "administrator",
        (false, false) => "",
    }
}

fn human(user: &User) -> String {
    fields(&[
        ("name", user.name.clone()),
        ("id", user.user_id.clone()),
        ("called", user.display_name.clone()),
        ("state", state(user).to_owned()),
        ("made", text::time(user.create_time.as_ref())),
    ])
}
