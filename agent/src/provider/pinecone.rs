//! Pinecone's REST API: vectors and records of an index, and embeddings. Its reranking is in `rerank`.

use std::sync::LazyLock;

use super::content::{self, Convert};
use super::follow::{End, Follow, JsonApi, NAME, code};
use super::json::{Json, LIST_MAX, Shape};
use super::vectors::{self, Kind, Operation, operations};
use super::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use crate::call::{Call, Nearness, Store, Subject};
use crate::exchange::Outcome;
use crate::protocol::http1::RequestHead;
use crate::value::Value;

#[cfg(test)]
mod tests;

/// Pinecone's clients send this field with each request; its value is a date, and of no matter.
pub(super) const VERSION: &str = "x-pinecone-api-version";

operations! {
    Endpoint { headers: &[VERSION], ..Endpoint::post("") };
    "POST" "vectors/upsert" => Write "upsert";
    "POST" "vectors/delete" => Delete "delete";
    "POST" "vectors/update" => Update "update";
    "GET" "vectors/fetch" => Fetch "fetch";
    "POST" "vectors/fetch_by_metadata" => Fetch "fetch_by_metadata";
    "GET" "vectors/list" => Fetch "list";
    "POST" "records/namespaces/{namespace}/search" => Search "search";
    "POST" "records/namespaces/{namespace}/upsert" => Write "upsert";
}

// These paths others have, too; Pinecone's clients say that they mean it.
static QUERY: Operation = Operation { endpoint: Endpoint::post("query"), kind: Kind::Search, name: "query" };
const EMBED: Endpoint = Endpoint::post("embed");

const READ_UNITS: &str = "pinecone.usage.read_units";
const WRITE_UNITS: &str = "pinecone.usage.write_units";

pub(super) static DIALECTS: &[Dialect] = &[Dialect {
    endpoints: ENDPOINTS,
    claims: |request, _| {
        is_pinecone(request)
            && ([QUERY.endpoint, EMBED].iter().any(|one| one.captures(&request.path).is_some())
                || unversioned(request).is_some())
    },
    provider: "pinecone",
    signs: &[],
    attributes: &[READ_UNITS, WRITE_UNITS],
    follow,
}];

/// The operation of an older client's, which sends no version.
fn unversioned(request: &RequestHead) -> Option<&'static Operation> {
    let is_one = |known: &Endpoint| known.method == request.method && known.captures(&request.path).is_some();
    OPERATIONS.iter().find(|known| is_one(&known.endpoint))
}

/// Whether a request is to Pinecone, or from a client of it.
pub(super) fn is_pinecone(request: &RequestHead) -> bool {
    let host = request.host.as_deref().unwrap_or_default();
    request.headers.get(VERSION).is_some() || host.ends_with(".pinecone.io")
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("topK", 0),
        ("namespace", NAME),
        ("vector", 0),
        ("filter{}", 0),
        ("includeMetadata", 0),
        ("includeValues", 0),
        ("vectors[].values", 0),
        ("ids", 0),
        ("deleteAll", 0),
        ("query.top_k", 0),
        ("query.vector.values", 0),
        ("query.filter{}", 0),
        ("model", NAME),
        ("parameters.dimension", 0),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("matches[].score", 0),
        ("result.hits[]._score", 0),
        ("vectors.*", 0),
        ("namespace", NAME),
        ("upsertedCount", 0),
        ("usage.readUnits", 0),
        ("usage.read_units", 0),
        ("usage.writeUnits", 0),
        ("usage.write_units", 0),
        ("usage.embed_total_tokens", 0),
        ("usage.total_tokens", 0),
        ("model", NAME),
        ("data[].values", 0),
        ("error.code", NAME),
    ])
});

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    if EMBED.captures(&recognised.request.path).is_some() {
        let subject = Subject::Embeddings { dimensions: None, encoding_formats: Vec::new() };
        return Follow::begin(Embed, Call::new(subject, recognised.provider), limits);
    }
    let operation = unversioned(recognised.request).unwrap_or(&QUERY);
    let store = Store {
        system: "pinecone",
        operation: operation.name,
        collection: recognised.request.host.as_deref().and_then(index),
        namespace: recognised.captured(&operation.endpoint, "namespace"),
        ..Store::default()
    };
    let call = vectors::call(operation.kind, store);
    Follow::begin(Pinecone { operation, lines: 0, returned: None }, call, limits)
}

