//! Ollama's own API: chats and completions that stream lines of JSON unless told not to, and embeddings. What it
//! serves under `/v1` is OpenAI's.

use std::sync::LazyLock;

use super::content::{self, Convert};
use super::dialogue::{self, DELTA, Reply};
use super::follow::{End, Follow, JsonApi, NAME, UNNAMED_ERROR, WORD};
use super::json::{Json, Shape};
use super::{Dialect, Endpoint, media};
use crate::call::{Call, Inference, Parameters, Subject, ToolCall};
use crate::protocol::http1::RequestHead;

#[cfg(test)]
mod tests;

const PROVIDER: &str = "ollama";

/// Paths that apps of any kind have, too.
const CHAT: Endpoint = Endpoint::post("api/chat");
const GENERATE: Endpoint = Endpoint::post("api/generate");
const EMBED: Endpoint = Endpoint::post("api/embed");
const EMBEDDINGS: Endpoint = Endpoint::post("api/embeddings");

/// What its requests have beside a model, which none may leave out. Something is kept of texts, since of those that go on
/// where the look ends nothing is known otherwise.
const SIGNS: &[(&str, usize)] = &[("messages", 0), ("prompt", 1), ("input", 1), ("input[]", 0)];

pub(super) static DIALECTS: &[Dialect] = &[
    Dialect {
        endpoints: &[],
        claims: |request, body| CHAT.matches(request) && has_model(body) && body.get("messages").is_list(),
        provider: PROVIDER,
        signs: SIGNS,
        attributes: &[],
        follow: |recognised, limits| {
            Follow::begin(Generation::default(), Call::new(Subject::chat(), recognised.provider), limits)
        },
    },
    Dialect {
        endpoints: &[],
        claims: |request, body| GENERATE.matches(request) && has_model(body) && has_text(body, "prompt"),
        provider: PROVIDER,
        signs: SIGNS,
        attributes: &[],
        follow: |recognised, limits| {
            let operation = Inference::TextCompletion;
            let subject = Subject::Inference { operation, finish_reasons: Vec::new() };
            Follow::begin(Generation::default(), Call::new(subject, recognised.provider), limits)
        },
    },
    Dialect {
        endpoints: &[],
        claims: claims_embeddings,
        provider: PROVIDER,
        signs: SIGNS,
        attributes: &[],
        follow: |recognised, limits| {
            let subject = Subject::Embeddings { dimensions: None, encoding_formats: Vec::new() };
            Follow::begin(Embeddings::default(), Call::new(subject, recognised.provider), limits)
        },
    },
];

fn claims_embeddings(request: &RequestHead, body: &Json) -> bool {
    let has_input = has_text(body, "input") || body.get("input").is_list();
    has_model(body)
        && (EMBED.matches(request) && has_input || EMBEDDINGS.matches(request) && has_text(body, "prompt"))
}

fn has_model(body: &Json) -> bool {
    body.get("model").as_text().is_some()
}

fn has_text(body: &Json, member: &str) -> bool {
    matches!(body.get(member), Json::Text { .. })
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("model", NAME),
        ("stream", 0),
        ("format", WORD),
        ("think", WORD),
        ("options.temperature", 0),
        ("options.top_p", 0),
        ("options.top_k", 0),
        ("options.seed", 0),
        ("options.num_predict", 0),
        ("options.frequency_penalty", 0),
        ("options.presence_penalty", 0),
        ("options.stop", NAME),
        ("options.stop[]", NAME),
        ("images[]", 0),
        ("messages[].images[]", 0),
        ("dimensions", 0),
        ("tools[].function.name", NAME),
    ])
    .and_dialogue("messages", "messages[]", dialogue::CHAT)
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("model", NAME),
        ("done", 0),
        ("done_reason", WORD),
        ("prompt_eval_count", 0),
        ("eval_count", 0),
        ("error", 0),
        ("message.content", DELTA),
        ("message.tool_calls[].id", NAME),
        ("message.tool_calls[].function.name", NAME),
        ("embedding", 0),
        ("embeddings[]", 0),
    ])
});

