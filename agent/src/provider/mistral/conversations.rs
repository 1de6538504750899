//! Conversations that Mistral keeps: begun, gone on with, or begun anew from an entry.

use std::sync::LazyLock;

use super::{ERRORS, PROVIDER};
use crate::call::{Call, Inference, Parameters, Subject, ToolCall, Usage};
use crate::protocol::http1::RequestHead;
use crate::provider::content::{self, Convert};
use crate::provider::dialogue;
use crate::provider::evidence::{self, Evidence};
use crate::provider::follow::{End, Follow, JsonApi, NAME, UNNAMED_ERROR, WORD, code};
use crate::provider::json::{Json, Shape};
use crate::provider::media::URL;
use crate::provider::openai::parts;
use crate::provider::{Dialect, Endpoint};
use crate::value::Value;

#[cfg(test)]
mod tests;

const BEGIN: Endpoint = Endpoint::post("v1/conversations");
const GO_ON: Endpoint = Endpoint::post("v1/conversations/{conversation}");
const RESTART: Endpoint = Endpoint::post("v1/conversations/{conversation}/restart");

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[],
    claims,
    provider: PROVIDER,
    signs: &[("inputs", 0), ("agent_id", 0), ("completion_args", 0), ("tool_confirmations", 0)],
    attributes: &[],
    follow: |recognised, limits| {
        let mut call = Call::new(Subject::chat(), recognised.provider);
        let captured = |path: &Endpoint| recognised.captured(path, "conversation");
        call.conversation_id = captured(&GO_ON).or_else(|| captured(&RESTART));
        let evidence = Evidence::of(&recognised, PROVIDER, false);
        let kept = call.conversation_id.clone();
        Follow::begin(Conversation { evidence, agent: None, kept, next: None }, call, limits)
    },
};

fn claims(request: &RequestHead, body: &Json) -> bool {
    let asks = body.has("inputs") || body.has("completion_args") || body.has("tool_confirmations");
    let names = body.get("model").text().is_some() || body.has("agent_id");
    let is_own = evidence::is_at(request, PROVIDER);
    BEGIN.matches(request) && asks && (names || is_own)
        || [GO_ON, RESTART].iter().any(|path| path.matches(request)) && asks
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("model", NAME),
        ("agent_id", NAME),
        ("stream", 0),
        ("completion_args.temperature", 0),
        ("completion_args.top_p", 0),
        ("completion_args.frequency_penalty", 0),
        ("completion_args.presence_penalty", 0),
        ("completion_args.max_tokens", 0),
        ("completion_args.random_seed", 0),
        ("completion_args.stop", NAME),
        ("completion_args.stop[]", NAME),
        ("completion_args.response_format.type", WORD),
        ("completion_args.reasoning_effort", WORD),
        ("inputs[].content[].image_url", URL),
        ("inputs[].content[].image_url.url", URL),
        ("inputs[].content[].document_url", URL),
        ("inputs[].content[].input_audio", URL),
        ("inputs#", 0),
        ("instructions#", 0),
        ("tools[].function.name", NAME),
    ])
    .and_dialogue("inputs", "inputs[]", dialogue::ITEMS)
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    let own = [
        ("conversation_id", NAME),
        ("outputs[].type", WORD),
        ("outputs[].model", NAME),
        ("outputs[].agent_id", NAME),
        ("outputs[].tool_call_id", NAME),
        ("outputs[].name", NAME),
        ("outputs[].next_agent_name", NAME),
        ("next_agent_name", NAME),
        // Of events, each of which is a piece of an output.
        ("model", NAME),
        ("agent_id", NAME),
        ("tool_call_id", NAME),
        ("name", NAME),
        ("usage.prompt_tokens", 0),
        ("usage.completion_tokens", 0),
        ("usage.total_tokens", 0),
        ("usage.connector_tokens", 0),
        ("usage.connectors.web_search", 0),
        ("usage.connectors.web_search_premium", 0),
    ];
    Shape::new(&[&own[..], ERRORS].concat())
});

/// One turn being followed.
struct Conversation {
    evidence: Evidence,
    agent: Option<String>,
    /// The conversation that the request goes on with.
    kept: Option<String>,
    /// The name of the agent that it was handed over to.
    next: Option<String>,
}

