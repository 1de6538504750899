//! One message, as any dialect writes it.

use crate::call::{ToolCall, ToolResult};
use crate::provider::follow::{NAME, WORD};
use crate::provider::json::Json;
use crate::provider::json::digest::{of_parts, of_text};

/// Paths of OpenAI's messages, and of Ollama's and Cohere's.
pub(in crate::provider) const CHAT: &[(&str, usize)] = &[
    ("role", WORD),
    ("content#", 0),
    ("content[]#", 0),
    ("content[].type", WORD),
    ("content[].text#", 0),
    ("tool_calls[].id", NAME),
    ("tool_calls[].function.name", NAME),
    ("tool_calls[].custom.name", NAME),
    ("tool_calls[].function.arguments#", 0),
    ("tool_calls[].custom.input#", 0),
    // What was there before tools.
    ("function_call.name", NAME),
    // Of results.
    ("tool_call_id", NAME),
    ("name", NAME),
    ("tool_name", NAME),
];

/// Anthropic's.
pub(in crate::provider) const MESSAGES: &[(&str, usize)] = &[
    ("role", WORD),
    ("content#", 0),
    ("content[]#", 0),
    ("content[].type", WORD),
    ("content[].text#", 0),
    ("content[].id", NAME),
    ("content[].name", NAME),
    ("content[].input#", 0),
    ("content[].tool_use_id", NAME),
    ("content[].content#", 0),
    ("content[].content[].text#", 0),
    ("content[].is_error", 0),
];

/// Bedrock's.
pub(in crate::provider) const TURNS: &[(&str, usize)] = &[
    ("role", WORD),
    ("content[]#", 0),
    ("content[].text#", 0),
    ("content[].cachePoint", 0),
    ("content[].toolUse.name", NAME),
    ("content[].toolUse.toolUseId", NAME),
    ("content[].toolUse.type", WORD),
    ("content[].toolUse.input#", 0),
    ("content[].toolResult.toolUseId", NAME),
    ("content[].toolResult.content[].text#", 0),
    ("content[].toolResult.status", WORD),
];

/// Google's.
pub(in crate::provider) const CONTENTS: &[(&str, usize)] = &[
    ("role", WORD),
    ("parts[]#", 0),
    ("parts[].text#", 0),
    ("parts[].thought", 0),
    ("parts[].functionCall.name", NAME),
    ("parts[].functionCall.id", NAME),
    ("parts[].functionCall.args#", 0),
    ("parts[].function_call.name", NAME),
    ("parts[].function_call.id", NAME),
    ("parts[].function_call.args#", 0),
    ("parts[].functionResponse.name", NAME),
    ("parts[].functionResponse.id", NAME),
    ("parts[].functionResponse.response.error#", 0),
    ("parts[].functionResponse.response.result#", 0),
    ("parts[].function_response.name", NAME),
    ("parts[].function_response.id", NAME),
    ("parts[].function_response.response.error#", 0),
    ("parts[].function_response.response.result#", 0),
];

/// Items of OpenAI's responses, and entries of Mistral's conversations.
pub(in crate::provider) const ITEMS: &[(&str, usize)] = &[
    ("#", 0),
    ("type", WORD),
    ("role", WORD),
    ("content#", 0),
    ("content[]#", 0),
    ("content[].type", WORD),
    ("content[].text#", 0),
    ("call_id", NAME),
    ("tool_call_id", NAME),
    ("name", NAME),
    ("arguments#", 0),
    ("output#", 0),
    ("output[].text#", 0),
    // Mistral's.
    ("result#", 0),
];

/// Cohere's first ones.
pub(in crate::provider) const COHERE_V1: &[(&str, usize)] = &[
    ("role", WORD),
    ("message#", 0),
    ("tool_calls[].name", NAME),
    ("tool_results[]#", 0),
    ("tool_results[].call.name", NAME),
];

/// Whose message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// One thing that a message says.
#[derive(Debug)]
pub(super) enum Unit {
    Text(u64),
    /// With the digest of its arguments, where that is known.
    Call(ToolCall, Option<u64>),
    Result(ToolResult, u64),
    Other(u64),
}

