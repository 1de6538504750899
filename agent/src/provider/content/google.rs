//! Google's `generateContent`, in either spelling of its members, whole, as events, or as a list that is a stream.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Bodies;
use super::values::{below, blob, first, items, other, rest, text, uri, word};
use crate::call::content::{Content, Message, Part, Tool};

#[cfg(test)]
mod tests;

/// Takes over contents and candidates.
pub(in crate::provider) fn generate_content(bodies: &Bodies, content: &mut Content) {
    let asked = &bodies.request;
    let instruction = first(asked, &["systemInstruction", "system_instruction"]);
    content.system.extend(parts(instruction));
    content.input.extend(each(&asked["contents"]).iter().filter_map(message));
    content.tools.extend(items(&asked["tools"]).iter().flat_map(tools));

    let whole = std::slice::from_ref(&bodies.response);
    // A list is a stream, if it has several.
    let whole = bodies.response.as_array().map_or(whole, Vec::as_slice);
    let events = bodies.events.iter().flat_map(|(_, said)| each(said));
    let mut candidates = BTreeMap::<u64, Candidate>::new();
    for said in whole.iter().chain(events) {
        let error = word(below(said, "error", "message"));
        content.error = content.error.take().or(error);
        for (place, candidate) in (0..).zip(items(&said["candidates"])) {
            let index = candidate["index"].as_u64().unwrap_or(place);
            candidates.entry(index).or_default().add(candidate);
        }
    }
    content.output.extend(candidates.into_values().map(Candidate::message));
}