/// What all answers have in common.
fn read_response(said: &Json, call: &mut Call) {
    call.response_model = call.response_model.take().or_else(|| said.get("model").text());
    let usage = &mut call.usage;
    // A prompt whose tokens are all cached is not counted at all.
    usage.input = said.get("prompt_eval_count").count().or(usage.input);
    usage.output = said.get("eval_count").count().or(usage.output);
    // It is a sentence. In a stream it follows what was said before.
    if !matches!(said.get("error"), Json::Null | Json::Text { bytes: 0, .. }) {
        call.error_code.get_or_insert_with(|| UNNAMED_ERROR.to_owned());
    }
}

/// A chat or a completion being followed.
#[derive(Default)]
struct Generation {
    answered: bool,
    reason: Option<String>,
    reply: Reply,
}

impl JsonApi for Generation {
    const CONTENT: Option<Convert> = Some(content::ollama);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text();
        // Streaming is the default; a request of which not all was seen does not tell.
        let known = call.request_model.is_some();
        call.stream |= known && asked.get("stream") != &Json::Bool(false);
        let options = asked.get("options");
        call.parameters = Parameters {
            temperature: options.get("temperature").number(),
            top_p: options.get("top_p").number(),
            top_k: options.get("top_k").count(),
            frequency_penalty: options.get("frequency_penalty").number(),
            presence_penalty: options.get("presence_penalty").number(),
            // Negative ones stand for "no bound".
            max_tokens: options.get("num_predict").count(),
            seed: options.get("seed").integer(),
            stop_sequences: options.get("stop").items().iter().filter_map(Json::text).collect(),
            // `json`, or a schema.
            output_type: match asked.get("format") {
                Json::Object(_) => Some("json"),
                format => format.as_text().filter(|format| *format == "json").and(Some("json")),
            },
            // `true` is no level.
            reasoning_level: asked.get("think").text(),
            ..Parameters::default()
        };
        let of_messages = asked.get("messages").items().iter().map(|message| message.get("images"));
        for image in of_messages.chain([asked.get("images")]).flat_map(Json::items) {
            media::of_base64("image", image, None).into_iter().for_each(|image| call.add_media(image));
        }
        dialogue::offer(asked.get("tools").items().iter().map(|tool| tool.get("function.name")), call);
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        read_response(said, call);
        self.answered = true;
        self.reply.piece(0, said.get("message.content"));
        // Arguments come as an object, each call whole, as a rule without an id.
        for tool in said.get("message.tool_calls").items() {
            if let Some(name) = tool.get("function.name").text() {
                call.add_tool_call(ToolCall { name, id: tool.get("id").text() });
            }
        }
        self.reason = said.get("done_reason").text().or(self.reason.take());
        call.stream_ended |= said.get("done").is_true();
    }

    fn finish(mut self, end: &End<'_>, call: &mut Call) {
        call.tool_calls.iter().for_each(|tool| self.reply.call(tool.clone()));
        self.reply.finish(end, call);
        let failed = end.cut || (call.first_chunk_ns.is_some() && call.error_code.is_some());
        let reasons = match self.reason {
            Some(reason) => vec![reason],
            None if failed => vec!["error".to_owned()],
            None => Vec::new(),
        };
        if reasons.is_empty() && self.answered && call.error_code.is_none() {
            call.note("a choice has no finish reason");
        }
        if let Subject::Inference { finish_reasons, .. } = &mut call.subject {
            *finish_reasons = reasons;
        }
    }
}

/// Embeddings being followed.
#[derive(Default)]
struct Embeddings {
    asked_dimensions: Option<u64>,
    dimensions: Option<u64>,
}

impl JsonApi for Embeddings {
    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text();
        self.asked_dimensions = asked.get("dimensions").count();
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        read_response(said, call);
        let first = said.get("embeddings").items().first().unwrap_or(said.get("embedding"));
        self.dimensions = first.length().filter(|length| *length > 0);
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        // Half a vector has not all of them.
        let dimensions = self.asked_dimensions.or(self.dimensions.filter(|_| end.answered));
        call.subject = Subject::Embeddings { dimensions, encoding_formats: Vec::new() };
    }
}
