//! The response of a chat completion: a whole one and the chunks of a stream have the same fields
//! where it matters, so both are absorbed alike.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::json::{LIST_MAX, List, Object, Scalar};
use crate::call::Usage;

/// `error.type` of an error that names neither a code nor a type.
pub(super) const UNNAMED_ERROR: &str = "_OTHER";

/// A machine-readable code is short; anything longer is a message in the wrong place.
const CODE_MAX_BYTES: usize = 128;

/// The fields that are read; serde skips all others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ChatResponse<'a> {
    #[serde(borrow)]
    id: Scalar<'a>,
    model: Scalar<'a>,
    choices: List<Object<Choice<'a>>>,
    usage: Object<WireUsage<'a>>,
    service_tier: Scalar<'a>,
    system_fingerprint: Scalar<'a>,
    error: ErrorField<'a>,
    /// Errors without an `error` object (Mistral, older vLLM) have these at the top.
    object: Scalar<'a>,
    code: Scalar<'a>,
    #[serde(rename = "type")]
    kind: Scalar<'a>,
    /// TGI's streams say `{"error": "…", "error_type": "…"}`.
    error_type: Scalar<'a>,
    /// Groq's streams put usage and errors here.
    x_groq: Object<Groq<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice<'a> {
    #[serde(borrow)]
    index: Scalar<'a>,
    finish_reason: Scalar<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireUsage<'a> {
    #[serde(borrow)]
    prompt_tokens: Scalar<'a>,
    completion_tokens: Scalar<'a>,
    total_tokens: Scalar<'a>,
    prompt_tokens_details: Object<PromptDetails<'a>>,
    completion_tokens_details: Object<CompletionDetails<'a>>,
    /// DeepSeek's name of the cached tokens.
    prompt_cache_hit_tokens: Scalar<'a>,
    /// Moonshot's name of the cached tokens.
    cached_tokens: Scalar<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PromptDetails<'a> {
    #[serde(borrow)]
    cached_tokens: Scalar<'a>,
    cache_write_tokens: Scalar<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails<'a> {
    #[serde(borrow)]
    reasoning_tokens: Scalar<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Groq<'a> {
    #[serde(borrow)]
    usage: Object<WireUsage<'a>>,
    error: ErrorField<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireError<'a> {
    #[serde(borrow)]
    code: Scalar<'a>,
    #[serde(rename = "type")]
    kind: Scalar<'a>,
}

/// `error`: an object, or with some servers the bare message, which is not kept.
#[derive(Debug, Default)]
enum ErrorField<'a> {
    #[default]
    Absent,
    Message,
    Object(WireError<'a>),
}

impl<'de: 'a, 'a> Deserialize<'de> for ErrorField<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Told apart by trying, so an error's text is at most borrowed.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either<'a> {
            #[serde(borrow)]
            Object(WireError<'a>),
            Scalar(Scalar<'a>),
        }
        Ok(match Either::deserialize(deserializer)? {
            Either::Object(error) => Self::Object(error),
            Either::Scalar(Scalar::Text(text)) if !text.is_empty() => Self::Message,
            Either::Scalar(_) => Self::Absent,
        })
    }
}

/// What a response has said so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// At least one document was read.
    pub(super) seen: bool,
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) service_tier: Option<String>,
    pub(super) system_fingerprint: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) error: Option<String>,
    /// Finish reasons by the index of their choice, so far as they came.
    choices: BTreeMap<u64, Option<String>>,
    overflowed: bool,
}

/// `gen_ai.response.finish_reasons`, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FinishReasons {
    /// One per choice, in the order of the choices.
    pub(super) list: Vec<String>,
    /// A choice has none and it is not known why.
    pub(super) missing: bool,
    /// There were more choices than are kept.
    pub(super) overflowed: bool,
}

