//! Trees whose measures were computed by hand.

use super::*;
use Kind::{Client, Consumer, Internal, Server};

/// Depth, fan-out, service hops, external hops, fragments, whether there is a root.
type Form = (u64, u64, u64, u64, u64, bool);

/// Calls, priced, input, output, dollars.
type Bill = (u64, u64, u64, u64, f64);

fn form(measures: &Measures) -> Form {
    let Shape { depth, fan_out, service_hops, external_hops, fragments, has_root } = measures.shape.unwrap();
    (depth, fan_out, service_hops, external_hops, fragments, has_root)
}

fn calls(span: Span, server: &str) -> Span {
    with(span, names::SERVER_ADDRESS, server)
}

#[test]
fn forms() {
    let gateway = || {
        vec![
            span(1, 0, Server, "gateway"),
            calls(span(2, 1, Client, "gateway"), "orchestrator"),
            span(3, 2, Server, "orchestrator"),
            calls(span(4, 3, Client, "orchestrator"), "api.openai.com"),
            calls(span(5, 3, Client, "orchestrator"), "qdrant"),
            calls(span(6, 3, Client, "orchestrator"), "tools"),
            span(7, 6, Server, "tools"),
            calls(span(8, 7, Client, "tools"), "api.openai.com"),
            calls(span(9, 3, Client, "orchestrator"), "api.openai.com"),
        ]
    };
    let without = |id: u64| {
        let mut spans = gateway();
        spans.retain(|span| span.span_id.0 != id.to_be_bytes());
        spans
    };
    let cases: Vec<(&str, Vec<Span>, Form, [u64; 3])> = vec![
        // Then: spans that name a parent, orphans, orphans without excuse.
        ("one call", vec![calls(span(1, 0, Client, "a"), "x")], (1, 0, 0, 1, 1, true), [0, 0, 0]),
        ("gateway, orchestrator, tools", gateway(), (6, 4, 2, 2, 1, true), [8, 0, 0]),
        ("the root is missing", without(1), (5, 4, 2, 2, 1, false), [8, 1, 0]),
        ("the middle is missing", without(3), (3, 1, 1, 3, 5, true), [7, 4, 0]),
        (
            "two roots",
            vec![span(1, 0, Client, "a"), span(2, 0, Client, "a")],
            (1, 0, 0, 0, 2, true),
            [0, 0, 0],
        ),
        ("its own parent", vec![span(1, 1, Client, "a")], (1, 1, 0, 0, 1, false), [1, 0, 0]),
        (
            "a cycle of three services with a tail",
            vec![
                span(1, 3, Client, "a"),
                span(2, 1, Server, "b"),
                span(3, 2, Client, "c"),
                span(4, 3, Server, "d"),
            ],
            (4, 2, 3, 0, 1, false),
            [4, 0, 0],
        ),
        (
            "a cycle beside a root",
            vec![span(1, 0, Internal, "a"), span(2, 3, Internal, "a"), span(3, 2, Internal, "a")],
            (2, 1, 0, 0, 2, true),
            [2, 0, 0],
        ),
        (
            "an id that client and server share (B3): the server has its parent's place, its children are its own",
            vec![
                span(1, 0, Client, "a"),
                span(1, 1, Server, "b"),
                span(2, 1, Client, "b"),
                span(3, 1, Client, "c"),
            ],
            (3, 2, 2, 0, 1, true),
            [3, 0, 0],
        ),
        (
            "the same span three times",
            vec![span(1, 0, Client, "a"), span(1, 0, Client, "a"), span(1, 0, Client, "a")],
            (1, 0, 0, 0, 1, true),
            [0, 0, 0],
        ),
        (
            "a message that is consumed",
            vec![calls(span(1, 0, Client, "a"), "x"), span(2, 1, Consumer, "b")],
            (2, 1, 1, 0, 1, true),
            [1, 0, 0],
        ),
    ];
    for (what, spans, expected, [linked, orphans, unexcused]) in cases {
        let measures = measured(&spans);
        let counts = counts(&measures);
        assert_eq!(form(&measures), expected, "{what}");
        assert_eq!(counts.linked, linked, "{what}");
        assert_eq!(counts.orphans.iter().sum::<u64>(), orphans, "{what}");
        assert_eq!(counts.orphans[0], unexcused, "{what}: {:?}", counts.orphans);
    }
}

#[test]
fn why_parents_are_missing() {
    let from = |peer: &str| with(span(1, 9, Server, "a"), names::NETWORK_PEER_ADDRESS, peer);
    let local = |peer: &str, own: &str| with(from(peer), names::NETWORK_LOCAL_ADDRESS, own);
    for (what, span, cause) in [
        ("a peer elsewhere", local("192.0.2.7", "10.0.0.1"), "remote"),
        ("a peer with the same address", local("10.0.0.1", "10.0.0.1"), "unknown"),
        ("the same in IPv6", local("::ffff:10.0.0.1", "10.0.0.1"), "unknown"),
        ("loopback", from("127.0.0.1"), "unknown"),
        ("a Unix socket", span(1, 9, Server, "a"), "unknown"),
        ("not sampled", Span { flags: 0, ..from("127.0.0.1") }, "unsampled"),
        ("a client's header", span(1, 9, Client, "a"), "own_tracer"),
    ] {
        let counts = counts(&measured(&[span]));
        let at = CAUSES.iter().position(|name| *name == cause).unwrap();
        assert_eq!((counts.orphans[at], counts.linked), (1, 1), "{what}");
    }
}

