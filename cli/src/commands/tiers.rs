//! `katonic tiers`.

use katonic_proto::metadata::v1::{HardwareTier, ListHardwareTiersRequest};

use super::Context;
use crate::{exit::Exit, failure::Failure, output::table, text};

/// Lists the hardware tiers.
pub async fn run(context: &Context) -> Result<Exit, Failure> {
    let response = context.client.list_hardware_tiers(ListHardwareTiersRequest {}).await?;
    context.output.answer(&response, |response| {
        let rows = response.tiers.iter().map(row).collect();
        table(["NAME", "CORES", "MEMORY", "RUNS AT ONCE", "DEFAULT"], rows, "There are no tiers.")
    })?;
    Ok(Exit::OK)
}

fn row(tier: &HardwareTier) -> [String; 5] {
    [
        tier.name.clone(),
        format!("{}", f64::from(tier.cpu_millis) / 1000.0),
        text::bytes(tier.memory_bytes),
        tier.max_running.to_string(),
        if tier.default { "yes".to_owned() } else { String::new() },
    ]
}
