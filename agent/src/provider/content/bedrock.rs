//! What models at Amazon say: in Converse's format, which is Nova's own, and behind InvokeModel in that of each model.

use serde_json::Value;

use super::Bodies;
use super::anthropic;
use super::cohere::cohere;
use super::openai::openai;
use super::rerank::rerank;
use super::values::{items, json_of_base64, word};
use crate::call::content::Content;

mod converse;
mod native;
#[cfg(test)]
mod tests;

/// Takes over Converse's bodies.
pub(in crate::provider) fn converse(bodies: &Bodies, content: &mut Content) {
    converse::request(&bodies.request, content);
    converse::response(bodies, content);
    take_errors(bodies, content);
}

/// Takes over what InvokeModel's bodies say, each in the format that it is in: an answer's may be another than its
/// request's.
pub(in crate::provider) fn invoke(bodies: &Bodies, content: &mut Content) {
    take_errors(bodies, content);
    let request = bodies.request.clone();
    let asks = of_request(&request);
    if asks == Format::Rerank {
        return rerank(bodies, content);
    }
    if asks == Format::Native && native::is_vector(&bodies.response) {
        return;
    }
    let events = bodies.events.iter().map(|(name, event)| (name.clone(), unwrapped(event))).collect();
    let said = Bodies { request: Value::Null, response: bodies.response.clone(), events };
    let answers = said.events.iter().map(|(_, event)| event).chain([&said.response]).find_map(of_answer);
    asks.convert(&Bodies { request, ..Bodies::default() }, content);
    answers.unwrap_or(asks).convert(&said, content);
}

/// Whose format it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Anthropic,
    /// Also of most vendors of open models.
    OpenAi,
    /// Nova's.
    Converse,
    Cohere,
    Rerank,
    /// Texts under one name or another.
    Native,
}

impl Format {
    fn convert(self, bodies: &Bodies, content: &mut Content) {
        match self {
            Self::Anthropic => anthropic::messages(bodies, content),
            Self::OpenAi => openai(bodies, content),
            Self::Converse => {
                converse::request(&bodies.request, content);
                converse::response(bodies, content);
            }
            Self::Cohere => cohere(bodies, content),
            Self::Rerank => rerank(bodies, content),
            Self::Native => native::native(bodies, content),
        }
    }
}

fn of_request(asked: &Value) -> Format {
    let has = |name: &str| asked.get(name).is_some_and(|member| !member.is_null());
    // Nova's parts have no type.
    let mut parts = items(&asked["messages"]).iter().flat_map(|message| items(&message["content"]));
    if has("anthropic_version") {
        Format::Anthropic
    } else if has("inferenceConfig")
        || has("schemaVersion")
        || parts.any(|part| part.is_object() && part["type"].is_null())
    {
        Format::Converse
    } else if has("query") && asked["documents"].is_array() {
        Format::Rerank
    } else if has("messages") {
        Format::OpenAi
    } else if asked["message"].is_string() {
        Format::Cohere
    } else {
        Format::Native
    }
}

/// By what only that format's answers have; `None` for what may be anybody's.
fn of_answer(said: &Value) -> Option<Format> {
    let kind = said["type"].as_str().unwrap_or_default();
    let is_there = |name: &&str| said.get(name).is_some_and(|member| !member.is_null());
    if kind == "message" || kind.starts_with("message_") || kind.starts_with("content_block_") {
        Some(Format::Anthropic)
    } else if said["choices"].is_array() {
        // Mistral's first ones call a finish reason otherwise.
        let has_own = items(&said["choices"]).iter().any(|choice| choice["stop_reason"].is_string());
        Some(if has_own { Format::Native } else { Format::OpenAi })
    } else if said["output"].is_object() || ["stopReason"].iter().chain(&converse::EVENTS).any(is_there) {
        Some(Format::Converse)
    } else if is_there(&"generation_id") || is_there(&"event_type") {
        Some(Format::Cohere)
    } else {
        None
    }
}

/// The model's own event, which a stream's wraps in base64, if it does.
fn unwrapped(event: &Value) -> Value {
    event["bytes"].as_str().map_or_else(|| event.clone(), json_of_base64)
}

/// An answer that is an error, and a stream's exception.
fn take_errors(bodies: &Bodies, content: &mut Content) {
    for (name, event) in &bodies.events {
        // Of Nova's own, the name stands within.
        let within = event.as_object().into_iter().flatten().filter(|(name, _)| is_exception(name));
        let within = within.map(|(_, exception)| exception);
        for exception in std::iter::once(event).filter(|_| is_exception(name)).chain(within) {
            content.error = content.error.take().or_else(|| message(exception));
        }
    }
    // Converse's answers, and Cohere's, have no such text.
    content.error = content.error.take().or_else(|| message(&bodies.response));
}

fn is_exception(name: &str) -> bool {
    name.ends_with("Exception") || name.ends_with("Error")
}

fn message(said: &Value) -> Option<String> {
    ["message", "Message"].iter().find_map(|name| word(&said[*name]))
}
