//! What an exchange means, in words that no provider owns: the vocabulary that `provider` speaks.

pub mod content;
mod dialogue;
mod recorded;
mod store;

pub use dialogue::{Dialogue, ToolResult};
pub use recorded::{EventLog, Recorded, Ticket};
pub use store::{Nearness, Points, Ranking, Search, Store};

use crate::value::Value;

/// What was asked for, with what only that kind of call has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// Text, images or sound made by a model.
    Inference {
        /// By which kind of API.
        operation: Inference,
        /// One reason per choice, in the order of the choices.
        finish_reasons: Vec<String>,
    },
    /// Vectors for inputs.
    Embeddings {
        /// Numbers in each vector.
        dimensions: Option<u64>,
        /// How the vectors are to be encoded: `float`, `base64`.
        encoding_formats: Vec<String>,
    },
    /// Documents put in the order of their relevance.
    Rerank(Ranking),
    /// A judgement whether something breaks a policy.
    Moderation,
    /// A search in a vector store or another source of documents.
    Retrieval {
        /// The store, its collection, and what was asked of it.
        store: Store,
        /// What was searched for, and found.
        search: Search,
    },
    /// Points written to, read from or deleted in a vector store.
    Points {
        /// The store, its collection, and what was asked of it.
        store: Store,
        /// Which.
        points: Points,
    },
    /// A tool that ran.
    Tool {
        /// Its name.
        name: String,
        /// The id that the model gave the call.
        call_id: Option<String>,
        /// `function`, `extension` or `datastore`.
        kind: Option<String>,
    },
    /// A step of an agent.
    Agent {
        /// Its name.
        name: Option<String>,
        /// Its id.
        id: Option<String>,
    },
    /// An HTTP exchange that means no more than that, seen at a server.
    Http {
        /// The path with its variable parts named, when that is known.
        route: Option<String>,
    },
}

/// APIs by which models make something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Inference {
    /// Messages in, a message out.
    Chat,
    /// A prompt in, its continuation out.
    TextCompletion,
    /// Contents of any kind in and out; images and sound.
    GenerateContent,
}

impl Subject {
    /// A chat of which nothing is known yet.
    #[must_use]
    pub fn chat() -> Self {
        Self::Inference { operation: Inference::Chat, finish_reasons: Vec::new() }
    }

    /// `gen_ai.operation.name`; none where the conventions have no word for it.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        Some(match self {
            Self::Inference { operation: Inference::Chat, .. } => "chat",
            Self::Inference { operation: Inference::TextCompletion, .. } => "text_completion",
            Self::Inference { operation: Inference::GenerateContent, .. } => "generate_content",
            Self::Embeddings { .. } => "embeddings",
            Self::Rerank(_) => "rerank",
            Self::Moderation => "moderation",
            Self::Retrieval { .. } => "retrieval",
            Self::Tool { .. } => "execute_tool",
            Self::Agent { .. } => "invoke_agent",
            Self::Points { .. } | Self::Http { .. } => return None,
        })
    }

    /// Whether such a call is billed by tokens, so that their counts are missed where there are none.
    #[must_use]
    pub fn has_usage(&self) -> bool {
        matches!(self, Self::Inference { .. } | Self::Embeddings { .. })
    }

    /// The store that was asked, if it was one.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        match self {
            Self::Retrieval { store, .. } | Self::Points { store, .. } => Some(store),
            _ => None,
        }
    }

    /// `fi.span.kind`, by which LLM platforms sort spans.
    #[must_use]
    pub fn span_kind(&self) -> &'static str {
        match self {
            Self::Inference { .. } => "LLM",
            Self::Embeddings { .. } => "EMBEDDING",
            Self::Rerank(_) => "RERANKER",
            Self::Moderation => "GUARDRAIL",
            Self::Retrieval { .. } => "RETRIEVER",
            Self::Points { .. } => "VECTOR_DB",
            Self::Tool { .. } => "TOOL",
            Self::Agent { .. } => "AGENT",
            Self::Http { .. } => "CHAIN",
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
    /// Those of them that are kept for an hour, which cost more than those for some minutes.
    pub cache_write_1h: Option<u64>,
    /// Output tokens spent on reasoning.
    pub reasoning: Option<u64>,
    /// Parts of `input`, where the provider tells them apart.
    pub input_by: Modalities,
    /// Parts of `output`, where the provider tells them apart.
    pub output_by: Modalities,
    /// Searches of the web that the provider made on its own, and bills apart.
    pub web_searches: Option<u64>,
}

/// Tokens by what they stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modalities {
    /// Of text.
    pub text: Option<u64>,
    /// Of images.
    pub image: Option<u64>,
    /// Of sound.
    pub audio: Option<u64>,
}

/// A tool that the model wants called; its arguments are content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The tool's name.
    pub name: String,
    /// The call's id.
    pub id: Option<String>,
}

/// A part of the request that is no text: what it is, and how large; never the part itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `image`, `audio`, `video` or `document`.
    pub modality: &'static str,
    /// Its media type.
    pub media_type: Option<String>,
    /// Bytes of it as sent, with base64 undone; `None` where it is only pointed at.
    pub bytes: Option<u64>,
}

