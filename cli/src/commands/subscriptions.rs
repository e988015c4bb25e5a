//! `katonic subscriptions`.

use clap::{Args, Subcommand};
use katonic_domain::SubscriptionId;
use katonic_proto::metadata::v1::{
    CreateEventSubscriptionRequest, CreateEventSubscriptionResponse, DeleteEventSubscriptionRequest, EventSubscription,
    ListEventSubscriptionsRequest, ListEventSubscriptionsResponse,
};

use super::Context;
use crate::{
    client::IdempotencyKey,
    exit::Exit,
    failure::Failure,
    output::{fields, table},
    pages, text,
};

/// What to do with event subscriptions.
#[derive(Debug, Subcommand)]
pub enum SubscriptionsCommand {
    /// List the subscriptions, newest first.
    List,
    /// Make a queue and a broker user for it; the password is shown this once.
    Create(CreateArgs),
    /// Delete the queue and the user.
    Delete(DeleteArgs),
}

/// Arguments of `subscriptions create`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic subscriptions create audit --binding '*.execution.#'")]
pub struct CreateArgs {
    /// What it is for.
    name: String,
    /// Topic pattern over `<project>.<entity>.<fact>`, such as `*.execution.#`; repeat for more; everything where unset.
    #[arg(long = "binding", value_name = "PATTERN")]
    bindings: Vec<String>,
}

/// Arguments of `subscriptions delete`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic subscriptions delete sub_01h455vb4pex5vsknk084sn02q")]
pub struct DeleteArgs {
    /// The subscription, `sub_…`.
    subscription: SubscriptionId,
}

/// Runs a command on subscriptions.
pub async fn run(context: &Context, command: SubscriptionsCommand) -> Result<Exit, Failure> {
    match command {
        SubscriptionsCommand::List => list(context).await,
        SubscriptionsCommand::Create(args) => create(context, args).await,
        SubscriptionsCommand::Delete(args) => delete(context, args.subscription).await,
    }
}

async fn list(context: &Context) -> Result<Exit, Failure> {
    let (subscriptions, next_page_token) = pages::collect(usize::MAX, async |page_token| {
        let request = ListEventSubscriptionsRequest { page_token, ..Default::default() };
        let page = context.client.list_event_subscriptions(request).await?;
        Ok::<_, Failure>((page.subscriptions, page.next_page_token))
    })
    .await?;
    let all = ListEventSubscriptionsResponse { subscriptions, next_page_token };
    context.output.answer(&all, |all| {
        let rows = all.subscriptions.iter().map(row).collect();
        table(["ID", "NAME", "BINDINGS", "MADE"], rows, "There are no subscriptions.")
    })?;
    Ok(Exit::OK)
}

async fn create(context: &Context, args: CreateArgs) -> Result<Exit, Failure> {
    let request = CreateEventSubscriptionRequest { name: args.name, bindings: args.bindings };
    let response = context.client.create_event_subscription(IdempotencyKey::generate(), request).await?;
    context.output.answer(&response, created)?;
    Ok(Exit::OK)
}

async fn delete(context: &Context, subscription: SubscriptionId) -> Result<Exit, Failure> {
    let request = DeleteEventSubscriptionRequest { subscription_id: subscription.to_string() };
    let response = context.client.delete_event_subscription(request).await?;
    context.output.answer(&response, |_| format!("Deleted {subscription}.\n"))?;
    Ok(Exit::OK)
}

fn row(subscription: &EventSubscription) -> [String; 4] {
    [
        subscription.subscription_id.clone(),
        subscription.name.clone(),
        subscription.bindings.join(" "),
        text::time(subscription.create_time.as_ref()),
    ]
}

fn created(response: &CreateEventSubscriptionResponse) -> String {
    let subscription = response.subscription.clone().unwrap_or_default();
    fields(&[
        ("id", subscription.subscription_id),
        ("uri", subscription.uri),
        ("queue", subscription.queue),
        ("user", subscription.username),
        ("password", response.password.clone()),
        ("bindings", subscription.bindings.join(" ")),
    ])
}
