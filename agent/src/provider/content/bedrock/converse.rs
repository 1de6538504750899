//! Converse's format.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Bodies;
use crate::call::content::{Content, Message, Part, Tool};
use crate::provider::bedrock::{finish_reason, media_type};
use crate::provider::content::values::{
    arguments, blob, items, message, other, parts, rest, text, uri, word,
};

/// What events are called: beside them, or, of Nova's own, in them.
pub(super) const EVENTS: [&str; 6] =
    ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"];

/// Takes over what is asked.
pub(super) fn request(asked: &Value, content: &mut Content) {
    content.system.extend(parts(&asked["system"], part));
    content.input.extend(items(&asked["messages"]).iter().filter_map(|said| message(said, part)));
    let tools = asked.pointer("/toolConfig/tools").map(items).unwrap_or_default();
    content.tools.extend(tools.iter().filter_map(tool));
}

/// Takes over what is answered, whole or as events.
pub(super) fn response(bodies: &Bodies, content: &mut Content) {
    let said = &bodies.response;
    if let Some(message) = said.pointer("/output/message").and_then(|said| message(said, part)) {
        let finish_reason = said["stopReason"].as_str().map(finish_reason);
        content.output.push(Message { finish_reason, ..message });
    }
    let mut stream = Stream::default();
    for (name, event) in &bodies.events {
        let inner = EVENTS.iter().find(|known| event[**known].is_object());
        let (name, event) = inner.map_or((name.as_str(), event), |name| (*name, &event[*name]));
        stream.event(name, event);
    }
    content.output.extend(stream.message());
}

/// A part has no type, but one member that says what it is.
fn part(part: &Value) -> Vec<Part> {
    if let Some(words) = text(part).or_else(|| text(&part["text"])) {
        return vec![Part::Text(words)];
    }
    let mut members = part.as_object().into_iter().flatten();
    let Some((kind, inner)) = members.find(|(_, member)| member.is_object()) else {
        return other("", part).into_iter().collect();
    };
    let known = match kind.as_str() {
        "image" => data("image", inner),
        "video" => data("video", inner),
        "audio" => data("audio", inner),
        "document" => data("document", inner),
        "toolUse" => tool_use(inner),
        "toolResult" => Some(tool_result(inner)),
        "reasoningContent" => inner.pointer("/reasoningText/text").and_then(text).map(Part::Reasoning),
        "guardContent" => inner.pointer("/text/text").and_then(text).map(Part::Text),
        // Words with their sources.
        "citationsContent" => {
            let words: Vec<_> =
                items(&inner["content"]).iter().filter_map(|one| text(&one["text"])).collect();
            if !words.is_empty() {
                return words.into_iter().map(Part::Text).collect();
            }
            None
        }
        _ => None,
    };
    known.or_else(|| other(kind, part)).into_iter().collect()
}

/// Data that is sent along, or lies in a store of Amazon's.
fn data(modality: &'static str, part: &Value) -> Option<Part> {
    let source = &part["source"];
    let mime_type = part["format"].as_str().and_then(|format| media_type(modality, format));
    let mime_type = mime_type.map_or(Value::Null, Value::String);
    blob(modality, &mime_type, &source["bytes"])
        .or_else(|| uri(modality, &mime_type, source.pointer("/s3Location/uri")?))
}

fn is_server(tool: &Value) -> bool {
    tool["type"].as_str().is_some_and(|kind| kind.starts_with("server_tool"))
}

fn tool_use(tool: &Value) -> Option<Part> {
    let (id, name) = (word(&tool["toolUseId"]), word(&tool["name"])?);
    Some(if is_server(tool) {
        Part::ServerToolCall { id, name, call: rest(tool, &["toolUseId", "name"])? }
    } else {
        Part::ToolCall { id, name, arguments: arguments(&tool["input"]) }
    })
}

/// What a tool gave, and with it that it failed, if it did.
fn tool_result(result: &Value) -> Part {
    let id = word(&result["toolUseId"]);
    let given = result["content"].clone();
    // Its type is the tool's, where that is a server's.
    if let (true, Some(response)) = (is_server(result), rest(result, &["toolUseId"])) {
        return Part::ServerToolResponse { id, response };
    }
    let response = match result["status"].as_str() {
        Some("error") => json!({"status": "error", "content": given}),
        _ => given,
    };
    Part::ToolResponse { id, response }
}

