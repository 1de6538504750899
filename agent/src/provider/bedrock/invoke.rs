//! InvokeModel and its stream, whose events hold a model's own in base64. What format it is the bodies tell: ARNs do not
//! name the model, and of some models there are several formats.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::converse::{self, Converse, first};
use super::native::{self, Native};
use super::{ATTRIBUTES, ERROR, PROVIDER, at_bedrock, error, finish_reason, inclusive, is_aws, model};
use crate::call::{Call, Inference, Ranking, Subject, Usage};
use crate::provider::anthropic::Messages;
use crate::provider::content::{self, Convert};
use crate::provider::follow::{End, Follow, JsonApi, WORD};
use crate::provider::json::{Json, Reader, Shape};
use crate::provider::openai::{CHAT_REQUEST, CHAT_RESPONSE, Completion};
use crate::provider::rerank::Rerank;
use crate::provider::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};

const ENDPOINTS: [Endpoint; 2] =
    [at_bedrock("model/{model}/invoke"), at_bedrock("model/{model}/invoke-with-response-stream")];

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &ENDPOINTS,
    claims: |_, _| false,
    provider: PROVIDER,
    signs: &[],
    attributes: ATTRIBUTES,
    follow,
};

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let mut call = Call::new(Subject::chat(), recognised.provider);
    let [_, streamed] = &ENDPOINTS;
    call.stream = streamed.matches(recognised.request);
    call.request_model = model(&recognised, &ENDPOINTS);
    let api = Invocation {
        model: call.request_model.clone(),
        asked: None,
        answered: None,
        is_one: false,
        messages: Messages::default(),
        completion: Completion::new(Inference::Chat, &recognised),
        converse: Converse::default(),
        native: Native::default(),
        measured: Usage::default(),
        intervened: false,
    };
    Follow::begin(api, call, limits)
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(native::REQUEST)
        .and(&Shape::new(&[("anthropic_version", WORD), ("schemaVersion", WORD), ("query", 0)]))
        .and(Messages::default().request_shape())
        .and(&CHAT_REQUEST)
        .and(&converse::REQUEST)
        .and(Rerank.request_shape())
});

/// What Bedrock itself adds to a model's answer.
const METRICS: &str = "amazon-bedrock-invocationMetrics";
const ACTION: &str = "amazon-bedrock-guardrailAction";

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(native::RESPONSE)
        .and_below(
            METRICS,
            &[
                ("inputTokenCount", 0),
                ("outputTokenCount", 0),
                ("cacheReadInputTokenCount", 0),
                ("cacheWriteInputTokenCount", 0),
            ],
        )
        .and(&Shape::new(&[(ACTION, WORD), ERROR]))
        .and(Messages::default().response_shape())
        .and(&CHAT_RESPONSE)
        .and(&converse::RESPONSE)
        .and(Rerank.response_shape())
});

/// What an event of a stream wraps.
static CHUNK: LazyLock<Shape> = LazyLock::new(|| Shape::new(&[("bytes", CHUNK_MAX_BYTES)]));

/// Bytes of base64 that are read of one event.
const CHUNK_MAX_BYTES: usize = 1 << 20;

/// Whose format it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Anthropic,
    /// Also of most vendors of open models.
    OpenAi,
    /// Nova's.
    Converse,
    Rerank,
    Native,
}

/// One invocation being followed.
struct Invocation {
    model: Option<String>,
    /// The format of the request.
    asked: Option<Format>,
    /// The format of the answer, or of its first event: a stream is read before its request.
    answered: Option<Format>,
    /// The request is such as nobody else is sent.
    is_one: bool,
    messages: Messages,
    completion: Completion,
    converse: Converse,
    native: Native,
    /// Bedrock's own count.
    measured: Usage,
    /// A guardrail put something else in the answer's place.
    intervened: bool,
}

