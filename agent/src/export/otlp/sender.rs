//! What becomes of one batch: it is sent, tried again, cut in pieces, or dropped and counted.
//!
//! One that the receiver does not take now is kept and tried again with growing waits, for five minutes.
//! One that is too large, or holds something that the receiver objects to, is cut in halves until what is at
//! fault is alone, which is dropped; the number of such cuts is bounded. One that is refused is dropped.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

use super::backoff;
use super::batch::Batch;
use super::delivery::Stop;
use super::item::{Item, Outcome};
use super::transport::{Failure, Taken, Transport};
use crate::telemetry::Counters;

/// A batch that could not be delivered for so long is dropped.
pub(super) const GIVE_UP: Duration = Duration::from_secs(300);
/// A batch is cut in two at most so often: enough to find some spans out of [`super::batch::ITEMS_MAX`], or
/// to get below a receiver's limit that is a hundredth of the usual one.
pub(super) const CUTS_MAX: usize = 128;

/// What all senders share.
pub(super) struct Sender<T, I> {
    transport: T,
    /// The receiver's name for the log.
    label: String,
    /// Items taken in and neither delivered nor dropped yet, as far as this is known here.
    kept: Arc<AtomicUsize>,
    /// How long a batch is tried; without end, where it lies on disk.
    give_up: Option<Duration>,
    counters: Arc<Counters>,
    told: Mutex<Told>,
    /// The receiver asked for patience until then.
    held_until: Mutex<Option<Instant>>,
    /// The receiver was away and has answered.
    back: Notify,
    items: PhantomData<fn(I)>,
}

/// What the operator was told and need not be told again.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// The receiver cannot be reached.
    away: bool,
    /// The receiver refuses spans, and has since taken none.
    refusing: bool,
    /// The receiver has something to say of spans that it took.
    advised: bool,
}

