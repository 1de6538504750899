#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::HashMap;
use std::time::SystemTime;

use bytes::Bytes;

use super::*;
use crate::attach::{Membership, Scope};
use crate::correlate::exporters::REFUSED_NS;
use crate::correlate::ids::IdGenerator;
use crate::correlate::span::{Span, Status};
use crate::discovery::process::Procfs;
use crate::event::{Direction, Identity, Source};
use crate::price::Prices;
use crate::redact::Redactor;
use crate::value::Value;

mod exchanges;
mod exports;
mod hellos;
mod judged;
mod memory;
mod records;
mod secrets;
mod services;
mod shortage;
mod wire;

const PID: u32 = 4_000_001;
const SESSION: ConnectionId = ConnectionId(20);
const SOCKET: ConnectionId = ConnectionId(10);

const BODY: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"secret words"}]}"#;
const ANSWER: &str = r#"{"id":"chatcmpl-1","model":"gpt-4o-2024","choices":[{"index":0,"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":9}}"#;

fn request(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Bearer sk-x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn response(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A pipeline with one connection, and what came out of it.
struct Bench {
    pipeline: Pipeline,
    /// With spans as they would leave.
    effects: Vec<Effect>,
    redactor: Redactor,
    moved: [u64; 2],
    /// Of the first bytes, as the kernel side would have it.
    requests: Option<Direction>,
    last: Option<Direction>,
    time_ns: u64,
    /// Of sockets, by connection.
    plain: HashMap<u64, Moved>,
}

/// What moved on a socket.
#[derive(Default)]
struct Moved {
    bytes: [u64; 2],
    requests: Option<Direction>,
    last: Option<Direction>,
}

impl Bench {
    fn new() -> Self {
        Self::within(Scope::default())
    }

    fn within(scope: Scope) -> Self {
        let nowhere = std::env::temp_dir().join("spanwire-no-such-proc");
        let pipeline = Pipeline::new(
            ProcessTable::new(Procfs::new(nowhere.clone()), 16),
            Admission::new(scope, nowhere, false, Arc::new(|_| Membership::default())),
            Correlator::new(IdGenerator::seeded([1, 2, 3, 4]), Prices::of_list()),
            // 30 November 2026: prices depend on it.
            Clock::new(0, SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(498_912)),
            BodyLimits::default(),
            Arc::new(Counters::default()),
        );
        Self {
            pipeline,
            effects: Vec::new(),
            redactor: Redactor::default(),
            moved: [0; 2],
            requests: None,
            last: None,
            time_ns: 0,
            plain: HashMap::new(),
        }
    }

    fn handle(&mut self, event: Event) {
        let Self { pipeline, effects, redactor, .. } = self;
        pipeline.handle(event, &mut |effect| {
            effects.push(match effect {
                Effect::Span(span) => Effect::Span(redactor.redact(span).get().clone()),
                Effect::Said(said) => {
                    redactor.said(&said);
                    Effect::Said(said)
                }
                other => other,
            });
        });
    }

    fn open(&mut self) {
        self.open_socket();
        self.handle(Event::Tied { session: SESSION, socket: SOCKET });
    }

    fn open_socket(&mut self) {
        let (local, peer) = ("192.0.2.9:40000".parse().unwrap(), "192.0.2.1:8443".parse().unwrap());
        let (command, ends) = ("curl".to_owned(), Some(Ends::Internet { local, peer }));
        let identities = Identities::default();
        let (connection, pid) = (SOCKET, PID);
        self.handle(Event::Opened { connection, pid, command, program: 0, ends, identities, time_ns: 0 });
    }

    fn moves(&mut self, direction: Direction, text: &str) {
        self.moves_bytes(direction, text.as_bytes());
    }

    fn moves_bytes(&mut self, direction: Direction, bytes: &[u8]) {
        let index = usize::from(direction == Direction::Write);
        self.time_ns += 1_000;
        let requests = *self.requests.get_or_insert(direction);
        let turns = self.last.replace(direction) != Some(direction);
        let chunk = Chunk {
            connection: SESSION,
            pid: PID,
            tid: PID,
            direction,
            source: Source::Tls,
            time_ns: self.time_ns,
            position: self.moved[index],
            original_bytes: u32::try_from(bytes.len()).unwrap(),
            after_answer: turns && direction == requests,
            bytes: Bytes::copy_from_slice(bytes),
        };
        self.moved[index] += bytes.len() as u64;
        self.handle(Event::Chunk(chunk));
    }

    /// Bytes that the kernel moved and did not send.
    fn misses(&mut self, direction: Direction, bytes: u64) {
        self.moved[usize::from(direction == Direction::Write)] += bytes;
        self.last = Some(direction);
    }

    fn end(&mut self, connection: ConnectionId, end: End) {
        self.time_ns += 1_000;
        self.handle(Event::Ended { connection, end, moved: [700, 300], time_ns: self.time_ns });
    }

    fn spans(&self) -> Vec<&Span> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Span(span) => Some(span),
                _ => None,
            })
            .collect()
    }

    fn verdicts(&self) -> Vec<(ConnectionId, u64, Verdict)> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Decide { connection, position, verdict } => Some((*connection, *position, *verdict)),
                _ => None,
            })
            .collect()
    }
}

