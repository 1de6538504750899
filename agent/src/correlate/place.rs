//! Where a span stands: its trace, its own id and its parent.

use std::collections::{HashSet, VecDeque};

use super::ids::IdGenerator;
use super::span::{SpanId, TraceId};
use super::traceparent::{self, RANDOM, SAMPLED};
use crate::event::Role;

/// A span's place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) flags: u8,
    /// Why the header did not count.
    pub(super) note: Option<&'static str>,
}

impl Place {
    /// Finds the place of a span whose request carried `traceparent`.
    ///
    /// The span id in the header is the parent of whatever the callee does, so the client span takes
    /// it. Further attempts of a client that repeats its header on every retry become children of
    /// the first, and what a server sees is a child in any case.
    pub(super) fn find(
        header: Option<&str>,
        role: Role,
        taken: &mut TakenIds,
        ids: &mut IdGenerator,
    ) -> Self {
        let Some(context) = header.and_then(traceparent::parse) else {
            return Self {
                trace_id: ids.trace_id(),
                span_id: ids.span_id(),
                parent: None,
                flags: SAMPLED | RANDOM,
                note: header.map(|_| "traceparent is invalid"),
            };
        };
        let takes = role == Role::Client && taken.take(context.trace_id, context.span_id);
        let (span_id, parent) =
            if takes { (context.span_id, None) } else { (ids.span_id(), Some(context.span_id)) };
        Self { trace_id: context.trace_id, span_id, parent, flags: context.flags, note: None }
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
    use super::{Place, TakenIds};
    use crate::correlate::ids::IdGenerator;
    use crate::correlate::span::{SpanId, TraceId};
    use crate::event::Role;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const TRACE: TraceId = TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes());
    const SPAN: SpanId = SpanId(0x00f0_67aa_0ba9_02b7_u64.to_be_bytes());

    struct Finder(TakenIds, IdGenerator);

    impl Finder {
        fn new() -> Self {
            Self(TakenIds::new(2), IdGenerator::seeded([1, 2, 3, 4]))
        }

        fn find(&mut self, header: Option<&str>, role: Role) -> Place {
            Place::find(header, role, &mut self.0, &mut self.1)
        }
    }

    #[test]
    fn without_a_header_a_trace_begins() {
        let mut finder = Finder::new();
        let (one, two) = (finder.find(None, Role::Client), finder.find(None, Role::Client));
        assert_ne!(one.trace_id, two.trace_id);
        assert_ne!(one.span_id, two.span_id);
        assert_eq!((one.parent, one.flags, one.note), (None, 3, None));
    }

    #[test]
    fn an_invalid_header_counts_for_nothing_but_is_noted() {
        let place = Finder::new().find(Some(&HEADER.to_uppercase()), Role::Client);
        assert_ne!(place.trace_id, TRACE);
        assert_eq!((place.parent, place.note), (None, Some("traceparent is invalid")));
    }

    #[test]
    fn the_first_span_takes_the_id_and_retries_become_its_children() {
        let mut finder = Finder::new();
        let first = finder.find(Some(HEADER), Role::Client);
        assert_eq!((first.trace_id, first.span_id, first.parent, first.flags), (TRACE, SPAN, None, 1));
        let (second, third) =
            (finder.find(Some(HEADER), Role::Client), finder.find(Some(HEADER), Role::Client));
        for retry in [second, third] {
            assert_eq!((retry.trace_id, retry.parent), (TRACE, Some(SPAN)));
            assert_ne!(retry.span_id, SPAN);
        }
        assert_ne!(second.span_id, third.span_id);
    }

    #[test]
    fn a_server_never_takes_the_clients_id() {
        let mut finder = Finder::new();
        let server = finder.find(Some(HEADER), Role::Server);
        assert_eq!((server.trace_id, server.parent), (TRACE, Some(SPAN)));
        assert_eq!(finder.find(Some(HEADER), Role::Client).span_id, SPAN);
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
