//! What several wire shapes have alike: parts of OpenAI's kind, tools, errors.

use serde_json::Value;

use super::data::{blob, modality, url};
use super::values::{self, arguments};
use crate::call::content::{Message, Part, Tool};
use crate::provider::media::media_type;

/// A member that is a text and says something.
pub(in crate::provider) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// The elements of a member that is a list; none of any other.
pub(in crate::provider) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A member that is there and not `null`.
pub(in crate::provider) fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.get(name).filter(|member| !member.is_null())
}

/// Why a message ended, in the conventions' word where they have one for OpenAI's.
pub(in crate::provider) fn finish_reason(reason: &str) -> String {
    match reason {
        "tool_calls" | "function_call" => "tool_call",
        other => other,
    }
    .to_owned()
}

/// A message of one text.
pub(in crate::provider) fn says(role: &str, text: &str) -> Message {
    Message { role: role.to_owned(), parts: vec![Part::Text(text.to_owned())], ..Message::default() }
}

/// What the conventions have no word for; nothing of what is no object.
pub(in crate::provider) fn other(value: &Value) -> Option<Part> {
    values::other(text(value, "type").unwrap_or("unknown"), value)
}

/// A text that has a meaning of its own, which the conventions have no word for.
pub(in crate::provider) fn named(kind: &str, said: &str) -> Part {
    let value = serde_json::json!({"type": kind, "content": said});
    Part::Other { kind: kind.to_owned(), value }
}

/// Sound: base64 alone, or with its format beside it.
fn sound(value: &Value) -> Option<Part> {
    let data = value.as_str().or_else(|| text(value, "data")).filter(|data| !data.is_empty())?;
    let mime_type = text(value, "format").map(|format| match format {
        "mp3" => "audio/mpeg".to_owned(),
        other => format!("audio/{other}"),
    });
    Some(blob("audio", data, mime_type.as_deref()))
}

/// A part that is no text, by the names that are in use: OpenAI's, vLLM's, Mistral's.
pub(in crate::provider) fn media(part: &Value) -> Option<Part> {
    for (name, of) in
        [("image_url", "image"), ("video_url", "video"), ("audio_url", "audio"), ("document_url", "document")]
    {
        let place = part.get(name);
        let found = place.and_then(|place| place.as_str().or_else(|| text(place, "url")));
        if let Some(found) = found.filter(|found| !found.is_empty()) {
            return Some(url(of, found, None));
        }
    }
    if let Some(sound) = part.get("input_audio").and_then(sound) {
        return Some(sound);
    }
    let is_image = matches!(text(part, "type"), Some("input_image" | "image_url" | "computer_screenshot"));
    let of = if is_image { "image" } else { "document" };
    let file = part.get("file").filter(|file| file.is_object()).unwrap_or(part);
    if let Some(data) = text(file, "file_data") {
        return Some(blob(of, data, None));
    }
    if let Some(place) = text(file, "file_url") {
        return Some(url(of, place, None));
    }
    let id = text(file, "file_id")?.to_owned();
    let mime_type = text(file, "file_type").and_then(media_type);
    Some(Part::File { modality: modality(of, mime_type.as_deref()), mime_type, id })
}

/// Adds what a part of a message is.
pub(in crate::provider) fn push_part(part: &Value, parts: &mut Vec<Part>) {
    if let Some(said) = part.as_str() {
        return push_text(said, parts);
    }
    // Some leave the type out.
    let names = ["text", "refusal", "thinking"];
    let kind = text(part, "type").or_else(|| names.into_iter().find(|name| part.get(*name).is_some()));
    match kind {
        Some("text" | "input_text" | "output_text") if part.get("text").is_some_and(Value::is_string) => {
            push_text(text(part, "text").unwrap_or_default(), parts);
        }
        Some("refusal") if text(part, "refusal").is_some() => {
            push_text(text(part, "refusal").unwrap_or_default(), parts);
        }
        Some("thinking") if part.get("thinking").is_some() => {
            push_reasoning(part.get("thinking").unwrap_or(&Value::Null), parts);
        }
        Some("reasoning" | "reasoning_text" | "summary_text") if text(part, "text").is_some() => {
            push_reasoning(part.get("text").unwrap_or(&Value::Null), parts);
        }
        _ => parts.extend(media(part).or_else(|| other(part))),
    }
}

fn push_text(said: &str, parts: &mut Vec<Part>) {
    if !said.is_empty() {
        parts.push(Part::Text(said.to_owned()));
    }
}

/// A thought: a text, or a list of parts that are. What is encrypted says nothing to anybody.
pub(in crate::provider) fn push_reasoning(thought: &Value, parts: &mut Vec<Part>) {
    let texts = thought.as_array().into_iter().flatten();
    let texts = texts.filter_map(|part| text(part, "text").or_else(|| text(part, "summary")));
    let texts = thought.as_str().filter(|text| !text.is_empty()).into_iter().chain(texts);
    parts.extend(texts.map(|text| Part::Reasoning(text.to_owned())));
}

/// Adds a message's content: a text, a part, or a list of them.
pub(in crate::provider) fn push_content(content: &Value, parts: &mut Vec<Part>) {
    match content {
        Value::Array(list) => list.iter().for_each(|part| push_part(part, parts)),
        one => push_part(one, parts),
    }
}

