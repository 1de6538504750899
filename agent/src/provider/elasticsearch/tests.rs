#![allow(clippy::panic, reason = "tests")]

use crate::call::{Call, Nearness, Subject};
use crate::exchange::{Frame, Payload};
use crate::protocol::http1::{Headers, RequestHead};
use crate::provider::tests::scene::{Scene, play_as};
use crate::provider::tests::wire::Wire;
use crate::provider::{BodyLimits, Decision, Recognition, recognise};

const HITS: &str = r#"{"took":3,"timed_out":false,"_shards":{"total":1,"successful":1,"failed":0},
    "hits":{"total":{"value":2},"max_score":0.9,"hits":[{"_id":"1","_score":0.9},{"_id":"2","_score":0.5}]}}"#;

fn play(method: &str, path: &str, request: &str, body: &str) -> Call {
    let (request, body) = (request.as_bytes(), body.as_bytes());
    play_as(method, &Scene { host: "search", path, request, body, ..Scene::default() })
}

/// What a search says of what it asks with: whose words, k, vectors, their numbers, filter.
fn asked(call: &Call) -> (&'static str, Option<u64>, Option<u64>, Option<u64>, Option<&str>) {
    let Subject::Retrieval { store, search } = &call.subject else { panic!("{call:?}") };
    assert_eq!(call.provider, store.system);
    (store.system, search.top_k, search.vectors, search.dimensions, search.filter.as_deref())
}

#[test]
fn clauses_are_found_wherever_they_stand() {
    let (elastic, open) = ("elasticsearch", "opensearch");
    let term = r#"{"term":{"city":"?"}}"#;
    for (body, expected) in [
        (
            r#"{"knn":{"field":"e","query_vector":[1,2,3],"k":5,"num_candidates":50,"filter":{"term":{"city":"x"}}}}"#,
            (elastic, Some(5), Some(1), Some(3), Some(term)),
        ),
        (
            r#"{"size":7,"knn":[{"field":"a","query_vector":[1,2]},{"field":"b","query_vector":[1,2]}]}"#,
            (elastic, Some(7), Some(2), Some(2), None),
        ),
        (
            r#"{"knn":{"query_vector_builder":{"text_embedding":{"model_id":"m","model_text":"x"}},"k":3}}"#,
            (elastic, Some(3), None, None, None),
        ),
        (
            r#"{"query":{"knn":{"field":"e","query_vector":[1,2],"k":2}}}"#,
            (elastic, Some(2), Some(1), Some(2), None),
        ),
        (
            r#"{"query":{"knn":{"embedding":{"vector":[1,2],"k":2,"filter":{"term":{"city":"x"}}}}}}"#,
            (open, Some(2), Some(1), Some(2), Some(term)),
        ),
        (
            r#"{"query":{"bool":{"filter":{"term":{"city":"x"}},"must":[{"match":{"a":"b"}},{"knn":{"e":{"vector":[1],"k":4}}}]}}}"#,
            (open, Some(4), Some(1), Some(1), Some(term)),
        ),
        (
            r#"{"query":{"hybrid":{"queries":[{"match":{"a":"b"}},{"nested":{"path":"p","query":{"neural":{"e":{"query_text":"x","model_id":"m","k":9}}}}}]}}}"#,
            (open, Some(9), None, None, None),
        ),
        (
            r#"{"query":{"script_score":{"query":{"bool":{"filter":{"term":{"city":"x"}}}},"script":{"source":"knn_score","lang":"knn","params":{"field":"e","query_value":[1,2]}}}},"size":2}"#,
            (open, Some(2), Some(1), Some(2), Some(term)),
        ),
        (
            r#"{"query":{"script_score":{"query":{"match_all":{}},"script":{"source":"cosineSimilarity(params.v, 'e') + 1.0","params":{"v":[1,2]}}}}}"#,
            (elastic, None, Some(1), Some(2), None),
        ),
        (
            r#"{"retriever":{"knn":{"field":"e","query_vector":[1,2],"k":3,"num_candidates":9}},"size":2}"#,
            (elastic, Some(3), Some(1), Some(2), None),
        ),
        (
            r#"{"retriever":{"text_similarity_reranker":{"retriever":{"rrf":{"retrievers":[{"standard":{"query":{"match":{"a":"b"}}}},{"knn":{"query_vector":[1,2],"k":3}}],"filter":{"term":{"city":"x"}}}}}}}"#,
            (elastic, Some(3), Some(1), Some(2), Some(term)),
        ),
        (
            r#"{"retriever":{"linear":{"retrievers":[{"retriever":{"knn":{"query_vector":[1],"k":3}},"weight":2},{"retriever":{"standard":{"query":{"semantic":{"field":"a","query":"b"}}}}}]}}}"#,
            (elastic, Some(3), Some(1), Some(1), None),
        ),
        (
            r#"{"query":{"sparse_vector":{"field":"e","inference_id":"elser","query":"x"}},"size":3}"#,
            (elastic, Some(3), None, None, None),
        ),
        (
            r#"{"query":{"neural_sparse":{"e":{"query_text":"x","model_id":"m"}}}}"#,
            (open, None, None, None, None),
        ),
    ] {
        let call = play("POST", "/docs/_search", body, HITS);
        assert_eq!(asked(&call), expected, "{body}");
        let Subject::Retrieval { store, search } = call.subject else { panic!("{body}") };
        assert_eq!((store.operation, store.collection.as_deref()), ("search", Some("docs")));
        assert_eq!((search.matches, search.best), (Some(2), Some(Nearness::Score(0.9))));
        let by_get = play("GET", "/docs/_search", body, HITS);
        assert_eq!(asked(&by_get), expected, "{body}");
    }
}

