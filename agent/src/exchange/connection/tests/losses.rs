//! What becomes of exchanges when bytes are missing.

use super::*;

#[test]
fn losses_are_told_and_pairing_does_not_slip() {
    let body = |text: &str| read(&format!("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{text}"));
    let chunks = read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab");
    let cases: [(&str, Vec<Feed>, &[&str]); 8] = [
        (
            "in a body of known length",
            vec![get("/1"), body("abc"), gap(Read, 4), read("yz"), get("/2"), ok("b")],
            &["/1 200 Complete abcyz", "/2 200 Complete b"],
        ),
        (
            "of a response's head",
            vec![get("/1"), gap(Read, 4), read("1 200 OK\r\n\r\n"), get("/2"), ok("b")],
            &["/1 0 Lost ", "/2 200 Complete b"],
        ),
        (
            "between chunks",
            vec![get("/1"), chunks.clone(), gap(Read, 7), read("x\r\n0\r\n\r\n"), get("/2"), ok("b")],
            &["/1 200 Lost ab", "/2 200 Complete b"],
        ),
        (
            "of a stream's last chunk, seen at the next response",
            vec![get("/1"), chunks, get("/2"), gap(Read, 9), ok("b"), get("/3"), ok("c")],
            &["/1 200 Lost ab", "/2 0 Lost ", "/3 200 Complete c"],
        ),
        (
            "of a request's head",
            vec![gap(Write, 3), write("T /1 HTTP/1.1\r\n\r\n"), ok("a"), get("/2"), ok("b")],
            &["/2 200 Complete b"],
        ),
        (
            "of a whole request, seen at the next",
            vec![get("/1"), ok("a"), ok("unseen"), gap(Write, 30), Feed::Turned, get("/3"), ok("c")],
            &["/1 200 Complete a", "/3 200 Complete c"],
        ),
        (
            "in a request's body of known length",
            vec![write(POST), gap(Write, 9), ok("a")],
            &["/v1/chat/completions 200 Complete a"],
        ),
        (
            "of a request's chunks",
            vec![
                write("POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
                gap(Write, 9),
                ok("a"),
                get("/2"),
                ok("b"),
            ],
            &["/1 0 Lost ", "/2 200 Complete b"],
        ),
    ];
    for (name, feeds, expected) in cases {
        let (steps, connection) = run(&feeds);
        assert_eq!(summary(&steps), expected, "{name}");
        assert_eq!(connection.state(), State::Following, "{name}");
    }
    let (steps, _) = run(&[get("/1"), body("abc"), gap(Read, 4), read("yz")]);
    assert_eq!(ended(&steps)[0].missing_bytes, 4);
    assert_eq!(ended(&steps)[0].response_body_bytes, 9);
    assert_eq!(ended(&steps)[0].notes, ["response body has a gap"]);
}

#[test]
fn a_loss_among_pipelined_requests_ends_the_following() {
    let (steps, connection) = run(&[get("/1"), get("/2"), gap(Read, 3), ok("b"), get("/3"), ok("b")]);
    assert_eq!(summary(&steps), ["/1 0 Lost ", "/2 0 Lost "]);
    assert_eq!(connection.state(), State::Abandoned(Abandoned::Unpaired));
    let many: Vec<_> = (0..65).map(|_| get("/")).collect();
    assert_eq!(run(&many).1.state(), State::Abandoned(Abandoned::Unpaired));
}

/// A request that was sent after bytes of the other direction is not pipelined: the connection goes on.
#[test]
fn a_whole_response_that_was_lost_is_known_at_the_next_request() {
    let feeds =
        [get("/1"), Feed::Turned, get("/2"), gap(Read, 50), ok("b"), Feed::Turned, get("/3"), ok("c")];
    let (steps, connection) = run(&feeds);
    assert_eq!(summary(&steps), ["/1 0 Lost ", "/2 0 Lost ", "/3 200 Complete c"]);
    assert_eq!(connection.state(), State::Following);
    // One that is: the server answers the first, and its client goes on.
    let (steps, connection) =
        run(&[get("/1"), get("/2"), ok("a"), Feed::Turned, get("/3"), ok("b"), ok("c")]);
    assert_eq!(summary(&steps), ["/1 200 Complete a", "/2 200 Complete b", "/3 200 Complete c"]);
    assert_eq!(connection.state(), State::Following);
}

/// The response to a request behind a loss must be read from its begin, not from where one is found.
#[test]
fn a_second_loss_does_not_let_the_next_response_in() {
    let (steps, _) = run(&[
        get("/1"),
        gap(Read, 40),
        get("/2"),
        gap(Read, 5),
        read("1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
        get("/3"),
        ok("c"),
    ]);
    assert_eq!(summary(&steps), ["/1 0 Lost ", "/2 0 Lost ", "/3 200 Complete c"]);
}

#[test]
fn nothing_is_decompressed_behind_a_gap() {
    let body = gzip(b"data: one\n\ndata: two\n\n");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let (steps, _) = run(&[
        get("/1"),
        read(&head),
        Feed::Data(Read, body[..10].to_vec()),
        gap(Read, 1),
        Feed::Data(Read, body[11..].to_vec()),
    ]);
    assert_eq!(summary(&steps), ["/1 200 Complete [!@40]"]);
    assert_eq!(ended(&steps)[0].notes, ["response body has a gap", "compressed body has a gap"]);
}
