//! OpenAI's chat completions, and every server that speaks the same shape.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::candidate::{has_messages, has_own_chat};
use super::follow::{End, Follow, JsonApi, NAME, UNNAMED_ERROR, WORD, code};
use super::json::{Json, LIST_MAX, Shape};
use super::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use crate::call::{Call, Inference, Parameters, Subject, Usage};
use crate::protocol::http1::RequestHead;
use crate::value::Value;

#[cfg(test)]
mod tests;

const API_TYPE: &str = "openai.api.type";
const REQUEST_SERVICE_TIER: &str = "openai.request.service_tier";
const RESPONSE_SERVICE_TIER: &str = "openai.response.service_tier";
const SYSTEM_FINGERPRINT: &str = "openai.response.system_fingerprint";

/// The provider that owns the attributes above; they never stand on another one's span.
const OPENAI: &str = "openai";

/// Azure's path, which names the model's deployment; also behind a gateway with a name of its own.
const DEPLOYMENT: Endpoint = Endpoint {
    parameters: &["api-version"],
    provider: Some("azure.ai.openai"),
    ..Endpoint::post("deployments/{deployment}/chat/completions")
};

pub(super) static DIALECTS: &[Dialect] = &[Dialect {
    endpoints: &[DEPLOYMENT, Endpoint::post("chat/completions")],
    claims,
    provider: OPENAI,
    signs: &[],
    attributes: &[API_TYPE, REQUEST_SERVICE_TIER, RESPONSE_SERVICE_TIER, SYSTEM_FINGERPRINT],
    follow,
}];

/// Messages with roles for a model, and nothing that only another dialect has.
fn claims(request: &RequestHead, body: &Json) -> bool {
    let others = ["system", "anthropic_version"].iter().any(|key| body.get(key) != &Json::Null)
        || request.headers.get("anthropic-version").is_some()
        || request.path.trim_end_matches('/').ends_with("/messages");
    has_messages(body) && !others && !has_own_chat(&request.path)
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("model", NAME),
        ("temperature", 0),
        ("top_p", 0),
        ("top_k", 0),
        ("frequency_penalty", 0),
        ("presence_penalty", 0),
        ("max_completion_tokens", 0),
        ("max_tokens", 0),
        ("seed", 0),
        // Mistral's name of it.
        ("random_seed", 0),
        ("n", 0),
        ("stop", NAME),
        ("stop[]", NAME),
        ("response_format.type", WORD),
        ("stream", 0),
        ("service_tier", WORD),
        ("reasoning_effort", WORD),
        // OpenRouter's form of it.
        ("reasoning.effort", WORD),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("id", NAME),
        ("model", NAME),
        ("service_tier", WORD),
        ("system_fingerprint", WORD),
        ("choices[].index", 0),
        ("choices[].finish_reason", WORD),
        ("choices[].error", 0),
        ("choices[].error.code", WORD),
        ("choices[].error.type", WORD),
        ("choices[].error.message", 0),
        ("usage.prompt_tokens", 0),
        ("usage.completion_tokens", 0),
        ("usage.total_tokens", 0),
        ("usage.prompt_tokens_details.cached_tokens", 0),
        ("usage.prompt_tokens_details.cache_write_tokens", 0),
        ("usage.completion_tokens_details.reasoning_tokens", 0),
        // DeepSeek's and Moonshot's names of the cached tokens.
        ("usage.prompt_cache_hit_tokens", 0),
        ("usage.cached_tokens", 0),
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
        // Groq's streams put usage and errors here.
        ("x_groq.usage.prompt_tokens", 0),
        ("x_groq.usage.completion_tokens", 0),
        ("x_groq.usage.total_tokens", 0),
        ("x_groq.error", 0),
        ("x_groq.error.code", WORD),
        ("x_groq.error.type", WORD),
        ("x_groq.error.message", 0),
    ])
});

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let mut call = Call::new(Subject::chat(), recognised.provider);
    // For clients that send no model.
    call.request_model = recognised.captured(&DEPLOYMENT, "deployment");
    if call.provider == OPENAI {
        call.extra.push((API_TYPE, Value::from("chat_completions")));
    }
    Follow::begin(ChatCompletion::default(), call, limits)
}

/// One chat completion being followed.
#[derive(Default)]
struct ChatCompletion {
    /// Finish reasons by the index of their choice, so far as they came.
    choices: BTreeMap<u64, Option<String>>,
    overflowed: bool,
}

