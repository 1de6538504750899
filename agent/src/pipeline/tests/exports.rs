//! Spans that programs hand to receivers of their own.

use super::*;

/// A call whose request has a header.
fn call(bench: &mut Bench) {
    let traceparent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = request("/v1/chat/completions", BODY).replace("Authorization: Bearer sk-x", traceparent);
    bench.moves(Direction::Write, &request);
    bench.moves(Direction::Read, &response(ANSWER));
}

#[test]
fn an_export_is_followed_to_its_answer_once_in_a_while() {
    let mut bench = Bench::new();
    bench.open();
    call(&mut bench);
    assert_eq!(bench.spans().len(), 0, "it waits");
    bench.moves(Direction::Write, &request("/v1/traces", "{}"));
    assert_eq!(bench.spans().len(), 1, "the header's id is the program's own");
    assert!(bench.spans()[0].parent.is_some());
    assert_eq!(bench.verdicts(), [], "its answer is looked at");
    bench.moves(Direction::Read, &response("{}"));
    call(&mut bench);
    let began = bench.moved[1];
    bench.moves(Direction::Write, &request("/v1/traces", "{}"));
    assert_eq!(bench.verdicts(), [(SESSION, began, Verdict::SkipExchange)], "that was just accepted");
    assert_eq!(bench.spans().len(), 2);
}

#[test]
fn a_program_whose_spans_nobody_takes_exports_none() {
    for answer in ["HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", ""] {
        let mut bench = Bench::new();
        bench.open();
        call(&mut bench);
        bench.moves(Direction::Write, &request("/v1/traces", "{}"));
        if answer.is_empty() {
            bench.end(SESSION, End::PeerClosed);
            bench.end(SESSION, End::Closed);
            bench.end(SOCKET, End::Closed);
        } else {
            bench.moves(Direction::Read, answer);
        }
        bench.effects.clear();
        bench.time_ns += REFUSED_NS;
        if answer.is_empty() {
            (bench.moved, bench.requests, bench.last) = ([0; 2], None, None);
            bench.open();
        }
        call(&mut bench);
        assert_eq!(bench.spans().len(), 1, "{answer}");
        assert_eq!(bench.spans()[0].parent, None, "nobody else has the header's id: {answer}");
    }
}
