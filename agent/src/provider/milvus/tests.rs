#![allow(clippy::panic, reason = "tests")]

use crate::call::{Call, Nearness, Subject};
use crate::provider::tests::scene::{Scene, play_as};

fn play(path: &str, request: &str, body: &str) -> Call {
    let (request, body) = (request.as_bytes(), body.as_bytes());
    play_as("POST", &Scene { host: "milvus", path, request, body, ..Scene::default() })
}

#[test]
fn searches_are_understood() {
    let filter = Some("\"?\"");
    for (path, request, body, expected) in [
        (
            "/v2/vectordb/entities/search",
            r#"{"collectionName":"docs","dbName":"d","data":[[1,2,3]],"limit":2,"filter":"a > 'x'"}"#,
            r#"{"code":0,"data":[{"distance":0.9,"id":1},{"distance":0.5,"id":2}]}"#,
            (Some(1), Some(3), Some(2), filter, Some(1), Some(2), Some(0.9)),
        ),
        (
            "/v2/vectordb/entities/search",
            r#"{"collectionName":"docs","dbName":"d","data":[[1,2],[3,4]],"limit":2,"filter":""}"#,
            r#"{"code":0,"data":[{"distance":0.1},{"distance":0.5},{"distance":0.05}],"topks":[2,1]}"#,
            (Some(2), Some(2), Some(2), None, Some(2), Some(3), Some(0.05)),
        ),
        (
            "/v2/vectordb/entities/search",
            r#"{"collectionName":"docs","dbName":"d","data":[{"1":0.5},{"7":1}]}"#,
            r#"{"code":0,"data":[{"distance":1},{"distance":2}],"topks":[2,7]}"#,
            (None, None, None, None, Some(2), Some(2), None),
        ),
        (
            "/v2/vectordb/entities/search",
            r#"{"collectionName":"docs","dbName":"d","data":["prompt"]}"#,
            r#"{"code":0,"data":[]}"#,
            (None, None, None, None, Some(1), Some(0), None),
        ),
        (
            "/v2/vectordb/entities/hybrid_search",
            r#"{"collectionName":"docs","dbName":"d","search":[{"data":[[1,2]],"filter":"a"},{"data":[[1,2]]}],"limit":3}"#,
            r#"{"code":0,"data":[{"distance":0.03}]}"#,
            (Some(2), Some(2), Some(3), filter, None, Some(1), Some(0.03)),
        ),
        (
            "/v1/vector/search",
            r#"{"collectionName":"docs","dbName":"d","vector":[1,2,3],"limit":"2"}"#,
            r#"{"code":200,"data":[{"distance":1}]}"#,
            (Some(1), Some(3), None, None, None, Some(1), Some(1.0)),
        ),
        (
            "/v2/vectordb/entities/search",
            r#"{"collectionName":"docs","dbName":"d","data":7}"#,
            r#"{"code":"x","data":{"distance":1}}"#,
            (None, None, None, None, None, None, None),
        ),
    ] {
        let call = play(path, request, body);
        let Subject::Retrieval { store, search } = call.subject else { panic!("{path} {request}") };
        assert_eq!((store.collection.as_deref(), store.namespace.as_deref()), (Some("docs"), Some("d")));
        let best = search.best.map(|best| match best {
            Nearness::Score(number) | Nearness::Distance(number) => number,
        });
        let found = (
            search.vectors,
            search.dimensions,
            search.top_k,
            search.filter.as_deref(),
            store.batch,
            search.matches,
            best,
        );
        assert_eq!(found, expected, "{path} {request}");
    }
}

#[test]
fn rows_are_counted() {
    for (path, request, body, expected) in [
        (
            "insert",
            r#"{"collectionName":"docs","data":[{"id":1,"vector":[1,2],"text":"a"},{"id":2,"vector":[1,2]}]}"#,
            r#"{"code":0,"data":{"insertCount":2,"insertIds":[1,2]}}"#,
            (Some(2), Some(2), None, None, Some(2)),
        ),
        (
            "upsert",
            r#"{"collectionName":"docs","data":{"id":1,"vector":[1,2],"tags":["a"]}}"#,
            r#"{"code":0,"data":{"upsertCount":1}}"#,
            (Some(1), None, None, None, Some(1)),
        ),
        (
            "insert",
            r#"{"collectionName":"docs","data":[]}"#,
            r#"{"code":1100}"#,
            (Some(0), None, None, None, Some(0)),
        ),
        (
            "get",
            r#"{"collectionName":"docs","id":[1,2]}"#,
            r#"{"code":0,"data":[{"id":1}]}"#,
            (None, None, None, Some(1), None),
        ),
        (
            "query",
            r#"{"collectionName":"docs","filter":"a"}"#,
            r#"{"code":0,"data":[{},{}]}"#,
            (None, None, None, Some(2), None),
        ),
        (
            "delete",
            r#"{"collectionName":"docs","filter":"a"}"#,
            r#"{"code":0,"data":{}}"#,
            (None, None, None, None, None),
        ),
        (
            "delete",
            r#"{"collectionName":"docs","id":[1,2]}"#,
            r#"{"code":0,"data":{"deleteCount":1}}"#,
            (None, None, Some(1), None, Some(2)),
        ),
    ] {
        let call = play(&format!("/v2/vectordb/entities/{path}"), request, body);
        let Subject::Points { store, points } = call.subject else { panic!("{path} {request}") };
        let found = (points.written, points.dimensions, points.deleted, points.returned, store.batch);
        assert_eq!(found, expected, "{path} {request}");
        assert_eq!(points.filter.is_some(), request.contains("filter"));
    }
}

#[test]
fn errors_come_with_a_code() {
    for (body, expected) in [
        (r#"{"code":1100,"message":"fail to search: prompt"}"#, Some("1100")),
        (r#"{"code":-1}"#, Some("-1")),
        (r#"{"code":0}"#, None),
        (r#"{"code":200}"#, None),
        (r#"{"code":null}"#, None),
    ] {
        let call = play("/v2/vectordb/entities/search", r#"{"collectionName":"docs"}"#, body);
        assert_eq!(call.error_code.as_deref(), expected, "{body}");
    }
}
