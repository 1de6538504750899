//! Exchanges of which nothing but the heads is captured.

use super::*;

/// The end is known by the length, by the last chunk, or by the next request; and nothing counts as missing.
#[test]
fn bodies_that_are_left_are_counted() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let asked = |rest: &[Feed]| [&[write(POST), Feed::LeaveBodies(0), gap(Write, 9)][..], rest].concat();
    let cases: [(&str, Vec<Feed>, &[&str]); 5] = [
        (
            "by its length",
            asked(&[read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), gap(Read, 9)]),
            &["/v1/chat/completions 200 Complete "],
        ),
        (
            "by the last chunk",
            asked(&[read(chunked), gap(Read, 70), read("0\r\n"), read("\r\n")]),
            &["/v1/chat/completions 200 Complete "],
        ),
        (
            "by the last chunk, with its head",
            asked(&[read(&format!("{chunked}2\r\nab\r\n0\r\n\r\n"))]),
            &["/v1/chat/completions 200 Complete "],
        ),
        (
            "by the next request",
            asked(&[read(chunked), gap(Read, 70), get("/2"), ok("b")]),
            &["/v1/chat/completions 200 Complete ", "/2 200 Complete b"],
        ),
        ("not", asked(&[read(chunked), gap(Read, 70)]), &[]),
    ];
    for (name, feeds, expected) in cases {
        let (steps, connection) = run(&feeds);
        assert_eq!(summary(&steps), expected, "{name}");
        assert_eq!(connection.state(), State::Following, "{name}");
        for exchange in ended(&steps) {
            assert_eq!((exchange.missing_bytes, &exchange.notes[..]), (0, &[][..]), "{name}");
        }
    }
}

/// It is over when its last bytes moved, though these were not captured.
#[test]
fn bodies_that_are_left_take_their_time() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    let (steps, _) =
        run(&[write(POST), Feed::LeaveBodies(0), gap(Write, 9), read(head), gap(Read, 5), gap(Read, 4)]);
    let exchange = &ended(&steps)[0];
    assert_eq!((exchange.started_ns, exchange.ended_ns), (0, 50));
    assert_eq!((exchange.request_body_bytes, exchange.response_body_bytes), (9, 9));
}
