//! Spans kept by trace, and drawn as trees, whichever processes they are of.
//!
//! Of a trace [`SPANS`] spans are kept, further ones are only counted; of the host [`TRACES`] traces and [`HOST_SPANS`] spans,
//! past which the oldest trace is forgotten.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::SystemTime;

use super::row::Row;
use super::text::{Style, clip, count, dollars, hex, paint, thousands};
use crate::correlate::span::{Span, SpanId, TraceId};

/// Spans kept of one trace.
pub(super) const SPANS: usize = 1000;
/// Spans kept of all traces together, so that memory stays below some 10 MiB.
pub(super) const HOST_SPANS: usize = 20_000;
/// Traces kept.
pub(super) const TRACES: usize = 4096;
/// Levels drawn; deeper ones stand at the last.
const LEVELS: usize = 32;

#[derive(Debug)]
struct Kept {
    span_id: SpanId,
    parent: Option<SpanId>,
    started: SystemTime,
    pid: u32,
    service: String,
    row: Row,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    calls: u64,
    input: u64,
    output: u64,
    errors: u64,
    /// In US dollars.
    cost: f64,
}

impl Totals {
    /// Adds a call; what is put together of calls counts for nothing.
    fn add(&mut self, row: &Row) {
        if !row.is_call {
            return;
        }
        self.calls += 1;
        self.input = self.input.saturating_add(row.tokens.0.unwrap_or(0));
        self.output = self.output.saturating_add(row.tokens.1.unwrap_or(0));
        self.errors += u64::from(row.failed);
        self.cost += row.cost.unwrap_or(0.0);
    }

    fn text(self, color: bool) -> String {
        if self.calls == 0 {
            return "no calls".to_owned();
        }
        let tokens = match (self.input, self.output) {
            (0, 0) => "no token counts".to_owned(),
            (input, output) => format!("{}→{} tokens", thousands(input), thousands(output)),
        };
        let errors = match self.errors {
            0 => String::new(),
            errors => format!(", {}", paint(&count(errors, "error"), Style::Bad, color)),
        };
        let cost = if self.cost > 0.0 { format!(", {}", dollars(self.cost)) } else { String::new() };
        format!("{}, {tokens}{cost}{errors}", count(self.calls, "call"))
    }
}

/// The spans of one trace.
#[derive(Debug, Default)]
pub(super) struct Tree {
    totals: Totals,
    kept: Vec<Kept>,
    /// Spans that are not kept.
    omitted: u64,
}

/// The trees of all traces.
#[derive(Debug, Default)]
pub(super) struct Forest {
    trees: HashMap<TraceId, Tree>,
    oldest_first: VecDeque<TraceId>,
    spans: usize,
    /// Spans of traces that were forgotten.
    forgotten: u64,
}

impl Forest {
    pub(super) fn insert(&mut self, span: &Span, row: Row) {
        if !self.trees.contains_key(&span.trace_id) {
            if self.trees.len() >= TRACES {
                self.forget_oldest();
            }
            self.oldest_first.push_back(span.trace_id);
        }
        let tree = self.trees.entry(span.trace_id).or_default();
        tree.totals.add(&row);
        if tree.kept.len() >= SPANS {
            tree.omitted += 1;
            return;
        }
        tree.kept.push(Kept {
            span_id: span.span_id,
            parent: span.parent,
            started: span.started,
            pid: span.process.pid,
            service: clip(&span.process.service_name, 64),
            row,
        });
        self.spans += 1;
        while self.spans > HOST_SPANS && self.trees.len() > 1 {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.oldest_first.pop_front().and_then(|trace_id| self.trees.remove(&trace_id));
        if let Some(tree) = oldest {
            self.spans -= tree.kept.len();
            self.forgotten += tree.kept.len() as u64 + tree.omitted;
        }
    }

    /// Removes the traces that begin in a process, in the order in which they came.
    pub(super) fn take(&mut self, pid: u32) -> Vec<(TraceId, Tree)> {
        let Self { trees, oldest_first, spans, .. } = self;
        let begins_here = |trace_id: &TraceId| trees.get(trace_id).is_some_and(|tree| tree.begins_in(pid));
        let (taken, left): (VecDeque<_>, _) = oldest_first.drain(..).partition(begins_here);
        *oldest_first = left;
        let taken = taken.into_iter().filter_map(|trace_id| Some((trace_id, trees.remove(&trace_id)?)));
        let taken: Vec<_> = taken.collect();
        *spans -= taken.iter().map(|(_, tree)| tree.kept.len()).sum::<usize>();
        taken
    }

    /// All, in the order in which they came.
    pub(super) fn into_trees(mut self) -> impl Iterator<Item = (TraceId, Tree)> {
        let order = std::mem::take(&mut self.oldest_first);
        order.into_iter().filter_map(move |trace_id| Some((trace_id, self.trees.remove(&trace_id)?)))
    }

    /// What is said of traces that were forgotten.
    pub(super) fn rest(&self) -> Option<String> {
        (self.forgotten > 0)
            .then(|| format!("… and {} of earlier traces", count(self.forgotten, "more span")))
    }
}

impl Tree {
    /// Whether the earliest span without a parent here is one of the process.
    fn begins_in(&self, pid: u32) -> bool {
        // Spans of which none is the root come in the order in which they end; the root of a run last.
        let root = self.kept.iter().filter(|span| span.parent.is_none()).min_by_key(|span| span.started);
        root.or_else(|| self.kept.iter().min_by_key(|span| span.started)).is_some_and(|root| root.pid == pid)
    }