impl Unit {
    /// The digest of a conversation that goes on with this.
    pub(super) fn follow(&self, chain: u64, role: Role) -> u64 {
        let by = role as u64;
        match self {
            Self::Text(text) => of_parts(b't', &[chain, by, *text]),
            Self::Other(part) => of_parts(b'o', &[chain, by, *part]),
            Self::Call(call, _) => {
                let id = of_text(call.id.as_deref().unwrap_or_default());
                of_parts(b'c', &[chain, id, of_text(&call.name)])
            }
            Self::Result(result, said) => {
                let id = result.call_id.as_ref().or(result.name.as_ref());
                of_parts(b'r', &[chain, of_text(id.map_or("", String::as_str)), *said])
            }
        }
    }
}

/// Items by which the model has a tool called that the program runs.
const CALLS: &[&str] = &[
    "function_call",
    "custom_tool_call",
    "computer_call",
    "local_shell_call",
    "shell_call",
    "apply_patch_call",
    "function.call",
];

pub(super) fn role(message: &Json) -> Role {
    let kind = message.get("type").as_text().unwrap_or_default();
    match message.get("role").as_text() {
        Some("system" | "developer" | "SYSTEM") => Role::System,
        Some("assistant" | "model" | "CHATBOT" | "chatbot" | "ai") => Role::Assistant,
        Some("tool" | "function" | "TOOL") => Role::Tool,
        Some(_) => Role::User,
        None if is_output(kind) => Role::Tool,
        None if kind.is_empty() || kind == "message.input" || kind == "mcp_approval_response" => Role::User,
        None => Role::Assistant,
    }
}

/// An item that is what a tool gave.
fn is_output(kind: &str) -> bool {
    kind.ends_with("_call_output") || kind == "function.result"
}

/// Whether an item is a call that the program is to make.
pub(in crate::provider) fn is_call(kind: &str) -> bool {
    CALLS.contains(&kind)
}

/// What an item of such a kind has called; some kinds have no name but their own.
pub(in crate::provider) fn call(kind: &str, name: Option<String>, id: Option<String>) -> ToolCall {
    let own = || kind.strip_suffix("_call").unwrap_or_default().to_owned();
    ToolCall { name: name.unwrap_or_else(own), id }
}

/// Whether no list in it is longer than what is kept of one.
pub(super) fn is_whole(message: &Json) -> bool {
    ["content", "parts", "tool_calls", "tool_results"].iter().all(|name| {
        let list = message.get(name);
        list.length().is_none_or(|length| length <= list.items().len() as u64)
    })
}

/// What a message says, in its order.
pub(super) fn read(role: Role, message: &Json, sink: &mut impl FnMut(Unit)) {
    let kind = message.get("type").as_text().unwrap_or_default();
    let id = || message.get("call_id").text().or_else(|| message.get("tool_call_id").text());
    if is_output(kind) {
        let name = message.get("name").text();
        let gave = only_text(either(message, "output", "result"));
        let result = ToolResult { call_id: id(), name, gave, ..ToolResult::default() };
        return sink(Unit::Result(result, message.digest().unwrap_or_default()));
    }
    if is_call(kind) {
        return sink(Unit::Call(
            call(kind, message.get("name").text(), id()),
            message.get("arguments").digest(),
        ));
    }
    if message.get("role") == &Json::Null && !kind.is_empty() {
        // What the vendor made for itself, such as a thought, is none of what is said.
        if matches!(kind, "item_reference" | "mcp_approval_response") {
            sink(Unit::Other(message.digest().unwrap_or_default()));
        }
        return;
    }
    let content = message.get("content");
    let has_others = content.items().iter().any(has_result)
        || ["parts", "tool_results"].iter().any(|name| message.get(name).is_list());
    if role == Role::Tool && !has_others {
        let name = message.get("name").text().or_else(|| message.get("tool_name").text());
        let gave = only_text(content);
        sink(Unit::Result(ToolResult { call_id: id(), name, gave, ..ToolResult::default() }, 0));
    }
    for text in [content, message.get("message")] {
        text_of(text, sink);
    }
    for part in content.items().iter().chain(message.get("parts").items()) {
        read_part(role, part, sink);
    }
    for given in message.get("tool_results").items() {
        let result = ToolResult { name: given.get("call.name").text(), ..ToolResult::default() };
        sink(Unit::Result(result, given.digest().unwrap_or_default()));
    }
    let calls = message.get("tool_calls").items();
    for call in calls {
        let names = ["function.name", "custom.name", "name"];
        if let Some(name) = names.iter().find_map(|name| call.get(name).text()) {
            let arguments =
                ["function.arguments", "custom.input"].iter().find_map(|name| call.get(name).digest());
            sink(Unit::Call(ToolCall { name, id: call.get("id").text() }, arguments));
        }
    }
    if let (true, Some(name)) = (calls.is_empty(), message.get("function_call.name").text()) {
        sink(Unit::Call(ToolCall { name, id: None }, None));
    }
}

