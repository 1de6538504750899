//! What the wire may and may not do to spans.

#![allow(clippy::panic, reason = "a test fails by panicking")]

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

/// Answers that clients read although they bend the rules: the first table of `shared/reference/field-cases.md`.
/// Each is followed by a clean call on the same connection.
#[test]
fn answers_that_bend_the_rules_have_their_tokens() {
    let br = |bytes: &[u8]| {
        let mut encoder = ::brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.into_inner()
    };
    let zstd = |bytes: &[u8]| {
        let mut output = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
        zstd_safe::compress(&mut output, bytes, 3).unwrap();
        output
    };
    let document = ANSWER.as_bytes().to_vec();
    let stream = format!("data: {ANSWER}\n\ndata: [DONE]\n\n").into_bytes();
    let (json, sse) = ("Content-Type: application/json\r\n", "Content-Type: text/event-stream\r\n");
    let length = "Content-Length: 311\r\n";
    for (name, fields, body, in_chunks) in [
        ("both lengths", format!("{json}{length}"), document.clone(), true),
        ("both lengths, a stream", format!("{sse}{length}"), stream.clone(), true),
        ("a stream under a document's label", json.into(), stream.clone(), false),
        ("a document under a stream's label", sse.into(), document.clone(), false),
        ("br", format!("{json}Content-Encoding: br\r\n"), br(&document), false),
        ("br, a stream", format!("{sse}Content-Encoding: br\r\n"), br(&stream), true),
        ("zstd", format!("{json}Content-Encoding: zstd\r\n"), zstd(&document), false),
        ("zstd, a stream", format!("{sse}Content-Encoding: zstd\r\n"), zstd(&stream), true),
    ] {
        let mut bench = Bench::new();
        bench.open();
        bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
        if in_chunks {
            bench.moves(
                Direction::Read,
                &format!("HTTP/1.1 200 OK\r\n{fields}Transfer-Encoding: chunked\r\n\r\n"),
            );
            let size = format!("{:x}\r\n", body.len()).into_bytes();
            bench.moves_bytes(Direction::Read, &[size, body, b"\r\n0\r\n\r\n".to_vec()].concat());
        } else {
            let length = body.len();
            bench.moves(
                Direction::Read,
                &format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {length}\r\n\r\n"),
            );
            bench.moves_bytes(Direction::Read, &body);
        }
        bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
        bench.moves(Direction::Read, &response(ANSWER));
        let spans = bench.spans();
        assert_eq!(spans.len(), 2, "{name}");
        for span in spans {
            assert_eq!(span.status, Status::Unset, "{name}");
            assert_eq!(attribute(span, "gen_ai.usage.input_tokens"), Some(&Value::Int(7)), "{name}");
            assert_eq!(attribute(span, "gen_ai.usage.output_tokens"), Some(&Value::Int(9)), "{name}");
            assert!(attribute(span, "gen_ai.response.finish_reasons").is_some(), "{name}");
            assert_eq!(attribute(span, "spanwire.notes"), None, "{name}");
        }
    }
}

/// A connection that has to go for another one takes no call with it.
#[test]
fn a_call_on_an_evicted_connection_becomes_a_span() {
    for is_open in [false, true] {
        let mut bench = Bench::new();
        if is_open {
            bench.open();
        }
        bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
        for id in (1_000..).take(table::MOST) {
            let connection = ConnectionId(id);
            if is_open {
                let command = String::new();
                bench.handle(Event::Opened {
                    connection,
                    pid: PID,
                    command,
                    program: 0,
                    ends: None,
                    identities: Identities::default(),
                    time_ns: 9_000,
                });
            } else {
                let (bytes, source) = (Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n"), Source::Tls);
                let (direction, original_bytes) = (Direction::Write, 18);
                bench.handle(Event::Chunk(Chunk {
                    connection,
                    pid: PID,
                    tid: PID,
                    direction,
                    source,
                    time_ns: 9_000,
                    position: 0,
                    original_bytes,
                    after_answer: true,
                    bytes,
                }));
            }
        }
        let spans = bench.spans();
        assert_eq!((spans.len(), spans[0].status), (1, Status::Unset));
        let notes: Vec<_> = attribute(spans[0], "spanwire.notes").unwrap().as_strings().collect();
        assert!(notes.iter().any(|note| note.starts_with("too many connections")), "{notes:?}");
        assert_eq!(bench.pipeline.counters.connections_ignored_table_full.get(), 1);
    }
}

#[test]
fn a_get_that_may_have_a_body_is_never_passed_over_unseen() {
    let get = |fields: &str, body: &str| {
        let length = body.len();
        format!(
            "GET /docs/_search HTTP/1.1\r\nHost: search\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
        )
    };
    let json = "Content-Type: application/json\r\n";
    let (words, knn) = (r#"{"query":{"match_all":{}}}"#, r#"{"knn":{"query_vector":[1,2],"k":3}}"#);
    let mut bench = Bench::new();
    bench.open();
    // The kernel side knows them by their first line alone.
    for ordinary in [get("", ""), get(json, words)] {
        bench.moves(Direction::Write, &ordinary);
        bench.moves(Direction::Read, &response(r#"{"hits":{"hits":[]}}"#));
        assert_eq!(bench.verdicts(), [], "{ordinary}");
        bench.moves(Direction::Write, &get(json, knn));
        bench.moves(Direction::Read, &response(r#"{"hits":{"hits":[{"_score":0.5}]}}"#));
    }
    assert_eq!(bench.spans().iter().map(|span| &*span.name).collect::<Vec<_>>(), ["search docs"; 2]);
}