/// What the request asked of the model, where it said so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Sampling among so many tokens.
    pub top_k: Option<u64>,
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

/// One thing that a program asked for and how it was answered, understood. Nothing in it is content
/// (prompts, completions, messages of errors) but for `recorded`, which is there where the operator wants content.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What was asked for.
    pub subject: Subject,
    /// `gen_ai.provider.name`.
    pub provider: &'static str,
    /// Model named by the request.
    pub request_model: Option<String>,
    /// Model named by the response.
    pub response_model: Option<String>,
    /// Id of the response.
    pub response_id: Option<String>,
    /// The conversation that the request says it goes on with.
    pub conversation_id: Option<String>,
    /// Id of the response that the request says it follows.
    pub previous_response_id: Option<String>,
    /// A prompt that is kept at the vendor's, which the request names.
    pub prompt_name: Option<String>,
    /// Which version of it.
    pub prompt_version: Option<String>,
    /// Something stands in the conversation in place of a part that was made shorter.
    pub is_compacted: bool,
    /// Token counts.
    pub usage: Usage,
    /// What the provider says that it charges, in US dollars.
    pub charged_usd: Option<f64>,
    /// The class of service that the response was made in, in the provider's words; prices depend on it.
    pub service_tier: Option<String>,
    /// Tools that the model wants called, in the order of the response; at most [`Call::PARTS_MAX`].
    pub tool_calls: Vec<ToolCall>,
    /// Where a chat stands in its conversation.
    pub dialogue: Dialogue,
    /// What the request has beside text; at most [`Call::PARTS_MAX`].
    pub media: Vec<Media>,
    /// The request's settings.
    pub parameters: Parameters,
    /// The response was asked for, or came, as a stream.
    pub stream: bool,
    /// `CLOCK_MONOTONIC` nanoseconds of the call's begin and end, when they are not the exchange's: it
    /// is one of several that the exchange carries.
    pub times_ns: Option<(u64, u64)>,
    /// `CLOCK_MONOTONIC` nanoseconds of the first body event of a stream.
    pub first_chunk_ns: Option<u64>,
    /// Microseconds between one body event of a stream and the next, of the first [`Call::GAPS_MAX`].
    pub chunk_gaps_us: Vec<u32>,
    /// The stream said that it was over, in the provider's way: clients may then read no further.
    pub stream_ended: bool,
    /// The response came to its end, and nothing is missing of it that counts: its counts are final.
    pub is_final: bool,
    /// The provider's machine-readable error code, from the body of an error or inside a stream.
    pub error_code: Option<String>,
    /// Attributes that only this provider's conventions define.
    pub extra: Vec<(&'static str, Value)>,
    /// Why something is missing, in a few fixed words each: `response body is not JSON`.
    pub notes: Vec<&'static str>,
    /// What was said, where that is to be kept: until it is handed on to be redacted.
    pub recorded: Option<Box<Recorded>>,
    /// By what the span is given what was said, when that is redacted.
    pub content: Option<Ticket>,
}

impl Call {
    /// Tool calls, and parts of a request that are no text, which are kept of one call.
    pub const PARTS_MAX: usize = 64;

    /// Gaps between the events of a stream that are kept of one call.
    pub const GAPS_MAX: usize = 4096;

    /// A call of which nothing is known yet.
    #[must_use]
    pub fn new(subject: Subject, provider: &'static str) -> Self {
        Self {
            subject,
            provider,
            request_model: None,
            response_model: None,
            response_id: None,
            conversation_id: None,
            previous_response_id: None,
            prompt_name: None,
            prompt_version: None,
            is_compacted: false,
            usage: Usage::default(),
            charged_usd: None,
            service_tier: None,
            tool_calls: Vec::new(),
            dialogue: Dialogue::default(),
            media: Vec::new(),
            parameters: Parameters::default(),
            stream: false,
            times_ns: None,
            first_chunk_ns: None,
            chunk_gaps_us: Vec::new(),
            stream_ended: false,
            is_final: false,
            error_code: None,
            extra: Vec::new(),
            notes: Vec::new(),
            recorded: None,
            content: None,
        }
    }

    /// One reason per choice; none of what is no inference.
    #[must_use]
    pub fn finish_reasons(&self) -> &[String] {
        match &self.subject {
            Subject::Inference { finish_reasons, .. } => finish_reasons,
            _ => &[],
        }
    }

    /// Adds a tool call, unless there are too many already.
    pub fn add_tool_call(&mut self, call: ToolCall) {
        if self.tool_calls.len() < Self::PARTS_MAX {
            self.tool_calls.push(call);
        } else {
            self.note("more tool calls than are kept");
        }
    }

    /// Adds a part of the request, unless there are too many already.
    pub fn add_media(&mut self, media: Media) {
        if self.media.len() < Self::PARTS_MAX {
            self.media.push(media);
        } else {
            self.note("more parts that are no text than are kept");
        }
    }

    /// Says why something is missing; what was said already is not repeated.
    pub fn note(&mut self, note: &'static str) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}
