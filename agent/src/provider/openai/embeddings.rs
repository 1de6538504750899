//! Embeddings: OpenAI's, and of all who write them alike: Azure, Mistral, Voyage, Jina, servers of one's own.

use std::sync::LazyLock;

use super::speaker::{self, Speaker};
use super::{AZURE, COMMON, ERRORS, OPENAI, parts, usage};
use crate::call::{Call, Subject};
use crate::protocol::http1::RequestHead;
use crate::provider::follow::{End, Follow, JsonApi, NAME, WORD};
use crate::provider::json::{Json, Shape};
use crate::provider::media::{self, URL};
use crate::provider::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use crate::value::Value;

#[cfg(test)]
mod tests;

/// Azure's path, as for chats.
const DEPLOYMENT: Endpoint = Endpoint {
    parameters: &["api-version"],
    provider: Some(AZURE),
    ..Endpoint::post("deployments/{deployment}/embeddings")
};

/// Pixels of the images, which Voyage counts beside the text's tokens.
const PIXELS: &str = "spanwire.usage.image.input_pixels";

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[
        DEPLOYMENT,
        Endpoint::post("v1/embeddings"),
        Endpoint::post("openai/embeddings"),
        // Voyage's, which nobody else has.
        Endpoint { provider: Some("voyageai"), ..Endpoint::post("v1/multimodalembeddings") },
        Endpoint::post("v1/contextualizedembeddings"),
    ],
    claims,
    provider: OPENAI,
    signs: &[("input", 0), ("input[]", 0)],
    attributes: &[PIXELS],
    follow,
};

/// A path that ends in the API's name, and an input for a model. A long input may stand before the model; where Ollama has
/// an API of its own, the model alone tells nothing.
fn claims(request: &RequestHead, body: &Json) -> bool {
    let is_ollamas = request.path.trim_end_matches('/').ends_with("/api/embeddings");
    super::ends_in(&request.path, "embeddings")
        && (body.has("input") || !is_ollamas && body.get("model").text().is_some())
        && !body.has("prompt")
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("model", NAME),
        ("input", 0),
        ("inputs", 0),
        ("dimensions", 0),
        // Mistral's and Voyage's name of it.
        ("output_dimension", 0),
        ("encoding_format", WORD),
        // Jina's.
        ("embedding_type", WORD),
        ("embedding_type[]", WORD),
        // What the numbers are: Mistral's and Voyage's.
        ("output_dtype", WORD),
        // Jina's images, and Voyage's.
        ("input[].image", URL),
        ("inputs[].content[].image_url", URL),
        ("inputs[].content[].image_base64", URL),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    // Numbers are counted and base64 is measured; neither is kept.
    let own = [
        ("data[].embedding", 0),
        ("data[].data[].embedding", 0),
        ("usage.text_tokens", 0),
        ("usage.image_pixels", 0),
    ];
    // A few servers count as responses do.
    Shape::new(&[&own[..], COMMON, ERRORS, usage::OF_CHAT, usage::OF_RESPONSES, speaker::SIGNS].concat())
});

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let subject = Subject::Embeddings { dimensions: None, encoding_formats: Vec::new() };
    let mut call = super::begin(subject, &recognised, None);
    call.request_model = recognised.captured(&DEPLOYMENT, "deployment");
    let api = Embeddings { speaker: Speaker::of(&recognised), asked: false, found: None, number_type: None };
    Follow::begin(api, call, limits)
}

/// One request for vectors being followed.
struct Embeddings {
    speaker: Speaker,
    /// Request or answer bear out what the path promised.
    asked: bool,
    /// Of the first vector, what there is of it.
    found: Option<Vector>,
    /// What the numbers are asked to be, where it is said.
    number_type: Option<String>,
}

/// How long a vector is, as it is written.
#[derive(Clone, Copy)]
enum Vector {
    Numbers(u64),
    Base64(u64),
}

impl JsonApi for Embeddings {
    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text().or(call.request_model.take());
        self.asked |= asked.has("input") || asked.has("inputs");
        let dimensions = asked.get("dimensions").count().or_else(|| asked.get("output_dimension").count());
        let formats = ["encoding_format", "embedding_type"].map(|name| asked.get(name).items());
        let encoding_formats = formats.into_iter().flatten().filter_map(Json::text).collect();
        self.number_type = asked.get("output_dtype").text();
        let images = asked.get("input").items().iter().map(|input| input.get("image"));
        // An address, or bytes in base64, which has no colon.
        let images = images.filter_map(|image| match image.begin().contains(':') {
            true => media::of_url("image", image),
            false => media::of_base64("image", image, None),
        });
        images.for_each(|media| call.add_media(media));
        for part in asked.get("inputs").items().iter().flat_map(|input| input.get("content").items()) {
            let image = media::of_base64("image", part.get("image_base64"), None);
            image.or_else(|| parts::of_part(part)).into_iter().for_each(|media| call.add_media(media));
        }
        call.subject = Subject::Embeddings { dimensions, encoding_formats };
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        super::take_common(said, call);
        self.speaker.look(said);
        let data = said.get("data").items();
        if let Some(first) = data.first() {
            let inner = first.get("data").items().first().map(|inner| inner.get("embedding"));
            let vector = inner.unwrap_or_else(|| first.get("embedding"));
            self.found = vector.length().map(Vector::Numbers).or(vector.base64_bytes(0).map(Vector::Base64));
            self.asked |= self.found.is_some();
        }
        let reported = said.get("usage");
        usage::take_of_responses(reported, call);
        usage::take(reported, call);
        // Voyage and Jina say no more than the total, which is all input.
        let total = reported.get("total_tokens").count();
        call.usage.input = call.usage.input.or(total);
        call.usage.output = None;
        call.usage.input_by.text = call.usage.input_by.text.or_else(|| reported.get("text_tokens").count());
        if let Some(pixels) = reported.get("image_pixels").integer().filter(|pixels| *pixels > 0) {
            call.extra.push((PIXELS, Value::Int(pixels)));
        }
        super::take_error(event, said, call);
    }

    fn is_one(&self, _end: &End<'_>, _call: &Call) -> bool {
        self.asked || self.speaker.is_named
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        // Half a vector says nothing of its length.
        let found = self.found.filter(|_| end.answered).and_then(|vector| self.dimensions(vector, call));
        if let Subject::Embeddings { dimensions, .. } = &mut call.subject {
            *dimensions = dimensions.or(found);
        }
        self.speaker.finish(end, call);
    }
}

impl Embeddings {
    /// How many numbers a vector has; in base64 these are floats of four bytes, unless other ones were asked for.
    fn dimensions(&self, vector: Vector, call: &Call) -> Option<u64> {
        let is_packed = |name: &str| matches!(name, "binary" | "ubinary");
        let Subject::Embeddings { encoding_formats, .. } = &call.subject else { return None };
        let kinds = encoding_formats.iter().chain(&self.number_type);
        match vector {
            Vector::Numbers(0) | Vector::Base64(0) => None,
            // Eight in a number, one bit each.
            Vector::Numbers(count) if kinds.clone().any(|kind| is_packed(kind)) => count.checked_mul(8),
            Vector::Numbers(count) => Some(count),
            Vector::Base64(bytes) => {
                let is_float = self.number_type.as_deref().is_none_or(|kind| kind == "float");
                (is_float && bytes % 4 == 0 && !kinds.clone().any(|kind| is_packed(kind)))
                    .then_some(bytes / 4)
            }
        }
    }
}
