//! Items of OpenAI's responses, and entries of Mistral's conversations: messages, thoughts, calls, and what came of them.

use serde_json::Value;

use super::common::{member, other, push_content, push_reasoning, says, text};
use super::data::blob;
use super::values::{arguments, without};
use crate::call::content::{Message, Part};
use crate::provider::dialogue;

/// What a provider's own tools give, by the names of their members.
const RESULTS: &[&str] = &["output", "outputs", "results", "result", "error", "info"];

/// Members that say nothing of what was asked for.
const STATE: &[&str] = &["id", "object", "status", "created_at", "completed_at", "name"];

/// A request's input: a text, or items each of which is a message.
pub(super) fn messages(input: &Value) -> Vec<Message> {
    let of_text = |text: &Value| text.as_str().filter(|text| !text.is_empty()).map(|text| says("user", text));
    match input {
        Value::Array(items) => {
            items.iter().filter_map(|item| message(item).or_else(|| of_text(item))).collect()
        }
        one => message(one).or_else(|| of_text(one)).into_iter().collect(),
    }
}

/// One item as a message; `None` of what is no object, or says nothing.
fn message(item: &Value) -> Option<Message> {
    let mut parts = Vec::new();
    push(item, &mut parts);
    let kind = text(item, "type").unwrap_or_default();
    let role = text(item, "role").or(match kind {
        _ if parts.is_empty() => None,
        "" | "message.input" | "mcp_approval_response" => Some("user"),
        _ if is_output(kind) => Some("tool"),
        _ => Some("assistant"),
    })?;
    let name = text(item, "name").filter(|_| item.get("role").is_some()).map(str::to_owned);
    Some(Message { role: role.to_owned(), name, parts, finish_reason: None })
}

/// An item that is what a tool of the program's gave.
fn is_output(kind: &str) -> bool {
    kind.ends_with("_call_output") || kind == "function.result"
}

/// Adds what an item is.
pub(super) fn push(item: &Value, parts: &mut Vec<Part>) {
    let kind = text(item, "type").unwrap_or_default();
    let id = || text(item, "call_id").or_else(|| text(item, "tool_call_id")).map(str::to_owned);
    let first = |names: &[&str]| names.iter().find_map(|name| member(item, name));
    match kind {
        "" | "message" | "message.input" | "message.output" => {
            push_content(item.get("content").unwrap_or(&Value::Null), parts);
        }
        "reasoning" => {
            push_reasoning(item.get("summary").unwrap_or(&Value::Null), parts);
            push_reasoning(item.get("content").unwrap_or(&Value::Null), parts);
        }
        _ if is_output(kind) => {
            let response = first(&["output", "result"]).cloned().unwrap_or_default();
            parts.push(Part::ToolResponse { id: id(), response });
        }
        _ if dialogue::is_call(kind) => {
            let named = text(item, "name").map(str::to_owned);
            if named.is_none() && matches!(kind, "function_call" | "custom_tool_call" | "function.call") {
                return;
            }
            let called = dialogue::call(kind, named, id());
            let given = first(&["arguments", "input", "action", "operation"]).unwrap_or(&Value::Null);
            parts.push(Part::ToolCall { id: called.id, name: called.name, arguments: arguments(given) });
        }
        _ if kind.ends_with("_call") || kind == "tool.execution" => push_server(kind, item, parts),
        _ => parts.extend(other(item)),
    }
}

/// Adds a call of a tool that the provider runs, and what it gave.
fn push_server(kind: &str, item: &Value, parts: &mut Vec<Part>) {
    let id = || text(item, "id").map(str::to_owned);
    let own = kind.strip_suffix("_call").unwrap_or(kind);
    let name = text(item, "name").unwrap_or(own).to_owned();
    let mut call = without(item, &[RESULTS, STATE].concat());
    if let Some(given) = call.get_mut("arguments") {
        *given = arguments(given);
    }
    parts.push(Part::ServerToolCall { id: id(), name, call: Value::Object(call) });
    // An image that was made.
    if let (Some(image), "image_generation_call") = (text(item, "result"), kind) {
        let mime_type = text(item, "output_format").map(|format| format!("image/{format}"));
        return parts.push(blob("image", image, mime_type.as_deref()));
    }
    let given = RESULTS.iter().filter_map(|name| Some(((*name).to_owned(), member(item, name)?.clone())));
    let mut response = given.collect::<serde_json::Map<_, _>>();
    if !response.is_empty() {
        response.insert("type".to_owned(), kind.into());
        parts.push(Part::ServerToolResponse { id: id(), response: Value::Object(response) });
    }
}
