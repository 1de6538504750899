//! Metrics by the OpenTelemetry SDK: the agent's own numbers, and what calls say of each traced service.

mod own;
mod receivers;
mod services;
mod traces;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::transport::Client;
use crate::correlate::span::Span;
use crate::health::Closed;
use crate::telemetry::Counters;
use receivers::Receivers;
use services::Services;

/// Sends them every minute, or as `OTEL_METRIC_EXPORT_INTERVAL` says, until it is shut down.
#[derive(Debug)]
pub(super) struct Metrics {
    /// Of the counters; what it sends draws the services' with it.
    counters: SdkMeterProvider,
    services: Arc<Services>,
}

impl Metrics {
    /// Starts the SDK's thread, which sends to all these, each with its name for the log. Must be called within a tokio
    /// runtime.
    pub(super) fn start(
        clients: Vec<(Client, String)>,
        temporality: Temporality,
        counters: &Arc<Counters>,
    ) -> Self {
        let services = Arc::new(Services::new(temporality, counters));
        let receivers = Receivers::new(clients, Arc::clone(counters));
        let exporter =
            InRuntime { receivers, services: Arc::clone(&services), runtime: Handle::current(), temporality };
        let provider = SdkMeterProvider::builder()
            .with_periodic_exporter(exporter)
            .with_resource(
                Resource::builder()
                    .with_service_name(env!("CARGO_PKG_NAME"))
                    .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
                    .build(),
            )
            .build();
        let meter = provider.meter(env!("CARGO_PKG_NAME"));
        own::observe(&meter, counters);
        Self { counters: provider, services }
    }

    /// A span is about to be exported: its service's metrics have it, too.
    pub(super) fn record(&self, span: &Span) {
        self.services.record(span);
    }

    /// A trace was closed: so have those of its spans.
    pub(super) fn trace_closed(&self, closed: Closed<'_>) {
        self.services.record_trace(closed);
    }

    /// Sends the last values, and waits for that until then.
    pub(super) async fn shutdown(self, until: Instant) {
        let limit = until.saturating_duration_since(Instant::now());
        let shutdown = tokio::task::spawn_blocking(move || self.counters.shutdown_with_timeout(limit));
        if !matches!(timeout_at(until, shutdown).await, Ok(Ok(Ok(())))) {
            warn!("the agent's last metrics were not delivered");
        }
    }
}

/// Exports within the runtime: the SDK's thread is none of it, and the clients need one.
#[derive(Debug)]
struct InRuntime {
    receivers: Receivers,
    services: Arc<Services>,
    runtime: Handle,
    temporality: Temporality,
}

impl PushMetricExporter for InRuntime {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let services = self.services.collect();
        self.runtime.block_on(self.receivers.send(std::iter::once(metrics).chain(&services)));
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::*;
    use crate::config::{Otlp, OtlpProtocol};
    use crate::export::fixture;
    use crate::export::otlp::transport::tests::{Got, http_server};

    #[tokio::test(flavor = "multi_thread")]
    async fn the_counters_are_sent() {
        let (endpoint, got) = http_server("200 OK", b"");
        let counters = Arc::new(Counters::default());
        let endpoint = endpoint.replace("traces", "metrics");
        let client = Client::new(&Otlp::new(endpoint, OtlpProtocol::HttpProtobuf)).unwrap();
        let clients = vec![(client, "test".to_owned())];
        let metrics = Metrics::start(clients, Temporality::Cumulative, &counters);
        counters.calls.add(7);
        counters.gauges.tls_files.count([["OpenSSL", "probed"]].into_iter());
        metrics.record(&{
            let mut span = fixture::span(1, &fixture::process(1, "agent"));
            span.attributes.push(("gen_ai.operation.name".into(), "chat".into()));
            span
        });
        metrics.shutdown(Instant::now() + Duration::from_secs(5)).await;
        let Got(head, body) = got.recv().unwrap();
        assert!(head.starts_with("post /v1/metrics "), "{head}");
        let body = String::from_utf8_lossy(&body);
        for metric in crate::telemetry::metrics(&counters) {
            // Names, and the values of labels, stand in it as they are.
            let is_there =
                metric.points.iter().flat_map(|point| &point.labels).all(|(_, value)| body.contains(value));
            assert!(
                metric.points.is_empty() || (is_there && body.contains(&metric.otlp_name())),
                "{}",
                metric.name
            );
        }
        assert!(body.contains("gen_ai.client.token.usage") && body.contains("agent"), "{body}");
    }
}
