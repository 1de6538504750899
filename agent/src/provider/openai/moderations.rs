//! Moderations: whether something breaks a policy. What was found is content.

use std::sync::LazyLock;

use super::speaker::{self, Speaker};
use super::{COMMON, ERRORS, OPENAI, parts, usage};
use crate::call::{Call, Subject};
use crate::protocol::http1::RequestHead;
use crate::provider::content::{self, Convert};
use crate::provider::follow::{End, Follow, JsonApi, NAME};
use crate::provider::json::{Json, Shape};
use crate::provider::media::URL;
use crate::provider::{Dialect, Endpoint};

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[Endpoint::post("v1/moderations"), Endpoint::post("chat/moderations")],
    claims,
    provider: OPENAI,
    signs: &[("input", 0)],
    attributes: &[],
    follow: |recognised, limits| {
        let call = super::begin(Subject::Moderation, &recognised, None);
        let api = Moderation { speaker: Speaker::of(&recognised), asked: false };
        Follow::begin(api, call, limits)
    },
};

/// A path that ends in the API's name, and an input.
fn claims(request: &RequestHead, body: &Json) -> bool {
    super::ends_in(&request.path, "moderations") && body.has("input")
}

static REQUEST: LazyLock<Shape> =
    LazyLock::new(|| Shape::new(&[("model", NAME), ("input", 0), ("input[].image_url.url", URL)]));

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    let own = [("results", 0)];
    Shape::new(&[&own[..], COMMON, ERRORS, usage::OF_CHAT, speaker::SIGNS].concat())
});

/// One judgement being followed.
struct Moderation {
    speaker: Speaker,
    /// Request or answer bear out what the path promised.
    asked: bool,
}

impl JsonApi for Moderation {
    const COUNTS: bool = false;
    const CONTENT: Option<Convert> = Some(content::moderations);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text();
        self.asked |= asked.has("input");
        for part in asked.get("input").items().iter().filter_map(parts::of_part) {
            call.add_media(part);
        }
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        super::take_common(said, call);
        self.speaker.look(said);
        self.asked |= said.get("results").length().is_some() && said.get("id").text().is_some();
        usage::take(said.get("usage"), call);
        super::take_error(event, said, call);
    }

    fn is_one(&self, _end: &End<'_>, _call: &Call) -> bool {
        self.asked || self.speaker.is_named
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        self.speaker.finish(end, call);
    }
}
