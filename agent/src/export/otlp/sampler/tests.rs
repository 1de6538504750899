#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::correlate::span::{Kind, SpanId};
use crate::export::fixture;
use crate::health::{Health, QUIET_NS};
use crate::redact::Redactor;

const NONE: Choice = Choice { is_parent_based: false, below: 0 };
const ROOMY: Bounds = Bounds { traces: 100, spans: 100, bytes: 1 << 20 };
const ERRORS: Keep = Keep { errors: true, slower_than: None, costlier_than: None };

/// A sampler as the exporters drive it, and what it sent: trace and span.
struct Bench {
    sampler: Sampler,
    health: Health,
    counters: Arc<Counters>,
    sent: Vec<(u8, u8)>,
}

impl Bench {
    fn new(sampler: Choice, keep: Keep, bounds: Bounds) -> Self {
        let counters = Arc::new(Counters::default());
        let sampler = Sampler::bounded(Sampling { sampler, keep }, bounds, &counters);
        Self { sampler, health: Health::default(), counters, sent: Vec::new() }
    }

    fn take(&mut self, span: Span) {
        let redacted = Redactor::default().redact(span);
        let Self { sampler, health, sent, .. } = self;
        let send = &mut |span: Shared| sent.push((span.get().trace_id.0[15], span.get().span_id.0[7]));
        health.record(&redacted, 0, &mut |closed| sampler.trace_closed(closed, send));
        sampler.take(Arc::new(redacted), send);
    }

    /// Nothing comes for long.
    fn quiet(&mut self) {
        let Self { sampler, health, sent, .. } = self;
        let send = &mut |span: Shared| sent.push((span.get().trace_id.0[15], span.get().span_id.0[7]));
        health.tick(QUIET_NS, &mut |closed| sampler.trace_closed(closed, send));
    }

    /// Spans left out, and traces that had to be decided early.
    fn counted(&self) -> (u64, u64) {
        (self.counters.spans_sampled_out.get(), self.counters.traces_sampled_early.get())
    }
}

