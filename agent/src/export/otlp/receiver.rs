//! One receiver of spans, or of the log records of their events: its queue, and the task that empties it.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::delivery::{self, Batcher, Delivery, Stop};
use super::durable::{self, Durable, OnDisk, Place, Spool};
use super::item::{Content, Item, Outcome};
use super::sender::{GIVE_UP, Sender};
use super::source::Source;
use super::transport::Transport;
use crate::telemetry::Counters;

/// The pipeline's end of one receiver.
#[derive(Debug)]
pub(super) struct Receiver<I> {
    queue: mpsc::Sender<Source>,
    /// Spans taken in and neither delivered nor dropped yet.
    kept: Arc<AtomicUsize>,
    on_disk: Arc<OnDisk>,
    stop: watch::Sender<Stop>,
    task: JoinHandle<()>,
    counters: Arc<Counters>,
    items: PhantomData<fn(I)>,
}

impl<I: Item> Receiver<I> {
    /// Starts the task; `capacity` spans wait in memory at most, beside the batches that are being made and sent, and others on
    /// disk where there is a queue. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the queue on disk cannot be opened.
    pub(super) fn start<T: Transport<I::Request>>(
        transport: T,
        label: String,
        content: Content,
        (capacity, disk): (usize, Option<Place>),
        counters: Arc<Counters>,
    ) -> Result<Self, spanwire_queue::Error> {
        let (queue, waiting) = mpsc::channel(capacity.max(1));
        let (stop, stopping) = watch::channel(None);
        let kept = Arc::new(AtomicUsize::new(0));
        let transport = Arc::new(transport);
        let sender = |kept: (Arc<AtomicUsize>, _)| {
            let (transport, counters) = (Arc::clone(&transport), Arc::clone(&counters));
            Arc::new(Sender::<Arc<T>, I>::new(transport, label.clone(), kept, counters))
        };
        let from_memory = sender((Arc::clone(&kept), Some(GIVE_UP)));
        let on_disk = Arc::new(OnDisk::default());
        let task = match disk {
            None => {
                let batcher = Batcher::new(content, waiting, delivery::PACE);
                tokio::spawn(Delivery::new(from_memory, batcher, stopping).run())
            }
            Some(place) => {
                let spool = Spool::start::<I>(place, Arc::clone(&on_disk), &counters)?;
                let batcher = Batcher::new(content, waiting, durable::PACE);
                let senders = [from_memory, sender((on_disk.items(), None))];
                tokio::spawn(Durable::new(batcher, senders, spool, stopping).run())
            }
        };
        Ok(Self { queue, kept, on_disk, stop, task, counters, items: PhantomData })
    }

    /// What waits on disk: items, and the bytes of files.
    pub(super) fn on_disk(&self) -> (usize, u64) {
        (self.on_disk.items().load(Ordering::Relaxed), self.on_disk.bytes())
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

    /// Spans taken in and neither delivered, nor dropped, nor on disk yet.
    pub(super) fn waiting(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }

    /// Tells the task to send what waits until then and no longer. What is left in memory is dropped and counted when the
    /// result is done.
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
