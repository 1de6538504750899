//! Google's models: the Gemini API, and Vertex AI with what it hosts of other vendors.
//!
//! What is asked of which model stands in the path alone, and so does whether the answer is a stream. Counting of tokens
//! (`:countTokens`, and Anthropic's `count-tokens:rawPredict`) makes nothing and is no call.

mod content;
mod embeddings;
mod predict;
mod raw;
#[cfg(test)]
mod tests;

use super::follow::code;
use super::json::Json;
use super::{Dialect, Endpoint, Recognised};
use crate::call::Modalities;

/// Where the host does not tell which of the two it is.
const GEN_AI: &str = "gcp.gen_ai";
const VERTEX_AI: &str = "gcp.vertex_ai";

pub(super) static DIALECTS: &[Dialect] =
    &[content::DIALECT, embeddings::DIALECT, predict::DIALECT, raw::DIALECT];

/// Only Vertex has publishers.
const fn at_vertex(path: &'static str) -> Endpoint {
    Endpoint { provider: Some(VERTEX_AI), ..Endpoint::post(path) }
}

/// The model that the path names: what stands behind `models`, or with the kind of thing that it is
/// (`tunedModels/x`, `endpoints/7`).
fn model(recognised: &Recognised<'_>, endpoints: &[Endpoint]) -> Option<String> {
    let model = endpoints.iter().find_map(|endpoint| recognised.captured(endpoint, "model"))?;
    let mut segments = recognised.request.path.rsplit('/').filter(|segment| !segment.is_empty()).skip(1);
    match segments.next() {
        Some(kind @ ("tunedModels" | "endpoints")) => Some(format!("{kind}/{model}")),
        _ => Some(model),
    }
}

/// The member in either spelling, both of which the API takes and the SDKs mix.
fn either<'a>(value: &'a Json, camel: &str, snake: &str) -> &'a Json {
    match value.get(camel) {
        Json::Null => value.get(snake),
        found => found,
    }
}

/// What an answer or an event says of an error: its status, which is a word, else its code.
fn error(said: &Json) -> Option<String> {
    let error = said.get("error");
    error.is_object().then(|| {
        let named = code(error.get("status")).or_else(|| code(error.get("code")));
        named.unwrap_or_else(|| super::follow::UNNAMED_ERROR.to_owned())
    })
}

/// Tokens by modality, as a list of rows says them; those without a name of their own in the conventions are left out.
fn modalities(rows: &Json) -> Modalities {
    let mut found = Modalities::default();
    for row in rows.items() {
        let place = match row.get("modality").as_text() {
            Some("TEXT" | "MODALITY_UNSPECIFIED") => &mut found.text,
            Some("IMAGE") => &mut found.image,
            Some("AUDIO") => &mut found.audio,
            _ => continue,
        };
        if let Some(count) = row.get("tokenCount").count() {
            *place = Some(place.unwrap_or(0).saturating_add(count));
        }
    }
    found
}

/// What a media type stands for.
fn modality(media_type: Option<&str>) -> &'static str {
    match media_type.and_then(|media_type| media_type.split('/').next()) {
        Some("image") => "image",
        Some("audio") => "audio",
        Some("video") => "video",
        _ => "document",
    }
}
