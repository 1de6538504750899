//! Embeddings of both versions: vectors in a list, or by their types.

use std::sync::LazyLock;

use super::{PROVIDER, USAGE, is_own, usage};
use crate::call::{Call, Subject};
use crate::protocol::http1::RequestHead;
use crate::provider::evidence::Evidence;
use crate::provider::follow::{End, Follow, JsonApi, NAME, UNNAMED_ERROR, WORD};
use crate::provider::json::{Json, Shape};
use crate::provider::media::{self, URL};
use crate::provider::{Dialect, Endpoint};

#[cfg(test)]
mod tests;

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[],
    claims,
    provider: PROVIDER,
    signs: &[("texts", 0), ("images", 0), ("inputs", 0)],
    attributes: &[],
    follow: |recognised, limits| {
        let subject = Subject::Embeddings { dimensions: None, encoding_formats: Vec::new() };
        let api = Embed { evidence: Evidence::of(&recognised, PROVIDER, true), found: None };
        Follow::begin(api, Call::new(subject, recognised.provider), limits)
    },
};

fn claims(request: &RequestHead, body: &Json) -> bool {
    let paths = ["v1/embed", "v2/embed"].map(Endpoint::post);
    let has_input = ["texts", "images", "inputs"].iter().any(|name| body.get(name).is_list());
    paths.iter().any(|path| path.matches(request))
        && has_input
        && (body.get("model").text().is_some() || is_own(request))
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("model", NAME),
        ("embedding_types[]", WORD),
        ("output_dimension", 0),
        ("images[]", URL),
        ("inputs[].content[].image_url.url", URL),
        // As Amazon writes it.
        ("inputs[].content[].image_url", URL),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    // Numbers are counted and base64 is measured; neither is kept.
    let own = [
        ("id", NAME),
        ("message", 0),
        ("embeddings[]", 0),
        ("embeddings.float[]", 0),
        ("embeddings.int8[]", 0),
        ("embeddings.uint8[]", 0),
        ("embeddings.base64[]", 0),
        ("embeddings.binary[]", 0),
        ("embeddings.ubinary[]", 0),
    ];
    Shape::new(&[&own[..], USAGE].concat())
});

/// One request for vectors being followed.
struct Embed {
    evidence: Evidence,
    /// How many numbers the first vector has.
    found: Option<u64>,
}

impl JsonApi for Embed {
    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text();
        let encoding_formats = asked.get("embedding_types").items().iter().filter_map(Json::text).collect();
        let dimensions = asked.get("output_dimension").count();
        call.subject = Subject::Embeddings { dimensions, encoding_formats };
        let parts = asked.get("inputs").items().iter().flat_map(|input| input.get("content").items());
        let of_parts = parts.filter_map(|part| {
            let image = part.get("image_url");
            media::of_url("image", image.get("url")).or_else(|| media::of_url("image", image))
        });
        let images = asked.get("images").items().iter().filter_map(|image| media::of_url("image", image));
        images.chain(of_parts).for_each(|image| call.add_media(image));
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        call.response_id = said.get("id").text();
        let vectors = said.get("embeddings");
        let first = |kind: &str| vectors.get(kind).items().first();
        let numbers = ["float", "int8", "uint8"].iter().filter_map(|kind| first(kind)?.length());
        // Eight in a number, one bit each.
        let packed = ["binary", "ubinary"].iter().filter_map(|kind| first(kind)?.length()?.checked_mul(8));
        let list = vectors.items().first().and_then(Json::length);
        let base64 = first("base64").and_then(|text| text.base64_bytes(0)).filter(|bytes| bytes % 4 == 0);
        let found = list.into_iter().chain(numbers).chain(base64.map(|bytes| bytes / 4)).chain(packed).next();
        self.found = found.filter(|found| *found > 0);
        call.usage = usage(said.get("meta"));
        call.usage.output = None;
        let is_error = matches!(said.get("message"), Json::Text { bytes: 1.., .. });
        self.evidence.look(vectors.is_list() || vectors.is_object(), is_error);
        if is_error {
            call.error_code = Some(UNNAMED_ERROR.to_owned());
        }
    }

    fn is_one(&self, end: &End<'_>, call: &Call) -> bool {
        self.evidence.suffices(end, call)
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        if let Subject::Embeddings { dimensions, .. } = &mut call.subject {
            // Half a vector says nothing of its length.
            *dimensions = dimensions.or(self.found.filter(|_| end.answered));
        }
    }
}
