//! Text that becomes speech, and speech that becomes text.

use super::common::{error, says, text};
use super::data::form_file;
use super::reply::Replies;
use super::{Bodies, documents};
use crate::call::content::{Content, Message, Part};

/// Speech of a text; how it is to be said are instructions.
pub(in crate::provider) fn speech(bodies: &Bodies, content: &mut Content) {
    let request = &bodies.request;
    content.system.extend(text(request, "instructions").map(|said| Part::Text(said.to_owned())));
    content.input.extend(text(request, "input").map(|said| says("user", said)));
    let mut output = Replies::default();
    for document in documents(bodies) {
        // A stream's pieces are the sound of one message.
        if let (Some(data), Some(reply)) = (text(document, "audio"), output.at(0)) {
            reply.piece(&serde_json::json!({"audio": {"data": data}}));
        }
        content.error = content.error.take().or_else(|| error(document));
    }
    output.finish(content);
}

/// The text of a recording; what it is about may be said beside it.
pub(in crate::provider) fn transcriptions(bodies: &Bodies, content: &mut Content) {
    let request = &bodies.request;
    let mut parts = Vec::new();
    parts.extend(text(request, "prompt").map(|prompt| Part::Text(prompt.to_owned())));
    let file = request.get("file");
    let files = file.and_then(|file| file.as_array()).into_iter().flatten();
    parts.extend(files.chain(file).filter_map(|file| form_file("audio", file)));
    if !parts.is_empty() {
        content.input.push(Message { role: "user".to_owned(), parts, ..Message::default() });
    }
    let mut said = text(&bodies.response, "text").unwrap_or_default().to_owned();
    content.error = content.error.take().or_else(|| error(&bodies.response));
    for (name, event) in &bodies.events {
        let kind = text(event, "type").unwrap_or(name);
        // Mistral's pieces have their text under the name of the whole.
        match text(event, "delta").or_else(|| text(event, "text")) {
            Some(more) if kind.ends_with(".delta") => said.push_str(more),
            Some(all) if kind.ends_with(".done") => all.clone_into(&mut said),
            _ => {}
        }
        content.error = content.error.take().or_else(|| error(event));
    }
    content.output.extend(Some(said).filter(|said| !said.is_empty()).map(|said| says("assistant", &said)));
}
