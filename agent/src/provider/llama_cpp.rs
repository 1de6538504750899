//! What llama.cpp's server has of its own: completions, code that is filled in, and embeddings. What it serves under `/v1` is
//! OpenAI's.

use std::sync::LazyLock;

use super::content::{self, Convert};
use super::evidence::Evidence;
use super::follow::{End, Follow, JsonApi, NAME, UNNAMED_ERROR, WORD, code};
use super::json::{Json, Shape};
use super::{Dialect, Endpoint};
use crate::call::{Call, Inference, Parameters, Subject};
use crate::protocol::http1::RequestHead;

#[cfg(test)]
mod tests;

const PROVIDER: &str = "llama_cpp";

pub(super) static DIALECTS: &[Dialect] = &[
    Dialect {
        endpoints: &[],
        claims: claims_completion,
        provider: PROVIDER,
        signs: &[("prompt", 0), ("n_predict", 0), ("input_prefix", 0), ("input_suffix", 0)],
        attributes: &[],
        follow: |recognised, limits| {
            let operation = Inference::TextCompletion;
            let subject = Subject::Inference { operation, finish_reasons: Vec::new() };
            Follow::begin(Completion::default(), Call::new(subject, recognised.provider), limits)
        },
    },
    Dialect {
        endpoints: &[],
        claims: |request, body| {
            ["embedding", "embeddings"].iter().any(|path| Endpoint::post(path).matches(request))
                && body.has("content")
                && !body.has("input")
                && !body.has("prompt")
                && body.get("model").text().is_none()
        },
        provider: PROVIDER,
        signs: &[("content", 0), ("input", 0), ("prompt", 0)],
        attributes: &[],
        follow: |recognised, limits| {
            let subject = Subject::Embeddings { dimensions: None, encoding_formats: Vec::new() };
            let api = Embedding { evidence: Evidence::default(), found: None };
            Follow::begin(api, Call::new(subject, recognised.provider), limits)
        },
    },
];

/// A prompt at a path of its own, or a name of how long the answer may be that no other server has.
fn claims_completion(request: &RequestHead, body: &Json) -> bool {
    let is_at = |path: &'static str| Endpoint::post(path).matches(request);
    let is_infill = body.has("input_prefix") || body.has("input_suffix");
    is_at("infill") && is_infill
        || is_at("completion") && body.has("prompt")
        || is_at("completions") && body.has("n_predict") && body.get("model").text().is_none()
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("stream", 0),
        ("n_predict", 0),
        ("input_prefix", 0),
        ("input_suffix", 0),
        ("cache_prompt", 0),
        ("temperature", 0),
        ("top_p", 0),
        ("top_k", 0),
        ("frequency_penalty", 0),
        ("presence_penalty", 0),
        ("seed", 0),
        ("stop[]", NAME),
        ("json_schema", 0),
    ])
});

/// What an answer says went wrong.
const ERRORS: &[(&str, usize)] = &[("error", 0), ("error.type", WORD), ("error.code", WORD)];

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    let own = [
        ("model", NAME),
        ("stop", 0),
        ("stop_type", WORD),
        // What was there before it.
        ("stopped_eos", 0),
        ("stopped_word", 0),
        ("stopped_limit", 0),
        ("tokens_predicted", 0),
        ("tokens_evaluated", 0),
        ("timings.cache_n", 0),
    ];
    Shape::new(&[&own[..], ERRORS].concat())
});

static VECTORS: LazyLock<Shape> = LazyLock::new(|| {
    let own = [("embedding[#]", 0), ("[].embedding[#]", 0)];
    Shape::new(&[&own[..], ERRORS].concat())
});

fn take_error(said: &Json, call: &mut Call) {
    let error = said.get("error");
    if error.is_object() || matches!(error, Json::Text { bytes: 1.., .. }) {
        let named = ["type", "code"].into_iter().find_map(|name| code(error.get(name)));
        call.error_code.get_or_insert_with(|| named.unwrap_or_else(|| UNNAMED_ERROR.to_owned()));
    }
}

