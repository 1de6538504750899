//! Ollama's own chats and completions, whole or as lines, each of which is a piece.

use super::common::{self, error, finish_reason, list, member, message, named, says, text};
use super::data::blob;
use super::reply::Reply;
use super::{Bodies, documents};
use crate::call::content::{Content, Part};

/// A chat, or a prompt that is gone on with.
pub(in crate::provider) fn ollama(bodies: &Bodies, content: &mut Content) {
    let request = &bodies.request;
    content.system.extend(text(request, "system").map(|said| Part::Text(said.to_owned())));
    content.input.extend(list(request, "messages").iter().filter_map(message));
    if let Some(prompt) = text(request, "prompt") {
        let mut message = says("user", prompt);
        message.parts.extend(text(request, "suffix").map(|suffix| named("suffix", suffix)));
        let images = list(request, "images").iter().filter_map(|image| image.as_str());
        let images = images.filter(|image| !image.is_empty());
        message.parts.extend(images.map(|image| blob("image", image, None)));
        content.input.push(message);
    }
    content.tools.extend(common::tools(request));
    let mut reply = Reply::default();
    for document in documents(bodies) {
        if let Some(thought) = text(document, "thinking") {
            reply.join(Part::Reasoning(thought.to_owned()));
        }
        reply.text(text(document, "response").unwrap_or_default());
        if let Some(message) = member(document, "message").filter(|message| message.is_object()) {
            reply.said(message);
            // Each call is whole.
            list(message, "tool_calls").iter().for_each(|call| reply.call(call));
        }
        let reason = text(document, "done_reason").map(finish_reason);
        reply.finish_reason = reason.or(reply.finish_reason.take());
        content.error = content.error.take().or_else(|| error(document));
    }
    content.output.extend(reply.finish());
}
