//! Chat completions.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::speaker::{self, Speaker};
use super::tools::{self, Tools};
use super::{ATTRIBUTES, AZURE, COMMON, ERRORS, OPENAI, parts, usage};
use crate::call::{Call, Inference, Parameters, Subject};
use crate::protocol::http1::RequestHead;
use crate::provider::candidate::{has_messages, has_own_chat};
use crate::provider::content::{self, Convert};
use crate::provider::dialogue::{self, DELTA, Reply};
use crate::provider::follow::{End, Follow, JsonApi, NAME, UNNAMED_ERROR, WORD};
use crate::provider::json::{Json, LIST_MAX, Shape};
use crate::provider::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use crate::value::Value;

#[cfg(test)]
mod tests;

/// Azure's path, which names the model's deployment; also behind a gateway with a name of its own.
const DEPLOYMENT: Endpoint = Endpoint {
    parameters: &["api-version"],
    provider: Some(AZURE),
    ..Endpoint::post("deployments/{deployment}/chat/completions")
};

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[DEPLOYMENT, Endpoint::post("chat/completions"), AGENT],
    claims,
    provider: OPENAI,
    signs: &[],
    attributes: ATTRIBUTES,
    follow,
};

/// Mistral's agents: a chat whose model is the agent's own.
const AGENT: Endpoint = Endpoint { provider: Some("mistral_ai"), ..Endpoint::post("v1/agents/completions") };

/// The last segments of paths where messages are sent to be counted, rendered or kept, not to be answered.
const NOT_ASKED: &[&str] = &[
    "count_tokens",
    "input_tokens",
    "tokenize",
    "token_counter",
    "apply-template",
    "render",
    "moderations",
    "threads",
    "classifications",
];

/// Messages with roles for a model, and nothing that only another dialect has.
fn claims(request: &RequestHead, body: &Json) -> bool {
    let others = ["system", "anthropic_version"].iter().any(|key| body.get(key) != &Json::Null)
        || request.headers.get("anthropic-version").is_some()
        || super::ends_in(&request.path, "messages");
    let asked = !NOT_ASKED.iter().any(|segment| super::ends_in(&request.path, segment));
    has_messages(body) && !others && !has_own_chat(&request.path) && asked
}

pub(in crate::provider) static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    let own = [
        ("model", NAME),
        ("agent_id", NAME),
        ("prompt", 0),
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
        ("tools[].function.name", NAME),
        ("tools[].custom.name", NAME),
        ("functions[].name", NAME),
    ];
    let shape = Shape::new(&[&own[..], parts::OF_MESSAGES].concat());
    shape.and_dialogue("messages", "messages[]", dialogue::CHAT)
});

pub(in crate::provider) static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    let own = [
        ("choices[].index", 0),
        ("choices[].finish_reason", WORD),
        ("choices[].delta.content", DELTA),
        ("choices[].delta.content[].text", DELTA),
        ("choices[].error", 0),
        ("choices[].error.code", WORD),
        ("choices[].error.type", WORD),
        ("choices[].error.message", 0),
        // Groq's streams put usage and errors here.
        ("x_groq.usage.prompt_tokens", 0),
        ("x_groq.usage.completion_tokens", 0),
        ("x_groq.usage.total_tokens", 0),
        ("x_groq.error", 0),
        ("x_groq.error.code", WORD),
        ("x_groq.error.type", WORD),
        ("x_groq.error.message", 0),
    ];
    Shape::new(&[&own[..], COMMON, ERRORS, usage::OF_CHAT, tools::OF_CHOICES, speaker::SIGNS].concat())
        .and_below("choices[].message", dialogue::CHAT)
});

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let mut call = super::begin(Subject::chat(), &recognised, Some("chat_completions"));
    // For clients that send no model.
    call.request_model = recognised.captured(&DEPLOYMENT, "deployment");
    Follow::begin(Completion::new(Inference::Chat, &recognised), call, limits)
}

/// One completion being followed, of a chat or of a text.
pub(in crate::provider) struct Completion {
    operation: Inference,
    speaker: Speaker,
    tools: Tools,
    /// The first choice.
    reply: Reply,
    /// Finish reasons by the index of their choice, so far as they came.
    choices: BTreeMap<u64, Option<String>>,
    overflowed: bool,
}

impl JsonApi for Completion {
    const CONTENT: Option<Convert> = Some(content::openai);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
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
            output_type: super::output_type(asked.get("response_format.type")),
            reasoning_level: asked
                .get("reasoning_effort")
                .text()
                .or_else(|| asked.get("reasoning.effort").text()),
        };
        super::ask_for_tier(asked, call);
        if let Some(agent) = asked.get("agent_id").text() {
            call.extra.push(("gen_ai.agent.id", Value::String(agent)));
        }
        parts::take_of_messages(asked, call);
        let tools =
            asked.get("tools").items().iter().flat_map(|tool| [tool.get("function"), tool.get("custom")]);
        let tools = tools.chain(asked.get("functions").items());
        dialogue::offer(tools.map(|tool| tool.get("name")), call);
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        super::take_common(said, call);
        self.speaker.look(said);
        let choices = said.get("choices");
        for (position, choice) in (0..).zip(choices.items()).filter(|(_, choice)| choice.is_object()) {
            let index = choice.get("index").count().unwrap_or(position);
            self.choice(index, choice.get("finish_reason").text());
            for message in [choice.get("message"), choice.get("delta")] {
                self.tools.take(index, message);
            }
            if index == 0 {
                self.reply_with(choice);
            }
            let error = super::error(choice.get("error"), &Json::Null);
            call.error_code = call.error_code.take().or(error);
        }
        self.overflowed |= choices.length().is_some_and(|length| length > choices.items().len() as u64);
        usage::take(said.get("x_groq.usage"), call);
        usage::take(said.get("usage"), call);
        let groq = super::error(said.get("x_groq.error"), said);
        call.error_code = call.error_code.take().or(groq);
        super::take_error(event, said, call);
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
        call.subject = Subject::Inference { operation: self.operation, finish_reasons };
        self.tools.finish(call);
        if call.first_chunk_ns.is_some() {
            // In a stream it does not tell which choice a tool call is of.
            let several = call.finish_reasons().len() > 1;
            for tool in &call.tool_calls {
                if several { self.reply.give_up() } else { self.reply.call(tool.clone()) }
            }
        }
        self.reply.finish(end, call);
        self.speaker.finish(end, call);
    }
}

impl Completion {
    pub(in crate::provider) fn new(operation: Inference, recognised: &Recognised<'_>) -> Self {
        Self {
            operation,
            speaker: Speaker::of(recognised),
            tools: Tools::default(),
            reply: Reply::default(),
            choices: BTreeMap::new(),
            overflowed: false,
        }
    }

    /// Takes over the first choice, or a piece of it.
    fn reply_with(&mut self, choice: &Json) {
        self.reply.message(choice.get("message"));
        let content = choice.get("delta.content");
        if content.is_list() {
            content.items().iter().for_each(|part| self.reply.piece(0, part.get("text")));
        } else {
            self.reply.piece(0, content);
        }
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
}
