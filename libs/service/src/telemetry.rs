//! Logs, traces and metrics of a process.
//!
//! Logs go to stderr. Spans carry a W3C trace context that travels in HTTP
//! headers, gRPC metadata, outbox entries and AMQP headers as `traceparent`
//! (`katonic_trace`), and go to an OTLP receiver where one is configured.

mod export;
mod log_level;

use std::io::{self, IsTerminal};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::{Layer, filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

pub use katonic_trace::{set_parent, trace_id, traceparent};
pub use log_level::{Error as LogLevelError, LogFilter, LogLevel, LogLevelState};

use crate::config::{LogFormat, LogSection, TelemetrySection};

/// Upper bounds in seconds for every `_seconds` histogram: from a warm read to
/// a call's longest deadline.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Why a process has no telemetry.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `[telemetry] otlp_endpoint` is no address.
    #[error("spans cannot be exported")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
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

/// Sets up logs, traces and metrics of a process; once, inside its runtime.
///
/// # Errors
/// A receiver's address that is none, or a second call.
pub fn init(log: &LogSection, traces: &TelemetrySection, service: &'static str) -> Result<Guard, Error> {
    let (log_level, lines) = LogLevel::of(&log.level, lines(log.format));
    let provider = export::provider(traces, service)?;
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