impl JsonApi for ChatCompletion {
    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        let output_type = match asked.get("response_format.type").as_text() {
            Some("json_object" | "json_schema") => Some("json"),
            Some("text") => Some("text"),
            _ => None,
        };
        let either = |one: &str, other: &str| asked.get(one).count().or_else(|| asked.get(other).count());
        call.request_model = asked.get("model").text().or(call.request_model.take());
        call.stream |= asked.get("stream").is_true();
        call.parameters = Parameters {
            temperature: asked.get("temperature").number(),
            top_p: asked.get("top_p").number(),
            top_k: asked.get("top_k").count(),
            frequency_penalty: asked.get("frequency_penalty").number(),
            presence_penalty: asked.get("presence_penalty").number(),
            max_tokens: either("max_completion_tokens", "max_tokens"),
            seed: asked.get("seed").integer().or_else(|| asked.get("random_seed").integer()),
            choice_count: asked.get("n").count().filter(|count| *count != 1),
            stop_sequences: asked.get("stop").items().iter().filter_map(Json::text).collect(),
            output_type,
            reasoning_level: asked
                .get("reasoning_effort")
                .text()
                .or_else(|| asked.get("reasoning.effort").text()),
        };
        if call.provider == OPENAI {
            let tier = asked.get("service_tier").text().filter(|tier| tier != "auto");
            call.extra.extend(tier.map(|tier| (REQUEST_SERVICE_TIER, Value::String(tier))));
        }
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        // Azure's first chunk has an empty id and model: only a name counts.
        call.response_id = call.response_id.take().or_else(|| said.get("id").text());
        call.response_model = call.response_model.take().or_else(|| said.get("model").text());
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
        let choices = said.get("choices");
        for (position, choice) in (0..).zip(choices.items()).filter(|(_, choice)| choice.is_object()) {
            let index = choice.get("index").count().unwrap_or(position);
            self.choice(index, choice.get("finish_reason").text());
            let error = error(choice.get("error"), &Json::Null);
            call.error_code = call.error_code.take().or(error);
        }
        self.overflowed |= choices.length().is_some_and(|length| length > choices.items().len() as u64);
        // Usage is cumulative where it comes more than once: the last one that says something holds.
        for reported in [said.get("x_groq.usage"), said.get("usage")] {
            let usage = usage(reported, call.provider);
            if usage != Usage::default() {
                call.usage = usage;
            }
        }
        let found = error(said.get("error"), said).or_else(|| error(said.get("x_groq.error"), said));
        let is_bare = event == "error" || said.get("object").as_text() == Some("error");
        let bare = || is_bare.then(|| named(&[said.get("code"), said.get("type")]));
        call.error_code = call.error_code.take().or(found).or_else(bare);
    }

    /// The official client, too, compares no more than the prefix.
    fn is_end(&self, data: &[u8]) -> bool {
        data.starts_with(b"[DONE]")
    }

    fn finish(mut self, end: &End<'_>, call: &mut Call) {
        // A reason that a stream which was cut could no longer send is `error`.
        let expected = if end.cut { call.parameters.choice_count.unwrap_or(1) } else { 0 };
        for index in 0..expected.min(LIST_MAX as u64) {
            self.choices.entry(index).or_default();
        }
        let mut finish_reasons = Vec::new();
        for reason in self.choices.into_values() {
            match reason {
                Some(reason) => finish_reasons.push(reason),
                None if end.cut || call.error_code.is_some() => finish_reasons.push("error".to_owned()),
                None => call.note("a choice has no finish reason"),
            }
        }
        if self.overflowed {
            call.note("more choices than are kept");
        }
        // A choice that failed says so in its reason, if nowhere else.
        if finish_reasons.iter().any(|reason| reason == "error") && !end.cut {
            call.error_code.get_or_insert_with(|| UNNAMED_ERROR.to_owned());
        }
        call.subject = Subject::Inference { operation: Inference::Chat, finish_reasons };
    }
}

impl ChatCompletion {
    fn choice(&mut self, index: u64, reason: Option<String>) {
        if self.choices.len() >= LIST_MAX && !self.choices.contains_key(&index) {
            self.overflowed = true;
            return;
        }
        let known = self.choices.entry(index).or_default();
        if reason.is_some() {
            *known = reason;
        }
    }
}

/// Inclusive totals, whatever the vendor counts in or out.
fn usage(wire: &Json, provider: &str) -> Usage {
    if !wire.is_object() {
        return Usage::default();
    }
    let count = |path: &str| wire.get(path).count();
    let input = count("prompt_tokens");
    let reasoning = count("completion_tokens_details.reasoning_tokens");
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
        ..Usage::default()
    }
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
