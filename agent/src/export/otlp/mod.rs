//! OTLP over gRPC or HTTP/protobuf: many processes in one request, one resource for each.
//!
//! A bounded queue stands between the pipeline and one task, which makes batches (`delivery`, `batch`) and
//! hands them to a few senders at once (`sender`): there stands what is tried again and what is dropped when.

mod backoff;
mod batch;
mod delivery;
mod encode;
mod metrics;
mod sender;
mod transport;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::ExportError;
use crate::config::Otlp;
use crate::correlate::span::Span;
use crate::health::Closed;
use crate::redact::Redacted;
use crate::telemetry::Counters;
use delivery::{Delivery, Stop};
use metrics::Metrics;
use sender::Sender;
pub use transport::ClientError;
use transport::{Client, Transport};

/// The pipeline's end of the OTLP exporter.
#[derive(Debug)]
pub struct Exporter {
    queue: mpsc::Sender<Redacted<Span>>,
    /// Spans taken in and neither delivered nor dropped yet.
    kept: Arc<AtomicUsize>,
    stop: watch::Sender<Stop>,
    task: JoinHandle<()>,
    counters: Arc<Counters>,
    metrics: Option<Metrics>,
}

impl Exporter {
    /// Starts the task; `capacity` spans wait at most, beside the batches that are being made and sent. Must
    /// be called within a tokio runtime.
    ///
    /// # Errors
    /// When the client cannot be built; the endpoint is not contacted yet.
    pub fn start(receiver: &Otlp, capacity: usize, counters: Arc<Counters>) -> Result<Self, ExportError> {
        let failed = |source| ExportError::Otlp { endpoint: receiver.label(), source };
        let client = Client::new(receiver).map_err(failed)?;
        let metrics = receiver
            .metrics
            .as_ref()
            .map(|endpoint| Metrics::start(receiver, endpoint, &counters))
            .transpose()
            .map_err(failed)?;
        Ok(Self { metrics, ..Self::spawn(client, receiver.label(), capacity, counters) })
    }

    fn spawn<T: Transport>(transport: T, label: String, capacity: usize, counters: Arc<Counters>) -> Self {
        let (queue, receiver) = mpsc::channel(capacity.max(1));
        let (stop, stopping) = watch::channel(None);
        let kept = Arc::new(AtomicUsize::new(0));
        let sender = Sender::new(transport, label, Arc::clone(&kept), Arc::clone(&counters));
        let delivery = Delivery::new(Arc::new(sender), receiver, stopping);
        Self { queue, kept, stop, task: tokio::spawn(delivery.run()), counters, metrics: None }
    }

    /// Queues a span; drops and counts it when the queue is full. Never blocks.
    pub fn export(&self, span: Redacted<Span>) {
        if let Some(metrics) = &self.metrics {
            metrics.record(span.get());
        }
        // Counted first, so that the task never counts down what was not counted up.
        self.kept.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(span).is_err() {
            self.kept.fetch_sub(1, Ordering::Relaxed);
            self.counters.spans_dropped_queue_full.increment();
        }
    }

    /// Spans that were taken in and are neither delivered nor dropped yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }

    /// A trace was closed: metrics have what it measures.
    pub fn trace_closed(&self, closed: Closed<'_>) {
        if let Some(metrics) = &self.metrics {
            metrics.trace_closed(closed);
        }
    }

    /// Sends what waits, for at most `limit`; what is left then is dropped and counted. Metrics come last.
    pub async fn shutdown(self, limit: Duration) {
        let Self { queue, kept, stop, task, counters, metrics } = self;
        drop(queue);
        let until = Instant::now() + limit;
        // Both fail only when the task is gone, which is what is wanted.
        let _ = stop.send(Some(until));
        let _ = task.await;
        counters.spans_dropped_shutdown.add(kept.load(Ordering::Relaxed) as u64);
        if let Some(metrics) = metrics {
            metrics.shutdown(until).await;
        }
    }
}

#[cfg(test)]
mod tests;
