//! Cohere's chats of both versions, and its completions of old.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Bodies;
use super::documents::of_fields;
use super::values::{arguments, first, id, items, other, rest, text, uri, word};
use crate::call::content::{Content, Document, Message, Part, Tool};
use crate::provider::cohere::finish_reason;

mod first_version;
#[cfg(test)]
mod tests;

/// Takes over a chat of either version, or a completion: what they say stands in members of different names.
pub(in crate::provider) fn cohere(bodies: &Bodies, content: &mut Content) {
    let (asked, said) = (&bodies.request, &bodies.response);
    content.input.extend(items(&asked["messages"]).iter().filter_map(message));
    first_version::request(asked, content);
    content.tools.extend(items(&asked["tools"]).iter().filter_map(tool));
    let sent = (0..).zip(items(&asked["documents"]));
    content.documents.extend(sent.filter_map(|(place, document)| self::document(place, document)));

    // What an error has is a text.
    if said["message"].is_object() {
        let finish_reason = said["finish_reason"].as_str().map(finish_reason);
        content.output.push(Message { finish_reason, ..answer(&said["message"]) });
    }
    first_version::response(bodies, content);
    let mut stream = Stream::default();
    for (name, event) in &bodies.events {
        let delta = &event["delta"];
        stream.event(event["type"].as_str().unwrap_or(name), event);
        content.error =
            content.error.take().or_else(|| word(&delta["error"])).or_else(|| word(&event["err"]));
    }
    content.output.extend(stream.message());
    content.error = content.error.take().or_else(|| word(&said["message"]));
}

/// A message of a request.
fn message(message: &Value) -> Option<Message> {
    let role = word(&message["role"]);
    let parts = match role.as_deref() {
        Some("tool") => vec![Part::ToolResponse {
            id: word(&message["tool_call_id"]),
            response: message["content"].clone(),
        }],
        _ => parts(message),
    };
    (role.is_some() || !parts.is_empty()).then(|| Message {
        role: role.unwrap_or_default(),
        parts,
        ..Message::default()
    })
}

/// The message of an answer.
fn answer(said: &Value) -> Message {
    let role = word(&said["role"]).unwrap_or_else(|| "assistant".to_owned());
    Message { role, parts: parts(said), ..Message::default() }
}

/// What the model plans, what it says, and which tools it asks for.
fn parts(message: &Value) -> Vec<Part> {
    let said = match &message["content"] {
        Value::Array(list) => list.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    };
    let plan = word(&message["tool_plan"]).map(Part::Reasoning);
    let calls = items(&message["tool_calls"]).iter().filter_map(tool_call);
    plan.into_iter().chain(said.iter().filter_map(part)).chain(calls).collect()
}

fn part(part: &Value) -> Option<Part> {
    if part.is_string() {
        return text(part).map(Part::Text);
    }
    let kind = part["type"].as_str().unwrap_or_default();
    let known = match kind {
        "text" => text(&part["text"]).map(Part::Text),
        "thinking" => text(&part["thinking"]).map(Part::Reasoning),
        "image_url" => {
            let image = &part["image_url"];
            uri("image", &Value::Null, if image.is_object() { &image["url"] } else { image })
        }
        _ => None,
    };
    known.or_else(|| other(kind, part))
}

fn tool_call(call: &Value) -> Option<Part> {
    let function = &call["function"];
    let name = word(&function["name"])?;
    Some(Part::ToolCall { id: word(&call["id"]), name, arguments: arguments(&function["arguments"]) })
}

/// Of version 2, where a function is an object of its own, or of version 1.
fn tool(tool: &Value) -> Option<Tool> {
    let function = if tool["function"].is_object() { &tool["function"] } else { tool };
    let parameters = first(function, &["parameters", "parameter_definitions"]);
    Some(Tool {
        kind: word(&tool["type"]).unwrap_or_else(|| "function".to_owned()),
        name: Some(word(&function["name"])?),
        description: text(&function["description"]),
        parameters: (!parameters.is_null()).then(|| parameters.clone()),
    })
}

/// What is sent along to be cited: a text, or fields, which version 2 has in an object of their own.
fn document(place: u64, sent: &Value) -> Option<Document> {
    if let Some(words) = sent.as_str() {
        return Some(Document {
            id: Some(place.to_string()),
            text: Some(words.to_owned()),
            ..Document::default()
        });
    }
    let fields = if sent["data"].is_null() { sent } else { &sent["data"] };
    let id = id(&sent["id"]).or_else(|| Some(place.to_string()));
    sent.is_object().then(|| match text(fields) {
        Some(words) => Document { id, text: Some(words), metadata: rest(sent, &["id", "data"]), score: None },
        None => of_fields(id, None, fields, &["id"]),
    })
}

/// An answer of version 2 that comes as events.
#[derive(Default)]
struct Stream {
    plan: String,
    /// By their index: whether it is a thought, and what came of it.
    said: BTreeMap<u64, (bool, String)>,
    calls: BTreeMap<u64, Call>,
    reason: Option<String>,
    has_begun: bool,
}

#[derive(Default)]
struct Call {
    id: Option<String>,
    name: String,
    arguments: String,
}

impl Stream {
    fn event(&mut self, name: &str, event: &Value) {
        let index = event["index"].as_u64().unwrap_or_default();
        let (delta, message) = (&event["delta"], event.pointer("/delta/message").unwrap_or(&Value::Null));
        match name {
            "message-start" => self.has_begun = true,
            "content-start" | "content-delta" => {
                let (is_thought, so_far) = self.said.entry(index).or_default();
                let piece = &message["content"];
                *is_thought |= piece["thinking"].is_string();
                let piece = piece["thinking"].as_str().or_else(|| piece["text"].as_str());
                so_far.push_str(piece.unwrap_or_default());
            }
            "tool-plan-delta" => self.plan.push_str(message["tool_plan"].as_str().unwrap_or_default()),
            "tool-call-start" | "tool-call-delta" => {
                let call = self.calls.entry(index).or_default();
                let (piece, function) = (&message["tool_calls"], message.pointer("/tool_calls/function"));
                let function = function.unwrap_or(&Value::Null);
                call.id = call.id.take().or_else(|| word(&piece["id"]));
                call.name.push_str(function["name"].as_str().unwrap_or_default());
                call.arguments.push_str(function["arguments"].as_str().unwrap_or_default());
            }
            "message-end" => self.reason = delta["finish_reason"].as_str().map(finish_reason),
            _ => {}
        }
    }

    /// What came of it; `None` where nothing did.
    fn message(self) -> Option<Message> {
        let Self { plan, said, calls, reason: finish_reason, has_begun } = self;
        let plan = (!plan.is_empty()).then_some(Part::Reasoning(plan));
        let said = said
            .into_values()
            .map(|(is_thought, words)| if is_thought { Part::Reasoning(words) } else { Part::Text(words) });
        let calls = calls.into_values().filter(|call| !call.name.is_empty()).map(|call| Part::ToolCall {
            id: call.id,
            name: call.name,
            arguments: arguments(&Value::String(call.arguments)),
        });
        let parts: Vec<_> = plan.into_iter().chain(said).chain(calls).collect();
        let role = "assistant".to_owned();
        (has_begun || !parts.is_empty()).then_some(Message { role, parts, finish_reason, name: None })
    }
}
