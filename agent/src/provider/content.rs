//! What was said, taken from bodies as they were sent: used only where the operator wants it, when the exchange is over,
//! and not on the thread that reads what the kernel tells.

use serde_json::Value;

#[cfg(test)]
use crate::call::content::Content;

pub(super) mod anthropic;
pub(super) mod bedrock;
pub(super) mod cohere;
mod common;
mod continuations;
mod data;
mod documents;
pub(super) mod elastic;
pub(super) mod google;
mod images;
mod items;
mod mistral;
mod ollama;
mod openai;
mod reply;
pub(super) mod rerank;
mod responses;
#[cfg(test)]
#[path = "content/tests/scene.rs"]
mod scene;
#[cfg(test)]
#[path = "content/tests/sdks.rs"]
mod sdks;
mod speech;
pub(super) mod stores;
#[cfg(test)]
mod tests;
mod values;

pub(super) use continuations::{huggingface, llama_cpp};
pub(super) use images::{images, moderations};
pub(super) use mistral::{conversations, ocr};
pub(super) use ollama::ollama;
pub(super) use openai::openai;
pub(super) use responses::responses;
pub(super) use speech::{speech, transcriptions};

pub(in crate::provider) use crate::call::content::{Bodies, Convert};

/// The response, or its events, one after the other.
fn documents(bodies: &Bodies) -> impl Iterator<Item = &Value> {
    std::iter::once(&bodies.response).chain(bodies.events.iter().map(|(_, event)| event))
}
