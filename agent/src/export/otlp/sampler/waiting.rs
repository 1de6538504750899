//! Spans that wait for what becomes of their traces, and which traces are kept.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use prost::Message as _;

use super::super::encode;
use super::super::item::Content;
use super::super::source::Shared;
use super::is_local_root;
use crate::correlate::span::TraceId;

/// What waits at the most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) traces: usize,
    pub(super) spans: usize,
    /// As the spans are sent.
    pub(super) bytes: usize,
}

/// What had to go to stay within the bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) traces: u64,
    pub(super) spans: u64,
}

/// Spans by their traces.
#[derive(Debug)]
pub(super) struct Waiting {
    bounds: Bounds,
    traces: HashMap<TraceId, Trace>,
    /// By when their latest span came.
    order: BTreeMap<u64, TraceId>,
    /// From 1: 0 is of a trace without spans.
    next: u64,
    spans: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Trace {
    spans: Vec<Shared>,
    bytes: usize,
    at: u64,
}

impl Waiting {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, traces: HashMap::new(), order: BTreeMap::new(), next: 1, spans: 0, bytes: 0 }
    }

    pub(super) fn has(&self, id: TraceId) -> bool {
        self.traces.contains_key(&id)
    }

    pub(super) fn spans(&self) -> usize {
        self.spans
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.bounds);
    }

    /// Has a span wait. Where that is too much, those traces go of which nothing came for longest.
    pub(super) fn add(&mut self, span: Shared) -> Gone {
        let id = span.get().trace_id;
        let bytes = encode::span(&span, Content::Events).encoded_len();
        let trace = self.traces.entry(id).or_default();
        self.order.remove(&trace.at);
        trace.at = self.next;
        trace.bytes += bytes;
        trace.spans.push(span);
        self.order.insert(self.next, id);
        self.next += 1;
        self.spans += 1;
        self.bytes += bytes;
        let mut gone = Gone::default();
        while !self.is_within(&self.bounds)
            && let Some((_, oldest)) = self.order.first_key_value()
        {
            gone.traces += 1;
            gone.spans += self.remove(*oldest).len() as u64;
        }
        gone
    }

    /// Takes out what waits of a trace.
    pub(super) fn remove(&mut self, id: TraceId) -> Vec<Shared> {
        let Some(trace) = self.traces.remove(&id) else { return Vec::new() };
        self.order.remove(&trace.at);
        self.spans -= trace.spans.len();
        self.bytes -= trace.bytes;
        trace.spans
    }

    /// Whether the agent itself made a span a parent, or found one, that is still to come: that of a run, for example,
    /// which ends with its program.
    pub(super) fn is_awaited(&self, id: TraceId) -> bool {
        let Some(Trace { spans, .. }) = self.traces.get(&id) else { return false };
        let here: HashSet<_> = spans.iter().map(|span| span.get().span_id).collect();
        let is_missing = |span: &&Shared| span.get().parent.is_some_and(|parent| !here.contains(&parent));
        spans.iter().filter(is_missing).any(|span| !is_local_root(span.get()))
    }

    pub(super) fn is_within(&self, bounds: &Bounds) -> bool {
        self.traces.len() <= bounds.traces && self.spans <= bounds.spans && self.bytes <= bounds.bytes
    }
}

/// Traces that are sent whatever comes of them, the latest.
#[derive(Debug)]
pub(super) struct Kept {
    known: HashSet<TraceId>,
    oldest_first: VecDeque<TraceId>,
    max: usize,
}

impl Kept {
    pub(super) fn new(max: usize) -> Self {
        Self { known: HashSet::new(), oldest_first: VecDeque::new(), max }
    }

    pub(super) fn has(&self, id: TraceId) -> bool {
        self.known.contains(&id)
    }

    /// How many had to be forgotten for it.
    pub(super) fn add(&mut self, id: TraceId) -> u64 {
        if self.known.insert(id) {
            self.oldest_first.push_back(id);
        }
        let too_many = self.oldest_first.len().saturating_sub(self.max);
        for oldest in self.oldest_first.drain(..too_many) {
            self.known.remove(&oldest);
        }
        too_many as u64
    }
}
