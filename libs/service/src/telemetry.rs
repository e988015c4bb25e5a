//! Logs, traces and metrics of a process.
//!
//! Logs go to stderr. Spans carry a W3C trace context that travels in HTTP
//! headers, gRPC metadata, outbox entries and AMQP headers as `traceparent`;
//! nothing exports them yet, the trace id in the log lines joins them.

mod log_level;

use std::io::{self, IsTerminal};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, Registry, filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

pub use log_level::{Error as LogLevelError, LogFilter, LogLevel, LogLevelState};

use crate::config::{LogFormat, LogSection};

/// Upper bounds in seconds for every `_seconds` histogram: from a warm read to
/// a call's longest deadline.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Why a process has no telemetry.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process has a subscriber already.
    #[error("log lines already go elsewhere")]
    Subscriber(#[source] tracing_subscriber::util::TryInitError),
    /// The process has a recorder already, or the buckets are wrong.
    #[error("metrics cannot be recorded")]
    Metrics(#[source] metrics_exporter_prometheus::BuildError),
}

/// What a server shows of its process, and lets be changed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    /// What `/metrics` renders.
    pub metrics: PrometheusHandle,
    /// Which log lines are written.
    pub log_level: LogLevel,
}

/// Keeps the process's telemetry alive; hold it until the end of `main`.
#[derive(Debug)]
pub struct Guard {
    handle: Handle,
    provider: SdkTracerProvider,
}

impl Guard {
    /// What the process's server is given.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::debug!(%error, "the tracer did not shut down");
        }
    }
}

/// Sets up logs, traces and metrics; once in a process.
///
/// # Errors
/// A level that does not parse, or a second call.
pub fn init(config: &LogSection, service: &'static str) -> Result<Guard, Error> {
    let (log_level, lines) = LogLevel::of(&config.level, lines(config.format));
    let provider = SdkTracerProvider::builder().build();
    let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer(service));
    tracing_subscriber::registry()
        .with(lines)
        .with(traces.with_filter(LevelFilter::INFO))
        .try_init()
        .map_err(Error::Subscriber)?;
    let metrics = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(Error::Metrics)?;
    Ok(Guard { handle: Handle { metrics, log_level }, provider })
}

fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
        LogFormat::Pretty => layer.with_target(false).with_ansi(io::stderr().is_terminal()).boxed(),
    }
}

/// A tracing registry for tests that look at trace contexts; sends lines nowhere.
pub fn silent() -> impl tracing::Subscriber + Send + Sync {
    let provider = SdkTracerProvider::builder().build();
    Registry::default().with(tracing_opentelemetry::layer().with_tracer(provider.tracer("silent")))
}

/// The `traceparent` of the current span, if it is in a trace.
pub fn traceparent() -> Option<String> {
    let mut carrier = Carrier::default();
    TraceContextPropagator::new().inject_context(&tracing::Span::current().context(), &mut carrier);
    carrier.traceparent
}

/// The trace id of the current span in hexadecimal, for people to quote.
pub fn trace_id() -> Option<String> {
    trace_id_of(&tracing::Span::current())
}

/// Makes a span a child of a remote one, and records the `trace_id` field that
/// its log lines show. Must be called **before** the span is entered: inside
/// it, the parent is fixed. A malformed value is ignored.
pub fn set_parent(span: &tracing::Span, traceparent: Option<&str>) {
    if let Some(traceparent) = traceparent {
        let carrier = Carrier { traceparent: Some(traceparent.to_owned()) };
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
        // Fails only where no tracing layer is installed: then there is no trace.
        let _ = span.set_parent(context);
    }
    if let Some(trace_id) = trace_id_of(span) {
        span.record("trace_id", trace_id);
    }
}

fn trace_id_of(span: &tracing::Span) -> Option<String> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| context.trace_id().to_string())
}

#[derive(Default)]
struct Carrier {
    traceparent: Option<String>,
}

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if key == "traceparent" {
            self.traceparent = Some(value);
        }
    }
}

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        if key == "traceparent" { self.traceparent.as_deref() } else { None }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_goes_on_from_its_remote_parent() {
        tracing::subscriber::with_default(silent(), || {
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            let span = tracing::info_span!("child");
            set_parent(&span, Some(parent));
            let _entered = span.entered();
            let own = traceparent().expect("in a trace");
            assert!(own.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{own}");
            assert_ne!(own, parent);
            assert_eq!(trace_id().as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        });
    }

    #[test]
    fn a_malformed_parent_starts_a_new_trace() {
        tracing::subscriber::with_default(silent(), || {
            let span = tracing::info_span!("child");
            set_parent(&span, Some("zz\r\nx"));
            let _entered = span.entered();
            assert!(traceparent().is_some());
        });
    }
}