/// A completion being followed.
#[derive(Default)]
struct Completion {
    evidence: Evidence,
    ended: bool,
    reason: Option<&'static str>,
}

impl JsonApi for Completion {
    const CONTENT: Option<Convert> = Some(content::llama_cpp);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        let own = ["n_predict", "cache_prompt", "input_prefix", "input_suffix"];
        self.evidence.asked |= own.iter().any(|name| asked.has(name));
        call.stream |= asked.get("stream").is_true();
        call.parameters = Parameters {
            temperature: asked.get("temperature").number(),
            top_p: asked.get("top_p").number(),
            top_k: asked.get("top_k").count(),
            frequency_penalty: asked.get("frequency_penalty").number(),
            presence_penalty: asked.get("presence_penalty").number(),
            // -1 stands for "no bound".
            max_tokens: asked.get("n_predict").count(),
            seed: asked.get("seed").integer().filter(|seed| *seed >= 0),
            stop_sequences: asked.get("stop").items().iter().filter_map(Json::text).collect(),
            output_type: asked.get("json_schema").is_object().then_some("json"),
            ..Parameters::default()
        };
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        let has_signs = said.has("tokens_predicted") || said.has("stop_type");
        self.evidence.look(has_signs, said.has("error"));
        call.response_model = call.response_model.take().or_else(|| said.get("model").text());
        let usage = &mut call.usage;
        usage.input = said.get("tokens_evaluated").count().or(usage.input);
        usage.output = said.get("tokens_predicted").count().or(usage.output);
        usage.cache_read = said.get("timings.cache_n").count().or(usage.cache_read);
        let stopped = |name: &str| said.get(name).is_true();
        self.reason = match said.get("stop_type").as_text() {
            Some("eos" | "word") => Some("stop"),
            Some("limit") => Some("length"),
            _ if stopped("stopped_limit") => Some("length"),
            _ if stopped("stopped_eos") || stopped("stopped_word") => Some("stop"),
            _ => self.reason,
        };
        self.ended |= said.get("stop").is_true();
        call.stream_ended |= said.get("stop").is_true();
        take_error(said, call);
    }

    fn is_end(&self, data: &[u8]) -> bool {
        data.starts_with(b"[DONE]")
    }

    fn is_one(&self, end: &End<'_>, call: &Call) -> bool {
        is_llama_cpp(end) || self.evidence.suffices(end, call)
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        let failed = end.cut || call.first_chunk_ns.is_some() && call.error_code.is_some();
        let reason = self.reason.or(failed.then_some("error"));
        if reason.is_none() && self.ended {
            call.note("a choice has no finish reason");
        }
        if let Subject::Inference { finish_reasons, .. } = &mut call.subject {
            finish_reasons.extend(reason.map(str::to_owned));
        }
    }
}

/// Embeddings being followed. Nothing is said of tokens.
struct Embedding {
    evidence: Evidence,
    found: Option<u64>,
}

impl JsonApi for Embedding {
    const COUNTS: bool = false;

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &VECTORS
    }

    fn is_document(&self, document: &Json) -> bool {
        document.is_object() || document.is_list()
    }

    fn request(&mut self, _asked: &Json, _call: &mut Call) {}

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        let first = said.items().first().unwrap_or(said).get("embedding");
        // Of late there may be one for each token of a text.
        let vector = first.items().first().unwrap_or(first);
        self.evidence.look(vector.is_list(), said.has("error"));
        self.found = vector.length().filter(|length| *length > 0);
        take_error(said, call);
    }

    fn is_one(&self, end: &End<'_>, call: &Call) -> bool {
        is_llama_cpp(end) || self.evidence.suffices(end, call)
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        // Half a vector has not all of them.
        let dimensions = self.found.filter(|_| end.answered);
        call.subject = Subject::Embeddings { dimensions, encoding_formats: Vec::new() };
    }
}

/// Whether the server says that it is one.
fn is_llama_cpp(end: &End<'_>) -> bool {
    end.response_field("server").is_some_and(|server| server.eq_ignore_ascii_case("llama.cpp"))
}
