//! What headers say of whether their traces are sampled.

use std::collections::{HashMap, VecDeque};

use super::propagation::Context;
use super::span::{Span, TraceId};

/// Traces of which this is remembered; past it the oldest is forgotten.
const TRACES_MAX: usize = 65_536;

/// The flags of the first header of each trace: those of its spans that have no header of their own are as much part of it.
#[derive(Debug, Default)]
pub(super) struct StatedFlags {
    known: HashMap<TraceId, u8>,
    oldest_first: VecDeque<TraceId>,
    forgotten: u64,
}

impl StatedFlags {
    /// Traces that were forgotten to stay within the bound.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(super) fn learn(&mut self, context: Option<&Context>) {
        let Some(Context { trace_id, flags, .. }) = context else { return };
        if self.known.contains_key(trace_id) {
            return;
        }
        self.known.insert(*trace_id, *flags);
        self.oldest_first.push_back(*trace_id);
        if self.oldest_first.len() > TRACES_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
            self.forgotten += 1;
        }
    }

    /// Puts them on the spans that found their places.
    pub(super) fn put_on(&self, spans: &mut [Span]) {
        for span in spans {
            if let Some(flags) = self.known.get(&span.trace_id) {
                (span.flags, span.flags_are_told) = (*flags, true);
            }
        }
    }
}
