#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::event::Role;
use crate::exchange::{Exchange, Frame, Payload};
use Direction::{Read, Write};

mod answers;
mod ends;
mod forged;
mod heads;
mod losses;
mod properties;

/// What is fed to a connection; each step's time is its place in the list, times ten.
#[derive(Clone)]
enum Feed {
    Data(Direction, Vec<u8>),
    Gap(Direction, u64),
    End(End),
    /// The kernel says that the request that follows is a turn. Without it, [`run_timed`] finds out itself.
    Turned,
    /// The kernel says nothing of the call that follows, whatever it is.
    Unmarked,
    /// The exchange of this ordinal is left.
    Skip(u64),
    /// Its bodies are.
    LeaveBodies(u64),
}

/// What the kernel side says of the places where calls begin: see `ebpf/src/capture.rs`.
#[derive(Default)]
struct Kernel {
    last: Option<Direction>,
    requests: Option<Direction>,
}

impl Kernel {
    /// Whether the call is the first of a request.
    fn turns(&mut self, direction: Direction, bytes: Option<&[u8]>) -> bool {
        let turns = self.last.replace(direction) != Some(direction);
        let begins = |bytes: &[u8]| {
            ["POST", "GET ", "PUT ", "HEAD", "CONN", "OPTI", "PRI "]
                .iter()
                .any(|known| bytes.starts_with(known.as_bytes()) || known.as_bytes().starts_with(bytes))
        };
        if turns && self.requests.is_none() && bytes.is_some_and(begins) {
            self.requests = Some(direction);
        }
        // A record that was lost takes its sign with it.
        turns && self.requests == Some(direction) && bytes.is_some()
    }
}

fn write(text: &str) -> Feed {
    Feed::Data(Write, text.as_bytes().to_vec())
}

fn read(text: &str) -> Feed {
    Feed::Data(Read, text.as_bytes().to_vec())
}

fn gap(direction: Direction, bytes: u64) -> Feed {
    Feed::Gap(direction, bytes)
}

/// The feeds with what the kernel says of them.
fn marked(feeds: &[(u64, Feed)]) -> Vec<(u64, Feed)> {
    let (mut kernel, mut marks, mut marked) = (Kernel::default(), true, Vec::new());
    for (time_ns, feed) in feeds.iter().cloned() {
        let turns = match &feed {
            Feed::Data(direction, bytes) => kernel.turns(*direction, Some(bytes)),
            Feed::Gap(direction, _) => kernel.turns(*direction, None),
            Feed::End(_) | Feed::Turned | Feed::Unmarked | Feed::Skip(_) | Feed::LeaveBodies(_) => false,
        };
        if matches!(feed, Feed::Unmarked) {
            marks = false;
        } else {
            if turns && std::mem::replace(&mut marks, true) {
                marked.push((time_ns, Feed::Turned));
            }
            marked.push((time_ns, feed));
        }
    }
    marked
}

fn run_timed(feeds: &[(u64, Feed)], limits: Limits) -> (Vec<Step>, HttpConnection) {
    run_marked(marked(feeds), limits)
}

fn run_marked(feeds: Vec<(u64, Feed)>, limits: Limits) -> (Vec<Step>, HttpConnection) {
    let (mut connection, mut steps) = (HttpConnection::new(limits, Source::Socket), Vec::new());
    let mut sink = |step| steps.push(step);
    // Until a request is seen nobody knows which direction turns.
    let requests = feeds.windows(2).find_map(|pair| match pair {
        [(_, Feed::Turned), (_, Feed::Data(direction, _))] => Some(*direction),
        _ => None,
    });
    for (time_ns, feed) in feeds {
        match feed {
            Feed::Unmarked => {}
            Feed::Skip(ordinal) => assert!(connection.skip(ordinal)),
            Feed::LeaveBodies(ordinal) => connection.leave_bodies(ordinal),
            Feed::Data(direction, bytes) => {
                connection.push(direction, time_ns, Segment::Data(Bytes::from(bytes)), &mut sink);
            }
            Feed::Gap(direction, bytes) => {
                connection.push(direction, time_ns, Segment::Gap(bytes), &mut sink);
            }
            Feed::End(end) => connection.end(end, time_ns, &mut sink),
            Feed::Turned => connection.push(requests.unwrap_or(Write), time_ns, Segment::Turn, &mut sink),
        }
    }
    (steps, connection)
}

fn run(feeds: &[Feed]) -> (Vec<Step>, HttpConnection) {
    let timed: Vec<_> = (0..).step_by(10).zip(feeds.iter().cloned()).collect();
    run_timed(&timed, Limits::default())
}

