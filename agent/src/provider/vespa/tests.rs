#![allow(clippy::panic, reason = "tests")]

use super::source;
use crate::call::{Call, Nearness, Subject};
use crate::provider::tests::scene::{Scene, play_as};

fn play(request: &str, body: &str) -> Call {
    let (request, body) = (request.as_bytes(), body.as_bytes());
    play_as("POST", &Scene { host: "vespa", path: "/search/", request, body, ..Scene::default() })
}

#[test]
fn queries_for_neighbours_are_searches() {
    let found = r#"{"root":{"fields":{"totalCount":9},"children":[{"relevance":0.9},{"relevance":0.5}]}}"#;
    let yql = r#""yql":"select * from docs where {targetHits:10}nearestNeighbor(e, q)""#;
    for (request, body, expected, error, notes) in [
        (
            format!(r#"{{{yql},"hits":3,"input.query(q)":[1,2],"ranking":"semantic"}}"#),
            found,
            (Some(3), Some(1), Some(2), Some(2), Some(Nearness::Score(0.9))),
            None,
            &[][..],
        ),
        (
            format!(r#"{{"input":{{"query(q)":{{"values":[1,2,3]}}}},{yql}}}"#),
            r#"{"root":{"errors":[{"code":8,"summary":"x"}],"children":[]}}"#,
            (None, Some(1), Some(3), Some(0), None),
            None,
            &["the answer has errors beside matches"],
        ),
        (
            format!(r#"{{{yql},"input.query(q)":"embed(@text)","text":"prompt"}}"#),
            r#"{"root":{"errors":[{"code":4,"message":"prompt"}]}}"#,
            (None, None, None, None, None),
            Some("4"),
            &[],
        ),
        (
            format!("{{{yql}}}"),
            r#"{"root":{"coverage":{"degraded":{"timeout":true}},"children":null}}"#,
            (None, None, None, None, None),
            None,
            &["the search timed out"],
        ),
    ] {
        let call = play(&request, body);
        let Subject::Retrieval { store, search } = &call.subject else { panic!("{request}") };
        let said = (search.top_k, search.vectors, search.dimensions, search.matches, search.best);
        assert_eq!(said, expected, "{request}");
        assert_eq!((call.error_code.as_deref(), &call.notes[..]), (error, notes), "{request}");
        assert_eq!(store.collection.as_deref(), Some("docs"));
    }
}

#[test]
fn a_query_names_its_source() {
    for (query, expected) in [
        ("select * from docs where true", Some("docs")),
        ("select a, b FROM sources docs", Some("docs")),
        ("select * from sources * where true", None),
        ("select * from sources a, b where true", None),
        ("select * from docs wher", None),
        ("select *", None),
    ] {
        assert_eq!(source(query).as_deref(), expected, "{query}");
    }
}
