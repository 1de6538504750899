//! The measures of many traces: of those that begin at one service, and of that service's spans.

use super::measure::{Measures, SpanCounts};
use super::sketch::Sketch;

/// Sums and distributions; two make one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Summary {
    pub(super) traces: u64,
    /// Of more spans than are kept.
    pub(super) cut: u64,
    /// Without a span that has no parent.
    pub(super) rootless: u64,
    /// That last longer than their root, by more than a hundredth.
    pub(super) outlived: u64,
    pub(super) calls: u64,
    pub(super) priced: u64,
    pub(super) counts: SpanCounts,
    pub(super) sketches: Sketches,
}

/// One for each distribution, in the units of [`Measures`]; times in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sketches {
    pub(super) spans: Sketch,
    pub(super) errors: Sketch,
    pub(super) duration: Sketch,
    pub(super) root_duration: Sketch,
    pub(super) depth: Sketch,
    pub(super) fan_out: Sketch,
    pub(super) service_hops: Sketch,
    pub(super) external_hops: Sketch,
    pub(super) fragments: Sketch,
    pub(super) input: Sketch,
    pub(super) output: Sketch,
    pub(super) cache_read: Sketch,
    pub(super) reasoning: Sketch,
    pub(super) cost: Sketch,
}

/// Whether measures come or go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Remove,
}

impl Change {
    fn sketch(self, sketch: &mut Sketch, number: f64) {
        match self {
            Self::Add => sketch.add(number),
            Self::Remove => sketch.remove(number),
        }
    }

    fn count(self, count: &mut u64, by: u64) {
        *count = match self {
            Self::Add => count.saturating_add(by),
            Self::Remove => count.saturating_sub(by),
        };
    }
}

impl Summary {
    /// Takes a trace that begins at the service in, or out again.
    pub(super) fn trace(&mut self, trace: &Measures, change: Change) {
        change.count(&mut self.traces, 1);
        change.count(&mut self.cut, u64::from(trace.shape.is_none()));
        let of = &mut self.sketches;
        change.sketch(&mut of.spans, trace.spans as f64);
        change.sketch(&mut of.errors, trace.errors as f64);
        change.sketch(&mut of.duration, trace.duration.as_secs_f64());
        if let Some(root) = trace.root_duration {
            change.sketch(&mut of.root_duration, root.as_secs_f64());
            let differ = trace.duration.abs_diff(root) > trace.duration / 100;
            change.count(&mut self.outlived, u64::from(differ));
        }
        if let Some(shape) = trace.shape {
            change.count(&mut self.rootless, u64::from(!shape.has_root));
            for (sketch, number) in [
                (&mut of.depth, shape.depth),
                (&mut of.fan_out, shape.fan_out),
                (&mut of.service_hops, shape.service_hops),
                (&mut of.external_hops, shape.external_hops),
                (&mut of.fragments, shape.fragments),
            ] {
                change.sketch(sketch, number as f64);
            }
        }
        if let Some(billed) = trace.billed {
            change.count(&mut self.calls, billed.calls);
            change.count(&mut self.priced, billed.priced);
            for (sketch, number) in [
                (&mut of.input, billed.input),
                (&mut of.output, billed.output),
                (&mut of.cache_read, billed.cache_read),
                (&mut of.reasoning, billed.reasoning),
            ] {
                change.sketch(sketch, number as f64);
            }
            if billed.priced > 0 {
                change.sketch(&mut of.cost, billed.cost);
            }
        }
    }

    /// Takes the service's spans of one trace in, or out again.
    pub(super) fn spans(&mut self, counts: &SpanCounts, change: Change) {
        for (count, by) in pairs(&mut self.counts, counts) {
            change.count(count, by);
        }
    }

    /// Takes in all that the other has.
    pub(super) fn merge(&mut self, other: &Self) {
        let Self { traces, cut, rootless, outlived, calls, priced, counts, sketches } = other;
        for (sum, by) in [
            (&mut self.traces, traces),
            (&mut self.cut, cut),
            (&mut self.rootless, rootless),
            (&mut self.outlived, outlived),
            (&mut self.calls, calls),
            (&mut self.priced, priced),
        ] {
            *sum = sum.saturating_add(*by);
        }
        self.spans(counts, Change::Add);
        let mine = &mut self.sketches;
        for (sketch, other) in [
            (&mut mine.spans, &sketches.spans),
            (&mut mine.errors, &sketches.errors),
            (&mut mine.duration, &sketches.duration),
            (&mut mine.root_duration, &sketches.root_duration),
            (&mut mine.depth, &sketches.depth),
            (&mut mine.fan_out, &sketches.fan_out),
            (&mut mine.service_hops, &sketches.service_hops),
            (&mut mine.external_hops, &sketches.external_hops),
            (&mut mine.fragments, &sketches.fragments),
            (&mut mine.input, &sketches.input),
            (&mut mine.output, &sketches.output),
            (&mut mine.cache_read, &sketches.cache_read),
            (&mut mine.reasoning, &sketches.reasoning),
            (&mut mine.cost, &sketches.cost),
        ] {
            sketch.merge(other);
        }
    }
}

/// Each count of the one, with that of the other.
fn pairs<'a>(one: &'a mut SpanCounts, other: &SpanCounts) -> impl Iterator<Item = (&'a mut u64, u64)> {
    let SpanCounts { spans, errors, late, linked, orphans, methods, joined, outside_parent } = one;
    let single = [spans, errors, late, linked, joined, outside_parent];
    let of_single = [other.spans, other.errors, other.late, other.linked, other.joined, other.outside_parent];
    let lists = orphans.iter_mut().chain(methods);
    let of_lists = other.orphans.into_iter().chain(other.methods);
    single.into_iter().zip(of_single).chain(lists.zip(of_lists))
}
