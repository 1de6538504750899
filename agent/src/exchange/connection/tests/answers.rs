//! Answers as they come, and how their bodies are coded.

use super::*;

/// An answer that the observer cannot read is no fault of the call's, and the next one is read.
#[test]
fn answers_that_clients_read_are_read() {
    let body = "{\"a\":1}";
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let fields = |count| "x: y\r\n".repeat(count);
    let long = format!("x: {}\r\n", "y".repeat(200_000));
    let length = format!("Content-Length: {}\r\n", body.len());
    let whole = "/1 200 Complete {\"a\":1}";
    let coding = "Transfer-Encoding: chunked\r\n";
    for (head, body, expected, note) in [
        (format!("HTTP/1.1 200 OK\r\n{coding}Content-Length: 311\r\n"), &*chunked, whole, None),
        (format!("HTTP/1.1 200 OK\r\nContent-Length: 311\r\n{coding}"), &*chunked, whole, None),
        (format!("HTTP/1.1 200 OK\r\nContent-Length: no\r\n{coding}{coding}"), &*chunked, whole, None),
        (format!("HTTP/1.0 200 OK\r\n{coding}"), &*chunked, whole, None),
        (format!("HTTP/1.1 200 OK\r\n{length}{length}"), body, whole, None),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\nx: y\r\n\tz\r\n".into(),
            &*chunked,
            whole,
            None,
        ),
        (format!("HTTP/1.1 200 OK\r\nServer : x\r\n{length}"), body, whole, None),
        (format!("HTTP/1.1 200  OK\r\nno colon\r\na b: c\r\n{length}"), body, whole, None),
        (format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n{length}"), body, whole, None),
        (format!("HTTP/1.1 200 OK\r\n{}{length}", fields(1_000)), body, whole, None),
        (format!("HTTP/1.1 200 OK\r\n{long}{length}"), body, whole, None),
        (
            "HTTP/1.1 413 No\r\nContent-Length: 1\r\nContent-Length: 2\r\n".into(),
            body,
            "/1 413 Unreadable ",
            Some("conflicting content-length"),
        ),
        (
            format!("HTTP/1.1 200 OK\r\n{}{length}", fields(5_000)),
            body,
            "/1 0 Unreadable ",
            Some("too many header fields"),
        ),
        (
            format!("HTTP/1.1 200 OK\r\n{long}{long}{length}"),
            body,
            "/1 0 Unreadable ",
            Some("head too large"),
        ),
        ("ICY 200 OK\r\n".into(), body, "/1 0 Unreadable ", Some("no message where one must begin")),
        (format!("HTTP/1.1 200 OK\r\n{coding}"), "x\r\n", "/1 200 Unreadable ", Some("invalid chunk")),
    ] {
        let (steps, connection) = run(&[get("/1"), read(&format!("{head}\r\n{body}")), get("/2"), ok("b")]);
        assert_eq!(summary(&steps), [expected, "/2 200 Complete b"], "{note:?}");
        assert_eq!(ended(&steps)[0].notes, note.as_slice(), "{expected}");
        assert_eq!(connection.state(), State::Following);
    }
}

