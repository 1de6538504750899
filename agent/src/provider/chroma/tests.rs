#![allow(clippy::panic, reason = "tests")]

use crate::call::{Nearness, Subject};
use crate::provider::tests::scene::{Scene, play_as};

const V2: &str = "/api/v2/tenants/t/databases/d/collections";

#[test]
fn searches_have_columns() {
    for (path, request, body, expected) in [
        (
            "/api/v1/collections/u/query",
            r#"{"query_embeddings":[[1,2],[3,4]],"n_results":3}"#,
            r#"{"ids":[["a","b"],["c"]],"distances":[[0.5,0.7],[0.25]]}"#,
            (Some(2), Some(2), Some(3), Some(0.25), Some(2)),
        ),
        (
            "/api/v1/collections/u/query",
            r#"{"query_embeddings":["AACAPwAAAEAAAEBA"],"n_results":null}"#,
            r#"{"ids":[["a"]],"distances":null}"#,
            (Some(1), Some(3), Some(1), None, Some(1)),
        ),
        (
            "/api/v1/collections/u/query",
            r#"{"query_embeddings":[]}"#,
            r#"{"ids":[]}"#,
            (Some(0), None, Some(0), None, Some(0)),
        ),
        ("/api/v1/collections/u/query", "null", "true", (None, None, None, None, None)),
    ] {
        let scene = Scene { path, request: request.as_bytes(), body: body.as_bytes(), ..Scene::default() };
        let call = play_as("POST", &scene);
        let Subject::Retrieval { store, search } = call.subject else { panic!("{path} {request}") };
        assert_eq!((store.collection_id.as_deref(), store.collection), (Some("u"), None));
        let best = search.best.map(|best| match best {
            Nearness::Score(score) | Nearness::Distance(score) => score,
        });
        let found = (search.vectors, search.dimensions, search.matches, best, store.batch);
        assert_eq!(found, expected, "{path} {request}");
        assert!(!call.notes.iter().any(|note| note.contains("usage")), "{:?}", call.notes);
    }
}

#[test]
fn points_are_counted_and_collections_are_known() {
    for (method, path, request, body, expected) in [
        (
            "POST",
            "/u/add",
            r#"{"ids":["a","b"],"embeddings":[[1,2],[1,2]]}"#,
            "{}",
            (Some(2), Some(2), None, None),
        ),
        ("POST", "/u/upsert", r#"{"ids":["a"],"embeddings":null}"#, "{}", (Some(1), None, None, None)),
        ("POST", "/u/delete", r#"{"ids":["a"]}"#, r#"["a"]"#, (None, None, Some(1), None)),
        ("POST", "/u/delete", r#"{"where":{}}"#, r#"{"deleted":7}"#, (None, None, Some(7), None)),
        ("POST", "/u/get", r#"{"limit":3}"#, r#"{"ids":["a","b"]}"#, (None, None, None, Some(2))),
        ("GET", "/u/count", "", "17", (None, None, None, None)),
    ] {
        let path = format!("{V2}{path}");
        let scene =
            Scene { path: &path, request: request.as_bytes(), body: body.as_bytes(), ..Scene::default() };
        let call = play_as(method, &scene);
        let Subject::Points { store, points } = call.subject else { panic!("{path} {request}") };
        assert_eq!((store.collection_id.as_deref(), store.namespace.as_deref()), (Some("u"), Some("d")));
        let found = (points.written, points.dimensions, points.deleted, points.returned);
        assert_eq!(found, expected, "{path} {request}");
        assert!(call.notes.is_empty(), "{:?}", call.notes);
    }
    for (method, path, request, body) in [
        ("POST", V2, r#"{"name":"docs","get_or_create":true}"#, r#"{"id":"u","name":"docs"}"#),
        (
            "POST",
            "/api/v1/collections",
            r#"{"name":"docs","get_or_create":false}"#,
            r#"{"id":"u","name":"docs"}"#,
        ),
        ("GET", &format!("{V2}/docs"), "", r#"{"id":"u","name":"docs"}"#),
    ] {
        let scene = Scene { path, request: request.as_bytes(), body: body.as_bytes(), ..Scene::default() };
        let Subject::Points { store, .. } = play_as(method, &scene).subject else { panic!("{path}") };
        assert_eq!((store.collection.as_deref(), store.collection_id.as_deref()), (Some("docs"), Some("u")));
    }
    let error = Scene {
        path: &format!("{V2}/docs"),
        request: b"",
        status: 404,
        body: br#"{"error":"NotFoundError","message":"Collection [docs] does not exist"}"#,
        ..Scene::default()
    };
    assert_eq!(play_as("GET", &error).error_code.as_deref(), Some("NotFoundError"));
}

#[test]
fn version_1_looks_a_collection_up_by_its_name() {
    let (path, parameters) = ("/api/v1/collections/docs", &["database", "tenant"][..]);
    let body = br#"{"name":"docs","id":"u","metadata":null}"#;
    let call = play_as("GET", &Scene { path, parameters, request: b"", body, ..Scene::default() });
    let Subject::Points { store, .. } = call.subject else { panic!("no points") };
    assert_eq!((store.collection.as_deref(), store.collection_id.as_deref()), (Some("docs"), Some("u")));
}
