//! `katonic admin parked`: messages that a part could not handle.

use clap::{Args, Subcommand};
use katonic_proto::metadata::v1::{
    DropParkedMessagesRequest, ListParkedMessagesRequest, ListParkedMessagesResponse, ParkedMessage,
    RedriveParkedMessagesRequest,
};

use crate::{
    commands::Context,
    exit::Exit,
    failure::Failure,
    output::{fields, table},
    text,
};

/// What to do with messages that could not be handled.
#[derive(Debug, Subcommand)]
pub enum ParkedCommand {
    /// List them, oldest first in each queue.
    #[command(after_help = "\
Example:
  katonic admin parked list --part dispatcher")]
    List(ListArgs),
    /// Show one with its body.
    #[command(after_help = "\
Example:
  katonic admin parked show exe_01h455vb4pex5vsknk084sn02q.1.00000000000000000004")]
    Show(ShowArgs),
    /// Send them back to their queues, once what was wrong is mended.
    #[command(after_help = "\
Examples:
  katonic admin parked redrive exe_01h455vb4pex5vsknk084sn02q.1.00000000000000000004
  katonic admin parked redrive --all --part dispatcher")]
    Redrive(WhichArgs),
    /// Drop them for good.
    #[command(after_help = "\
Example:
  katonic admin parked drop exe_01h455vb4pex5vsknk084sn02q.1.00000000000000000004")]
    Drop(WhichArgs),
}

/// Arguments of `admin parked list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Of this part only, as `katonic status` names it.
    #[arg(long)]
    part: Option<String>,
    /// At most so many of each queue, up to 200.
    #[arg(long, default_value_t = 50)]
    limit: i32,
}

/// Arguments of `admin parked show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The message's id, which is the event's.
    message: String,
    /// Of this part only, as `katonic status` names it.
    #[arg(long)]
    part: Option<String>,
}

/// Arguments of `admin parked redrive` and `drop`.
#[derive(Debug, Args)]
pub struct WhichArgs {
    /// The message's id, which is the event's.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    message: Option<String>,
    /// All that are there now.
    #[arg(long)]
    all: bool,
    /// Of this part only, as `katonic status` names it.
    #[arg(long)]
    part: Option<String>,
}

/// Runs a command on parked messages.
pub async fn run(context: &Context, command: ParkedCommand) -> Result<Exit, Failure> {
    match command {
        ParkedCommand::List(args) => list(context, args).await,
        ParkedCommand::Show(args) => show(context, args).await,
        ParkedCommand::Redrive(args) => redrive(context, args).await,
        ParkedCommand::Drop(args) => discard(context, args).await,
    }
}

async fn list(context: &Context, args: ListArgs) -> Result<Exit, Failure> {
    let ListArgs { part, limit } = args;
    let request = ListParkedMessagesRequest { part: part.unwrap_or_default(), limit, ..Default::default() };
    let found = context.client.list_parked_messages(request).await?;
    warn(context, &found.unavailable_parts);
    context.output.answer(&found, rows)?;
    Ok(Exit::OK)
}

async fn show(context: &Context, args: ShowArgs) -> Result<Exit, Failure> {
    let ShowArgs { message, part } = args;
    let part = part.unwrap_or_default();
    let request = ListParkedMessagesRequest { part, message_id: message, ..Default::default() };
    let found = context.client.list_parked_messages(request).await?;
    warn(context, &found.unavailable_parts);
    context.output.answer(&found, |found| found.messages.iter().map(whole).collect::<Vec<_>>().join("\n"))?;
    Ok(Exit::OK)
}

async fn redrive(context: &Context, args: WhichArgs) -> Result<Exit, Failure> {
    let WhichArgs { message, all, part } = args;
    let (part, message_id) = (part.unwrap_or_default(), message.unwrap_or_default());
    let request = RedriveParkedMessagesRequest { part, message_id, all };
    let answer = context.client.redrive_parked_messages(request).await?;
    warn(context, &answer.unavailable_parts);
    context.output.answer(&answer, |answer| format!("Sent back {}.\n", counted(answer.count)))?;
    Ok(Exit::OK)
}

async fn discard(context: &Context, args: WhichArgs) -> Result<Exit, Failure> {
    let WhichArgs { message, all, part } = args;
    let (part, message_id) = (part.unwrap_or_default(), message.unwrap_or_default());
    let request = DropParkedMessagesRequest { part, message_id, all };
    let answer = context.client.drop_parked_messages(request).await?;
    warn(context, &answer.unavailable_parts);
    context.output.answer(&answer, |answer| format!("Dropped {}.\n", counted(answer.count)))?;
    Ok(Exit::OK)
}

fn warn(context: &Context, unavailable: &[String]) {
    if !unavailable.is_empty() {
        context.output.warning(&format!("no answer from {}", unavailable.join(", ")));
    }
}

fn counted(count: u32) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

fn rows(found: &ListParkedMessagesResponse) -> String {
    let row = |message: &ParkedMessage| {
        [
            message.part.clone(),
            message.message_id.clone(),
            message.routing_key.clone(),
            text::time(message.park_time.as_ref()),
            message.reason.clone(),
        ]
    };
    let rows = found.messages.iter().map(row).collect();
    table(["PART", "ID", "ROUTING KEY", "PARKED", "REASON"], rows, "Nothing is parked.")
}

fn whole(message: &ParkedMessage) -> String {
    fields(&[
        ("part", message.part.clone()),
        ("queue", message.queue.clone()),
        ("id", message.message_id.clone()),
        ("routing key", message.routing_key.clone()),
        ("parked", text::time(message.park_time.as_ref())),
        ("attempts", message.attempts.to_string()),
        ("trace", message.traceparent.clone()),
        ("size", text::bytes(message.size_bytes)),
        ("reason", message.reason.clone()),
        ("body", message.body.clone()),
    ])
}