/// A call of 1.25 s that cost 0.001234 dollars; `parent` with how it was found.
fn span(trace: u8, id: u8, parent: Option<(u8, &'static str)>) -> Span {
    let mut span = fixture::span(id, &fixture::process(1, "agent"));
    span.trace_id = TraceId(u128::from(trace).to_be_bytes());
    span.parent = parent.map(|(parent, _)| SpanId([parent; 8]));
    let method = parent.map(|(_, method)| (LINK_METHOD.into(), method.into()));
    span.attributes.push(("gen_ai.operation.name".into(), "chat".into()));
    span.attributes.extend(method);
    span
}

fn failed(span: Span) -> Span {
    Span { status: Status::Error, ..span }
}

#[test]
fn ratios_are_those_of_the_sdks() {
    // What `TraceIdRatioBased` of opentelemetry-sdk 1.45.2 for Python decides.
    let ids: [u128; 9] = [
        0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
        0xffff_ffff_ffff_ffff_0000_0000_0000_0001,
        0x0000_0000_0000_0000_1999_9999_9999_9999,
        0x0000_0000_0000_0000_1999_9999_9999_a000,
        0x0000_0000_0000_0000_1999_9999_9999_a001,
        0x1234_5678_90ab_cdef_7fff_ffff_ffff_ffff,
        0x1234_5678_90ab_cdef_8000_0000_0000_0000,
        0x0000_0000_0000_0000_ffff_ffff_ffff_ffff,
        0x0000_0000_0000_0000_0041_8937_4bc6_a7ef,
    ];
    for (ratio, expected) in [
        (0.0, [0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (0.001, [0, 1, 0, 0, 0, 0, 0, 0, 1]),
        (0.1, [0, 1, 1, 0, 0, 0, 0, 0, 1]),
        (0.5, [0, 1, 1, 1, 1, 1, 0, 0, 1]),
        (0.9, [1, 1, 1, 1, 1, 1, 1, 0, 1]),
        (1.0, [1, 1, 1, 1, 1, 1, 1, 1, 1]),
    ] {
        for is_parent_based in [false, true] {
            let choice = Choice::new(is_parent_based, ratio);
            let decided = ids.map(|id| {
                let mut span = span(1, 1, None);
                span.trace_id = TraceId(id.to_be_bytes());
                u8::from(samples(choice, &span))
            });
            assert_eq!(decided, expected, "{ratio}");
        }
    }
}

#[test]
fn a_header_decides_where_the_sampler_heeds_it() {
    for (is_parent_based, ratio, told, expected) in [
        (false, 1.0, Some(0), true),
        (false, 0.0, Some(1), false),
        (true, 1.0, None, true),
        (true, 1.0, Some(0), false),
        (true, 1.0, Some(2), false),
        (true, 0.0, None, false),
        (true, 0.0, Some(1), true),
        (true, 0.0, Some(3), true),
    ] {
        let mut span = span(1, 1, None);
        span.flags_are_told = told.is_some();
        span.flags = told.unwrap_or(3);
        assert_eq!(samples(Choice::new(is_parent_based, ratio), &span), expected, "{ratio} {told:?}");
    }
}

#[test]
fn without_rules_nothing_waits() {
    let mut bench = Bench::new(NONE, Keep::default(), ROOMY);
    bench.take(failed(span(1, 1, None)));
    assert_eq!((bench.sampler.waiting(), bench.counted()), (0, (1, 0)));
    let mut bench = Bench::new(Choice::default(), ERRORS, ROOMY);
    bench.take(span(1, 1, None));
    assert_eq!((bench.sent.as_slice(), bench.sampler.waiting()), (&[(1, 1)][..], 0));
}

#[test]
fn a_trace_with_an_error_is_sent_whole() {
    let mut bench = Bench::new(NONE, ERRORS, ROOMY);
    bench.take(span(1, 1, Some((3, "thread"))));
    bench.take(span(2, 1, None));
    bench.take(failed(span(1, 2, Some((3, "thread")))));
    assert_eq!(bench.sent, [(1, 1), (1, 2)], "at once");
    bench.take(span(1, 3, None));
    bench.quiet();
    assert_eq!((bench.sent.as_slice(), bench.counted()), (&[(1, 1), (1, 2), (1, 3)][..], (1, 0)));
    assert_eq!(bench.sampler.waiting(), 0);
}

#[test]
fn a_local_root_that_is_slow_keeps_its_trace() {
    for (parent, seconds, expected) in [
        (None, 3, true),
        (None, 2, false),
        (Some((9, "header")), 3, true),
        // What is slow within a root that is not.
        (Some((2, "thread")), 3, false),
    ] {
        let keep = Keep { slower_than: Some(Duration::from_secs(2)), ..Keep::default() };
        let mut bench = Bench::new(NONE, keep, ROOMY);
        let mut slow = span(1, 1, parent);
        slow.ended = slow.started + Duration::from_secs(seconds);
        bench.take(slow);
        bench.take(span(1, 2, None));
        bench.quiet();
        assert_eq!(bench.sent.len(), if expected { 2 } else { 0 }, "{parent:?} {seconds}");
    }
}

#[test]
fn the_cost_of_a_whole_trace_counts() {
    for (billionths, expected) in [(2_000_000, 2), (3_000_000, 0)] {
        let keep = Keep { costlier_than: Some(billionths), ..Keep::default() };
        let mut bench = Bench::new(NONE, keep, ROOMY);
        bench.take(span(1, 1, None));
        bench.take(span(1, 2, None));
        bench.quiet();
        assert_eq!(bench.sent.len(), expected);
    }
}

#[test]
fn a_trace_waits_for_the_parent_that_the_agent_gave_it() {
    let mut bench = Bench::new(NONE, ERRORS, ROOMY);
    bench.take(span(1, 1, Some((2, "program"))));
    bench.take(span(2, 1, Some((2, "header"))));
    bench.quiet();
    assert_eq!((bench.sampler.waiting(), bench.counted()), (1, (1, 0)));
    bench.take(failed(span(1, 2, None)));
    assert_eq!(bench.sent, [(1, 1), (1, 2)]);
}

#[test]
fn the_agents_stop_decides() {
    let mut bench = Bench::new(NONE, ERRORS, ROOMY);
    bench.take(span(1, 1, Some((2, "program"))));
    bench.sampler.finish();
    assert_eq!((bench.sampler.waiting(), bench.counted(), bench.sent.len()), (0, (1, 0), 0));
}

#[test]
fn a_bound_decides_the_trace_that_was_quiet_for_longest() {
    let by_bytes = Bounds { bytes: 1, ..ROOMY };
    for (bounds, expected) in [
        (Bounds { spans: 3, ..ROOMY }, (3, (1, 1))),
        (Bounds { traces: 1, ..ROOMY }, (1, (3, 3))),
        (by_bytes, (0, (4, 4))),
    ] {
        let mut bench = Bench::new(NONE, ERRORS, bounds);
        for (trace, id) in [(1, 1), (2, 1), (1, 2), (3, 1)] {
            bench.take(span(trace, id, None));
        }
        // Of 1, 2 and 1 again the second is the oldest.
        assert_eq!((bench.sampler.waiting(), bench.counted()), expected, "{bounds:?}");
    }
}

#[test]
fn memory_of_kept_traces_is_bounded() {
    let mut kept = Kept::new(2);
    let forgotten: Vec<_> = [1, 2, 2, 3, 4].map(|id| kept.add(TraceId([id; 16]))).into();
    assert_eq!(forgotten, [0, 0, 0, 1, 1]);
    assert_eq!([1, 2, 3, 4].map(|id| kept.has(TraceId([id; 16]))), [false, false, true, true]);
}

proptest! {
    #[test]
    fn each_trace_is_sent_whole_or_not_at_all(spans in prop::collection::vec((0..6_u8, 0..8_u8, any::<bool>()), 0..60)) {
        let mut bench = Bench::new(NONE, ERRORS, ROOMY);
        let (mut all, mut with_error) = (BTreeMap::<u8, u64>::new(), BTreeSet::new());
        for (at, (trace, fails, is_server)) in spans.iter().enumerate() {
            let id = u8::try_from(at).unwrap() + 1;
            let kind = if *is_server { Kind::Server } else { Kind::Client };
            let span = Span { kind, ..span(*trace + 1, id, None) };
            bench.take(if *fails == 0 { failed(span) } else { span });
            *all.entry(*trace + 1).or_default() += 1;
            if *fails == 0 {
                with_error.insert(*trace + 1);
            }
        }
        bench.quiet();
        let mut sent = BTreeMap::<u8, u64>::new();
        for (trace, _) in &bench.sent {
            *sent.entry(*trace).or_default() += 1;
        }
        let left_out: u64 = all.iter().filter(|(id, _)| !with_error.contains(id)).map(|(_, count)| count).sum();
        all.retain(|id, _| with_error.contains(id));
        prop_assert_eq!(sent, all);
        prop_assert_eq!(bench.counted(), (left_out, 0));
        prop_assert_eq!(bench.sampler.waiting(), 0);
    }

    #[test]
    fn bounds_hold_and_each_span_is_accounted_for(
        spans in prop::collection::vec((0..9_u8, 0..9_u8), 0..60), most in (1..5_usize, 1..9_usize, 1..4_usize)
    ) {
        let bounds = Bounds { traces: most.0, spans: most.1, bytes: most.2 * 1000 };
        let mut bench = Bench::new(NONE, ERRORS, bounds);
        for (at, (trace, fails)) in spans.iter().enumerate() {
            let span = span(*trace + 1, u8::try_from(at).unwrap() + 1, None);
            bench.take(if *fails == 0 { failed(span) } else { span });
            prop_assert!(bench.sampler.waiting.is_within(&bounds));
            let accounted = bench.sent.len() + bench.sampler.waiting();
            prop_assert_eq!(bench.counted().0 + accounted as u64, at as u64 + 1);
        }
        let once: BTreeSet<_> = bench.sent.iter().collect();
        prop_assert_eq!(once.len(), bench.sent.len());
    }
}
