//! Where a span stands: its trace, its own id and its parent.

use std::collections::{HashSet, VecDeque};

use super::ids::IdGenerator;
use super::span::{SpanId, TraceId};

/// The id and the parent of a client span whose request carried `header`.
///
/// Where the process exports spans of its own, the header's id is one of those, and the span is its
/// child. Else nobody exports it, though it is the parent of whatever the callee does: the span takes it.
/// Further attempts of a client that repeats its header on every retry become children of the first.
pub(super) fn client(
    trace_id: TraceId,
    header: SpanId,
    exports_spans: bool,
    taken: &mut TakenIds,
    ids: &mut IdGenerator,
) -> (SpanId, Option<SpanId>) {
    if !exports_spans && taken.take(trace_id, header) {
        (header, None)
    } else {
        (ids.span_id(), Some(header))
    }
}

/// The header ids that client spans took, the latest of them.
#[derive(Debug)]
pub(super) struct TakenIds {
    known: HashSet<(TraceId, SpanId)>,
    oldest_first: VecDeque<(TraceId, SpanId)>,
    max: usize,
    forgotten: u64,
}

impl TakenIds {
    /// Remembers at most `max` ids.
    pub(super) fn new(max: usize) -> Self {
        Self { known: HashSet::new(), oldest_first: VecDeque::new(), max, forgotten: 0 }
    }

    /// Ids that were forgotten to stay within the bound.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Takes the id; false when a span already has it.
    fn take(&mut self, trace_id: TraceId, span_id: SpanId) -> bool {
        if !self.known.insert((trace_id, span_id)) {
            return false;
        }
        self.oldest_first.push_back((trace_id, span_id));
        if self.oldest_first.len() > self.max
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
            self.forgotten += 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: TraceId = TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes());
    const SPAN: SpanId = SpanId(0x00f0_67aa_0ba9_02b7_u64.to_be_bytes());

    #[test]
    fn the_first_span_takes_the_id_and_retries_become_its_children() {
        let (mut taken, mut ids) = (TakenIds::new(2), IdGenerator::seeded([1, 2, 3, 4]));
        let mut place = |exports| client(TRACE, SPAN, exports, &mut taken, &mut ids);
        let (own, parent) = place(true);
        assert_eq!(parent, Some(SPAN), "the process exports that id itself");
        assert_ne!(own, SPAN);
        assert_eq!(place(false), (SPAN, None));
        let (second, third) = (place(false), place(false));
        for (retry, parent) in [second, third] {
            assert_eq!(parent, Some(SPAN));
            assert_ne!(retry, SPAN);
        }
        assert_ne!(second.0, third.0);
    }

    #[test]
    fn memory_of_taken_ids_is_bounded() {
        let mut taken = TakenIds::new(2);
        for id in 1..=5_u8 {
            assert!(taken.take(TRACE, SpanId([id; 8])));
        }
        assert_eq!((taken.known.len(), taken.oldest_first.len(), taken.forgotten()), (2, 2, 3));
        assert!(!taken.take(TRACE, SpanId([5; 8])), "the latest are known");
    }
}