/// What becomes of a request, with how much of it was looked at.
fn decide(method: &str, path: &str, content_type: &str, frames: &[Payload]) -> Option<bool> {
    let request = RequestHead {
        method: method.to_owned(),
        headers: Headers::of(&[("content-type", content_type)]),
        ..Scene { host: "search", path, ..Scene::default() }.head()
    };
    let mut candidate = match recognise(&request, BodyLimits::default()) {
        Recognition::Candidate(candidate) => candidate,
        Recognition::Known(_) => return Some(true),
        Recognition::Foreign => return Some(false),
    };
    for payload in frames {
        match candidate.request(&request, &Frame { time_ns: 0, payload: payload.clone() }) {
            Decision::Open => {}
            Decision::Known(_) => return Some(true),
            Decision::Foreign => return Some(false),
        }
    }
    None
}

fn document(text: &str) -> Vec<Payload> {
    vec![Payload::Document(text.to_owned().into())]
}

fn lines(text: &str) -> Vec<Payload> {
    let line = |line: &str| Payload::Line { bytes: line.to_owned().into(), damaged: false };
    text.lines().map(line).collect()
}

#[test]
fn ordinary_searches_are_let_go_at_once() {
    let json = "application/json";
    let knn = r#"{"knn":{"query_vector":[1]}}"#;
    let long = format!(r#"{{"knn":{{"query_vector":[{}"#, "0.123456789,".repeat(2_000));
    let late = format!(r#"{{"query":{{"match":{{"a":"{}"}}}},"knn":{{"k":1}}}}"#, "x".repeat(9_000));
    for (method, path, content_type, frames, expected) in [
        ("POST", "/docs/_search", json, document(r#"{"query":{"match":{"knn":"x"}},"size":3}"#), Some(false)),
        (
            "POST",
            "/docs/_search",
            json,
            document(r#"{"query":{"bool":{"must":[{"match":{"a":"b"}}]}}}"#),
            Some(false),
        ),
        (
            "POST",
            "/docs/_search",
            json,
            document(r#"{"query":{"match_all":{}},"sort":{"knn":"asc"}}"#),
            Some(false),
        ),
        (
            "POST",
            "/docs/_search",
            json,
            document(r#"{"query":{"script_score":{"query":{},"script":{"source":"doc['a'].value"}}}}"#),
            Some(false),
        ),
        ("POST", "/docs/_search", json, document(r#"{"knn":"x"}"#), Some(false)),
        ("POST", "/docs/_search", json, document(&late), Some(false)),
        ("POST", "/docs/_search", json, document(&long), Some(true)),
        (
            "POST",
            "/docs/_search",
            "application/vnd.elasticsearch+json; compatible-with=9",
            document(knn),
            Some(true),
        ),
        ("POST", "/docs/_search", json, document(r#"{"knn":{"#), Some(true)),
        ("POST", "/docs/_search", json, document(r#"{"kn"#), None),
        ("POST", "/search", json, document(knn), Some(false)),
        ("POST", "/docs/_bulk", "application/x-ndjson", lines(knn), Some(false)),
        ("POST", "/docs/_bulk", json, document("{\"index\":{}}\n{\"vector\":[1]}\n"), Some(false)),
        ("POST", "/docs/_doc", json, document(knn), Some(false)),
        ("GET", "/docs/_search", json, document(r#"{"query":{"match_all":{}}}"#), Some(false)),
        ("GET", "/docs/_search", "text/plain", document(knn), Some(false)),
        ("GET", "/docs/_knn_search", json, document(knn), Some(true)),
        ("POST", "/docs/_knn_search", json, document(""), Some(true)),
        ("POST", "/_msearch", "application/x-ndjson", lines("{}\n{\"query\":{\"match_all\":{}}}"), None),
        ("POST", "/_msearch", json, lines(&format!("{{}}\n{knn}")), Some(true)),
        (
            "POST",
            "/_msearch",
            "application/vnd.elasticsearch+x-ndjson; compatible-with=9",
            lines(&"{\"query\":{\"match_all\":{}}}\n".repeat(400)),
            Some(false),
        ),
    ] {
        let found = decide(method, path, content_type, &frames);
        assert_eq!(found, expected, "{method} {path} {content_type}");
    }
}

#[test]
fn several_searches_are_one_batch() {
    let header = |index: &str| format!("{{\"index\":\"{index}\"}}\n");
    let knn = |k: u64| format!("{{\"knn\":{{\"field\":\"e\",\"query_vector\":[1,2],\"k\":{k}}}}}\n");
    let ordinary = "{}\n{}\n";
    let hits = r#"{"status":200,"hits":{"max_score":0.5,"hits":[{"_score":0.5}]}}"#;
    let failed = r#"{"status":404,"error":{"type":"index_not_found_exception","reason":"prompt"}}"#;
    for (target, request, answers, expected) in [
        (
            "/_msearch",
            [header("docs"), knn(3), header("docs"), knn(3)].concat(),
            vec![hits, hits],
            (Some("docs"), Some(2), Some(3), Some(2), Some(2), None, &[][..]),
        ),
        (
            "/_msearch",
            [header("docs"), knn(3), header("other"), knn(4), ordinary.to_owned()].concat(),
            vec![hits, hits, hits],
            (None, Some(3), None, Some(2), Some(3), None, &[]),
        ),
        (
            "/docs/_msearch",
            ["{}\n".to_owned(), knn(3), "{}\n".to_owned(), knn(3)].concat(),
            vec![hits, failed],
            (Some("docs"), Some(2), Some(3), Some(2), Some(1), None, &["some searches of the batch failed"]),
        ),
        (
            "/docs/_msearch",
            ["{}\n".to_owned(), knn(3)].concat(),
            vec![failed],
            (Some("docs"), Some(1), Some(3), Some(1), None, Some("index_not_found_exception"), &[]),
        ),
    ] {
        let body = format!(r#"{{"took":2,"responses":[{}]}}"#, answers.join(","));
        let pieces = [body.as_bytes()];
        let call = Wire { target, request: &request, pieces: &pieces, ..Wire::default() }.play();
        let Subject::Retrieval { store, search } = &call.subject else { panic!("{call:?}") };
        let found = (
            store.collection.as_deref(),
            store.batch,
            search.top_k,
            search.vectors,
            search.matches,
            call.error_code.as_deref(),
            &call.notes[..],
        );
        assert_eq!(found, expected, "{request}");
        assert_eq!(store.operation, "msearch");
    }
}

#[test]
fn answers_say_what_went_wrong() {
    let knn = r#"{"knn":{"query_vector":[1]}}"#;
    for (status, body, error, notes) in [
        (
            400,
            r#"{"error":{"type":"x_content_parse_exception","reason":"a b"},"status":400}"#,
            Some("x_content_parse_exception"),
            &[][..],
        ),
        (400, r#"{"error":"no handler found for uri","status":400}"#, None, &[]),
        (
            200,
            r#"{"_shards":{"total":2,"failed":1},"hits":{"hits":[]},"timed_out":true}"#,
            None,
            &["some shards failed", "the search timed out"],
        ),
        (200, r#"{"error":null,"hits":{"hits":null,"max_score":null},"_shards":null}"#, None, &[]),
        (502, "<html>", None, &["response body is not JSON"]),
    ] {
        let scene = Scene {
            path: "/docs/_search",
            request: knn.as_bytes(),
            status,
            body: body.as_bytes(),
            ..Scene::default()
        };
        let call = play_as("POST", &scene);
        assert_eq!((call.error_code.as_deref(), &call.notes[..]), (error, notes), "{body}");
    }
}

#[test]
fn whoever_answers_says_whose_it_is() {
    let (elastic, open) = ("elasticsearch", "opensearch");
    let knn = r#"{"query":{"knn":{"e":{"vector":[1],"k":4}}}}"#;
    for (host, request, answer_fields, expected) in [
        ("search", knn, &[][..], open),
        ("search", knn, &[("x-elastic-product", "Elasticsearch")][..], elastic),
        ("search", r#"{"knn":{"k":1}}"#, &[("x-opensearch-version", "OpenSearch/3.3.0 (opensearch)")], open),
        ("search", r#"{"knn":{"k":1}}"#, &[], elastic),
        ("search-x.eu-west-1.es.amazonaws.com", r#"{"knn":{"k":1}}"#, &[], open),
        ("x.eu-west-1.aoss.amazonaws.com", knn, &[], open),
    ] {
        let request = request.as_bytes();
        let scene =
            Scene { host, path: "/docs/_search", request, body: b"{}", answer_fields, ..Scene::default() };
        let call = play_as("POST", &scene);
        assert_eq!(asked(&call).0, expected, "{host} {answer_fields:?}");
    }
}
