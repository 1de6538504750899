//! OpenAI's chat completions, and every server that speaks the same shape.
//!
//! Nothing here keeps content: messages, deltas and the texts of errors are skipped while parsing.

mod answer;
mod request;
#[cfg(test)]
mod tests;

use std::mem;

use super::body::{Body, Unread};
use super::endpoint::{Endpoint, segments_from_end};
use super::json::Object;
use super::{BodyLimits, Dialect, Interpreter, Recognised};
use crate::call::{Call, Operation};
use crate::exchange::{Exchange, Frame, Outcome, Payload};
use crate::protocol::sse::SseEvent;
use crate::value::Value;
use answer::{Answer, ChatResponse};
use request::{Asked, ChatRequest};

const API_TYPE: &str = "openai.api.type";
const REQUEST_SERVICE_TIER: &str = "openai.request.service_tier";
const RESPONSE_SERVICE_TIER: &str = "openai.response.service_tier";
const SYSTEM_FINGERPRINT: &str = "openai.response.system_fingerprint";

/// The provider that owns the attributes above; they never stand on another one's span.
const OPENAI: &str = "openai";

pub(super) static DIALECT: Dialect = Dialect {
    endpoints: &[Endpoint { method: "POST", suffix: &["chat", "completions"] }],
    attributes: &[API_TYPE, REQUEST_SERVICE_TIER, RESPONSE_SERVICE_TIER, SYSTEM_FINGERPRINT],
    follow: |recognised, limits| Box::new(ChatCompletion::new(&recognised, limits)),
};

/// What the request said, as far as is known yet.
#[derive(Debug)]
enum Request {
    /// Its body is still coming.
    Coming(Body),
    /// The response began before the body was whole: the rest is awaited until the end.
    Late(Body),
    /// Its body was read, or cannot be.
    Read(Result<Asked, Unread>),
}

impl Request {
    fn read(body: &Body) -> Result<Asked, Unread> {
        body.read(|request: ChatRequest<'_>| Asked::from(request))
    }

    fn push(&mut self, piece: &[u8]) {
        match self {
            Self::Coming(body) | Self::Late(body) => body.push(piece),
            Self::Read(_) => {}
        }
    }

    /// The response begins: reads the body if it is whole, so that a long stream does not hold a
    /// large prompt in memory all the while. Tried once.
    fn settle(self) -> Self {
        match self {
            Self::Coming(body) => match Self::read(&body) {
                Err(Unread::Incomplete | Unread::Empty) => Self::Late(body),
                asked => Self::Read(asked),
            },
            settled => settled,
        }
    }

    fn finish(self) -> Result<Asked, Unread> {
        match self {
            Self::Coming(body) | Self::Late(body) => Self::read(&body),
            Self::Read(asked) => asked,
        }
    }
}

/// One chat completion being followed.
#[derive(Debug)]
struct ChatCompletion {
    provider: &'static str,
    /// Azure's deployment from the path, for clients that send no model.
    deployment: Option<String>,
    request: Request,
    body: Body,
    answer: Answer,
    first_event_ns: Option<u64>,
    /// The stream said `[DONE]`.
    done: bool,
    notes: Vec<&'static str>,
}

impl ChatCompletion {
    fn new(recognised: &Recognised<'_>, limits: BodyLimits) -> Self {
        Self {
            provider: recognised.provider,
            deployment: deployment(recognised.path),
            request: Request::Coming(Body::new(limits.request_bytes)),
            body: Body::new(limits.response_bytes),
            answer: Answer::default(),
            first_event_ns: None,
            done: false,
            notes: Vec::new(),
        }
    }

    fn settle_request(&mut self) {
        let unread = Request::Read(Err(Unread::Empty));
        self.request = mem::replace(&mut self.request, unread).settle();
    }

