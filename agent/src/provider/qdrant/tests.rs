#![allow(clippy::panic, reason = "tests")]

use crate::call::{Nearness, Subject};
use crate::provider::tests::scene::{Scene, play_as};

#[test]
fn searches_by_whatever_they_are() {
    for (path, request, body, expected) in [
        (
            "query",
            r#"{"query":[1,2,3],"limit":2}"#,
            r#"{"result":{"points":[{"score":0.5},{"score":0.1}]}}"#,
            (Some(1), Some(3), Some(2), Some(0.5)),
        ),
        (
            "query",
            r#"{"query":{"nearest":[[1,2],[3,4]]}}"#,
            r#"{"result":{"points":[{"score":null}]}}"#,
            (Some(1), Some(2), Some(1), None),
        ),
        (
            "query",
            r#"{"query":{"fusion":"rrf"},"prefetch":[{"query":[1,2]},{"query":{"indices":[1],"values":[2]}}]}"#,
            r#"{"result":{"points":[]}}"#,
            (Some(1), Some(2), Some(0), None),
        ),
        ("query", r#"{"query":"7ab1"}"#, r#"{"result":null}"#, (None, None, None, None)),
        (
            "query/batch",
            r#"{"searches":[{"query":[1]},{"query":[1,2]}]}"#,
            r#"{"result":[{"points":[{"score":1}]},{"points":[{"score":3},{"score":2}]}]}"#,
            (Some(2), None, Some(3), Some(3.0)),
        ),
        (
            "search",
            r#"{"vector":{"name":"a","vector":[1,2]},"limit":"9"}"#,
            r#"{"result":[{"score":0.1},{"score":0.9}]}"#,
            (Some(1), Some(2), Some(2), Some(0.1)),
        ),
        (
            "search/batch",
            r#"{"searches":[{"vector":[1]}]}"#,
            r#"{"result":[[{"score":0.1}],[{"score":0.9}]]}"#,
            (Some(1), Some(1), Some(2), Some(0.9)),
        ),
        (
            "recommend",
            r#"{"positive":[1,[1,2,3]],"negative":["x"]}"#,
            r#"[]"#,
            (Some(1), Some(3), None, None),
        ),
        (
            "search/groups",
            r#"{"vector":[1,2]}"#,
            r#"{"result":{"groups":[{"hits":[{"score":2}]},{"hits":[{"score":1},{}]}]}}"#,
            (Some(1), Some(2), Some(3), Some(2.0)),
        ),
        ("query", "", "<html>", (None, None, None, None)),
    ] {
        let path = format!("/collections/docs/points/{path}");
        let scene =
            Scene { path: &path, request: request.as_bytes(), body: body.as_bytes(), ..Scene::default() };
        let call = play_as("POST", &scene);
        let Subject::Retrieval { store, search } = call.subject else { panic!("{path} {request}") };
        assert_eq!(store.collection.as_deref(), Some("docs"));
        let best = search.best.map(|best| match best {
            Nearness::Score(score) | Nearness::Distance(score) => score,
        });
        assert_eq!((search.vectors, search.dimensions, search.matches, best), expected, "{path} {request}");
    }
}

#[test]
fn points_are_counted() {
    for (method, path, request, body, expected) in [
        (
            "PUT",
            "",
            r#"{"points":[{"id":1,"vector":[1,2]},{"id":2,"vector":[1,2]}]}"#,
            "{}",
            (Some(2), Some(2), None, None, Some(2)),
        ),
        (
            "PUT",
            "",
            r#"{"points":[{"id":1,"vector":{"text":[1,2,3],"sparse":{"indices":[1],"values":[1]}}}]}"#,
            "{}",
            (Some(1), Some(3), None, None, Some(1)),
        ),
        (
            "PUT",
            "",
            r#"{"points":[{"id":1,"vector":{"a":[1,2,3],"b":[1]}}]}"#,
            "{}",
            (Some(1), None, None, None, Some(1)),
        ),
        (
            "PUT",
            "",
            r#"{"batch":{"ids":[1,2,3],"vectors":[[1,2],[1,2],[1,2]]}}"#,
            "null",
            (Some(3), Some(2), None, None, Some(3)),
        ),
        ("PUT", "", r#"{"points":[]}"#, "[]", (Some(0), None, None, None, Some(0))),
        ("POST", "/delete", r#"{"points":[1,2]}"#, "{}", (None, None, Some(2), None, Some(2))),
        ("POST", "/delete", r#"{"filter":{"must":[]}}"#, "{}", (None, None, None, None, None)),
        ("POST", "", r#"{"ids":[1,2]}"#, r#"{"result":[{"id":1}]}"#, (None, None, None, Some(1), None)),
        (
            "POST",
            "/scroll",
            r#"{"limit":3}"#,
            r#"{"result":{"points":[{},{}],"next_page_offset":null}}"#,
            (None, None, None, Some(2), None),
        ),
        (
            "POST",
            "/batch",
            r#"{"operations":[{},{},{}]}"#,
            r#"{"result":[{},{}]}"#,
            (None, None, None, None, Some(3)),
        ),
        ("POST", "/count", r#"{"exact":true}"#, r#"{"result":{"count":9}}"#, (None, None, None, None, None)),
    ] {
        let path = format!("/api/collections/docs/points{path}");
        let scene =
            Scene { path: &path, request: request.as_bytes(), body: body.as_bytes(), ..Scene::default() };
        let Subject::Points { store, points } = play_as(method, &scene).subject else {
            panic!("{path} {request}")
        };
        let found = (points.written, points.dimensions, points.deleted, points.returned, store.batch);
        assert_eq!(found, expected, "{path} {request}");
    }
}