impl JsonApi for Invocation {
    const CONTENT: Option<Convert> = Some(content::bedrock::invoke);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn unwrap(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let chunk = Reader::read(&CHUNK, message);
        let text = chunk.root.get("bytes").as_text()?;
        // What is no base64 is no JSON either, and will be noted.
        Some(STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec()))
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        self.is_one = asked.get("anthropic_version").as_text().is_some()
            || asked.get("inputText") != &Json::Null
            || asked.get("inferenceConfig").is_object();
        self.asked = format_of_request(asked, self.model.as_deref());
        match self.asked {
            Some(Format::Anthropic) => self.messages.request(asked, call),
            Some(Format::OpenAi) => self.completion.request(asked, call),
            Some(Format::Converse) => self.converse.request(asked, call),
            Some(Format::Rerank) => {
                call.subject = Subject::Rerank(Ranking::default());
                Rerank.request(asked, call);
            }
            Some(Format::Native) => self.native.request(asked, self.model.as_deref(), call),
            None => {}
        }
        call.request_model = self.model.take().or(call.request_model.take());
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        let metrics = said.get(METRICS);
        if metrics.is_object() {
            call.stream_ended = true;
            self.measured = Usage {
                input: metrics.get("inputTokenCount").count(),
                output: metrics.get("outputTokenCount").count(),
                cache_read: metrics.get("cacheReadInputTokenCount").count(),
                cache_write: metrics.get("cacheWriteInputTokenCount").count(),
                ..Usage::default()
            };
        }
        self.intervened |= said.get(ACTION).as_text() == Some("INTERVENED");
        call.error_code = call.error_code.take().or_else(|| error(said));
        let format = format_of_answer(said).or(self.answered);
        self.answered = self.answered.or(format);
        match format.or(self.asked) {
            Some(Format::Anthropic) => self.messages.response("", said, call),
            Some(Format::OpenAi) => self.completion.response("", said, call),
            Some(Format::Converse) => self.converse.response(event, said, call),
            Some(Format::Rerank) if matches!(call.subject, Subject::Rerank(_)) => {
                Rerank.response("", said, call);
            }
            Some(Format::Rerank | Format::Native) | None => self.native.response(said, call),
        }
    }

    fn is_one(&self, end: &End<'_>, _call: &Call) -> bool {
        self.is_one || is_aws(end)
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        super::read_heads(end, call);
        let chats = matches!(self.asked, Some(Format::Anthropic | Format::OpenAi | Format::Converse));
        match self.answered.or(self.asked) {
            _ if self.asked == Some(Format::Rerank) => {}
            Some(Format::Anthropic) => self.messages.finish(end, call),
            Some(Format::OpenAi) => self.completion.finish(end, call),
            Some(Format::Converse) => self.converse.conclude(end, call),
            Some(Format::Native | Format::Rerank) | None => self.native.conclude(end, call),
        }
        if let Subject::Inference { operation, finish_reasons } = &mut call.subject {
            match self.asked {
                _ if chats => *operation = Inference::Chat,
                // Some models continue a prompt in the format of chats.
                Some(Format::Native) if self.answered == Some(Format::OpenAi) => {
                    *operation = Inference::TextCompletion;
                }
                _ => {}
            }
            finish_reasons.iter_mut().for_each(|reason| *reason = finish_reason(reason));
            if self.intervened {
                *finish_reasons = vec!["content_filter".to_owned()];
            }
        }
        if call.subject.has_usage() {
            measure(if self.measured == Usage::default() { of_head(end) } else { self.measured }, call);
        }
    }
}

/// What the model's own format does not say, as Bedrock counts it.
fn measure(measured: Usage, call: &mut Call) {
    let (measured, usage) = (inclusive(measured), &mut call.usage);
    usage.output = usage.output.or(measured.output);
    if usage.input.is_none() {
        usage.input = measured.input;
        usage.cache_read = measured.cache_read;
        usage.cache_write = measured.cache_write;
    }
}

/// Tokens as fields of the head count them.
fn of_head(end: &End<'_>) -> Usage {
    let count = |name: &str| end.response_field(name).and_then(|count| count.trim().parse().ok());
    Usage {
        input: count("x-amzn-bedrock-input-token-count"),
        output: count("x-amzn-bedrock-output-token-count"),
        cache_read: count("x-amzn-bedrock-cache-read-input-token-count"),
        cache_write: count("x-amzn-bedrock-cache-write-input-token-count"),
        ..Usage::default()
    }
}

fn format_of_request(asked: &Json, model: Option<&str>) -> Option<Format> {
    let has = |name: &str| asked.get(name) != &Json::Null;
    let named = |part: &str| model.is_some_and(|model| model.contains(part));
    if !asked.is_object() {
        return None;
    }
    Some(if has("anthropic_version") || (has("messages") && named("anthropic.")) {
        Format::Anthropic
    } else if has("inferenceConfig") || has("schemaVersion") || (has("messages") && named("amazon.nova")) {
        Format::Converse
    } else if has("query") && asked.get("documents").is_list() {
        Format::Rerank
    } else if has("messages") {
        Format::OpenAi
    } else {
        Format::Native
    })
}

/// By what only that format's answers have; `None` for what may be anybody's.
fn format_of_answer(said: &Json) -> Option<Format> {
    let kind = said.get("type").as_text();
    let choices = said.get("choices").items();
    let nova = ["output", "stopReason", "contentBlockStart", "messageStop", "metadata"];
    if kind.is_some_and(|kind| kind == "message" || kind.starts_with("message_")) {
        Some(Format::Anthropic)
    } else if said.get("choices").is_list() {
        // Mistral's first ones call a finish reason otherwise.
        let own = choices.iter().any(|choice| choice.has("stop_reason"));
        Some(if own { Format::Native } else { Format::OpenAi })
    } else if first(said, &nova).is_object() || said.get("stopReason").as_text().is_some() {
        Some(Format::Converse)
    } else {
        None
    }
}
