use proptest::prelude::*;
use serde_json::json;

use super::super::Convert;
use super::super::scene::odd;
use super::*;

fn of(convert: Convert, request: Value, response: Value) -> Content {
    let mut content = Content::default();
    convert(&Bodies { request, response, events: Vec::new() }, &mut content);
    content
}

fn document(id: &str, score: Option<f64>, text: &str, metadata: Option<Value>) -> Document {
    Document { id: Some(id.to_owned()), score, text: Some(text.to_owned()), metadata }
}

#[test]
fn what_is_searched_for() {
    let near = |query: Value| json!({"query": query});
    for (convert, request, expected) in [
        (chroma as Convert, json!({"query_embeddings": [[0.5]], "n_results": 3}), None),
        (
            chroma,
            json!({"searches": [{"rank": {"$knn": {"query": "q"}}}, {"rank": {"$knn": {"query": [1]}}}]}),
            Some("q"),
        ),
        (qdrant, near(json!([0.5])), None),
        (qdrant, near(json!({"nearest": {"text": "q", "model": "m"}})), Some("q")),
        (
            qdrant,
            json!({"searches": [near(json!({"text": "q"})), near(json!({"text": "r"})), near(json!({"text": "q"}))]}),
            Some("q\nr"),
        ),
        (qdrant, json!({"prefetch": [near(json!({"text": "q"}))], "query": {"fusion": "rrf"}}), Some("q")),
        (pinecone, json!({"query": {"top_k": 3, "inputs": {"text": "q"}}}), Some("q")),
        (pinecone, json!({"vector": [0.5]}), None),
        (weaviate, json!({"query": "{Get{Doc(bm25:{query: \"q\"}){text}}}"}), Some("q")),
        (milvus, json!({"data": ["q", "r"]}), Some("q\nr")),
        (milvus, json!({"data": [[0.5]]}), None),
        (milvus, json!({"search": [{"data": ["q"]}]}), Some("q")),
        (turbopuffer, json!({"rank_by": ["text", "BM25", "q"]}), Some("q")),
        (
            turbopuffer,
            json!({"queries": [{"rank_by": ["Sum", [["a", "BM25", "q"], ["b", "BM25", "r"]]]}]}),
            Some("q\nr"),
        ),
        (turbopuffer, json!({"rank_by": ["id", "asc"]}), None),
        (turbopuffer, json!({"rank_by": ["vector", "ANN", [0.5]]}), None),
        (vespa, json!({"yql": "y", "query": "q"}), Some("q")),
        (vespa, json!({"yql": "y", "input.query(q)": "embed(e5, @text)", "text": "q"}), Some("q")),
        (vespa, json!({"yql": "y", "input": {"query(q)": "embed(\"q\")"}}), Some("q")),
        (vespa, json!({"yql": "y", "input.query(q)": [0.5]}), None),
        (openai_stores, json!({"query": "q"}), Some("q")),
        (openai_stores, json!({"query": ["q", "r"]}), Some("q\nr")),
        (openai_stores, json!({"query": 7}), None),
    ] {
        assert_eq!(of(convert, request.clone(), Value::Null).query.as_deref(), expected, "{request}");
    }
}

