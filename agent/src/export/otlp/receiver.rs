//! One receiver of spans: its queue, and the task that empties it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::delivery::{Delivery, Stop};
use super::sender::Sender;
use super::transport::Transport;
use crate::correlate::span::Span;
use crate::redact::Redacted;
use crate::telemetry::Counters;

/// A span that several receivers may have in their queues.
pub(super) type Shared = Arc<Redacted<Span>>;

/// The pipeline's end of one receiver.
#[derive(Debug)]
pub(super) struct Receiver {
    queue: mpsc::Sender<Shared>,
    /// Spans taken in and neither delivered nor dropped yet.
    kept: Arc<AtomicUsize>,
    stop: watch::Sender<Stop>,
    task: JoinHandle<()>,
    counters: Arc<Counters>,
}

impl Receiver {
    /// Starts the task; `capacity` spans wait at most, beside the batches that are being made and sent. Must be called
    /// within a tokio runtime.
    pub(super) fn start<T: Transport<ExportTraceServiceRequest>>(
        transport: T,
        label: String,
        capacity: usize,
        counters: Arc<Counters>,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(capacity.max(1));
        let (stop, stopping) = watch::channel(None);
        let kept = Arc::new(AtomicUsize::new(0));
        let sender = Sender::new(transport, label, Arc::clone(&kept), Arc::clone(&counters));
        let delivery = Delivery::new(Arc::new(sender), waiting, stopping);
        Self { queue, kept, stop, task: tokio::spawn(delivery.run()), counters }
    }

    /// Queues a span; drops and counts it when the queue is full. Never blocks.
    pub(super) fn queue(&self, span: Shared) {
        // Counted first, so that the task never counts down what was not counted up.
        self.kept.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(span).is_err() {
            self.kept.fetch_sub(1, Ordering::Relaxed);
            self.counters.spans_dropped_queue_full.increment();
        }
    }

    /// Tells the task to send what waits until then and no longer. What is left is dropped and counted when the result
    /// is done.
    pub(super) fn stop(self, until: Instant) -> impl Future<Output = ()> {
        let Self { queue, kept, stop, task, counters } = self;
        drop(queue);
        // Both fail only when the task is gone, which is what is wanted.
        let _ = stop.send(Some(until));
        async move {
            let _ = task.await;
            counters.spans_dropped_shutdown.add(kept.load(Ordering::Relaxed) as u64);
        }
    }
}
