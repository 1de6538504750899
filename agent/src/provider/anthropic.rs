//! Anthropic's messages, at Anthropic and wherever else Claude's own format is spoken.

use std::sync::LazyLock;

use super::candidate::{SIGN_MAX_BYTES, has_messages, has_own_chat};
use super::follow::{End, Follow, JsonApi, NAME, UNNAMED_ERROR, WORD, code};
use super::json::{Json, Shape};
use super::{Dialect, Endpoint};
use crate::call::{Call, Inference, Parameters, Subject, Usage};
use crate::protocol::http1::RequestHead;

#[cfg(test)]
mod tests;

/// Every client sends this field; its value is a date, and of no matter.
const VERSION: &str = "anthropic-version";

pub(super) static DIALECTS: &[Dialect] = &[Dialect {
    endpoints: &[Endpoint { headers: &[VERSION], ..Endpoint::post("v1/messages") }],
    claims,
    provider: "anthropic",
    signs: SIGNS,
    attributes: &[],
    follow: |recognised, limits| {
        Follow::begin(Messages::default(), Call::new(Subject::chat(), recognised.provider), limits)
    },
}];

/// What only this dialect has beside messages.
pub(super) const SIGNS: &[(&str, usize)] =
    &[("max_tokens", 0), ("system", 0), ("system[].type", 0), ("anthropic_version", SIGN_MAX_BYTES)];

/// Messages with roles, and what only this dialect has beside them.
fn claims(request: &RequestHead, body: &Json) -> bool {
    let own = ["system", "anthropic_version"].iter().any(|key| body.get(key) != &Json::Null)
        || request.headers.get(VERSION).is_some()
        || request.path.trim_end_matches('/').ends_with("/messages");
    // What only counts a message's tokens is no call.
    let counts = request.path.trim_end_matches('/').ends_with("/count_tokens");
    has_messages(body) && own && !counts && !has_own_chat(&request.path)
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("model", NAME),
        ("temperature", 0),
        ("top_p", 0),
        ("top_k", 0),
        ("max_tokens", 0),
        ("stop_sequences[]", NAME),
        ("stream", 0),
        ("output_config.effort", WORD),
    ])
});

/// A whole message has at its top what the events of a stream have below `message` and `delta`.
static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("type", WORD),
        ("id", NAME),
        ("model", NAME),
        ("stop_reason", WORD),
        ("usage.input_tokens", 0),
        ("usage.output_tokens", 0),
        ("usage.cache_read_input_tokens", 0),
        ("usage.cache_creation_input_tokens", 0),
        ("usage.output_tokens_details.thinking_tokens", 0),
        ("message.id", NAME),
        ("message.model", NAME),
        ("message.usage.input_tokens", 0),
        ("message.usage.output_tokens", 0),
        ("message.usage.cache_read_input_tokens", 0),
        ("message.usage.cache_creation_input_tokens", 0),
        ("message.usage.output_tokens_details.thinking_tokens", 0),
        ("delta.stop_reason", WORD),
        ("error.type", WORD),
        ("error.message", 0),
    ])
});

/// One message being followed.
#[derive(Default)]
pub(super) struct Messages {
    stop_reason: Option<String>,
    /// As on the wire, where `input` leaves out what a cache gave or took.
    counted: Usage,
}

impl JsonApi for Messages {
    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text();
        call.stream |= asked.get("stream").is_true();
        call.parameters = Parameters {
            temperature: asked.get("temperature").number(),
            top_p: asked.get("top_p").number(),
            top_k: asked.get("top_k").count(),
            max_tokens: asked.get("max_tokens").count(),
            stop_sequences: asked.get("stop_sequences").items().iter().filter_map(Json::text).collect(),
            reasoning_level: asked.get("output_config.effort").text(),
            ..Parameters::default()
        };
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        let message = said.get("message");
        for place in [said, message] {
            call.response_id = call.response_id.take().or_else(|| place.get("id").text());
            call.response_model = call.response_model.take().or_else(|| place.get("model").text());
            self.count(place.get("usage"));
        }
        let reason = said.get("delta.stop_reason").text().or_else(|| said.get("stop_reason").text());
        self.stop_reason = reason.or(self.stop_reason.take());
        let kind = said.get("type").as_text();
        let is = |name: &str| event == name || kind == Some(name);
        call.stream_ended |= is("message_stop");
        if is("error") || said.get("error.message") != &Json::Null {
            let named = code(said.get("error.type")).unwrap_or_else(|| UNNAMED_ERROR.to_owned());
            call.error_code.get_or_insert(named);
        }
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        call.usage = Usage {
            // The wire leaves out what a cache gave or took; the conventions' total has it.
            input: self.counted.input.map(|input| {
                let cached = [self.counted.cache_read, self.counted.cache_write];
                cached.into_iter().flatten().fold(input, u64::saturating_add)
            }),
            ..self.counted
        };
        let finish_reasons = match self.stop_reason.as_deref() {
            Some("end_turn" | "stop_sequence") => vec!["stop".to_owned()],
            Some("max_tokens") => vec!["length".to_owned()],
            Some("tool_use") => vec!["tool_call".to_owned()],
            Some(other) => vec![other.to_owned()],
            None if end.cut || (call.stream && call.error_code.is_some()) => vec!["error".to_owned()],
            None => Vec::new(),
        };
        if finish_reasons.is_empty() && call.response_id.is_some() {
            call.note("a choice has no finish reason");
        }
        call.subject = Subject::Inference { operation: Inference::Chat, finish_reasons };
    }
}

impl Messages {
    /// Counts are cumulative: of each, the last one holds.
    fn count(&mut self, usage: &Json) {
        let last = |path: &str, known: Option<u64>| usage.get(path).count().or(known);
        let counted = self.counted;
        self.counted = Usage {
            input: last("input_tokens", counted.input),
            output: last("output_tokens", counted.output),
            cache_read: last("cache_read_input_tokens", counted.cache_read),
            cache_write: last("cache_creation_input_tokens", counted.cache_write),
            reasoning: last("output_tokens_details.thinking_tokens", counted.reasoning),
            ..counted
        };
    }
}