#[test]
fn trailers_are_handed_on_behind_the_body() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = format!("{head}7\r\ndata: a\r\n0\r\nServer: s\r\nAuthorization: secret\r\n\r\n");
    let (steps, _) = run(&[get("/1"), read(&answer), get("/2"), ok("b")]);
    assert_eq!(summary(&steps), [r#"/1 200 Complete [a@10]Headers([("server", "s")])"#, "/2 200 Complete b"]);
}

#[test]
fn codings_that_are_not_undone_are_noted() {
    for (field, note) in [
        ("Content-Encoding: compress", "unsupported content encoding"),
        ("Content-Encoding: gzip\r\nContent-Encoding: compress", "unsupported content encoding"),
        ("Content-Encoding: gzip", "invalid compressed body"),
    ] {
        let (steps, _) =
            run(&[get("/1"), read(&format!("HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: 4\r\n\r\nbody"))]);
        assert_eq!(summary(&steps), ["/1 200 Complete "]);
        assert_eq!(
            (ended(&steps)[0].notes.as_slice(), ended(&steps)[0].response_body_bytes),
            (&[note][..], 4)
        );
        assert!(ended(&steps)[0].response_undecoded && !ended(&steps)[0].request_undecoded);
    }
    let (steps, _) = run(&[
        get("/1"),
        read("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
    ]);
    assert_eq!(ended(&steps)[0].notes, ["unsupported transfer coding"]);
}

#[test]
fn compressed_request_bodies_are_undone() {
    let body = gzip(b"{\"model\":\"m\"}");
    let head =
        format!("POST /1 HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
    let (steps, _) = run(&[write(&head), Feed::Data(Write, body.clone()), ok("")]);
    assert_eq!(request_body(&steps), b"{\"model\":\"m\"}");
    assert_eq!(ended(&steps)[0].request_body_bytes, body.len() as u64);
}

/// The label is one thing, the body another: clients read the body.
#[test]
fn bodies_are_read_as_what_they_are() {
    let stream = "data: {\"a\":1}\n\ndata: [DONE]\n\n";
    let events = "[{\"a\":1}@10][[DONE]@10]";
    let document = "{\"id\":1}";
    let lines = "{\"a\":1}\n{\"b\":2}\n";
    for (content_type, body, expected) in [
        ("application/json", stream, events),
        ("text/event-stream", document, document),
        ("text/event-stream", stream, events),
        ("application/json", document, document),
        ("application/json", "\n\n{\"id\":1}", "\n\n{\"id\":1}"),
        ("text/plain", ": ping\n\nevent: x\ndata: y\n\n", "[y@10]"),
        ("text/event-stream", "\u{feff}data: x\n\n", "[x@10]"),
        ("text/event-stream", "[1]", "[1]"),
        ("application/x-ndjson", lines, "<{\"a\":1}@10><{\"b\":2}@10>"),
        ("Application/JSONL; charset=utf-8", "{\"a\":1}", "<{\"a\":1}@10>"),
        ("application/x-ndjson", stream, events),
        ("application/json", "dat", "dat"),
        ("text/event-stream", "data", "[@10]"),
        ("application/json", "database", "database"),
        ("application/json", "", ""),
    ] {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let (steps, _) = run(&[get("/1"), read(&format!("{head}{body}"))]);
        let expected = format!("/1 200 Complete {expected}");
        assert_eq!(summary(&steps), [&*expected], "{content_type}");
        // The same, byte by byte, but for blanks before anything.
        let pieces = body.bytes().map(|byte| (10, Feed::Data(Read, vec![byte])));
        let feeds: Vec<_> = [(0, get("/1")), (10, read(&head))].into_iter().chain(pieces).collect();
        let (steps, _) = run_timed(&feeds, Limits::default());
        assert_eq!(summary(&steps), [expected.replace('\n', "")], "{content_type} byte by byte");
    }
}

#[test]
fn lines_have_their_times_and_say_what_they_lack() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 99\r\n\r\n";
    let (steps, _) = run(&[
        get("/1"),
        read(head),
        read("{1}\n{2"),
        read("}\n"),
        read("{3"),
        gap(Read, 4),
        read("x\n{4}\n{5"),
        Feed::End(End::Closed),
    ]);
    assert_eq!(summary(&steps), ["/1 200 Cancelled <{1}@20><{2}@30><{3!@60><{4}@60><{5!@60>"]);
}

#[test]
fn packed_answers_are_unpacked() {
    let br = |bytes: &[u8]| {
        let mut encoder = ::brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
        encoder.write_all(bytes).unwrap();
        encoder.into_inner()
    };
    let zstd = |bytes: &[u8]| {
        let mut output = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
        zstd_safe::compress(&mut output, bytes, 3).unwrap();
        output
    };
    let (document, stream) = (&b"{\"id\":1}"[..], &b"data: a\n\ndata: b\n\n"[..]);
    for (coding, pack) in [("br", &br as &dyn Fn(&[u8]) -> Vec<u8>), ("zstd", &zstd), ("gzip", &gzip)] {
        for (body, expected) in
            [(document, "/1 200 Complete {\"id\":1}"), (stream, "/1 200 Complete [a@20][b@20]")]
        {
            let packed = pack(body);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
                packed.len()
            );
            let (steps, _) = run(&[get("/1"), read(&head), Feed::Data(Read, packed)]);
            assert_eq!(summary(&steps), [expected], "{coding}");
            assert!(ended(&steps)[0].notes.is_empty() && !ended(&steps)[0].response_undecoded);
        }
    }
}
