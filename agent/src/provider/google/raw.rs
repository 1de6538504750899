//! Vertex's `:rawPredict` and `:streamRawPredict`: a publisher's own format, with the model in the path.

use std::sync::LazyLock;

use super::super::anthropic::Messages;
use super::super::content::Convert;
use super::super::follow::{End, Follow, JsonApi, WORD, code};
use super::super::json::{Json, Shape};
use super::super::{Dialect, Endpoint, Interpreter};
use super::{VERTEX_AI, at_vertex, model};
use crate::call::{Call, Subject};
use crate::exchange::{Exchange, Frame};

const ENDPOINTS: [Endpoint; 2] = [
    at_vertex("publishers/anthropic/models/{model}:rawPredict"),
    at_vertex("publishers/anthropic/models/{model}:streamRawPredict"),
];

/// The model that only counts tokens.
const COUNTER: &str = "count-tokens";

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &ENDPOINTS,
    claims: |_, _| false,
    provider: VERTEX_AI,
    signs: &[],
    attributes: &[],
    follow: |recognised, limits| {
        if model(&recognised, &ENDPOINTS).as_deref() == Some(COUNTER) {
            return Box::new(NoCall);
        }
        let mut call = Call::new(Subject::chat(), recognised.provider);
        call.request_model = model(&recognised, &ENDPOINTS);
        let model = call.request_model.clone();
        Follow::begin(Claude { model, messages: Messages::default() }, call, limits)
    },
};

/// Vertex's own errors name themselves otherwise than Anthropic's.
static RESPONSE: LazyLock<Shape> =
    LazyLock::new(|| Shape::new(&[("error.status", WORD)]).and(Messages::default().response_shape()));

/// Anthropic's messages, which do not name their model here.
struct Claude {
    model: Option<String>,
    messages: Messages,
}

impl JsonApi for Claude {
    const CONTENT: Option<Convert> = Messages::CONTENT;

    fn request_shape(&self) -> &'static Shape {
        self.messages.request_shape()
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        self.messages.request(asked, call);
        call.request_model = self.model.take().or(call.request_model.take());
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        call.error_code = call.error_code.take().or_else(|| code(said.get("error.status")));
        self.messages.response(event, said, call);
    }

    fn is_end(&self, data: &[u8]) -> bool {
        self.messages.is_end(data)
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        self.messages.finish(end, call);
    }
}

/// An exchange that makes nothing.
struct NoCall;

impl Interpreter for NoCall {
    fn request(&mut self, _frame: &Frame) {}

    fn response(&mut self, _frame: &Frame, _calls: &mut Vec<Call>) {}

    fn held_bytes(&self) -> usize {
        0
    }

    fn finish(self: Box<Self>, _exchange: &Exchange, _calls: &mut Vec<Call>) {}
}
