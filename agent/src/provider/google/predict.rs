//! Vertex's `:predict` of Google's own models: older embeddings, and images. What was asked for shows in the answer.

use std::sync::LazyLock;

use super::super::follow::{End, Follow, JsonApi, WORD};
use super::super::json::{Json, Shape};
use super::super::{Dialect, Endpoint};
use super::{VERTEX_AI, at_vertex, either, error, model};
use crate::call::{Call, Inference, Subject};

/// Without a publisher it may be anybody's TensorFlow Serving.
const ENDPOINTS: [Endpoint; 1] = [at_vertex("publishers/{publisher}/models/{model}:predict")];

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &ENDPOINTS,
    claims: |_, _| false,
    provider: VERTEX_AI,
    signs: &[],
    attributes: &[],
    follow: |recognised, limits| {
        let model = model(&recognised, &ENDPOINTS);
        let draws = model.as_deref().is_some_and(|model| model.starts_with("imagen"));
        let subject = if draws { images() } else { embeddings(None) };
        let mut call = Call::new(subject, recognised.provider);
        call.request_model = model;
        Follow::begin(Prediction::default(), call, limits)
    },
};

fn images() -> Subject {
    Subject::Inference { operation: Inference::GenerateContent, finish_reasons: Vec::new() }
}

fn embeddings(dimensions: Option<u64>) -> Subject {
    Subject::Embeddings { dimensions, encoding_formats: Vec::new() }
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("parameters.outputDimensionality", 0),
        ("parameters.output_dimensionality", 0),
        ("parameters.dimension", 0),
        ("parameters.sampleCount", 0),
        ("parameters.seed", 0),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("predictions[].embeddings.values", 0),
        ("predictions[].embeddings.statistics.token_count", 0),
        ("predictions[].textEmbedding", 0),
        ("predictions[].imageEmbedding", 0),
        ("predictions[].bytesBase64Encoded", 0),
        ("error.code", 0),
        ("error.status", WORD),
        ("error.message", 0),
    ])
});

/// One prediction being followed.
#[derive(Default)]
struct Prediction {
    asked_dimensions: Option<u64>,
    dimensions: Option<u64>,
    choices: Option<u64>,
    draws: bool,
}

impl JsonApi for Prediction {
    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        let parameters = asked.get("parameters");
        let dimensions = either(parameters, "outputDimensionality", "output_dimensionality").count();
        self.asked_dimensions = dimensions.or_else(|| parameters.get("dimension").count());
        self.choices = parameters.get("sampleCount").count().filter(|count| *count != 1);
        call.parameters.seed = parameters.get("seed").integer();
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        call.error_code = call.error_code.take().or_else(|| error(said));
        let predictions = said.get("predictions").items();
        let first = predictions.first().unwrap_or(&Json::Null);
        let vectors = ["embeddings.values", "textEmbedding", "imageEmbedding"];
        self.dimensions = vectors.iter().find_map(|path| first.get(path).length());
        self.draws = first.get("bytesBase64Encoded") != &Json::Null;
        // A count for each input; together they are the whole only if each has one, and none was left out.
        let counts: Option<Vec<_>> =
            predictions.iter().map(|one| one.get("embeddings.statistics.token_count").count()).collect();
        let all = said.get("predictions").length() == Some(predictions.len() as u64);
        call.usage.input =
            counts.filter(|counts| all && !counts.is_empty()).map(|counts| counts.iter().sum());
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        if !end.answered {
            call.usage.input = None;
        }
        if self.draws {
            call.subject = images();
        }
        if let Subject::Embeddings { .. } = call.subject {
            let dimensions = self.asked_dimensions.or(self.dimensions.filter(|_| end.answered));
            call.subject = embeddings(dimensions);
        } else {
            call.parameters.output_type = Some("image");
            call.parameters.choice_count = self.choices;
        }
    }
}
