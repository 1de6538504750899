//! Texts that go on, as text-generation-inference and llama.cpp have them: a prompt in, text out, whole or token by token.

use serde_json::Value;

use super::common::{error, list, named, prompts, text};
use super::data::blob;
use super::reply::Replies;
use super::{Bodies, documents};
use crate::call::content::{Content, Message, Part};

/// Of text-generation-inference, and of the inference API.
pub(in crate::provider) fn huggingface(bodies: &Bodies, content: &mut Content) {
    content.input.extend(prompts(bodies.request.get("inputs").unwrap_or(&Value::Null)));
    let mut output = Replies::default();
    for document in documents(bodies) {
        // One text stands alone, or in a list.
        let texts = document.as_array().map_or(std::slice::from_ref(document), Vec::as_slice);
        for (at, said) in (0..).zip(texts) {
            let Some(reply) = output.at(at).filter(|_| said.is_object()) else { continue };
            let token = said.get("token").filter(|token| token.get("special") != Some(&Value::Bool(true)));
            reply.text(token.and_then(|token| text(token, "text")).unwrap_or_default());
            // The last piece of a text has all of it.
            if let Some(all) = text(said, "generated_text") {
                reply.set(Part::Text(all.to_owned()));
            }
            let reason = said.get("details").and_then(|details| text(details, "finish_reason"));
            output.end(
                at,
                reason.map(|reason| match reason {
                    "eos_token" | "stop_sequence" => "stop",
                    other => other,
                }),
            );
        }
        content.error = content.error.take().or_else(|| error(document));
    }
    output.finish(content);
}

/// Of llama.cpp's server, which fills in, too.
pub(in crate::provider) fn llama_cpp(bodies: &Bodies, content: &mut Content) {
    let request = &bodies.request;
    let prompt = request.get("prompt").unwrap_or(&Value::Null);
    content.input.extend(prompts(prompt.get("prompt_string").unwrap_or(prompt)));
    if let ([], Some(_)) =
        (content.input.as_slice(), text(request, "input_suffix").or(text(request, "input_prefix")))
    {
        content.input.push(Message { role: "user".to_owned(), ..Message::default() });
    }
    if let Some(message) = content.input.first_mut() {
        let others = list(request, "input_extra").iter().filter(|extra| extra.is_object());
        let others = others.map(|extra| Part::Other { kind: "input_extra".to_owned(), value: extra.clone() });
        let prefix = text(request, "input_prefix").map(|prefix| Part::Text(prefix.to_owned()));
        message.parts.splice(0..0, others.chain(prefix));
        message.parts.extend(text(request, "input_suffix").map(|suffix| named("suffix", suffix)));
        // What they are of is not said.
        let data = list(prompt, "multimodal_data").iter().filter_map(Value::as_str);
        message.parts.extend(data.map(|data| blob("unknown", data, None)));
    }
    let mut output = Replies::default();
    for document in documents(bodies) {
        let texts = document.as_array().map_or(std::slice::from_ref(document), Vec::as_slice);
        for (position, said) in (0..).zip(texts) {
            let at = said.get("index").and_then(Value::as_u64).unwrap_or(position);
            let Some(reply) = output.at(at).filter(|_| said.is_object()) else { continue };
            reply.text(text(said, "content").unwrap_or_default());
            let stopped = |name: &str| said.get(name) == Some(&Value::Bool(true));
            output.end(
                at,
                match text(said, "stop_type") {
                    Some("eos" | "word") => Some("stop"),
                    Some("limit") => Some("length"),
                    _ if stopped("stopped_limit") => Some("length"),
                    _ if stopped("stopped_eos") || stopped("stopped_word") => Some("stop"),
                    _ => None,
                },
            );
        }
        content.error = content.error.take().or_else(|| error(document));
    }
    output.finish(content);
}