#[test]
fn a_link_that_the_agent_made_has_no_excuse() {
    let hasher = Hasher::default();
    for (method, at, orphans) in [
        ("header", 0, [0, 0, 1, 0]),
        ("thread", 2, [1, 0, 0, 0]),
        ("content", 5, [1, 0, 0, 0]),
        ("a new one", 6, [1, 0, 0, 0]),
    ] {
        let mut node = Node::of(&with(span(1, 9, Client, "a"), "spanwire.link.method", method), &hasher);
        node.sampled = false;
        let measures = measure(&[node], Uncounted::default(), &Perimeter::default()).unwrap();
        let counts = counts(&measures);
        assert_eq!((counts.orphans, counts.methods[at]), (orphans, 1), "{method}");
    }
}

#[test]
fn times_and_errors() {
    let measures = measured(&[
        at(span(1, 0, Server, "a"), 100, 500),
        // Within the skew of one host.
        Span { status: Status::Error, ..at(span(2, 1, Client, "a"), 99, 502) },
        // Before its parent begins, and after it ends.
        at(span(3, 1, Client, "a"), 90, 100),
        at(span(4, 1, Client, "b"), 500, 400),
    ]);
    assert_eq!(measures.duration, Duration::from_millis(810));
    assert_eq!(measures.root_duration, Some(Duration::from_millis(500)));
    assert_eq!((measures.spans, measures.errors), (4, 1));
    let counts = counts(&measures);
    assert_eq!((counts.joined, counts.outside_parent), (3, 2));
    let shares: Vec<_> = measures
        .shares
        .iter()
        .map(|share| (share.process.service_name.as_str(), share.counts.spans))
        .collect();
    assert_eq!(shares, [("a", 3), ("b", 1)]);
    assert_eq!(measures.entry.service_name, "a");
}

#[test]
fn each_call_is_billed_once() {
    let gateway = |inner: Span| {
        vec![
            call(1, 0, (10, 5), None, Some("outer")),
            span(2, 1, Server, "gateway"),
            Span { parent: Some(SpanId(2_u64.to_be_bytes())), ..inner },
        ]
    };
    let embeddings = {
        let mut span = call(3, 0, (7, 0), Some(0.25), None);
        span.attributes[0].1 = "embeddings".into();
        span
    };
    let inner_agent = |mut span: Span| {
        span.kind = Internal;
        span.attributes[0].1 = "invoke_agent".into();
        span
    };
    let cases: Vec<(&str, Vec<Span>, Option<Bill>)> = vec![
        ("nothing used", vec![span(1, 0, Client, "a")], None),
        (
            "two calls",
            vec![call(1, 0, (10, 5), Some(0.5), None), call(2, 0, (1, 2), None, None)],
            Some((2, 1, 11, 7, 0.5)),
        ),
        (
            "one response seen twice: the one with a cost counts",
            vec![call(1, 0, (10, 5), None, Some("r")), call(2, 0, (10, 5), Some(0.5), Some("r"))],
            Some((1, 1, 10, 5, 0.5)),
        ),
        (
            "through a gateway: what it used",
            gateway(call(3, 2, (12, 6), Some(0.75), Some("inner"))),
            Some((1, 1, 12, 6, 0.75)),
        ),
        ("a gateway that embeds, and answers by itself", gateway(embeddings), Some((2, 1, 17, 5, 0.25))),
        (
            "a second call with the first one's header",
            vec![call(1, 0, (10, 5), None, None), call(2, 1, (1, 2), None, None)],
            Some((2, 0, 11, 7, 0.0)),
        ),
        (
            "an agent's sums",
            vec![inner_agent(call(1, 0, (10, 5), Some(0.5), None)), call(2, 1, (10, 5), Some(0.5), None)],
            Some((1, 1, 10, 5, 0.5)),
        ),
    ];
    for (what, spans, expected) in cases {
        let billed = measured(&spans).billed;
        let got =
            billed.map(|billed| (billed.calls, billed.priced, billed.input, billed.output, billed.cost));
        assert_eq!(got, expected, "{what}");
    }
}

#[test]
fn subsets_of_tokens_stand_apart() {
    let mut span = call(1, 0, (100, 50), None, None);
    span = with(span, names::USAGE_CACHE_READ_INPUT_TOKENS, Value::Int(80));
    span = with(span, names::USAGE_REASONING_OUTPUT_TOKENS, Value::Int(30));
    let billed = measured(&[span]).billed.unwrap();
    assert_eq!((billed.input, billed.output, billed.cache_read, billed.reasoning), (100, 50, 80, 30));
}