/// An empty text says nothing.
pub(super) fn text_of(text: &Json, sink: &mut impl FnMut(Unit)) {
    if let Json::Digest(digest) = text
        && *digest != of_text("")
    {
        sink(Unit::Text(*digest));
    }
}

/// The digest of a text, or of the only part of a list if that is a text.
fn only_text(content: &Json) -> Option<u64> {
    match content {
        Json::Digest(digest) => Some(*digest),
        list => match list.items() {
            [part] if list.length() == Some(1) => match part {
                Json::Digest(digest) => Some(*digest),
                part => part.get("text").digest(),
            },
            _ => None,
        },
    }
}

/// The member in either spelling.
fn either<'a>(part: &'a Json, one: &str, other: &str) -> &'a Json {
    match part.get(one) {
        Json::Null => part.get(other),
        found => found,
    }
}

fn has_result(part: &Json) -> bool {
    part.get("toolResult").is_object() || part.get("type").as_text() == Some("tool_result")
}

fn read_part(role: Role, part: &Json, sink: &mut impl FnMut(Unit)) {
    if let Json::Digest(_) = part {
        return text_of(part, sink);
    }
    let kind = part.get("type").as_text();
    let said = part.digest().unwrap_or_default();
    let (tool, result) = (part.get("toolUse"), part.get("toolResult"));
    let function = either(part, "functionCall", "function_call");
    let response = either(part, "functionResponse", "function_response");
    let called = [(part, "id"), (tool, "toolUseId"), (function, "id")];
    let called = called.into_iter().find(|(place, _)| match () {
        () if std::ptr::eq(*place, part) => kind == Some("tool_use"),
        () if std::ptr::eq(*place, tool) => {
            tool.get("type").as_text() != Some("server_tool_use") && tool.is_object()
        }
        () => place.is_object(),
    });
    if let Some((place, id)) = called {
        if let Some(name) = place.get("name").text() {
            let arguments = ["input", "args"].iter().find_map(|name| place.get(name).digest());
            sink(Unit::Call(ToolCall { name, id: place.get(id).text() }, arguments));
        }
    } else if kind == Some("tool_result") {
        let call_id = part.get("tool_use_id").text();
        let (is_error, gave) = (part.get("is_error").is_true(), only_text(part.get("content")));
        sink(Unit::Result(ToolResult { call_id, is_error, gave, ..ToolResult::default() }, said));
    } else if result.is_object() {
        let call_id = result.get("toolUseId").text();
        let is_error = result.get("status").as_text() == Some("error");
        let gave = only_text(result.get("content"));
        sink(Unit::Result(ToolResult { call_id, is_error, gave, ..ToolResult::default() }, said));
    } else if response.is_object() {
        let (call_id, name) = (response.get("id").text(), response.get("name").text());
        let is_error = response.get("response.error").digest().is_some();
        let gave = response.get("response.result").digest();
        sink(Unit::Result(ToolResult { call_id, name, is_error, gave, ..ToolResult::default() }, said));
    } else if part.get("text").digest().is_some() {
        // A thought is none of what is said.
        if !part.get("thought").is_true() {
            text_of(part.get("text"), sink);
        }
    } else if role != Role::Assistant && !part.has("cachePoint") {
        sink(Unit::Other(said));
    }
}
