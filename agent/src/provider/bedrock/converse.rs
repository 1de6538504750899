//! Converse and ConverseStream. Amazon's Nova models have the same format of their own, behind InvokeModel.

use std::sync::LazyLock;

use super::{ATTRIBUTES, ERROR, PROVIDER, at_bedrock, error, finish_reason, inclusive, is_aws, model};
use crate::call::{Call, Inference, Media, Parameters, Subject, ToolCall, Usage};
use crate::provider::content::{self, Convert};
use crate::provider::dialogue::{self, DELTA, Reply};
use crate::provider::follow::{End, Follow, JsonApi, NAME, WORD};
use crate::provider::json::{Json, Shape};
use crate::provider::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised, media};

const ENDPOINTS: [Endpoint; 2] =
    [at_bedrock("model/{model}/converse"), at_bedrock("model/{model}/converse-stream")];

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
    Follow::begin(Converse::default(), call, limits)
}

/// Kinds of parts that are no text.
const KINDS: [&str; 4] = ["image", "document", "video", "audio"];

const PARTS: &[(&str, usize)] = &[
    ("image.format", WORD),
    ("image.source.bytes", 0),
    ("document.format", WORD),
    ("document.source.bytes", 0),
    ("video.format", WORD),
    ("video.source.bytes", 0),
    ("audio.format", WORD),
    ("audio.source.bytes", 0),
];

pub(super) static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("messages[].role", WORD),
        ("inferenceConfig.maxTokens", 0),
        ("inferenceConfig.temperature", 0),
        ("inferenceConfig.topP", 0),
        ("inferenceConfig.stopSequences[]", NAME),
        // Nova's own.
        ("inferenceConfig.topK", 0),
        ("inferenceConfig.max_new_tokens", 0),
        ("inferenceConfig.top_p", 0),
        ("inferenceConfig.top_k", 0),
        ("inferenceConfig.stop_sequences[]", NAME),
        ("guardrailConfig.guardrailIdentifier", NAME),
        ("outputConfig.textFormat.type", WORD),
        ("outputConfig.effort", WORD),
        ("system#", 0),
        ("toolConfig.tools[].toolSpec.name", NAME),
    ])
    .and_dialogue("messages", "messages[]", dialogue::TURNS)
    .and_below("messages[].content[]", PARTS)
    .and_below("messages[].content[].toolResult.content[]", PARTS)
    // What only some models have, in their own words.
    .and_below(
        "additionalModelRequestFields",
        &[
            ("top_k", 0),
            ("k", 0),
            ("inferenceConfig.topK", 0),
            ("seed", 0),
            ("frequency_penalty", 0),
            ("presence_penalty", 0),
            ("reasoning_effort", WORD),
            ("output_config.effort", WORD),
            ("reasoningConfig.maxReasoningEffort", WORD),
        ],
    )
});

const USAGE: &[(&str, usize)] = &[
    ("usage.inputTokens", 0),
    ("usage.outputTokens", 0),
    ("usage.cacheReadInputTokens", 0),
    ("usage.cacheWriteInputTokens", 0),
    // Nova's own.
    ("usage.cacheReadInputTokenCount", 0),
    ("usage.cacheWriteInputTokenCount", 0),
    ("usage.cacheDetails[].ttl", WORD),
    ("usage.cacheDetails[].inputTokens", 0),
    ("serviceTier.type", WORD),
    ("trace.promptRouter.invokedModelId", NAME),
];

const START: &[(&str, usize)] =
    &[("start.toolUse.name", NAME), ("start.toolUse.toolUseId", NAME), ("start.toolUse.type", WORD)];

const PIECE: &[(&str, usize)] = &[("contentBlockIndex", 0), ("delta.text", DELTA)];

/// An event's name stands beside it; Nova's own stand in it, as its one member.
pub(super) static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    let own = [("stopReason", WORD), ERROR];
    Shape::new(&[&own[..], USAGE, START, PIECE].concat())
        .and_below("output.message", dialogue::TURNS)
        .and_below("contentBlockDelta", PIECE)
        .and_below("contentBlockStart", START)
        .and_below("messageStop", &[("stopReason", WORD)])
        .and_below("metadata", USAGE)
});

/// One conversation's turn being followed.
#[derive(Default)]
pub(super) struct Converse {
    has_messages: bool,
    stop_reason: Option<String>,
    reply: Reply,
    /// As on the wire, where `input` leaves out what a cache gave or took.
    counted: Usage,
}

