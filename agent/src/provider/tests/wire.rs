//! Exchanges as they stand on the wire, for the tests of dialects whose bodies the label alone does not cut.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bytes::Bytes;

use crate::call::Call;
use crate::event::{Direction, End, Source};
use crate::exchange::{HttpConnection, Limits, Step};
use crate::provider::{BodyLimits, Candidate, Decision, Interpreter, Recognition, recognise};
use crate::stream::Segment;

/// One exchange as a test tells it.
#[derive(Clone)]
pub(in crate::provider) struct Wire<'a> {
    pub(in crate::provider) host: &'a str,
    /// Path and query.
    pub(in crate::provider) target: &'a str,
    /// Further lines of the request's head, each with its end.
    pub(in crate::provider) fields: &'a str,
    pub(in crate::provider) request: &'a str,
    pub(in crate::provider) status: u16,
    /// Lines of the response's head, each with its end.
    pub(in crate::provider) answer: &'a str,
    /// Pieces of the response's body, each with a time of its own, from 1,000 on.
    pub(in crate::provider) pieces: &'a [&'a [u8]],
    /// How the connection ends before the response is whole, if it does.
    pub(in crate::provider) end: Option<End>,
    /// Bytes that are missing behind the first piece.
    pub(in crate::provider) gap: u64,
}

impl Default for Wire<'_> {
    fn default() -> Self {
        Self {
            host: "localhost",
            target: "/",
            fields: "Content-Type: application/json\r\n",
            request: "{}",
            status: 200,
            answer: "Content-Type: application/json\r\n",
            pieces: &[],
            end: None,
            gap: 0,
        }
    }
}

enum Follower {
    Known(Box<dyn Interpreter>),
    Candidate(Candidate),
    Foreign,
}

impl Wire<'_> {
    /// What it meant: one call.
    pub(in crate::provider) fn play(&self) -> Call {
        let mut calls = self.calls();
        assert_eq!(calls.len(), 1, "{}", self.target);
        calls.pop().unwrap()
    }

    /// What it meant.
    pub(in crate::provider) fn calls(&self) -> Vec<Call> {
        let Self { host, target, fields, request, status, answer, .. } = self;
        let mut connection = HttpConnection::new(Limits::default(), Source::Socket);
        let mut steps = Vec::new();
        let mut push = |direction, time_ns, segment| {
            connection.push(direction, time_ns, segment, &mut |step| steps.push(step));
        };
        let length = request.len();
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: {host}\r\n{fields}Content-Length: {length}\r\n\r\n{request}"
        );
        push(Direction::Write, 0, Segment::Turn);
        push(Direction::Write, 0, Segment::Data(Bytes::from(head)));
        let length = self.pieces.iter().map(|piece| piece.len() as u64).sum::<u64>() + self.gap;
        let length = length + u64::from(self.end.is_some());
        let head = format!("HTTP/1.1 {status} X\r\n{answer}Content-Length: {length}\r\n\r\n");
        push(Direction::Read, 500, Segment::Data(Bytes::from(head)));
        for (time_ns, piece) in (1_000..).zip(self.pieces) {
            push(Direction::Read, time_ns, Segment::Data(Bytes::copy_from_slice(piece)));
            if time_ns == 1_000 && self.gap > 0 {
                push(Direction::Read, time_ns, Segment::Gap(self.gap));
            }
        }
        if let Some(end) = self.end {
            connection.end(end, 5_000, &mut |step| steps.push(step));
        }
        follow(steps, BodyLimits::default())
    }
}

/// What an exchange meant that was recorded byte by byte, as its response comes in pieces of so many bytes.
pub(in crate::provider) fn recorded(request: &[u8], response: &[u8], size: usize) -> Vec<Call> {
    recorded_within(request, response, size, BodyLimits::default())
}

/// The same within other limits.
pub(in crate::provider) fn recorded_within(
    request: &[u8],
    response: &[u8],
    size: usize,
    limits: BodyLimits,
) -> Vec<Call> {
    let mut connection = HttpConnection::new(Limits::default(), Source::Socket);
    let mut steps = Vec::new();
    let mut push = |direction, segment| connection.push(direction, 0, segment, &mut |step| steps.push(step));
    push(Direction::Write, Segment::Turn);
    for (direction, bytes) in [(Direction::Write, request), (Direction::Read, response)] {
        bytes.chunks(size).for_each(|piece| push(direction, Segment::Data(Bytes::copy_from_slice(piece))));
    }
    connection.end(End::PeerClosed, 1, &mut |step| steps.push(step));
    follow(steps, limits)
}

/// What the steps of a connection meant.
fn follow(steps: Vec<Step>, limits: BodyLimits) -> Vec<Call> {
    let (mut follower, mut calls) = (Follower::Foreign, Vec::new());
    let mut head = None;
    for step in steps {
        match step {
            Step::Began { request, .. } => {
                follower = match recognise(&request, limits) {
                    Recognition::Known(interpreter) => Follower::Known(interpreter),
                    Recognition::Candidate(candidate) => Follower::Candidate(candidate),
                    Recognition::Foreign => Follower::Foreign,
                };
                head = Some(request);
            }
            Step::Request { frame, .. } => {
                let decision = match &mut follower {
                    Follower::Known(interpreter) => {
                        interpreter.request(&frame);
                        continue;
                    }
                    Follower::Candidate(candidate) => candidate.request(head.as_ref().unwrap(), &frame),
                    Follower::Foreign => continue,
                };
                follow_up(&mut follower, decision);
            }
            Step::Left { .. } => {}
            Step::Answered { .. } => {
                if let Follower::Candidate(candidate) = &mut follower {
                    let decision = candidate.last(head.as_ref().unwrap());
                    follow_up(&mut follower, decision);
                }
            }
            Step::Response { frame, .. } => {
                if let Follower::Known(interpreter) = &mut follower {
                    interpreter.response(&frame, &mut calls);
                }
            }
            Step::Ended(exchange) => {
                if let Follower::Known(interpreter) = std::mem::replace(&mut follower, Follower::Foreign) {
                    interpreter.finish(&exchange, &mut calls);
                }
            }
        }
    }
    calls
}

fn follow_up(follower: &mut Follower, decision: Decision) {
    match decision {
        Decision::Known(interpreter) => *follower = Follower::Known(interpreter),
        Decision::Foreign => *follower = Follower::Foreign,
        Decision::Open => {}
    }
}

/// A text's bytes, in pieces of so many.
pub(in crate::provider) fn pieces(text: &[u8], size: usize) -> Vec<&[u8]> {
    text.chunks(size).collect()
}
