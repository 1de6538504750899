//! Cohere's version 1: a message with what was said before it, and prompts with their continuations.

use serde_json::{Value, json};

use super::Bodies;
use crate::call::content::{Content, Message, Part};
use crate::provider::cohere::finish_reason;
use crate::provider::content::values::{items, text, word};

/// Takes over what is asked.
pub(super) fn request(asked: &Value, content: &mut Content) {
    content.system.extend(text(&asked["preamble"]).map(Part::Text));
    content.input.extend(items(&asked["chat_history"]).iter().filter_map(past));
    // What a tool gave is sent with a message that may be empty.
    let said = word(&asked["message"]).or_else(|| text(&asked["prompt"]));
    content.input.extend(said.map(|said| message("user", vec![Part::Text(said)])));
    let given: Vec<_> = items(&asked["tool_results"]).iter().filter_map(result).collect();
    content.input.extend((!given.is_empty()).then(|| message("tool", given)));
}

/// Takes over what is answered: one text, or one of each generation.
pub(super) fn response(bodies: &Bodies, content: &mut Content) {
    let mut pieces = None::<String>;
    let mut calls = Vec::new();
    // A stream has all of it once more at its end.
    let mut whole = None;
    let mut reason = None;
    for (_, event) in &bodies.events {
        if let Some(piece) = event["text"].as_str() {
            pieces.get_or_insert_default().push_str(piece);
        }
        calls.extend(items(&event["tool_calls"]).iter().filter_map(call));
        whole = Some(&event["response"]).filter(|response| response.is_object()).or(whole);
        reason = event["finish_reason"].as_str().map(finish_reason).or(reason);
    }
    let whole = whole.unwrap_or(&bodies.response);
    let reason = whole["finish_reason"].as_str().map(finish_reason).or(reason);
    for generation in items(&whole["generations"]) {
        let Some(said) = text(&generation["text"]) else { continue };
        let own = generation["finish_reason"].as_str().map(finish_reason);
        let finish_reason = own.or_else(|| reason.clone());
        content.output.push(Message { finish_reason, ..message("assistant", vec![Part::Text(said)]) });
    }
    if !content.output.is_empty() {
        return;
    }
    let all: Vec<_> = items(&whole["tool_calls"]).iter().filter_map(call).collect();
    let said = word(&whole["text"]).or(pieces).filter(|said| !said.is_empty());
    let parts: Vec<_> =
        said.map(Part::Text).into_iter().chain(if all.is_empty() { calls } else { all }).collect();
    if !parts.is_empty() {
        content.output.push(Message { finish_reason: reason, ..message("assistant", parts) });
    }
}

fn message(role: &str, parts: Vec<Part>) -> Message {
    Message { role: role.to_owned(), parts, ..Message::default() }
}

/// What was said before.
fn past(said: &Value) -> Option<Message> {
    let role = match said["role"].as_str()? {
        "USER" | "User" => "user",
        "CHATBOT" | "Chatbot" => "assistant",
        "SYSTEM" | "System" => "system",
        "TOOL" | "Tool" => "tool",
        other => other,
    };
    let text = word(&said["message"]).map(Part::Text);
    let calls = items(&said["tool_calls"]).iter().filter_map(call);
    let results = items(&said["tool_results"]).iter().filter_map(result);
    Some(message(role, text.into_iter().chain(calls).chain(results).collect()))
}

/// Calls have no ids.
fn call(call: &Value) -> Option<Part> {
    Some(Part::ToolCall { id: None, name: word(&call["name"])?, arguments: call["parameters"].clone() })
}

/// What a tool gave, beside the call that it was for.
fn result(result: &Value) -> Option<Part> {
    let response = json!({"call": result["call"], "outputs": result["outputs"]});
    result.is_object().then_some(Part::ToolResponse { id: None, response })
}
