//! The order in which a trace's spans come says nothing.

use proptest::prelude::*;

use super::*;

prop_compose! {
    /// Ids and parents out of a few, so that there are cycles, doubles and orphans.
    fn any_span()(
        id in 1..12_u64,
        parent in 0..14_u64,
        kind in prop::sample::select(vec![Kind::Client, Kind::Server, Kind::Internal]),
        service in prop::sample::select(vec!["a", "b", "c"]),
        times in (0..50_u64, 0..50_u64),
        usage in prop::option::of((0..100_i64, prop::option::of(0.0..1.0_f64), prop::option::of("[xy]"))),
        peer in prop::option::of(prop::sample::select(vec!["10.0.0.1", "10.0.0.2"])),
        failed: bool,
    ) -> Span {
        let mut span = match &usage {
            Some((tokens, cost, response)) => call(id, parent, (*tokens, 1), *cost, response.as_deref()),
            None => span(id, parent, kind, service),
        };
        span.process = process(service);
        if failed {
            span.status = Status::Error;
        }
        if let Some(peer) = peer {
            let name = if kind == Kind::Client { names::NETWORK_LOCAL_ADDRESS } else { names::NETWORK_PEER_ADDRESS };
            span = with(span, name, peer);
        }
        at(span, times.0, times.1)
    }
}

proptest! {
    #[test]
    fn measures_do_not_depend_on_it(
        (spans, shuffled) in prop::collection::vec(any_span(), 1..20).prop_flat_map(|mut spans| {
            // What is told twice is told alike.
            spans.sort_by_key(|span| (span.span_id.0, span.kind as u8));
            spans.dedup_by_key(|span| (span.span_id.0, span.kind as u8));
            spans.push(spans[0].clone());
            (Just(spans.clone()), Just(spans).prop_shuffle())
        })
    ) {
        let (one, other) = (measured(&spans), measured(&shuffled));
        // It is the same process, whichever of its spans tells of it.
        prop_assert_eq!(&one, &other);
        let counts = counts(&one);
        prop_assert_eq!(counts.linked, counts.joined + counts.orphans.iter().sum::<u64>());
        prop_assert_eq!(counts.linked, counts.methods.iter().sum::<u64>());
        prop_assert_eq!(one.spans, spans.len() as u64 - 1);
        let shape = one.shape.unwrap();
        prop_assert!((1..=one.spans).contains(&shape.depth));
        prop_assert!((1..=one.spans).contains(&shape.fragments));
        prop_assert!(shape.service_hops < shape.depth);
    }

    #[test]
    fn a_late_span_is_as_good_as_one_in_time(spans in prop::collection::vec(any_span(), 2..12), late in 0..12_usize) {
        let mut spans = spans;
        spans.sort_by_key(|span| (span.span_id.0, span.kind as u8));
        spans.dedup_by_key(|span| (span.span_id.0, span.kind as u8));
        prop_assume!(spans.len() >= 2);
        let last = spans.remove(late % spans.len());
        let mut redactor = Redactor::default();
        let mut one = Health::default();
        let mut ignore = |_: Closed<'_>| {};
        spans.iter().for_each(|span| one.record(&redactor.redact(span.clone()), 0, &mut ignore));
        one.tick(QUIET_NS, &mut ignore);
        one.record(&redactor.redact(last.clone()), QUIET_NS + S, &mut ignore);
        one.tick(2 * QUIET_NS + S, &mut ignore);
        let mut all = spans.clone();
        all.push(last);
        let other = measured(&all);
        let mut expected = Summary::default();
        expected.trace(&other, Change::Add);
        let report = one.report();
        prop_assert_eq!(report.all.traces, 1);
        prop_assert_eq!(report.all.late_spans, 1);
        prop_assert_eq!(report.all.spans, other.spans);
        let expected = ServiceHealth::from(&expected);
        prop_assert_eq!(report.all.depth, expected.depth);
        prop_assert_eq!(report.all.fragments, expected.fragments);
        prop_assert_eq!(report.all.duration_seconds.max, expected.duration_seconds.max);
        prop_assert_eq!(report.all.billed_calls, expected.billed_calls);
    }
}
