//! One trace, from a request to user code, at a real OTLP receiver.

use anyhow::{Context, Result, ensure};
use katonic_integration_tests::{
    otlp::{Receiver, Span},
    wait,
};
use libtest_mimic::Trial;

use crate::{Shared, alone};

pub fn trials() -> Vec<Trial> {
    vec![
        alone("one_trace_runs_from_the_request_through_the_broker_into_user_code", one_trace_runs_into_user_code),
        alone("a_receiver_that_is_not_there_holds_nothing_up", a_missing_receiver_holds_nothing_up),
    ]
}

const ENDPOINT: &str = "KATONIC_TELEMETRY__OTLP_ENDPOINT";

/// Goes on with the trace that it finds in its environment, by OTLP in JSON.
const TRAIN: &str = "
import json, os, secrets, sys, time, urllib.request
_, trace, parent, _ = os.environ['TRACEPARENT'].split('-')
now = str(time.time_ns())
span = {'traceId': trace, 'spanId': secrets.token_hex(8), 'parentSpanId': parent, 'name': 'train', 'kind': 1,
        'startTimeUnixNano': now, 'endTimeUnixNano': now}
resource = {'attributes': [{'key': 'service.name', 'value': {'stringValue': 'user-code'}}]}
body = {'resourceSpans': [{'resource': resource, 'scopeSpans': [{'spans': [span]}]}]}
request = urllib.request.Request(sys.argv[1], json.dumps(body).encode(), {'Content-Type': 'application/json'})
urllib.request.urlopen(request).read()
";

/// A span, and the span that it must come from, however far.
struct Step {
    service: &'static str,
    name: &'static str,
    from: Option<(&'static str, &'static str)>,
}

const GATEWAY: (&str, &str) = ("katonic-api-gateway", "request");
const OWNER: (&str, &str) = ("katonic-dispatcher", "rpc");
const LAUNCH: (&str, &str) = ("katonic-dispatcher", "launch");

const STEPS: [Step; 6] = [
    Step { service: GATEWAY.0, name: GATEWAY.1, from: None },
    Step { service: OWNER.0, name: OWNER.1, from: Some(GATEWAY) },
    Step { service: "katonic-dispatcher", name: "publish", from: Some(OWNER) },
    Step { service: LAUNCH.0, name: LAUNCH.1, from: Some(OWNER) },
    Step { service: "katonic-agent", name: "member", from: Some(LAUNCH) },
    Step { service: "user-code", name: "train", from: Some(LAUNCH) },
];

async fn one_trace_runs_into_user_code(platform: Shared) -> Result<()> {
    let receiver = Receiver::start().await?;
    platform.down(&[])?;
    platform.up_with(&[(ENDPOINT, &receiver.grpc())])?;
    let trace = "c0".repeat(16);
    let rest = platform.rest().traced(&trace);
    let project = rest.project("traced").await?;
    let id = rest.submit(&project, &["python3", "-c", TRAIN, &receiver.http()]).await?;
    let ended = rest.settled(&id).await?;
    ensure!(ended["phase"] == "PHASE_SUCCEEDED", "{ended}");
    let mut missing = String::new();
    let arrived = wait::until("every span arrives", async || {
        let spans = receiver.spans()?;
        let lacking = STEPS.iter().find(|step| !spans.iter().any(|span| is(span, &trace, step, &spans)));
        missing = lacking.map(|step| format!("{} of {}", step.name, step.service)).unwrap_or_default();
        Ok(missing.is_empty().then_some(()))
    })
    .await;
    let told = format!("no {missing} where it belongs: {:#?}", receiver.spans()?);
    platform.down(&[])?;
    platform.up()?;
    arrived.context(told)
}

fn is(span: &Span, trace: &str, step: &Step, all: &[Span]) -> bool {
    let right = span.trace == trace && span.service == step.service && span.name == step.name;
    right && step.from.is_none_or(|(service, name)| comes_from(span, service, name, all))
}

fn comes_from(span: &Span, service: &str, name: &str, all: &[Span]) -> bool {
    let parent = all.iter().find(|other| other.trace == span.trace && other.id == span.parent);
    parent.is_some_and(|parent| {
        (parent.service == service && parent.name == name) || comes_from(parent, service, name, all)
    })
}

async fn a_missing_receiver_holds_nothing_up(platform: Shared) -> Result<()> {
    platform.down(&[])?;
    // Nothing listens on the discard port.
    platform.up_with(&[(ENDPOINT, "http://127.0.0.1:9")])?;
    let rest = platform.rest();
    let project = rest.project("untraced").await?;
    let ended = rest.ended(&rest.submit(&project, &["true"]).await?).await?;
    platform.down(&[])?;
    platform.up()?;
    ensure!(ended["phase"] == "PHASE_SUCCEEDED", "{ended}");
    Ok(())
}
