//! `katonic tiers`.

use clap::{Args, Subcommand};
use katonic_domain::Name;
use katonic_proto::metadata::v1::{
    CreateHardwareTierRequest, GetHardwareTierRequest, HardwareTier, ListHardwareTiersRequest,
    RetireHardwareTierRequest, UpdateHardwareTierRequest,
};

use super::{Context, Incomplete};
use crate::{
    client::IdempotencyKey,
    exit::Exit,
    failure::Failure,
    output::{fields, table},
    text,
};

/// What to do with hardware tiers.
#[derive(Debug, Subcommand)]
pub enum TiersCommand {
    /// List the hardware tiers.
    List(ListArgs),
    /// Show a hardware tier.
    Show(ShowArgs),
    /// Make a hardware tier (administrators).
    Create(CreateArgs),
    /// Change a hardware tier: a new revision (administrators).
    Edit(EditArgs),
    /// Take a hardware tier out of use, for good (administrators).
    Retire(RetireArgs),
}

/// Arguments of `tiers list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic tiers list --all")]
pub struct ListArgs {
    /// Also those that are out of use.
    #[arg(long)]
    all: bool,
}

/// Arguments of `tiers show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic tiers show small")]
pub struct ShowArgs {
    /// The tier.
    name: Name,
    /// As this revision had it; the newest where unset.
    #[arg(long)]
    revision: Option<u32>,
}

/// Arguments of `tiers create`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic tiers create large --cpu-millis 8000 --memory-bytes 34359738368 --max-running 2")]
pub struct CreateArgs {
    /// The tier.
    name: Name,
    /// CPU in thousandths of a core.
    #[arg(long, value_name = "MILLIS")]
    cpu_millis: u32,
    /// Memory in bytes.
    #[arg(long, value_name = "BYTES")]
    memory_bytes: u64,
    /// How many members may run at once.
    #[arg(long, value_name = "COUNT")]
    max_running: u32,
    /// What jobs get that name no tier.
    #[arg(long)]
    default: bool,
    /// What an hour costs, in millionths of the currency; nothing where unset.
    #[arg(long, value_name = "MICROS")]
    price_micros: Option<u64>,
    /// Three capital letters, such as EUR.
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
}

/// Arguments of `tiers edit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic tiers edit small --max-running 8")]
pub struct EditArgs {
    /// The tier.
    name: Name,
    /// CPU in thousandths of a core.
    #[arg(long, value_name = "MILLIS")]
    cpu_millis: Option<u32>,
    /// Memory in bytes.
    #[arg(long, value_name = "BYTES")]
    memory_bytes: Option<u64>,
    /// How many members may run at once; 0 lets nothing more start.
    #[arg(long, value_name = "COUNT")]
    max_running: Option<u32>,
    /// What jobs get from now on that name no tier.
    #[arg(long)]
    default: bool,
    /// What an hour costs, in millionths of the currency.
    #[arg(long, value_name = "MICROS")]
    price_micros: Option<u64>,
    /// Three capital letters, such as EUR.
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
}

/// Arguments of `tiers retire`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  katonic tiers retire large")]
pub struct RetireArgs {
    /// The tier.
    name: Name,
}

/// Runs a command on hardware tiers.
pub async fn run(context: &Context, command: TiersCommand) -> Result<Exit, Failure> {
    let client = &context.client;
    let tier = match command {
        TiersCommand::List(args) => return list(context, &args).await,
        TiersCommand::Show(args) => {
            let revision = args.revision.unwrap_or_default();
            let request = GetHardwareTierRequest { tier: args.name.to_string(), revision };
            client.get_hardware_tier(request).await?.tier
        }
        TiersCommand::Create(args) => {
            client.create_hardware_tier(IdempotencyKey::generate(), creation(args)).await?.tier
        }
        TiersCommand::Edit(args) => client.update_hardware_tier(change(args)).await?.tier,
        TiersCommand::Retire(args) => {
            client.retire_hardware_tier(RetireHardwareTierRequest { tier: args.name.to_string() }).await?.tier
        }
    };
    context.output.answer(&tier.ok_or(Incomplete("tier"))?, human)?;
    Ok(Exit::OK)
}

async fn list(context: &Context, args: &ListArgs) -> Result<Exit, Failure> {
    let request = ListHardwareTiersRequest { include_retired: args.all };
    let response = context.client.list_hardware_tiers(request).await?;
    context.output.answer(&response, |response| {
        let rows = response.tiers.iter().map(row).collect();
        let head = ["NAME", "REVISION", "CORES", "MEMORY", "RUNS AT ONCE", "AN HOUR", "STATE"];
        table(head, rows, "There are no tiers.")
    })?;
    Ok(Exit::OK)
}

fn creation(args: CreateArgs) -> CreateHardwareTierRequest {
    CreateHardwareTierRequest {
        name: args.name.to_string(),
        cpu_millis: args.cpu_millis,
        memory_bytes: args.memory_bytes,
        max_running: args.max_running,
        default: args.default,
        price_micros_per_hour: args.price_micros.unwrap_or_default(),
        currency: args.currency.unwrap_or_default(),
    }
}

fn change(args: EditArgs) -> UpdateHardwareTierRequest {
    let named = [
        ("cpu_millis", args.cpu_millis.is_some()),
        ("memory_bytes", args.memory_bytes.is_some()),
        ("max_running", args.max_running.is_some()),
        ("default", args.default),
        ("price_micros_per_hour", args.price_micros.is_some()),
        ("currency", args.currency.is_some()),
    ];
    let paths = named.into_iter().filter(|(_, named)| *named).map(|(field, _)| field.to_owned()).collect();
    UpdateHardwareTierRequest {
        tier: args.name.to_string(),
        cpu_millis: args.cpu_millis.unwrap_or_default(),
        memory_bytes: args.memory_bytes.unwrap_or_default(),
        max_running: args.max_running.unwrap_or_default(),
        default: args.default,
        price_micros_per_hour: args.price_micros.unwrap_or_default(),
        currency: args.currency.unwrap_or_default(),
        update_mask: Some(prost_types::FieldMask { paths }),
        etag: String::new(),
    }
}

fn row(tier: &HardwareTier) -> [String; 7] {
    [
        tier.name.clone(),
        tier.revision.to_string(),
        cores(tier),
        text::bytes(tier.memory_bytes),
        tier.max_running.to_string(),
        price(tier),
        state(tier).to_owned(),
    ]
}

fn human(tier: &HardwareTier) -> String {
    fields(&[
        ("name", tier.name.clone()),
        ("revision", tier.revision.to_string()),
        ("cores", cores(tier)),
        ("memory", text::bytes(tier.memory_bytes)),
        ("runs at once", tier.max_running.to_string()),
        ("an hour", price(tier)),
        ("state", state(tier).to_owned()),
        ("made", text::time(tier.create_time.as_ref())),
        ("out of use", text::time(tier.retire_time.as_ref())),
    ])
}

fn cores(tier: &HardwareTier) -> String {
    format!("{}", f64::from(tier.cpu_millis) / 1000.0)
}

fn price(tier: &HardwareTier) -> String {
    text::money(tier.price_micros_per_hour, &tier.currency)
}

const fn state(tier: &HardwareTier) -> &'static str {
    match (tier.retire_time.is_some(), tier.default) {
        (true, _) => "retired",
        (false, true) => "default",
        (false, false) => "",
    }
}
