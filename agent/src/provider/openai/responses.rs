//! Responses: whole, or as events with names, the last of which holds the whole response again.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::speaker::{self, Speaker};
use super::{ATTRIBUTES, AZURE, COMMON, ERRORS, OPENAI, parts, usage};
use crate::call::{Call, Inference, Parameters, Subject};
use crate::protocol::http1::RequestHead;
use crate::provider::candidate::SIGN_MAX_BYTES;
use crate::provider::content::{self, Convert};
use crate::provider::dialogue::{self, Reply};
use crate::provider::follow::{End, Follow, JsonApi, NAME, UNNAMED_ERROR, WORD};
use crate::provider::json::{Json, LIST_MAX, Shape};
use crate::provider::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};

#[cfg(test)]
mod tests;

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[
        Endpoint::post("v1/responses"),
        Endpoint {
            parameters: &["api-version"],
            provider: Some(AZURE),
            ..Endpoint::post("openai/responses")
        },
        // A conversation made shorter by a model.
        Endpoint::post("responses/compact"),
    ],
    claims,
    provider: OPENAI,
    signs: &[
        ("input", 0),
        ("input[].role", SIGN_MAX_BYTES),
        ("input[].type", SIGN_MAX_BYTES),
        ("instructions", 0),
        ("prompt.id", 0),
    ],
    attributes: ATTRIBUTES,
    follow,
};

/// Kinds of items in place of a part of the conversation.
const COMPACTIONS: &[&str] = &["compaction", "compaction_summary"];

/// A path that ends in the API's name, and an input for a model.
fn claims(request: &RequestHead, body: &Json) -> bool {
    let input = body.get("input");
    let is_item = |item: &Json| item.has("role") || item.has("type");
    let asked =
        input.items().first().is_some_and(is_item) || body.get("model").text().is_some() && body.has("input");
    super::ends_in(&request.path, "responses") && (asked || body.get("prompt").has("id"))
}

/// Whether the input is a list of items.
fn has_items(body: &Json) -> bool {
    body.get("input").items().first().is_some_and(|item| item.has("role") || item.has("type"))
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    let own = [
        ("model", NAME),
        ("input#", 0),
        ("instructions#", 0),
        ("tools[].name", NAME),
        ("prompt.id", NAME),
        ("prompt.version", WORD),
        ("temperature", 0),
        ("top_p", 0),
        ("max_output_tokens", 0),
        ("frequency_penalty", 0),
        ("presence_penalty", 0),
        ("reasoning.effort", WORD),
        ("text.format.type", WORD),
        ("previous_response_id", NAME),
        ("conversation", NAME),
        ("conversation.id", NAME),
        ("service_tier", WORD),
        ("stream", 0),
        ("background", 0),
    ];
    Shape::new(&[&own[..], parts::OF_INPUT].concat()).and_dialogue("input", "input[]", dialogue::ITEMS)
});

/// What stands in a response; a stream's events have it below `response`.
static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    let own = [
        ("status", WORD),
        ("incomplete_details.reason", WORD),
        ("conversation.id", NAME),
        ("output[].type", WORD),
        ("output[].status", WORD),
        ("output[].name", NAME),
        ("output[].call_id", NAME),
        ("tool_usage.web_search.num_requests", 0),
    ];
    let of_events = [
        ("output_index", 0),
        ("item.type", WORD),
        ("item.status", WORD),
        ("item.name", NAME),
        ("item.call_id", NAME),
    ];
    let own = [&own[..], COMMON, ERRORS, usage::OF_RESPONSES, speaker::SIGNS].concat();
    let shape = Shape::new(&[&own[..], &of_events].concat()).and_below("response", &own);
    ["output[]", "item", "response.output[]"]
        .into_iter()
        .fold(shape, |shape, item| shape.and_below(item, dialogue::ITEMS))
});

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let mut call = super::begin(Subject::chat(), &recognised, Some("responses"));
    call.is_compacted = recognised.request.path.ends_with("/compact");
    let api = Response {
        speaker: Speaker::of(&recognised),
        asked: false,
        status: None,
        incomplete: None,
        items: BTreeMap::new(),
        reply: Reply::default(),
        overflowed: false,
    };
    Follow::begin(api, call, limits)
}

/// One response being followed.
struct Response {
    speaker: Speaker,
    /// Request or answer bear out what the path promised.
    asked: bool,
    status: Option<String>,
    /// Why it is incomplete.
    incomplete: Option<String>,
    /// What it put out, by its place.
    items: BTreeMap<u64, Item>,
    reply: Reply,
    overflowed: bool,
}

/// An item of the output.
#[derive(Default)]
struct Item {
    kind: Option<String>,
    status: Option<String>,
    name: Option<String>,
    call_id: Option<String>,
}

