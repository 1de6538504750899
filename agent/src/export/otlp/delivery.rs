//! The task that makes batches and hands them to senders.
//!
//! A batch is sent when it is full, when a second has passed since its first span, or when no span
//! came for a moment. So many are on their way at once, each on its own: see `sender`. Where there is a queue on disk, see
//! `durable`.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::batch::{Batch, Filling};
use super::item::{Content, Item};
use super::sender::Sender;
use super::source::Source;
use super::transport::Transport;

/// Requests that are under way at once.
pub(super) const CONCURRENT: usize = 4;
/// The longest that a span waits for its batch to fill, and for a further span.
pub(super) const PACE: [Duration; 2] = [Duration::from_secs(1), Duration::from_millis(200)];

/// When the agent must be done, once it stops.
pub(super) type Stop = Option<Instant>;

/// Makes batches of what is queued.
pub(super) struct Batcher<I> {
    content: Content,
    queue: mpsc::Receiver<Source>,
    /// A span that found its batch full.
    left_over: Option<Source>,
    /// See [`PACE`].
    pace: [Duration; 2],
    items: PhantomData<fn(I)>,
}

impl<I: Item> Batcher<I> {
    pub(super) fn new(content: Content, queue: mpsc::Receiver<Source>, pace: [Duration; 2]) -> Self {
        Self { content, queue, left_over: None, pace, items: PhantomData }
    }

    /// The next one; none when the queue is closed and empty.
    pub(super) async fn next_batch(&mut self) -> Option<Batch<I>> {
        let first = match self.left_over.take() {
            Some(span) => span,
            None => self.queue.recv().await?,
        };
        let mut filling = Filling::new(self.content);
        // An empty one takes any span.
        filling.push(&first);
        let [longest, quiet] = self.pace;
        let longest = Instant::now() + longest;
        while !filling.is_full() {
            let until = longest.min(Instant::now() + quiet);
            match timeout_at(until, self.queue.recv()).await {
                Ok(Some(span)) if filling.push(&span) => {}
                Ok(Some(span)) => {
                    self.left_over = Some(span);
                    break;
                }
                Ok(None) | Err(_) => break,
            }
        }
        Some(filling.finish())
    }
}

/// The task of a receiver without a queue on disk.
pub(super) struct Delivery<T, I> {
    sender: Arc<Sender<T, I>>,
    batcher: Batcher<I>,
    stopping: watch::Receiver<Stop>,
}

impl<T: Transport<I::Request>, I: Item> Delivery<T, I> {
    pub(super) fn new(
        sender: Arc<Sender<T, I>>,
        batcher: Batcher<I>,
        stopping: watch::Receiver<Stop>,
    ) -> Self {
        Self { sender, batcher, stopping }
    }

    /// Works until the queue is closed and empty and each batch is delivered or given up, or the time to stop
    /// is over; what is left then stays in `kept`, for the owner to count.
    pub(super) async fn run(mut self) {
        let mut senders = JoinSet::new();
        let overdue = overdue(self.stopping.clone());
        tokio::select! {
            () = self.send_all(&mut senders) => {}
            () = overdue => {}
        }
        // Until they are gone, they could still deliver what is counted as left.
        senders.shutdown().await;
    }

    async fn send_all(&mut self, senders: &mut JoinSet<()>) {
        loop {
            // First, so that a batch goes on filling while it would only wait.
            while senders.len() >= CONCURRENT {
                senders.join_next().await;
            }
            while senders.try_join_next().is_some() {}
            let Some(batch) = self.batcher.next_batch().await else { break };
            senders.spawn(Arc::clone(&self.sender).deliver(batch, self.stopping.clone()));
        }
        while senders.join_next().await.is_some() {}
    }
}

/// Done when the agent must be done; never, as long as it goes on.
pub(super) async fn overdue(mut stopping: watch::Receiver<Stop>) {
    match stopping.wait_for(Option::is_some).await.map(|stop| *stop) {
        Ok(Some(until)) => tokio::time::sleep_until(until).await,
        // Nobody is left who waits.
        _ => std::future::pending().await,
    }
}
