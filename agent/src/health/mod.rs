//! How whole and how dear traces are: measures of each trace that is over, by service.
//!
//! A trace is over when no span of it came for [`QUIET_NS`]. It is kept for some time then: a late span opens it again, and
//! its measures are taken anew. What is measured stands in docs/trace-health.md.
//!
//! No clock: time is an argument. All that traffic can drive is bounded, and what meets a bound is counted.

mod billing;
mod measure;
mod node;
mod report;
mod sketch;
mod summary;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::{BTreeSet, HashMap};

pub use billing::Billed;
pub use measure::{CAUSES, Measures, Shape, Share, SpanCounts};
pub use node::METHODS;
pub use report::{Distribution, HealthReport, ServiceHealth};
pub use sketch::{RELATIVE_ERROR, Sketch};

use crate::correlate::span::{Span, TraceId};
use crate::redact::Redacted;
use measure::{Uncounted, measure};
use node::{Hasher, Node, Perimeter};
use summary::{Change, Summary};

/// A trace of which no span came for so long is over.
pub const QUIET_NS: u64 = 60_000_000_000;
/// A trace is measured after so long, though spans still come.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// How long a trace that is over can be opened again.
const KEPT_NS: u64 = 600_000_000_000;
/// Traces kept, those that are over among them.
const TRACES_MAX: usize = 16_384;
/// Spans kept of all traces together: some 14 MB.
const SPANS_MAX: usize = 100_000;
/// Spans kept of one trace.
const TRACE_SPANS_MAX: usize = 10_000;
/// Services that have measures of their own; all others have theirs together.
const SERVICES_MAX: usize = 64;
/// Spans that are measured in one go, about: some milliseconds.
const AT_ONCE: usize = 20_000;

/// What met a bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Traces measured before they were over, to make room or since they did not end.
    pub closed_early: u64,
    /// Spans that were not kept, since their trace has too many.
    pub spans_cut: u64,
    /// Spans that came after their trace was closed.
    pub spans_late: u64,
}

/// The traces that are under way, and what those that are over have come to.
#[derive(Debug, Default)]
pub struct Health {
    traces: HashMap<u128, Trace>,
    /// Open traces by the time of their latest span.
    open: BTreeSet<(u64, u128)>,
    /// Those that are over, by when they were closed.
    closed: BTreeSet<(u64, u128)>,
    /// In all traces.
    spans: usize,
    services: HashMap<String, Summary>,
    others: Summary,
    bounds: Bounds,
    perimeter: Perimeter,
    hasher: Hasher,
}

/// A trace that was closed: what it measures, and what it measured when it was closed before.
#[derive(Clone, Copy, Debug)]
pub struct Closed<'a> {
    /// Which.
    pub trace_id: TraceId,
    /// Now.
    pub measures: &'a Measures,
    /// Until now.
    pub before: Option<&'a Measures>,
}

#[derive(Debug, Default)]
struct Trace {
    nodes: Vec<Node>,
    uncounted: Uncounted,
    opened_ns: u64,
    /// While it is open its latest span came then, and else it was closed then.
    at_ns: u64,
    is_open: bool,
    /// Of when it was closed last; they count until it is closed again.
    measures: Option<Box<Measures>>,
}

