//! Vectors by text-embeddings-inference and by the inference API: a list of them, and nothing beside it.

use std::sync::LazyLock;

use super::{ERRORS, MODEL, OLD_MODEL, PIPELINE, PROVIDER, stated};
use crate::call::{Call, Subject};
use crate::protocol::http1::RequestHead;
use crate::provider::evidence::Evidence;
use crate::provider::follow::{End, Follow, JsonApi};
use crate::provider::json::{Json, Shape};
use crate::provider::pinecone::is_pinecone;
use crate::provider::{Dialect, Endpoint};

/// What the server states of its work, in tokens.
const TOKENS: &str = "x-compute-tokens";

pub(super) const DIALECT: Dialect = Dialect {
    endpoints: &[PIPELINE],
    claims,
    provider: PROVIDER,
    signs: &[("inputs", 0), ("inputs[]", 0)],
    attributes: &[],
    follow: |recognised, limits| {
        let subject = Subject::Embeddings { dimensions: None, encoding_formats: Vec::new() };
        let mut call = Call::new(subject, recognised.provider);
        call.request_model = super::model(&recognised);
        // That path is nobody else's.
        let mut evidence = Evidence::default();
        evidence.found = PIPELINE.matches(recognised.request);
        Follow::begin(Embed { evidence, asked: None, found: None }, call, limits)
    },
};

/// A text at the server's own path, or several at a path where one would be gone on with.
fn claims(request: &RequestHead, body: &Json) -> bool {
    let inputs = body.get("inputs");
    let is_cohere = ["v1/embed", "v2/embed"].iter().any(|path| Endpoint::post(path).matches(request));
    let is_embed = ["embed", "embed_all"].iter().any(|path| Endpoint::post(path).matches(request));
    let is_root = request.method == "POST" && request.path.trim_matches('/').is_empty();
    let is_model = [MODEL, OLD_MODEL].iter().any(|path| path.matches(request));
    let is_text = |input: Option<&Json>| matches!(input, Some(Json::Text { .. }));
    is_embed && !is_cohere && !is_pinecone(request) && (inputs.is_list() || is_text(Some(inputs)))
        || (is_root || is_model) && inputs.is_list() && is_text(inputs.items().first())
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| Shape::new(&[("dimensions", 0)]));

static RESPONSE: LazyLock<Shape> =
    LazyLock::new(|| Shape::new(&[&[("[#]", 0), ("[][#]", 0)], ERRORS].concat()));

/// One request for vectors being followed.
struct Embed {
    evidence: Evidence,
    asked: Option<u64>,
    found: Option<u64>,
}

impl JsonApi for Embed {
    /// The answer's head may; `finish` notes it where it does not.
    const COUNTS: bool = false;

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn is_document(&self, document: &Json) -> bool {
        document.is_object() || document.is_list()
    }

    fn request(&mut self, asked: &Json, _call: &mut Call) {
        self.asked = asked.get("dimensions").count();
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        // One vector for each input, or one for each token of it; a single input may have its vector alone.
        let (mut vector, mut depth) = (said, 0);
        while let (true, Some(inner)) = (vector.is_list(), vector.items().first()) {
            (vector, depth) = (inner, depth + 1);
        }
        self.found = vector.length().filter(|length| *length > 0);
        self.evidence.look(depth > 0 && self.found.is_some(), said.has("error"));
        super::take_error(said, call);
    }

    fn is_one(&self, end: &End<'_>, call: &Call) -> bool {
        end.response_field(TOKENS).is_some() || self.evidence.suffices(end, call)
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        call.usage.input = stated(end, TOKENS);
        // Half a vector has not all of them.
        let dimensions = self.asked.or(self.found.filter(|_| end.answered));
        call.subject = Subject::Embeddings { dimensions, encoding_formats: Vec::new() };
        if end.answered && call.usage.input.is_none() && call.error_code.is_none() {
            call.note("response carried no usage");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::tests::wire::Wire;

    #[test]
    fn vectors_are_counted() {
        let many = r#"{"inputs":["bob","alice"]}"#;
        let path = "/hf-inference/models/BAAI/bge-small/pipeline/feature-extraction";
        let hf = "router.huggingface.co";
        for (host, target, request, answer, body, model, expected) in [
            (
                "tei",
                "/embed",
                many,
                "X-Compute-Tokens: 9\r\n",
                "[[0.1,-2e3,3],[4,5,6]]",
                None,
                (Some(3), Some(9)),
            ),
            ("tei", "/embed", r#"{"inputs":"bob","dimensions":2}"#, "", "[[1,2]]", None, (Some(2), None)),
            ("tei", "/embed_all", r#"{"inputs":"bob"}"#, "", "[[[1,2],[3,4],[5,6]]]", None, (Some(2), None)),
            ("tei", "/", many, "", "[[1,2,3,4]]", None, (Some(4), None)),
            (hf, path, r#"{"inputs":"bob"}"#, "", "[1,2,3]", Some("BAAI/bge-small"), (Some(3), None)),
            (hf, path, r#"{"inputs":["bob"]}"#, "", "[[[1,2]]]", Some("BAAI/bge-small"), (Some(2), None)),
            (hf, path, r#"{"inputs":["bob"]}"#, "", "[]", Some("BAAI/bge-small"), (None, None)),
        ] {
            let call =
                Wire { host, target, request, answer, pieces: &[body.as_bytes()], ..Wire::default() }.play();
            let subject = Subject::Embeddings { dimensions: expected.0, encoding_formats: Vec::new() };
            assert_eq!((&call.subject, call.usage.input), (&subject, expected.1), "{target} {body}");
            assert_eq!((call.provider, call.request_model.as_deref()), ("huggingface", model));
            let notes: &[&str] = if expected.1.is_some() { &[] } else { &["response carried no usage"] };
            assert_eq!(call.notes, notes, "{body}");
        }
        let refused = br#"{"error":"of bob","error_type":"Validation"}"#;
        let call =
            Wire { target: path, request: many, status: 413, pieces: &[refused], ..Wire::default() }.play();
        assert_eq!(call.error_code.as_deref(), Some("Validation"));
        assert!(!format!("{call:?}").contains("bob"), "{call:?}");
    }

    #[test]
    fn other_lists_are_left_alone() {
        for (target, request, body) in [
            ("/embed", r#"{"inputs":"https://bob.example"}"#, r#"{"html":"<iframe>"}"#),
            ("/embed", r#"{"inputs":"bob"}"#, "[1,2,3]"),
            ("/", r#"{"inputs":[[1,2,3]]}"#, "[[1,2]]"),
            ("/", r#"{"inputs":["bob"]}"#, r#"[[{"label":"x","score":0.9}]]"#),
            ("/", r#"{"inputs":["bob"]}"#, r#"[["bob"]]"#),
            ("/predict", r#"{"inputs":["bob"]}"#, "[[1,2]]"),
        ] {
            let wire = Wire { host: "app", target, request, pieces: &[body.as_bytes()], ..Wire::default() };
            assert_eq!(wire.calls(), [], "{target} {request} {body}");
        }
    }
}
