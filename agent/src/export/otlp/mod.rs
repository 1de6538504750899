//! OTLP over gRPC or HTTP: many processes in one request, one resource for each.
//!
//! For each receiver a bounded queue stands between the pipeline and one task (`receiver`), which makes batches
//! (`delivery`, `batch`) and hands them to a few senders at once (`sender`): there stands what is tried again and what
//! is dropped when. So a receiver that is down holds up no other.

mod backoff;
mod batch;
mod delivery;
mod encode;
mod item;
mod metrics;
mod receiver;
mod sampler;
mod sender;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::ExportError;
use crate::config::{self, Otlp, Sampling};
use crate::correlate::span::Span;
use crate::health::Closed;
use crate::redact::{CONTENT_EVENT, Redacted};
use crate::telemetry::Counters;
use item::Content;
use metrics::Metrics;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span as OtlpSpan;
use opentelemetry_sdk::metrics::Temporality;
use receiver::{Receiver, Shared};
use sampler::Sampler;
use transport::Client;
pub use transport::ClientError;

/// The pipeline's end of the OTLP exporter.
#[derive(Debug)]
pub struct Exporter {
    spans: Vec<Receiver<OtlpSpan>>,
    /// Of what was said.
    logs: Vec<Receiver<LogRecord>>,
    metrics: Option<Metrics>,
    sampler: Sampler,
}

impl Exporter {
    /// Starts a task for each receiver and signal; `capacity` spans wait at most for each, beside the batches that are being made
    /// and sent. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a client cannot be built; no endpoint is contacted yet.
    pub fn start(
        receivers: &[config::Receiver],
        (temporality, sampling): (Temporality, Sampling),
        capacity: usize,
        counters: &Arc<Counters>,
    ) -> Result<Self, ExportError> {
        let client = |otlp: &Otlp| {
            let failed = |source| ExportError::Otlp { endpoint: otlp.label(), source };
            Ok::<_, ExportError>((Client::new(otlp).map_err(failed)?, otlp.label()))
        };
        let (mut spans, mut logs, mut metrics) = (Vec::new(), Vec::new(), Vec::new());
        for receiver in receivers {
            let content = if receiver.logs.is_some() { Content::Logs } else { Content::Events };
            if let Some(otlp) = &receiver.traces {
                let (client, label) = client(otlp)?;
                spans.push(Receiver::start(client, label, content, capacity, Arc::clone(counters)));
            }
            if let Some(otlp) = &receiver.logs {
                let (client, label) = client(otlp)?;
                logs.push(Receiver::start(client, label, content, capacity, Arc::clone(counters)));
            }
            if let Some(otlp) = &receiver.metrics {
                metrics.push(client(otlp)?);
            }
        }
        let metrics = (!metrics.is_empty()).then(|| Metrics::start(metrics, temporality, counters));
        Ok(Self { spans, logs, metrics, sampler: Sampler::new(sampling, counters) })
    }

    /// Queues a span for each receiver, at once or when its trace is kept; drops and counts it where the queue is full.
    /// Metrics have it in any case. Never blocks.
    pub fn export(&mut self, span: Redacted<Span>) {
        let Self { spans, logs, metrics, sampler } = self;
        if let Some(metrics) = metrics {
            metrics.record(span.get());
        }
        sampler.take(Arc::new(span), &mut |span| queue(spans, logs, &span));
    }

    /// Spans that wait for whether their trace is kept.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.sampler.waiting()
    }

    /// Spans that were taken in and are neither delivered nor dropped yet, of the receiver that has most of them.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.spans.iter().map(Receiver::waiting).max().unwrap_or(0)
    }

    /// A trace was closed: metrics have what it measures, and whether it is kept is decided.
    pub fn trace_closed(&mut self, closed: Closed<'_>) {
        let Self { spans, logs, metrics, sampler } = self;
        if let Some(metrics) = metrics {
            metrics.trace_closed(closed);
        }
        sampler.trace_closed(closed, &mut |span| queue(spans, logs, &span));
    }

    /// Sends what waits, for at most `limit`; what is left then is dropped and counted. Metrics come last.
    pub async fn shutdown(mut self, limit: Duration) {
        self.sampler.finish();
        let until = Instant::now() + limit;
        // All are told before one is waited for.
        let spans: Vec<_> = self.spans.into_iter().map(|receiver| receiver.stop(until)).collect();
        let logs: Vec<_> = self.logs.into_iter().map(|receiver| receiver.stop(until)).collect();
        for stopped in spans {
            stopped.await;
        }
        for stopped in logs {
            stopped.await;
        }
        if let Some(metrics) = self.metrics {
            metrics.shutdown(until).await;
        }
    }
}

/// Queues a span for each receiver, and what was said for those of logs.
fn queue(spans: &[Receiver<OtlpSpan>], logs: &[Receiver<LogRecord>], span: &Shared) {
    for receiver in spans {
        receiver.queue(Arc::clone(span));
    }
    if span.get().events.iter().any(|event| event.name == CONTENT_EVENT) {
        for receiver in logs {
            receiver.queue(Arc::clone(span));
        }
    }
}

#[cfg(test)]
mod tests;
