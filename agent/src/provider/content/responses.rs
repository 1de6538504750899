//! OpenAI's responses: items in, items out, whole or as events, the last of which has the whole response again.

use std::collections::BTreeMap;

use serde_json::Value;

use super::common::{self, error, list, member, text};
use super::values::without;
use super::{Bodies, items};
use crate::call::content::{Content, Message, Part};
use crate::provider::dialogue;

/// Responses, and conversations that a model makes shorter.
pub(in crate::provider) fn responses(bodies: &Bodies, content: &mut Content) {
    let request = &bodies.request;
    content.system.extend(instructions(request.get("instructions").unwrap_or(&Value::Null)));
    // A prompt that the provider keeps, and what is put into it.
    let prompt = member(request, "prompt").filter(|prompt| member(prompt, "variables").is_some());
    if let Some(value) = prompt.filter(|prompt| prompt.is_object()) {
        let part = Part::Other { kind: "prompt".to_owned(), value: value.clone() };
        content.input.push(Message { role: "user".to_owned(), parts: vec![part], ..Message::default() });
    }
    content.input.extend(items::messages(request.get("input").unwrap_or(&Value::Null)));
    content.tools.extend(common::tools(request));

    let mut answer = Answer::default();
    answer.take(&bodies.response);
    content.error = content.error.take().or_else(|| error(&bodies.response));
    for (name, event) in &bodies.events {
        let kind = text(event, "type").unwrap_or(name);
        answer.event(kind, event);
        // An event's own message is one of an error only where it says so.
        let is_error = kind == "error" || member(event, "error").is_some();
        let failed = event.get("response").and_then(error);
        content.error = content.error.take().or(failed).or_else(|| error(event).filter(|_| is_error));
    }
    content.output.extend(answer.finish());
}

/// Instructions: a text, or items.
fn instructions(said: &Value) -> Vec<Part> {
    items::messages(said).into_iter().flat_map(|message| message.parts).collect()
}

/// A response as it comes.
#[derive(Default)]
struct Answer<'a> {
    /// The last that was said of it.
    response: Option<&'a Value>,
    /// The last that was said of it with items.
    whole: &'a [Value],
    /// Items that came by themselves, by their place.
    drafts: BTreeMap<u64, Draft<'a>>,
}

/// An item as it comes.
#[derive(Default)]
struct Draft<'a> {
    item: Option<&'a Value>,
    done: bool,
    pieces: BTreeMap<(Field, u64), String>,
}

/// What a piece is of, in the order in which it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Summary,
    Thought,
    Text,
    Refusal,
    /// Of a call: its member of this name.
    Given(&'static str),
}

/// Events of pieces: what of, and the member that has it at its end.
const PIECES: &[(&str, Field, &str)] = &[
    ("response.output_text", Field::Text, "text"),
    ("response.refusal", Field::Refusal, "refusal"),
    ("response.reasoning_summary_text", Field::Summary, "text"),
    ("response.reasoning_text", Field::Thought, "text"),
    ("response.function_call_arguments", Field::Given("arguments"), "arguments"),
    ("response.mcp_call_arguments", Field::Given("arguments"), "arguments"),
    ("response.custom_tool_call_input", Field::Given("input"), "input"),
    ("response.code_interpreter_call_code", Field::Given("code"), "code"),
];

impl<'a> Answer<'a> {
    fn take(&mut self, response: &'a Value) {
        if response.is_object() {
            self.response = Some(response);
            let items = list(response, "output");
            self.whole = if items.is_empty() { self.whole } else { items };
        }
    }

    fn event(&mut self, kind: &str, event: &'a Value) {
        if let Some(response) = event.get("response") {
            return self.take(response);
        }
        let count = |name: &str| event.get(name).and_then(Value::as_u64);
        let place = count("output_index").unwrap_or_default();
        let (base, state) = kind.rsplit_once('.').unwrap_or_default();
        let item = event.get("item").filter(|item| item.is_object());
        if let ("response.output_item", Some(item)) = (base, item) {
            let draft = self.drafts.entry(place).or_default();
            draft.done |= state == "done";
            draft.item = Some(item);
        }
        let Some((_, field, member)) = PIECES.iter().find(|(known, ..)| *known == base) else { return };
        let index = count("content_index").or_else(|| count("summary_index")).unwrap_or_default();
        let draft = self.drafts.entry(place).or_default();
        let known = draft.pieces.entry((*field, index)).or_default();
        match (state, text(event, "delta"), text(event, member)) {
            ("delta", Some(more), _) => known.push_str(more),
            ("done", _, Some(all)) => all.clone_into(known),
            _ => {}
        }
    }

    /// All that it puts out is one choice.
    fn finish(self) -> Option<Message> {
        let mut parts = Vec::new();
        let mut drafts = self.drafts;
        for (place, item) in (0..).zip(self.whole) {
            let draft = drafts.entry(place).or_default();
            // The whole response is the longest document, and so the first of which something is not kept.
            if !draft.done {
                *draft = Draft { item: Some(item), done: true, ..Draft::default() };
            }
        }
        drafts.values().for_each(|draft| draft.push(&mut parts));
        let mut kinds = drafts.values().filter_map(|draft| text(draft.item?, "type"));
        let calls = kinds.any(dialogue::is_call);
        let finish_reason = self.response.and_then(|response| finish_reason(response, calls));
        (!parts.is_empty() || finish_reason.is_some()).then(|| Message {
            role: "assistant".to_owned(),
            name: None,
            parts,
            finish_reason,
        })
    }
}

/// Why it ended; nothing while it goes on.
fn finish_reason(response: &Value, calls: bool) -> Option<String> {
    let reason = response.pointer("/incomplete_details/reason").and_then(Value::as_str);
    let reason = match text(response, "status")? {
        "failed" | "cancelled" => "error",
        "incomplete" => match reason {
            Some("max_output_tokens") => "length",
            reason => reason.unwrap_or("incomplete"),
        },
        "completed" if calls => "tool_call",
        "completed" => "stop",
        _ => return None,
    };
    Some(reason.to_owned())
}

impl Draft<'_> {
    fn push(&self, parts: &mut Vec<Part>) {
        let nothing = Value::Object(serde_json::Map::new());
        let item = self.item.unwrap_or(&nothing);
        if self.done || self.pieces.is_empty() {
            return items::push(item, parts);
        }
        let mut call = None;
        for ((field, _), said) in self.pieces.iter().filter(|(_, said)| !said.is_empty()) {
            match field {
                Field::Summary | Field::Thought => parts.push(Part::Reasoning(said.clone())),
                Field::Text | Field::Refusal => parts.push(Part::Text(said.clone())),
                Field::Given(name) => {
                    let members = call.get_or_insert_with(|| without(item, &[]));
                    members.insert((*name).to_owned(), said.as_str().into());
                }
            }
        }
        // A call whose beginning never came is none.
        if self.pieces.keys().all(|(field, _)| matches!(field, Field::Given(_))) {
            let call = call.map(Value::Object);
            items::push(call.as_ref().unwrap_or(item), parts);
        }
    }
}
