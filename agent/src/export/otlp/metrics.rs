//! Metrics by the OpenTelemetry SDK: the agent's own numbers, and what calls say of each traced service.

mod own;
mod services;
mod traces;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_otlp::{
    MetricExporter, Protocol, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::transport::{ClientError, grpc, http};
use crate::config::{Otlp, OtlpProtocol};
use crate::correlate::span::Span;
use crate::health::Closed;
use crate::telemetry::Counters;
use services::Services;

/// Sends them every minute, or as `OTEL_METRIC_EXPORT_INTERVAL` says, until it is shut down.
#[derive(Debug)]
pub(super) struct Metrics {
    /// Of the counters; what it sends draws the services' with it.
    counters: SdkMeterProvider,
    services: Arc<Services>,
}

impl Metrics {
    /// Starts the SDK's thread. Must be called within a tokio runtime. The SDK reads headers, timeout and
    /// compression from the standard variables.
    ///
    /// # Errors
    /// When the client cannot be built; the endpoint is not contacted yet.
    pub(super) fn start(
        receiver: &Otlp,
        endpoint: &str,
        counters: &Arc<Counters>,
    ) -> Result<Self, ClientError> {
        let builder = MetricExporter::builder();
        let exporter = match receiver.protocol {
            OtlpProtocol::HttpProtobuf => builder
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(endpoint)
                .with_http_client(http::builder(receiver)?.build()?)
                .build()?,
            OtlpProtocol::Grpc if endpoint.starts_with("https:") => {
                builder.with_tonic().with_endpoint(endpoint).with_tls_config(grpc::tls(receiver)?).build()?
            }
            OtlpProtocol::Grpc => builder.with_tonic().with_endpoint(endpoint).build()?,
        };
        let services = Arc::new(Services::new(exporter.temporality(), counters));
        let exporter = InRuntime { exporter, services: Arc::clone(&services), runtime: Handle::current() };
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
        Ok(Self { counters: provider, services })
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

/// Exports within the runtime: the SDK's thread is none of it, and the client needs one.
#[derive(Debug)]
struct InRuntime {
    exporter: MetricExporter,
    services: Arc<Services>,
    runtime: Handle,
}

impl PushMetricExporter for InRuntime {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let counters = self.runtime.block_on(self.exporter.export(metrics));
        for metrics in self.services.collect() {
            self.runtime.block_on(self.exporter.export(&metrics))?;
        }
        counters
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::*;
    use crate::export::fixture;
    use crate::export::otlp::transport::tests::{Got, http_server};

    #[tokio::test(flavor = "multi_thread")]
    async fn the_counters_are_sent() {
        let (endpoint, got) = http_server("200 OK", b"");
        let counters = Arc::new(Counters::default());
        let receiver = Otlp::new(endpoint.clone(), OtlpProtocol::HttpProtobuf);
        let endpoint = endpoint.replace("traces", "metrics");
        let metrics = Metrics::start(&receiver, &endpoint, &counters).unwrap();
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
        let Got(_, body) = got.recv().unwrap();
        let body = String::from_utf8_lossy(&body);
        assert!(body.contains("gen_ai.client.token.usage") && body.contains("agent"), "{body}");
    }
}
