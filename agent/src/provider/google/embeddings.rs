//! `embedContent` and `batchEmbedContents`.

use std::sync::LazyLock;

use super::super::follow::{End, Follow, JsonApi, WORD};
use super::super::json::{Json, Shape};
use super::super::{Dialect, Endpoint};
use super::{GEN_AI, at_vertex, either, error, modalities, model};
use crate::call::{Call, Subject};

const ENDPOINTS: [Endpoint; 4] = [
    at_vertex("publishers/{publisher}/models/{model}:embedContent"),
    at_vertex("publishers/{publisher}/models/{model}:batchEmbedContents"),
    Endpoint::post("{model}:embedContent"),
    Endpoint::post("{model}:batchEmbedContents"),
];

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &ENDPOINTS,
    claims: |_, _| false,
    provider: GEN_AI,
    signs: &[],
    attributes: &[],
    follow: |recognised, limits| {
        let subject = Subject::Embeddings { dimensions: None, encoding_formats: Vec::new() };
        let mut call = Call::new(subject, recognised.provider);
        call.request_model = model(&recognised, &ENDPOINTS);
        Follow::begin(Embeddings::default(), call, limits)
    },
};

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("outputDimensionality", 0),
        ("output_dimensionality", 0),
        ("embedContentConfig.outputDimensionality", 0),
        ("requests[].outputDimensionality", 0),
        ("requests[].output_dimensionality", 0),
        ("requests[].embedContentConfig.outputDimensionality", 0),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("embedding.values", 0),
        ("embeddings[].values", 0),
        ("usageMetadata.promptTokenCount", 0),
        ("usageMetadata.promptTokensDetails[].modality", WORD),
        ("usageMetadata.promptTokensDetails[].tokenCount", 0),
        ("error.code", 0),
        ("error.status", WORD),
        ("error.message", 0),
    ])
});

/// Embeddings being followed.
#[derive(Default)]
struct Embeddings {
    asked_dimensions: Option<u64>,
    dimensions: Option<u64>,
}

impl JsonApi for Embeddings {
    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, _call: &mut Call) {
        let first = asked.get("requests").items().first().unwrap_or(&Json::Null);
        let places = [asked, asked.get("embedContentConfig"), first, first.get("embedContentConfig")];
        let asked = |place: &&Json| either(place, "outputDimensionality", "output_dimensionality").count();
        self.asked_dimensions = places.iter().find_map(asked);
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        call.error_code = call.error_code.take().or_else(|| error(said));
        call.usage.input = said.get("usageMetadata.promptTokenCount").count();
        call.usage.input_by = modalities(said.get("usageMetadata.promptTokensDetails"));
        let first = said.get("embeddings").items().first().unwrap_or(said.get("embedding"));
        self.dimensions = first.get("values").length();
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        // Half a vector has not all of them.
        let dimensions = self.asked_dimensions.or(self.dimensions.filter(|_| end.answered));
        call.subject = Subject::Embeddings { dimensions, encoding_formats: Vec::new() };
    }
}
