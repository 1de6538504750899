//! Chats and completions of OpenAI's kind, whoever speaks it: messages or a prompt in, choices out.

use serde_json::Value;

use super::common::{self, error, list, member, message, named, prompts, text};
use super::reply::Replies;
use super::{Bodies, documents};
use crate::call::content::Content;

/// Chat completions, text completions, Mistral's agents and what it fills in.
pub(in crate::provider) fn openai(bodies: &Bodies, content: &mut Content) {
    let request = &bodies.request;
    content.input.extend(list(request, "messages").iter().filter_map(message));
    content.input.extend(prompts(request.get("prompt").unwrap_or(&Value::Null)));
    // What stands behind what is to be filled in.
    if let (Some(suffix), Some(last)) = (text(request, "suffix"), content.input.last_mut()) {
        last.parts.push(named("suffix", suffix));
    }
    content.tools.extend(common::tools(request));
    let mut choices = Replies::default();
    for document in documents(bodies) {
        for (position, choice) in
            (0..).zip(list(document, "choices")).filter(|(_, choice)| choice.is_object())
        {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(position);
            let Some(reply) = choices.at(index) else { continue };
            member(choice, "message").into_iter().for_each(|message| reply.whole(message));
            member(choice, "delta").into_iter().for_each(|piece| reply.piece(piece));
            reply.text(text(choice, "text").unwrap_or_default());
            choices.end(index, text(choice, "finish_reason"));
            content.error = content.error.take().or_else(|| error(choice));
        }
        content.error = content.error.take().or_else(|| error(document));
    }
    choices.finish(content);
}