/// Adds what a message says, or a piece of one, in the order in which it was made; not the tools that it calls, and no
/// sound.
pub(in crate::provider) fn push_said(message: &Value, parts: &mut Vec<Part>) {
    // DeepSeek's name of it, vLLM's and OpenRouter's, Ollama's; some say it under two.
    let names = ["reasoning_content", "reasoning", "thinking", "reasoning_details"];
    let is_said = |thought: &&Value| {
        thought.as_str().is_some_and(|text| !text.is_empty())
            || thought.as_array().is_some_and(|list| !list.is_empty())
    };
    if let Some(thought) = names.into_iter().filter_map(|name| message.get(name)).find(is_said) {
        push_reasoning(thought, parts);
    }
    push_content(message.get("content").unwrap_or(&Value::Null), parts);
    push_text(text(message, "refusal").unwrap_or_default(), parts);
    for image in list(message, "images") {
        match image.as_str() {
            // Ollama's are in base64.
            Some("") => {}
            Some(data) => parts.push(blob("image", data, None)),
            None => push_part(image, parts),
        }
    }
}

/// A call of a tool: a function's, or one whose input is any text. Without a name it is none.
pub(in crate::provider) fn tool_call(call: &Value) -> Option<Part> {
    let (name, given) = called(call)?;
    let arguments = arguments(given);
    Some(Part::ToolCall { id: text(call, "id").map(str::to_owned), name: name.to_owned(), arguments })
}

fn called(call: &Value) -> Option<(&str, &Value)> {
    let place = ["function", "custom"].into_iter().find_map(|kind| member(call, kind)).unwrap_or(call);
    let given = ["arguments", "input"].into_iter().find_map(|given| member(place, given));
    Some((text(place, "name")?, given.unwrap_or(&Value::Null)))
}

/// Adds the calls that a message makes.
pub(in crate::provider) fn push_calls(message: &Value, parts: &mut Vec<Part>) {
    parts.extend(list(message, "tool_calls").iter().filter_map(tool_call));
    // What was there before tools.
    parts.extend(member(message, "function_call").and_then(tool_call));
}

/// A message of a request; `None` of what is no object.
pub(in crate::provider) fn message(value: &Value) -> Option<Message> {
    value.is_object().then_some(())?;
    let role = text(value, "role").unwrap_or("user");
    let mut parts = Vec::new();
    let is_result = matches!(role, "tool" | "function");
    if is_result && (value.get("content").is_some() || value.get("tool_call_id").is_some()) {
        let id = text(value, "tool_call_id").map(str::to_owned);
        parts.push(Part::ToolResponse { id, response: value.get("content").cloned().unwrap_or_default() });
    } else {
        push_said(value, &mut parts);
        // An answer in sound is sent back by its id.
        let sound = value.get("audio").and_then(|audio| text(audio, "id"));
        parts.extend(sound.map(|id| Part::File { modality: "audio", mime_type: None, id: id.to_owned() }));
        push_calls(value, &mut parts);
    }
    let name = text(value, "name").or_else(|| text(value, "tool_name")).map(str::to_owned);
    Some(Message { role: role.to_owned(), name, parts, finish_reason: None })
}

/// A prompt, or several, each of which is one of its own; none of what is sent as tokens.
pub(in crate::provider) fn prompts(prompt: &Value) -> impl Iterator<Item = Message> {
    let several = prompt.as_array().into_iter().flatten().filter_map(Value::as_str);
    let texts = prompt.as_str().into_iter().chain(several).filter(|text| !text.is_empty());
    texts.map(|text| says("user", text))
}

/// A tool that is offered: with what it is in an object of its own, or flat.
pub(in crate::provider) fn tool(value: &Value) -> Option<Tool> {
    value.is_object().then_some(())?;
    let kind = text(value, "type").unwrap_or("function");
    let place = value.get(kind).filter(|place| place.is_object()).unwrap_or(value);
    // What servers of tools are called.
    let either = |one: &str, other: &str| text(place, one).or_else(|| text(place, other)).map(str::to_owned);
    Some(Tool {
        kind: kind.to_owned(),
        name: either("name", "server_label"),
        description: either("description", "server_description"),
        parameters: member(place, "parameters").cloned(),
    })
}

/// The tools of a request.
pub(in crate::provider) fn tools(request: &Value) -> impl Iterator<Item = Tool> {
    // What was there before tools.
    list(request, "tools").iter().chain(list(request, "functions")).filter_map(tool)
}

/// What an answer, or an event of one, says that went wrong.
pub(in crate::provider) fn error(said: &Value) -> Option<String> {
    let is_error = [text(said, "object"), text(said, "type")].contains(&Some("error"));
    let bare = || said.get("message").filter(|message| is_error || message.is_string());
    let groq = || said.get("x_groq")?.get("error");
    let found = member(said, "error").or_else(groq).and_then(|error| match error {
        Value::Object(_) => member(error, "message"),
        Value::String(_) | Value::Array(_) => Some(error),
        _ => None,
    });
    let found = found.or_else(bare).or_else(|| member(said, "detail"))?;
    match found {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Array(_) | Value::Object(_) => Some(found.to_string()),
        _ => None,
    }
}
