//! The trace that a piece of work belongs to, as W3C `traceparent`: how it
//! leaves a process, and how it goes on in the next.
//!
//! ```text
//!  gateway ─header─> owner ─outbox─> publish ─header─> consumer
//!                      └─execution─> launch ─TRACEPARENT─> user code
//! ```
//!
//! Nothing here can fail: without a trace, or with a malformed one, work goes
//! on outside any trace.
#![warn(missing_docs)]

use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Registry, layer::SubscriberExt};

/// The `traceparent` of the current span, if it is in a trace.
pub fn traceparent() -> Option<String> {
    let mut carrier = Carrier::default();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.traceparent
}

/// The trace id of the current span in hexadecimal, for people to quote.
pub fn trace_id() -> Option<String> {
    trace_id_of(&Span::current())
}

/// Makes a span a child of a remote one, and records the `trace_id` field that
/// its log lines show. Must be called **before** the span is entered: inside
/// it, the parent is fixed. A malformed value is ignored.
pub fn set_parent(span: &Span, traceparent: Option<&str>) {
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

/// A tracing registry for tests that look at trace contexts; sends lines nowhere.
pub fn silent() -> impl tracing::Subscriber + Send + Sync {
    let provider = SdkTracerProvider::builder().build();
    Registry::default().with(tracing_opentelemetry::layer().with_tracer(provider.tracer("silent")))
}

fn trace_id_of(span: &Span) -> Option<String> {
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
