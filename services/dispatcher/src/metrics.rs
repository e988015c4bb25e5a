//! What is counted, by name, in one place.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::domain::reason::Reason;

/// How long one look at one execution took.
pub fn reconciled(took: Duration) {
    histogram!("katonic_dispatcher_reconcile_seconds").record(took);
}

/// How long an execution waited to be looked at, from its trigger on.
pub fn reconcile_lag(waited: Duration) {
    histogram!("katonic_dispatcher_reconcile_lag_seconds").record(waited);
}

/// A look that failed and is repeated.
pub fn reconcile_failed() {
    counter!("katonic_dispatcher_reconcile_failures_total").increment(1);
}

/// How many executions wait for a place.
pub fn waiting(count: usize) {
    gauge!("katonic_dispatcher_waiting_executions").set(as_f64(count));
}

/// How many executions got a place.
pub fn admitted(count: usize) {
    counter!("katonic_dispatcher_admitted_executions_total").increment(count as u64);
}

/// An attempt that the reconciler ended without its agent.
pub fn ended_by_us(reason: Reason) {
    counter!("katonic_dispatcher_ended_attempts_total", "reason" => reason.row().code).increment(1);
}

/// An agent said what its member has used so far.
pub fn usage_reported() {
    counter!("katonic_dispatcher_usage_reports_total").increment(1);
}

/// Member directories with our layout that no document knows.
pub fn unknown_members(count: usize) {
    gauge!("katonic_dispatcher_unknown_members").set(as_f64(count));
}

/// A start of the agent.
pub fn agent_started() {
    counter!("katonic_dispatcher_agent_starts_total").increment(1);
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