impl Answer {
    /// Takes over what a response, or a chunk of one, says.
    pub(super) fn absorb(&mut self, response: &ChatResponse<'_>, provider: &str) {
        self.seen = true;
        // Azure's first chunk has an empty id and model: only a name counts.
        self.id = self.id.take().or_else(|| response.id.text());
        self.model = self.model.take().or_else(|| response.model.text());
        self.service_tier = response.service_tier.text().or(self.service_tier.take());
        self.system_fingerprint = response.system_fingerprint.text().or(self.system_fingerprint.take());
        for (position, choice) in (0..).zip(&response.choices.items) {
            let Object(Some(choice)) = choice else { continue };
            self.choice(choice.index.count().unwrap_or(position), choice.finish_reason.text());
        }
        self.overflowed |= response.choices.more;
        // Usage is cumulative where it comes more than once: the last one that says something holds.
        let groq = response.x_groq.0.as_ref();
        let reported = [groq.and_then(|groq| groq.usage.0.as_ref()), response.usage.0.as_ref()];
        for usage in reported.into_iter().flatten().map(|wire| usage(wire, provider)) {
            if usage != Usage::default() {
                self.usage = Some(usage);
            }
        }
        let error = error(response, groq);
        self.error = self.error.take().or(error);
    }

    /// The stream said that it failed, if in no more than an event's name.
    pub(super) fn fail(&mut self) {
        self.error.get_or_insert_with(|| UNNAMED_ERROR.to_owned());
    }

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

    /// The reasons in choice order. `expected` is how many choices a stream owed that was cut: a
    /// reason that it no longer could send is `error`. With 0, a missing reason stays missing.
    pub(super) fn finish_reasons(&self, expected: u64) -> FinishReasons {
        let mut choices = self.choices.clone();
        let bound = expected.min(LIST_MAX as u64);
        for index in 0..bound {
            choices.entry(index).or_default();
        }
        let mut reasons = FinishReasons { overflowed: self.overflowed, ..FinishReasons::default() };
        for reason in choices.into_values() {
            match reason {
                Some(reason) => reasons.list.push(reason),
                None if expected > 0 || self.error.is_some() => reasons.list.push("error".to_owned()),
                None => reasons.missing = true,
            }
        }
        reasons
    }
}

/// Inclusive totals, whatever the vendor counts in or out.
fn usage(wire: &WireUsage<'_>, provider: &str) -> Usage {
    let prompt = wire.prompt_tokens_details.0.as_ref();
    let completion = wire.completion_tokens_details.0.as_ref();
    let input = wire.prompt_tokens.count();
    let reasoning = completion.and_then(|details| details.reasoning_tokens.count());
    let mut output = wire.completion_tokens.count();
    // xAI leaves reasoning out of the completion; the total tells whether this response did.
    if let (true, Some(input), Some(apart), Some(reasoning)) = (provider == "x_ai", input, output, reasoning)
    {
        let sum = input.saturating_add(apart).saturating_add(reasoning);
        if wire.total_tokens.count() == Some(sum) {
            output = apart.checked_add(reasoning);
        }
    }
    Usage {
        input,
        output,
        cache_read: prompt
            .and_then(|details| details.cached_tokens.count())
            .or_else(|| wire.prompt_cache_hit_tokens.count())
            .or_else(|| wire.cached_tokens.count()),
        cache_write: prompt.and_then(|details| details.cache_write_tokens.count()),
        reasoning,
    }
}

/// The error's machine-readable code, else its type.
fn error(response: &ChatResponse<'_>, groq: Option<&Groq<'_>>) -> Option<String> {
    let field = match (&response.error, groq.map(|groq| &groq.error)) {
        (ErrorField::Absent, Some(error)) => error,
        (error, _) => error,
    };
    let named = match field {
        ErrorField::Object(error) => code(&error.code).or_else(|| code(&error.kind)),
        ErrorField::Message => code(&response.code).or_else(|| code(&response.error_type)),
        ErrorField::Absent if response.object.text().as_deref() == Some("error") => {
            code(&response.code).or_else(|| code(&response.kind))
        }
        ErrorField::Absent => return None,
    };
    Some(named.unwrap_or_else(|| UNNAMED_ERROR.to_owned()))
}

/// A code as text, if it is one: sentences quote what the user sent and do not belong here.
fn code(value: &Scalar<'_>) -> Option<String> {
    if let Some(number) = value.integer() {
        return Some(number.to_string());
    }
    let machine = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
    value.text().filter(|code| code.len() <= CODE_MAX_BYTES && code.bytes().all(machine))
}
