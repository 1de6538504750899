//! Messages of a response, which come whole or in pieces.

use std::collections::BTreeMap;

use serde_json::Value;

use super::common::{self, finish_reason, list, member, push_said, text};
use super::data::blob;
use super::values::arguments;
use crate::call::content::{Content, Message, Part};
use crate::provider::json::LIST_MAX;

/// One message that is being put together.
#[derive(Default)]
pub(in crate::provider) struct Reply {
    role: Option<String>,
    parts: Vec<Part>,
    /// Where among the parts the provider's own tools are that run, by the ids of their calls.
    running: BTreeMap<Option<String>, usize>,
    calls: Calls,
    sound: Option<Part>,
    transcript: String,
    pub(in crate::provider) finish_reason: Option<String>,
}

impl Reply {
    /// A part that stands by itself.
    pub(in crate::provider) fn push(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// A part in place of all that came before.
    pub(in crate::provider) fn set(&mut self, part: Part) {
        self.parts = vec![part];
    }

    /// A part that goes on with the last one, if that is of its kind.
    pub(in crate::provider) fn join(&mut self, part: Part) {
        match (self.parts.last_mut(), part) {
            (Some(Part::Text(known)), Part::Text(more))
            | (Some(Part::Reasoning(known)), Part::Reasoning(more)) => known.push_str(&more),
            (_, part) => self.parts.push(part),
        }
    }

    /// More of a text.
    pub(in crate::provider) fn text(&mut self, more: &str) {
        if !more.is_empty() {
            self.join(Part::Text(more.to_owned()));
        }
    }

    /// A whole message.
    pub(in crate::provider) fn whole(&mut self, message: &Value) {
        push_said(message, &mut self.parts);
        self.sound(message);
        for call in list(message, "tool_calls").iter().chain(member(message, "function_call")) {
            self.calls.whole.extend(common::tool_call(call));
        }
        self.role = text(message, "role").map(str::to_owned).or(self.role.take());
    }

    /// What a piece of a message says, not the calls in it.
    pub(in crate::provider) fn said(&mut self, piece: &Value) {
        let mut parts = Vec::new();
        push_said(piece, &mut parts);
        parts.into_iter().for_each(|part| self.join(part));
        self.sound(piece);
        self.role = self.role.take().or_else(|| text(piece, "role").map(str::to_owned));
    }

    /// A piece of a message, with pieces of calls.
    pub(in crate::provider) fn piece(&mut self, piece: &Value) {
        self.said(piece);
        for (position, call) in (0..).zip(list(piece, "tool_calls")) {
            let index = call.get("index").and_then(Value::as_u64).unwrap_or(position);
            let place = ["function", "custom"].into_iter().find_map(|kind| member(call, kind));
            let place = place.unwrap_or(call);
            let given = ["arguments", "input"].into_iter().find_map(|given| member(place, given));
            self.calls.piece(index, text(call, "id"), text(place, "name"), given);
        }
        if let Some(call) = member(piece, "function_call") {
            self.calls.piece(0, None, text(call, "name"), member(call, "arguments"));
        }
    }

    /// A call that is whole.
    pub(in crate::provider) fn call(&mut self, call: &Value) {
        self.calls.whole.extend(common::tool_call(call));
    }

    /// A piece of a call.
    pub(in crate::provider) fn call_piece(
        &mut self,
        index: u64,
        id: Option<&str>,
        name: Option<&str>,
        more: Option<&Value>,
    ) {
        self.calls.piece(index, id, name, more);
    }

    /// A tool of the provider's begins to run.
    pub(in crate::provider) fn server_call(&mut self, id: Option<&str>, name: &str, call: Value) {
        let id = id.map(str::to_owned);
        self.running.insert(id.clone(), self.parts.len());
        self.parts.push(Part::ServerToolCall { id, name: name.to_owned(), call });
    }

    /// Adds to the arguments of such a tool.
    pub(in crate::provider) fn server_piece(&mut self, id: Option<&str>, more: &str) {
        let place = self.running.get(&id.map(str::to_owned));
        let part = place.and_then(|place| self.parts.get_mut(*place));
        let Some(Part::ServerToolCall { call, .. }) = part else { return };
        if let Some(Value::String(known)) = call.get_mut("arguments") {
            known.push_str(more);
        }
    }

    fn sound(&mut self, message: &Value) {
        let Some(sound) = message.get("audio") else { return };
        if let Some(more) = text(sound, "data") {
            let piece = blob("audio", more, None);
            match (&mut self.sound, piece) {
                (Some(Part::Blob { data, bytes, .. }), Part::Blob { data: more, bytes: count, .. }) => {
                    data.push_str(&more);
                    *bytes = bytes.saturating_add(count);
                }
                (sound, piece) => *sound = Some(piece),
            }
        }
        self.transcript.push_str(text(sound, "transcript").unwrap_or_default());
    }

    /// Its parts: what it says, what it says in sound, what it calls.
    pub(in crate::provider) fn into_parts(self) -> Vec<Part> {
        let mut parts = self.parts;
        for part in &mut parts {
            let Part::ServerToolCall { call, .. } = part else { continue };
            if let Some(given) = call.get_mut("arguments") {
                *given = arguments(given);
            }
        }
        parts.extend(Some(self.transcript).filter(|text| !text.is_empty()).map(Part::Text));
        parts.extend(self.sound);
        self.calls.finish(&mut parts);
        parts
    }

    /// The message; `None` where nothing came of it.
    pub(in crate::provider) fn finish(mut self) -> Option<Message> {
        let role = self.role.take().unwrap_or_else(|| "assistant".to_owned());
        let finish_reason = self.finish_reason.take();
        let parts = self.into_parts();
        let came = !parts.is_empty() || finish_reason.is_some();
        came.then_some(Message { role, name: None, parts, finish_reason })
    }
}

/// Messages by their index.
#[derive(Default)]
pub(in crate::provider) struct Replies(BTreeMap<u64, Reply>);

impl Replies {
    /// The one at a place; `None` where there are so many that no more are kept.
    pub(in crate::provider) fn at(&mut self, index: u64) -> Option<&mut Reply> {
        let is_full = self.0.len() >= LIST_MAX && !self.0.contains_key(&index);
        (!is_full).then(|| self.0.entry(index).or_default())
    }