impl JsonApi for Response {
    const CONTENT: Option<Convert> = Some(content::responses);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text();
        let what = ["input", "instructions", "previous_response_id", "conversation"];
        self.asked |= asked.get("prompt").has("id")
            || has_items(asked)
            || call.request_model.is_some() && what.iter().any(|name| asked.has(name));
        call.stream |= asked.get("stream").is_true();
        call.previous_response_id = asked.get("previous_response_id").text();
        let conversation = asked.get("conversation");
        call.conversation_id = conversation.text().or_else(|| conversation.get("id").text());
        call.parameters = Parameters {
            temperature: asked.get("temperature").number(),
            top_p: asked.get("top_p").number(),
            frequency_penalty: asked.get("frequency_penalty").number(),
            presence_penalty: asked.get("presence_penalty").number(),
            max_tokens: asked.get("max_output_tokens").count(),
            output_type: super::output_type(asked.get("text.format.type")),
            reasoning_level: asked.get("reasoning.effort").text(),
            ..Parameters::default()
        };
        super::ask_for_tier(asked, call);
        call.prompt_name = asked.get("prompt.id").text();
        call.prompt_version = asked.get("prompt.version").text();
        let kinds = asked.get("input").items().iter().filter_map(|item| item.get("type").as_text());
        call.is_compacted |= kinds.into_iter().any(|kind| COMPACTIONS.contains(&kind));
        parts::take_of_input(asked, call);
        dialogue::instruct(asked.get("instructions"), call);
        dialogue::ask(asked.get("input"), call);
        dialogue::offer(asked.get("tools").items().iter().map(|tool| tool.get("name")), call);
        if let Some(id) = call.previous_response_id.clone().or_else(|| call.conversation_id.clone()) {
            dialogue::go_on(&id, call);
        }
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        let kind = if event.is_empty() { said.get("type").as_text().unwrap_or_default() } else { event };
        let response = said.get("response");
        // An event's own id and type are not the response's.
        let response = if response.is_object() || kind.starts_with("response.") { response } else { said };
        super::take_common(response, call);
        self.speaker.look(response);
        self.asked |= matches!(response.get("object").as_text(), Some("response" | "response.compaction"));
        self.status = response.get("status").text().or(self.status.take());
        self.incomplete = response.get("incomplete_details.reason").text().or(self.incomplete.take());
        if call.conversation_id.is_none() {
            call.conversation_id = response.get("conversation.id").text();
        }
        let output = response.get("output");
        for (place, item) in (0..).zip(output.items()) {
            self.item(place, item);
        }
        if !output.items().is_empty() {
            // The whole response has again what the events before had.
            self.reply = Reply::default();
            output.items().iter().for_each(|item| self.reply.message(item));
        } else if kind == "response.output_item.done" {
            self.reply.message(said.get("item"));
        }
        self.overflowed |= output.length().is_some_and(|length| length > output.items().len() as u64);
        if let (Some(place), item @ Json::Object(_)) = (said.get("output_index").count(), said.get("item")) {
            self.item(place, item);
        }
        usage::take_of_responses(response.get("usage"), call);
        let searches = response.get("tool_usage.web_search.num_requests").count();
        call.usage.web_searches = searches.or(call.usage.web_searches);
        call.stream_ended |= matches!(kind, "response.completed" | "response.incomplete" | "response.failed");
        let failed = super::error(response.get("error"), response);
        call.error_code = call.error_code.take().or(failed);
        super::take_error(kind, said, call);
    }

    fn is_end(&self, data: &[u8]) -> bool {
        data.starts_with(b"[DONE]")
    }

    fn is_one(&self, _end: &End<'_>, _call: &Call) -> bool {
        self.asked || self.speaker.is_named
    }

    fn finish(mut self, end: &End<'_>, call: &mut Call) {
        let failed = matches!(self.status.as_deref(), Some("failed" | "cancelled"));
        let mut finish_reasons = Vec::new();
        match self.status.as_deref() {
            _ if end.cut => finish_reasons.push("error".to_owned()),
            _ if failed => finish_reasons.push("error".to_owned()),
            Some("incomplete") => finish_reasons.push(match self.incomplete.as_deref() {
                Some("max_output_tokens") => "length".to_owned(),
                reason => reason.unwrap_or("incomplete").to_owned(),
            }),
            Some("completed") => {
                for reason in self.items.values().filter_map(Item::finish_reason) {
                    if !finish_reasons.iter().any(|known| known == reason) {
                        finish_reasons.push(reason.to_owned());
                    }
                }
                if finish_reasons.is_empty() {
                    finish_reasons.push("stop".to_owned());
                }
            }
            _ if call.stream && call.error_code.is_some() => finish_reasons.push("error".to_owned()),
            Some("queued" | "in_progress") if end.answered => {
                call.note("response goes on in the background");
            }
            Some(_) => call.note("a choice has no finish reason"),
            None => {}
        }
        if failed {
            call.error_code.get_or_insert_with(|| UNNAMED_ERROR.to_owned());
        }
        let is_compaction =
            |item: &Item| item.kind.as_deref().is_some_and(|kind| COMPACTIONS.contains(&kind));
        call.is_compacted |= self.items.values().any(is_compaction);
        for item in self.items.into_values() {
            if let Some(kind) = item.kind.filter(|kind| dialogue::is_call(kind)) {
                call.add_tool_call(dialogue::call(&kind, item.name, item.call_id));
            }
        }
        if self.overflowed {
            call.note("more items of output than are kept");
            self.reply.give_up();
        }
        call.subject = Subject::Inference { operation: Inference::Chat, finish_reasons };
        self.reply.finish(end, call);
        self.speaker.finish(end, call);
    }
}

impl Response {
    /// An item comes when it begins and when it is done, and again with the whole response.
    fn item(&mut self, place: u64, said: &Json) {
        if self.items.len() >= LIST_MAX && !self.items.contains_key(&place) {
            self.overflowed = true;
            return;
        }
        let item = self.items.entry(place).or_default();
        item.kind = said.get("type").text().or(item.kind.take());
        item.status = said.get("status").text().or(item.status.take());
        item.name = said.get("name").text().or(item.name.take());
        item.call_id = said.get("call_id").text().or(item.call_id.take());
    }
}

impl Item {
    fn finish_reason(&self) -> Option<&'static str> {
        let status = self.status.as_deref();
        match self.kind.as_deref()? {
            "message" if status.is_none_or(|status| status == "completed") => Some("stop"),
            "message" if status == Some("incomplete") => Some("incomplete"),
            kind if dialogue::is_call(kind) => status
                .is_none_or(|status| matches!(status, "completed" | "incomplete"))
                .then_some("tool_calls"),
            _ => None,
        }
    }
}
