#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod body;
mod stream;

use bytes::Bytes;
use proptest::prelude::*;

use crate::call::Call;
use crate::value::Value;
use crate::event::Role;
use crate::exchange::{Exchange, Frame, Outcome, Payload};
use crate::protocol::http1::{Headers, RequestHead, ResponseHead};
use crate::protocol::sse::SseEvent;
use crate::provider::{BodyLimits, Interpreter, Recognition, recognise};

/// One exchange as a test tells it.
struct Scene<'a> {
    host: &'a str,
    path: &'a str,
    request: &'a [u8],
    status: u16,
    body: &'a [u8],
    events: &'a [&'a str],
    outcome: Outcome,
    missing_bytes: u64,
    limits: BodyLimits,
    /// Bytes per piece of a body.
    piece: usize,
}

impl Default for Scene<'_> {
    fn default() -> Self {
        Self {
            host: "api.openai.com",
            path: "/v1/chat/completions",
            request: br#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}"#,
            status: 200,
            body: b"",
            events: &[],
            outcome: Outcome::Complete,
            missing_bytes: 0,
            limits: BodyLimits::default(),
            piece: usize::MAX,
        }
    }
}

impl Scene<'_> {
    fn head(&self) -> RequestHead {
        RequestHead {
            method: "POST".to_owned(),
            path: self.path.to_owned(),
            host: Some(self.host.to_owned()),
            port: None,
            minor_version: 1,
            headers: Headers::default(),
        }
    }

    fn exchange(&self, request: RequestHead, answered: bool) -> Exchange {
        let head = ResponseHead { status: self.status, minor_version: 1, headers: Headers::default() };
        Exchange {
            ordinal: 0,
            role: Role::Client,
            request: request.into(),
            response: answered.then(|| head.into()),
            started_ns: 0,
            ended_ns: 9_000,
            request_body_bytes: 0,
            response_body_bytes: 0,
            missing_bytes: self.missing_bytes,
            outcome: self.outcome,
            notes: Vec::new(),
        }
    }

    fn play(&self) -> Call {
        let request = self.head();
        let (mut interpreter, mut calls) = (known(&request, self.limits), Vec::new());
        for piece in self.request.chunks(self.piece) {
            interpreter.request(&document(piece));
        }
        for piece in self.body.chunks(self.piece) {
            interpreter.response(&document(piece), &mut calls);
        }
        for (time_ns, data) in (1_000..).zip(self.events) {
            let event = SseEvent { name: String::new(), data: (*data).to_owned(), damaged: false };
            interpreter.response(&Frame { time_ns, payload: Payload::Event(event) }, &mut calls);
        }
        let silent = self.body.is_empty() && self.events.is_empty() && self.outcome != Outcome::Complete;
        interpreter.finish(&self.exchange(request, !silent), &mut calls);
        calls.pop().unwrap()
    }
}

fn known(request: &RequestHead, limits: BodyLimits) -> Box<dyn Interpreter> {
    match recognise(request, limits) {
        Recognition::Known(interpreter) => interpreter,
        Recognition::Candidate(_) | Recognition::Foreign => panic!("not recognised"),
    }
}

fn document(piece: &[u8]) -> Frame {
    Frame { time_ns: 0, payload: Payload::Document(Bytes::copy_from_slice(piece)) }
}

fn extra(call: &Call, name: &str) -> Option<String> {
    call.extra.iter().find(|(known, _)| *known == name).and_then(|(_, value)| match value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    })
}

/// JSON-like noise reaches deeper than random bytes do.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "-1",
        "1e400",
        "17.0",
        "\"\\ud800\"",
        "\"model\"",
        "\"choices\"",
        "\"usage\"",
        "\"error\"",
        "\"code\"",
        "\"index\"",
        "\"stop\"",
        "\"finish_reason\"",
        "\"x\"",
        "true",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(words, 0..40).prop_map(|words| words.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_survived(request in noise(), body in noise(), events in prop::collection::vec(noise(), 0..4)) {
        let events: Vec<_> = events.iter().map(|event| String::from_utf8_lossy(event).into_owned()).collect();
        let events: Vec<_> = events.iter().map(String::as_str).collect();
        let call = Scene { request: &request, body: &body, events: &events, ..Scene::default() }.play();
        prop_assert!(call.finish_reasons().len() <= super::super::json::LIST_MAX);
    }

    #[test]
    fn any_split_gives_the_same_call(piece in 1_usize..400, noisy in noise(), use_noise: bool) {
        let request = if use_noise { &noisy } else { body::REQUEST };
        let whole = Scene { request, body: body::RESPONSE, ..Scene::default() }.play();
        let split = Scene { request, body: body::RESPONSE, piece, ..Scene::default() }.play();
        prop_assert_eq!(whole, split);
    }
}
