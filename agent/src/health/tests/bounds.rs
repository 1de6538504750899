//! What traffic can drive is bounded, and what meets a bound is counted.

use super::*;

/// Of a trace of its own.
fn of_trace(trace: u128, span: Span) -> Redacted<Span> {
    Redactor::default().redact(Span { trace_id: TraceId(trace.to_be_bytes()), ..span })
}

fn ignore(_: Closed<'_>) {}

#[test]
fn a_trace_ends_a_minute_after_its_last_span_and_a_late_one_opens_it_again() {
    let mut health = Health::default();
    let child = of_trace(1, span(2, 1, Kind::Client, "a"));
    let root = of_trace(1, span(1, 0, Kind::Server, "a"));
    health.record(&child, 0, &mut ignore);
    health.record(&child, 30 * S, &mut ignore);
    health.tick(60 * S, &mut ignore);
    assert_eq!((health.report().open_traces, health.report().all.traces), (1, 0));
    health.tick(90 * S, &mut |closed| assert!(closed.before.is_none()));
    let report = health.report();
    assert_eq!((report.open_traces, report.all.traces, report.all.rootless, report.all.spans), (0, 1, 1, 1));
    assert_eq!((report.all.orphan_rate_raw, report.all.orphan_rate_adjusted), (Some(1.0), None));
    health.record(&root, 100 * S, &mut ignore);
    assert_eq!(health.report().all.rootless, 1, "until it is over again");
    let mut told = Vec::new();
    health.tick(160 * S, &mut |closed| {
        let orphans = |measures: &Measures| counts(measures).orphans.iter().sum::<u64>();
        told.push((closed.before.map(orphans), orphans(closed.measures)));
    });
    assert_eq!(told, [(Some(1), 0)]);
    let report = health.report();
    assert_eq!((report.all.traces, report.all.rootless, report.all.spans), (1, 0, 2));
    assert_eq!((report.all.orphan_rate_raw, report.all.late_spans), (Some(0.0), 1));
    assert_eq!(health.bounds().spans_late, 1);
    health.tick(160 * S + KEPT_NS, &mut ignore);
    assert!(health.traces.is_empty() && health.closed.is_empty() && health.spans == 0);
    assert_eq!(health.report().all, report.all, "what it measured stays");
}

#[test]
fn a_trace_that_never_ends_is_measured_every_hour() {
    let mut health = Health::default();
    let mut closed = 0;
    for at in 0..=LONGEST_NS / (30 * S) {
        health.record(&of_trace(1, span(at + 1, 0, Kind::Client, "a")), at * 30 * S, &mut |_| closed += 1);
        health.tick(at * 30 * S, &mut |_| panic!("not quiet"));
    }
    assert_eq!((closed, health.bounds().closed_early), (1, 1));
}

#[test]
fn a_trace_of_a_million_spans() {
    let mut health = Health::default();
    let mut redactor = Redactor::default();
    let process = process("a");
    let make = |id: u64| Span { process: Arc::clone(&process), ..span(id, id / 2, Kind::Client, "a") };
    for id in 1..=100_000_u64 {
        health.record(&redactor.redact(make(id)), id, &mut |_| panic!("it is one trace"));
    }
    // The rest without redaction, which takes the most time.
    let node = Node::of(&make(7), &health.hasher);
    let trace = health.traces.get_mut(&1).unwrap();
    (100_000..1_000_000).for_each(|_| trace.uncounted.add(&node));
    let long = at(make(2_000_000), 0, 5000);
    health.record(&redactor.redact(Span { status: Status::Error, ..long }), 100_001, &mut ignore);
    assert_eq!(health.spans, TRACE_SPANS_MAX);
    assert_eq!(health.bounds().spans_cut, 100_001 - TRACE_SPANS_MAX as u64);
    let mut measures = None;
    health.tick(QUIET_NS + 100_001, &mut |closed| measures = Some(closed.measures.clone()));
    let measures = measures.unwrap();
    assert_eq!((measures.spans, measures.errors, measures.shape), (1_000_001, 1, None));
    assert_eq!(measures.duration, Duration::from_secs(5));
    assert_eq!(counts(&measures).linked, 0, "what is not known of all is said of none");
    let all = health.report().all;
    assert_eq!((all.traces, all.cut, all.orphan_rate_raw, all.depth.count), (1, 1, None, 0));
}

#[test]
fn a_chain_and_a_cycle_as_long_as_can_be() {
    let hasher = Hasher::default();
    let length = TRACE_SPANS_MAX as u64;
    let chain = |first: u64| -> Vec<Node> {
        (1..=length)
            .map(|id| span(id, if id == 1 { first } else { id - 1 }, Kind::Client, "a"))
            .map(|span| Node::of(&span, &hasher))
            .collect()
    };
    for (first, fragments) in [(0, 1), (length, 1), (length / 2, 1)] {
        let measures = measure(&chain(first), Uncounted::default(), &Perimeter::default()).unwrap();
        let shape = measures.shape.unwrap();
        assert_eq!((shape.depth, shape.fragments), (length, fragments), "{first}");
    }
}

#[test]
fn a_million_traces() {
    let mut health = Health::default();
    let mut closed = 0_u64;
    let template = of_trace(1, span(1, 0, Kind::Client, "a"));
    // A few times as many as are kept show what a million do.
    for trace in 0..100_000_u128 {
        let span = of_trace(trace + 1, template.get().clone());
        health.record(&span, 1, &mut |_| closed += 1);
        assert!(health.traces.len() <= TRACES_MAX);
    }
    let early = 100_000 - TRACES_MAX as u64;
    assert_eq!((closed, health.bounds().closed_early), (early, early));
    let mut ticks = 0;
    while closed < 100_000 {
        ticks += 1;
        health.tick(QUIET_NS + ticks, &mut |_| closed += 1);
    }
    assert_eq!(health.report().all.traces, 100_000);
    // Those that are over make room before any that is open.
    health.record(&of_trace(200_000, span(1, 0, Kind::Client, "a")), QUIET_NS + ticks, &mut |_| {
        panic!("no need")
    });
    assert_eq!((health.traces.len(), health.bounds().closed_early), (TRACES_MAX, early));
}

#[test]
fn spans_of_all_traces_are_bounded() {
    let mut health = Health::default();
    let mut redactor = Redactor::default();
    let process = process("a");
    for at in 0..SPANS_MAX as u64 + 10 {
        let span = Span {
            trace_id: TraceId(u128::from(at % 100 + 1).to_be_bytes()),
            process: Arc::clone(&process),
            ..span(at + 1, 0, Kind::Client, "a")
        };
        health.record(&redactor.redact(span), at, &mut ignore);
        assert!(health.spans <= SPANS_MAX);
    }
    assert_eq!(health.bounds().closed_early, 1, "the one that was quiet for longest went");
}

#[test]
fn services_are_bounded() {
    let mut health = Health::default();
    for number in 0..SERVICES_MAX as u64 + 6 {
        let span = span(1, 0, Kind::Client, &format!("service-{number}"));
        health.record(&of_trace(u128::from(number) + 1, span), 0, &mut ignore);
    }
    health.finish(1, &mut ignore);
    let report = health.report();
    assert_eq!(report.services.len(), SERVICES_MAX);
    assert_eq!((report.others.unwrap().traces, report.all.traces), (6, SERVICES_MAX as u64 + 6));
}

#[test]
fn the_report_is_read_back() {
    let mut health = Health::default();
    health.record(&of_trace(1, call(1, 0, (1234, 56), Some(0.1), Some("r"))), 0, &mut ignore);
    health.finish(1, &mut ignore);
    let report = health.report();
    assert_eq!(report.all.cost_usd.count, 1);
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<HealthReport>(&text).unwrap(), report);
}
