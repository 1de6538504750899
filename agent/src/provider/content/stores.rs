//! Vector stores: what was searched for, where that is a text, and what was found, with what is kept of it.
//!
//! What is written to a store is not taken over: the conventions have no place for it.

use serde_json::Value;

use super::Bodies;
use super::documents::{Queries, of_fields, take_error};
use super::values::{first, id, items, rest, text, word};
use crate::call::content::{Content, Document};
use crate::provider::weaviate::query_texts;

#[cfg(test)]
mod tests;

/// Takes over what Chroma says: columns, of each search a list, or of those that were asked for by id one list.
pub(in crate::provider) fn chroma(bodies: &Bodies, content: &mut Content) {
    let (asked, said) = (&bodies.request, &bodies.response);
    let mut queries = Queries::default();
    for search in items(&asked["searches"]) {
        if let Some(query) = search.pointer("/rank/$knn/query") {
            queries.add(query);
        }
    }
    queries.put(content);
    let columns = ["documents", "metadatas"].map(|name| &said[name]);
    let scores = first(said, &["distances", "scores"]);
    let ids = &said["ids"];
    if items(ids).first().is_some_and(Value::is_array) {
        for (search, ids) in items(ids).iter().enumerate() {
            let of = |column: &'_ Value| column.get(search).cloned().unwrap_or_default();
            chroma_rows(ids, columns.map(of).each_ref(), &of(scores), content);
        }
    } else {
        chroma_rows(ids, columns, &Value::Null, content);
    }
    take_error(said, &["/message", "/error"], content);
}

fn chroma_rows(ids: &Value, [texts, metadata]: [&Value; 2], scores: &Value, content: &mut Content) {
    content.documents.extend(items(ids).iter().enumerate().map(|(row, own)| Document {
        id: id(own),
        score: scores.get(row).and_then(Value::as_f64),
        text: texts.get(row).and_then(text),
        metadata: metadata.get(row).and_then(|of| rest(of, &[])),
    }));
}

/// Takes over what Qdrant says. What it embeds itself is an object with a text and a model.
pub(in crate::provider) fn qdrant(bodies: &Bodies, content: &mut Content) {
    let (asked, said) = (&bodies.request, &bodies.response);
    let mut queries = Queries::default();
    let prefetch = &asked["prefetch"];
    let several = items(&asked["searches"]).iter().chain(items(prefetch));
    for search in [asked, prefetch].into_iter().chain(several) {
        let places = ["/query/text", "/query/nearest/text", "/vector/text", "/target/text"];
        places.iter().filter_map(|place| search.pointer(place)).for_each(|text| queries.add(text));
        // One that is recommended like these.
        items(&search["positive"]).iter().for_each(|like| queries.add(&like["text"]));
    }
    queries.put(content);
    let result = &said["result"];
    let groups = items(&result["groups"]).iter().flat_map(|group| items(&group["hits"]));
    let points = items(&result["points"]).iter().chain(groups);
    // A list of points, or of lists of them.
    let listed = items(result).iter().flat_map(|one| match one {
        Value::Array(points) => points.as_slice(),
        answer if answer["points"].is_array() => items(&answer["points"]),
        point => std::slice::from_ref(point),
    });
    for point in points.chain(listed).filter(|point| point.is_object()) {
        let found = of_fields(id(&point["id"]), point["score"].as_f64(), &point["payload"], &[]);
        content.documents.push(found);
    }
    take_error(said, &["/status/error"], content);
}

/// Takes over what Pinecone says: matches of vectors, hits of records, vectors by their ids.
pub(in crate::provider) fn pinecone(bodies: &Bodies, content: &mut Content) {
    let (asked, said) = (&bodies.request, &bodies.response);
    let mut queries = Queries::default();
    asked.pointer("/query/inputs/text").into_iter().for_each(|text| queries.add(text));
    queries.put(content);
    let by_id = said["vectors"].as_object().into_iter().flat_map(|vectors| vectors.values());
    for found in items(&said["matches"]).iter().chain(by_id).chain(items(&said["vectors"])) {
        content.documents.push(of_fields(id(&found["id"]), found["score"].as_f64(), &found["metadata"], &[]));
    }
    for hit in said.pointer("/result/hits").map(items).unwrap_or_default() {
        content.documents.push(of_fields(id(&hit["_id"]), hit["_score"].as_f64(), &hit["fields"], &[]));
    }
    take_error(said, &["/error/message", "/message"], content);
}