    /// A choice says why it ended.
    pub(in crate::provider) fn end(&mut self, index: u64, reason: Option<&str>) {
        if let (Some(reason), Some(reply)) = (reason, self.at(index)) {
            reply.finish_reason = Some(finish_reason(reason));
        }
    }

    /// Each is a message of its own.
    pub(in crate::provider) fn finish(self, content: &mut Content) {
        content.output.extend(self.0.into_values().filter_map(Reply::finish));
    }

    /// All of them are the parts of one message.
    pub(in crate::provider) fn into_parts(self) -> Vec<Part> {
        self.0.into_values().flat_map(Reply::into_parts).collect()
    }
}

/// Calls of tools that come in pieces, or whole.
#[derive(Default)]
struct Calls {
    whole: Vec<Part>,
    begun: Vec<Begun>,
    /// Where in the list the call is that an index stands for.
    places: BTreeMap<u64, usize>,
}

#[derive(Default)]
struct Begun {
    id: Option<String>,
    name: Option<String>,
    /// A text that grows, or what came in place of one.
    arguments: Value,
}

impl Calls {
    /// Name and id come with the first piece; some servers repeat them, and some give all calls the same index.
    fn piece(&mut self, index: u64, id: Option<&str>, name: Option<&str>, more: Option<&Value>) {
        let place = self.places.get(&index).copied().filter(|place| {
            let known = self.begun.get(*place).and_then(|begun| begun.id.as_deref());
            name.is_none() || known.is_none() || id.is_none() || known == id
        });
        let place = place.unwrap_or(self.begun.len());
        if place == self.begun.len() {
            self.begun.push(Begun::default());
            self.places.insert(index, place);
        }
        let Some(begun) = self.begun.get_mut(place) else { return };
        begun.id = begun.id.take().or_else(|| id.map(str::to_owned));
        begun.name = begun.name.take().or_else(|| name.map(str::to_owned));
        match (&mut begun.arguments, more) {
            (Value::String(known), Some(Value::String(more))) => known.push_str(more),
            (known, Some(more)) => *known = more.clone(),
            (_, None) => {}
        }
    }

    /// A call whose name never came is none.
    fn finish(self, parts: &mut Vec<Part>) {
        parts.extend(self.whole);
        for Begun { id, name, arguments: given } in self.begun {
            let arguments = arguments(&given);
            parts.extend(name.map(|name| Part::ToolCall { id, name, arguments }));
        }
    }
}
