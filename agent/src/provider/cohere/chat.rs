//! Chats of version 2, which are written much as OpenAI's, those of version 1, and the completions of old.

use std::sync::LazyLock;

use super::{PROVIDER, USAGE, has_text, is_own, usage};
use crate::call::{Call, Inference, Parameters, Subject, ToolCall, Usage};
use crate::provider::candidate::has_messages;
use crate::provider::content::{self, Convert};
use crate::provider::dialogue::{self, DELTA, Reply};
use crate::provider::evidence::Evidence;
use crate::provider::follow::{End, Follow, JsonApi, NAME, UNNAMED_ERROR, WORD};
use crate::provider::json::{Json, Shape};
use crate::provider::media::{self, URL};
use crate::provider::{Dialect, Endpoint};

#[cfg(test)]
mod tests;

const CHAT_V2: Endpoint = Endpoint::post("v2/chat");
const CHAT_V1: Endpoint = Endpoint::post("v1/chat");

pub(super) const CHAT: Dialect = Dialect {
    endpoints: &[],
    claims: |request, body| {
        let has_model = body.get("model").text().is_some() || is_own(request);
        let is_first = has_text(body, "message") && (has_model || body.has("chat_history"));
        CHAT_V2.matches(request) && has_messages(body) && has_model || CHAT_V1.matches(request) && is_first
    },
    provider: PROVIDER,
    signs: &[("message", 0), ("chat_history", 0)],
    attributes: &[],
    follow: |recognised, limits| {
        let evidence = Evidence::of(&recognised, PROVIDER, CHAT_V2.matches(recognised.request));
        let api = Generation { evidence, ..Generation::default() };
        Follow::begin(api, Call::new(Subject::chat(), recognised.provider), limits)
    },
};

pub(super) const GENERATE: Dialect = Dialect {
    endpoints: &[],
    claims: |request, body| {
        Endpoint::post("v1/generate").matches(request)
            && has_text(body, "prompt")
            && (body.get("model").text().is_some() || is_own(request))
    },
    provider: PROVIDER,
    signs: &[("prompt", 0)],
    attributes: &[],
    follow: |recognised, limits| {
        let operation = Inference::TextCompletion;
        let subject = Subject::Inference { operation, finish_reasons: Vec::new() };
        let api =
            Generation { evidence: Evidence::of(&recognised, PROVIDER, false), ..Generation::default() };
        Follow::begin(api, Call::new(subject, recognised.provider), limits)
    },
};

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("model", NAME),
        ("stream", 0),
        ("temperature", 0),
        ("p", 0),
        ("k", 0),
        ("frequency_penalty", 0),
        ("presence_penalty", 0),
        ("max_tokens", 0),
        ("seed", 0),
        ("num_generations", 0),
        ("stop_sequences[]", NAME),
        ("response_format.type", WORD),
        ("conversation_id", NAME),
        ("messages[].content[].image_url.url", URL),
        ("tools[].function.name", NAME),
        // Of version 1.
        ("tools[].name", NAME),
        ("preamble#", 0),
        ("message#", 0),
    ])
    .and_below("", dialogue::COHERE_V1)
    .and_dialogue("messages", "messages[]", dialogue::CHAT)
    .and_dialogue("chat_history", "chat_history[]", dialogue::COHERE_V1)
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    let own = [
        ("id", NAME),
        ("generation_id", NAME),
        ("finish_reason", WORD),
        // An object; a text in errors.
        ("message", 0),
        ("tool_calls[].name", NAME),
        ("generations[].finish_reason", WORD),
        ("text#", 0),
        // Of events: of version 2, of version 1, of completions.
        ("type", WORD),
        ("delta.finish_reason", WORD),
        ("delta.error", 0),
        ("index", 0),
        ("delta.message.content.text", DELTA),
        ("delta.message.tool_calls.id", NAME),
        ("delta.message.tool_calls.function.name", NAME),
        ("event_type", WORD),
        ("is_finished", 0),
        ("err", 0),
    ];
    let of_end = [
        ("id", NAME),
        ("generation_id", NAME),
        ("tool_calls[].name", NAME),
        ("generations[].finish_reason", WORD),
        ("text#", 0),
    ];
    Shape::new(&[&own[..], USAGE].concat())
        .and_below("message", dialogue::CHAT)
        .and_below("response", &[&of_end[..], USAGE].concat())
        .and_below("delta", USAGE)
});