impl JsonApi for Converse {
    const CONTENT: Option<Convert> = Some(content::bedrock::converse);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        let messages = asked.get("messages").items();
        self.has_messages = messages.iter().any(|message| message.get("role").as_text().is_some());
        let (config, more) = (asked.get("inferenceConfig"), asked.get("additionalModelRequestFields"));
        let either = |names: &[&str]| first(config, names);
        let top_k = either(&["topK", "top_k"]).count();
        let efforts = ["reasoning_effort", "output_config.effort", "reasoningConfig.maxReasoningEffort"];
        call.parameters = Parameters {
            temperature: config.get("temperature").number(),
            top_p: either(&["topP", "top_p"]).number(),
            top_k: top_k.or_else(|| first(more, &["top_k", "k", "inferenceConfig.topK"]).count()),
            frequency_penalty: more.get("frequency_penalty").number(),
            presence_penalty: more.get("presence_penalty").number(),
            max_tokens: either(&["maxTokens", "max_new_tokens"]).count(),
            seed: more.get("seed").integer(),
            choice_count: None,
            stop_sequences: either(&["stopSequences", "stop_sequences"])
                .items()
                .iter()
                .filter_map(Json::text)
                .collect(),
            output_type: match asked.get("outputConfig.textFormat.type").as_text() {
                Some("json_schema") => Some("json"),
                _ => None,
            },
            reasoning_level: asked.get("outputConfig.effort").text().or_else(|| first(more, &efforts).text()),
        };
        super::guard(asked.get("guardrailConfig.guardrailIdentifier").text(), call);
        for part in messages.iter().flat_map(|message| message.get("content").items()) {
            let within = part.get("toolResult.content").items();
            [part].into_iter().chain(within).filter_map(no_text).for_each(|part| call.add_media(part));
        }
        dialogue::instruct(asked.get("system"), call);
        let tools = asked.get("toolConfig.tools").items().iter();
        dialogue::offer(tools.map(|tool| tool.get("toolSpec.name")), call);
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        call.error_code = call.error_code.take().or_else(|| error(said));
        for part in said.get("output.message.content").items() {
            tool_call(part.get("toolUse")).into_iter().for_each(|tool| call.add_tool_call(tool));
        }
        self.reply.message(said.get("output.message"));
        for place in [said, said.get("contentBlockStart"), said.get("contentBlockDelta")] {
            if let Some(tool) = tool_call(place.get("start.toolUse")) {
                self.reply.call(tool.clone());
                call.add_tool_call(tool);
            }
            self.reply
                .piece(place.get("contentBlockIndex").count().unwrap_or_default(), place.get("delta.text"));
        }
        for place in [said, said.get("messageStop"), said.get("metadata")] {
            self.stop_reason = place.get("stopReason").text().or(self.stop_reason.take());
            self.count(place.get("usage"));
            call.service_tier = place.get("serviceTier.type").text().or(call.service_tier.take());
            let routed = place.get("trace.promptRouter.invokedModelId").as_text().map(super::of_arn);
            call.response_model = routed.map(str::to_owned).or(call.response_model.take());
        }
        // Usage comes behind the message's end.
        call.stream_ended |= event == "metadata" || said.has("metadata");
    }

    fn is_one(&self, end: &End<'_>, _call: &Call) -> bool {
        self.has_messages || is_aws(end)
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        super::read_heads(end, call);
        self.conclude(end, call);
    }
}

impl Converse {
    /// What the bodies said.
    pub(super) fn conclude(self, end: &End<'_>, call: &mut Call) {
        let streamed = call.first_chunk_ns.is_some();
        // Of half a document not all summands came.
        if end.answered || streamed {
            call.usage = inclusive(self.counted);
        }
        let finish_reasons = match self.stop_reason {
            Some(reason) => vec![finish_reason(&reason)],
            None if end.cut || (streamed && call.error_code.is_some()) => vec!["error".to_owned()],
            None => Vec::new(),
        };
        let refused = end.exchange.response.as_ref().is_none_or(|head| head.status >= 400);
        if finish_reasons.is_empty() && end.answered && !refused {
            call.note("a choice has no finish reason");
        }
        call.subject = Subject::Inference { operation: Inference::Chat, finish_reasons };
        self.reply.finish(end, call);
    }

    fn count(&mut self, usage: &Json) {
        if !usage.is_object() {
            return;
        }
        let an_hour = |row: &&Json| row.get("ttl").as_text() == Some("1h");
        let details = usage.get("cacheDetails").items().iter().filter(an_hour);
        let details: Vec<_> = details.filter_map(|row| row.get("inputTokens").count()).collect();
        self.counted = Usage {
            input: usage.get("inputTokens").count(),
            output: usage.get("outputTokens").count(),
            cache_read: first(usage, &["cacheReadInputTokens", "cacheReadInputTokenCount"]).count(),
            cache_write: first(usage, &["cacheWriteInputTokens", "cacheWriteInputTokenCount"]).count(),
            cache_write_1h: (!details.is_empty()).then(|| details.into_iter().fold(0, u64::saturating_add)),
            ..Usage::default()
        };
    }
}

/// The first of these members that is there.
pub(super) fn first<'a>(value: &'a Json, names: &[&str]) -> &'a Json {
    let found = names.iter().map(|name| value.get(name)).find(|value| **value != Json::Null);
    found.unwrap_or(&Json::Null)
}

/// A tool that the caller is to run: what runs at the server says so.
fn tool_call(tool: &Json) -> Option<ToolCall> {
    let name = tool.get("name").text().filter(|_| tool.get("type").as_text() != Some("server_tool_use"))?;
    Some(ToolCall { name, id: tool.get("toolUseId").text() })
}

/// A part of a message that is no text.
fn no_text(part: &Json) -> Option<Media> {
    let modality = KINDS.into_iter().find(|kind| part.get(kind).is_object())?;
    let part = part.get(modality);
    let media_type = part.get("format").as_text().and_then(|format| media_type(modality, format));
    let inline = media::of_base64(modality, part.get("source.bytes"), media_type.as_deref());
    inline.or(Some(Media { modality, media_type, bytes: None }))
}

/// The media type of a format's name: formats of images, and some others, are called as their media types are.
pub(in crate::provider) fn media_type(modality: &str, format: &str) -> Option<String> {
    Some(match (modality, format) {
        ("image", "png" | "jpeg" | "gif" | "webp")
        | ("video", "mp4" | "webm" | "mpeg")
        | ("audio", "wav" | "flac" | "aac" | "ogg" | "opus" | "mp4" | "mpeg" | "webm") => {
            format!("{modality}/{format}")
        }
        ("document", "pdf") => "application/pdf".to_owned(),
        ("document", "csv" | "html") => format!("text/{format}"),
        ("document", "txt") => "text/plain".to_owned(),
        ("document", "md") => "text/markdown".to_owned(),
        ("audio", "mp3") => "audio/mpeg".to_owned(),
        ("video", "mov") => "video/quicktime".to_owned(),
        _ => return None,
    })
}