/// The index of a host such as `docs-example-1a2b3c4.svc.us-east-1.pinecone.io`: behind the last dash stands the
/// project.
fn index(host: &str) -> Option<String> {
    let (first, rest) = host.split_once('.')?;
    let is_data = rest.starts_with("svc.") && rest.ends_with(".pinecone.io");
    let (index, _project) = first.rsplit_once('-')?;
    is_data.then(|| index.to_owned())
}

/// One operation on an index being followed.
struct Pinecone {
    operation: &'static Operation,
    /// Records that came as lines.
    lines: u64,
    /// How many vectors a response has by their ids, if it is whole.
    returned: Option<u64>,
}

impl JsonApi for Pinecone {
    const CONTENT: Option<Convert> = Some(content::stores::pinecone);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        let filter = asked.get("filter").text().or_else(|| asked.get("query.filter").text());
        let vector = [asked.get("vector"), asked.get("query.vector.values")];
        let (count, dimensions) = vectors::vectors(vector);
        vectors::search(call, |search| {
            (search.vectors, search.dimensions) = (count, dimensions);
            search.top_k = asked.get("topK").count().or_else(|| asked.get("query.top_k").count());
            search.filter.clone_from(&filter);
            search.with_payload = vectors::choice(asked.get("includeMetadata"));
            search.with_vectors = vectors::choice(asked.get("includeValues"));
        });
        let written = asked.get("vectors");
        let ids = asked.get("ids").length();
        vectors::points(call, |points| {
            points.filter = filter;
            match self.operation.kind {
                Kind::Write => {
                    let dimensions = written.items().iter().map(|one| vectors::dimensions(one.get("values")));
                    (points.written, points.dimensions) = (written.length(), vectors::same(dimensions));
                }
                Kind::Delete => {
                    (points.deleted, points.deleted_all) = (ids, asked.get("deleteAll").is_true())
                }
                _ => {}
            }
        });
        vectors::store(call, |store| {
            store.namespace = asked.get("namespace").text().or_else(|| store.namespace.take());
            store.batch = match self.operation.kind {
                Kind::Write => written.length(),
                Kind::Delete => ids,
                _ => None,
            };
        });
    }

    fn request_line(&mut self, _record: &Json, call: &mut Call) {
        self.lines += 1;
        vectors::points(call, |points| points.written = Some(self.lines));
        vectors::store(call, |store| store.batch = Some(self.lines));
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        call.error_code = code(said.get("error.code")).filter(|code| !code.is_empty());
        call.usage.input = said.get("usage.embed_total_tokens").count();
        for (name, paths) in [
            (READ_UNITS, ["usage.readUnits", "usage.read_units"]),
            (WRITE_UNITS, ["usage.writeUnits", "usage.write_units"]),
        ] {
            let units = paths.iter().find_map(|path| said.get(path).integer());
            call.extra.extend(units.map(|units| (name, Value::Int(units))));
        }
        vectors::store(call, |store| {
            store.namespace = store.namespace.take().or_else(|| said.get("namespace").text());
        });
        let (matches, hits) = (said.get("matches"), said.get("result.hits"));
        let (list, score) = if matches.is_list() { (matches, "score") } else { (hits, "_score") };
        let best = list.items().first().and_then(|first| first.get(score).number());
        vectors::search(call, |search| {
            (search.matches, search.best) = (list.length(), best.map(Nearness::Score));
        });
        let vectors = said.get("vectors");
        let named = vectors.any().count();
        self.returned =
            vectors.length().or((vectors.is_object() && named < LIST_MAX).then_some(named as u64));
        let upserted = said.get("upsertedCount").count();
        if self.operation.kind == Kind::Write {
            vectors::points(call, |points| points.written = upserted.or(points.written));
        }
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        let is_whole = end.exchange.outcome == Outcome::Complete && end.exchange.missing_bytes == 0;
        if self.operation.kind == Kind::Fetch && is_whole {
            vectors::points(call, |points| points.returned = self.returned);
        }
    }
}

/// Embeddings of texts by a model of Pinecone's.
struct Embed;

impl JsonApi for Embed {
    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        call.request_model = asked.get("model").text();
        if let Subject::Embeddings { dimensions, .. } = &mut call.subject {
            *dimensions = asked.get("parameters.dimension").count();
        }
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        call.error_code = code(said.get("error.code"));
        call.response_model = said.get("model").text();
        call.usage.input = said.get("usage.total_tokens").count();
        let first = said.get("data").items().first().and_then(|one| one.get("values").length());
        if let Subject::Embeddings { dimensions, .. } = &mut call.subject {
            *dimensions = dimensions.or(first);
        }
    }

    fn finish(self, _end: &End<'_>, _call: &mut Call) {}
}
