//! What of a trace was billed: each call once, however often it was seen.

use std::collections::HashMap;

use super::node::{Node, Usage};
use super::tree::Tree;

/// Tokens and cost of a trace's calls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Billed {
    /// Calls that say what they used.
    pub calls: u64,
    /// Of these, those with a cost.
    pub priced: u64,
    /// Input tokens; those read from a cache are among them.
    pub input: u64,
    /// Output tokens; those of reasoning are among them.
    pub output: u64,
    /// Input tokens read from a cache.
    pub cache_read: u64,
    /// Output tokens of reasoning.
    pub reasoning: u64,
    /// US dollars, of the calls that have a cost.
    pub cost: f64,
}

/// Adds up the billed calls; `None` where there are none.
pub(super) fn of(nodes: &[Node], tree: &Tree) -> Option<Billed> {
    let is_outer = outer(nodes, tree);
    let mut by_identity: HashMap<u64, (&Node, &Usage)> = HashMap::new();
    let mut billed = Billed::default();
    for (node, is_outer) in nodes.iter().zip(is_outer) {
        let Some(usage) = node.usage.as_deref().filter(|_| !is_outer) else { continue };
        if usage.identity == 0 {
            billed.add(usage);
            continue;
        }
        // Of several the one that has a cost, or else came first.
        let rank = |node: &Node, usage: &Usage| (usage.cost.is_none(), node.started_ns, node.key());
        let known = by_identity.entry(usage.identity).or_insert((node, usage));
        if rank(node, usage) < rank(known.0, known.1) {
            *known = (node, usage);
        }
    }
    // In the order of the spans, since the sum of floating-point numbers depends on it.
    let mut once: Vec<_> = by_identity.into_values().collect();
    once.sort_unstable_by_key(|(node, _)| node.key());
    once.iter().for_each(|(_, usage)| billed.add(usage));
    (billed.calls > 0).then_some(billed)
}

impl Billed {
    fn add(&mut self, usage: &Usage) {
        self.calls += 1;
        self.priced += u64::from(usage.cost.is_some());
        for (sum, tokens) in [
            (&mut self.input, usage.input),
            (&mut self.output, usage.output),
            (&mut self.cache_read, usage.cache_read),
            (&mut self.reasoning, usage.reasoning),
        ] {
            *sum = sum.saturating_add(tokens);
        }
        self.cost += usage.cost.unwrap_or(0.0);
    }
}

/// The nearest call above a span that was billed, and whether a server lies between.
#[derive(Clone, Copy, Debug, Default)]
struct Above {
    call: Option<usize>,
    behind_server: bool,
}

/// Which calls were made by way of a gateway whose own call for them is in the trace, too: what the gateway used is billed.
/// Such a call has another of the same operation below it, behind a server span.
fn outer(nodes: &[Node], tree: &Tree) -> Vec<bool> {
    let mut is_outer = vec![false; nodes.len()];
    let mut above = vec![Above::default(); nodes.len()];
    for at in tree.order().iter().copied() {
        let (Some(parent), Some(node)) = (tree.parent(at), nodes.get(at)) else { continue };
        let parent_is_billed = nodes.get(parent).is_some_and(|parent| parent.usage.is_some());
        let inherited = above.get(parent).copied().unwrap_or_default();
        let mine = match parent_is_billed {
            true => Above { call: Some(parent), behind_server: node.is_entered() },
            false => Above { behind_server: inherited.behind_server || node.is_entered(), ..inherited },
        };
        if let Some(slot) = above.get_mut(at) {
            *slot = mine;
        }
        let (Some(usage), Some(call)) = (&node.usage, mine.call.filter(|_| mine.behind_server)) else {
            continue;
        };
        let same = nodes.get(call).and_then(|outer| outer.usage.as_ref());
        if same.is_some_and(|outer| outer.operation == usage.operation)
            && let Some(slot) = is_outer.get_mut(call)
        {
            *slot = true;
        }
    }
    is_outer
}
