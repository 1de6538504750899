//! Images: made from a text, or edited, which asks by a form.

use std::sync::LazyLock;

use super::speaker::{self, Speaker};
use super::{AZURE, COMMON, ERRORS, OPENAI, usage};
use crate::call::{Call, Inference, Media, Parameters, Subject};
use crate::protocol::multipart;
use crate::provider::content::{self, Convert};
use crate::provider::follow::{End, Follow, JsonApi, NAME};
use crate::provider::form;
use crate::provider::json::{Json, Shape};
use crate::provider::media::{self, URL};
use crate::provider::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};

#[cfg(test)]
mod tests;

const fn deployment(path: &'static str) -> Endpoint {
    Endpoint { parameters: &["api-version"], provider: Some(AZURE), ..Endpoint::post(path) }
}

/// Azure's paths, as for chats.
const DEPLOYMENTS: &[Endpoint] = &[
    deployment("deployments/{deployment}/images/generations"),
    deployment("deployments/{deployment}/images/edits"),
];

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[
        deployment("deployments/{deployment}/images/generations"),
        deployment("deployments/{deployment}/images/edits"),
        Endpoint::post("v1/images/generations"),
        Endpoint::post("v1/images/edits"),
        Endpoint::post("v1/images/variations"),
    ],
    claims: |request, body| {
        super::ends_in(&request.path, "generations")
            && body.get("model").text().is_some()
            && body.has("prompt")
    },
    provider: OPENAI,
    signs: &[("prompt", 0)],
    attributes: &[],
    follow,
};

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("model", NAME),
        ("prompt", 0),
        ("n", 0),
        ("stream", 0),
        ("image", 0),
        ("mask", 0),
        ("images[].image_url", URL),
        ("images[].file_id", 0),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    let own = [("created", 0), ("data", 0)];
    Shape::new(&[&own[..], COMMON, ERRORS, usage::OF_RESPONSES, speaker::SIGNS].concat())
});

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let subject = Subject::Inference { operation: Inference::GenerateContent, finish_reasons: Vec::new() };
    let mut call = super::begin(subject, &recognised, None);
    let deployment = |endpoint: &Endpoint| recognised.captured(endpoint, "deployment");
    call.request_model = DEPLOYMENTS.iter().find_map(deployment);
    let api = Images { speaker: Speaker::of(&recognised), asked: false };
    begin(api, call, &recognised, limits)
}

/// Begins to follow what may ask by a form.
pub(super) fn begin<A: JsonApi>(
    api: A,
    call: Call,
    recognised: &Recognised<'_>,
    limits: BodyLimits,
) -> Box<dyn Interpreter> {
    let content_type = recognised.request.headers.get("content-type").unwrap_or_default();
    match multipart::boundary(content_type) {
        Some(boundary) => Follow::begin_with_form(api, call, limits, boundary),
        None => Follow::begin(api, call, limits),
    }
}

/// One request for images being followed.
struct Images {
    speaker: Speaker,
    /// Request or answer bear out what the path promised.
    asked: bool,
}

impl JsonApi for Images {
    /// Older models' images have a price each.
    const COUNTS: bool = false;
    const CONTENT: Option<Convert> = Some(content::images);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text().or(call.request_model.take());
        self.asked |= asked.has("prompt") || call.request_model.is_some();
        call.stream |= asked.get("stream").is_true();
        call.parameters = Parameters {
            choice_count: asked.get("n").count().filter(|count| *count != 1),
            output_type: Some("image"),
            ..Parameters::default()
        };
        for file in ["image", "mask"]
            .iter()
            .flat_map(|name| asked.get(name).items())
            .filter_map(|one| file("image", one))
        {
            call.add_media(file);
        }
        for image in asked.get("images").items() {
            let url = media::of_url("image", image.get("image_url"));
            url.or_else(|| media::of_url("image", image.get("file_id")))
                .into_iter()
                .for_each(|url| call.add_media(url));
        }
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        super::take_common(said, call);
        self.speaker.look(said);
        self.asked |= said.get("created").count().is_some() && said.get("data").length().is_some();
        let kind = if event.is_empty() { said.get("type").as_text().unwrap_or_default() } else { event };
        call.stream_ended |= kind.ends_with(".completed");
        usage::take_of_responses(said.get("usage"), call);
        super::take_error(kind, said, call);
    }

    fn is_end(&self, data: &[u8]) -> bool {
        data.starts_with(b"[DONE]")
    }

    fn is_one(&self, _end: &End<'_>, _call: &Call) -> bool {
        self.asked || self.speaker.is_named
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        self.speaker.finish(end, call);
    }
}

/// A file of a form; `None` for a field that is no file.
pub(super) fn file(modality: &'static str, file: &Json) -> Option<Media> {
    let bytes = file.get(form::BYTES).count();
    let media_type = file.get(form::MEDIA_TYPE).as_text().and_then(media::media_type);
    bytes.is_some().then_some(Media { modality, media_type, bytes })
}
