//! Anthropic's messages, and its completions of old.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Bodies;
use super::values::{arguments, below, blob, items, message, other, parts, rest, text, uri, word};
use crate::call::content::{Content, Message, Part, Tool};
use crate::provider::anthropic::finish_reason;

#[cfg(test)]
mod tests;

/// Takes over messages.
pub(in crate::provider) fn messages(bodies: &Bodies, content: &mut Content) {
    request(&bodies.request, content);
    response(bodies, content);
}

/// Takes over a prompt and its continuation.
pub(in crate::provider) fn complete(bodies: &Bodies, content: &mut Content) {
    let asked = &bodies.request;
    if let Some(prompt) = text(&asked["prompt"]) {
        let parts = vec![Part::Text(prompt)];
        content.input.push(Message { role: "user".to_owned(), parts, ..Message::default() });
    }
    let mut answer = None::<String>;
    let mut reason = None;
    for said in bodies.events.iter().map(|(_, said)| said).chain([&bodies.response]) {
        if let Some(piece) = said["completion"].as_str() {
            answer.get_or_insert_default().push_str(piece);
        }
        reason = said["stop_reason"].as_str().map(finish_reason).or(reason);
        take_error(said, content);
    }
    if let Some(answer) = answer {
        let (role, parts) = ("assistant".to_owned(), vec![Part::Text(answer)]);
        content.output.push(Message { role, parts, finish_reason: reason, name: None });
    }
}

/// Takes over what is asked.
pub(super) fn request(asked: &Value, content: &mut Content) {
    content.system.extend(parts(&asked["system"], part));
    content.input.extend(items(&asked["messages"]).iter().filter_map(|said| message(said, part)));
    content.tools.extend(items(&asked["tools"]).iter().filter_map(tool));
}

/// Takes over what is answered, whole or as events.
pub(super) fn response(bodies: &Bodies, content: &mut Content) {
    let said = &bodies.response;
    // Vertex wraps a stream's error in a list.
    std::iter::once(said).chain(items(said)).for_each(|said| take_error(said, content));
    if said["content"].is_array() || said["content"].is_string() {
        let role = word(&said["role"]).unwrap_or_else(|| "assistant".to_owned());
        let finish_reason = said["stop_reason"].as_str().map(finish_reason);
        let parts = parts(&said["content"], part);
        content.output.push(Message { role, parts, finish_reason, name: None });
    }
    let mut stream = Stream::default();
    for (name, said) in &bodies.events {
        take_error(said, content);
        stream.event(name, said);
    }
    content.output.extend(stream.message());
}

fn take_error(said: &Value, content: &mut Content) {
    let error = word(below(said, "error", "message")).or_else(|| word(&said["error"]));
    content.error = content.error.take().or(error);
}

fn part(block: &Value) -> Option<Part> {
    if block.is_string() {
        return text(block).map(Part::Text);
    }
    let kind = block["type"].as_str().unwrap_or_default();
    let id = |name: &str| word(&block[name]);
    let known = match kind {
        "text" => text(&block["text"]).map(Part::Text),
        "thinking" => text(&block["thinking"]).map(Part::Reasoning),
        "image" => source("image", block),
        "document" => source("document", block),
        "container_upload" => file("document", &block["file_id"]),
        "tool_use" => word(&block["name"]).map(|name| Part::ToolCall {
            id: id("id"),
            name,
            arguments: arguments(&block["input"]),
        }),
        "tool_result" => Some(Part::ToolResponse { id: id("tool_use_id"), response: result(block) }),
        "server_tool_use" | "mcp_tool_use" => word(&block["name"]).and_then(|name| {
            Some(Part::ServerToolCall { id: id("id"), name, call: rest(block, &["id", "name"])? })
        }),
        _ if kind.ends_with("_tool_result") => rest(block, &["tool_use_id"])
            .map(|response| Part::ServerToolResponse { id: id("tool_use_id"), response }),
        _ => None,
    };
    known.or_else(|| other(kind, block))
}

