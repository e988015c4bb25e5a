//! Where spans go: nowhere, or to an OTLP receiver.
//!
//! Must hold: a request neither waits for the receiver nor fails by it. Spans
//! wait in a queue of 2,048 and are sent in batches by a thread of their own;
//! what does not fit, or cannot be sent within 5 s, is dropped.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider},
};

use super::Error;
use crate::config::TelemetrySection;

/// Spans that wait: some 2 MiB.
const QUEUE: usize = 2_048;
/// Spans in one message, well below a receiver's usual 4 MiB.
const BATCH: usize = 512;
/// How long a span waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// How long sending may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Makes spans, and sends them where there is somebody to send to. Needs a runtime.
pub(super) fn provider(config: &TelemetrySection, service: &str) -> Result<SdkTracerProvider, Error> {
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample_ratio.get())));
    let provider = SdkTracerProvider::builder().with_sampler(sampler).with_resource(resource(service));
    let Some(endpoint) = &config.otlp_endpoint else { return Ok(provider.build()) };
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint.as_str()).with_timeout(DEADLINE).build();
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(GATHER);
    let processor =
        BatchSpanProcessor::builder(exporter.map_err(Error::Exporter)?).with_batch_config(batches.build()).build();
    Ok(provider.with_span_processor(processor).build())
}

/// `service.instance.id` tells processes of one service apart, and a process from its successor.
fn resource(service: &str) -> Resource {
    let mut instance = [0; 16];
    // Without random bytes the process id has to do.
    if getrandom::fill(&mut instance).is_err() {
        instance[..4].copy_from_slice(&std::process::id().to_be_bytes());
    }
    Resource::builder()
        .with_service_name(format!("katonic-{service}"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", hex::encode(instance)))
        .build()
}
