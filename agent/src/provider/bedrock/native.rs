//! InvokeModel's bodies in formats that no other dialect reads: Llama's, Titan's, Mistral's, Cohere's, AI21's and those
//! of models that make images or vectors.

use super::converse::first;
use super::finish_reason;
use crate::call::{Call, Inference, Parameters, Subject, ToolCall, Usage};
use crate::provider::follow::{End, NAME, WORD};
use crate::provider::json::Json;
use crate::provider::media::{self, URL};

pub(super) const REQUEST: &[(&str, usize)] = &[
    ("prompt", 0),
    ("message", 0),
    ("inputText", 0),
    ("inputImage", URL),
    ("images[]", URL),
    ("texts", 0),
    ("inputs", 0),
    ("taskType", WORD),
    ("text_prompts", 0),
    ("max_tokens", 0),
    ("max_gen_len", 0),
    ("maxTokens", 0),
    ("max_tokens_to_sample", 0),
    ("temperature", 0),
    ("top_p", 0),
    ("topP", 0),
    ("p", 0),
    ("top_k", 0),
    ("topK", 0),
    ("k", 0),
    ("frequency_penalty", 0),
    ("presence_penalty", 0),
    ("seed", 0),
    ("num_generations", 0),
    ("numResults", 0),
    ("stop[]", NAME),
    ("stop_sequences[]", NAME),
    ("stopSequences[]", NAME),
    ("textGenerationConfig.maxTokenCount", 0),
    ("textGenerationConfig.temperature", 0),
    ("textGenerationConfig.topP", 0),
    ("textGenerationConfig.stopSequences[]", NAME),
    ("imageGenerationConfig.numberOfImages", 0),
    ("imageGenerationConfig.seed", 0),
    ("dimensions", 0),
    ("output_dimension", 0),
    ("embeddingConfig.outputEmbeddingLength", 0),
    ("singleEmbeddingParams.embeddingDimension", 0),
    ("embeddingTypes[]", WORD),
    ("embedding_types[]", WORD),
];

pub(super) const RESPONSE: &[(&str, usize)] = &[
    ("id", NAME),
    ("generation_id", NAME),
    ("prompt_token_count", 0),
    ("generation_token_count", 0),
    ("inputTextTokenCount", 0),
    ("totalOutputTextTokenCount", 0),
    ("meta.billed_units.input_tokens", 0),
    ("meta.billed_units.output_tokens", 0),
    ("response.meta.billed_units.input_tokens", 0),
    ("response.meta.billed_units.output_tokens", 0),
    ("results[].tokenCount", 0),
    ("results[].completionReason", WORD),
    ("outputs[].stop_reason", WORD),
    ("generations[].finish_reason", WORD),
    ("completions[].finishReason.reason", WORD),
    ("choices[].stop_reason", WORD),
    ("choices[].message.tool_calls[].id", NAME),
    ("choices[].message.tool_calls[].function.name", NAME),
    ("stop_reason", WORD),
    ("completionReason", WORD),
    ("finish_reason", WORD),
    ("tool_calls[].name", NAME),
    ("images[]", 0),
    ("embedding", 0),
    ("embeddings", 0),
    ("embeddings[]", 0),
    ("embeddings[].embedding", 0),
    ("embeddings.float[]", 0),
    ("embeddings.int8[]", 0),
    ("embeddings.uint8[]", 0),
    ("embeddingsByType.float", 0),
];

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    Chat,
    #[default]
    Text,
    Images,
    Vectors,
}

/// One body of such a format being followed.
#[derive(Default)]
pub(super) struct Native {
    kind: Option<Kind>,
    dimensions: Option<u64>,
    encoding_formats: Vec<String>,
    /// Of the answer's first vector.
    length: Option<u64>,
    reasons: Vec<String>,
    counted: Usage,
}

impl Native {
    pub(super) fn request(&mut self, asked: &Json, model: Option<&str>, call: &mut Call) {
        self.kind = kind(asked, model);
        let titan = asked.get("textGenerationConfig");
        let either = |names: &[&str], titan_name: &str| match first(asked, names) {
            Json::Null => titan.get(titan_name).clone(),
            found => found.clone(),
        };
        let images = asked.get("imageGenerationConfig");
        let choices = match images.get("numberOfImages") {
            Json::Null => first(asked, &["num_generations", "numResults"]),
            images => images,
        };
        let limits = ["max_tokens", "max_gen_len", "maxTokens", "max_tokens_to_sample"];
        let stops = either(&["stop", "stop_sequences", "stopSequences"], "stopSequences");
        call.parameters = Parameters {
            temperature: either(&["temperature"], "temperature").number(),
            top_p: either(&["top_p", "topP", "p"], "topP").number(),
            top_k: first(asked, &["top_k", "topK", "k"]).count(),
            frequency_penalty: asked.get("frequency_penalty").number(),
            presence_penalty: asked.get("presence_penalty").number(),
            max_tokens: either(&limits, "maxTokenCount").count(),
            seed: asked.get("seed").integer().or_else(|| images.get("seed").integer()),
            choice_count: choices.count().filter(|count| *count != 1),
            stop_sequences: stops.items().iter().filter_map(Json::text).collect(),
            ..Parameters::default()
        };
        let dimensions = [
            "dimensions",
            "output_dimension",
            "embeddingConfig.outputEmbeddingLength",
            "singleEmbeddingParams.embeddingDimension",
        ];
        self.dimensions = first(asked, &dimensions).count();
        let formats = first(asked, &["embeddingTypes", "embedding_types"]);
        self.encoding_formats = formats.items().iter().filter_map(Json::text).collect();
        for image in asked.get("images").items().iter().chain([asked.get("inputImage")]) {
            if let Some(image) = media::of_base64("image", image, None) {
                call.add_media(image);
            }
        }
    }

