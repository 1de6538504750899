//! Anthropic's messages, at Anthropic and wherever else Claude's own format is spoken.

use std::sync::LazyLock;

use super::candidate::{SIGN_MAX_BYTES, has_messages, has_own_chat};
use super::content::{self, Convert};
use super::dialogue::{self, DELTA, Reply};
use super::follow::{End, Follow, JsonApi, NAME, UNNAMED_ERROR, WORD, code};
use super::json::{Json, Shape};
use super::{Dialect, Endpoint};
use crate::call::{Call, Inference, Parameters, Subject, ToolCall, Usage};
use crate::protocol::http1::RequestHead;
use crate::value::Value;

mod complete;
mod parts;
#[cfg(test)]
mod tests;

/// Every client sends this field; its value is a date, and of no matter.
const VERSION: &str = "anthropic-version";

/// Names of the vendor's own SDK, which stand on its own spans alone.
const REQUEST_SERVICE_TIER: &str = "anthropic.request.service_tier";
const RESPONSE_SERVICE_TIER: &str = "anthropic.response.service_tier";
const STOP_REASON: &str = "anthropic.message.stop_reason";
const CACHE_WRITE_5M: &str = "anthropic.usage.cache_creation.ephemeral_5m_input_tokens";
const CACHE_WRITE_1H: &str = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens";

const ANTHROPIC: &str = "anthropic";

pub(super) static DIALECTS: &[Dialect] = &[
    Dialect {
        endpoints: &[Endpoint { headers: &[VERSION], ..Endpoint::post("v1/messages") }],
        claims,
        provider: ANTHROPIC,
        signs: SIGNS,
        attributes: &[
            REQUEST_SERVICE_TIER,
            RESPONSE_SERVICE_TIER,
            STOP_REASON,
            CACHE_WRITE_5M,
            CACHE_WRITE_1H,
        ],
        follow: |recognised, limits| {
            Follow::begin(Messages::default(), Call::new(Subject::chat(), recognised.provider), limits)
        },
    },
    complete::DIALECT,
];

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
    let own = [
        ("model", NAME),
        ("temperature", 0),
        ("top_p", 0),
        ("top_k", 0),
        ("max_tokens", 0),
        ("stop_sequences[]", NAME),
        ("stream", 0),
        ("output_config.effort", WORD),
        ("service_tier", WORD),
        ("system#", 0),
        ("tools[].name", NAME),
    ];
    Shape::new(&[&own[..], parts::OF_MESSAGES].concat()).and_dialogue(
        "messages",
        "messages[]",
        dialogue::MESSAGES,
    )
});

/// What stands in a message, which is an answer, or what a stream begins with.
const OF_MESSAGE: &[(&str, usize)] = &[
    ("id", NAME),
    ("model", NAME),
    ("usage.input_tokens", 0),
    ("usage.output_tokens", 0),
    ("usage.cache_read_input_tokens", 0),
    ("usage.cache_creation_input_tokens", 0),
    ("usage.cache_creation.ephemeral_5m_input_tokens", 0),
    ("usage.cache_creation.ephemeral_1h_input_tokens", 0),
    ("usage.output_tokens_details.thinking_tokens", 0),
    ("usage.server_tool_use.web_search_requests", 0),
    ("usage.service_tier", WORD),
    ("usage.speed", WORD),
];

/// A whole message has at its top what the events of a stream have below `message` and `delta`.
static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    let own = [
        ("type", WORD),
        ("stop_reason", WORD),
        ("delta.stop_reason", WORD),
        ("index", 0),
        ("content_block.type", WORD),
        ("content_block.id", NAME),
        ("content_block.name", NAME),
        ("content_block.text", DELTA),
        ("delta.text", DELTA),
        ("error.type", WORD),
        ("error.message", 0),
    ];
    Shape::new(&[&own[..], OF_MESSAGE, dialogue::MESSAGES].concat()).and_below("message", OF_MESSAGE)
});

/// One message being followed.
#[derive(Default)]
pub(super) struct Messages {
    stop_reason: Option<String>,
    reply: Reply,
    /// As on the wire, where `input` leaves out what a cache gave or took.
    counted: Usage,
}

