//! Which span a header's id belongs to.

use super::*;
use crate::correlate::ContextCounts;
use crate::correlate::exporters::{Export, WATCH_NS};
use crate::correlate::span::SpanId;
use crate::correlate::tree::HELD_MAX;

/// Spans of processes whose requests carried one header each, as they come out.
struct Traced {
    correlator: Correlator,
    spans: Vec<Span>,
}

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const HEADER_ID: SpanId = SpanId(0x00f0_67aa_0ba9_02b7_u64.to_be_bytes());

impl Traced {
    fn new() -> Self {
        Self { correlator: correlator(), spans: Vec::new() }
    }

    fn call(&mut self, process: &Arc<Process>, role: Role, now_ns: u64) {
        let mut exchange = exchange(200, Outcome::Complete);
        exchange.role = role;
        let head = RequestHead {
            headers: Headers::of(&[("traceparent", TRACEPARENT)]),
            ..(*exchange.request).clone()
        };
        exchange.request = head.into();
        let facts = ConnectionFacts::default();
        exchanged(&mut self.correlator, (&call(), &exchange), process, facts, now_ns, &mut self.spans);
    }

    /// Whether each span that came out is the child of the header's id, or has that id.
    fn children(&mut self) -> Vec<bool> {
        self.spans
            .drain(..)
            .map(|span| match span.parent {
                Some(parent) => parent == HEADER_ID && span.span_id != HEADER_ID,
                None => {
                    assert_eq!(span.span_id, HEADER_ID);
                    false
                }
            })
            .collect()
    }
}

#[test]
fn a_client_span_takes_the_headers_id_unless_its_process_exports_that() {
    for (exports_spans, child) in [(Some(true), true), (Some(false), false)] {
        let mut traced = Traced::new();
        traced.call(&process(7, exports_spans), Role::Client, 0);
        assert_eq!(traced.children(), [child], "{exports_spans:?}");
    }
    let mut traced = Traced::new();
    traced.call(&process(7, None), Role::Server, 0);
    assert_eq!(traced.children(), [true], "a server's is the client's child in any case");
}

#[test]
fn a_span_waits_until_it_is_known_whether_its_process_exports_spans() {
    let (one, two, three) = (process(1, None), process(2, None), process(3, None));
    let mut traced = Traced::new();
    for process in [&one, &two, &three] {
        traced.call(process, Role::Client, 0);
    }
    assert_eq!(traced.children(), [false; 0], "held");
    traced.correlator.saw_export(1, Export::Request, 0, &mut traced.spans);
    assert_eq!(traced.children(), [true]);
    traced.call(&one, Role::Client, 1);
    assert_eq!(traced.children(), [true], "known now");
    traced.correlator.process_ended(2, 2, &mut traced.spans);
    assert_eq!(traced.children(), [false]);
    traced.correlator.tick(WATCH_NS - 1, &mut traced.spans);
    assert_eq!(traced.children(), [false; 0]);
    traced.correlator.tick(WATCH_NS, &mut traced.spans);
    assert_eq!(traced.children(), [true], "the id is the second process's by now");
    traced.call(&three, Role::Client, WATCH_NS);
    assert_eq!(traced.spans.len(), 1, "watched long enough");
}

#[test]
fn what_is_held_is_bounded_and_goes_when_the_agent_stops() {
    let mut traced = Traced::new();
    let process = process(1, None);
    for _ in 0..HELD_MAX + 3 {
        traced.call(&process, Role::Client, 0);
    }
    let early = traced.spans.len();
    assert!((1..=HELD_MAX).contains(&early) && traced.correlator.let_go() == early as u64, "{early}");
    traced.correlator.finish(0, &mut traced.spans);
    assert_eq!(traced.spans.len(), HELD_MAX + 3);
}

#[test]
fn other_traces_and_the_callees_own_are_linked() {
    const OTHER: (&str, &str) = ("b3", "00000000000000aa00000000000000bb-00000000000000cc-1");
    const JAEGER: (&str, &str) = ("uber-trace-id", "bb:dd:0:0");
    const SHORT: (&str, &str) = ("b3", "a3ce929d0e0e4736-00f067aa0ba902b7");
    const PARENT: (&str, &str) = ("traceparent", TRACEPARENT);
    const CALLEE: (&str, &str) = ("traceresponse", "00-000000000000000000000000000000ee-00000000000000ff-01");
    let mut correlator = correlator();
    let mut traced = |fields: &[(&'static str, &str)], response: &[(&'static str, &str)]| {
        let mut exchange = exchange(200, Outcome::Complete);
        let head = RequestHead { headers: Headers::of(fields), ..(*exchange.request).clone() };
        exchange.request = head.into();
        let headers = Headers::of(response);
        exchange.response = Some(ResponseHead { status: 200, minor_version: 1, headers }.into());
        let (facts, mut spans) = (ConnectionFacts::default(), Vec::new());
        exchanged(&mut correlator, (&call(), &exchange), &process(7, Some(true)), facts, 0, &mut spans);
        let span = spans.pop().unwrap();
        let links: Vec<_> = span
            .links
            .iter()
            .map(|link| {
                (link.span_id.0[7], link.attributes.clone().pop().unwrap().1.as_str().unwrap().to_owned())
            })
            .collect();
        let links: Vec<_> = links.iter().map(|(id, method)| format!("{id:x} {method}")).collect();
        let format =
            map(&span).remove("spanwire.context.format").map(|format| format.as_str().unwrap().to_owned());
        (links.join(", "), format.unwrap_or_default(), span.trace_id.0)
    };
    let whole = traced(&[PARENT], &[]).2;
    for (fields, response, links, format, is_whole) in [
        (&[PARENT][..], &[][..], "", "", true),
        (&[PARENT], &[("traceresponse", TRACEPARENT)], "", "", true),
        (&[PARENT], &[CALLEE], "ff response", "", true),
        (&[PARENT, OTHER, JAEGER], &[CALLEE], "cc header, ff response", "", true),
        (&[JAEGER], &[], "", "jaeger", false),
        // The whole id is known from before.
        (&[SHORT], &[], "", "b3", true),
        (&[], &[CALLEE], "ff response", "", false),
    ] {
        let (found_links, found_format, trace) = traced(fields, response);
        assert_eq!((found_links.as_str(), found_format.as_str()), (links, format), "{fields:?}");
        assert_eq!(trace == whole, is_whole, "{fields:?}");
    }
    assert_eq!(correlator.contexts(), ContextCounts { conflicts: 1, invalid: 0 });
}
