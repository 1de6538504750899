//! Texts that go on, by text-generation-inference and by the inference API, which writes them alike.

use std::sync::LazyLock;

use super::{ERRORS, MODEL, OLD_MODEL, PROVIDER, stated};
use crate::call::{Call, Inference, Parameters, Subject};
use crate::protocol::http1::RequestHead;
use crate::provider::content::{self, Convert};
use crate::provider::evidence::Evidence;
use crate::provider::follow::{End, Follow, JsonApi, NAME, WORD};
use crate::provider::json::{Json, Shape};
use crate::provider::{Dialect, Endpoint};

#[cfg(test)]
mod tests;

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[],
    claims,
    provider: PROVIDER,
    signs: &[("inputs", 0), ("parameters", 0)],
    attributes: &[],
    follow: |recognised, limits| {
        let operation = Inference::TextCompletion;
        let subject = Subject::Inference { operation, finish_reasons: Vec::new() };
        let mut call = Call::new(subject, recognised.provider);
        call.request_model = super::model(&recognised);
        let streams = Endpoint::post("generate_stream").matches(recognised.request);
        call.stream = streams;
        Follow::begin(Generation { is_asked: streams, ..Generation::default() }, call, limits)
    },
};

/// One text at a path of the server's, or of a model's.
fn claims(request: &RequestHead, body: &Json) -> bool {
    let paths = [Endpoint::post("generate"), Endpoint::post("generate_stream"), MODEL, OLD_MODEL];
    let is_root = request.method == "POST" && request.path.trim_matches('/').is_empty();
    (is_root || paths.iter().any(|path| path.matches(request)))
        && matches!(body.get("inputs"), Json::Text { .. })
        && matches!(body.get("parameters"), Json::Null | Json::Object(_))
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("stream", 0),
        ("parameters.max_new_tokens", 0),
        ("parameters.return_full_text", 0),
        ("parameters.decoder_input_details", 0),
        ("parameters.do_sample", 0),
        ("parameters.temperature", 0),
        ("parameters.top_p", 0),
        ("parameters.top_k", 0),
        ("parameters.frequency_penalty", 0),
        ("parameters.seed", 0),
        ("parameters.stop[]", NAME),
        ("parameters.grammar.type", WORD),
    ])
});

/// What one text says, which stands alone, or in a list of one.
const OF_TEXT: &[(&str, usize)] = &[
    ("generated_text", 0),
    ("details.finish_reason", WORD),
    ("details.generated_tokens", 0),
    ("details.input_length", 0),
    ("details.prefill", 0),
];

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    let in_list = [
        ("[].generated_text", 0),
        ("[].details.finish_reason", WORD),
        ("[].details.generated_tokens", 0),
        ("[].details.prefill", 0),
    ];
    Shape::new(&[&in_list[..], OF_TEXT, ERRORS, &[("token.id", 0)]].concat())
});

/// One text being followed.
#[derive(Default)]
struct Generation {
    /// The path, or a parameter, is such as hardly anybody else's.
    is_asked: bool,
    evidence: Evidence,
    answered: bool,
    detailed: bool,
    reason: Option<String>,
}

impl JsonApi for Generation {
    /// Only those that are asked for details say how much was used; `finish` notes it where one could have.
    const COUNTS: bool = false;
    const CONTENT: Option<Convert> = Some(content::huggingface);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn is_document(&self, document: &Json) -> bool {
        document.is_object() || document.is_list()
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.stream |= asked.get("stream").is_true();
        let settings = asked.get("parameters");
        let own = ["max_new_tokens", "return_full_text", "decoder_input_details", "do_sample"];
        self.evidence.asked = self.is_asked || own.iter().any(|name| settings.has(name));
        call.parameters = Parameters {
            temperature: settings.get("temperature").number(),
            top_p: settings.get("top_p").number(),
            top_k: settings.get("top_k").count(),
            frequency_penalty: settings.get("frequency_penalty").number(),
            max_tokens: settings.get("max_new_tokens").count(),
            seed: settings.get("seed").integer(),
            stop_sequences: settings.get("stop").items().iter().filter_map(Json::text).collect(),
            output_type: match settings.get("grammar.type").as_text() {
                Some("json" | "json_schema") => Some("json"),
                _ => None,
            },
            ..Parameters::default()
        };
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        for text in said.items().iter().chain([said]) {
            self.answered |= matches!(text.get("generated_text"), Json::Text { .. });
            let details = text.get("details");
            self.detailed |= details.is_object();
            self.reason = details.get("finish_reason").text().or(self.reason.take());
            let usage = &mut call.usage;
            usage.output = details.get("generated_tokens").count().or(usage.output);
            let prefill = details.get("prefill").length().filter(|length| *length > 0);
            usage.input = details.get("input_length").count().or(prefill).or(usage.input);
        }
        // The last piece of a text has all of it.
        call.stream_ended |= matches!(said.get("generated_text"), Json::Text { .. });
        let has_text = said.items().iter().chain([said]).any(|text| text.has("generated_text"));
        self.evidence.look(has_text, said.has("error"));
        super::take_error(said, call);
    }

    fn is_one(&self, end: &End<'_>, call: &Call) -> bool {
        self.evidence.suffices(end, call)
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        let streamed = call.first_chunk_ns.is_some();
        call.usage.input = call.usage.input.or_else(|| stated(end, "x-prompt-tokens"));
        call.usage.output = call.usage.output.or_else(|| stated(end, "x-generated-tokens"));
        let reasons = match self.reason.as_deref() {
            Some("eos_token" | "stop_sequence") => vec!["stop".to_owned()],
            Some(other) => vec![other.to_owned()],
            None if end.cut || streamed && call.error_code.is_some() => vec!["error".to_owned()],
            None => Vec::new(),
        };
        if let (true, None) = (self.answered, &call.error_code) {
            if call.usage.output.is_none() {
                call.note(if streamed { "stream carried no usage" } else { "response carried no usage" });
            }
            if self.detailed && reasons.is_empty() {
                call.note("a choice has no finish reason");
            }
        }
        if let Subject::Inference { finish_reasons, .. } = &mut call.subject {
            *finish_reasons = reasons;
        }
    }
}
