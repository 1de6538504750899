//! Searches of Elasticsearch and OpenSearch: the texts that their clauses look for, and what was found.

use serde_json::Value;

use super::Bodies;
use super::documents::{Queries, of_fields, take_error};
use super::values::{id, items};
use crate::call::content::Content;

/// Levels of clauses within clauses that are looked at.
const DEPTH_MAX: usize = 32;

/// What a clause's text is called, or a reranker's, or that of what embeds it.
const TEXTS: [&str; 4] = ["query", "query_text", "model_text", "inference_text"];
/// Clauses whose members are fields, each with its text.
const BY_FIELD: [&str; 3] = ["match", "match_phrase", "match_phrase_prefix"];
/// Members that look for nothing, but choose.
const CHOICES: [&str; 5] = ["filter", "post_filter", "must_not", "aggs", "aggregations"];

/// Takes over what is looked for, and hits.
pub(in crate::provider) fn elasticsearch(bodies: &Bodies, content: &mut Content) {
    let said = &bodies.response;
    let mut queries = Queries::default();
    look_for(&bodies.request, DEPTH_MAX, &mut queries);
    queries.put(content);
    for answer in std::iter::once(said).chain(items(&said["responses"])) {
        for hit in answer.pointer("/hits/hits").map(items).unwrap_or_default() {
            let source = if hit["_source"].is_object() { &hit["_source"] } else { &hit["fields"] };
            content.documents.push(of_fields(id(&hit["_id"]), hit["_score"].as_f64(), source, &[]));
        }
        take_error(answer, &["/error/root_cause/0/reason", "/error/reason", "/error"], content);
    }
}

/// A request may be lines of JSON, too: a list then.
fn look_for<'a>(asked: &'a Value, depth: usize, queries: &mut Queries<'a>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    for one in items(asked) {
        look_for(one, depth, queries);
    }
    for (name, member) in asked.as_object().into_iter().flatten() {
        let name = name.as_str();
        if TEXTS.contains(&name) {
            queries.add(member);
        }
        if BY_FIELD.contains(&name) {
            member.as_object().into_iter().flatten().for_each(|(_, text)| queries.add(text));
        }
        if !CHOICES.contains(&name) {
            look_for(member, depth, queries);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::call::content::Document;
    use crate::provider::content::scene::odd;

    fn of(request: Value, response: Value) -> Content {
        let mut content = Content::default();
        elasticsearch(&Bodies { request, response, events: Vec::new() }, &mut content);
        content
    }

    #[test]
    fn clauses_say_what_they_look_for() {
        let nested = (0..40).fold(json!({"query": "deep"}), |inner, _| json!({"bool": inner}));
        for (request, expected) in [
            (json!({"query": {"match": {"text": "q"}}}), Some("q")),
            (json!({"query": {"match": {"text": {"query": "q", "boost": 2}}}}), Some("q")),
            (json!({"query": {"multi_match": {"query": "q", "fields": ["a"]}}}), Some("q")),
            (json!({"query": {"semantic": {"field": "text", "query": "q"}}}), Some("q")),
            (json!({"query": {"sparse_vector": {"field": "t", "query": "q"}}}), Some("q")),
            (
                json!({"knn": {"query_vector_builder": {"text_embedding": {"model_id": "m", "model_text": "q"}}}}),
                Some("q"),
            ),
            (
                json!({"query": {"hybrid": {"queries": [{"match": {"text": "q"}}, {"neural": {"e": {"query_text": "q"}}}]}}}),
                Some("q"),
            ),
            (
                json!([{"index": "a"}, {"query": {"match": {"t": "q"}}}, {}, {"query": {"match": {"t": "r"}}}]),
                Some("q\nr"),
            ),
            (json!({"knn": {"query_vector": [1], "filter": {"match": {"city": "x"}}}}), None),
            (json!({"query": 7}), None),
            (nested, None),
        ] {
            assert_eq!(of(request.clone(), Value::Null).query.as_deref(), expected, "{request}");
        }
    }

    #[test]
    fn hits_are_documents() {
        let hits = json!({"hits": {"hits": [
            {"_id": "a", "_score": 0.5, "_source": {"text": "t", "e": vec![0.5; 20], "city": "x"}},
            {"_id": "b", "_score": null, "fields": {"text": ["t"]}},
        ]}});
        let expected = [
            Document {
                id: Some("a".to_owned()),
                score: Some(0.5),
                text: Some("t".to_owned()),
                metadata: Some(json!({"city": "x"})),
            },
            Document {
                id: Some("b".to_owned()),
                metadata: Some(json!({"text": ["t"]})),
                ..Document::default()
            },
        ];
        assert_eq!(of(Value::Null, hits.clone()).documents, expected);
        let several = of(
            Value::Null,
            json!({"responses": [hits, {"error": {"type": "t", "reason": "no such index"}}]}),
        );
        assert_eq!(
            (several.documents.as_slice(), several.error.as_deref()),
            (&expected[..], Some("no such index"))
        );
        assert_eq!(of(Value::Null, json!({"error": "x"})).error.as_deref(), Some("x"));
    }

    proptest! {
        #[test]
        fn nothing_stops_it(bodies in odd(&["query", "match", "bool", "hits", "_source", "text", "responses", "error", "knn"])) {
            elasticsearch(&bodies, &mut Content::default());
        }
    }
}
