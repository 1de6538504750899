//! TLS connections that are read by their keys.

use super::*;
use crate::event::KeyBytes;
use crate::protocol::tls::tests::seal::{
    READ_KEY, Sealer, Version, WRITE_KEY, change_cipher_spec, client_hello, server_hello,
};

/// A suite with AES-128-GCM, and one that its key alone does not open.
const AES: u16 = 0x1301;
const CHACHA: u16 = 0x1303;

/// A connection whose handshake is over, as far as it can be seen without keys.
struct Connection {
    bench: Bench,
    write: Sealer,
    read: Sealer,
    moved: [u64; 2],
    requests: Direction,
}

impl Connection {
    fn new(suite: u16) -> Self {
        let mut connection = Self::greeted();
        connection.moves(Direction::Read, &server_hello(suite, true));
        connection.moves(Direction::Write, &change_cipher_spec());
        connection
    }

    /// One that its client has begun.
    fn greeted() -> Self {
        let mut connection = Self {
            bench: Bench::new(),
            write: Sealer::new(&WRITE_KEY, Version::V13),
            read: Sealer::new(&READ_KEY, Version::V13),
            moved: [0; 2],
            requests: Direction::Write,
        };
        connection.bench.pipeline = connection.bench.pipeline.with_keys(true);
        connection.bench.open_socket();
        let bytes = Bytes::from(client_hello());
        connection.bench.handle(Event::Hello { connection: SOCKET, pid: PID, bytes, time_ns: 400 });
        connection.moves(Direction::Write, &client_hello());
        connection
    }

    /// One that a process serves that takes part in traces.
    fn served(suite: u16) -> Self {
        let mut bench = Bench::new();
        bench.pipeline = bench.pipeline.with_keys(true).with_http(true);
        bench.open_socket();
        let mut connection = Self {
            bench,
            write: Sealer::new(&WRITE_KEY, Version::V13),
            read: Sealer::new(&READ_KEY, Version::V13),
            moved: [0; 2],
            requests: Direction::Read,
        };
        let hello = client_hello();
        // As OpenSSL reads it.
        connection.moves(Direction::Read, &hello[..5]);
        connection.moves(Direction::Read, &hello[5..]);
        connection.moves(Direction::Write, &server_hello(suite, true));
        connection.moves(Direction::Read, &change_cipher_spec());
        connection
    }

    fn moves(&mut self, direction: Direction, bytes: &[u8]) {
        self.bench.time_ns += 1_000;
        let turns = self.bench.last.replace(direction) != Some(direction);
        let position = &mut self.moved[usize::from(direction == Direction::Write)];
        let chunk = Chunk {
            connection: SOCKET,
            pid: PID,
            tid: PID,
            direction,
            source: Source::Records,
            time_ns: self.bench.time_ns,
            position: *position,
            original_bytes: u32::try_from(bytes.len()).unwrap(),
            after_answer: turns && direction == self.requests,
            bytes: Bytes::copy_from_slice(bytes),
        };
        *position += bytes.len() as u64;
        self.bench.handle(Event::Chunk(chunk));
    }

    fn sends(&mut self, text: &str) {
        let record = self.write.data(text.as_bytes());
        self.moves(Direction::Write, &record);
    }

    fn receives(&mut self, text: &str) {
        let record = self.read.data(text.as_bytes());
        self.moves(Direction::Read, &record);
    }

    fn expands(&mut self, key: &[u8; 16]) {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(key);
        let key = KeyBytes::new(bytes, 16).unwrap();
        self.bench.handle(Event::Key { pid: PID, key, time_ns: self.bench.time_ns });
    }

    fn ends(&mut self) {
        let moved = self.moved;
        self.bench.handle(Event::Ended { connection: SOCKET, end: End::Closed, moved, time_ns: 90_000 });
    }
}

