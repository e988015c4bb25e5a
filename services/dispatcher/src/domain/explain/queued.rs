//! The words for what one that waits waits for: why, and what would help.

use super::Facts;
use crate::domain::{order::PATIENCE, queue::Waiting, standing::Standing, usage::Full, wait::Wait};

/// One sentence why, and what would help or happens next.
pub(super) fn words(facts: &Facts<'_>, wait: Wait, standing: &Standing) -> (String, String) {
    let tier = tier(facts);
    let ahead = standing.ahead;
    match wait {
        Wait::Stopping => {
            ("The platform is going down; it stays in the queue.".into(), "It is admitted after the next start.".into())
        }
        Wait::Resting(until) => (
            format!("Attempt {} failed: {} The next one waits until {until:.0}.", attempts(facts), reason(facts)),
            format!(
                "Then it is tried again, up to attempt {}; stopping it ends that.",
                facts.execution.spec.retry.max_attempts
            ),
        ),
        Wait::Dependencies => dependencies(facts),
        Wait::EventsWaiting(events) => (
            format!("{events} of its events wait for the message broker; until they are taken it gets no place."),
            "It is admitted when the broker takes them; `katonic status` shows how that is.".into(),
        ),
        Wait::NeverFits { full, limit } => (
            format!("It can never start as things are: {} allows {limit} places at once.", whose(full)),
            "It starts once an administrator raises that limit; another tier or project may have a higher one.".into(),
        ),
        Wait::Limit { full, held, limit } => {
            (format!("It waits for {}: {held} of {limit} places are taken.", whose(full)), help(full).into())
        }
        Wait::HigherPriority => (
            format!("{tier}, and {} of higher priority come before it.", ahead.higher_priority),
            place(facts, standing, &format!("After {PATIENCE} of them in a row its priority has a turn. ")),
        ),
        Wait::FairShare => (
            format!("{tier}, and {} of users who hold fewer of them come before it.", ahead.smaller_share),
            place(facts, standing, "Places go to whoever holds the fewest, then to whoever got one longest ago. "),
        ),
        Wait::TierFull => (format!("{tier}."), place(facts, standing, "")),
        Wait::BackendFull => (
            "It waits for the machine: no more can run there at once, whatever the tier.".into(),
            "It starts when any execution has ended and is cleaned up.".into(),
        ),
        Wait::Nothing => {
            ("It waits to be admitted; its tier has a free place.".into(), "It is admitted within moments.".into())
        }
    }
}

fn dependencies(facts: &Facts<'_>) -> (String, String) {
    if let Some(failed) = facts.open.iter().find(|open| open.condition.is_failed_by(open.awaited.phase)) {
        return (
            format!("It was to run after {}, which did not succeed.", failed.awaited.id),
            "It ends within moments.".into(),
        );
    }
    let first = facts.open.first().map(|open| open.awaited.id.to_string()).unwrap_or_default();
    let all = match facts.open.len() {
        1 => "the execution".to_owned(),
        many => format!("{many} executions"),
    };
    (
        format!("It waits for {all} that it is to run after."),
        format!(
            "It queues for a place once they have ended as they are to; `katonic explain {first}` says why one has not."
        ),
    )
}

fn attempts(facts: &Facts<'_>) -> u32 {
    facts.execution.attempt().map_or(0, |attempt| attempt.number)
}

fn reason(facts: &Facts<'_>) -> &'static str {
    facts.execution.reason.map_or("", |reason| reason.row().text)
}

const fn whose(full: Full) -> &'static str {
    match full {
        Full::Project => "the limit of its project",
        Full::User => "the limit of its user",
        Full::Tier => "its tier",
        Full::Installation => "the limit of the installation",
    }
}

const fn help(full: Full) -> &'static str {
    match full {
        Full::Project => {
            "It starts when one of the project's executions ends; stopping one or a higher limit of the project helps."
        }
        Full::User => {
            "It starts when one of its user's executions ends; stopping one or a higher limit of the user helps."
        }
        Full::Tier | Full::Installation => "It starts when any execution ends; an administrator can raise the limit.",
    }
}

fn tier(facts: &Facts<'_>) -> String {
    let spec = &facts.execution.spec;
    let (held, limit) = facts.usage.against(Full::Tier, &Waiting::from(facts.execution), facts.limits);
    let limit = limit.unwrap_or(spec.tier.max_running);
    format!("It waits for a place: {held} of {limit} places of tier `{}` are taken", spec.tier.name)
}

fn place(facts: &Facts<'_>, standing: &Standing, rule: &str) -> String {
    let place = format!("It is number {} of {} in its tier. ", standing.place, standing.waiting);
    let own = &facts.execution.spec.tier.name;
    let free = facts.limits.tiers().map(|(tier, limit)| (tier, limit.saturating_sub(facts.usage.of_tier(tier))));
    let other = free.filter(|(tier, free)| *tier != own && *free > 0).max_by_key(|(_, free)| *free);
    let other = other.map(|(tier, free)| format!("Tier `{tier}` has {free} free.")).unwrap_or_default();
    format!("{place}{rule}{other}").trim_end().to_owned()
}