/// A chat or a completion being followed.
#[derive(Default)]
struct Generation {
    evidence: Evidence,
    answered: bool,
    reasons: Vec<String>,
    tools: Vec<ToolCall>,
    reply: Reply,
    /// The answer is a message of version 2, whole.
    is_message: bool,
}

impl JsonApi for Generation {
    const CONTENT: Option<Convert> = Some(content::cohere::cohere);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text();
        call.stream |= asked.get("stream").is_true();
        call.conversation_id = asked.get("conversation_id").text();
        call.parameters = Parameters {
            temperature: asked.get("temperature").number(),
            top_p: asked.get("p").number(),
            top_k: asked.get("k").count(),
            frequency_penalty: asked.get("frequency_penalty").number(),
            presence_penalty: asked.get("presence_penalty").number(),
            max_tokens: asked.get("max_tokens").count(),
            seed: asked.get("seed").integer(),
            choice_count: asked.get("num_generations").count().filter(|count| *count != 1),
            stop_sequences: asked.get("stop_sequences").items().iter().filter_map(Json::text).collect(),
            output_type: match asked.get("response_format.type").as_text() {
                Some("json_object") => Some("json"),
                Some("text") => Some("text"),
                _ => None,
            },
            ..Parameters::default()
        };
        for part in asked.get("messages").items().iter().flat_map(|message| message.get("content").items()) {
            let image = media::of_url("image", part.get("image_url.url"));
            image.into_iter().for_each(|image| call.add_media(image));
        }
        dialogue::instruct(asked.get("preamble"), call);
        dialogue::add(asked, call);
        let tools = asked.get("tools").items().iter();
        dialogue::offer(tools.flat_map(|tool| [tool.get("function.name"), tool.get("name")]), call);
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        let is = |name: &str| {
            event == name
                || said.get("type").as_text() == Some(name)
                || said.get("event_type").as_text() == Some(name)
        };
        let (delta, end) = (said.get("delta"), said.get("response"));
        // Version 1 has one more, of the response, which streams tell at their end only.
        let ids = [said, end].into_iter().flat_map(|place| [place.get("generation_id"), place.get("id")]);
        call.response_id = call.response_id.take().or_else(|| ids.into_iter().find_map(Json::text));
        self.take_tools(said);
        self.reply_with(said);
        let reasons = [said, end].map(|place| place.get("generations").items());
        let reasons = reasons.into_iter().flatten().map(|one| one.get("finish_reason"));
        let reasons = reasons.chain([said.get("finish_reason"), delta.get("finish_reason")]);
        let reasons = reasons.filter_map(Json::text).collect::<Vec<_>>();
        if !reasons.is_empty() {
            // The one at the top of an event is that of its generations.
            let several = reasons.len() - usize::from(reasons.len() > 1 && said.has("finish_reason"));
            self.reasons = reasons.into_iter().take(several).collect();
        }
        for counts in [said.get("usage"), said.get("meta"), end.get("meta"), delta.get("usage")] {
            let counted = usage(counts);
            if counted != Usage::default() {
                call.usage = counted;
            }
        }
        call.stream_ended |= is("message-end") || is("stream-end") || said.get("is_finished").is_true();
        self.answered |= !has_text(said, "message");
        let errors = [delta.get("error"), said.get("err"), said.get("message")];
        let is_error = errors.iter().any(|error| matches!(error, Json::Text { bytes: 1.., .. }));
        self.evidence.look(is_cohere(said), is_error);
        if is_error {
            call.error_code.get_or_insert_with(|| UNNAMED_ERROR.to_owned());
        }
    }

    fn is_one(&self, end: &End<'_>, call: &Call) -> bool {
        self.evidence.suffices(end, call)
    }

    fn finish(mut self, end: &End<'_>, call: &mut Call) {
        if !self.is_message {
            self.tools.iter().for_each(|tool| self.reply.call(tool.clone()));
        }
        self.tools.into_iter().for_each(|tool| call.add_tool_call(tool));
        self.reply.finish(end, call);
        let failed = end.cut || (call.first_chunk_ns.is_some() && call.error_code.is_some());
        let mut reasons: Vec<_> = self.reasons.into_iter().map(|reason| finish_reason(&reason)).collect();
        if reasons.is_empty() && failed {
            reasons.push("error".to_owned());
        }
        if reasons.is_empty() && self.answered && call.error_code.is_none() {
            call.note("a choice has no finish reason");
        }
        if reasons.iter().any(|reason| reason == "error") && !end.cut {
            call.error_code.get_or_insert_with(|| UNNAMED_ERROR.to_owned());
        }
        if let Subject::Inference { finish_reasons, .. } = &mut call.subject {
            *finish_reasons = reasons;
        }
    }
}

