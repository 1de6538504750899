//! What each kind of call is called, and what it has to say.

use super::*;
use crate::call::{Nearness, Points, Ranking, Search, Store};

#[test]
fn every_kind_of_call_has_its_name_and_its_attributes() {
    let store = |operation, batch| Store {
        system: "qdrant",
        operation,
        batch,
        collection: Some("docs".to_owned()),
        namespace: Some("tenant".to_owned()),
        ..Store::default()
    };
    let text = |text: &str| Some(text.to_owned());
    let in_store = ["db.system.name", "db.operation.name", "db.collection.name", "db.namespace"];
    for (subject, name, kind, expected) in [
        (
            Subject::Inference { operation: Inference::TextCompletion, finish_reasons: vec![] },
            "text_completion gpt-4o",
            "LLM",
            vec![("gen_ai.operation.name", string("text_completion"))],
        ),
        (
            Subject::Inference {
                operation: Inference::GenerateContent,
                finish_reasons: vec!["stop".to_owned()],
            },
            "generate_content gpt-4o",
            "LLM",
            vec![("gen_ai.response.finish_reasons", Value::strings(["stop"]))],
        ),
        (
            Subject::Embeddings { dimensions: Some(256), encoding_formats: vec!["float".to_owned()] },
            "embeddings gpt-4o",
            "EMBEDDING",
            vec![
                ("gen_ai.embeddings.dimension.count", Value::Int(256)),
                ("gen_ai.request.encoding_formats", Value::strings(["float"])),
            ],
        ),
        (
            Subject::Rerank(Ranking { top_k: Some(3), documents: Some(9), ..Ranking::default() }),
            "rerank gpt-4o",
            "RERANKER",
            vec![
                ("gen_ai.retrieval.top_k", Value::Int(3)),
                ("gen_ai.reranker.top_n", Value::Int(3)),
                ("spanwire.rerank.documents", Value::Int(9)),
            ],
        ),
        (
            Subject::Moderation,
            "moderation gpt-4o",
            "GUARDRAIL",
            vec![("gen_ai.operation.name", string("moderation"))],
        ),
        (
            Subject::Retrieval {
                store: store("query", None),
                search: Search {
                    top_k: Some(5),
                    matches: Some(4),
                    best: Some(Nearness::Distance(0.25)),
                    with_vectors: Some(false),
                    ..Search::default()
                },
            },
            "query docs",
            "RETRIEVER",
            vec![
                ("gen_ai.operation.name", string("retrieval")),
                ("gen_ai.data_source.id", string("docs")),
                ("gen_ai.provider.name", string("openai")),
                ("db.response.returned_rows", Value::Int(4)),
                ("db.vector.query.top_k", Value::Int(5)),
                ("db.vector.query.include_vectors", Value::Bool(false)),
                ("spanwire.retrieval.best_distance", Value::Double(0.25)),
            ],
        ),
        (
            Subject::Points {
                store: store("upsert", Some(9)),
                points: Points { written: Some(9), dimensions: Some(3), ..Points::default() },
            },
            "BATCH upsert docs",
            "VECTOR_DB",
            vec![
                ("db.operation.name", string("BATCH upsert")),
                ("db.operation.batch.size", Value::Int(9)),
                ("db.vector.upsert.count", Value::Int(9)),
                ("db.vector.upsert.dimensions", Value::Int(3)),
            ],
        ),
        (
            Subject::Points {
                store: store("delete", Some(1)),
                points: Points { deleted: Some(1), ..Points::default() },
            },
            "delete docs",
            "VECTOR_DB",
            vec![("db.vector.delete.count", Value::Int(1))],
        ),
        (
            Subject::Tool { name: "weather".to_owned(), call_id: text("call_1"), kind: text("function") },
            "execute_tool weather",
            "TOOL",
            vec![("gen_ai.tool.name", string("weather")), ("gen_ai.tool.call.id", string("call_1"))],
        ),
        (
            Subject::Agent { name: text("planner"), id: None },
            "invoke_agent planner",
            "AGENT",
            vec![("gen_ai.agent.name", string("planner"))],
        ),
        (
            Subject::Http { route: text("/orders/{id}") },
            "POST /orders/{id}",
            "CHAIN",
            vec![("http.route", string("/orders/{id}"))],
        ),
        (Subject::Http { route: None }, "POST", "CHAIN", vec![]),
    ] {
        let call = Call { request_model: text("gpt-4o"), ..Call::new(subject.clone(), "openai") };
        let span = span(&call, &exchange(200, Outcome::Complete), ConnectionFacts::default());
        let found = map(&span);
        assert_eq!(span.name, name);
        for key in ["fi.span.kind", "gen_ai.span.kind"] {
            assert_eq!(found.get(key), Some(&string(kind)), "{name}");
        }
        for (key, value) in expected {
            assert_eq!(found.get(key), Some(&value), "{name}: {key}");
        }
        let has_store = in_store.iter().all(|key| found.contains_key(*key));
        assert_eq!(
            has_store,
            matches!(subject, Subject::Retrieval { .. } | Subject::Points { .. }),
            "{name}"
        );
        assert!(
            found.iter().all(|(key, value)| attributes::find(key).is_some_and(|row| row.value.fits(value)))
        );
    }
}

#[test]
fn a_sum_of_tokens_is_told_only_of_final_counts() {
    let chat = || finished(vec![]);
    let embeddings = || Subject::Embeddings { dimensions: None, encoding_formats: vec![] };
    for (subject, input, output, is_final, error, expected) in [
        (chat(), Some(82), Some(40), true, None, Some(122)),
        (chat(), Some(82), Some(40), false, None, None),
        (chat(), Some(82), Some(40), true, Some("overloaded_error"), None),
        (chat(), Some(82), None, true, None, None),
        (chat(), None, Some(40), true, None, None),
        (chat(), Some(u64::MAX), Some(1), true, None, None),
        (embeddings(), Some(8), None, true, None, Some(8)),
        (embeddings(), None, None, true, None, None),
        (Subject::Rerank(Ranking::default()), Some(9), None, true, None, Some(9)),
    ] {
        let mut call = call();
        let case = format!("{subject:?} {input:?} {output:?} {is_final} {error:?}");
        call.subject = subject;
        call.usage = Usage { input, output, ..Usage::default() };
        call.is_final = is_final;
        call.error_code = error.map(str::to_owned);
        let found = map(&span(&call, &exchange(200, Outcome::Complete), ConnectionFacts::default()));
        assert_eq!(found.get("gen_ai.usage.total_tokens"), expected.map(Value::Int).as_ref(), "{case}");
    }
}

#[test]
fn an_endpoint_is_marked_where_there_is_a_list() {
    for (list, expected) in [
        ("", None),
        ("api.openai.com", Some("approved")),
        ("*.openai.com:443", Some("approved")),
        ("llm.internal", Some("unapproved")),
    ] {
        let mut attributes =
            span(&call(), &exchange(200, Outcome::Complete), ConnectionFacts::default()).attributes;
        attributes.retain(|(name, _)| name != "server.port");
        attributes.push(("server.port".into(), Value::Int(443)));
        attributes::approve(&mut attributes, &list.parse().unwrap());
        let found = attributes.iter().find(|(name, _)| name == "spanwire.endpoint.approval");
        assert_eq!(found.and_then(|(_, value)| value.as_str()), expected, "{list}");
    }
}
