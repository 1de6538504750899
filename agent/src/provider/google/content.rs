//! `generateContent` and its stream: server-sent events, or one list in pieces.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::super::content::{self, Convert};
use super::super::dialogue::{self, Reply};
use super::super::follow::{End, Follow, JsonApi, NAME, WORD, word};
use super::super::json::{Json, LIST_MAX, Shape};
use super::super::media;
use super::super::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use super::{GEN_AI, at_vertex, either, error, modalities, modality, model};
use crate::call::{Call, Inference, Media, Modalities, Parameters, Subject, ToolCall, Usage};

const STREAMED: Endpoint = Endpoint::post("{model}:streamGenerateContent");

const ENDPOINTS: [Endpoint; 4] = [
    at_vertex("publishers/{publisher}/models/{model}:generateContent"),
    at_vertex("publishers/{publisher}/models/{model}:streamGenerateContent"),
    Endpoint::post("{model}:generateContent"),
    STREAMED,
];

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &ENDPOINTS,
    claims: |_, _| false,
    provider: GEN_AI,
    signs: &[],
    attributes: &[],
    follow,
};

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let operation = Inference::GenerateContent;
    let subject = Subject::Inference { operation, finish_reasons: Vec::new() };
    let mut call = Call::new(subject, recognised.provider);
    call.stream = STREAMED.matches(recognised.request);
    call.request_model = model(&recognised, &ENDPOINTS);
    Follow::begin(Generation::default(), call, limits)
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    let mut paths = vec![
        ("contents[].parts[].inlineData.data", 0),
        ("contents[].parts[].inlineData.mimeType", WORD),
        ("contents[].parts[].inlineData.mime_type", WORD),
        ("contents[].parts[].inline_data.data", 0),
        ("contents[].parts[].inline_data.mimeType", WORD),
        ("contents[].parts[].inline_data.mime_type", WORD),
        ("contents[].parts[].fileData.mimeType", WORD),
        ("contents[].parts[].fileData.mime_type", WORD),
        ("contents[].parts[].file_data.mimeType", WORD),
        ("contents[].parts[].file_data.mime_type", WORD),
        ("systemInstruction#", 0),
        ("system_instruction#", 0),
        ("tools[].functionDeclarations[].name", NAME),
        ("tools[].function_declarations[].name", NAME),
    ];
    paths.extend(CONFIG.iter().copied());
    Shape::new(&paths).and_dialogue("contents", "contents[]", dialogue::CONTENTS)
});

/// Settings, in both spellings.
const CONFIG: &[(&str, usize)] = &[
    ("generationConfig.temperature", 0),
    ("generationConfig.topP", 0),
    ("generationConfig.top_p", 0),
    ("generationConfig.topK", 0),
    ("generationConfig.top_k", 0),
    ("generationConfig.maxOutputTokens", 0),
    ("generationConfig.max_output_tokens", 0),
    ("generationConfig.candidateCount", 0),
    ("generationConfig.candidate_count", 0),
    ("generationConfig.stopSequences[]", NAME),
    ("generationConfig.stop_sequences[]", NAME),
    ("generationConfig.seed", 0),
    ("generationConfig.presencePenalty", 0),
    ("generationConfig.presence_penalty", 0),
    ("generationConfig.frequencyPenalty", 0),
    ("generationConfig.frequency_penalty", 0),
    ("generationConfig.responseMimeType", WORD),
    ("generationConfig.response_mime_type", WORD),
    ("generationConfig.responseModalities[]", WORD),
    ("generationConfig.response_modalities[]", WORD),
    ("generationConfig.thinkingConfig.thinkingLevel", WORD),
    ("generationConfig.thinkingConfig.thinking_level", WORD),
    ("generation_config.temperature", 0),
    ("generation_config.top_p", 0),
    ("generation_config.top_k", 0),
    ("generation_config.max_output_tokens", 0),
    ("generation_config.candidate_count", 0),
    ("generation_config.stop_sequences[]", NAME),
    ("generation_config.seed", 0),
    ("generation_config.presence_penalty", 0),
    ("generation_config.frequency_penalty", 0),
    ("generation_config.response_mime_type", WORD),
    ("generation_config.response_modalities[]", WORD),
    ("generation_config.thinking_config.thinking_level", WORD),
];

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("responseId", NAME),
        ("modelVersion", NAME),
        ("candidates[].index", 0),
        ("candidates[].finishReason", WORD),
        ("candidates[].content.parts[].functionCall.name", NAME),
        ("candidates[].content.parts[].functionCall.id", NAME),
        ("promptFeedback.blockReason", WORD),
        ("usageMetadata.promptTokenCount", 0),
        ("usageMetadata.toolUsePromptTokenCount", 0),
        ("usageMetadata.cachedContentTokenCount", 0),
        ("usageMetadata.candidatesTokenCount", 0),
        ("usageMetadata.thoughtsTokenCount", 0),
        ("usageMetadata.promptTokensDetails[].modality", WORD),
        ("usageMetadata.promptTokensDetails[].tokenCount", 0),
        ("usageMetadata.toolUsePromptTokensDetails[].modality", WORD),
        ("usageMetadata.toolUsePromptTokensDetails[].tokenCount", 0),
        ("usageMetadata.candidatesTokensDetails[].modality", WORD),
        ("usageMetadata.candidatesTokensDetails[].tokenCount", 0),
        ("usageMetadata.trafficType", WORD),
        ("usageMetadata.serviceTier", WORD),
        ("error.code", 0),
        ("error.status", WORD),
        ("error.message", 0),
    ])
    .and_below("candidates[].content", dialogue::CONTENTS)
});