    /// Draws the tree: lines without a line feed at the end.
    pub(super) fn draw(&self, trace_id: TraceId, color: bool) -> String {
        let title = paint(&format!("trace {}", hex(&trace_id.0)), Style::Title, color);
        let mut drawing = vec![format!("{title}: {}", self.totals.text(color))];
        let mut spans: Vec<_> = self.kept.iter().collect();
        spans.sort_by_key(|span| span.started);
        let has_more = self.omitted > 0;
        Branches::new(&spans, has_more, color).draw(&mut drawing);
        if has_more {
            drawing.push(format!("{}… and {}", branch(true), count(self.omitted, "more span")));
        }
        drawing.join("\n")
    }
}

/// The spans of one trace, taken out as they are drawn: so each is drawn once, whatever the ids, which
/// come from the wire in part, make of cycles and doubles.
struct Branches<'a> {
    children: HashMap<Option<SpanId>, Vec<&'a Kept>>,
    /// Something is drawn behind them.
    has_more: bool,
    color: bool,
}

impl<'a> Branches<'a> {
    fn new(spans: &[&'a Kept], has_more: bool, color: bool) -> Self {
        let ids: HashSet<_> = spans.iter().map(|span| span.span_id).collect();
        let mut children: HashMap<Option<SpanId>, Vec<&'a Kept>> = HashMap::new();
        for span in spans {
            // A parent that is not here is another host's, or was never seen.
            let parent = span.parent.filter(|parent| ids.contains(parent));
            children.entry(parent).or_default().push(span);
        }
        Self { children, has_more, color }
    }

    fn draw(mut self, drawing: &mut Vec<String>) {
        self.level(None, None, "", 0, drawing);
        // Only cycles are left: they are drawn from their earliest span on.
        while let Some(parent) = self.earliest() {
            self.level(parent, None, "", 0, drawing);
        }
    }

    fn earliest(&self) -> Option<Option<SpanId>> {
        let first = |spans: &Vec<&Kept>| spans.first().map(|span| (span.started, span.span_id.0));
        self.children.iter().min_by_key(|(_, spans)| first(spans)).map(|(parent, _)| *parent)
    }

    fn level(
        &mut self,
        parent: Option<SpanId>,
        above: Option<u32>,
        prefix: &str,
        depth: usize,
        drawing: &mut Vec<String>,
    ) {
        let Some(spans) = self.children.remove(&parent) else { return };
        let last = spans.len().saturating_sub(1);
        for (index, span) in spans.into_iter().enumerate() {
            let is_last = index == last && !(depth == 0 && self.has_more);
            // The process is said where it changes.
            let process = match above {
                Some(pid) if pid == span.pid => String::new(),
                _ => {
                    let service = paint(&span.service, Style::Title, self.color);
                    format!("{service} (pid {}): ", span.pid)
                }
            };
            drawing.push(format!("{prefix}{}{process}{}", branch(is_last), span.row.leaf(self.color)));
            let deeper = format!("{prefix}{}", trunk(is_last));
            let prefix = if depth < LEVELS { deeper.as_str() } else { prefix };
            self.level(Some(span.span_id), Some(span.pid), prefix, depth + 1, drawing);
        }
    }
}

fn branch(is_last: bool) -> &'static str {
    if is_last { "└─ " } else { "├─ " }
}

fn trunk(is_last: bool) -> &'static str {
    if is_last { "   " } else { "│  " }
}
