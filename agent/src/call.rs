//! What an exchange means, in words that no provider owns: the vocabulary that `provider` speaks.

use crate::value::Value;

/// `gen_ai.operation.name` of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Chat completion of any API.
    Chat,
}

impl Operation {
    /// The name in the GenAI semantic conventions.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
        }
    }
}

/// Token counts as the provider billed them. Totals are inclusive: cached tokens are part of `input`,
/// reasoning tokens part of `output`. `None` means that the wire did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All input tokens.
    pub input: Option<u64>,
    /// All output tokens.
    pub output: Option<u64>,
    /// Input tokens read from a cache.
    pub cache_read: Option<u64>,
    /// Input tokens written to a cache.
    pub cache_write: Option<u64>,
    /// Output tokens spent on reasoning.
    pub reasoning: Option<u64>,
}

/// What the request asked of the model, where it said so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Frequency penalty.
    pub frequency_penalty: Option<f64>,
    /// Presence penalty.
    pub presence_penalty: Option<f64>,
    /// Upper bound on output tokens.
    pub max_tokens: Option<u64>,
    /// Sampling seed.
    pub seed: Option<i64>,
    /// How many choices, when it is not one.
    pub choice_count: Option<u64>,
    /// Strings that end the output.
    pub stop_sequences: Vec<String>,
    /// Requested output format: `text`, `json`, `image`, `speech`.
    pub output_type: Option<&'static str>,
    /// Reasoning effort, as sent.
    pub reasoning_level: Option<String>,
}

/// One exchange with a model, understood. Nothing in it is content (prompts, completions, messages
/// of errors): those never leave the parser while the content policy is `off`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What was asked for.
    pub operation: Operation,
    /// `gen_ai.provider.name`.
    pub provider: &'static str,
    /// Model named by the request.
    pub request_model: Option<String>,
    /// Model named by the response.
    pub response_model: Option<String>,
    /// Id of the response.
    pub response_id: Option<String>,
    /// One reason per choice, in the order of the choices.
    pub finish_reasons: Vec<String>,
    /// Token counts.
    pub usage: Usage,
    /// The request's settings.
    pub parameters: Parameters,
    /// The response was asked for, or came, as a stream.
    pub stream: bool,
    /// `CLOCK_MONOTONIC` nanoseconds of the first body event of a stream.
    pub first_chunk_ns: Option<u64>,
    /// The stream said that it was over, in the provider's way: clients may then read no further.
    pub stream_ended: bool,
    /// The provider's machine-readable error code, from the body of an error or inside a stream.
    pub error_code: Option<String>,
    /// Attributes that only this provider's conventions define.
    pub extra: Vec<(&'static str, Value)>,
    /// Why something is missing, in a few fixed words each: `response body is not JSON`.
    pub notes: Vec<&'static str>,
}

impl Call {
    /// A call of which nothing is known yet.
    #[must_use]
    pub fn new(operation: Operation, provider: &'static str) -> Self {
        Self {
            operation,
            provider,
            request_model: None,
            response_model: None,
            response_id: None,
            finish_reasons: Vec::new(),
            usage: Usage::default(),
            parameters: Parameters::default(),
            stream: false,
            first_chunk_ns: None,
            stream_ended: false,
            error_code: None,
            extra: Vec::new(),
            notes: Vec::new(),
        }
    }
}