/// Each ended exchange in short: path, status, outcome, response body or events.
fn summary(steps: &[Step]) -> Vec<String> {
    let mut bodies = std::collections::HashMap::<u64, String>::new();
    let mut lines = Vec::new();
    for step in steps {
        match step {
            Step::Response { ordinal, frame: Frame { time_ns, payload } } => {
                let body = bodies.entry(*ordinal).or_default();
                match payload {
                    Payload::Document(bytes) => body.push_str(&String::from_utf8_lossy(bytes)),
                    Payload::Event(event) => {
                        let damaged = if event.damaged { "!" } else { "" };
                        body.push_str(&format!("[{}{damaged}@{time_ns}]", event.data));
                    }
                    Payload::Line { bytes, damaged } => {
                        let damaged = if *damaged { "!" } else { "" };
                        body.push_str(&format!("<{}{damaged}@{time_ns}>", String::from_utf8_lossy(bytes)));
                    }
                    Payload::Message(message) => {
                        let damaged = if message.damaged { "!" } else { "" };
                        let payload = String::from_utf8_lossy(&message.payload);
                        body.push_str(&format!("/{} {payload}{damaged}@{time_ns}/", message.name));
                    }
                    Payload::Gap(bytes) => body.push_str(&format!("({bytes})")),
                    Payload::Trailers(trailers) => body.push_str(&format!("{trailers:?}")),
                }
            }
            Step::Ended(exchange) => {
                let status = exchange.response.as_ref().map_or(0, |response| response.status);
                let body = bodies.remove(&exchange.ordinal).unwrap_or_default();
                lines.push(format!("{} {status} {:?} {body}", exchange.request.path, exchange.outcome));
            }
            Step::Began { .. } | Step::Request { .. } | Step::Left { .. } | Step::Answered { .. } => {}
        }
    }
    lines
}

fn ended(steps: &[Step]) -> Vec<&Exchange> {
    steps
        .iter()
        .filter_map(|step| if let Step::Ended(exchange) = step { Some(exchange) } else { None })
        .collect()
}

