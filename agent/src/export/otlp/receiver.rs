//! One receiver of spans, or of the log records of their events: its queue, and the task that empties it.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::delivery::{Delivery, Stop};
use super::item::{Content, Item, Outcome};
use super::sender::Sender;
use super::source::Source;
use super::transport::Transport;
use crate::telemetry::Counters;

/// The pipeline's end of one receiver.
#[derive(Debug)]
pub(super) struct Receiver<I> {
    queue: mpsc::Sender<Source>,
    /// Spans taken in and neither delivered nor dropped yet.
    kept: Arc<AtomicUsize>,
    stop: watch::Sender<Stop>,
    task: JoinHandle<()>,
    counters: Arc<Counters>,
    items: PhantomData<fn(I)>,
}

impl<I: Item> Receiver<I> {
    /// Starts the task; `capacity` spans wait at most, beside the batches that are being made and sent. Must be called
    /// within a tokio runtime.
    pub(super) fn start<T: Transport<I::Request>>(
        transport: T,
        label: String,
        content: Content,
        capacity: usize,
        counters: Arc<Counters>,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(capacity.max(1));
        let (stop, stopping) = watch::channel(None);
        let kept = Arc::new(AtomicUsize::new(0));
        let sender = Sender::<T, I>::new(transport, label, Arc::clone(&kept), Arc::clone(&counters));
        let delivery = Delivery::new(Arc::new(sender), content, waiting, stopping);
        Self { queue, kept, stop, task: tokio::spawn(delivery.run()), counters, items: PhantomData }
    }

    /// Queues what is to be sent; drops and counts it when the queue is full. Never blocks.
    pub(super) fn queue(&self, source: Source) {
        // Counted first, so that the task never counts down what was not counted up.
        self.kept.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(source).is_err() {
            self.kept.fetch_sub(1, Ordering::Relaxed);
            I::counter(&self.counters, Outcome::QueueFull).increment();
        }
    }

    /// Spans taken in and neither delivered nor dropped yet.
    pub(super) fn waiting(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }

    /// Tells the task to send what waits until then and no longer. What is left is dropped and counted when the result
    /// is done.
    pub(super) fn stop(self, until: Instant) -> impl Future<Output = ()> {
        let Self { queue, kept, stop, task, counters, .. } = self;
        drop(queue);
        // Both fail only when the task is gone, which is what is wanted.
        let _ = stop.send(Some(until));
        async move {
            let _ = task.await;
            I::counter(&counters, Outcome::Shutdown).add(kept.load(Ordering::Relaxed) as u64);
        }
    }
}