/// One generation being followed.
#[derive(Default)]
struct Generation {
    /// Finish reasons by the index of their candidate, so far as they came.
    candidates: BTreeMap<u64, Option<String>>,
    blocked: Option<String>,
    /// The first candidate.
    reply: Reply,
    counted: Counted,
}

/// As on the wire, where candidates leave out thoughts, and prompts what tools gave.
#[derive(Default)]
struct Counted {
    prompt: Option<u64>,
    tool_use: Option<u64>,
    cached: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
    prompt_by: Modalities,
    tool_use_by: Modalities,
    candidates_by: Modalities,
}

impl JsonApi for Generation {
    const CONTENT: Option<Convert> = Some(content::google::generate_content);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn streams_lists(&self) -> bool {
        true
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        let config = either(asked, "generationConfig", "generation_config");
        let modalities = either(config, "responseModalities", "response_modalities");
        let asks_for = |what: &str| {
            modalities
                .items()
                .iter()
                .any(|one| one.as_text().is_some_and(|one| one.eq_ignore_ascii_case(what)))
        };
        let output_type = match either(config, "responseMimeType", "response_mime_type").as_text() {
            Some("application/json") => Some("json"),
            _ if asks_for("IMAGE") => Some("image"),
            _ if asks_for("AUDIO") => Some("speech"),
            Some("text/plain") => Some("text"),
            _ => None,
        };
        let stops = either(config, "stopSequences", "stop_sequences");
        let choices = either(config, "candidateCount", "candidate_count").count();
        let thinking = either(config, "thinkingConfig", "thinking_config");
        call.parameters = Parameters {
            temperature: config.get("temperature").number(),
            top_p: either(config, "topP", "top_p").number(),
            top_k: either(config, "topK", "top_k").count(),
            frequency_penalty: either(config, "frequencyPenalty", "frequency_penalty").number(),
            presence_penalty: either(config, "presencePenalty", "presence_penalty").number(),
            max_tokens: either(config, "maxOutputTokens", "max_output_tokens").count(),
            seed: config.get("seed").integer(),
            choice_count: choices.filter(|count| *count != 1),
            stop_sequences: stops.items().iter().filter_map(Json::text).collect(),
            output_type,
            reasoning_level: either(thinking, "thinkingLevel", "thinking_level").text(),
        };
        for content in asked.get("contents").items() {
            content.get("parts").items().iter().filter_map(no_text).for_each(|part| call.add_media(part));
        }
        dialogue::instruct(either(asked, "systemInstruction", "system_instruction"), call);
        let tools = asked.get("tools").items().iter();
        let declared =
            tools.flat_map(|tool| either(tool, "functionDeclarations", "function_declarations").items());
        dialogue::offer(declared.map(|tool| tool.get("name")), call);
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        call.response_id = call.response_id.take().or_else(|| said.get("responseId").text());
        call.response_model = call.response_model.take().or_else(|| said.get("modelVersion").text());
        call.error_code = call.error_code.take().or_else(|| error(said));
        for (position, candidate) in (0..).zip(said.get("candidates").items()) {
            self.candidate(candidate.get("index").count().unwrap_or(position), candidate, call);
        }
        self.blocked = said.get("promptFeedback.blockReason").text().or(self.blocked.take());
        let usage = said.get("usageMetadata");
        self.counted.read(usage);
        // `PROVISIONED_THROUGHPUT` and the like is Vertex's name of the class of service.
        let tier = ["serviceTier", "trafficType"].iter().find_map(|name| usage.get(name).text());
        call.service_tier = tier.or(call.service_tier.take());
    }