    fn note(&mut self, note: &'static str) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Reads a response that was not an event stream.
    fn read_body(&mut self, exchange: &Exchange) {
        if exchange.response.is_none() {
            return;
        }
        let (answer, provider) = (&mut self.answer, self.provider);
        match self.body.read(|response: ChatResponse<'_>| answer.absorb(&response, provider)) {
            Ok(()) => {}
            Err(unread) => self.note(unread.response_note()),
        }
    }
}

impl ChatCompletion {
    fn response_event(&mut self, event: &SseEvent, time_ns: u64) {
        self.first_event_ns.get_or_insert(time_ns);
        if event.damaged {
            return self.note("stream event is damaged");
        }
        // The official client, too, compares no more than the prefix.
        if event.data.starts_with("[DONE]") {
            self.done = true;
            return;
        }
        if event.data.is_empty() {
            return;
        }
        match serde_json::from_str::<Object<ChatResponse<'_>>>(&event.data) {
            Ok(Object(Some(chunk))) => self.answer.absorb(&chunk, self.provider),
            Ok(Object(None)) | Err(_) => self.note("stream event is not JSON"),
        }
        if event.name == "error" {
            self.answer.fail();
        }
    }
}

impl Interpreter for ChatCompletion {
    fn request(&mut self, frame: &Frame) {
        match &frame.payload {
            Payload::Document(bytes) => self.request.push(bytes),
            Payload::Event(_) => {}
        }
    }

    fn response(&mut self, frame: &Frame) {
        self.settle_request();
        match &frame.payload {
            Payload::Document(bytes) => self.body.push(bytes),
            Payload::Event(event) => self.response_event(event, frame.time_ns),
        }
    }

    fn finish(mut self: Box<Self>, exchange: &Exchange) -> Call {
        let streamed = self.first_event_ns.is_some();
        if !streamed {
            self.read_body(exchange);
        }
        let Self { provider, deployment, request, answer, first_event_ns, done, mut notes, .. } = *self;
        let mut call = Call::new(Operation::Chat, provider);
        let asked = request.finish().unwrap_or_else(|unread| {
            notes.push(unread.request_note());
            Asked::default()
        });

        let cut = streamed && !done && is_cut(exchange.outcome) && exchange.missing_bytes == 0;
        let expected = if cut { asked.parameters.choice_count.unwrap_or(1) } else { 0 };
        let reasons = answer.finish_reasons(expected);
        if reasons.missing {
            notes.push("a choice has no finish reason");
        }
        if reasons.overflowed {
            notes.push("more choices than are kept");
        }
        if exchange.missing_bytes > 0 {
            notes.push("bytes of the bodies were not captured");
        }
        let status = exchange.response.as_ref().map(|head| head.status);
        if answer.error.is_none() && answer.usage.is_none() {
            if streamed {
                notes.push("stream carried no usage");
            } else if answer.seen && status.is_some_and(|status| status < 400) {
                notes.push("response carried no usage");
            }
        }

        if provider == OPENAI {
            let mut add = |name, value: Option<String>| {
                call.extra.extend(value.map(|value| (name, Value::String(value))));
            };
            add(API_TYPE, Some("chat_completions".to_owned()));
            add(REQUEST_SERVICE_TIER, asked.service_tier.filter(|tier| tier != "auto"));
            add(RESPONSE_SERVICE_TIER, answer.service_tier);
            add(SYSTEM_FINGERPRINT, answer.system_fingerprint);
        }
        call.request_model = asked.model.or(deployment);
        call.response_model = answer.model;
        call.response_id = answer.id;
        call.finish_reasons = reasons.list;
        call.usage = answer.usage.unwrap_or_default();
        call.parameters = asked.parameters;
        call.stream = asked.stream || streamed;
        call.first_chunk_ns = first_event_ns;
        call.stream_ended = done;
        // The status says more than an error without a name does.
        let refused = status.is_some_and(|status| status >= 400);
        call.error_code = answer.error.filter(|code| !(refused && code == answer::UNNAMED_ERROR));
        call.notes = notes;
        call
    }
}

/// Whether the exchange ended, for the program too, before the response was whole. What was merely
/// not captured may well have reached it.
fn is_cut(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Cancelled | Outcome::PeerClosed | Outcome::Failed(_) => true,
        Outcome::Complete | Outcome::Lost | Outcome::Malformed => false,
    }
}

/// The deployment in Azure's `/openai/deployments/{deployment}/chat/completions`.
fn deployment(path: &str) -> Option<String> {
    let mut segments = segments_from_end(path).skip(2);
    let name = segments.next()?;
    (segments.next()? == "deployments").then(|| name.into_owned())
}