fn attribute<'a>(span: &'a Span, name: &str) -> Option<&'a Value> {
    span.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

#[test]
fn a_call_becomes_a_span_with_the_socket_under_its_session() {
    let mut bench = Bench::new();
    bench.open();
    bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    bench.moves(Direction::Read, &response(ANSWER));
    let spans = bench.spans();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].name, "chat gpt-4o");
    assert_eq!(spans[0].process.service_name, "curl");
    assert_eq!(attribute(spans[0], "gen_ai.usage.input_tokens"), Some(&Value::Int(7)));
    assert_eq!(attribute(spans[0], "network.peer.address"), Some(&Value::String("192.0.2.1".to_owned())));
    assert_eq!(attribute(spans[0], "server.address"), Some(&Value::String("api.example.com".to_owned())));
    let text = format!("{:?}", spans[0]);
    assert!(!text.contains("secret words") && !text.contains("sk-x"), "{text}");
}

#[test]
fn a_tie_may_come_after_the_first_bytes() {
    let mut bench = Bench::new();
    bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    bench.open();
    bench.moves(Direction::Read, &response(ANSWER));
    assert!(attribute(bench.spans()[0], "network.peer.address").is_some());
}

#[test]
fn an_endpoint_of_no_interest_is_skipped_and_the_next_exchange_read() {
    let mut bench = Bench::new();
    bench.open();
    let mut verdicts = Vec::new();
    for _ in 0..2 {
        verdicts.push((SESSION, bench.moved[1], Verdict::SkipExchange));
        bench.moves(Direction::Write, &request("/health", "{}"));
        assert_eq!(bench.verdicts(), verdicts);
        // The kernel obeys: nothing of the answer comes.
        bench.misses(Direction::Read, 5_000);
        bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
        bench.moves(Direction::Read, &response(ANSWER));
    }
    assert_eq!(bench.spans().len(), 2);
    assert_eq!(attribute(bench.spans()[1], "gen_ai.usage.output_tokens"), Some(&Value::Int(9)));
    // Where a direction begins is not known before its first bytes: only the second gap is seen.
    let counters = &bench.pipeline.counters;
    assert_eq!((counters.bytes_skipped.get(), counters.stream_gap_bytes.get()), (5_000, 0));
}

