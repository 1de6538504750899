//! What the calls of a trace come to, on its root.

use std::collections::{HashMap, HashSet};

use super::Forest;
use super::place::DEPTH;
use crate::correlate::span::{Kind, Span, SpanId, TraceId};
use crate::correlate::totals::Totals;

impl Forest {
    /// These spans have found their places. The root of their trace has the sums of its calls: a run of a program, or the
    /// request by which the trace begins, if that is among them.
    pub(super) fn sum_up(&mut self, placed: &mut [Span]) {
        let mut sums: HashMap<TraceId, Totals> = HashMap::new();
        let above_calls = above_calls(placed);
        for span in placed.iter() {
            // What a gateway asks for is what was asked of it.
            if Totals::counts(span) && !above_calls.contains(&(span.trace_id, span.span_id)) {
                sums.entry(span.trace_id).or_default().add(span);
            }
        }
        for (trace_id, sum) in sums {
            let is_root = |span: &&mut Span| {
                span.trace_id == trace_id && span.parent.is_none() && span.kind == Kind::Server
            };
            if !self.programs.sum_up(trace_id, &sum)
                && let Some(root) = placed.iter_mut().find(is_root)
            {
                sum.put_on(&mut root.attributes);
            }
        }
    }
}

/// Spans that have calls below them.
fn above_calls(placed: &[Span]) -> HashSet<(TraceId, SpanId)> {
    let parents: HashMap<_, _> =
        placed.iter().filter_map(|span| Some(((span.trace_id, span.span_id), span.parent?))).collect();
    let mut above = HashSet::new();
    for span in placed.iter().filter(|span| Totals::counts(span)) {
        let mut parent = span.parent;
        // Ids come from the wire in part, and may go in a circle.
        for _ in 0..DEPTH {
            let Some(id) = parent.map(|id| (span.trace_id, id)).filter(|id| above.insert(*id)) else { break };
            parent = parents.get(&id).copied();
        }
    }
    above
}