    fn finish(mut self, end: &End<'_>, call: &mut Call) {
        // Of half a document not all summands came.
        if end.answered || call.first_chunk_ns.is_some() {
            call.usage = self.counted.usage();
        }
        // The Gemini API says it here: a busy class falls back to another.
        let tier = end.response_field("x-gemini-service-tier").and_then(word);
        call.service_tier = call.service_tier.take().or_else(|| tier.map(str::to_owned));
        let expected = if end.cut { call.parameters.choice_count.unwrap_or(1) } else { 0 };
        for index in 0..expected.min(LIST_MAX as u64) {
            self.candidates.entry(index).or_default();
        }
        let mut reasons = Vec::new();
        if let (true, Some(blocked)) = (self.candidates.is_empty(), self.blocked) {
            // It was answered all the same, and is no more an error than an answer that a filter ended.
            reasons.push(blocked.to_ascii_lowercase());
            call.note("the prompt was blocked");
        }
        for reason in self.candidates.into_values() {
            match reason {
                Some(reason) => reasons.push(reason.to_ascii_lowercase()),
                None if end.cut || call.error_code.is_some() => reasons.push("error".to_owned()),
                None => call.note("a choice has no finish reason"),
            }
        }
        let operation = Inference::GenerateContent;
        call.subject = Subject::Inference { operation, finish_reasons: reasons };
        self.reply.finish(end, call);
    }
}

impl Generation {
    fn candidate(&mut self, index: u64, candidate: &Json, call: &mut Call) {
        if self.candidates.len() >= LIST_MAX && !self.candidates.contains_key(&index) {
            return call.note("more choices than are kept");
        }
        let known = self.candidates.entry(index).or_default();
        *known = candidate.get("finishReason").text().or(known.take());
        if index == 0 {
            self.reply.message(candidate.get("content"));
        }
        for part in candidate.get("content.parts").items() {
            // Arguments may come in parts: the name stands in the first.
            if let Some(name) = part.get("functionCall.name").text() {
                call.add_tool_call(ToolCall { name, id: part.get("functionCall.id").text() });
            }
        }
    }
}

impl Counted {
    /// Counts come again with each event of a stream: of each, the last one holds.
    fn read(&mut self, usage: &Json) {
        for (place, name) in [
            (&mut self.prompt, "promptTokenCount"),
            (&mut self.tool_use, "toolUsePromptTokenCount"),
            (&mut self.cached, "cachedContentTokenCount"),
            (&mut self.candidates, "candidatesTokenCount"),
            (&mut self.thoughts, "thoughtsTokenCount"),
        ] {
            *place = usage.get(name).count().or(*place);
        }
        for (place, name) in [
            (&mut self.prompt_by, "promptTokensDetails"),
            (&mut self.tool_use_by, "toolUsePromptTokensDetails"),
            (&mut self.candidates_by, "candidatesTokensDetails"),
        ] {
            if usage.get(name).length().is_some() {
                *place = modalities(usage.get(name));
            }
        }
    }

    fn usage(&self) -> Usage {
        let (prompt, tools) = (self.prompt_by, self.tool_use_by);
        Usage {
            input: self.prompt.map(|prompt| prompt.saturating_add(self.tool_use.unwrap_or(0))),
            output: sum(self.candidates, self.thoughts),
            cache_read: self.cached,
            reasoning: self.thoughts,
            input_by: Modalities {
                text: sum(prompt.text, tools.text),
                image: sum(prompt.image, tools.image),
                audio: sum(prompt.audio, tools.audio),
            },
            output_by: self.candidates_by,
            ..Usage::default()
        }
    }
}

fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.or(other).map(|_| one.unwrap_or(0).saturating_add(other.unwrap_or(0)))
}

/// A part of a content that is no text.
fn no_text(part: &Json) -> Option<Media> {
    let of = |place: &Json| {
        let media_type = either(place, "mimeType", "mime_type").as_text().and_then(media::media_type);
        (modality(media_type.as_deref()), media_type)
    };
    let inline = either(part, "inlineData", "inline_data");
    if inline.is_object() {
        let (modality, media_type) = of(inline);
        return media::of_base64(modality, inline.get("data"), media_type.as_deref());
    }
    let file = either(part, "fileData", "file_data");
    let (modality, media_type) = of(file);
    file.is_object().then_some(Media { modality, media_type, bytes: None })
}
