//! The memory budget, and connections of which nothing comes any more.

use super::*;
use crate::telemetry::Counter;

const BUDGET: usize = 1 << 20;

impl Bench {
    fn small() -> Self {
        let mut bench = Self::new();
        bench.pipeline.memory_budget = BUDGET;
        bench
    }

    /// A client that begins to send on a connection of its own.
    fn sends(&mut self, connection: u64, position: u64, bytes: &[u8]) {
        self.answers(connection, position, bytes, Direction::Write);
    }

    fn answers(&mut self, connection: u64, position: u64, bytes: &[u8], direction: Direction) {
        self.time_ns += 1_000;
        self.handle(Event::Chunk(Chunk {
            connection: ConnectionId(connection),
            pid: PID,
            tid: PID,
            direction,
            source: Source::Tls,
            time_ns: self.time_ns,
            position,
            original_bytes: u32::try_from(bytes.len()).unwrap(),
            after_answer: position == 0 && direction == Direction::Write,
            bytes: Bytes::copy_from_slice(bytes),
        }));
        assert!(self.pipeline.table.held_bytes() <= BUDGET, "{}", self.pipeline.table.held_bytes());
    }

    fn shed(&self) -> u64 {
        self.pipeline.counters.connections_shed.get()
    }
}

#[test]
fn hostile_connections_stay_within_the_budget_together() {
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nX: {}", "x".repeat(100_000));
    let event =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {}", "x".repeat(100_000));
    // Heads without end.
    let mut bench = Bench::small();
    for connection in 100..200 {
        bench.sends(connection, 0, head.as_bytes());
    }
    assert!(bench.shed() > 80, "{}", bench.shed());
    // Events without end: their calls end, and say why.
    let mut bench = Bench::small();
    for connection in 100..200 {
        bench.sends(connection, 0, request("/v1/chat/completions", BODY).as_bytes());
        bench.answers(connection, 0, event.as_bytes(), Direction::Read);
    }
    let spans = bench.spans();
    assert_eq!(spans.len() as u64, bench.shed());
    for span in spans {
        let notes: Vec<_> = attribute(span, "spanwire.notes").unwrap().as_strings().collect();
        assert!(notes.contains(&"dropped to stay within the memory budget"), "{notes:?}");
        assert_eq!(span.status, Status::Unset, "it is not the call that failed");
        assert!(attribute(span, "gen_ai.request.model").is_some(), "what was known is told");
    }
    // Pipelined requests with decoders.
    let mut bench = Bench::small();
    let one = "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\n\u{1f}";
    for connection in 100..200 {
        bench.sends(connection, 0, one.repeat(64).as_bytes());
    }
    assert!(bench.shed() > 0);
}

#[test]
fn connections_without_a_call_go_first_and_all_are_followed_on() {
    let mut bench = Bench::small();
    let call = request("/v1/chat/completions", BODY);
    bench.sends(99, 0, call.as_bytes());
    let head = format!("POST / HTTP/1.1\r\nHost: h\r\nX: {}", "x".repeat(100_000));
    for connection in 100..120 {
        bench.sends(connection, 0, head.as_bytes());
    }
    assert!(bench.shed() > 0);
    assert_eq!(bench.spans().len(), 0, "the call is not among those that went");
    bench.answers(99, 0, response(ANSWER).as_bytes(), Direction::Read);
    assert_eq!(bench.spans().len(), 1);
    // The first to go was 100; what it asks next is read.
    bench.answers(100, 0, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", Direction::Read);
    bench.time_ns += 1_000;
    let position = head.len() as u64;
    bench.handle(Event::Chunk(Chunk {
        connection: ConnectionId(100),
        pid: PID,
        tid: PID,
        direction: Direction::Write,
        source: Source::Tls,
        time_ns: bench.time_ns,
        position,
        original_bytes: u32::try_from(call.len()).unwrap(),
        after_answer: true,
        bytes: Bytes::from(call.clone().into_bytes()),
    }));
    let answer = response(ANSWER);
    bench.answers(100, 47, answer.as_bytes(), Direction::Read);
    assert_eq!(bench.spans().len(), 2);
}

#[test]
fn a_connection_on_which_nothing_comes_for_an_hour_is_let_go() {
    let mut bench = Bench::new();
    bench.open();
    bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    let refresh = |bench: &mut Bench, minutes: u64| {
        let now_ns = bench.time_ns + minutes * 60_000_000_000;
        let Bench { pipeline, effects, .. } = bench;
        pipeline.refresh(now_ns, &mut |effect| effects.push(effect));
    };
    refresh(&mut bench, 59);
    assert_eq!(bench.spans().len(), 0);
    refresh(&mut bench, 61);
    assert_eq!(bench.spans().len(), 1);
    assert_eq!(bench.pipeline.counters.connections_expired.get(), 1);
    assert_eq!(bench.pipeline.table.held_bytes(), 0);
}

#[test]
fn what_is_under_way_at_the_stop_is_handed_out() {
    let mut bench = Bench::new();
    bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    let effects = &mut bench.effects;
    bench.pipeline.finish(9_000, None, &mut |effect| effects.push(effect));
    // It did not fail: it was no longer looked at.
    assert_eq!((bench.spans().len(), bench.spans()[0].status), (1, Status::Unset));
}

#[test]
fn what_is_under_way_is_measured() {
    let mut bench = Bench::new();
    let measured = |bench: &Bench| {
        bench.pipeline.measure();
        let gauges = &bench.pipeline.counters.gauges;
        [&gauges.connections_open, &gauges.conversations_open, &gauges.exchanges_open].map(Counter::get)
    };
    assert_eq!(measured(&bench), [0, 0, 0]);
    bench.open();
    assert_eq!(measured(&bench), [1, 0, 0]);
    bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    assert_eq!(measured(&bench), [1, 1, 1]);
    bench.moves(Direction::Read, &response(ANSWER));
    assert_eq!(measured(&bench), [1, 1, 0]);
    bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    assert_eq!(measured(&bench), [1, 1, 1]);
    bench.end(SOCKET, End::Closed);
    assert_eq!(measured(&bench), [0, 0, 0]);
}
