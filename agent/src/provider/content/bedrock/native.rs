//! Formats of InvokeModel that no other dialect has: Llama's, Titan's, Mistral's of old, AI21's, and those of models that
//! make images.

use serde_json::Value;

use super::Bodies;
use crate::call::content::{Content, Message, Part};
use crate::provider::bedrock::finish_reason;
use crate::provider::content::values::{blob, first, items, word};

/// What an answer has that is made of vectors.
const VECTORS: [&str; 3] = ["embedding", "embeddings", "embeddingsByType"];

/// Whether it is a vector that was asked for: such requests say nothing that is answered.
pub(super) fn is_vector(said: &Value) -> bool {
    VECTORS.iter().any(|name| said[*name].is_array() || said[*name].is_object())
}

/// Takes over a prompt and what came of it.
pub(super) fn native(bodies: &Bodies, content: &mut Content) {
    request(&bodies.request, content);
    let mut streamed = Choice::default();
    for (_, event) in &bodies.events {
        let mut choices = choices(event);
        // Streams have one.
        if let Some(piece) = choices.pop() {
            streamed.text.get_or_insert_default().push_str(&piece.text.unwrap_or_default());
            streamed.reason = piece.reason.or(streamed.reason);
        }
    }
    let said = &bodies.response;
    let whole = choices(said);
    content.output.extend(whole.into_iter().chain([streamed]).filter_map(Choice::message));
    let images = items(&said["images"]).iter();
    let images: Vec<_> = images.filter_map(|image| blob("image", &Value::Null, image)).collect();
    content.output.extend((!images.is_empty()).then(|| message("assistant", images)));
}

fn message(role: &str, parts: Vec<Part>) -> Message {
    Message { role: role.to_owned(), parts, ..Message::default() }
}

fn request(asked: &Value, content: &mut Content) {
    let of_task = asked.as_object().into_iter().flatten().filter(|(name, _)| name.ends_with("Params"));
    let of_task = of_task.map(|(_, task)| &task["text"]);
    let prompts = items(&asked["text_prompts"]).iter().map(|prompt| &prompt["text"]);
    let prompt = first(asked, &["prompt", "inputText"]);
    let texts = std::iter::once(prompt).chain(prompts).chain(of_task).filter_map(word).map(Part::Text);
    let images = items(&asked["images"]).iter().chain([&asked["inputImage"]]);
    let images = images.filter_map(|image| blob("image", &Value::Null, image));
    let parts: Vec<_> = texts.chain(images).collect();
    content.input.extend((!parts.is_empty()).then(|| message("user", parts)));
}

/// One continuation.
#[derive(Default)]
struct Choice {
    text: Option<String>,
    reason: Option<String>,
}

impl Choice {
    fn message(self) -> Option<Message> {
        let parts = self.text.map(Part::Text).into_iter().collect::<Vec<_>>();
        let is_one = !parts.is_empty() || self.reason.is_some();
        is_one.then(|| Message { finish_reason: self.reason, ..message("assistant", parts) })
    }
}

/// Those of an answer, or of an event.
fn choices(said: &Value) -> Vec<Choice> {
    let lists = ["results", "outputs", "generations", "completions", "choices"];
    let list = lists.iter().map(|name| items(&said[*name])).find(|list| !list.is_empty());
    list.unwrap_or(std::slice::from_ref(said)).iter().filter_map(choice).collect()
}

fn choice(said: &Value) -> Option<Choice> {
    let texts = ["/outputText", "/text", "/data/text", "/generation", "/message/content", "/completion"];
    let reasons = ["/completionReason", "/stop_reason", "/finish_reason", "/finishReason/reason"];
    let at =
        |places: &[&str]| places.iter().find_map(|place| said.pointer(place)?.as_str().map(str::to_owned));
    let (text, reason) = (at(&texts), at(&reasons).map(|reason| finish_reason(&reason)));
    (text.is_some() || reason.is_some()).then_some(Choice { text, reason })
}
