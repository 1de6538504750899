//! What Mistral has of its own: conversations that it keeps, and documents that it reads.

use serde_json::Value;

use super::common::{self, error, list, media, member, push_content, text};
use super::data::form_file;
use super::reply::Replies;
use super::{Bodies, documents, items};
use crate::call::content::{Content, Message, Part};

/// A turn of a conversation: entries in, entries out.
pub(in crate::provider) fn conversations(bodies: &Bodies, content: &mut Content) {
    let request = &bodies.request;
    content.system.extend(text(request, "instructions").map(|said| Part::Text(said.to_owned())));
    content.input.extend(items::messages(request.get("inputs").unwrap_or(&Value::Null)));
    content.tools.extend(common::tools(request));
    let mut parts = Vec::new();
    list(&bodies.response, "outputs").iter().for_each(|entry| items::push(entry, &mut parts));
    content.error = content.error.take().or_else(|| error(&bodies.response));
    let mut replies = Replies::default();
    for (name, event) in &bodies.events {
        let kind = text(event, "type").unwrap_or(name);
        entry(kind, event, &mut replies);
        let bare = text(event, "message").filter(|_| kind == "conversation.response.error");
        content.error = content.error.take().or_else(|| bare.map(str::to_owned)).or_else(|| error(event));
    }
    parts.extend(replies.into_parts());
    if !parts.is_empty() {
        content.output.push(Message { role: "assistant".to_owned(), parts, ..Message::default() });
    }
}

/// Takes over an event, which is a piece of an entry at a place.
fn entry(kind: &str, event: &Value, replies: &mut Replies) {
    let place = event.get("output_index").and_then(Value::as_u64).unwrap_or_default();
    let Some(reply) = replies.at(place) else { return };
    match kind {
        "message.output.delta" => {
            let mut parts = Vec::new();
            push_content(event.get("content").unwrap_or(&Value::Null), &mut parts);
            parts.into_iter().for_each(|part| reply.join(part));
        }
        "function.call.delta" => {
            let id = text(event, "tool_call_id");
            reply.call_piece(0, id, text(event, "name"), member(event, "arguments"));
        }
        "tool.execution.started" => {
            let call = serde_json::json!({
                "type": "tool.execution",
                "arguments": text(event, "arguments").unwrap_or_default(),
            });
            reply.server_call(text(event, "id"), text(event, "name").unwrap_or_default(), call);
        }
        "tool.execution.delta" => {
            reply.server_piece(text(event, "id"), text(event, "arguments").unwrap_or_default());
        }
        "tool.execution.done" => {
            if let Some(info) =
                member(event, "info").filter(|info| info.as_object().is_none_or(|info| !info.is_empty()))
            {
                let response = serde_json::json!({"type": "tool.execution", "info": info});
                reply.push(Part::ServerToolResponse { id: text(event, "id").map(str::to_owned), response });
            }
        }
        _ => {}
    }
}

/// A document in, the text of its pages out.
pub(in crate::provider) fn ocr(bodies: &Bodies, content: &mut Content) {
    let document = bodies.request.get("document");
    let document = document.and_then(|document| media(document).or_else(|| form_file("document", document)));
    if let Some(part) = document {
        content.input.push(Message { role: "user".to_owned(), parts: vec![part], ..Message::default() });
    }
    for document in documents(bodies) {
        let pages = list(document, "pages").iter().filter_map(|page| text(page, "markdown"));
        let said = pages.chain(text(document, "document_annotation"));
        let parts: Vec<_> = said.map(|said| Part::Text(said.to_owned())).collect();
        if !parts.is_empty() {
            content.output.push(Message { role: "assistant".to_owned(), parts, ..Message::default() });
        }
        content.error = content.error.take().or_else(|| error(document));
    }
}
