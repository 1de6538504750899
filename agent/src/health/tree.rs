//! The spans of one trace by their parents. Ids come from the wire in part, so cycles and doubles are the normal case.

use super::node::Node;
use crate::correlate::span::Kind;

/// Who is whose parent, by index in the trace's spans.
#[derive(Debug)]
pub(super) struct Tree {
    parents: Vec<Option<usize>>,
    /// All spans that are in no cycle, each behind its parent.
    order: Vec<usize>,
    /// Spans that are their own ancestors, by cycle.
    cycles: Vec<Vec<usize>>,
    /// Children of each span.
    children: Vec<u64>,
}

impl Tree {
    /// Of spans that are sorted by [`Node::key`] and each there once. Takes n·log n steps, whatever the ids.
    pub(super) fn of(nodes: &[Node]) -> Self {
        let parents: Vec<_> = nodes.iter().enumerate().map(|(at, node)| parent(nodes, at, node)).collect();
        let mut children = vec![0; nodes.len()];
        for parent in parents.iter().flatten() {
            if let Some(count) = children.get_mut(*parent) {
                *count += 1;
            }
        }
        // From the leaves up: what remains are cycles.
        let mut waits_for = children.clone();
        let mut order: Vec<usize> =
            (0..nodes.len()).filter(|at| children.get(*at).is_some_and(|count| *count == 0)).collect();
        let mut done = vec![false; nodes.len()];
        let mut next = 0;
        while let Some(at) = order.get(next).copied() {
            next += 1;
            mark(&mut done, at);
            let Some(parent) = parents.get(at).copied().flatten() else { continue };
            let Some(count) = waits_for.get_mut(parent) else { continue };
            *count -= 1;
            if *count == 0 {
                order.push(parent);
            }
        }
        order.reverse();
        let mut cycles = Vec::new();
        for at in 0..nodes.len() {
            let mut cycle = Vec::new();
            let mut on = Some(at);
            while let Some(at) = on.filter(|at| done.get(*at).is_some_and(|done| !done)) {
                mark(&mut done, at);
                cycle.push(at);
                on = parents.get(at).copied().flatten();
            }
            if !cycle.is_empty() {
                cycles.push(cycle);
            }
        }
        Self { parents, order, cycles, children }
    }

    /// The span's parent, if it is in the trace.
    pub(super) fn parent(&self, at: usize) -> Option<usize> {
        self.parents.get(at).copied().flatten()
    }

    /// All spans that are in no cycle, each behind its parent.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Spans that are their own ancestors, by cycle.
    pub(super) fn cycles(&self) -> &[Vec<usize>] {
        &self.cycles
    }

    /// Most children of one span.
    pub(super) fn fan_out(&self) -> u64 {
        self.children.iter().copied().max().unwrap_or(0)
    }

    /// Spans without a parent in the trace.
    pub(super) fn tops(&self) -> impl Iterator<Item = usize> {
        self.order.iter().copied().filter(|at| self.parent(*at).is_none())
    }
}

fn mark(done: &mut [bool], at: usize) {
    if let Some(done) = done.get_mut(at) {
        *done = true;
    }
}

/// Where the parent of a span is. Of two with the same id it is not the span itself; rather one of its own service; rather
/// a server.
fn parent(nodes: &[Node], at: usize, node: &Node) -> Option<usize> {
    if node.parent == 0 {
        return None;
    }
    let first = nodes.partition_point(|other| other.id < node.parent);
    let same_id = nodes.iter().enumerate().skip(first).take_while(|(_, other)| other.id == node.parent);
    let rank = |(place, other): &(usize, &Node)| {
        (*place == at, !node.is_of_service(other), other.kind != Kind::Server, *place)
    };
    same_id.min_by_key(rank).map(|(place, _)| place)
}