fn request_body(steps: &[Step]) -> Vec<u8> {
    let body = |step: &Step| match step {
        Step::Request { frame: Frame { payload: Payload::Document(bytes), .. }, .. } => bytes.to_vec(),
        _ => Vec::new(),
    };
    steps.iter().flat_map(body).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn get(path: &str) -> Feed {
    write(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"))
}

fn ok(body: &str) -> Feed {
    read(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

const POST: &str =
    "POST /v1/chat/completions?key=k HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 9\r\n\r\n";

#[test]
fn a_call_with_an_event_stream() {
    let (steps, connection) = run(&[
        write(POST),
        write("{\"a\":"),
        write("\"b\"}"),
        read(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\n",
        ),
        read("Transfer-Encoding: chunked\r\n\r\n9\r\ndata: one\r\n2\r\n\n\n\r\n"),
        read("b\r\ndata: two\n\n\r\n"),
        read("0\r\n\r\n"),
    ]);
    assert_eq!(summary(&steps), ["/v1/chat/completions 200 Complete [one@40][two@50]"]);
    assert_eq!(connection.state(), State::Following);
    let exchange = ended(&steps)[0];
    assert_eq!((exchange.ordinal, exchange.role), (0, Role::Client));
    assert_eq!((exchange.started_ns, exchange.ended_ns), (0, 60));
    assert_eq!((exchange.request_body_bytes, exchange.response_body_bytes), (9, 22));
    assert_eq!((exchange.missing_bytes, exchange.notes.as_slice()), (0, &[][..]));
    assert_eq!(request_body(&steps), b"{\"a\":\"b\"}");
}

#[test]
fn exchanges_are_paired_in_order() {
    let cases: [(&str, Vec<Feed>, &[&str]); 11] = [
        (
            "keep-alive",
            vec![get("/1"), ok("a"), get("/2"), ok("b")],
            &["/1 200 Complete a", "/2 200 Complete b"],
        ),
        (
            "pipelining",
            vec![
                write("GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n"),
                read(
                    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n",
                ),
                ok("c"),
            ],
            &["/1 200 Complete a", "/2 200 Complete ", "/3 200 Complete c"],
        ),
        (
            "an answer before the request is whole",
            vec![
                write("PUT /1 HTTP/1.1\r\nContent-Length: 2\r\n\r\na"),
                ok("no"),
                write("b"),
                get("/2"),
                ok("b"),
            ],
            &["/1 200 Complete no", "/2 200 Complete b"],
        ),
        (
            "an answer instead of the rest of the request",
            vec![
                write("PUT /1 HTTP/1.1\r\nContent-Length: 2\r\n\r\na"),
                ok("no"),
                Feed::End(End::PeerClosed),
            ],
            &["/1 200 Complete no"],
        ),
        (
            "met in the middle of a response",
            vec![read("tail of a body"), get("/2"), ok("b")],
            &["/2 200 Complete b"],
        ),
        (
            "met between request and response",
            vec![ok("unseen"), get("/2"), ok("b"), get("/3"), ok("c")],
            &["/2 200 Complete b", "/3 200 Complete c"],
        ),
        (
            "met in the middle of a request",
            vec![write("tail of a body"), ok("unseen"), get("/2"), ok("b")],
            &["/2 200 Complete b"],
        ),
        (
            "more body than was announced",
            vec![get("/1"), ok("a"), read("more"), get("/2"), ok("b")],
            &["/1 200 Complete a", "/2 200 Complete b"],
        ),
        (
            "server",
            vec![read("GET /s HTTP/1.1\r\n\r\n"), write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")],
            &["/s 200 Complete x"],
        ),
        (
            "gzip of no bytes",
            vec![get("/1"), read("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n")],
            &["/1 200 Complete "],
        ),
        ("no response at all yet", vec![get("/1")], &[]),
    ];
    for (name, feeds, expected) in cases {
        let (steps, connection) = run(&feeds);
        assert_eq!(summary(&steps), expected, "{name}");
        assert_eq!(connection.state(), State::Following, "{name}");
    }
}

#[test]
fn a_response_may_be_captured_before_its_request() {
    let feeds = |response_ns| {
        [(10, get("/1")), (12, ok("a")), (response_ns, ok("b")), (20, get("/2")), (31, ok("c"))]
    };
    let (steps, _) = run_timed(&feeds(25), Limits::default());
    assert_eq!(summary(&steps), ["/1 200 Complete a", "/2 200 Complete b"]);
    let (steps, connection) = run_timed(&feeds(15), Limits::default());
    assert_eq!(summary(&steps), ["/1 200 Complete a", "/2 200 Complete c"], "older than its request");
    assert_eq!(connection.unclaimed_bytes(), 39);

    let limits = Limits { held_bytes: 20, ..Limits::default() };
    let (steps, _) = run_timed(&feeds(25), limits);
    assert_eq!(summary(&steps), ["/1 200 Complete a", "/2 0 Lost "], "more than may be held");
    assert_eq!(ended(&steps)[1].notes, ["response came long before its request"]);

    let first = [(25, ok("a")), (20, get("/1")), (30, get("/2")), (35, ok("b"))];
    let (steps, _) = run_timed(&first, Limits::default());
    assert_eq!(summary(&steps), ["/1 200 Complete a", "/2 200 Complete b"], "first of the connection");
}

#[test]
fn what_cannot_be_followed_is_given_up() {
    let binary = |direction| Feed::Data(direction, vec![0x16, 3, 1, 0]);
    let talk: Vec<_> = [Read, Write].into_iter().cycle().take(6).map(binary).collect();
    let flood = vec![Feed::Data(Read, vec![0; 600_000]), Feed::Data(Read, vec![0; 600_000])];
    let smuggled = "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let upgrade = read("HTTP/1.1 101 Switching Protocols\r\n\r\nframes");
    for (name, feeds, reason, expected) in [
        ("a dialogue that is not HTTP", talk, Abandoned::NotHttp, vec![]),
        ("a stream that is not HTTP", flood, Abandoned::NotHttp, vec![]),
        ("HTTP/2", vec![write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")], Abandoned::Http2(Role::Client), vec![]),
        (
            "a smuggled request",
            vec![get("/1"), write(smuggled)],
            Abandoned::Malformed("content-length with transfer-encoding"),
            vec!["/1 0 Unreadable "],
        ),
        ("an upgrade", vec![get("/1"), upgrade], Abandoned::Tunnel, vec!["/1 101 Complete "]),
        (
            "a proxy tunnel",
            vec![write("CONNECT h:443 HTTP/1.1\r\n\r\n"), read("HTTP/1.1 200 OK\r\n\r\n"), binary(Write)],
            Abandoned::Tunnel,
            vec![" 200 Complete "],
        ),
    ] {
        let (steps, connection) = run(&feeds);
        assert_eq!(connection.state(), State::Abandoned(reason), "{name}");
        assert_eq!(summary(&steps), expected, "{name}");
    }
    let (_, connection) = run(&[binary(Read), binary(Write)]);
    assert_eq!(connection.state(), State::Following, "too early to tell");
}
