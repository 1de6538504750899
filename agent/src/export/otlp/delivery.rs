//! The task that owns the OTLP client: makes batches, sends them, waits out a receiver that is away.
//!
//! A batch is sent when it is full, when a second has passed since its first span, or when no span
//! came for a moment. One that the receiver does not take is kept and tried again with growing waits,
//! for five minutes; one that it refuses is dropped. Everything dropped is counted by cause.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::trace::SpanData;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{info, warn};

use super::transport::{Failure, Transport};
use super::{backoff, convert};
use crate::correlate::span::Span;
use crate::discovery::process::Process;
use crate::redact::Redacted;
use crate::telemetry::Counters;

/// Spans in a full batch.
pub(super) const BATCH: usize = 512;
/// The longest that a span waits for its batch to fill.
const TICK: Duration = Duration::from_secs(1);
/// A batch is not held open longer than this without a new span.
const QUIET: Duration = Duration::from_millis(200);
/// A batch that could not be delivered for so long is dropped.
pub(super) const GIVE_UP: Duration = Duration::from_secs(300);

pub(super) struct Delivery<T> {
    transport: T,
    /// The receiver's name for the log.
    label: String,
    queue: mpsc::Receiver<Redacted<Span>>,
    stopping: watch::Receiver<bool>,
    kept: Arc<AtomicUsize>,
    counters: Arc<Counters>,
    scope: InstrumentationScope,
    /// The operator was told that the receiver cannot be reached.
    away: bool,
    /// The operator was told that the receiver refuses spans, and has seen no success since.
    refusing: bool,
}

impl<T: Transport> Delivery<T> {
    pub(super) fn new(
        transport: T,
        label: String,
        queue: mpsc::Receiver<Redacted<Span>>,
        stopping: watch::Receiver<bool>,
        kept: Arc<AtomicUsize>,
        counters: Arc<Counters>,
    ) -> Self {
        let scope = convert::scope();
        Self { transport, label, queue, stopping, kept, counters, scope, away: false, refusing: false }
    }

    /// Works until the queue is closed and empty, or the agent stops with the receiver away; what is
    /// left then stays in `kept`, for the owner to count.
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.next_batch().await {
            let groups = convert::by_process(&batch, &self.scope);
            drop(batch);
            if !self.deliver(groups.into()).await {
                return;
            }
        }
    }

    async fn next_batch(&mut self) -> Option<Vec<Redacted<Span>>> {
        let mut batch = vec![self.queue.recv().await?];
        let tick = Instant::now() + TICK;
        while batch.len() < BATCH {
            let until = tick.min(Instant::now() + QUIET);
            match timeout_at(until, self.queue.recv()).await {
                Ok(Some(span)) => batch.push(span),
                Ok(None) | Err(_) => break,
            }
        }
        Some(batch)
    }

    /// Delivers a batch, process by process, or drops it. False when the agent stops and it could not.
    async fn deliver(&mut self, mut groups: VecDeque<(Arc<Process>, Vec<SpanData>)>) -> bool {
        let began = Instant::now();
        let mut failures = 0;
        while let Some((process, spans)) = groups.front() {
            let count = spans.len();
            let refused_before = self.counters.spans_dropped_rejected.get();
            match self.transport.send(process, spans.clone()).await {
                Ok(()) => {
                    self.release(count);
                    // Only this task sends, so that what was added in between is of this request.
                    let refused = self.counters.spans_dropped_rejected.get() - refused_before;
                    self.counters.spans_exported.add((count as u64).saturating_sub(refused));
                    self.reached(refused > 0);
                    if refused > 0 {
                        self.refused("a partial success", refused);
                    }
                    groups.pop_front();
                    failures = 0;
                }
                Err(Failure::Rejected(reason)) => {
                    self.release(count);
                    self.counters.spans_dropped_rejected.add(count as u64);
                    self.refused(&reason, count as u64);
                    groups.pop_front();
                }
                Err(Failure::Unreachable(reason)) => {
                    failures += 1;
                    self.counters.export_failures.increment();
                    self.unreachable(&reason);
                    if self.is_stopping() {
                        return false;
                    }
                    if began.elapsed() >= GIVE_UP {
                        let count = groups.iter().map(|(_, spans)| spans.len()).sum();
                        self.release(count);
                        self.counters.spans_dropped_expired.add(count as u64);
                        return true;
                    }
                    self.pause(backoff::delay(failures)).await;
                }
            }
        }
        true
    }

    /// Waits, but not past the moment at which the agent begins to stop.
    async fn pause(&mut self, wait: Duration) {
        // Either outcome ends the wait: the time, the wish to stop, or an owner that is gone.
        let _ = timeout(wait, self.stopping.wait_for(|stopping| *stopping)).await;
    }

    /// The owner said so, or is gone.
    fn is_stopping(&self) -> bool {
        *self.stopping.borrow() || self.stopping.has_changed().is_err()
    }

    fn release(&self, count: usize) {
        self.kept.fetch_sub(count, Ordering::Relaxed);
    }

    fn reached(&mut self, in_part: bool) {
        if self.away {
            info!("OTLP receiver {} is back; {} spans are waiting", self.label, self.waiting());
        }
        self.away = false;
        self.refusing &= in_part;
    }

    fn unreachable(&mut self, reason: &str) {
        if !self.away {
            warn!(
                "OTLP receiver {} cannot be reached ({reason}). Capture goes on; {} spans are kept, and up to \
                 {} more before some are dropped. Check that it runs, its address and port, and that \
                 `otlp-protocol` is what it speaks",
                self.label,
                self.waiting(),
                self.queue.capacity(),
            );
        }
        self.away = true;
    }

    fn refused(&mut self, reason: &str, count: u64) {
        if !self.refusing {
            warn!(
                "OTLP receiver {} refuses spans ({reason}): {count} dropped, and more will be until it accepts \
                 them. Check its path, `otlp-protocol`, and its key in OTEL_EXPORTER_OTLP_HEADERS",
                self.label,
            );
        }
        self.refusing = true;
        // An answer is an answer.
        self.away = false;
    }

    fn waiting(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }
}
