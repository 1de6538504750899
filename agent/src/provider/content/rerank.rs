//! Rerankers: what was sent to be put in order, and how near each was found to be.

use std::collections::HashMap;

use serde_json::Value;

use super::Bodies;
use super::documents::{of_fields, take_error};
use super::values::{first, items, word};
use crate::call::content::{Content, Document};

/// Takes over a query and its documents, in the order in which they were sent.
pub(in crate::provider) fn rerank(bodies: &Bodies, content: &mut Content) {
    let (asked, said) = (&bodies.request, &bodies.response);
    // NVIDIA's is an object, Bedrock's a list of such.
    let query = ["/query", "/query/text", "/queries/0/textQuery/text"];
    content.query = query.iter().find_map(|place| word(asked.pointer(place)?));
    let lists = [said, &said["results"], &said["data"], &said["rankings"]];
    let found = lists.into_iter().find(|list| list.is_array()).map(items).unwrap_or_default();
    let scores: HashMap<u64, f64> = found
        .iter()
        .filter_map(|one| {
            let score = first(one, &["relevance_score", "relevanceScore", "score", "logit"]);
            Some((one["index"].as_u64()?, score.as_f64()?))
        })
        .collect();
    let sent = items(first(asked, &["documents", "texts", "passages", "sources"]));
    let sent = (0..).zip(sent).map(|(place, sent)| document(place, sent, scores.get(&place).copied()));
    content.documents.extend(sent);
    take_error(said, &["/error/message", "/message", "/detail", "/error"], content);
}

fn document(place: u64, sent: &Value, score: Option<f64>) -> Document {
    let id = Some(place.to_string());
    if let Some(text) = sent.as_str() {
        return Document { id, score, text: Some(text.to_owned()), metadata: None };
    }
    // Bedrock's.
    let inline = &sent["inlineDocumentSource"];
    let text = inline.pointer("/textDocument/text").and_then(word);
    let fields = if inline.is_object() { &inline["jsonDocument"] } else { sent };
    let found = of_fields(id, score, fields, &[]);
    Document { text: text.or(found.text), ..found }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::provider::content::scene::odd;

    fn of(request: Value, response: Value) -> Content {
        let mut content = Content::default();
        rerank(&Bodies { request, response, events: Vec::new() }, &mut content);
        content
    }

    #[test]
    fn documents_are_scored_where_they_stood() {
        let found = |index: &str, score: &str| json!([{index: 1, score: 0.75}, {index: 0, score: 0.25}, {index: 7, score: 1}, {}]);
        let inline = |text: &str| json!({"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}});
        let results = |score: &str| json!({"results": found("index", score)});
        for (request, response) in [
            (json!({"query": "q", "documents": ["a", "b", "c"]}), results("relevance_score")),
            (
                json!({"query": "q", "documents": [{"text": "a"}, {"text": "b"}, "c"]}),
                json!({"data": found("index", "score")}),
            ),
            (json!({"query": "q", "texts": ["a", "b", "c"]}), found("index", "score")),
            (
                json!({"query": {"text": "q"}, "passages": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}),
                json!({"rankings": found("index", "logit")}),
            ),
            (
                json!({
                    "queries": [{"type": "TEXT", "textQuery": {"text": "q"}}],
                    "sources": [inline("a"), inline("b"), inline("c")],
                }),
                results("relevanceScore"),
            ),
        ] {
            let content = of(request, response);
            assert_eq!(content.query.as_deref(), Some("q"));
            let documents: Vec<_> = content
                .documents
                .iter()
                .map(|one| (one.id.as_deref(), one.text.as_deref(), one.score))
                .collect();
            assert_eq!(
                documents,
                [
                    (Some("0"), Some("a"), Some(0.25)),
                    (Some("1"), Some("b"), Some(0.75)),
                    (Some("2"), Some("c"), None),
                ]
            );
        }
    }

    #[test]
    fn what_else_a_document_has_is_kept() {
        let document = json!({"title": "T", "text": "a", "year": 2025});
        let content =
            of(json!({"query": 7, "documents": [document, 7]}), json!({"message": "no such model"}));
        let expected = Document {
            id: Some("0".to_owned()),
            score: None,
            text: Some("a".to_owned()),
            metadata: Some(json!({"title": "T", "year": 2025})),
        };
        let odd = Document { id: Some("1".to_owned()), ..Document::default() };
        assert_eq!((content.documents, content.query), (vec![expected, odd], None));
        assert_eq!(content.error.as_deref(), Some("no such model"));
    }

    proptest! {
        #[test]
        fn nothing_stops_it(bodies in odd(&["query", "documents", "text", "results", "index", "score", "sources", "error", "message"])) {
            rerank(&bodies, &mut Content::default());
        }
    }
}
