#![allow(clippy::panic, reason = "tests")]

use crate::call::{Call, Nearness, Subject};
use crate::provider::tests::scene::{Scene, play_as};

fn play(path: &str, request: &str, body: &str) -> Call {
    let path = format!("/v2/namespaces/docs{path}");
    let (request, body) = (request.as_bytes(), body.as_bytes());
    play_as(
        "POST",
        &Scene { host: "gcp-us-central1.turbopuffer.com", path: &path, request, body, ..Scene::default() },
    )
}

#[test]
fn queries_are_searches_if_they_rank() {
    for (request, body, expected) in [
        (
            r#"{"rank_by":["vector","ANN",[0.1,0.2]],"top_k":3,"filters":["city","Eq","x"]}"#,
            r#"{"rows":[{"id":1,"$dist":0.1},{"id":2,"$dist":0.5}]}"#,
            (Some(3), Some(1), Some(2), Some(2), Some(Nearness::Distance(0.1)), None),
        ),
        (
            r#"{"rank_by":["vector","kNN","AACAPwAAgD8AAIA/"],"limit":{"total":5}}"#,
            r#"{"rows":[]}"#,
            (Some(5), Some(1), Some(3), Some(0), None, None),
        ),
        (
            r#"{"rank_by":["text","BM25","prompt"],"limit":7}"#,
            r#"{"rows":[{"$dist":9.5},{"$dist":3}]}"#,
            (Some(7), None, None, Some(2), Some(Nearness::Distance(9.5)), None),
        ),
        (
            r#"{"queries":[{"rank_by":["vector","ANN",[1]],"top_k":3},{"rank_by":["text","BM25","q"],"top_k":3}]}"#,
            r#"{"results":[{"rows":[{"$dist":1}]},{"rows":[{"$dist":2},{}]}]}"#,
            (Some(3), Some(1), Some(1), Some(3), None, Some(2)),
        ),
        (
            r#"{"rank_by":["Sum",[["a","BM25","q"],["b","BM25","q"]]]}"#,
            "null",
            (None, None, None, None, None, None),
        ),
    ] {
        let call = play("/query", request, body);
        let Subject::Retrieval { store, search } = call.subject else { panic!("{request}") };
        let found =
            (search.top_k, search.vectors, search.dimensions, search.matches, search.best, store.batch);
        assert_eq!(found, expected, "{request}");
        assert_eq!(store.collection.as_deref(), Some("docs"));
    }
    for request in [r#"{"rank_by":["id","asc"],"limit":2}"#, r#"{"aggregate_by":{"n":["Count"]}}"#] {
        let call = play("/query", request, r#"{"rows":[{"id":1}]}"#);
        let Subject::Points { points, .. } = call.subject else { panic!("{request}") };
        assert_eq!(points.returned, Some(1));
    }
}

#[test]
fn rows_are_counted() {
    for (request, body, expected) in [
        (
            r#"{"upsert_rows":[{"id":1,"vector":[1,2]},{"id":2,"vector":"AACAPwAAgD8="}],"distance_metric":"x"}"#,
            r#"{"rows_affected":2,"rows_upserted":2,"status":"OK"}"#,
            (Some(2), Some(2), None, Some(2), None),
        ),
        (
            r#"{"upsert_columns":{"id":[1,2,3],"vector":[[1],[1],[1]]},"deletes":[9]}"#,
            r#"{"rows_deleted":1}"#,
            (Some(3), Some(1), Some(1), Some(4), None),
        ),
        (r#"{"delete_by_filter":["a","Eq",1]}"#, r#"{"rows_deleted":7}"#, (None, None, Some(7), None, None)),
        (
            r#"{"patch_rows":[{"id":1}]}"#,
            r#"{"error":"prompt","status":"error"}"#,
            (None, None, None, Some(1), Some("_OTHER")),
        ),
    ] {
        let call = play("", request, body);
        let Subject::Points { store, points } = &call.subject else { panic!("{request}") };
        let found =
            (points.written, points.dimensions, points.deleted, store.batch, call.error_code.as_deref());
        assert_eq!(found, expected, "{request}");
    }
}