#[test]
fn a_call_is_read_whenever_its_keys_come() {
    for late in [false, true] {
        let mut connection = Connection::new(AES);
        if !late {
            connection.expands(&WRITE_KEY);
            connection.expands(&READ_KEY);
        }
        connection.sends(&request("/v1/chat/completions", BODY));
        connection.receives(&response(ANSWER));
        if late {
            assert_eq!(connection.bench.spans().len(), 0);
            connection.expands(&READ_KEY);
            connection.expands(&[0x33; 16]);
            connection.expands(&WRITE_KEY);
        }
        connection.ends();
        let spans = connection.bench.spans();
        assert_eq!(spans.len(), 1, "late: {late}");
        assert_eq!(attribute(spans[0], "gen_ai.usage.input_tokens"), Some(&Value::Int(7)));
        assert_eq!(attribute(spans[0], "network.peer.port"), Some(&Value::Int(8443)));
        assert_eq!(connection.bench.pipeline.counters.tls_connections_read.get(), 1);
        assert!(connection.bench.pipeline.counters.loss_summary().is_none());
        assert!(connection.bench.pipeline.table.is_empty());
    }
}

#[test]
fn what_a_process_serves_is_read_as_well() {
    for late in [false, true] {
        let mut connection = Connection::served(AES);
        if !late {
            connection.expands(&WRITE_KEY);
            connection.expands(&READ_KEY);
        }
        for _ in 0..2 {
            connection.receives("POST /task HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789");
            connection.sends("HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n");
        }
        if late {
            connection.expands(&WRITE_KEY);
            connection.expands(&READ_KEY);
        }
        connection.ends();
        let spans = connection.bench.spans();
        assert_eq!(spans.len(), 2, "late: {late}");
        assert_eq!(spans[1].kind, crate::correlate::span::Kind::Server);
        assert_eq!(attribute(spans[1], "http.response.status_code"), Some(&Value::Int(201)));
        assert_eq!(attribute(spans[1], "url.scheme"), Some(&Value::String("https".to_owned())));
        assert_eq!(attribute(spans[1], "spanwire.notes"), None);
        assert!(connection.bench.pipeline.counters.loss_summary().is_none());
        assert!(connection.bench.pipeline.table.is_empty());
    }
    let connection = Connection::served(CHACHA);
    assert_eq!(connection.bench.pipeline.counters.tls_unread_suite.get(), 1);
    let failed = |effect: &Effect| matches!(effect, Effect::KeysFailed { .. });
    assert!(!connection.bench.effects.iter().any(failed), "its calls as a client may be read all the same");
}

