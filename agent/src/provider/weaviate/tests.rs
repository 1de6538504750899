#![allow(clippy::panic, reason = "tests")]

use crate::call::{Call, Nearness, Subject};
use crate::provider::tests::scene::{Scene, play_as};

fn play(method: &str, path: &str, request: &str, body: &str) -> Call {
    let (request, body) = (request.as_bytes(), body.as_bytes());
    play_as(method, &Scene { host: "weaviate", path, request, body, ..Scene::default() })
}

fn graphql(query: &str, body: &str) -> Call {
    play("POST", "/v1/graphql", &serde_json::json!({ "query": query }).to_string(), body)
}

#[test]
fn queries_are_searches() {
    let numbers = vec!["0.123456789"; 1536].join(", ");
    let long = format!("{{Get{{Doc(nearVector: {{vector: [{numbers}]}} limit: 5){{text}}}}}}");
    let near =
        r#"{"data":{"Get":{"Doc":[{"_additional":{"distance":0.1}},{"_additional":{"distance":0.5}}]}}}"#;
    let scored =
        r#"{"data":{"Get":{"Doc":[{"_additional":{"score":"0.9"}},{"_additional":{"score":null}}]}}}"#;
    for (query, body, expected) in [
        (
            &*long,
            near,
            ("nearVector", Some("Doc"), Some(5), Some(1), Some(1536), Some(2), Some(Nearness::Distance(0.1))),
        ),
        (
            "{Get{Doc(hybrid:{query:\"x\"}){_additional{score}}}}",
            scored,
            ("hybrid", Some("Doc"), None, None, None, Some(2), Some(Nearness::Score(0.9))),
        ),
        (
            "{Get{A(nearText:{concepts:[\"x\"]} limit:1){x} B(nearVector:{vector:[1]} limit:1){x}}}",
            r#"{"data":{"Get":{"A":[{}],"B":null}}}"#,
            ("nearText", None, Some(1), Some(1), Some(1), Some(1), None),
        ),
        (
            "{Get{Doc(bm25:{query:\"x\"}){x}}}",
            r#"{"data":null}"#,
            ("bm25", Some("Doc"), None, None, None, None, None),
        ),
    ] {
        let call = graphql(query, body);
        let Subject::Retrieval { store, search } = call.subject else { panic!("{query}") };
        let found = (
            store.operation,
            store.collection.as_deref(),
            search.top_k,
            search.vectors,
            search.dimensions,
            search.matches,
            search.best,
        );
        assert_eq!(found, expected, "{query}");
        assert_eq!(call.notes, [""; 0], "{query}");
    }
    let longer = format!(
        "{{Get{{Doc(limit: 5 nearVector: {{vector: [{}1]}}){{text}}}}}}",
        "0.123456789, ".repeat(20_000)
    );
    let call = graphql(&longer, near);
    let Subject::Retrieval { search, .. } = call.subject else { panic!("cut") };
    assert_eq!((search.top_k, search.vectors, search.matches), (Some(5), None, Some(2)));
    assert_eq!(call.notes, ["the query is longer than what is read of it"]);
}

