//! What processes serve that take part in traces, and ask of others than providers.

use super::*;

impl Bench {
    /// With what traced processes serve and ask.
    fn with_services() -> Self {
        let mut bench = Self::new();
        bench.pipeline = bench.pipeline.with_http(true);
        bench
    }

    /// Bytes on a plain socket, of which so many were captured.
    fn moves_plain(&mut self, connection: u64, direction: Direction, bytes: &str, original_bytes: usize) {
        let moved = self.plain.entry(connection).or_default();
        let index = usize::from(direction == Direction::Write);
        self.time_ns += 1_000;
        let (position, requests) = (moved.bytes[index], *moved.requests.get_or_insert(direction));
        moved.bytes[index] += original_bytes as u64;
        let turns = moved.last.replace(direction) != Some(direction);
        self.handle(Event::Chunk(Chunk {
            connection: ConnectionId(connection),
            pid: PID,
            tid: PID,
            direction,
            source: Source::Socket,
            time_ns: self.time_ns,
            position,
            original_bytes: u32::try_from(original_bytes).unwrap(),
            after_answer: turns && direction == requests && !bytes.is_empty(),
            bytes: Bytes::copy_from_slice(bytes.as_bytes()),
        }));
    }
}

#[test]
fn what_a_process_serves_is_a_span_without_its_bodies() {
    let mut bench = Bench::with_services();
    bench.moves_plain(
        7,
        Direction::Read,
        "POST /task HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
        51 + 9,
    );
    bench.moves_plain(7, Direction::Write, "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n", 47 + 20);
    bench.moves_plain(7, Direction::Write, "", 40);
    assert!(bench.spans().is_empty());
    bench.moves_plain(7, Direction::Write, "0\r\n\r\n", 5);
    let spans = bench.spans();
    assert_eq!((spans.len(), spans[0].kind), (1, crate::correlate::span::Kind::Server));
    assert_eq!(attribute(spans[0], "http.response.status_code"), Some(&Value::Int(500)));
    assert_eq!(attribute(spans[0], "url.path"), Some(&Value::String("/task".to_owned())));
    assert_eq!(attribute(spans[0], "spanwire.notes"), None);
    let counters = &bench.pipeline.counters;
    assert_eq!(
        (counters.http_requests.get(), counters.calls.get(), counters.stream_gap_bytes.get()),
        (1, 0, 0)
    );
}

#[test]
fn what_a_process_that_asks_a_provider_asks_of_others_is_a_span() {
    let mut bench = Bench::with_services();
    let other = "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789";
    bench.moves_plain(8, Direction::Write, other, other.len());
    assert_eq!(bench.verdicts()[0].2, Verdict::SkipExchange, "nothing is known of it yet");
    let ask = request("/v1/chat/completions", BODY);
    bench.moves_plain(9, Direction::Write, &ask, ask.len());
    let traced = |effect: &&Effect| matches!(effect, Effect::Traced { pid: PID });
    assert_eq!(bench.effects.iter().filter(traced).count(), 1);
    bench.moves_plain(12, Direction::Write, other, other.len());
    assert_eq!(bench.verdicts().last().unwrap().2, Verdict::SkipExchange, "it serves nobody");
    let task = "GET /task HTTP/1.1\r\nHost: a\r\n\r\n";
    bench.moves_plain(13, Direction::Read, task, task.len());
    bench.moves_plain(10, Direction::Write, other, other.len());
    assert_eq!(bench.verdicts().last().unwrap().2, Verdict::Heads);
    bench.moves_plain(10, Direction::Read, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 38);
    bench.moves_plain(10, Direction::Read, "", 9);
    assert!(bench.spans().is_empty(), "it waits for what it is a part of");
    bench.moves_plain(13, Direction::Write, &response(""), response("").len());
    let spans = bench.spans();
    assert_eq!((spans.len(), spans[0].kind), (2, crate::correlate::span::Kind::Client));
    assert_eq!((spans[0].parent, spans[1].parent), (Some(spans[1].span_id), None));
    assert_eq!(attribute(spans[0], "url.path"), Some(&Value::String("/orders".to_owned())));
    assert_eq!(attribute(spans[0], "spanwire.notes"), None);
    // The next request on the same connection may be to a provider.
    bench.moves_plain(10, Direction::Write, &ask, ask.len());
    bench.moves_plain(10, Direction::Read, &response(ANSWER), response(ANSWER).len());
    assert_eq!(bench.spans()[2].name, "chat gpt-4o");
    let export = "POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    bench.moves_plain(11, Direction::Write, export, export.len());
    bench.moves_plain(11, Direction::Read, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38);
    assert!(
        bench.verdicts().iter().all(|(id, ..)| *id != ConnectionId(11)) && bench.spans().len() == 3,
        "spans of spans"
    );
}
