//! Whether the platform is where it is looked for.

use jiff::SignedDuration;

use crate::{
    compatibility::{Fit, OWN},
    doctor::{
        check::{
            Check, Found,
            Severity::{Problem, Warning},
        },
        facts::{Facts, Reached},
    },
    text,
};

/// Tokens last 60 s inside the platform; more skew than this is felt.
const SKEW: SignedDuration = SignedDuration::from_secs(20);

pub const CHECKS: &[Check] = &[
    Check {
        code: "NO_PLATFORM",
        severity: Problem,
        cause: "no URL is given, and no platform was ever started in this machine's data directory",
        next: "start one by `katonic up`, or name one by --url or KATONIC_URL; KATONIC_HOME says where yours lies",
        find: no_platform,
    },
    Check {
        code: "URL_IS_HTTPS",
        severity: Problem,
        cause: "the gateway speaks plain HTTP; TLS ends at a proxy in front of it",
        next: "give the gateway's own address, `http://host:port`, or a local tunnel to it",
        find: |facts| bad_url(facts, UrlFault::Https),
    },
    Check {
        code: "URL_HAS_A_PATH",
        severity: Problem,
        cause: "commands add `/api/v1` and `/git` themselves",
        next: "leave the path off: `http://host:port`",
        find: |facts| bad_url(facts, UrlFault::Path),
    },
    Check {
        code: "URL_INVALID",
        severity: Problem,
        cause: "a URL here is a scheme, a host and a port, without a user name",
        next: "give one such as `http://127.0.0.1:7400`",
        find: |facts| bad_url(facts, UrlFault::Other),
    },
    Check {
        code: "HOST_UNKNOWN",
        severity: Problem,
        cause: "the name is mistyped, or this machine asks a name server that does not know it",
        next: "correct the host in --url or KATONIC_URL; `getent hosts NAME` shows what a name means here",
        find: host_unknown,
    },
    Check {
        code: "GATEWAY_UNREACHABLE",
        severity: Problem,
        cause: "the platform is down, listens at another port, or a firewall is in between",
        next: "compare the URL with what `katonic status` shows on the platform's machine, and start it by `katonic up`",
        find: unreachable,
    },
    Check {
        code: "LOOPBACK_IS_IPV6",
        severity: Problem,
        cause: "a platform on one machine listens at 127.0.0.1 only",
        next: "write 127.0.0.1 instead of the host in the URL",
        find: only_ipv4,
    },
    Check {
        code: "NOT_A_GATEWAY",
        severity: Problem,
        cause: "the port belongs to another program, or to another part of the platform",
        next: "give the gateway's port: `katonic status` shows it in the line api-gateway",
        find: stranger,
    },
    Check {
        code: "VERSION_DIFFERS",
        severity: Warning,
        cause: "the program and the platform were not built together: one may ask what the other does not know",
        next: "use the `katonic` that was built with the platform, or run `katonic down && katonic up` after an upgrade",
        find: version_differs,
    },
    Check {
        code: "CLOCK_SKEW",
        severity: Warning,
        cause: "times in lists and logs do not fit this machine's, and tokens expire early or late",
        next: "set both clocks by NTP, such as `timedatectl set-ntp true`",
        find: clock_skew,
    },
    Check {
        code: "PROXY_CATCHES_LOOPBACK",
        severity: Warning,
        cause: "`katonic` goes around the proxy, but curl, Python and your jobs send their calls to it, where they fail",
        next: "set NO_PROXY to `127.0.0.1,localhost`",
        find: proxy,
    },
];

fn no_platform(facts: &Facts) -> Vec<Found> {
    if facts.gateway.url.is_some() {
        return Vec::new();
    }
    let place = facts
        .host
        .as_ref()
        .map_or_else(String::new, |host| format!(": {} holds none", host.platform.data.root.display()));
    vec![Found::fact(format!("there is no platform to talk to{place}"))]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum UrlFault {
    Https,
    Path,
    Other,
}

fn bad_url(facts: &Facts, wanted: UrlFault) -> Vec<Found> {
    let (Some(_), Some(url)) = (&facts.gateway.bad_url, &facts.gateway.url) else { return Vec::new() };
    let plain = url.strip_prefix("http://").unwrap_or_default();
    let fault = if url.starts_with("https://") {
        UrlFault::Https
    } else if plain.split_once('/').is_some_and(|(host, _)| !host.is_empty() && !host.contains('@')) {
        UrlFault::Path
    } else {
        UrlFault::Other
    };
    if fault == wanted { vec![Found::fact(format!("`{url}` is no URL of a gateway"))] } else { Vec::new() }
}

/// What somebody's answer at the URL means.
fn reached(facts: &Facts, judge: impl Fn(&str, &Reached) -> Option<String>) -> Vec<Found> {
    let (Some(url), Some(reached)) = (&facts.gateway.url, &facts.gateway.reached) else { return Vec::new() };
    judge(url, reached).map(Found::fact).into_iter().collect()
}

fn host_unknown(facts: &Facts) -> Vec<Found> {
    reached(facts, |url, reached| match reached {
        Reached::NoAddress(why) => Some(format!("the host of {url} has no address: {why}")),
        _ => None,
    })
}

fn unreachable(facts: &Facts) -> Vec<Found> {
    reached(facts, |url, reached| match reached {
        Reached::Nobody(why) => Some(format!("nobody accepts connections at {url}: {why}")),
        _ => None,
    })
}

fn only_ipv4(facts: &Facts) -> Vec<Found> {
    reached(facts, |url, reached| match reached {
        Reached::OnlyIpv4 => Some(format!("nobody listens at {url}, which means ::1, but somebody does at 127.0.0.1")),
        _ => None,
    })
}

fn stranger(facts: &Facts) -> Vec<Found> {
    reached(facts, |url, reached| match reached {
        Reached::Stranger(why) => Some(format!("who listens at {url} is no gateway: {why}")),
        _ => None,
    })
}

fn version_differs(facts: &Facts) -> Vec<Found> {
    reached(facts, |url, reached| match reached {
        Reached::Gateway { version, .. } if Fit::with_platform(version).ok() != Some(Fit::Fits) => {
            Some(format!("this is `katonic` {OWN}, and the platform at {url} has version {version}"))
        }
        _ => None,
    })
}

fn clock_skew(facts: &Facts) -> Vec<Found> {
    reached(facts, |url, reached| match reached {
        Reached::Gateway { ahead: Some(ahead), .. } if ahead.abs() > SKEW => {
            let way = if ahead.is_negative() { "behind" } else { "ahead of" };
            Some(format!("the clock of {url} is {} {way} this machine's", text::duration(ahead.abs())))
        }
        _ => None,
    })
}

fn proxy(facts: &Facts) -> Vec<Found> {
    let is_local =
        facts.gateway.url.as_deref().is_some_and(|url| url.contains("127.0.0.1") || url.contains("localhost"));
    let names = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    let set = names.into_iter().find(|name| facts.given.variable(name).is_some());
    let exceptions = facts.given.variable("no_proxy").or_else(|| facts.given.variable("NO_PROXY")).unwrap_or_default();
    let excepted = exceptions.split(',').any(|host| ["*", "127.0.0.1", "127.0.0.0/8"].contains(&host.trim()));
    match set {
        Some(name) if (is_local || facts.host.is_some()) && !excepted => {
            vec![Found::fact(format!("{name} is set, and NO_PROXY does not except 127.0.0.1"))]
        }
        _ => Vec::new(),
    }
}