/// Takes over what Weaviate says: objects of classes, or one that was asked for by its id.
pub(in crate::provider) fn weaviate(bodies: &Bodies, content: &mut Content) {
    let (asked, said) = (&bodies.request, &bodies.response);
    let texts = query_texts(asked["query"].as_str().unwrap_or_default());
    if !texts.is_empty() {
        content.query = Some(texts.join("\n"));
    }
    let classes = said.pointer("/data/Get").and_then(Value::as_object);
    for object in classes.into_iter().flat_map(|classes| classes.values()).flat_map(items) {
        let more = &object["_additional"];
        let score = first(more, &["certainty", "score", "distance"]);
        // Some are numbers in a text.
        let number = || score.as_str()?.parse::<f64>().ok().filter(|score| score.is_finite());
        let score = score.as_f64().or_else(number);
        content.documents.push(of_fields(id(&more["id"]), score, object, &["_additional"]));
    }
    if asked.is_null() && said["properties"].is_object() {
        content.documents.push(of_fields(id(&said["id"]), None, &said["properties"], &[]));
    }
    take_error(said, &["/errors/0/message", "/error/0/message", "/error/message"], content);
}

/// Takes over what Milvus says: rows, whose fields have any name.
pub(in crate::provider) fn milvus(bodies: &Bodies, content: &mut Content) {
    let (asked, said) = (&bodies.request, &bodies.response);
    let mut queries = Queries::default();
    let parts = items(&asked["search"]).iter().map(|part| &part["data"]);
    // Of what is written these are objects.
    parts.chain([&asked["data"]]).flat_map(items).for_each(|text| queries.add(text));
    queries.put(content);
    for row in items(&said["data"]).iter().filter(|row| row.is_object()) {
        let fields = of_fields(id(&row["id"]), row["distance"].as_f64(), row, &["id", "distance"]);
        content.documents.push(fields);
    }
    if !matches!(said["code"].as_i64(), None | Some(0 | 200)) {
        take_error(said, &["/message"], content);
    }
}

/// Takes over what Turbopuffer says: rows, with their attributes beside their id.
pub(in crate::provider) fn turbopuffer(bodies: &Bodies, content: &mut Content) {
    let (asked, said) = (&bodies.request, &bodies.response);
    let mut queries = Queries::default();
    for search in std::iter::once(asked).chain(items(&asked["queries"])) {
        ranked_by(&search["rank_by"], RANK_DEPTH_MAX, &mut queries);
    }
    queries.put(content);
    let several = items(&said["results"]).iter().flat_map(|result| items(&result["rows"]));
    for row in items(&said["rows"]).iter().chain(several) {
        let found = of_fields(id(&row["id"]), row["$dist"].as_f64(), row, &["id", "$dist", "vector"]);
        content.documents.push(found);
    }
    take_error(said, &["/error"], content);
}

/// Levels of sums and products in an order.
const RANK_DEPTH_MAX: usize = 8;

/// An attribute, how it is compared, and with what; or a sum of such.
fn ranked_by<'a>(rank: &'a Value, depth: usize, queries: &mut Queries<'a>) {
    let rank = items(rank);
    if let [_, how, text] = rank
        && matches!(how.as_str(), Some("BM25" | "ANN"))
    {
        queries.add(text);
        queries.add(&text["text"]);
    } else if depth > 0 {
        rank.iter().for_each(|inner| ranked_by(inner, depth - 1, queries));
    }
}

/// Takes over what Vespa says. What it embeds is a text, or a member that `@` names.
pub(in crate::provider) fn vespa(bodies: &Bodies, content: &mut Content) {
    let (asked, said) = (&bodies.request, &bodies.response);
    let root = &said["root"];
    let mut queries = Queries::default();
    queries.add(&asked["query"]);
    let flat = asked.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("input."));
    let nested = asked["input"].as_object().into_iter().flatten();
    for input in flat.chain(nested).filter_map(|(_, input)| input.as_str()) {
        let Some((_, inner)) = input.split_once("embed(") else { continue };
        if let Some((_, name)) = inner.split_once('@') {
            queries.add(&asked[name.trim_end_matches(')').trim()]);
        } else if let Some((_, text)) = inner.split_once(['"', '\'']) {
            queries.add_text(text.rsplit_once(['"', '\'']).map_or(text, |(text, _)| text));
        }
    }
    queries.put(content);
    for hit in items(&root["children"]) {
        content.documents.push(of_fields(id(&hit["id"]), hit["relevance"].as_f64(), &hit["fields"], &[]));
    }
    take_error(root, &["/errors/0/message", "/errors/0/summary"], content);
}

/// Takes over what OpenAI's stores say: files, of each the texts that fit.
pub(in crate::provider) fn openai_stores(bodies: &Bodies, content: &mut Content) {
    let (asked, said) = (&bodies.request, &bodies.response);
    let mut queries = Queries::default();
    queries.add(&asked["query"]);
    items(&asked["query"]).iter().for_each(|query| queries.add(query));
    queries.put(content);
    for found in items(&said["data"]).iter().filter(|found| found.is_object()) {
        let texts: Vec<_> =
            items(&found["content"]).iter().filter_map(|part| part["text"].as_str()).collect();
        content.documents.push(Document {
            id: word(&found["file_id"]),
            score: found["score"].as_f64(),
            text: (!texts.is_empty()).then(|| texts.join("\n")),
            metadata: rest(found, &["file_id", "score", "content"]),
        });
    }
    take_error(said, &["/error/message"], content);
}
