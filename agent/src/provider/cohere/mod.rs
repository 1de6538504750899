//! Cohere's own API: chats, completions and embeddings of both its versions. Its reranking is in `rerank`.

use super::json::Json;
use super::{Dialect, evidence};
use crate::call::{Modalities, Usage};
use crate::protocol::http1::RequestHead;

mod chat;
mod embed;

pub(super) use chat::finish_reason;

const PROVIDER: &str = "cohere";

pub(super) static DIALECTS: &[Dialect] = &[chat::CHAT, chat::GENERATE, embed::DIALECT];

/// Whether a request goes to Cohere's own host, where the path says all.
fn is_own(request: &RequestHead) -> bool {
    evidence::is_at(request, PROVIDER)
}

fn has_text(body: &Json, member: &str) -> bool {
    matches!(body.get(member), Json::Text { .. })
}

/// Where counts stand in a whole answer of each version.
const USAGE: &[(&str, usize)] = &[
    ("usage.billed_units.input_tokens", 0),
    ("usage.billed_units.output_tokens", 0),
    ("usage.tokens.input_tokens", 0),
    ("usage.tokens.output_tokens", 0),
    ("usage.cached_tokens", 0),
    ("meta.billed_units.input_tokens", 0),
    ("meta.billed_units.output_tokens", 0),
    ("meta.billed_units.text_tokens", 0),
    ("meta.billed_units.image_tokens", 0),
    ("meta.tokens.input_tokens", 0),
    ("meta.tokens.output_tokens", 0),
    ("meta.cached_tokens", 0),
];

/// What is billed; what was consumed where nothing is said of that. Each is a number with a fraction.
fn usage(counts: &Json) -> Usage {
    let billed = counts.get("billed_units");
    let either = |name: &str| billed.get(name).count().or_else(|| counts.get("tokens").get(name).count());
    let by = Modalities {
        text: billed.get("text_tokens").count(),
        image: billed.get("image_tokens").count(),
        audio: None,
    };
    let sum = by.text.into_iter().chain(by.image).reduce(u64::saturating_add);
    let input = either("input_tokens").max(sum);
    Usage {
        input,
        output: either("output_tokens"),
        // A prompt's preamble is cached, but not billed.
        cache_read: counts.get("cached_tokens").count().filter(|cached| Some(*cached) <= input),
        input_by: by,
        ..Usage::default()
    }
}
