//! Exchanges for the tests of dialects.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bytes::Bytes;

use crate::call::Call;
use crate::event::Role;
use crate::exchange::{Exchange, Frame, Outcome, Payload};
use crate::protocol::http1::{Headers, RequestHead, ResponseHead};
use crate::protocol::sse::SseEvent;
use crate::provider::{BodyLimits, Decision, Interpreter, Recognition, recognise};
use crate::value::Value;

/// One exchange as a test tells it.
pub(in crate::provider) struct Scene<'a> {
    pub(in crate::provider) host: &'a str,
    pub(in crate::provider) path: &'a str,
    pub(in crate::provider) request: &'a [u8],
    pub(in crate::provider) status: u16,
    pub(in crate::provider) body: &'a [u8],
    pub(in crate::provider) events: &'a [&'a str],
    /// Names of the query's parameters.
    pub(in crate::provider) parameters: &'a [&'static str],
    /// Names of header fields of the request, each with any value.
    pub(in crate::provider) fields: &'a [&'static str],
    /// Fields of the request's head that have values.
    pub(in crate::provider) request_fields: &'a [(&'static str, &'a str)],
    /// Fields of the response's head.
    pub(in crate::provider) answer_fields: &'a [(&'static str, &'a str)],
    pub(in crate::provider) outcome: Outcome,
    pub(in crate::provider) missing_bytes: u64,
    pub(in crate::provider) limits: BodyLimits,
    /// Bytes per piece of a body.
    pub(in crate::provider) piece: usize,
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
            parameters: &[],
            fields: &[],
            request_fields: &[],
            answer_fields: &[],
            outcome: Outcome::Complete,
            missing_bytes: 0,
            limits: BodyLimits::default(),
            piece: usize::MAX,
        }
    }
}

impl Scene<'_> {
    pub(in crate::provider) fn head(&self) -> RequestHead {
        RequestHead {
            method: "POST".to_owned(),
            path: self.path.to_owned(),
            parameters: self.parameters.to_vec(),
            host: Some(self.host.to_owned()),
            port: None,
            minor_version: 1,
            headers: Headers::of(
                &self
                    .fields
                    .iter()
                    .map(|name| (*name, "x"))
                    .chain(self.request_fields.iter().copied())
                    .collect::<Vec<_>>(),
            ),
        }
    }

    pub(in crate::provider) fn exchange(&self, request: RequestHead, answered: bool) -> Exchange {
        let headers = Headers::of(self.answer_fields);
        let head = ResponseHead { status: self.status, minor_version: 1, headers };
        Exchange {
            ordinal: 0,
            role: Role::Client,
            request: request.into(),
            response: answered.then(|| head.into()),
            started_ns: 0,
            ended_ns: 9_000,
            request_body_bytes: 0,
            response_body_bytes: 0,
            request_undecoded: false,
            response_undecoded: false,
            missing_bytes: self.missing_bytes,
            outcome: self.outcome,
            notes: Vec::new(),
        }
    }

    /// What it meant: one call.
    pub(in crate::provider) fn play(&self) -> Call {
        self.calls().pop().unwrap()
    }

    pub(in crate::provider) fn calls(&self) -> Vec<Call> {
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
        calls
    }
}

/// Plays a scene whose request may have another method, and may be known by its body only.
pub(in crate::provider) fn play_as(method: &str, scene: &Scene<'_>) -> Call {
    let mut request = RequestHead { method: method.to_owned(), ..scene.head() };
    let fields: Vec<_> = scene.fields.iter().map(|name| (*name, "x")).collect();
    request.headers = Headers::of(&[&fields[..], &[("content-type", "application/json")]].concat());
    let mut calls = Vec::new();
    let (mut known, mut candidate) = match recognise(&request, scene.limits) {
        Recognition::Known(interpreter) => (Some(interpreter), None),
        Recognition::Candidate(candidate) => (None, Some(candidate)),
        Recognition::Foreign => panic!("not recognised"),
    };
    for piece in scene.request.chunks(scene.piece) {
        match (&mut known, &mut candidate) {
            (Some(interpreter), _) => interpreter.request(&document(piece)),
            (None, Some(candidate)) => {
                if let Decision::Known(interpreter) = candidate.request(&request, &document(piece)) {
                    known = Some(interpreter);
                }
            }
            (None, None) => {}
        }
    }
    if let (None, Some(candidate)) = (&known, &mut candidate)
        && let Decision::Known(interpreter) = candidate.last(&request)
    {
        known = Some(interpreter);
    }
    let mut interpreter = known.unwrap();
    for piece in scene.body.chunks(scene.piece) {
        interpreter.response(&document(piece), &mut calls);
    }
    for (time_ns, data) in (1_000..).zip(scene.events) {
        let event = SseEvent { name: String::new(), data: (*data).to_owned(), damaged: false };
        interpreter.response(&Frame { time_ns, payload: Payload::Event(event) }, &mut calls);
    }
    let silent = scene.body.is_empty() && scene.events.is_empty() && scene.outcome != Outcome::Complete;
    interpreter.finish(&scene.exchange(request, !silent), &mut calls);
    calls.pop().unwrap()
}

pub(in crate::provider) fn known(request: &RequestHead, limits: BodyLimits) -> Box<dyn Interpreter> {
    match recognise(request, limits) {
        Recognition::Known(interpreter) => interpreter,
        Recognition::Candidate(_) | Recognition::Foreign => panic!("not recognised"),
    }
}

pub(in crate::provider) fn document(piece: &[u8]) -> Frame {
    Frame { time_ns: 0, payload: Payload::Document(Bytes::copy_from_slice(piece)) }
}

pub(in crate::provider) fn extra(call: &Call, name: &str) -> Option<String> {
    call.extra.iter().find(|(known, _)| *known == name).and_then(|(_, value)| match value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    })
}
