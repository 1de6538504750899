//! OpenAI's APIs, and every server that speaks the same shapes.

use super::follow::{NAME, UNNAMED_ERROR, WORD, code};
use super::json::Json;
use super::{Dialect, Recognised};
use crate::call::{Call, Subject};
use crate::value::Value;

mod chat;
mod completions;
mod embeddings;
mod images;
mod moderations;
pub(super) mod parts;
mod responses;
mod speaker;
mod speech;
mod tools;
mod transcriptions;
mod usage;
mod vector_stores;

pub(super) use chat::{Completion, REQUEST as CHAT_REQUEST, RESPONSE as CHAT_RESPONSE};

const API_TYPE: &str = "openai.api.type";
const REQUEST_SERVICE_TIER: &str = "openai.request.service_tier";
const RESPONSE_SERVICE_TIER: &str = "openai.response.service_tier";
const SYSTEM_FINGERPRINT: &str = "openai.response.system_fingerprint";

/// The provider that owns the attributes above; they never stand on another one's span.
const OPENAI: &str = "openai";
/// The provider of its API versions and deployments.
const AZURE: &str = "azure.ai.openai";

const ATTRIBUTES: &[&str] = &[API_TYPE, REQUEST_SERVICE_TIER, RESPONSE_SERVICE_TIER, SYSTEM_FINGERPRINT];

pub(super) static DIALECTS: &[Dialect] = &[
    chat::DIALECT,
    responses::DIALECT,
    completions::DIALECT,
    embeddings::DIALECT,
    moderations::DIALECT,
    images::DIALECT,
    speech::DIALECT,
    transcriptions::DIALECT,
    vector_stores::DIALECT,
];

/// Where a response says what went wrong.
const ERRORS: &[(&str, usize)] = &[
    ("error", 0),
    ("error.code", WORD),
    ("error.type", WORD),
    ("error.message", 0),
    // Errors without an `error` object (Mistral, older vLLM) have these at the top.
    ("object", WORD),
    ("code", WORD),
    ("type", WORD),
    // TGI's streams say `{"error": "…", "error_type": "…"}`.
    ("error_type", WORD),
];

/// What stands in most answers.
const COMMON: &[(&str, usize)] =
    &[("id", NAME), ("model", NAME), ("service_tier", WORD), ("system_fingerprint", WORD)];

/// A call of which the head is known.
fn begin(subject: Subject, recognised: &Recognised<'_>, api_type: Option<&'static str>) -> Call {
    let mut call = Call::new(subject, recognised.provider);
    if let (OPENAI, Some(api_type)) = (call.provider, api_type) {
        call.extra.push((API_TYPE, Value::from(api_type)));
    }
    call
}

/// Whether a path ends in this segment.
fn ends_in(path: &str, segment: &str) -> bool {
    path.trim_end_matches('/').rsplit('/').next() == Some(segment)
}

/// The class of service that a request asks for; `auto` is no choice.
fn ask_for_tier(asked: &Json, call: &mut Call) {
    if call.provider == OPENAI {
        let tier = asked.get("service_tier").text().filter(|tier| tier != "auto");
        call.extra.extend(tier.map(|tier| (REQUEST_SERVICE_TIER, Value::String(tier))));
    }
}

/// What stands in most answers, or in one event of them.
fn take_common(said: &Json, call: &mut Call) {
    // Azure's first chunk has an empty id and model: only a name counts.
    call.response_id = call.response_id.take().or_else(|| said.get("id").text());
    call.response_model = call.response_model.take().or_else(|| said.get("model").text());
    if let Some(tier) = said.get("service_tier").text() {
        call.service_tier = Some(tier);
    }
    if call.provider == OPENAI {
        for (name, key) in
            [(RESPONSE_SERVICE_TIER, "service_tier"), (SYSTEM_FINGERPRINT, "system_fingerprint")]
        {
            if let Some(text) = said.get(key).text() {
                call.extra.retain(|(known, _)| *known != name);
                call.extra.push((name, Value::String(text)));
            }
        }
    }
}

/// What went wrong, if anything did; the first word of it holds.
fn take_error(event: &str, said: &Json, call: &mut Call) {
    let found = error(said.get("error"), said);
    let is_bare = event == "error" || said.get("object").as_text() == Some("error");
    // An event's type is no name of what went wrong.
    let kind = Some(said.get("type")).filter(|kind| kind.as_text() != Some("error"));
    let bare = || is_bare.then(|| named(&[said.get("code"), kind.unwrap_or(&Json::Null)]));
    call.error_code = call.error_code.take().or(found).or_else(bare);
}

/// What an `error` member says: an object's code, else its type; of a bare message, which is not kept,
/// what stands beside it. An empty one is no error.
fn error(error: &Json, beside: &Json) -> Option<String> {
    match error {
        Json::Object(_) => {
            let says = ["code", "type", "message"].iter().any(|key| error.get(key) != &Json::Null);
            says.then(|| named(&[error.get("code"), error.get("type")]))
        }
        Json::Text { bytes: 1.., .. } => Some(named(&[beside.get("code"), beside.get("error_type")])),
        _ => None,
    }
}

fn named(places: &[&Json]) -> String {
    places.iter().find_map(|place| code(place)).unwrap_or_else(|| UNNAMED_ERROR.to_owned())
}

/// What a request's `response_format.type`, or the like, asks for.
fn output_type(format: &Json) -> Option<&'static str> {
    match format.as_text() {
        Some("json_object" | "json_schema") => Some("json"),
        Some("text") => Some("text"),
        _ => None,
    }
}