impl JsonApi for Conversation {
    const CONTENT: Option<Convert> = Some(content::conversations);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text();
        self.agent = asked.get("agent_id").text().or(self.agent.take());
        call.stream |= asked.get("stream").is_true();
        let settings = asked.get("completion_args");
        call.parameters = Parameters {
            temperature: settings.get("temperature").number(),
            top_p: settings.get("top_p").number(),
            frequency_penalty: settings.get("frequency_penalty").number(),
            presence_penalty: settings.get("presence_penalty").number(),
            max_tokens: settings.get("max_tokens").count(),
            seed: settings.get("random_seed").integer(),
            stop_sequences: settings.get("stop").items().iter().filter_map(Json::text).collect(),
            output_type: match settings.get("response_format.type").as_text() {
                Some("json_object" | "json_schema") => Some("json"),
                Some("text") => Some("text"),
                _ => None,
            },
            reasoning_level: settings.get("reasoning_effort").text(),
            ..Parameters::default()
        };
        for part in asked.get("inputs").items().iter().flat_map(|entry| entry.get("content").items()) {
            parts::of_part(part).into_iter().for_each(|media| call.add_media(media));
        }
        dialogue::instruct(asked.get("instructions"), call);
        dialogue::ask(asked.get("inputs"), call);
        dialogue::offer(asked.get("tools").items().iter().map(|tool| tool.get("function.name")), call);
        if let Some(id) = &self.kept {
            dialogue::go_on(id, call);
        }
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        let kind = said.get("type").as_text().unwrap_or(event);
        self.evidence.found |= said.get("object").as_text() == Some("conversation.response")
            || kind.starts_with("conversation.response.");
        // One that is begun anew has an id of its own.
        call.conversation_id = said.get("conversation_id").text().or(call.conversation_id.take());
        for output in said.get("outputs").items().iter().chain([said]) {
            call.response_model = call.response_model.take().or_else(|| output.get("model").text());
            self.agent = self.agent.take().or_else(|| output.get("agent_id").text());
            self.take_tool(output, call);
            // Whom the conversation was handed over to.
            let next = output.get("next_agent_name").text();
            self.next = next.or(self.next.take());
        }
        let counted = usage(said.get("usage"));
        if counted != Usage::default() {
            call.usage = counted;
        }
        call.stream_ended |= kind == "conversation.response.done";
        if kind == "conversation.response.error" {
            let named = code(said.get("code")).unwrap_or_else(|| UNNAMED_ERROR.to_owned());
            call.error_code.get_or_insert(named);
        }
        super::take_error(said, call);
    }

    fn is_one(&self, end: &End<'_>, call: &Call) -> bool {
        self.evidence.suffices(end, call)
    }

    /// Why an output ends is not told; that it did not come to its end is.
    fn finish(self, end: &End<'_>, call: &mut Call) {
        call.dialogue.agent_name = self.next;
        if let Some(agent) = self.agent {
            call.extra.push(("gen_ai.agent.id", Value::String(agent)));
        }
        let failed = call.first_chunk_ns.is_some() && call.error_code.is_some();
        if let (true, Subject::Inference { operation: Inference::Chat, finish_reasons }) =
            (end.cut || failed, &mut call.subject)
        {
            finish_reasons.push("error".to_owned());
        }
    }
}

impl Conversation {
    /// A tool that the caller is to run; in a stream it comes in pieces that all say which it is.
    fn take_tool(&self, output: &Json, call: &mut Call) {
        if !output.get("type").as_text().is_some_and(|kind| kind.starts_with("function.call")) {
            return;
        }
        let (name, id) = (output.get("name").text(), output.get("tool_call_id").text());
        let is_known = call.tool_calls.iter().any(|known| id.is_some() && known.id == id);
        if let (Some(name), false) = (name, is_known) {
            call.add_tool_call(ToolCall { name, id });
        }
    }
}

/// What tools on Mistral's side read counts apart from the prompt, and is input, too, as the total tells.
fn usage(counts: &Json) -> Usage {
    let count = |name: &str| counts.get(name).count();
    let (prompt, output, tools) =
        (count("prompt_tokens"), count("completion_tokens"), count("connector_tokens"));
    let sum = [prompt, output, tools].into_iter().flatten().fold(0, u64::saturating_add);
    let is_apart = tools.is_some() && count("total_tokens") == Some(sum);
    let input =
        if is_apart { prompt.zip(tools).map(|(prompt, tools)| prompt.saturating_add(tools)) } else { prompt };
    let searches =
        ["web_search", "web_search_premium"].map(|name| counts.get("connectors").get(name).count());
    Usage {
        input,
        output,
        web_searches: searches.into_iter().flatten().reduce(u64::saturating_add),
        ..Usage::default()
    }
}
