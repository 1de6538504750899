//! What tests of several dialects say.

#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::Value;

use super::Bodies;
use crate::call::content::{Message, Part};

pub(in crate::provider::content) fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

pub(in crate::provider::content) fn message(role: &str, parts: impl Into<Vec<Part>>) -> Message {
    Message { role: role.to_owned(), parts: parts.into(), ..Message::default() }
}

pub(in crate::provider::content) fn answer(reason: &str, parts: impl Into<Vec<Part>>) -> Message {
    Message { finish_reason: Some(reason.to_owned()), ..message("assistant", parts) }
}

pub(in crate::provider::content) fn blob(
    modality: &'static str,
    mime_type: &str,
    data: &str,
    bytes: u64,
) -> Part {
    Part::Blob { modality, mime_type: Some(mime_type.to_owned()), data: data.to_owned(), bytes }
}

pub(in crate::provider::content) fn call(id: Option<&str>, name: &str, arguments: Value) -> Part {
    Part::ToolCall { id: id.map(str::to_owned), name: name.to_owned(), arguments }
}

/// Events, a line each: a name, `-` for none, and a document.
pub(in crate::provider::content) fn events(lines: &str) -> Vec<(String, Value)> {
    let event = |line: &str| {
        let (name, document) = line.trim().split_once(' ').unwrap();
        (name.trim_matches('-').to_owned(), serde_json::from_str(document).unwrap())
    };
    lines.lines().filter(|line| !line.trim().is_empty()).map(event).collect()
}

/// Bodies of no sense, in which these words stand wherever they can.
pub(in crate::provider::content) fn odd(words: &'static [&'static str]) -> impl Strategy<Value = Bodies> {
    let events = prop::collection::vec((prop::sample::select(words), value(words)), 0..5);
    (value(words), value(words), events).prop_map(|(request, response, events)| Bodies {
        request,
        response,
        events: events.into_iter().map(|(name, said)| (name.to_owned(), said)).collect(),
    })
}

fn value(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        prop::sample::select(words).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        let name = prop_oneof![4 => prop::sample::select(words).prop_map(str::to_owned), 1 => ".{0,4}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(name, inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