fn tool(tool: &Value) -> Option<Tool> {
    let function = &tool["toolSpec"];
    if let Some(name) = word(&function["name"]) {
        return Some(Tool {
            kind: "function".to_owned(),
            name: Some(name),
            description: text(&function["description"]),
            parameters: function.pointer("/inputSchema/json").cloned(),
        });
    }
    // One that the provider runs.
    let (kind, inner) = tool.as_object()?.iter().find(|(_, member)| member.is_object())?;
    let is_mark = kind == "cachePoint" || kind == "toolSpec";
    (!is_mark).then(|| Tool { kind: kind.clone(), name: word(&inner["name"]), ..Tool::default() })
}

/// A message that comes as events.
#[derive(Default)]
struct Stream {
    role: Option<String>,
    /// By their index.
    blocks: BTreeMap<u64, Block>,
    reason: Option<String>,
    has_begun: bool,
}

/// A part as it began, and what came to it.
#[derive(Default)]
struct Block {
    begun: Value,
    text: Option<String>,
    thought: Option<String>,
    input: String,
    /// What a server's tool gave.
    given: Vec<Value>,
    is_over: bool,
}

impl Stream {
    fn event(&mut self, name: &str, event: &Value) {
        let index = event["contentBlockIndex"].as_u64().unwrap_or_default();
        // A name may be lost; members tell, too.
        if name == "messageStart" || event["role"].is_string() {
            self.has_begun = true;
            self.role = word(&event["role"]);
        }
        if event["start"].is_object() {
            self.blocks.entry(index).or_default().begun = event["start"].clone();
        }
        if event["delta"].is_object() {
            self.blocks.entry(index).or_default().add(&event["delta"]);
        }
        if name == "contentBlockStop" {
            self.blocks.entry(index).or_default().is_over = true;
        }
        self.reason = event["stopReason"].as_str().map(finish_reason).or(self.reason.take());
    }

    /// What came of it; `None` where nothing did.
    fn message(self) -> Option<Message> {
        let Self { role, blocks, reason: finish_reason, has_begun } = self;
        let parts: Vec<_> = blocks.into_values().flat_map(Block::parts).collect();
        let role = role.unwrap_or_else(|| "assistant".to_owned());
        (has_begun || !parts.is_empty()).then_some(Message { role, parts, finish_reason, name: None })
    }
}

impl Block {
    fn add(&mut self, delta: &Value) {
        if let Some(piece) = delta["text"].as_str() {
            self.text.get_or_insert_default().push_str(piece);
        }
        if let Some(piece) = delta.pointer("/reasoningContent/text").and_then(Value::as_str) {
            self.thought.get_or_insert_default().push_str(piece);
        }
        if let Some(piece) = delta.pointer("/toolUse/input") {
            match piece.as_str() {
                Some(piece) => self.input.push_str(piece),
                // Some send it whole.
                None => self.input = piece.to_string(),
            }
        }
        self.given.extend(items(&delta["toolResult"]).iter().cloned());
        for kind in ["image", "audio", "video"] {
            if delta[kind].is_object() {
                self.begun = delta.clone();
            }
        }
    }

    fn parts(self) -> Vec<Part> {
        let Self { begun, text, thought, mut input, given, is_over } = self;
        // A tool without arguments.
        if is_over && input.is_empty() {
            "{}".clone_into(&mut input);
        }
        let mut found = Vec::new();
        found.extend(thought.map(Part::Reasoning));
        found.extend(text.map(Part::Text));
        let Value::Object(mut begun) = begun else { return found };
        for (kind, name, value) in [
            ("toolUse", "input", arguments(&Value::String(input))),
            ("toolResult", "content", Value::Array(given)),
        ] {
            if let Some(Value::Object(members)) = begun.get_mut(kind) {
                add(members, name, value);
            }
        }
        found.extend(part(&Value::Object(begun)));
        found
    }
}

fn add(members: &mut Map<String, Value>, name: &str, value: Value) {
    let is_empty = value.as_str() == Some("")
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(Map::is_empty);
    if !is_empty || !members.contains_key(name) {
        members.insert(name.to_owned(), value);
    }
}