impl Generation {
    fn reply_with(&mut self, said: &Json) {
        let message = said.get("message");
        self.is_message |= message.is_object();
        self.reply.message(message);
        let place = said.get("index").count().unwrap_or_default();
        self.reply.piece(place, said.get("delta.message.content.text"));
        // Of version 1 a stream's end has all of the text, of which events have pieces.
        if said.has("response") {
            self.reply.text(said.get("response.text"));
        } else if !said.has("event_type") {
            self.reply.text(said.get("text"));
        }
    }

    /// Of version 2, each comes whole, or in an event of its own; of version 1, all come in a list, and once more at a
    /// stream's end.
    fn take_tools(&mut self, said: &Json) {
        let named = |tool: &Json| {
            let function = tool.get("function.name").text();
            let name = function.or_else(|| tool.get("name").text())?;
            Some(ToolCall { name, id: tool.get("id").text() })
        };
        let lists = [said.get("message.tool_calls"), said.get("tool_calls"), said.get("response.tool_calls")];
        for list in lists.into_iter().filter(|list| list.is_list()) {
            self.tools = list.items().iter().filter_map(named).collect();
        }
        let begun = said.get("delta.message.tool_calls");
        if self.tools.len() <= Call::PARTS_MAX {
            self.tools.extend(named(begun));
        }
    }
}

/// What only Cohere's answers have: ids of its own at the top, billed units, events by its names.
fn is_cohere(said: &Json) -> bool {
    let is_event =
        |name: &str, kinds: &[&str]| said.get(name).as_text().is_some_and(|kind| kinds.contains(&kind));
    said.has("generation_id")
        || said.get("generations").is_list()
        || said.get("message").is_object() && said.get("finish_reason").as_text().is_some()
        || is_event("type", &["message-start", "content-delta", "message-end", "tool-call-start"])
        || is_event("event_type", &["stream-start", "text-generation", "stream-end"])
        || said.has("is_finished")
        || ["usage", "meta"].iter().any(|place| said.get(place).get("billed_units").is_object())
}

/// In the conventions' words, where they have one.
pub(in crate::provider) fn finish_reason(reason: &str) -> String {
    let known = match reason {
        "COMPLETE" | "STOP_SEQUENCE" => "stop",
        "MAX_TOKENS" | "ERROR_LIMIT" => "length",
        "TOOL_CALL" => "tool_call",
        "ERROR_TOXIC" => "content_filter",
        "ERROR" | "TIMEOUT" => "error",
        other => other,
    };
    known.to_owned()
}