impl JsonApi for Messages {
    const CONTENT: Option<Convert> = Some(content::anthropic::messages);

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
        let tier = asked.get("service_tier").text().filter(|tier| tier != "auto");
        put(call, REQUEST_SERVICE_TIER, tier.map(Value::String));
        parts::take_of_messages(asked, call);
        dialogue::instruct(asked.get("system"), call);
        dialogue::offer(asked.get("tools").items().iter().map(|tool| tool.get("name")), call);
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        let message = said.get("message");
        for place in [said, message] {
            call.response_id = call.response_id.take().or_else(|| place.get("id").text());
            call.response_model = call.response_model.take().or_else(|| place.get("model").text());
            self.count(place.get("usage"));
            take_own(place.get("usage"), call);
        }
        for block in said.get("content").items().iter().chain([said.get("content_block")]) {
            // What Anthropic's servers run themselves has a type of its own.
            if let (Some("tool_use"), Some(name)) = (block.get("type").as_text(), block.get("name").text()) {
                call.add_tool_call(ToolCall { name, id: block.get("id").text() });
            }
        }
        self.reply.message(said);
        self.reply_with(said);
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
        put(call, STOP_REASON, self.stop_reason.clone().map(Value::String));
        let finish_reasons = match self.stop_reason.as_deref() {
            Some(reason) => vec![finish_reason(reason)],
            None if end.cut || (call.stream && call.error_code.is_some()) => vec!["error".to_owned()],
            None => Vec::new(),
        };
        if finish_reasons.is_empty() && call.response_id.is_some() {
            call.note("a choice has no finish reason");
        }
        call.subject = Subject::Inference { operation: Inference::Chat, finish_reasons };
        self.reply.finish(end, call);
    }
}

impl Messages {
    /// Takes over a piece of a stream.
    fn reply_with(&mut self, said: &Json) {
        let place = said.get("index").count().unwrap_or_default();
        let block = said.get("content_block");
        if let (Some("tool_use"), Some(name)) = (block.get("type").as_text(), block.get("name").text()) {
            self.reply.call(ToolCall { name, id: block.get("id").text() });
        }
        self.reply.piece(place, block.get("text"));
        self.reply.piece(place, said.get("delta.text"));
    }

    /// Counts are cumulative: of each, the last one holds.
    fn count(&mut self, usage: &Json) {
        let last = |path: &str, known: Option<u64>| usage.get(path).count().or(known);
        let counted = self.counted;
        self.counted = Usage {
            input: last("input_tokens", counted.input),
            output: last("output_tokens", counted.output),
            cache_read: last("cache_read_input_tokens", counted.cache_read),
            cache_write: last("cache_creation_input_tokens", counted.cache_write),
            cache_write_1h: last("cache_creation.ephemeral_1h_input_tokens", counted.cache_write_1h),
            reasoning: last("output_tokens_details.thinking_tokens", counted.reasoning),
            web_searches: last("server_tool_use.web_search_requests", counted.web_searches),
            ..counted
        };
    }
}

/// The class of service, and what else the price of each token depends on.
fn take_own(usage: &Json, call: &mut Call) {
    let tier = usage.get("service_tier").text();
    if tier.is_some() {
        call.service_tier.clone_from(&tier);
        put(call, RESPONSE_SERVICE_TIER, tier.map(Value::String));
    }
    for (name, path) in [
        (CACHE_WRITE_5M, "cache_creation.ephemeral_5m_input_tokens"),
        (CACHE_WRITE_1H, "cache_creation.ephemeral_1h_input_tokens"),
    ] {
        put(call, name, usage.get(path).integer().map(Value::Int));
    }
    // Such tokens cost several times as much.
    if usage.get("speed").as_text() == Some("fast") {
        call.service_tier = Some("fast".to_owned());
    }
}

/// The conventions' word for a finish reason, where they have one.
pub(super) fn finish_reason(reason: &str) -> String {
    let known = match reason {
        "end_turn" | "stop_sequence" => "stop",
        "max_tokens" => "length",
        "tool_use" => "tool_call",
        other => other,
    };
    known.to_owned()
}

/// Puts the vendor's own attribute on its own span, in place of what was there of it.
fn put(call: &mut Call, name: &'static str, value: Option<Value>) {
    if let (ANTHROPIC, Some(value)) = (call.provider, value) {
        call.extra.retain(|(known, _)| *known != name);
        call.extra.push((name, value));
    }
}
