//! `katonic jobs usage`: what an execution used, over time, and what that costs.

use clap::Args;
use jiff::SignedDuration;
use katonic_proto::{
    dispatcher::v1::{GetUsageRequest, GetUsageResponse, MemberUsage, Usage, UsagePoint},
    time::millis,
};

use super::Context;
use crate::{
    execution::ExecutionArgs,
    exit::Exit,
    failure::Failure,
    output::{fields, table},
    text,
};

/// As many rows as fit on a screen.
const ROWS: i32 = 20;

/// Arguments of `jobs usage`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic jobs usage 12
  katonic jobs usage 12 --attempt 1 --points 240 --output json")]
pub struct UsageArgs {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Which attempt to show over time; the newest where unset.
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
    /// At most so many points of time, up to 240.
    #[arg(long, value_name = "N", default_value_t = ROWS, value_parser = clap::value_parser!(i32).range(1..=240))]
    points: i32,
}

/// Shows what an execution used.
pub async fn run(context: &Context, args: UsageArgs) -> Result<Exit, Failure> {
    let execution_id = args.execution.resolve(&context.client).await?.to_string();
    let request = GetUsageRequest { execution_id, attempt: args.attempt.unwrap_or_default(), max_points: args.points };
    let response = context.client.get_usage(request).await?;
    context.output.answer(&response, human)?;
    Ok(Exit::OK)
}

fn human(response: &GetUsageResponse) -> String {
    let Some(usage) = &response.usage else { return "No command of it has run yet.\n".to_owned() };
    let mut answer = fields(&lines(usage));
    for member in &response.members {
        answer.push_str(&format!("\n{}\n{}", member.member_id, over_time(member)));
    }
    answer
}

/// What was used and what that costs, as lines of an answer.
pub fn lines(usage: &Usage) -> Vec<(&'static str, String)> {
    let mut lines = vec![("ran for", duration(usage.run_time.as_ref()))];
    if usage.cpu_time.is_some() {
        lines.extend([
            ("processor", wasted(&duration(usage.cpu_time.as_ref()), usage.wasted_cpu_percent)),
            ("peak memory", wasted(&text::bytes(usage.peak_memory_bytes), usage.wasted_memory_percent)),
            ("read", text::bytes(usage.read_bytes)),
            ("written", text::bytes(usage.written_bytes)),
        ]);
    }
    lines.push(("cost", text::money(usage.cost_micros, &usage.currency)));
    lines
}

fn wasted(used: &str, percent: Option<u32>) -> String {
    percent.map_or_else(|| used.to_owned(), |percent| format!("{used}, {percent} % of its tier wasted"))
}

fn over_time(member: &MemberUsage) -> String {
    let points = member.series.as_ref().map(|series| series.points.as_slice()).unwrap_or_default();
    let head = ["UNTIL", "CORES", "PEAK", "MEMORY", "PEAK", "READ", "WRITTEN", "PROCESSES"];
    table(head, points.iter().map(row).collect(), "Nothing was measured over time.")
}

fn row(point: &UsagePoint) -> [String; 8] {
    let span_ms = point.span.as_ref().map_or(0, millis);
    let cpu_ms = point.cpu_time.as_ref().map_or(0, millis);
    [
        text::time(point.end_time.as_ref()),
        cores(cpu_ms.saturating_mul(1000).checked_div(span_ms).unwrap_or(0)),
        cores(point.peak_cpu_millis),
        text::bytes(point.memory_bytes),
        text::bytes(point.peak_memory_bytes),
        text::bytes(point.read_bytes),
        text::bytes(point.written_bytes),
        point.peak_processes.to_string(),
    ]
}

/// Thousandths of a core as cores.
fn cores(millis: u64) -> String {
    format!("{}.{:02}", millis / 1000, millis % 1000 / 10)
}

fn duration(duration: Option<&prost_types::Duration>) -> String {
    let millis = duration.map_or(0, millis);
    text::duration(SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use katonic_proto::{dispatcher::v1::UsageSeries, time::duration};

    use super::*;

    #[test]
    fn what_was_used_and_wasted_is_said_in_words() {
        let mut usage = Usage {
            run_time: Some(duration(12_300)),
            cpu_time: Some(duration(3_100)),
            peak_memory_bytes: 200 << 20,
            wasted_cpu_percent: Some(74),
            wasted_memory_percent: Some(80),
            cost_micros: 5_125,
            currency: "EUR".into(),
            ..Usage::default()
        };
        let shown = fields(&lines(&usage));
        for line in ["processor    3.1 s, 74 % of its tier wasted", "peak memory  200.0 MiB, 80 %", "0.005125 EUR"] {
            assert!(shown.contains(line), "{line}: {shown}");
        }
        usage.cpu_time = None;
        let shown = fields(&lines(&usage));
        assert!(!shown.contains("memory") && shown.contains("ran for  12 s"), "{shown}");
    }

    #[test]
    fn points_are_rows() {
        let point = UsagePoint {
            span: Some(duration(5_000)),
            cpu_time: Some(duration(4_000)),
            peak_cpu_millis: 1_250,
            memory_bytes: 1 << 20,
            ..UsagePoint::default()
        };
        let series = Some(UsageSeries { points: vec![point], ..UsageSeries::default() });
        let member = MemberUsage { member_id: "exe_1/1/main/0".into(), series };
        let shown = over_time(&member);
        assert!(shown.contains("0.80") && shown.contains("1.25") && shown.contains("1.0 MiB"), "{shown}");
        assert!(over_time(&MemberUsage::default()).starts_with("Nothing"));
    }
}
