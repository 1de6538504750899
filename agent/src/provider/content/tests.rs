#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::*;
use crate::call::content::{Content, Message, Part};

mod chats;
mod fuzz;
mod media;
mod others;
mod recorded;
mod turns;

/// What an exchange says whose response is one document.
fn whole(convert: Convert, request: Value, response: Value) -> Content {
    let mut content = Content::default();
    convert(&Bodies { request, response, events: Vec::new() }, &mut content);
    content
}

/// What one says whose response comes as events, named by their type.
fn streamed(convert: Convert, request: Value, events: &[Value]) -> Content {
    let name = |event: &Value| event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let events = events.iter().map(|event| (name(event), event.clone())).collect();
    let mut content = Content::default();
    convert(&Bodies { request, response: Value::Null, events }, &mut content);
    content
}

fn words(text: &str) -> Part {
    Part::Text(text.to_owned())
}

fn thought(text: &str) -> Part {
    Part::Reasoning(text.to_owned())
}

fn call(id: &str, name: &str, arguments: Value) -> Part {
    let id = (!id.is_empty()).then(|| id.to_owned());
    Part::ToolCall { id, name: name.to_owned(), arguments }
}

fn result(id: &str, response: Value) -> Part {
    let id = (!id.is_empty()).then(|| id.to_owned());
    Part::ToolResponse { id, response }
}

fn blob(modality: &'static str, mime_type: &str, data: &str, bytes: u64) -> Part {
    let mime_type = (!mime_type.is_empty()).then(|| mime_type.to_owned());
    Part::Blob { modality, mime_type, data: data.to_owned(), bytes }
}

fn uri(modality: &'static str, uri: &str) -> Part {
    Part::Uri { modality, mime_type: None, uri: uri.to_owned() }
}

fn file(modality: &'static str, id: &str) -> Part {
    Part::File { modality, mime_type: None, id: id.to_owned() }
}

fn other(kind: &str, value: Value) -> Part {
    Part::Other { kind: kind.to_owned(), value }
}

fn message(role: &str, parts: Vec<Part>) -> Message {
    Message { role: role.to_owned(), parts, ..Message::default() }
}

fn ended(reason: &str, parts: Vec<Part>) -> Message {
    let finish_reason = Some(reason.to_owned());
    Message { role: "assistant".to_owned(), parts, finish_reason, ..Message::default() }
}

/// One exchange, and what it says.
struct Case {
    convert: Convert,
    request: Value,
    response: Value,
    events: Vec<Value>,
    expected: Content,
}

impl Case {
    fn check(self) {
        let Self { convert, request, response, events, expected } = self;
        let events: Vec<_> = events.into_iter().map(|event| (String::new(), event)).collect();
        let said = format!("{request} {response} {events:?}");
        let mut content = Content::default();
        convert(&Bodies { request, response, events }, &mut content);
        assert_eq!(content, expected, "{said}");
    }
}

fn case(convert: Convert, request: Value, response: Value, expected: Content) -> Case {
    Case { convert, request, response, events: Vec::new(), expected }
}

fn stream(convert: Convert, events: Vec<Value>, expected: Content) -> Case {
    Case { convert, request: Value::Null, response: Value::Null, events, expected }
}

fn input(parts: Vec<Part>) -> Content {
    Content { input: vec![message("user", parts)], ..Content::default() }
}

fn output(parts: Vec<Part>) -> Content {
    Content { output: vec![message("assistant", parts)], ..Content::default() }
}

fn end(reason: &str, parts: Vec<Part>) -> Content {
    Content { output: vec![ended(reason, parts)], ..Content::default() }
}

fn error(message: &str) -> Content {
    Content { error: Some(message.to_owned()), ..Content::default() }
}
