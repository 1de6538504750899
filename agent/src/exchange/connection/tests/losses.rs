//! What becomes of exchanges when bytes are missing.

use super::*;

type Lines = &'static [&'static str];

#[test]
fn losses_are_told_and_pairing_does_not_slip() {
    let body = |text: &str| read(&format!("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{text}"));
    let chunks = read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab");
    let lost = || [gap(Write, 1 << 20), gap(Read, 1 << 20)];
    let cases: [(&str, Vec<Feed>, &[&str]); 9] = [
        (
            "of many exchanges, before the first that was seen",
            [&[lost(), lost(), lost()].concat()[..], &[Feed::Turned, get("/1"), ok("a")]].concat(),
            &["/1 200 Complete a"],
        ),
        (
            "in a body of known length",
            vec![get("/1"), body("abc"), gap(Read, 4), read("yz"), get("/2"), ok("b")],
            &["/1 200 Complete abc(4)yz", "/2 200 Complete b"],
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
            &["/1 200 Lost ab", "/2 200 Complete b", "/3 200 Complete c"],
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

/// A client that is answered while its next request waits is behind by an unknown number of answers.
#[test]
fn a_loss_where_requests_are_pipelined_ends_the_following() {
    let (steps, connection) =
        run(&[get("/1"), get("/2"), get("/3"), ok("a"), gap(Read, 3), ok("b"), get("/4"), ok("b")]);
    assert_eq!(summary(&steps), ["/1 200 Complete a", "/2 0 Lost ", "/3 0 Lost "]);
    assert_eq!(connection.state(), State::Abandoned(Abandoned::Unpaired));
    let (steps, connection) =
        run(&[get("/1"), get("/2"), ok("a"), gap(Read, 3), ok("b"), get("/3"), ok("c")]);
    assert_eq!(
        summary(&steps),
        ["/1 200 Complete a", "/2 200 Complete b", "/3 200 Complete c"],
        "one waits alone"
    );
    assert_eq!(ended(&steps)[1].missing_bytes, 3);
    assert_eq!(connection.state(), State::Following);
}

/// Whatever was lost: the exchange after it is read, or, where several were unanswered, the one after as many
/// turns.
#[test]
fn a_connection_finds_its_footing_again() {
    let feeds = |middle: Vec<Feed>| [middle, vec![get("/8"), ok("8"), get("/9"), ok("9")]].concat();
    let both: Lines = &["/8 200 Complete 8", "/9 200 Complete 9"];
    let last: Lines = &["/8 0 Lost ", "/9 200 Complete 9"];
    // What was lost shows with what comes behind it, as a rule.
    let behind = |bytes| vec![Feed::Turned, get("/8"), gap(Read, bytes), ok("8"), get("/9"), ok("9")];
    let half = read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab");
    let cases: [(&str, Vec<Feed>, Lines, Lines); 10] = [
        ("an answer", [vec![get("/1")], behind(40)].concat(), &["/1 0 Lost "], both),
        ("an answer's end", [vec![get("/1"), half.clone()], behind(9)].concat(), &["/1 200 Lost ab"], both),
        (
            "an exchange but its begin",
            [vec![get("/1"), half.clone(), gap(Write, 30)], behind(70)].concat(),
            &["/1 200 Lost ab"],
            both,
        ),
        (
            "an exchange",
            [vec![get("/1"), ok("a"), gap(Write, 30)], behind(40)].concat(),
            &["/1 200 Complete a"],
            both,
        ),
        ("an interim answer", vec![get("/8"), gap(Read, 25), ok("8"), get("/9"), ok("9")], &[], both),
        (
            "an answer's head",
            feeds(vec![get("/1"), gap(Read, 9), read("1 200 OK\r\n\r\n")]),
            &["/1 0 Lost "],
            both,
        ),
        (
            "the answers to two",
            [vec![get("/1"), get("/2")], behind(80)].concat(),
            &["/1 0 Lost ", "/2 0 Lost "],
            last,
        ),
        (
            "the answer to one of two",
            feeds(vec![get("/1"), get("/2"), gap(Read, 40), ok("b")]),
            &["/1 0 Lost ", "/2 0 Lost "],
            last,
        ),
        (
            "the sign of a request",
            vec![
                get("/1"),
                gap(Read, 40),
                Feed::Unmarked,
                get("/2"),
                ok("b"),
                get("/8"),
                ok("8"),
                get("/9"),
                ok("9"),
            ],
            &["/1 0 Lost ", "/2 0 Lost "],
            both,
        ),
        (
            "a left exchange's answer before the next request's end",
            vec![
                get("/1"),
                Feed::Skip(0),
                get("/2"),
                ok("a"),
                ok("b"),
                get("/8"),
                ok("8"),
                get("/9"),
                ok("9"),
            ],
            &["/2 0 Lost "],
            both,
        ),
    ];
    for (name, feeds, lost, found) in cases {
        let (steps, connection) = run(&feeds);
        assert_eq!(summary(&steps), [lost, found].concat(), "{name}");
        assert_eq!(connection.state(), State::Following, "{name}");
        let last = ended(&steps).pop().unwrap();
        assert_eq!((last.missing_bytes, last.notes.len()), (0, 0), "{name}");
    }
}

/// Answers that cannot be seen: requests end as lost, and the next that is answered is read.
#[test]
fn too_many_unanswered_requests_are_lost() {
    let mut feeds: Vec<_> = (0..100).map(|_| get("/")).collect();
    let (steps, connection) = run(&feeds);
    assert_eq!(ended(&steps).len(), 100);
    assert!(ended(&steps).iter().all(|exchange| exchange.outcome == Outcome::Lost));
    assert_eq!(connection.state(), State::Following);
    feeds.extend((0..64).flat_map(|_| [ok("a"), get("/")]).chain([ok("b")]));
    let (steps, _) = run(&feeds);
    assert_eq!(summary(&steps).last().map(String::as_str), Some("/ 200 Complete b"));
}

/// A request that was sent after bytes of the other direction is not pipelined: the connection goes on.
#[test]
fn a_whole_response_that_was_lost_is_known_at_the_next_request() {
    let feeds =
        [get("/1"), Feed::Turned, get("/2"), gap(Read, 50), ok("b"), Feed::Turned, get("/3"), ok("c")];
    let (steps, connection) = run(&feeds);
    assert_eq!(summary(&steps), ["/1 0 Lost ", "/2 200 Complete b", "/3 200 Complete c"]);
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
