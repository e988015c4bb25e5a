//! `katonic orgs`.

use clap::{Args, Subcommand, ValueEnum};
use katonic_domain::Name;
use katonic_proto::metadata::v1::{
    CreateOrganisationRequest, GetOrganisationRequest, ListOrganisationsRequest, ListOrganisationsResponse,
    Organisation, OrganisationRole, RemoveOrganisationMemberRequest, SetOrganisationMemberRequest,
};

use super::{Context, Incomplete};
use crate::{
    client::IdempotencyKey,
    exit::Exit,
    failure::Failure,
    output::{fields, table},
    pages,
    party::{self, OrganisationRef, UserRef},
    text,
};

/// What to do with organisations.
#[derive(Debug, Subcommand)]
pub enum OrgsCommand {
    /// List the organisations, newest first.
    List,
    /// Make an organisation that you own.
    Create(CreateArgs),
    /// Show an organisation, and who is in it if you are.
    Show(ShowArgs),
    /// Make a user a member, or change what they are in it.
    Add(AddArgs),
    /// Take a user out of it, or leave it.
    Remove(RemoveArgs),
}

/// Arguments of `orgs create`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic orgs create lab")]
pub struct CreateArgs {
    /// 1 to 63 of a-z, 0-9 and `-`.
    name: Name,
    /// How it is called.
    #[arg(long, default_value = "")]
    display_name: String,
}

/// Arguments of `orgs show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic orgs show lab")]
pub struct ShowArgs {
    /// The organisation, by name or id.
    organisation: OrganisationRef,
}

/// Arguments of `orgs add`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic orgs add lab ada")]
pub struct AddArgs {
    /// The organisation, by name or id.
    organisation: OrganisationRef,
    /// The user, by name or id.
    user: UserRef,
    /// What they are to be in it.
    #[arg(long, value_enum, default_value = "member")]
    role: Role,
}

/// Arguments of `orgs remove`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic orgs remove lab ada")]
pub struct RemoveArgs {
    /// The organisation, by name or id.
    organisation: OrganisationRef,
    /// The user, by name or id.
    user: UserRef,
}

/// What a user is in an organisation.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Role {
    /// Has its roles in projects, up to contributor.
    Member,
    /// Has its roles in projects, and decides who is in it.
    Owner,
}

/// Runs a command on organisations.
pub async fn run(context: &Context, command: OrgsCommand) -> Result<Exit, Failure> {
    match command {
        OrgsCommand::List => list(context).await,
        OrgsCommand::Create(args) => create(context, args).await,
        OrgsCommand::Show(args) => show(context, args).await,
        OrgsCommand::Add(args) => add(context, args).await,
        OrgsCommand::Remove(args) => remove(context, args).await,
    }
}

async fn list(context: &Context) -> Result<Exit, Failure> {
    let (organisations, next_page_token) = pages::collect(usize::MAX, async |page_token| {
        let request = ListOrganisationsRequest { page_token, ..Default::default() };
        let page = context.client.list_organisations(request).await?;
        Ok::<_, Failure>((page.organisations, page.next_page_token))
    })
    .await?;
    let all = ListOrganisationsResponse { organisations, next_page_token };
    context.output.answer(&all, |all| {
        let row = |organisation: &Organisation| {
            let made = text::time(organisation.create_time.as_ref());
            [organisation.name.clone(), organisation.organisation_id.clone(), organisation.display_name.clone(), made]
        };
        let rows = all.organisations.iter().map(row).collect();
        table(["NAME", "ID", "CALLED", "MADE"], rows, "There are no organisations.")
    })?;
    Ok(Exit::OK)
}

async fn create(context: &Context, args: CreateArgs) -> Result<Exit, Failure> {
    let request = CreateOrganisationRequest { name: args.name.to_string(), display_name: args.display_name };
    let response = context.client.create_organisation(IdempotencyKey::generate(), request).await?;
    answer(context, response.organisation)
}

async fn show(context: &Context, args: ShowArgs) -> Result<Exit, Failure> {
    let organisation_id = party::organisation(&context.client, &args.organisation).await?;
    let response = context.client.get_organisation(GetOrganisationRequest { organisation_id }).await?;
    answer(context, response.organisation)
}

async fn add(context: &Context, args: AddArgs) -> Result<Exit, Failure> {
    let role = match args.role {
        Role::Member => OrganisationRole::Member,
        Role::Owner => OrganisationRole::Owner,
    };
    let request = SetOrganisationMemberRequest {
        organisation_id: party::organisation(&context.client, &args.organisation).await?,
        user_id: party::user(&context.client, &args.user).await?,
        role: role.into(),
        etag: String::new(),
    };
    let response = context.client.set_organisation_member(request).await?;
    answer(context, response.organisation)
}

async fn remove(context: &Context, args: RemoveArgs) -> Result<Exit, Failure> {
    let request = RemoveOrganisationMemberRequest {
        organisation_id: party::organisation(&context.client, &args.organisation).await?,
        user_id: party::user(&context.client, &args.user).await?,
        etag: String::new(),
    };
    let response = context.client.remove_organisation_member(request).await?;
    answer(context, response.organisation)
}

fn answer(context: &Context, organisation: Option<Organisation>) -> Result<Exit, Failure> {
    context.output.answer(&organisation.ok_or(Incomplete("organisation"))?, human)?;
    Ok(Exit::OK)
}

fn human(organisation: &Organisation) -> String {
    let mut lines = vec![
        ("name", organisation.name.clone()),
        ("id", organisation.organisation_id.clone()),
        ("called", organisation.display_name.clone()),
        ("made", text::time(organisation.create_time.as_ref())),
    ];
    lines.extend(organisation.members.iter().map(|member| {
        let role = if member.role() == OrganisationRole::Owner { "owner" } else { "member" };
        (role, member.user_id.clone())
    }));
    fields(&lines)
}
