//! Text made from speech, in its language or in English: asked for by a form, and counted in tokens or in seconds.

use std::sync::LazyLock;

use super::speaker::{self, Speaker};
use super::{AZURE, COMMON, ERRORS, OPENAI, images, usage};
use crate::call::{Call, Inference, Parameters, Subject, Usage};
use crate::provider::content::{self, Convert};
use crate::provider::follow::{End, JsonApi, NAME, WORD};
use crate::provider::json::{Json, Shape};
use crate::provider::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use crate::value::Value;

/// Seconds of sound, where these are what is paid for.
const SECONDS: &str = "spanwire.usage.audio.input_seconds";

const fn deployment(path: &'static str) -> Endpoint {
    Endpoint { parameters: &["api-version"], provider: Some(AZURE), ..Endpoint::post(path) }
}

/// Azure's paths, as for chats.
const TRANSCRIPTIONS: Endpoint = deployment("deployments/{deployment}/audio/transcriptions");
const TRANSLATIONS: Endpoint = deployment("deployments/{deployment}/audio/translations");

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[
        TRANSCRIPTIONS,
        TRANSLATIONS,
        Endpoint::post("v1/audio/transcriptions"),
        Endpoint::post("v1/audio/translations"),
    ],
    claims: |_, _| false,
    provider: OPENAI,
    signs: &[],
    attributes: &[SECONDS],
    follow,
};

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[("model", NAME), ("file", 0), ("response_format", WORD), ("temperature", 0), ("stream", 0)])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    let own = [
        ("text", 0),
        ("usage.seconds", 0),
        // Mistral's.
        ("usage.prompt_audio_seconds", 0),
    ];
    Shape::new(&[&own[..], COMMON, ERRORS, usage::OF_CHAT, usage::OF_RESPONSES, speaker::SIGNS].concat())
});

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let subject = Subject::Inference { operation: Inference::GenerateContent, finish_reasons: Vec::new() };
    let mut call = super::begin(subject, &recognised, None);
    let deployment = |endpoint: &Endpoint| recognised.captured(endpoint, "deployment");
    call.request_model = [TRANSCRIPTIONS, TRANSLATIONS].iter().find_map(deployment);
    let api = Transcription { speaker: Speaker::of(&recognised), asked: false, seconds: None };
    images::begin(api, call, &recognised, limits)
}

/// One recording being written down.
struct Transcription {
    speaker: Speaker,
    /// The request bears out what the path promised.
    asked: bool,
    seconds: Option<f64>,
}

impl JsonApi for Transcription {
    /// Texts and subtitles say nothing of it; `finish` notes it where an answer could have.
    const COUNTS: bool = false;
    const ANSWERS_ALL_KINDS: bool = true;
    const CONTENT: Option<Convert> = Some(content::transcriptions);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text().or(call.request_model.take());
        self.asked |= asked.has("file") || call.request_model.is_some();
        call.stream |= asked.get("stream").is_true();
        let output_type = match asked.get("response_format").as_text() {
            Some("json" | "verbose_json" | "diarized_json") => Some("json"),
            Some("text" | "srt" | "vtt") => Some("text"),
            _ => None,
        };
        let temperature = asked.get("temperature").number();
        call.parameters = Parameters { temperature, output_type, ..Parameters::default() };
        for file in asked.get("file").items().iter().filter_map(|file| images::file("audio", file)) {
            call.add_media(file);
        }
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        super::take_common(said, call);
        self.speaker.look(said);
        let kind = if event.is_empty() { said.get("type").as_text().unwrap_or_default() } else { event };
        call.stream_ended |= matches!(kind, "transcript.text.done" | "transcription.done");
        let reported = said.get("usage");
        usage::take_of_responses(reported, call);
        usage::take(reported, call);
        let seconds = ["seconds", "prompt_audio_seconds"].iter().find_map(|name| reported.get(name).number());
        self.seconds = seconds.filter(|seconds| *seconds >= 0.0).or(self.seconds);
        super::take_error(kind, said, call);
    }

    fn is_end(&self, data: &[u8]) -> bool {
        data.starts_with(b"[DONE]")
    }

    fn is_one(&self, _end: &End<'_>, _call: &Call) -> bool {
        self.asked || self.speaker.is_named
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        if let Some(seconds) = self.seconds {
            call.extra.push((SECONDS, Value::Double(seconds)));
        } else if call.usage == Usage::default() && call.error_code.is_none() {
            if call.stream {
                call.note("stream carried no usage");
            } else if end.answered {
                call.note("response carried no usage");
            }
        }
        self.speaker.finish(end, call);
    }
}
