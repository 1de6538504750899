//! Token counts in OpenAI's two ways of writing them, as totals that include all.

use crate::call::{Call, Modalities, Usage};
use crate::provider::json::Json;

/// Paths below `usage` of chat completions and what is like them. Vendors' names of the same stand among them.
pub(super) const OF_CHAT: &[(&str, usize)] = &[
    ("usage.prompt_tokens", 0),
    ("usage.completion_tokens", 0),
    ("usage.total_tokens", 0),
    ("usage.prompt_tokens_details.cached_tokens", 0),
    ("usage.prompt_tokens_details.cache_write_tokens", 0),
    ("usage.prompt_tokens_details.text_tokens", 0),
    ("usage.prompt_tokens_details.image_tokens", 0),
    ("usage.prompt_tokens_details.audio_tokens", 0),
    ("usage.completion_tokens_details.reasoning_tokens", 0),
    ("usage.completion_tokens_details.text_tokens", 0),
    ("usage.completion_tokens_details.image_tokens", 0),
    ("usage.completion_tokens_details.audio_tokens", 0),
    // DeepSeek's and Moonshot's names of the cached tokens; SGLang's and Perplexity's of the reasoning.
    ("usage.prompt_cache_hit_tokens", 0),
    ("usage.cached_tokens", 0),
    ("usage.reasoning_tokens", 0),
    // Mistral's place for it.
    ("usage.service_tier", super::WORD),
    // What OpenRouter charges, and Perplexity.
    ("usage.cost", 0),
    ("usage.cost.total_cost", 0),
];

/// Paths below `usage` of responses, images and speech.
pub(super) const OF_RESPONSES: &[(&str, usize)] = &[
    ("usage.input_tokens", 0),
    ("usage.output_tokens", 0),
    ("usage.input_tokens_details.cached_tokens", 0),
    ("usage.input_tokens_details.cache_write_tokens", 0),
    ("usage.input_tokens_details.text_tokens", 0),
    ("usage.input_tokens_details.image_tokens", 0),
    ("usage.input_tokens_details.audio_tokens", 0),
    ("usage.output_tokens_details.reasoning_tokens", 0),
    ("usage.output_tokens_details.text_tokens", 0),
    ("usage.output_tokens_details.image_tokens", 0),
    ("usage.output_tokens_details.audio_tokens", 0),
    // Transcriptions have it in the singular.
    ("usage.input_token_details.text_tokens", 0),
    ("usage.input_token_details.audio_tokens", 0),
    ("usage.cost", 0),
    ("usage.cost.total_cost", 0),
];

/// The counts, and the cost where a vendor states one. Usage is cumulative where it comes more than once: the
/// last one that says something holds.
pub(super) fn take(reported: &Json, call: &mut Call) {
    let usage = of_chat(reported, call.provider);
    take_usage(usage, reported, call);
}

/// The same, of what is written as responses are.
pub(super) fn take_of_responses(reported: &Json, call: &mut Call) {
    take_usage(of_responses(reported), reported, call);
}

fn take_usage(usage: Usage, reported: &Json, call: &mut Call) {
    if usage != Usage::default() {
        call.usage = usage;
    }
    let cost = reported.get("cost");
    let cost = cost.number().or_else(|| cost.get("total_cost").number());
    call.charged_usd = cost.filter(|cost| *cost >= 0.0).or(call.charged_usd);
    if let Some(tier) = reported.get("service_tier").text() {
        call.service_tier = Some(tier);
    }
}

fn of_chat(wire: &Json, provider: &str) -> Usage {
    let count = |path: &str| wire.get(path).count();
    let input = count("prompt_tokens");
    let reasoning = count("completion_tokens_details.reasoning_tokens").or_else(|| count("reasoning_tokens"));
    let mut output = count("completion_tokens");
    // xAI leaves reasoning out of the completion; the total tells whether this response did.
    if let (true, Some(input), Some(apart), Some(reasoning)) = (provider == "x_ai", input, output, reasoning)
    {
        let sum = input.saturating_add(apart).saturating_add(reasoning);
        if count("total_tokens") == Some(sum) {
            output = apart.checked_add(reasoning);
        }
    }
    Usage {
        input,
        output,
        cache_read: count("prompt_tokens_details.cached_tokens")
            .or_else(|| count("prompt_cache_hit_tokens"))
            .or_else(|| count("cached_tokens")),
        cache_write: count("prompt_tokens_details.cache_write_tokens"),
        reasoning,
        input_by: by(wire.get("prompt_tokens_details")),
        output_by: by(wire.get("completion_tokens_details")),
        ..Usage::default()
    }
}

fn of_responses(wire: &Json) -> Usage {
    let count = |path: &str| wire.get(path).count();
    let (details, singular) = (wire.get("input_tokens_details"), wire.get("input_token_details"));
    Usage {
        input: count("input_tokens"),
        output: count("output_tokens"),
        cache_read: count("input_tokens_details.cached_tokens"),
        cache_write: count("input_tokens_details.cache_write_tokens"),
        reasoning: count("output_tokens_details.reasoning_tokens"),
        input_by: by(if details.is_object() { details } else { singular }),
        output_by: by(wire.get("output_tokens_details")),
        ..Usage::default()
    }
}

fn by(details: &Json) -> Modalities {
    Modalities {
        text: details.get("text_tokens").count(),
        image: details.get("image_tokens").count(),
        audio: details.get("audio_tokens").count(),
    }
}
