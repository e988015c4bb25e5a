//! Whether the processes of this machine's platform are as they should be.

use crate::{
    doctor::{
        check::{
            Check, Found,
            Severity::{Problem, Warning},
        },
        facts::Facts,
    },
    platform::{Agent, Examination, Part, PartSeen},
};

/// A part that ended this often does not end by accident.
const MANY_FAILURES: u32 = 3;

pub const CHECKS: &[Check] = &[
    Check {
        code: "PLATFORM_DOWN",
        severity: Problem,
        cause: "it was stopped, never got ready, or the machine was started anew since",
        next: "run `katonic up`",
        find: |facts| of_platform(facts, down),
    },
    Check {
        code: "OTHER_PLATFORM",
        severity: Warning,
        cause: "KATONIC_HOME, or the user who runs `katonic`, decides which platform is meant; this one is down",
        next: "run `export KATONIC_HOME={it}` if you meant that one",
        find: |facts| of_platform(facts, other),
    },
    Check {
        code: "SUPERVISOR_GONE",
        severity: Problem,
        cause: "the supervisor was killed; what runs goes on, but nobody starts again what ends",
        next: "run `katonic up`, which takes over what runs",
        find: |facts| of_platform(facts, supervisor_gone),
    },
    Check {
        code: "PORT_TAKEN",
        severity: Problem,
        cause: "another program listens at a port that this platform chose when it was made",
        next: "find that program by `ss -ltnp 'sport = :{it}'` and end it, then run `katonic up`",
        find: |facts| of_platform(facts, port_taken),
    },
    Check {
        code: "PART_DOWN",
        severity: Problem,
        cause: "it ended and the supervisor has not got it back yet, or it cannot start",
        next: "read the end of {it}",
        find: |facts| of_parts(facts, part_down),
    },
    Check {
        code: "PART_NOT_READY",
        severity: Problem,
        cause: "its process is there but does not answer: overloaded, stopped by a signal, or waiting for another part",
        next: "read the end of {it}; `katonic down && katonic up` starts everything anew",
        find: |facts| of_parts(facts, part_not_ready),
    },
    Check {
        code: "PART_RESTARTS",
        severity: Warning,
        cause: "something ends it again and again: memory, a fault, or somebody",
        next: "read the end of {it} for why it ended",
        find: |facts| of_parts(facts, part_restarts),
    },
    Check {
        code: "AGENT_GONE",
        severity: Problem,
        cause: "running jobs go on, but their logs and results wait: the dispatcher has not started another agent",
        next: "look at the part dispatcher in `katonic status`, and at its log",
        find: |facts| of_platform(facts, agent_gone),
    },
    Check {
        code: "JOBS_LEFT_PROCESSES",
        severity: Warning,
        cause: "the job is over and these still use cores and memory: the machine or the shim died at a bad moment",
        next: "look at `ps -fp {it}`, then end it by `kill -9 {it}`",
        find: |facts| of_platform(facts, leftovers),
    },
];

fn of_platform(facts: &Facts, judge: impl Fn(&Examination) -> Vec<Found>) -> Vec<Found> {
    let platform = facts.host.as_ref().map(|host| &host.platform);
    platform.map(judge).unwrap_or_default()
}

/// Facts about parts of a platform that is meant to be up.
fn of_parts(facts: &Facts, judge: impl Fn(&PartSeen) -> Option<String>) -> Vec<Found> {
    of_platform(facts, |platform| {
        if platform.supervisor.is_none() || platform.is_changing {
            return Vec::new();
        }
        let found = |seen: &PartSeen| Some(Found::new(seen.log.display(), judge(seen)?));
        platform.parts.iter().filter_map(found).collect()
    })
}

fn down(platform: &Examination) -> Vec<Found> {
    if !platform.is_installed || platform.supervisor.is_some() || platform.runs() {
        return Vec::new();
    }
    let why = platform.failure.as_ref().map_or_else(String::new, |cause| format!("; its last start failed: {cause}"));
    vec![Found::fact(format!("the platform in {} is down{why}", platform.data.root.display()))]
}

fn other(platform: &Examination) -> Vec<Found> {
    if platform.supervisor.is_some() {
        return Vec::new();
    }
    platform.others.iter().map(|home| Found::new(home, format!("a platform runs in {home}"))).collect()
}

fn supervisor_gone(platform: &Examination) -> Vec<Found> {
    if platform.supervisor.is_some() || !platform.runs() {
        return Vec::new();
    }
    let running: Vec<&str> =
        platform.parts.iter().filter(|seen| seen.pid.is_some()).map(|seen| seen.part.name()).collect();
    vec![Found::fact(format!("{} run without a supervisor", running.join(", ")))]
}

fn port_taken(platform: &Examination) -> Vec<Found> {
    let taken = platform.parts.iter().flat_map(|seen| seen.taken_ports.iter().map(move |port| (seen.part, port)));
    taken.map(|(part, port)| Found::new(port, format!("port {port} of {part} is taken by another program"))).collect()
}

fn part_down(seen: &PartSeen) -> Option<String> {
    let why = seen.not_ready.as_ref().filter(|_| seen.pid.is_none())?;
    Some(format!("{} is down: {why}{}", seen.part, last_words(seen)))
}

fn part_not_ready(seen: &PartSeen) -> Option<String> {
    let (why, pid) = (seen.not_ready.as_ref()?, seen.pid?);
    Some(format!("{} (pid {pid}) is not ready: {why}{}", seen.part, last_words(seen)))
}

fn part_restarts(seen: &PartSeen) -> Option<String> {
    let is_so = seen.failures >= MANY_FAILURES;
    is_so.then(|| format!("{} has ended {} times since the last start{}", seen.part, seen.failures, last_words(seen)))
}

fn last_words(seen: &PartSeen) -> String {
    seen.last_line.as_ref().map_or_else(String::new, |line| format!("; its log ends: {line}"))
}

fn agent_gone(platform: &Examination) -> Vec<Found> {
    let is_up = platform.part(Part::Dispatcher).is_some_and(|seen| seen.pid.is_some());
    if is_up && platform.agent == Agent::Gone {
        vec![Found::fact("no agent serves the jobs of this machine")]
    } else {
        Vec::new()
    }
}

fn leftovers(platform: &Examination) -> Vec<Found> {
    let fact = |left: &crate::platform::Leftover| {
        Found::new(left.pid, format!("process {} of a job's user {} still runs: {}", left.pid, left.uid, left.command))
    };
    platform.leftovers.iter().map(fact).collect()
}
