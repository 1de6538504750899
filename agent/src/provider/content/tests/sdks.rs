//! What vendors' own SDKs and what they talk to said, recorded by `tests/exchanges/record.py`, as the recorder keeps it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use super::Content;
use crate::call::Recorded;
use crate::provider::BodyLimits;
use crate::provider::tests::wire::recorded_within;

/// The word that recordings have in each text of the user's or the model's.
const CANARY: &str = "canary";

/// Families in which something is said to a model.
const MODELS: &[&str] = &[
    "anthropic_messages",
    "anthropic_node",
    "aws_bedrock",
    "cohere_api",
    "google_gemini",
    "google_vertex",
    "tool_loops",
];

/// Families in which something is looked for.
const SEARCHES: &[&str] = &[
    "chroma_collections",
    "elasticsearch_search",
    "jina_api",
    "milvus_rest",
    "opensearch_search",
    "pinecone_index",
    "qdrant_points",
    "rerank_cohere",
    "rerank_tei",
    "turbopuffer_rows",
    "vespa_search",
    "voyage_api",
    "weaviate_rest",
];

/// Searches by a text; what the others have of texts are filters, and documents that are written.
const BY_TEXT: &[&str] = &[
    "elasticsearch_search/knn_model",
    "elasticsearch_search/retriever_rrf",
    "elasticsearch_search/semantic",
    "elasticsearch_search/sparse",
    "jina_api/rerank",
    "opensearch_search/neural_hybrid",
    "pinecone_index/rerank",
    "pinecone_index/search_records",
    "qdrant_points/query_inference",
    "rerank_cohere/missing",
    "rerank_cohere/v1",
    "rerank_cohere/v2",
    "rerank_tei/refused",
    "rerank_tei/rerank",
    "turbopuffer_rows/multi_query",
    "turbopuffer_rows/query_words",
    "vespa_search/embed",
    "vespa_search/hybrid",
    "voyage_api/rerank",
    "weaviate_rest/bm25",
    "weaviate_rest/hybrid",
    "weaviate_rest/near_text",
];

/// Vectors are made, which say nothing, and what a filter takes away is not there.
const NOT_SAID: [&str; 3] = ["aws_bedrock/embed_cohere", "aws_bedrock/embed_titan", "google_gemini/blocked"];
/// What is written, and sent back.
const WRITTEN: [&str; 5] = ["batch", "batch_delete", "batch_part", "create", "replace"];

/// Of the loops those in these dialects.
const LOOPS: [&str; 5] = ["anthropic", "bedrock", "claude", "cohere", "gemini"];

fn file_begins(path: &Path, begin: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begin))
}

/// Each exchange of these families: its name, its bodies, and what they say.
fn each(families: &[&str], sink: &mut dyn FnMut(&str, &Recorded, &Content)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/exchanges");
    for family in families {
        let entries = std::fs::read_dir(folder.join(family)).unwrap().map(|entry| entry.unwrap().path());
        let mut requests: Vec<_> =
            entries.filter(|path| path.extension().is_some_and(|one| one == "request")).collect();
        requests.sort();
        for path in requests {
            let read = |extension| std::fs::read(path.with_extension(extension)).unwrap();
            if *family == "tool_loops" && !LOOPS.iter().any(|begin| file_begins(&path, begin)) {
                continue;
            }
            let name = path.with_extension("").strip_prefix(&folder).unwrap().display().to_string();
            let limits = BodyLimits { kept_bytes: 1 << 20, ..BodyLimits::default() };
            for call in recorded_within(&read("request"), &read("response"), usize::MAX, limits) {
                if let Some(recorded) = &call.recorded {
                    sink(&name, recorded, &recorded.content());
                }
            }
        }
    }
}

/// Whether the user and the model said the word.
fn is_said(recorded: &Recorded) -> [bool; 2] {
    let has = |document: &[u8]| document.windows(CANARY.len()).any(|part| part == CANARY.as_bytes());
    let mut answered = recorded.response.iter().any(|document| has(document));
    recorded.events.each(&mut |_, event| answered |= has(event));
    [recorded.request.iter().any(|document| has(document)), answered]
}

fn has(said: &dyn std::fmt::Debug) -> bool {
    format!("{said:?}").contains(CANARY)
}

#[test]
fn what_is_said_to_models_is_found() {
    let (mut seen, mut wrong) = (0, Vec::new());
    each(MODELS, &mut |name, recorded, content| {
        seen += 1;
        if NOT_SAID.contains(&name) {
            return assert_eq!(content.output, [], "{name}");
        }
        let asked = [has(&(&content.system, &content.input)), has(&(&content.documents, &content.query))];
        let answered = has(&(&content.output, &content.error));
        let is_ranked = content.query.is_some();
        if is_said(recorded) != [asked.contains(&true), answered] {
            wrong.push(format!("{name}: {content:?}"));
        }
        let is_empty = content.output.is_empty() && content.error.is_none();
        if !is_ranked && (content.input.is_empty() || is_empty) {
            wrong.push(format!("{name}: nothing of {content:?}"));
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 80, "{seen} recordings");
}

#[test]
fn what_is_looked_for_is_found() {
    let (mut by_text, mut seen, mut wrong) = (Vec::new(), 0, Vec::new());
    each(SEARCHES, &mut |name, recorded, content| {
        seen += 1;
        if content.query.is_some() {
            by_text.push(name.to_owned());
        }
        let [_, answered] = is_said(recorded);
        // A reranker gives back what it was sent.
        let is_rerank = name.contains("rerank");
        let is_written = name.strip_prefix("weaviate_rest/").is_some_and(|name| WRITTEN.contains(&name));
        if is_written {
            assert_eq!(content, &Content::default(), "{name}");
        } else if !is_rerank && answered != has(&(&content.documents, &content.error)) {
            wrong.push(format!("{name}: {content:?}"));
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(by_text, BY_TEXT);
    assert!(seen > 80, "{seen} recordings");
}