    pub(super) fn response(&mut self, said: &Json, call: &mut Call) {
        call.response_id = call.response_id.take().or_else(|| first(said, &["id", "generation_id"]).text());
        for (list, reason) in [
            ("results", "completionReason"),
            ("outputs", "stop_reason"),
            ("generations", "finish_reason"),
            ("completions", "finishReason.reason"),
            ("choices", "stop_reason"),
        ] {
            self.finished(said.get(list).items().iter().map(|one| one.get(reason)));
        }
        self.finished(["stop_reason", "completionReason", "finish_reason"].iter().map(|name| said.get(name)));
        for tool in said.get("tool_calls").items() {
            if let Some(name) = tool.get("name").text() {
                call.add_tool_call(ToolCall { name, id: None });
            }
        }
        for tool in said.get("choices").items().iter().flat_map(|one| one.get("message.tool_calls").items()) {
            if let Some(name) = tool.get("function.name").text() {
                call.add_tool_call(ToolCall { name, id: tool.get("id").text() });
            }
        }
        self.count(said);
        if said.get("images").is_list() {
            self.kind = self.kind.or(Some(Kind::Images));
        }
        self.vectors(said);
    }

    pub(super) fn conclude(self, end: &End<'_>, call: &mut Call) {
        if end.answered || call.first_chunk_ns.is_some() {
            call.usage = self.counted;
        }
        let failed = end.cut || (call.first_chunk_ns.is_some() && call.error_code.is_some());
        let finish_reasons = match self.reasons {
            reasons if reasons.is_empty() && failed => vec!["error".to_owned()],
            reasons => reasons,
        };
        call.subject = match self.kind.unwrap_or_default() {
            Kind::Vectors => Subject::Embeddings {
                dimensions: self.dimensions.or(self.length.filter(|_| end.answered)),
                encoding_formats: self.encoding_formats,
            },
            Kind::Chat => Subject::Inference { operation: Inference::Chat, finish_reasons },
            Kind::Text => Subject::Inference { operation: Inference::TextCompletion, finish_reasons },
            Kind::Images => {
                call.parameters.output_type = Some("image");
                // What a filter took out has a sentence there.
                Subject::Inference { operation: Inference::GenerateContent, finish_reasons: Vec::new() }
            }
        };
    }

    /// Reasons of an answer's choices, or of an event's: of those the last ones hold.
    fn finished<'a>(&mut self, reasons: impl Iterator<Item = &'a Json>) {
        let reasons: Vec<_> = reasons.filter_map(|reason| reason.as_text().map(finish_reason)).collect();
        if !reasons.is_empty() {
            self.reasons = reasons;
        }
    }

    /// Counts are cumulative: of each, the last one holds.
    fn count(&mut self, said: &Json) {
        let input = [
            "prompt_token_count",
            "inputTextTokenCount",
            "meta.billed_units.input_tokens",
            "response.meta.billed_units.input_tokens",
        ];
        let output = [
            "generation_token_count",
            "totalOutputTextTokenCount",
            "meta.billed_units.output_tokens",
            "response.meta.billed_units.output_tokens",
        ];
        let results = said.get("results").items().iter().filter_map(|one| one.get("tokenCount").count());
        let of_results = results.reduce(u64::saturating_add);
        self.counted.input = first(said, &input).count().or(self.counted.input);
        self.counted.output = first(said, &output).count().or(of_results).or(self.counted.output);
    }

    fn vectors(&mut self, said: &Json) {
        let lists = ["embeddings", "embeddings.float", "embeddings.int8", "embeddings.uint8"];
        let of_lists = lists.iter().filter_map(|list| said.get(list).items().first());
        let places = of_lists.flat_map(|one| [one, one.get("embedding")]);
        let length = places
            .chain([said.get("embedding"), said.get("embeddingsByType.float")])
            .find_map(Json::length)
            .filter(|length| *length > 0);
        if length.is_some() || said.get("embeddings").is_object() {
            // Titan's requests for a text and for its vector look alike.
            self.kind = Some(Kind::Vectors);
        }
        self.length = self.length.or(length);
    }
}

/// What a request asks for; `None` where only the answer tells.
fn kind(asked: &Json, model: Option<&str>) -> Option<Kind> {
    let has = |names: &[&str]| names.iter().any(|name| asked.get(name) != &Json::Null);
    let embeds = model.is_some_and(|model| model.contains("embed"));
    let task = asked.get("taskType").as_text();
    if embeds
        || has(&["texts", "inputs", "embeddingConfig"])
        || task.is_some_and(|task| task.ends_with("EMBEDDING"))
    {
        Some(Kind::Vectors)
    } else if task.is_some() || has(&["text_prompts"]) || draws(model) {
        Some(Kind::Images)
    } else if has(&["message"]) {
        Some(Kind::Chat)
    } else if has(&["textGenerationConfig"]) {
        Some(Kind::Text)
    } else if has(&["inputText"]) {
        None
    } else {
        has(&["prompt"]).then_some(Kind::Text)
    }
}

/// Makers of images are asked by a bare prompt, too.
fn draws(model: Option<&str>) -> bool {
    model.is_some_and(|model| model.contains("stability.") || model.contains("image"))
}
