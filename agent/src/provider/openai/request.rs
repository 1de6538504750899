//! The request of a chat completion, without its messages and tools.

use serde::Deserialize;

use super::super::json::{List, Object, Scalar};
use crate::call::Parameters;

/// The fields that are read; serde skips all others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ChatRequest<'a> {
    #[serde(borrow)]
    model: Scalar<'a>,
    temperature: Scalar<'a>,
    top_p: Scalar<'a>,
    frequency_penalty: Scalar<'a>,
    presence_penalty: Scalar<'a>,
    max_completion_tokens: Scalar<'a>,
    max_tokens: Scalar<'a>,
    seed: Scalar<'a>,
    /// Mistral's name of it.
    random_seed: Scalar<'a>,
    n: Scalar<'a>,
    stop: List<Scalar<'a>>,
    response_format: Object<ResponseFormat<'a>>,
    stream: Scalar<'a>,
    service_tier: Scalar<'a>,
    reasoning_effort: Scalar<'a>,
    /// OpenRouter's form of it.
    reasoning: Object<Reasoning<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResponseFormat<'a> {
    #[serde(borrow, rename = "type")]
    kind: Scalar<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reasoning<'a> {
    #[serde(borrow)]
    effort: Scalar<'a>,
}

/// What a request asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Asked {
    pub(super) model: Option<String>,
    pub(super) stream: bool,
    pub(super) service_tier: Option<String>,
    pub(super) parameters: Parameters,
}

impl From<ChatRequest<'_>> for Asked {
    fn from(request: ChatRequest<'_>) -> Self {
        let output_type = request.response_format.0.and_then(|format| match format.kind.text()?.as_str() {
            "json_object" | "json_schema" => Some("json"),
            "text" => Some("text"),
            _ => None,
        });
        let effort = request.reasoning.0.and_then(|reasoning| reasoning.effort.text());
        Self {
            model: request.model.text(),
            stream: request.stream.is_true(),
            service_tier: request.service_tier.text(),
            parameters: Parameters {
                temperature: request.temperature.number(),
                top_p: request.top_p.number(),
                frequency_penalty: request.frequency_penalty.number(),
                presence_penalty: request.presence_penalty.number(),
                max_tokens: request.max_completion_tokens.count().or_else(|| request.max_tokens.count()),
                seed: request.seed.integer().or_else(|| request.random_seed.integer()),
                choice_count: request.n.count().filter(|count| *count != 1),
                stop_sequences: request.stop.items.iter().filter_map(Scalar::text).collect(),
                output_type,
                reasoning_level: request.reasoning_effort.text().or(effort),
            },
        }
    }
}
