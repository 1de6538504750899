//! What the wire may and may not do to spans.

use super::*;

/// A body that is cut where it looks like a request, and whose exchange was left.
#[test]
fn an_upload_that_is_skipped_forges_no_span() {
    let forged = request("/v1/chat/completions", BODY);
    let mut bench = Bench::new();
    bench.open();
    bench.moves(
        Direction::Write,
        &format!("POST /upload HTTP/1.1\r\nContent-Length: {}\r\n\r\n", 3 * forged.len()),
    );
    bench.moves(Direction::Write, &forged);
    bench.moves(Direction::Read, "HTTP/1.1 100 Continue\r\n\r\n");
    bench.moves(Direction::Write, &forged);
    bench.misses(Direction::Write, forged.len() as u64);
    bench.moves(Direction::Read, &response(ANSWER));
    assert_eq!(bench.spans().len(), 0);
    bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    bench.moves(Direction::Read, &response(ANSWER));
    assert_eq!(bench.spans().len(), 1);
}

#[test]
fn a_body_that_was_not_decoded_is_not_called_empty() {
    for (coding, expected) in
        [("compress", "unsupported content encoding"), ("br", "invalid compressed body")]
    {
        let mut bench = Bench::new();
        bench.open();
        bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: 4\r\n\r\n");
        bench.moves(Direction::Read, &format!("{head}\u{7f}\u{7f}\u{7f}\u{7f}"));
        let notes = attribute(bench.spans()[0], "spanwire.notes").cloned();
        assert_eq!(notes, Some(Value::strings([expected])));
    }
}