#[test]
fn what_was_under_way_when_an_exchange_was_skipped_is_not_the_next_ones() {
    let mut bench = Bench::new();
    bench.open();
    bench.moves(Direction::Write, &request("/health", "{}"));
    bench.moves(Direction::Read, &response(r#"{"id":"other","model":"other"}"#));
    bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    bench.moves(Direction::Read, &response(ANSWER));
    let id = Value::String("chatcmpl-1".to_owned());
    assert_eq!(attribute(bench.spans()[0], "gen_ai.response.id"), Some(&id));
}

#[test]
fn servers_and_other_protocols_are_ignored_once() {
    let mut server = Bench::new();
    server.moves(Direction::Read, &request("/v1/chat/completions", BODY));
    server.moves(Direction::Write, &response(ANSWER));
    assert_eq!(server.verdicts(), [(SESSION, u64::MAX, Verdict::Ignore)]);
    let moved = server.moved;
    server.handle(Event::Ended { connection: SESSION, end: End::Closed, moved, time_ns: 9_000 });
    assert_eq!(server.pipeline.counters.stream_gap_bytes.get(), 0);
    assert!(server.spans().is_empty());
    assert_eq!(server.pipeline.counters.connections_ignored_server_side.get(), 1);

    let mut http2 = Bench::new();
    http2.moves(Direction::Write, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    http2.moves(Direction::Write, "more frames");
    assert_eq!(http2.verdicts(), [(SESSION, u64::MAX, Verdict::Ignore)]);
    assert_eq!(http2.pipeline.counters.connections_ignored_http2.get(), 1);
}

#[test]
fn the_end_of_a_socket_or_of_a_process_ends_the_call_on_it() {
    for (name, end) in [("connection_reset", Some(End::Failed(104))), ("cancelled", None)] {
        let mut bench = Bench::new();
        bench.open();
        bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
        match end {
            Some(end) => bench.end(SOCKET, end),
            None => bench.handle(Event::Exit { pid: PID, time_ns: 9_000 }),
        }
        let spans = bench.spans();
        assert_eq!((spans.len(), spans[0].status), (1, Status::Error), "{name}");
        assert_eq!(attribute(spans[0], "error.type"), Some(&Value::String(name.to_owned())));
    }
}

#[test]
fn nothing_is_left_of_a_process_that_is_gone() {
    let mut bench = Bench::new();
    bench.open();
    bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    bench.handle(Event::Exit { pid: PID, time_ns: 9_000 });
    assert!(matches!(bench.effects.last(), Some(Effect::ProcessEnded { pid: PID, .. })));
    assert_eq!(bench.spans().len(), 1);
    // The kernel tells of the socket's end by itself, and later.
    bench.end(SOCKET, End::Closed);
    assert!(bench.pipeline.table.is_empty());
    assert_eq!(bench.spans().len(), 1);
}

#[test]
fn nothing_is_left_of_connections_that_closed() {
    for order in [[SESSION, SOCKET], [SOCKET, SESSION]] {
        let mut bench = Bench::new();
        bench.open();
        bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
        bench.moves(Direction::Read, &response(ANSWER));
        order.into_iter().for_each(|connection| bench.end(connection, End::Closed));
        assert!(bench.pipeline.table.is_empty(), "{order:?}");
    }
}

#[test]
fn a_new_program_ends_the_tls_sessions_and_keeps_the_sockets_that_it_inherits() {
    let mut bench = Bench::new();
    bench.open();
    bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    bench.handle(Event::Exec { pid: PID, program: 2, time_ns: 0 });
    assert_eq!(bench.spans().len(), 1);
    assert!(!bench.pipeline.table.is_empty());
}

#[test]
fn what_the_operator_does_not_want_is_left() {
    for (rule, excluded) in [("process=4000001", true), ("port=8443", false)] {
        let mut bench = Bench::within(Scope::new(Vec::new(), vec![rule.parse().unwrap()]));
        bench.open();
        bench.handle(Event::Hello { connection: SOCKET, pid: PID, bytes: hellos::hello(), time_ns: 400 });
        bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
        bench.moves(Direction::Read, &response(ANSWER));
        assert!(bench.spans().is_empty());
        assert!(bench.verdicts().iter().any(|(_, _, verdict)| *verdict == Verdict::Ignore), "{rule}");
        let of = |wanted: fn(&Effect) -> bool| bench.effects.iter().any(wanted);
        assert_eq!(of(|effect| matches!(effect, Effect::Excluded { pid: PID })), excluded, "{rule}");
        assert!(!of(|effect| matches!(effect, Effect::TlsClient { .. } | Effect::Judged { .. })), "{rule}");
    }
}

#[test]
fn what_was_seen_of_a_process_is_tallied() {
    let mut bench = Bench::new();
    bench.open();
    let (asked, answered) = (request("/v1/chat/completions", BODY), response(ANSWER));
    bench.moves(Direction::Write, &asked);
    bench.moves(Direction::Read, &answered);
    bench.handle(Event::Exit { pid: PID, time_ns: 9_000 });
    let expected = Tally {
        tls_read_bytes: answered.len() as u64,
        tls_written_bytes: asked.len() as u64,
        exchanges: 1,
        calls: 1,
        ended: true,
        ..Tally::default()
    };
    assert_eq!(bench.pipeline.seen(), [Seen { pid: PID, service_name: "curl".to_owned(), tally: expected }]);
}

#[test]
fn what_is_read_of_a_session_after_its_sockets_end_is_no_loss() {
    let mut bench = Bench::new();
    bench.open();
    bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    bench.moves(Direction::Read, &response(ANSWER));
    bench.end(SOCKET, End::Closed);
    bench.moves(Direction::Read, "0\r\n\r\n");
    let moved = bench.moved;
    bench.handle(Event::Ended { connection: SESSION, end: End::Closed, moved, time_ns: 9_000 });
    assert_eq!(bench.pipeline.counters.stream_gap_bytes.get(), 0);
    assert_eq!(bench.spans().len(), 1);
}

#[test]
fn a_gap_is_told_and_counted() {
    let mut bench = Bench::new();
    bench.open();
    bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    let answer = response(ANSWER);
    let (start, rest) = answer.split_at(answer.len() - 40);
    bench.moves(Direction::Read, start);
    bench.misses(Direction::Read, 30);
    bench.moves(Direction::Read, &rest[30..]);
    let spans = bench.spans();
    assert_eq!(attribute(spans[0], "spanwire.missing_bytes"), Some(&Value::Int(30)));
    assert!(attribute(spans[0], "gen_ai.usage.input_tokens").is_none());
    assert_eq!(bench.pipeline.counters.stream_gap_bytes.get(), 30);
}
