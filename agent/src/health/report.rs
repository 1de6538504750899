//! The measures as they are handed out: `spanwire stats`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::measure::{CAUSES, SpanCounts};
use super::node::METHODS;
use super::sketch::{RELATIVE_ERROR, Sketch};
use super::summary::Summary;
use super::{Health, QUIET_NS};

/// Which of [`CAUSES`] leaves a parent within the agent's sight.
const INSIDE: usize = 0;

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HealthReport {
    /// A trace is over after so many seconds without a span.
    pub quiet_seconds: u64,
    /// How far a quantile may be from the exact one, as a share of it.
    pub relative_error: f64,
    /// Traces that are not over, and count for nothing yet.
    pub open_traces: u64,
    /// Traces that were measured before they were over.
    pub traces_closed_early: u64,
    /// Spans that only the number, errors and duration of their traces know of.
    pub spans_cut: u64,
    /// All services together.
    pub all: ServiceHealth,
    /// By service, in the order of their names.
    pub services: BTreeMap<String, ServiceHealth>,
    /// Those of further services together.
    pub others: Option<ServiceHealth>,
}

/// Of the traces that begin at a service, and of the service's own spans.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceHealth {
    /// Traces that begin at the service.
    pub traces: u64,
    /// Of these, those with more spans than are kept.
    pub cut: u64,
    /// Those without a span that has no parent, of those that are not cut.
    pub rootless: u64,
    /// Those that last longer than their root, by more than a hundredth of their time.
    pub outlived: u64,
    /// Spans of a trace.
    pub spans_per_trace: Distribution,
    /// Spans of a trace that failed.
    pub errors_per_trace: Distribution,
    /// From the first begin to the last end, in seconds.
    pub duration_seconds: Distribution,
    /// Of the root, in seconds.
    pub root_duration_seconds: Distribution,
    /// Spans on the longest way down.
    pub depth: Distribution,
    /// Most children of one span.
    pub fan_out: Distribution,
    /// Changes of service on the way down.
    pub service_hops: Distribution,
    /// Servers that were called and have no span.
    pub external_hops: Distribution,
    /// Parts that no parent joins.
    pub fragments: Distribution,
    /// Of traces with calls that say what they used: input tokens.
    pub input_tokens: Distribution,
    /// Output tokens.
    pub output_tokens: Distribution,
    /// Those of input that were read from a cache.
    pub cache_read_tokens: Distribution,
    /// Those of output that were reasoning.
    pub reasoning_tokens: Distribution,
    /// US dollars, of traces with a call that has a cost.
    pub cost_usd: Distribution,
    /// Calls that say what they used, each once.
    pub billed_calls: u64,
    /// Of these, those with a cost.
    pub priced_calls: u64,
    /// Spans of the service in all traces.
    pub spans: u64,
    /// Those that failed.
    pub errors: u64,
    /// Those that came after their trace was closed.
    pub late_spans: u64,
    /// Those that name a parent.
    pub linked_spans: u64,
    /// Those whose parent is not there, by cause.
    pub orphans: BTreeMap<String, u64>,
    /// Orphans of all causes / spans that name a parent.
    pub orphan_rate_raw: Option<f64>,
    /// Without those whose parent lies where the agent does not see it.
    pub orphan_rate_adjusted: Option<f64>,
    /// Spans that name a parent, by what linked them to it.
    pub link_methods: BTreeMap<String, u64>,
    /// Spans whose parent is there.
    pub joined_spans: u64,
    /// Of these, those that begin before it or end after it.
    pub outside_parent: u64,
}

/// Numbers by their ranks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// How many.
    pub count: u64,
    /// Their sum, exactly.
    pub sum: f64,
    /// The number at the middle, and so on: nearest rank, within the relative error. 0 where there are none.
    pub p50: f64,
    /// At 95 %.
    pub p95: f64,
    /// At 99 %; of less than 100 numbers this is the largest one.
    pub p99: f64,
    /// The largest one.
    pub max: f64,
}

impl HealthReport {
    pub(super) fn of(health: &Health) -> Self {
        let mut all = Summary::default();
        health.services.values().chain([&health.others]).for_each(|summary| all.merge(summary));
        let services = health.services.iter();
        Self {
            quiet_seconds: QUIET_NS / 1_000_000_000,
            relative_error: RELATIVE_ERROR,
            open_traces: health.open.len() as u64,
            traces_closed_early: health.bounds.closed_early,
            spans_cut: health.bounds.spans_cut,
            all: (&all).into(),
            services: services.map(|(name, summary)| (name.clone(), summary.into())).collect(),
            others: (health.others != Summary::default()).then(|| (&health.others).into()),
        }
    }
}

impl From<&Summary> for ServiceHealth {
    fn from(summary: &Summary) -> Self {
        let Summary { traces, cut, rootless, outlived, calls, priced, counts, sketches } = summary;
        let SpanCounts { spans, errors, late, linked, orphans, methods, joined, outside_parent } = *counts;
        let whole = |sketch: &Sketch| Distribution::of(sketch, f64::round);
        let part = |sketch: &Sketch| Distribution::of(sketch, |number| number);
        let raw: u64 = orphans.iter().sum();
        let inside = orphans.get(INSIDE).copied().unwrap_or(0);
        let rate = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        let named = |names: &[&str], counts: &[u64]| {
            let pairs = names.iter().zip(counts).filter(|(_, count)| **count > 0);
            pairs.map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        Self {
            traces: *traces,
            cut: *cut,
            rootless: *rootless,
            outlived: *outlived,
            spans_per_trace: whole(&sketches.spans),
            errors_per_trace: whole(&sketches.errors),
            duration_seconds: part(&sketches.duration),
            root_duration_seconds: part(&sketches.root_duration),
            depth: whole(&sketches.depth),
            fan_out: whole(&sketches.fan_out),
            service_hops: whole(&sketches.service_hops),
            external_hops: whole(&sketches.external_hops),
            fragments: whole(&sketches.fragments),
            input_tokens: whole(&sketches.input),
            output_tokens: whole(&sketches.output),
            cache_read_tokens: whole(&sketches.cache_read),
            reasoning_tokens: whole(&sketches.reasoning),
            cost_usd: part(&sketches.cost),
            billed_calls: *calls,
            priced_calls: *priced,
            spans,
            errors,
            late_spans: late,
            linked_spans: linked,
            orphans: named(&CAUSES, &orphans),
            orphan_rate_raw: rate(raw, linked),
            orphan_rate_adjusted: rate(inside, linked - (raw - inside)),
            link_methods: named(&METHODS, &methods),
            joined_spans: joined,
            outside_parent,
        }
    }
}

impl Distribution {
    fn of(sketch: &Sketch, shown: impl Fn(f64) -> f64) -> Self {
        let at = |share| shown(sketch.quantile(share).unwrap_or(0.0));
        Self {
            count: sketch.count(),
            sum: sketch.sum(),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            max: at(1.0),
        }
    }
}