/// A list's elements; what is none is the only one.
fn each(value: &Value) -> &[Value] {
    match value {
        Value::Array(list) => list,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

/// The model is the conventions' assistant.
fn role(said: &Value) -> String {
    match said["role"].as_str() {
        Some("model") => "assistant".to_owned(),
        Some(role) if !role.is_empty() => role.to_owned(),
        // The API takes it for that.
        _ => "user".to_owned(),
    }
}

fn message(said: &Value) -> Option<Message> {
    let is_one = said.is_string() || said.is_object();
    is_one.then(|| Message { role: role(said), parts: parts(said), ..Message::default() })
}

/// The parts of a content, which may be a mere text.
fn parts(said: &Value) -> Vec<Part> {
    let of = if said.is_string() { said } else { &said["parts"] };
    each(of).iter().filter_map(part).collect()
}

fn part(part: &Value) -> Option<Part> {
    if part.is_string() {
        return text(part).map(Part::Text);
    }
    if let Some(words) = text(&part["text"]) {
        let is_thought = part["thought"] == Value::Bool(true);
        return Some(if is_thought { Part::Reasoning(words) } else { Part::Text(words) });
    }
    let named = |names: &[&str]| Some(first(part, names)).filter(|found| found.is_object());
    data(part)
        .or_else(|| {
            let call = named(&["functionCall", "function_call"])?;
            Some(Part::ToolCall {
                id: word(&call["id"]),
                name: word(&call["name"])?,
                arguments: call["args"].clone(),
            })
        })
        .or_else(|| {
            let given = named(&["functionResponse", "function_response"])?;
            Some(Part::ToolResponse { id: word(&given["id"]), response: given["response"].clone() })
        })
        .or_else(|| {
            let call = named(&["executableCode", "executable_code"])?;
            let (id, name) = (word(&call["id"]), "code_execution".to_owned());
            Some(Part::ServerToolCall { id, name, call: typed("executable_code", call) })
        })
        .or_else(|| {
            let given = named(&["codeExecutionResult", "code_execution_result"])?;
            let response = typed("code_execution_result", given);
            Some(Part::ServerToolResponse { id: word(&given["id"]), response })
        })
        .or_else(|| {
            // A part has no type, but one member that says what it is.
            let kind = part.as_object()?.iter().find(|(_, member)| member.is_object());
            other(kind.map_or("", |(name, _)| name), part)
        })
}

/// Data that is sent along, or somewhere else.
fn data(part: &Value) -> Option<Part> {
    let inline = first(part, &["inlineData", "inline_data"]);
    let file = first(part, &["fileData", "file_data"]);
    let of = |place: &'_ Value| first(place, &["mimeType", "mime_type"]).clone();
    let (inline_type, file_type) = (of(inline), of(file));
    blob("document", &inline_type, &inline["data"])
        .or_else(|| uri("document", &file_type, first(file, &["fileUri", "file_uri"])))
}

/// The object with a type, and without the id that stands beside it.
fn typed(kind: &str, value: &Value) -> Value {
    let mut members = match rest(value, &["id"]) {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    };
    members.insert("type".to_owned(), kind.into());
    Value::Object(members)
}

/// Functions, and what the provider runs, each a member of its own.
fn tools(tool: &Value) -> Vec<Tool> {
    let members = tool.as_object().into_iter().flatten();
    members
        .flat_map(|(kind, member)| match kind.as_str() {
            "functionDeclarations" | "function_declarations" => {
                items(member).iter().filter_map(function).collect()
            }
            _ if member.is_object() => vec![Tool { kind: kind.clone(), ..Tool::default() }],
            _ => Vec::new(),
        })
        .collect()
}

fn function(function: &Value) -> Option<Tool> {
    let names = ["parameters", "parametersJsonSchema", "parameters_json_schema"];
    let parameters = first(function, &names);
    Some(Tool {
        kind: "function".to_owned(),
        name: Some(word(&function["name"])?),
        description: text(&function["description"]),
        parameters: (!parameters.is_null()).then(|| parameters.clone()),
    })
}

/// One choice, as its pieces come.
#[derive(Default)]
struct Candidate {
    parts: Vec<Part>,
    reason: Option<String>,
    has_begun: bool,
    /// The last part is a call whose arguments come in pieces.
    is_call_open: bool,
}

impl Candidate {
    fn add(&mut self, candidate: &Value) {
        self.reason = candidate["finishReason"].as_str().and_then(finish_reason).or(self.reason.take());
        let said = &candidate["content"];
        for piece in each(&said["parts"]) {
            let call = &piece["functionCall"];
            if self.is_call_open && call.is_object() && word(&call["name"]).is_none() {
                if let Some(Part::ToolCall { arguments, .. }) = self.parts.last_mut() {
                    go_on(arguments, &call["partialArgs"]);
                }
            } else if let Some(next) = part(piece) {
                self.push(next);
                if let Some(Part::ToolCall { arguments, .. }) = self.parts.last_mut() {
                    go_on(arguments, &call["partialArgs"]);
                }
            }
            self.is_call_open = call["willContinue"] == Value::Bool(true);
        }
        self.has_begun = true;
    }

    /// Pieces of a text follow each other as parts of their own.
    fn push(&mut self, next: Part) {
        match (self.parts.last_mut(), next) {
            (Some(Part::Text(so_far)), Part::Text(piece))
            | (Some(Part::Reasoning(so_far)), Part::Reasoning(piece))
                if self.has_begun =>
            {
                so_far.push_str(&piece);
            }
            // What a stream ends with.
            (_, Part::Text(piece)) if piece.is_empty() && self.has_begun => {}
            (_, next) => self.parts.push(next),
        }
    }

    fn message(self) -> Message {
        let Self { parts, reason: finish_reason, .. } = self;
        Message { role: "assistant".to_owned(), parts, finish_reason, name: None }
    }
}

/// Arguments that come in pieces, each with the place where it belongs: those at the top are put there, deeper ones
/// below their path's text.
fn go_on(arguments: &mut Value, pieces: &Value) {
    for piece in items(pieces) {
        if !arguments.is_object() {
            *arguments = Value::Object(Map::new());
        }
        let Some(members) = arguments.as_object_mut() else { return };
        let path = piece["jsonPath"].as_str().unwrap_or_default();
        let name = path.strip_prefix("$.").unwrap_or(path);
        let value = first(piece, &["stringValue", "numberValue", "boolValue"]);
        match (members.get_mut(name), value.as_str()) {
            (Some(Value::String(so_far)), Some(more)) => so_far.push_str(more),
            _ => drop(members.insert(name.to_owned(), value.clone())),
        }
    }
}

/// The conventions' word for it, where they have one.
fn finish_reason(reason: &str) -> Option<String> {
    let known = match reason {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" => "stop",
        "MAX_TOKENS" => "length",
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => "content_filter",
        "MALFORMED_FUNCTION_CALL" | "OTHER" => "error",
        other => other,
    };
    Some(known.to_owned())
}