#[test]
fn errors_come_with_success() {
    let query = "{Get{Doc(nearText:{concepts:[\"x\"]}){x}}}";
    let part = ["some searches of the batch failed"];
    for (body, error, notes) in [
        (r#"{"data":null,"errors":[{"message":"no prompt"}]}"#, Some("_OTHER"), &[][..]),
        (r#"{"errors":[{"message":"no prompt"}]}"#, Some("_OTHER"), &[]),
        (r#"{"data":{"Get":{"Doc":null}},"errors":[{"message":"x"}]}"#, Some("_OTHER"), &[]),
        (r#"{"data":{"Get":{"Doc":[]}},"errors":[{"message":"x"}]}"#, None, &part),
        (r#"{"data":{"Get":{"Doc":[]}},"errors":[]}"#, None, &[]),
        (r#"{"data":{"Get":{"Doc":[]}},"errors":null}"#, None, &[]),
        (r#"{"data":{"Get":[]}}"#, None, &[]),
    ] {
        let call = graphql(query, body);
        assert_eq!((call.error_code.as_deref(), &call.notes[..]), (error, notes), "{body}");
    }
}

#[test]
fn objects_are_counted() {
    let failed = r#"{"result":{"status":"FAILED","errors":{"error":[{"message":"x"}]}}}"#;
    let made = r#"{"result":{"status":"SUCCESS","errors":null}}"#;
    let part = ["some objects of the batch failed"];
    let two = r#"{"objects":[{"class":"Doc","vector":[1,2],"tenant":"t"},{"class":"Doc","vectors":{"a":[1,2]},"tenant":"t"}]}"#;
    for (method, path, request, body, expected, notes) in [
        (
            "POST",
            "objects",
            r#"{"class":"Doc","properties":{},"vector":[1,2,3]}"#,
            "{}".to_owned(),
            (Some("Doc"), Some(1), Some(3), None, None, None),
            &[][..],
        ),
        (
            "PUT",
            "objects/Doc/7",
            r#"{"class":"Doc","vectors":{"a":[1,2],"b":[[1,2],[3,4]]}}"#,
            "{}".to_owned(),
            (Some("Doc"), Some(1), Some(2), None, None, None),
            &[],
        ),
        (
            "PATCH",
            "objects/Doc/7",
            r#"{"class":"Doc","properties":{"a":1}}"#,
            String::new(),
            (Some("Doc"), None, None, None, None, None),
            &["response body is empty"],
        ),
        (
            "POST",
            "batch/objects",
            two,
            format!("[{made},{made}]"),
            (Some("Doc"), Some(2), Some(2), None, Some(2), None),
            &[],
        ),
        (
            "POST",
            "batch/objects",
            two,
            format!("[{made},{failed}]"),
            (Some("Doc"), Some(2), Some(2), None, Some(2), None),
            &part,
        ),
        (
            "POST",
            "batch/objects",
            two,
            format!("[{failed},{failed}]"),
            (Some("Doc"), Some(2), Some(2), None, Some(2), Some("_OTHER")),
            &[],
        ),
        (
            "DELETE",
            "batch/objects",
            r#"{"match":{"class":"Doc","where":{"path":["a"],"operator":"Equal","valueText":"x"}}}"#,
            r#"{"results":{"matches":3,"successful":2,"failed":1}}"#.to_owned(),
            (Some("Doc"), None, None, Some(2), None, None),
            &part,
        ),
        (
            "DELETE",
            "batch/objects",
            r#"{"match":{"class":"Doc"},"dryRun":true}"#,
            r#"{"results":{"matches":3,"successful":3,"failed":0}}"#.to_owned(),
            (Some("Doc"), None, None, None, None, None),
            &[],
        ),
    ] {
        let call = play(method, &format!("/v1/{path}"), request, &body);
        let Subject::Points { store, points } = &call.subject else { panic!("{path} {request}") };
        let found = (
            store.collection.as_deref(),
            points.written,
            points.dimensions,
            points.deleted,
            store.batch,
            call.error_code.as_deref(),
        );
        assert_eq!(found, expected, "{method} {path} {body}");
        assert_eq!(call.notes, notes, "{method} {path} {body}");
    }
}

#[test]
fn its_clients_may_ask_without_a_body() {
    for (method, operation) in [("GET", "objects.get"), ("DELETE", "objects.delete")] {
        let (path, request, fields) = ("/v1/objects/Doc/7", &b""[..], &["x-weaviate-client"][..]);
        let call = play_as(method, &Scene { path, request, fields, body: b"{}", ..Scene::default() });
        let Subject::Points { store, .. } = call.subject else { panic!("{method}") };
        assert_eq!((store.operation, store.collection.as_deref()), (operation, Some("Doc")));
    }
}

#[test]
fn an_answer_without_content_lacks_none() {
    let (path, fields) = ("/v1/objects/Doc/7", &["x-weaviate-client"][..]);
    let call = play_as("DELETE", &Scene { path, request: b"", fields, status: 204, ..Scene::default() });
    assert_eq!(call.notes, [""; 0]);
}