#[test]
fn what_is_found() {
    let year = Some(json!({"year": 2025}));
    let both = [document("1", Some(0.5), "a", year.clone()), document("2", Some(0.25), "b", None)];
    let by_id = both.clone().map(|found| Document { score: None, ..found });
    for (convert, response, expected) in [
        (
            chroma as Convert,
            json!({"ids": [["1"], ["2"]], "distances": [[0.5], [0.25]], "documents": [["a"], ["b"]], "metadatas": [[{"year": 2025}], [null]]}),
            &both,
        ),
        (chroma, json!({"ids": ["1", "2"], "documents": ["a", "b"], "metadatas": [{"year": 2025}]}), &by_id),
        (
            qdrant,
            json!({"result": {"points": [
                {"id": 1, "score": 0.5, "payload": {"text": "a", "year": 2025}, "vector": [1]}, {"id": "2", "score": 0.25, "payload": {"text": "b"}}, 7,
            ]}}),
            &both,
        ),
        (
            qdrant,
            json!({"result": [{"points": [{"id": 1, "score": 0.5, "payload": {"text": "a", "year": 2025}}]}, [{"id": "2", "score": 0.25, "payload": {"text": "b"}}]]}),
            &both,
        ),
        (
            qdrant,
            json!({"result": {"groups": [{"hits": [{"id": 1, "score": 0.5, "payload": {"text": "a", "year": 2025}}]}, {"hits": [{"id": 2, "score": 0.25, "payload": {"text": "b"}}]}]}}),
            &both,
        ),
        (
            qdrant,
            json!({"result": [{"id": 1, "payload": {"text": "a", "year": 2025}}, {"id": 2, "payload": {"text": "b"}}]}),
            &by_id,
        ),
        (
            pinecone,
            json!({"matches": [{"id": "1", "score": 0.5, "values": [1], "metadata": {"text": "a", "year": 2025}}, {"id": "2", "score": 0.25, "metadata": {"text": "b"}}]}),
            &both,
        ),
        (
            pinecone,
            json!({"vectors": {"1": {"id": "1", "values": [1], "metadata": {"text": "a", "year": 2025}}, "2": {"id": "2", "metadata": {"text": "b"}}}}),
            &by_id,
        ),
        (
            pinecone,
            json!({"result": {"hits": [{"_id": "1", "_score": 0.5, "fields": {"text": "a", "year": 2025}}, {"_id": "2", "_score": 0.25, "fields": {"text": "b"}}]}}),
            &both,
        ),
        (
            weaviate,
            json!({"data": {"Get": {"A": [{"text": "a", "year": 2025, "_additional": {"id": "1", "score": "0.5"}}], "B": [{"text": "b", "_additional": {"id": "2", "distance": 0.25}}]}}}),
            &both,
        ),
        (
            milvus,
            json!({"code": 0, "data": [{"distance": 0.5, "id": 1, "text": "a", "year": 2025, "v": vec![0.5; 20]}, {"distance": 0.25, "id": 2, "text": "b"}]}),
            &both,
        ),
        (
            turbopuffer,
            json!({"rows": [{"id": 1, "$dist": 0.5, "text": "a", "year": 2025, "vector": "AAAA"}], "results": [{"rows": [{"id": 2, "$dist": 0.25, "text": "b"}]}]}),
            &both,
        ),
        (
            vespa,
            json!({"root": {"children": [{"id": "1", "relevance": 0.5, "fields": {"text": "a", "year": 2025}}, {"id": "2", "relevance": 0.25, "fields": {"text": "b"}}]}}),
            &both,
        ),
        (
            openai_stores,
            json!({"data": [{"file_id": "1", "score": 0.5, "content": [{"type": "text", "text": "a"}], "year": 2025}, {"file_id": "2", "score": 0.25, "content": [{"text": "b"}]}]}),
            &both,
        ),
    ] {
        assert_eq!(of(convert, Value::Null, response.clone()).documents, expected, "{response}");
    }
    let object = json!({"class": "Doc", "id": "1", "properties": {"text": "a", "year": 2025}, "vector": [1]});
    let [first, _] = by_id;
    assert_eq!(of(weaviate, Value::Null, object.clone()).documents, [first]);
    assert_eq!(of(weaviate, json!({"class": "Doc"}), object).documents, [], "what was written was not found");
}

#[test]
fn errors_say_what_they_say() {
    for (convert, response) in [
        (chroma as Convert, json!({"error": "NotFoundError", "message": "no"})),
        (qdrant, json!({"status": {"error": "no"}})),
        (pinecone, json!({"error": {"code": "INVALID_ARGUMENT", "message": "no"}})),
        (pinecone, json!({"code": 3, "message": "no"})),
        (weaviate, json!({"data": null, "errors": [{"message": "no"}]})),
        (weaviate, json!({"error": [{"message": "no"}]})),
        (milvus, json!({"code": 1100, "message": "no"})),
        (turbopuffer, json!({"status": "error", "error": "no"})),
        (vespa, json!({"root": {"errors": [{"code": 4, "message": "no"}]}})),
        (openai_stores, json!({"error": {"message": "no"}})),
    ] {
        let content = of(convert, Value::Null, response.clone());
        assert_eq!((content.error.as_deref(), content.documents), (Some("no"), Vec::new()), "{response}");
    }
    assert_eq!(
        of(milvus, Value::Null, json!({"code": 0, "message": "ok", "data": {"insertCount": 1}})),
        Content::default()
    );
    assert_eq!(of(turbopuffer, Value::Null, json!({"status": "OK", "message": "ok"})), Content::default());
    assert_eq!(
        of(qdrant, Value::Null, json!({"result": {"operation_id": 8, "status": "completed"}})),
        Content::default()
    );
}

proptest! {
    #[test]
    fn nothing_stops_it(bodies in odd(&[
        "query", "searches", "rank", "$knn", "nearest", "text", "ids", "documents", "metadatas", "distances", "result", "points",
        "hits", "vectors", "matches", "data", "Get", "rows", "rank_by", "BM25", "root", "children", "fields", "content", "payload",
    ])) {
        for convert in [chroma, qdrant, pinecone, weaviate, milvus, turbopuffer, vespa, openai_stores] {
            convert(&bodies, &mut Content::default());
        }
    }

    #[test]
    fn no_query_stops_it(query in ".{0,64}") {
        query_texts(&query);
    }
}
