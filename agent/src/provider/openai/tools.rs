//! Tools that a chat's model wants called: whole, or in the parts of a stream.

use std::collections::BTreeMap;

use crate::call::{Call, ToolCall};
use crate::provider::follow::NAME;
use crate::provider::json::Json;

/// Where choices name them: in a message, or in a piece of it.
pub(super) const OF_CHOICES: &[(&str, usize)] = &[
    ("choices[].message.tool_calls[].index", 0),
    ("choices[].message.tool_calls[].id", NAME),
    ("choices[].message.tool_calls[].function.name", NAME),
    ("choices[].message.tool_calls[].custom.name", NAME),
    // What was there before tools.
    ("choices[].message.function_call.name", NAME),
    ("choices[].delta.tool_calls[].index", 0),
    ("choices[].delta.tool_calls[].id", NAME),
    ("choices[].delta.tool_calls[].function.name", NAME),
    ("choices[].delta.tool_calls[].custom.name", NAME),
    ("choices[].delta.function_call.name", NAME),
];

/// Tool calls by the index of their choice and their own.
#[derive(Default)]
pub(super) struct Tools {
    calls: BTreeMap<(u64, u64), Begun>,
    overflowed: bool,
}

/// What has come of a tool call.
#[derive(Default)]
struct Begun {
    name: Option<String>,
    id: Option<String>,
    /// Another call has come under its index since.
    next: Option<u64>,
}

/// Calls that come under an index which is taken get one from here on.
const MOVED: u64 = 1 << 32;

impl Tools {
    /// Takes over what a choice's message says, or a piece of it.
    pub(super) fn take(&mut self, choice: u64, message: &Json) {
        for (position, call) in (0..).zip(message.get("tool_calls").items()) {
            let index = call.get("index").count().unwrap_or(position);
            let name = call.get("function.name").text().or_else(|| call.get("custom.name").text());
            self.part(choice, index.min(MOVED - 1), name, call.get("id").text());
        }
        if let Some(name) = message.get("function_call.name").text() {
            self.part(choice, 0, Some(name), None);
        }
    }

    /// Name and id come with the first part; some servers repeat them, and some give all calls the same index.
    fn part(&mut self, choice: u64, index: u64, name: Option<String>, id: Option<String>) {
        let moved = self.calls.get(&(choice, index)).and_then(|begun| begun.next).unwrap_or(index);
        let known = self.calls.get(&(choice, moved)).and_then(|begun| begun.id.as_ref());
        let is_other = name.is_some() && known.is_some() && id.is_some() && known != id.as_ref();
        let place = if is_other { MOVED + self.calls.len() as u64 } else { moved };
        if self.calls.len() >= Call::PARTS_MAX && !self.calls.contains_key(&(choice, place)) {
            self.overflowed = true;
            return;
        }
        let begun = self.calls.entry((choice, place)).or_default();
        begun.name = begun.name.take().or(name);
        begun.id = begun.id.take().or(id);
        if let (true, Some(first)) = (is_other, self.calls.get_mut(&(choice, index))) {
            first.next = Some(place);
        }
    }

    /// What came in all. A call whose name never came is none.
    pub(super) fn finish(self, call: &mut Call) {
        for Begun { name, id, .. } in self.calls.into_values() {
            if let Some(name) = name {
                call.add_tool_call(ToolCall { name, id });
            }
        }
        if self.overflowed {
            call.note("more tool calls than are kept");
        }
    }
}