impl<T: Transport<I::Request>, I: Item> Sender<T, I> {
    pub(super) fn new(
        transport: T,
        label: String,
        (kept, give_up): (Arc<AtomicUsize>, Option<Duration>),
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            transport,
            label,
            kept,
            give_up,
            counters,
            told: Mutex::default(),
            held_until: Mutex::default(),
            back: Notify::new(),
            items: PhantomData,
        }
    }

    /// Delivers a batch or drops it; what is left when the agent stops with the receiver away stays in
    /// `kept`.
    pub(super) async fn deliver(self: Arc<Self>, batch: Batch<I>, stopping: watch::Receiver<Stop>) {
        self.settle(batch, stopping).await;
    }

    /// Delivers a batch or drops it; false where the agent stops with the receiver away before all of it is.
    pub(super) async fn settle(&self, batch: Batch<I>, mut stopping: watch::Receiver<Stop>) -> bool {
        let began = Instant::now();
        let (mut failures, mut cuts) = (0, 0);
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            let count = part.items();
            self.turn(&mut stopping).await;
            match self.transport.send(part.request()).await {
                Ok(taken) => {
                    self.counters.export_requests.increment();
                    failures = 0;
                    self.taken(count, &taken);
                }
                Err(Failure::TooLarge(_) | Failure::Invalid(_)) if count > 1 && cuts < CUTS_MAX => {
                    cuts += 1;
                    failures = 0;
                    self.answered();
                    let (first, second) = part.halves();
                    parts.extend([second, first]);
                }
                Err(failure @ (Failure::TooLarge(_) | Failure::Invalid(_) | Failure::Rejected(_))) => {
                    failures = 0;
                    self.release(count);
                    self.count(Outcome::Rejected, count as u64);
                    self.refused(&failure.to_string(), count as u64);
                }
                Err(Failure::Unreachable { reason, retry_after }) => {
                    failures += 1;
                    self.counters.export_failures.increment();
                    self.unreachable(&reason);
                    if is_stopping(&stopping) {
                        return false;
                    }
                    parts.push(part);
                    if self.give_up.is_some_and(|give_up| began.elapsed() >= give_up) {
                        let count = parts.iter().map(Batch::items).sum();
                        self.release(count);
                        self.count(Outcome::Expired, count as u64);
                        return true;
                    }
                    self.pause(failures, retry_after, &mut stopping).await;
                }
            }
        }
        true
    }

    /// Waits after a failure, but not past the moment at which the agent begins to stop, and, where the receiver did not
    /// ask for the wait, at which another sender finds that it is back.
    async fn pause(
        &self,
        failures: u32,
        retry_after: Option<Duration>,
        stopping: &mut watch::Receiver<Stop>,
    ) {
        let wait = backoff::delay(failures);
        if let Some(asked) = retry_after {
            self.hold(asked);
        }
        tokio::select! {
            () = sleep(wait) => {}
            _ = stopping.wait_for(Option::is_some) => {}
            () = self.back.notified(), if retry_after.is_none() => {}
        }
    }

    /// The receiver wants to be left alone by all senders for so long. Nobody is left alone for longer than a batch is
    /// kept.
    fn hold(&self, asked: Duration) {
        if asked > GIVE_UP {
            self.counters.export_waits_cut.increment();
        }
        let until = Instant::now() + asked.min(GIVE_UP);
        let mut held_until = self.held_until.lock().unwrap_or_else(PoisonError::into_inner);
        *held_until = (*held_until).max(Some(until));
    }

    /// Waits until the receiver may be asked, or the agent begins to stop.
    async fn turn(&self, stopping: &mut watch::Receiver<Stop>) {
        loop {
            let held_until = *self.held_until.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(until) = held_until.filter(|until| *until > Instant::now()) else { return };
            tokio::select! {
                () = sleep_until(until) => {}
                _ = stopping.wait_for(Option::is_some) => return,
            }
        }
    }

    /// So many items are not kept any more.
    pub(super) fn release(&self, count: usize) {
        // Of what is on disk the number is set by another thread, too.
        let less = |kept: usize| Some(kept.saturating_sub(count));
        let _ = self.kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    fn count(&self, outcome: Outcome, items: u64) {
        I::counter(&self.counters, outcome).add(items);
    }

    fn taken(&self, count: usize, taken: &Taken) {
        self.release(count);
        let count = count as u64;
        let rejected = taken.rejected.min(count);
        self.count(Outcome::Taken, count - rejected);
        self.count(Outcome::Rejected, rejected);
        self.answered();
        if rejected > 0 {
            self.refused(&format!("a partial success: {}", taken.message), rejected);
            return;
        }
        let is_news = self.told(|told| {
            told.refusing = false;
            let advises = !taken.message.is_empty();
            advises && !std::mem::replace(&mut told.advised, true)
        });
        if is_news {
            warn!("OTLP receiver {} takes {} and says: {}", self.label, I::PLURAL, taken.message);
        }
    }

    /// An answer is an answer, whatever it says.
    fn answered(&self) {
        if self.told(|told| std::mem::take(&mut told.away)) {
            info!("OTLP receiver {} is back; {} {} are waiting", self.label, self.waiting(), I::PLURAL);
            self.back.notify_waiters();
        }
    }

    fn unreachable(&self, reason: &str) {
        if !self.told(|told| std::mem::replace(&mut told.away, true)) {
            warn!(
                "OTLP receiver {} cannot be reached ({reason}). Capture goes on; {} {} are kept, and more \
                 as long as the queue has room. Check that it runs, its address and port, and that \
                 `otlp-protocol` is what it speaks",
                self.label,
                self.waiting(),
                I::PLURAL,
            );
        }
    }

    fn refused(&self, reason: &str, count: u64) {
        self.answered();
        if !self.told(|told| std::mem::replace(&mut told.refusing, true)) {
            warn!(
                "OTLP receiver {} refuses {} ({reason}): {count} dropped, and more will be until it accepts \
                 them. Check its path, `otlp-protocol`, and its key in `otlp-headers` or OTEL_EXPORTER_OTLP_HEADERS",
                self.label,
                I::PLURAL,
            );
        }
    }

    fn told<R>(&self, change: impl FnOnce(&mut Told) -> R) -> R {
        change(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn waiting(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }
}

/// The owner said so, or is gone.
fn is_stopping(stopping: &watch::Receiver<Stop>) -> bool {
    stopping.borrow().is_some() || stopping.has_changed().is_err()
}
