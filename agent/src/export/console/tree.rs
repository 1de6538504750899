//! Calls kept by process, and drawn as process, traces and spans.
//!
//! Of a process [`SPANS`] calls are kept, of the host [`PROCESSES`] processes and [`HOST_SPANS`] calls;
//! more are only counted.

use std::collections::HashMap;
use std::time::SystemTime;

use super::row::Row;
use super::text::{Style, clip, count, dollars, hex, paint, thousands};
use crate::correlate::span::{Span, SpanId, TraceId};

/// Calls kept of one process.
pub(super) const SPANS: usize = 1000;
/// Calls kept of all processes together, so that memory stays below some 10 MiB.
pub(super) const HOST_SPANS: usize = 20_000;
/// Processes kept.
pub(super) const PROCESSES: usize = 256;
/// Levels drawn; deeper ones stand at the last.
const LEVELS: usize = 32;

#[derive(Debug)]
struct Kept {
    trace_id: TraceId,
    span_id: SpanId,
    parent: Option<SpanId>,
    started: SystemTime,
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

/// The calls of one process.
#[derive(Debug)]
pub(super) struct Tree {
    pid: u32,
    service: String,
    totals: Totals,
    kept: Vec<Kept>,
    /// Spans that are not kept.
    omitted: u64,
}

/// The trees of all processes.
#[derive(Debug, Default)]
pub(super) struct Forest {
    trees: Vec<Tree>,
    /// Calls of processes beyond [`PROCESSES`].
    others: u64,
}

impl Forest {
    pub(super) fn insert(&mut self, span: &Span, row: Row) {
        let (pid, service) = (span.process.pid, clip(&span.process.service_name, 64));
        let known = self.trees.iter().position(|tree| tree.pid == pid && tree.service == service);
        let index = match known {
            Some(index) => index,
            None if self.trees.len() < PROCESSES => {
                self.trees.push(Tree {
                    pid,
                    service,
                    totals: Totals::default(),
                    kept: Vec::new(),
                    omitted: 0,
                });
                self.trees.len() - 1
            }
            None => {
                self.others += 1;
                return;
            }
        };
        let host_spans: usize = self.trees.iter().map(|tree| tree.kept.len()).sum();
        let Some(tree) = self.trees.get_mut(index) else { return };
        tree.totals.add(&row);
        if tree.kept.len() < SPANS && host_spans < HOST_SPANS {
            let (trace_id, span_id, parent) = (span.trace_id, span.span_id, span.parent);
            tree.kept.push(Kept { trace_id, span_id, parent, started: span.started, row });
        } else {
            tree.omitted += 1;
        }
    }

    /// Removes a process's trees: more than one if it changed its service by exec.
    pub(super) fn take(&mut self, pid: u32) -> Vec<Tree> {
        self.trees.extract_if(.., |tree| tree.pid == pid).collect()
    }

    pub(super) fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// What is said of processes that were not kept.
    pub(super) fn rest(&self) -> Option<String> {
        (self.others > 0).then(|| format!("… and {} of other processes", count(self.others, "more call")))
    }
}

impl Tree {
    /// Draws the tree: lines without a line feed at the end.
    pub(super) fn draw(&self, color: bool) -> String {
        let title = paint(&self.service, Style::Title, color);
        let mut drawing = vec![format!("{title} (pid {}): {}", self.pid, self.totals.text(color))];
        let traces = self.traces();
        let omitted = self.omitted;
        let last_trace = traces.len().saturating_sub(1);
        for (index, (trace_id, spans)) in traces.iter().enumerate() {
            let is_last = index == last_trace && omitted == 0;
            let mut totals = Totals::default();
            spans.iter().for_each(|span| totals.add(&span.row));
            let name = paint(&format!("trace {}", hex(&trace_id.0)), Style::Aside, color);
            drawing.push(format!("{}{name}: {}", branch(is_last), totals.text(color)));
            Branches::new(spans, color).draw(trunk(is_last), &mut drawing);
        }
        if omitted > 0 {
            drawing.push(format!("{}… and {}", branch(true), count(omitted, "more call")));
        }
        drawing.join("\n")
    }

    /// The kept calls by trace, each and all in the order in which they began.
    fn traces(&self) -> Vec<(TraceId, Vec<&Kept>)> {
        let mut kept: Vec<_> = self.kept.iter().collect();
        kept.sort_by_key(|span| span.started);
        let mut places: HashMap<TraceId, usize> = HashMap::new();
        let mut traces: Vec<(TraceId, Vec<&Kept>)> = Vec::new();
        for span in kept {
            let place = *places.entry(span.trace_id).or_insert(traces.len());
            match traces.get_mut(place) {
                Some((_, spans)) => spans.push(span),
                None => traces.push((span.trace_id, vec![span])),
            }
        }
        traces
    }
}

/// The spans of one trace, taken out as they are drawn: so each is drawn once, whatever the ids, which
/// come from the wire in part, make of cycles and doubles.
struct Branches<'a> {
    children: HashMap<Option<SpanId>, Vec<&'a Kept>>,
    color: bool,
}

impl<'a> Branches<'a> {
    fn new(spans: &[&'a Kept], color: bool) -> Self {
        let mut children: HashMap<Option<SpanId>, Vec<&'a Kept>> = HashMap::new();
        for span in spans {
            // A parent that is not here is another process's, or was never seen.
            let parent = span.parent.filter(|parent| spans.iter().any(|other| other.span_id == *parent));
            children.entry(parent).or_default().push(span);
        }
        Self { children, color }
    }

    fn draw(mut self, prefix: &str, drawing: &mut Vec<String>) {
        self.level(None, prefix, 0, drawing);
        // Only cycles are left: they are drawn from their earliest span on.
        while let Some(parent) = self.earliest() {
            self.level(parent, prefix, 0, drawing);
        }
    }

    fn earliest(&self) -> Option<Option<SpanId>> {
        let first = |spans: &Vec<&Kept>| spans.first().map(|span| (span.started, span.span_id.0));
        self.children.iter().min_by_key(|(_, spans)| first(spans)).map(|(parent, _)| *parent)
    }

    fn level(&mut self, parent: Option<SpanId>, prefix: &str, depth: usize, drawing: &mut Vec<String>) {
        let Some(spans) = self.children.remove(&parent) else { return };
        let last = spans.len().saturating_sub(1);
        for (index, span) in spans.into_iter().enumerate() {
            let is_last = index == last;
            drawing.push(format!("{prefix}{}{}", branch(is_last), span.row.leaf(self.color)));
            let deeper = format!("{prefix}{}", trunk(is_last));
            let prefix = if depth < LEVELS { deeper.as_str() } else { prefix };
            self.level(Some(span.span_id), prefix, depth + 1, drawing);
        }
    }
}

fn branch(is_last: bool) -> &'static str {
    if is_last { "└─ " } else { "├─ " }
}

fn trunk(is_last: bool) -> &'static str {
    if is_last { "   " } else { "│  " }
}
