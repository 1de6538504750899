//! Searches in vector stores that OpenAI keeps: by texts, which it embeds itself.

use std::sync::LazyLock;

use super::{ERRORS, OPENAI};
use crate::call::{Call, Nearness, Store};
use crate::provider::content::{self, Convert};
use crate::provider::follow::{End, Follow, JsonApi};
use crate::provider::json::{Json, Shape};
use crate::provider::vectors::{self, Kind};
use crate::provider::{Dialect, Endpoint};

const SEARCH: Endpoint = Endpoint::post("vector_stores/{store}/search");

pub(super) const DIALECT: Dialect = Dialect {
    // A store of another vendor's may have such a name.
    endpoints: &[],
    claims: |request, body| SEARCH.matches(request) && body.has("query"),
    provider: OPENAI,
    signs: &[("query", 0)],
    attributes: &[],
    follow: |recognised, limits| {
        let collection = recognised.captured(&SEARCH, "store");
        let store = Store { system: OPENAI, operation: "search", collection, ..Store::default() };
        let call = Call { provider: recognised.provider, ..vectors::call(Kind::Search, store) };
        Follow::begin(VectorStore, call, limits)
    },
};

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[("max_num_results", 0), ("filters{key,type}", 0), ("ranking_options.score_threshold", 0)])
});

static RESPONSE: LazyLock<Shape> =
    LazyLock::new(|| Shape::new(&[&[("data[].score", 0)][..], ERRORS].concat()));

/// One search being followed.
struct VectorStore;

impl JsonApi for VectorStore {
    const CONTENT: Option<Convert> = Some(content::stores::openai_stores);
    const COUNTS: bool = false;

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        vectors::search(call, |search| {
            search.top_k = asked.get("max_num_results").count();
            search.filter = asked.get("filters").text();
            search.threshold = asked.get("ranking_options.score_threshold").number();
        });
    }

    fn response(&mut self, event: &str, said: &Json, call: &mut Call) {
        super::take_error(event, said, call);
        let data = said.get("data");
        let best = vectors::numbers(data, "score").into_iter().reduce(f64::max);
        vectors::search(call, |search| {
            (search.matches, search.best) = (data.length(), best.map(Nearness::Score));
        });
    }

    fn finish(self, _end: &End<'_>, _call: &mut Call) {}
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "tests")]

    use crate::call::{Nearness, Subject};
    use crate::provider::tests::scene::{Scene, play_as};

    #[test]
    fn searches_say_what_was_found() {
        for (request, status, body, expected, error) in [
            (
                r#"{"query":"prompt","max_num_results":3,"filters":{"type":"eq","key":"city","value":"x"}}"#,
                200,
                r#"{"data":[{"score":0.5},{"score":0.9},{"score":null}]}"#,
                (Some(3), Some(3), Some(Nearness::Score(0.9))),
                None,
            ),
            (r#"{"query":["a","b"]}"#, 200, r#"{"data":[]}"#, (None, Some(0), None), None),
            (
                r#"{"query":"","max_num_results":"3"}"#,
                404,
                r#"{"error":{"type":"invalid_request_error","code":null,"message":"prompt"}}"#,
                (None, None, None),
                Some("invalid_request_error"),
            ),
            (r#"{"query":"x"}"#, 502, "<html>", (None, None, None), None),
        ] {
            let (path, request, body) =
                ("/v1/vector_stores/vs_1/search", request.as_bytes(), body.as_bytes());
            let call = play_as("POST", &Scene { path, request, status, body, ..Scene::default() });
            let Subject::Retrieval { store, search } = call.subject else { panic!("no search") };
            assert_eq!((store.collection.as_deref(), call.provider), (Some("vs_1"), "openai"));
            assert_eq!((search.top_k, search.matches, search.best), expected);
            assert_eq!(call.error_code.as_deref(), error);
        }
    }
}
