//! Speech made from text: the answer is sound, or events that hold pieces of it.

use std::sync::LazyLock;

use super::speaker::{self, Speaker};
use super::{AZURE, COMMON, ERRORS, OPENAI, usage};
use crate::call::{Call, Inference, Parameters, Subject};
use crate::provider::content::{self, Convert};
use crate::provider::follow::{End, Follow, JsonApi, NAME, WORD};
use crate::provider::json::{Json, Shape};
use crate::provider::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};

/// Azure's path, as for chats.
const DEPLOYMENT: Endpoint = Endpoint {
    parameters: &["api-version"],
    provider: Some(AZURE),
    ..Endpoint::post("deployments/{deployment}/audio/speech")
};

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[DEPLOYMENT, Endpoint::post("v1/audio/speech")],
    claims: |_, _| false,
    provider: OPENAI,
    signs: &[],
    attributes: &[],
    follow,
};

static REQUEST: LazyLock<Shape> =
    LazyLock::new(|| Shape::new(&[("model", NAME), ("input", 0), ("stream_format", WORD)]));

static RESPONSE: LazyLock<Shape> =
    LazyLock::new(|| Shape::new(&[COMMON, ERRORS, usage::OF_RESPONSES, speaker::SIGNS].concat()));

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let subject = Subject::Inference { operation: Inference::GenerateContent, finish_reasons: Vec::new() };
    let mut call = super::begin(subject, &recognised, None);
    call.request_model = recognised.captured(&DEPLOYMENT, "deployment");
    Follow::begin(Speech { speaker: Speaker::of(&recognised), asked: false }, call, limits)
}

/// One text being spoken.
struct Speech {
    speaker: Speaker,
    /// The request bears out what the path promised.
    asked: bool,
}

impl JsonApi for Speech {
    /// Sound alone says nothing of tokens.
    const COUNTS: bool = false;
    const ANSWERS_ALL_KINDS: bool = true;
    const CONTENT: Option<Convert> = Some(content::speech);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text().or(call.request_model.take());
        self.asked |= asked.has("input");
        call.stream |= asked.get("stream_format").as_text() == Some("sse");
        call.parameters = Parameters { output_type: Some("speech"), ..Parameters::default() };
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        super::take_common(said, call);
        self.speaker.look(said);
        let kind = if event.is_empty() { said.get("type").as_text().unwrap_or_default() } else { event };
        call.stream_ended |= kind == "speech.audio.done";
        usage::take_of_responses(said.get("usage"), call);
        super::take_error(kind, said, call);
    }

    fn is_one(&self, _end: &End<'_>, _call: &Call) -> bool {
        self.asked || self.speaker.is_named
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        self.speaker.finish(end, call);
    }
}
