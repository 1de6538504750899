#![allow(clippy::panic, reason = "tests")]

use super::{VERSION, index};
use crate::call::{Nearness, Subject};
use crate::provider::tests::scene::{Scene, play_as};

const HOST: &str = "docs-example-1a2b3c4.svc.us-east-1-aws.pinecone.io";

#[test]
fn a_host_names_its_index() {
    for (host, expected) in [
        (HOST, Some("docs-example")),
        ("docs-1a2b3c4.svc.aped-4627-b74a.pinecone.io", Some("docs")),
        ("api.pinecone.io", None),
        ("docs-1.svc.example.com", None),
        ("localhost", None),
    ] {
        assert_eq!(index(host).as_deref(), expected, "{host}");
    }
}

#[test]
fn searches() {
    for (path, request, body, expected) in [
        (
            "/query",
            r#"{"vector":[1,2,3],"topK":2,"namespace":"n"}"#,
            r#"{"matches":[{"id":"a","score":0.5},{"id":"b"}],"usage":{"readUnits":5}}"#,
            (Some(2), Some(3), Some(2), Some(0.5)),
        ),
        (
            "/query",
            r#"{"id":"a","topK":2.0}"#,
            r#"{"matches":[],"namespace":"n"}"#,
            (Some(2), None, Some(0), None),
        ),
        (
            "/records/namespaces/n/search",
            r#"{"query":{"inputs":{"text":"q"},"top_k":3}}"#,
            r#"{"result":{"hits":[{"_id":"a","_score":0.25}]}}"#,
            (Some(3), None, Some(1), Some(0.25)),
        ),
        ("/query", r#"{"topK":null,"namespace":"n"}"#, r#"{"matches":null}"#, (None, None, None, None)),
    ] {
        let scene = Scene {
            host: HOST,
            path,
            request: request.as_bytes(),
            body: body.as_bytes(),
            fields: &[VERSION],
            ..Scene::default()
        };
        let Subject::Retrieval { store, search } = play_as("POST", &scene).subject else { panic!("{path}") };
        assert_eq!(
            (store.collection.as_deref(), store.namespace.as_deref()),
            (Some("docs-example"), Some("n"))
        );
        let best = search.best.map(|best| match best {
            Nearness::Score(score) | Nearness::Distance(score) => score,
        });
        assert_eq!((search.top_k, search.dimensions, search.matches, best), expected, "{request}");
    }
}

#[test]
fn points_are_counted() {
    for (method, path, request, body, expected) in [
        (
            "POST",
            "upsert",
            r#"{"vectors":[{"id":"a","values":[1,2]}]}"#,
            r#"{"upsertedCount":1}"#,
            (Some(1), Some(2), None, false, None),
        ),
        ("POST", "delete", r#"{"ids":["a","b"]}"#, "{}", (None, None, Some(2), false, None)),
        ("POST", "delete", r#"{"deleteAll":true}"#, "{}", (None, None, None, true, None)),
        (
            "GET",
            "fetch",
            "",
            r#"{"vectors":{"a":{},"b":{}},"usage":{"readUnits":1}}"#,
            (None, None, None, false, Some(2)),
        ),
        ("GET", "list", "", r#"{"vectors":[{"id":"a"}]}"#, (None, None, None, false, Some(1))),
        ("GET", "fetch", "", r#"{"vectors":{}}"#, (None, None, None, false, Some(0))),
        ("GET", "fetch", "", r#"{"vectors":7}"#, (None, None, None, false, None)),
    ] {
        let path = format!("/vectors/{path}");
        let scene = Scene {
            host: HOST,
            path: &path,
            request: request.as_bytes(),
            body: body.as_bytes(),
            fields: &[VERSION],
            ..Scene::default()
        };
        let call = play_as(method, &scene);
        let Subject::Points { points, .. } = call.subject else { panic!("{path}") };
        let found = (points.written, points.dimensions, points.deleted, points.deleted_all, points.returned);
        assert_eq!(found, expected, "{path} {request}");
        assert!(call.notes.is_empty(), "{:?}", call.notes);
    }
}

#[test]
fn older_clients_say_no_version() {
    let request = br#"{"vectors":[{"id":"a","values":[1,2]}]}"#;
    let scene = Scene { host: HOST, path: "/vectors/upsert", request, body: b"{}", ..Scene::default() };
    let Subject::Points { store, points } = play_as("POST", &scene).subject else { panic!("no points") };
    assert_eq!((store.operation, store.collection.as_deref()), ("upsert", Some("docs-example")));
    assert_eq!(points.written, Some(1));
}