impl Health {
    /// Takes a span in that comes at `now_ns`. Room for it may have to be made by closing other traces.
    pub fn record(&mut self, span: &Redacted<Span>, now_ns: u64, closed: &mut impl FnMut(Closed<'_>)) {
        let span = span.get();
        self.perimeter.learn(span, &self.hasher);
        let mut node = Node::of(span, &self.hasher);
        let id = u128::from_be_bytes(span.trace_id.0);
        while self.spans >= SPANS_MAX || (self.traces.len() >= TRACES_MAX && !self.traces.contains_key(&id)) {
            self.make_room(now_ns, closed);
        }
        let trace = self.traces.entry(id).or_default();
        if trace.is_open {
            self.open.remove(&(trace.at_ns, id));
        } else {
            self.closed.remove(&(trace.at_ns, id));
            trace.opened_ns = now_ns;
            trace.is_open = true;
        }
        trace.at_ns = now_ns;
        self.open.insert((now_ns, id));
        node.late = trace.measures.is_some();
        self.bounds.spans_late += u64::from(node.late);
        if trace.nodes.len() < TRACE_SPANS_MAX {
            trace.nodes.push(node);
            self.spans += 1;
        } else {
            trace.uncounted.add(&node);
            self.bounds.spans_cut += 1;
        }
        if now_ns.saturating_sub(trace.opened_ns) >= LONGEST_NS {
            self.bounds.closed_early += 1;
            self.close(id, now_ns, closed);
        }
    }

    /// To be called about once a second: closes traces that are over, and forgets those that have been for long.
    pub fn tick(&mut self, now_ns: u64, closed: &mut impl FnMut(Closed<'_>)) {
        let mut measured = 0;
        while let Some((at_ns, id)) = self.open.first().copied()
            && now_ns.saturating_sub(at_ns) >= QUIET_NS
            && measured < AT_ONCE
        {
            measured += self.close(id, now_ns, closed);
        }
        while let Some((at_ns, id)) = self.closed.first().copied()
            && now_ns.saturating_sub(at_ns) >= KEPT_NS
        {
            self.forget(id);
        }
    }

    /// The agent is stopping: closes all traces.
    pub fn finish(&mut self, now_ns: u64, closed: &mut impl FnMut(Closed<'_>)) {
        while let Some((_, id)) = self.open.first().copied() {
            self.close(id, now_ns, closed);
        }
    }

    /// How many traces are under way.
    #[must_use]
    pub fn open_traces(&self) -> usize {
        self.open.len()
    }

    /// What met a bound.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// What the traces that were closed have come to.
    #[must_use]
    pub fn report(&self) -> HealthReport {
        HealthReport::of(self)
    }

    /// Forgets the trace that has been over for longest, or else closes and forgets the open one that was quiet for longest.
    fn make_room(&mut self, now_ns: u64, closed: &mut impl FnMut(Closed<'_>)) {
        if let Some((_, id)) = self.closed.first().copied() {
            self.forget(id);
        } else if let Some((_, id)) = self.open.first().copied() {
            self.bounds.closed_early += 1;
            self.close(id, now_ns, closed);
            self.forget(id);
        }
    }

    fn forget(&mut self, id: u128) {
        if let Some(trace) = self.traces.remove(&id) {
            self.closed.remove(&(trace.at_ns, id));
            self.spans -= trace.nodes.len();
        }
    }

    /// Measures a trace that is open; says how many spans it has.
    fn close(&mut self, id: u128, now_ns: u64, closed: &mut impl FnMut(Closed<'_>)) -> usize {
        let Some(trace) = self.traces.get_mut(&id) else { return 0 };
        self.open.remove(&(trace.at_ns, id));
        trace.is_open = false;
        trace.at_ns = now_ns;
        self.closed.insert((now_ns, id));
        let all = trace.nodes.len();
        trace.tidy();
        self.spans -= all - trace.nodes.len();
        let Some(measures) = measure(&trace.nodes, trace.uncounted, &self.perimeter) else { return all };
        let before = trace.measures.replace(Box::new(measures.clone()));
        closed(Closed {
            trace_id: TraceId(id.to_be_bytes()),
            measures: &measures,
            before: before.as_deref(),
        });
        if let Some(before) = before {
            self.count(&before, Change::Remove);
        }
        self.count(&measures, Change::Add);
        all
    }

    fn count(&mut self, measures: &Measures, change: Change) {
        self.summary(&measures.entry.service_name).trace(measures, change);
        for share in &measures.shares {
            self.summary(&share.process.service_name).spans(&share.counts, change);
        }
    }

    fn summary(&mut self, service: &str) -> &mut Summary {
        if self.services.len() >= SERVICES_MAX && !self.services.contains_key(service) {
            return &mut self.others;
        }
        self.services.entry(service.to_owned()).or_default()
    }
}

impl Trace {
    /// Sorts the spans, and leaves each there once.
    fn tidy(&mut self) {
        let order = |node: &Node| (node.key(), node.late, node.started_ns, node.ended_ns, node.parent);
        self.nodes.sort_by_key(order);
        self.nodes.dedup_by_key(|node| node.key());
        self.nodes.shrink_to_fit();
    }
}

impl Uncounted {
    fn add(&mut self, node: &Node) {
        self.spans += 1;
        self.errors += u64::from(node.failed);
        let times = (node.started_ns, node.ended_ns);
        let (first, last) = self.times_ns.unwrap_or(times);
        self.times_ns = Some((first.min(times.0), last.max(times.1)));
    }
}