#[test]
fn what_keys_do_not_open_is_left_and_counted() {
    let mut connection = Connection::new(CHACHA);
    assert_eq!(connection.bench.pipeline.counters.tls_unread_suite.get(), 1);
    let failed = |effect: &Effect| matches!(effect, Effect::KeysFailed { pid: PID });
    assert_eq!(connection.bench.effects.iter().filter(|effect| failed(effect)).count(), 1);
    assert_eq!(connection.bench.verdicts().last(), Some(&(SOCKET, u64::MAX, Verdict::Ignore)));
    connection.sends("what follows is not looked at");
    connection.ends();
    assert_eq!(connection.bench.pipeline.counters.tls_unread_suite.get(), 1);
    assert!(connection.bench.pipeline.table.is_empty());

    let mut connection = Connection::new(AES);
    for _ in 0..40 {
        connection.receives(&"x".repeat(16_000));
    }
    assert_eq!(connection.bench.pipeline.counters.tls_unread_keys.get(), 1);

    let mut connection = Connection::greeted();
    connection.moves(Direction::Read, b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_eq!(connection.bench.pipeline.counters.tls_unread_records.get(), 1);
}

#[test]
fn a_connection_is_not_read_at_calls_as_well() {
    let mut connection = Connection::new(AES);
    connection.expands(&WRITE_KEY);
    connection.expands(&READ_KEY);
    // Written into memory first: the session is seen before it is known which socket it uses.
    connection.bench.moves(Direction::Write, &request("/v1/chat/completions", BODY));
    connection.bench.handle(Event::Tied { session: SESSION, socket: SOCKET });
    assert_eq!(connection.bench.verdicts().last(), Some(&(SESSION, u64::MAX, Verdict::Ignore)));
    connection.sends(&request("/v1/chat/completions", BODY));
    connection.receives(&response(ANSWER));
    connection.ends();
    assert_eq!(connection.bench.spans().len(), 1);
    assert!(connection.bench.pipeline.table.is_empty());
}

#[test]
fn an_exchange_without_interest_is_skipped_and_the_next_one_read() {
    let mut connection = Connection::new(AES);
    connection.expands(&WRITE_KEY);
    connection.expands(&READ_KEY);
    let began = connection.moved[1];
    connection.sends(&request("/health", "{}"));
    let skip = connection.bench.verdicts().last().copied();
    assert_eq!(skip, Some((SOCKET, began, Verdict::SkipExchange)));
    // The kernel side leaves out what follows of it.
    let answer = connection.read.data(response("{}").as_bytes());
    connection.moved[0] += answer.len() as u64;
    connection.bench.last = Some(Direction::Read);
    connection.sends(&request("/v1/chat/completions", BODY));
    connection.receives(&response(ANSWER));
    let spans = connection.bench.spans();
    assert_eq!(spans.len(), 1);
    assert_eq!(attribute(spans[0], "gen_ai.usage.input_tokens"), Some(&Value::Int(7)));
    assert!(connection.bench.pipeline.counters.bytes_skipped.get() > 0);
    assert_eq!(connection.bench.pipeline.counters.stream_gap_bytes.get(), 0);
}

#[test]
fn a_close_notify_ends_an_answer_without_a_length() {
    let mut connection = Connection::new(AES);
    connection.expands(&WRITE_KEY);
    connection.expands(&READ_KEY);
    connection.sends(&request("/v1/chat/completions", BODY));
    connection.receives(&format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{ANSWER}"));
    assert_eq!(connection.bench.spans().len(), 0);
    let alert = connection.read.seal(21, &[1, 0], 0);
    connection.moves(Direction::Read, &alert);
    assert_eq!(connection.bench.pipeline.counters.exchanges_complete.get(), 1);
    assert_eq!(connection.bench.spans().len(), 1);
}

#[test]
fn an_answer_without_a_length_is_cut_where_no_close_notify_ends_it() {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{ANSWER}");
    let cut = "response without a length ended without the close_notify of TLS: it may be cut";
    for (alert, lost, outcome, note) in [
        (true, false, "complete", None),
        (false, false, "peer_closed", Some(cut)),
        // What it was is not known.
        (true, true, "complete", Some("response body has a gap")),
    ] {
        let mut connection = Connection::new(AES);
        connection.expands(&WRITE_KEY);
        connection.expands(&READ_KEY);
        connection.sends(&request("/v1/chat/completions", BODY));
        connection.receives(&answer);
        if alert {
            let alert = connection.read.seal(21, &[1, 0], 0);
            if lost {
                connection.moved[0] += alert.len() as u64;
            } else {
                connection.moves(Direction::Read, &alert);
            }
        }
        let (end, moved) = (End::PeerClosed, connection.moved);
        connection.bench.handle(Event::Ended { connection: SOCKET, end, moved, time_ns: 80_000 });
        let counters = &connection.bench.pipeline.counters;
        let counted =
            [("complete", &counters.exchanges_complete), ("peer_closed", &counters.exchanges_peer_closed)];
        for (name, counter) in counted {
            assert_eq!(counter.get(), u64::from(name == outcome), "{name}, alert: {alert}, lost: {lost}");
        }
        let spans = connection.bench.spans();
        assert_eq!(spans.len(), 1);
        let notes = format!("{:?}", attribute(spans[0], "spanwire.notes"));
        assert!(notes.contains(note.unwrap_or("None")), "{notes}");
    }
}

#[test]
fn keys_without_end_are_bounded_and_go_with_their_process() {
    let mut connection = Connection::new(AES);
    for number in 0..40_000_u32 {
        let mut key = [0; 16];
        key[..4].copy_from_slice(&number.to_be_bytes());
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&key);
        let pid = PID + 1 + number % 50;
        let key = KeyBytes::new(bytes, 16).unwrap();
        connection.bench.handle(Event::Key { pid, key, time_ns: u64::from(number) });
    }
    assert!(connection.bench.pipeline.keys.len() <= 2 * crate::pipeline::records::KEYS);
    for pid in 1..=50 {
        connection.bench.handle(Event::Exit { pid: PID + pid, time_ns: 0 });
    }
    assert_eq!(connection.bench.pipeline.keys.len(), 0);
    connection.expands(&WRITE_KEY);
    connection.bench.pipeline.refresh(200_000_000_000, &mut |_| {});
    assert_eq!(connection.bench.pipeline.keys.len(), 0);
}