/// What a tool gave: a text or a list of blocks, and with it that it failed, if it did.
fn result(block: &Value) -> Value {
    let given = block["content"].clone();
    match block["is_error"] {
        Value::Bool(true) => json!({"is_error": true, "content": given}),
        _ => given,
    }
}

/// An image or a document.
fn source(modality: &'static str, block: &Value) -> Option<Part> {
    let source = &block["source"];
    match source["type"].as_str()? {
        "base64" => blob(modality, &source["media_type"], &source["data"]),
        "url" => uri(modality, &source["media_type"], &source["url"]),
        "file" => file(modality, &source["file_id"]),
        // Words, if there is nothing else to it.
        "text" if rest(block, &["type", "source", "cache_control", "citations"]).is_none() => {
            text(&source["data"]).map(Part::Text)
        }
        _ => None,
    }
}

fn file(modality: &'static str, id: &Value) -> Option<Part> {
    word(id).map(|id| Part::File { modality, mime_type: None, id })
}

/// A tool of the caller's own has no type, or `custom`; what the provider runs has one with a date.
fn tool(tool: &Value) -> Option<Tool> {
    let kind = word(&tool["type"]).filter(|kind| kind != "custom");
    let name = word(&tool["name"]);
    let parameters = Some(&tool["input_schema"]).filter(|schema| !schema.is_null()).cloned();
    (kind.is_some() || name.is_some()).then(|| Tool {
        kind: kind.unwrap_or_else(|| "function".to_owned()),
        name,
        description: text(&tool["description"]),
        parameters,
    })
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

/// A block as it began, and what came to it.
#[derive(Default)]
struct Block {
    begun: Value,
    text: String,
    thinking: String,
    input: String,
}

impl Stream {
    fn event(&mut self, name: &str, said: &Value) {
        let index = said["index"].as_u64().unwrap_or_default();
        match said["type"].as_str().unwrap_or(name) {
            "message_start" => {
                self.has_begun = true;
                self.role = word(below(said, "message", "role"));
                for (index, block) in (0..).zip(items(below(said, "message", "content"))) {
                    self.begin(index, block);
                }
            }
            "content_block_start" => self.begin(index, &said["content_block"]),
            "content_block_delta" => {
                let (delta, block) = (&said["delta"], self.blocks.entry(index).or_default());
                for (piece, so_far) in [
                    (&delta["text"], &mut block.text),
                    (&delta["thinking"], &mut block.thinking),
                    (&delta["partial_json"], &mut block.input),
                ] {
                    so_far.push_str(piece.as_str().unwrap_or_default());
                }
            }
            "message_delta" => {
                self.reason =
                    below(said, "delta", "stop_reason").as_str().map(finish_reason).or(self.reason.take());
            }
            _ => {}
        }
    }

    fn begin(&mut self, index: u64, block: &Value) {
        self.blocks.entry(index).or_default().begun = block.clone();
    }

    /// What came of it; `None` where nothing did.
    fn message(self) -> Option<Message> {
        let Self { role, blocks, reason, has_begun } = self;
        let parts: Vec<_> = blocks.into_values().filter_map(Block::part).collect();
        (has_begun || !parts.is_empty()).then(|| Message {
            role: role.unwrap_or_else(|| "assistant".to_owned()),
            parts,
            finish_reason: reason,
            name: None,
        })
    }
}

impl Block {
    fn part(self) -> Option<Part> {
        let Self { mut begun, text, thinking, input } = self;
        if !begun.is_object() {
            // Its begin was lost.
            begun = match (text.is_empty(), thinking.is_empty()) {
                (false, _) => json!({"type": "text"}),
                (true, false) => json!({"type": "thinking"}),
                (true, true) => return None,
            };
        }
        let members = begun.as_object_mut()?;
        for (name, piece) in [("text", text), ("thinking", thinking)] {
            if !piece.is_empty() {
                let before = members.get(name).and_then(Value::as_str).unwrap_or_default();
                let all = Value::String(format!("{before}{piece}"));
                members.insert(name.to_owned(), all);
            }
        }
        if !input.is_empty() {
            members.insert("input".to_owned(), arguments(&Value::String(input)));
        }
        part(&begun)
    }
}
