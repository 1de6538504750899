//! Which spans go to the receivers: those of sampled traces at once, and of the others what a rule keeps.
//!
//! A span of a trace that is not sampled waits until a rule is met, which sends what waits of its trace and all that
//! comes of it later, or until its trace is over, which drops it. Without rules nothing waits.

mod waiting;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::source::Shared;
use crate::config::{Keep, Sampler as Choice, Sampling};
use crate::correlate::attributes::LINK_METHOD;
use crate::correlate::propagation::SAMPLED;
use crate::correlate::span::{Span, Status, TraceId};
use crate::health::Closed;
use crate::telemetry::Counters;
use crate::value::Value;
use waiting::{Bounds, Kept, Waiting};

/// What waits at the most: traces as many as are measured, and some 16 MiB of spans as they are sent.
const BOUNDS: Bounds = Bounds { traces: 16_384, spans: 65_536, bytes: 16 << 20 };

/// Decides for each span.
#[derive(Debug)]
pub(super) struct Sampler {
    choice: Choice,
    keep: Keep,
    waiting: Waiting,
    /// Traces that a rule keeps.
    kept: Kept,
    counters: Arc<Counters>,
}

impl Sampler {
    pub(super) fn new(sampling: Sampling, counters: &Arc<Counters>) -> Self {
        Self::bounded(sampling, BOUNDS, counters)
    }

    fn bounded(Sampling { sampler, keep }: Sampling, bounds: Bounds, counters: &Arc<Counters>) -> Self {
        Self {
            choice: sampler,
            keep,
            waiting: Waiting::new(bounds),
            kept: Kept::new(bounds.traces),
            counters: Arc::clone(counters),
        }
    }

    /// Takes a span; what is to be sent is handed to `send`, now or later.
    pub(super) fn take(&mut self, shared: Shared, send: &mut impl FnMut(Shared)) {
        let span = shared.get();
        let id = span.trace_id;
        if samples(self.choice, span) || self.kept.has(id) {
            send(shared);
        } else if self.keep.is_nothing() {
            self.counters.spans_sampled_out.increment();
        } else if is_kept_by(&self.keep, span) {
            self.keep_trace(id, send);
            send(shared);
        } else {
            let gone = self.waiting.add(shared);
            self.counters.traces_sampled_early.add(gone.traces);
            self.counters.spans_sampled_out.add(gone.spans);
        }
    }

    /// A trace was measured, and is over unless spans of it are still to come.
    pub(super) fn trace_closed(&mut self, closed: Closed<'_>, send: &mut impl FnMut(Shared)) {
        let id = closed.trace_id;
        if !self.waiting.has(id) {
            return;
        }
        let cost = closed.measures.billed.map_or(0.0, |billed| billed.cost);
        if self.keep.costlier_than.is_some_and(|most| cost > dollars(most)) {
            self.keep_trace(id, send);
        } else if !self.waiting.is_awaited(id) {
            self.counters.spans_sampled_out.add(self.waiting.remove(id).len() as u64);
        }
    }

    /// Spans that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.spans()
    }

    /// The agent is stopping: what waits has met no rule.
    pub(super) fn finish(&mut self) {
        self.counters.spans_sampled_out.add(self.waiting.spans() as u64);
        self.waiting.clear();
    }

    fn keep_trace(&mut self, id: TraceId, send: &mut impl FnMut(Shared)) {
        self.waiting.remove(id).into_iter().for_each(send);
        self.counters.traces_sampled_early.add(self.kept.add(id));
    }
}

/// Whether a span's trace is sampled.
fn samples(choice: Choice, span: &Span) -> bool {
    if choice.is_parent_based && span.flags_are_told {
        return span.flags & SAMPLED != 0;
    }
    let right_half = u128::from_be_bytes(span.trace_id.0) & u128::from(u64::MAX);
    right_half < choice.below
}

/// Whether a span has its trace kept: it failed, or is a local root that took too long.
fn is_kept_by(keep: &Keep, span: &Span) -> bool {
    let took = || span.ended.duration_since(span.started).unwrap_or_default();
    keep.errors && span.status == Status::Error
        || is_local_root(span) && keep.slower_than.is_some_and(|most| took() > most)
}

/// Nothing that was seen on this host is above it, as far as it says.
fn is_local_root(span: &Span) -> bool {
    let method = || span.attributes.iter().find(|(name, _)| name == LINK_METHOD);
    span.parent.is_none()
        || method().is_none_or(|(_, method)| Value::as_str(method).is_none_or(|method| method == "header"))
}

#[expect(clippy::cast_precision_loss, reason = "a limit below 2^53 is exact, and larger ones need not be")]
fn dollars(billionths: u64) -> f64 {
    billionths as f64 / 1e9
}
