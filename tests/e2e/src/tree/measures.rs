//! What holds of a tree whatever the truth is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use super::{Id, Truth, id, share};
use crate::span::Span;

/// Of all spans that were exported, by whomever, while judged requests were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// Spans.
    pub spans: usize,
    /// Those of them that have a parent, but for those whose parent is a client's that the agent could not see.
    pub children: usize,
    /// Those of them whose parent nobody exported.
    pub orphans: usize,
    /// Spans whose id an earlier one has in the same trace.
    pub duplicates: usize,
    /// Spans above which no root is, nor an orphan: they are in a circle.
    pub circles: usize,
    /// How many traces have so many spans.
    pub spans_per_trace: BTreeMap<usize, usize>,
    /// How many traces have so many spans with no parent, or with that of a client which the agent could not see.
    pub roots_per_trace: BTreeMap<usize, usize>,
}

impl Measures {
    /// Of `judged`, some of `all`, each of which may be a parent.
    pub(super) fn of(truth: &Truth, all: &[Span], judged: &[&Span]) -> Self {
        let exported: HashMap<Id<'_>, &Span> = all.iter().map(|span| (id(span), span)).collect();
        let mut measures = Self { spans: judged.len(), ..Self::default() };
        let mut met = HashSet::new();
        let mut traces: HashMap<&[u8], (usize, usize)> = HashMap::new();
        for span in judged {
            let (trace, parent) = (span.raw.trace_id.as_slice(), span.raw.parent_span_id.as_slice());
            let is_exported = exported.contains_key(&(trace, parent));
            let is_root = parent.is_empty() || !is_exported && truth.is_outside(parent);
            measures.children += usize::from(!is_root);
            measures.orphans += usize::from(!is_root && !is_exported);
            measures.duplicates += usize::from(!met.insert(id(span)));
            measures.circles += usize::from(is_in_circle(span, &exported));
            let (spans, roots) = traces.entry(trace).or_default();
            *spans += 1;
            *roots += usize::from(is_root);
        }
        for (spans, roots) in traces.into_values() {
            *measures.spans_per_trace.entry(spans).or_default() += 1;
            *measures.roots_per_trace.entry(roots).or_default() += 1;
        }
        measures
    }

    /// Orphans of those that have a parent.
    #[must_use]
    pub fn orphan_rate(&self) -> f64 {
        if self.children == 0 { 0.0 } else { share(self.orphans, self.children) }
    }
}

fn is_in_circle(span: &Span, exported: &HashMap<Id<'_>, &Span>) -> bool {
    let mut span = span;
    let mut met = HashSet::new();
    while met.insert(id(span)) {
        match exported.get(&(span.raw.trace_id.as_slice(), span.raw.parent_span_id.as_slice())) {
            Some(parent) => span = parent,
            None => return false,
        }
    }
    true
}

impl fmt::Display for Measures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = 100.0 * self.orphan_rate();
        writeln!(
            f,
            "{} spans: {} orphans ({rate:.2} %), {} ids twice, {} in circles",
            self.spans, self.orphans, self.duplicates, self.circles
        )?;
        let list = |counts: &BTreeMap<usize, usize>| {
            let pairs: Vec<_> = counts.iter().map(|(size, count)| format!("{count} of {size}")).collect();
            pairs.join(", ")
        };
        writeln!(f, "traces by their spans: {}", list(&self.spans_per_trace))?;
        writeln!(f, "traces by their roots: {}", list(&self.roots_per_trace))
    }
}
