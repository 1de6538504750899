//! The measures of traces as metrics: see docs/trace-health.md.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};

use crate::health::{CAUSES, METHODS, Measures, SpanCounts};

/// Spans, tokens apart.
const COUNTS: [f64; 15] =
    [0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0];
/// Seconds.
const SECONDS: [f64; 16] =
    [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6, 819.2, 1638.4];
/// US dollars.
const DOLLARS: [f64; 14] = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// Of one service.
pub(super) struct Traces {
    spans: Histogram<u64>,
    errors: Histogram<u64>,
    depth: Histogram<u64>,
    fan_out: Histogram<u64>,
    service_hops: Histogram<u64>,
    external_hops: Histogram<u64>,
    fragments: Histogram<u64>,
    duration: Histogram<f64>,
    tokens: Histogram<u64>,
    cache_read: Histogram<u64>,
    reasoning: Histogram<u64>,
    cost: Histogram<f64>,
    rootless: UpDownCounter<i64>,
    billed_calls: UpDownCounter<i64>,
    linked_spans: UpDownCounter<i64>,
    orphan_spans: UpDownCounter<i64>,
    late_spans: Counter<u64>,
}

impl Traces {
    pub(super) fn new(meter: &Meter) -> Self {
        let counts = |name: &'static str, unit: &'static str, help: &'static str, bounds: &[f64]| {
            let histogram = meter.u64_histogram(name).with_unit(unit).with_description(help);
            histogram.with_boundaries(bounds.to_vec()).build()
        };
        let numbers = |name: &'static str, unit: &'static str, help: &'static str, bounds: &[f64]| {
            let histogram = meter.f64_histogram(name).with_unit(unit).with_description(help);
            histogram.with_boundaries(bounds.to_vec()).build()
        };
        let sum = |name: &'static str, unit: &'static str, help: &'static str| {
            meter.i64_up_down_counter(name).with_unit(unit).with_description(help).build()
        };
        let tokens = super::services::TOKENS;
        Self {
            spans: counts("spanwire.trace.spans", "{span}", "Spans of a trace.", &COUNTS),
            errors: counts("spanwire.trace.errors", "{span}", "Spans of a trace that failed.", &COUNTS),
            depth: counts("spanwire.trace.depth", "{span}", "Spans on a trace's longest way down.", &COUNTS),
            fan_out: counts("spanwire.trace.fan_out", "{span}", "Most children of one span.", &COUNTS),
            service_hops: counts(
                "spanwire.trace.service.hops",
                "{hop}",
                "Changes of service on the way down that has most of them.",
                &COUNTS,
            ),
            external_hops: counts(
                "spanwire.trace.external.hops",
                "{hop}",
                "Servers that were called and have no span in the trace.",
                &COUNTS,
            ),
            fragments: counts(
                "spanwire.trace.fragments",
                "{fragment}",
                "Parts of a trace that no parent joins.",
                &COUNTS,
            ),
            duration: numbers(
                "spanwire.trace.duration",
                "s",
                "From the first begin of a trace's spans to the last end.",
                &SECONDS,
            ),
            tokens: counts("spanwire.trace.tokens", "{token}", "Tokens of a trace's calls.", &tokens),
            cache_read: counts(
                "spanwire.trace.cache_read.tokens",
                "{token}",
                "Input tokens of a trace's calls that were read from a cache.",
                &tokens,
            ),
            reasoning: counts(
                "spanwire.trace.reasoning.tokens",
                "{token}",
                "Output tokens of a trace's calls that were reasoning.",
                &tokens,
            ),
            cost: numbers("spanwire.trace.cost", "{USD}", "Cost of a trace's calls that have one.", &DOLLARS),
            rootless: sum(
                "spanwire.trace.rootless_traces",
                "{trace}",
                "Traces without a span that has no parent.",
            ),
            billed_calls: sum("spanwire.trace.billed_calls", "{call}", "Calls that say what they used."),
            linked_spans: sum("spanwire.trace.linked_spans", "{span}", "Spans that name a parent."),
            orphan_spans: sum(
                "spanwire.trace.orphan_spans",
                "{span}",
                "Spans whose parent is not in their trace.",
            ),
            late_spans: meter
                .u64_counter("spanwire.trace.late_spans")
                .with_unit("{span}")
                .with_description("Spans that came after their trace was closed.")
                .build(),
        }
    }

    /// A trace that begins at the service was closed for the first time. A histogram takes nothing back.
    pub(super) fn closed(&self, trace: &Measures) {
        self.spans.record(trace.spans, &[]);
        self.errors.record(trace.errors, &[]);
        self.duration.record(trace.duration.as_secs_f64(), &[]);
        if let Some(shape) = trace.shape {
            self.depth.record(shape.depth, &[]);
            self.fan_out.record(shape.fan_out, &[]);
            self.service_hops.record(shape.service_hops, &[]);
            self.external_hops.record(shape.external_hops, &[]);
            self.fragments.record(shape.fragments, &[]);
        }
        let Some(billed) = trace.billed else { return };
        for (kind, tokens) in [("input", billed.input), ("output", billed.output)] {
            self.tokens.record(tokens, &[KeyValue::new("gen_ai.token.type", kind)]);
        }
        self.cache_read.record(billed.cache_read, &[]);
        self.reasoning.record(billed.reasoning, &[]);
        if billed.priced > 0 {
            self.cost.record(billed.cost, &[]);
        }
    }

    /// What a trace that begins at the service adds to sums; with `sign` -1 what it added when it was closed before.
    pub(super) fn sums(&self, trace: &Measures, sign: i64) {
        add(&self.rootless, u64::from(trace.shape.is_some_and(|shape| !shape.has_root)), sign, &[]);
        let Some(billed) = trace.billed else { return };
        for (priced, calls) in [(true, billed.priced), (false, billed.calls - billed.priced)] {
            add(&self.billed_calls, calls, sign, &[KeyValue::new("spanwire.priced", priced)]);
        }
    }

    /// What the service's spans of one trace add, or added.
    pub(super) fn spans(&self, counts: &SpanCounts, sign: i64) {
        for (method, count) in METHODS.into_iter().zip(counts.methods) {
            add(&self.linked_spans, count, sign, &[KeyValue::new("spanwire.link.method", method)]);
        }
        for (cause, count) in CAUSES.into_iter().zip(counts.orphans) {
            add(&self.orphan_spans, count, sign, &[KeyValue::new("spanwire.orphan.cause", cause)]);
        }
    }

    /// So many spans of the service were late.
    pub(super) fn late(&self, spans: u64) {
        if spans > 0 {
            self.late_spans.add(spans, &[]);
        }
    }
}

fn add(sum: &UpDownCounter<i64>, count: u64, sign: i64, attributes: &[KeyValue]) {
    // What is nothing makes no series.
    if count > 0 {
        sum.add(sign * i64::try_from(count).unwrap_or(i64::MAX), attributes);
    }
}
