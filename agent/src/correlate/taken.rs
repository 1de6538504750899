//! Which ids of headers are taken.

use std::collections::{HashSet, VecDeque};

use super::span::{SpanId, TraceId};

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
    pub(super) fn take(&mut self, trace_id: TraceId, span_id: SpanId) -> bool {
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
