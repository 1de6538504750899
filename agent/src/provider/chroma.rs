//! Chroma's HTTP API, versions 1 and 2.
//!
//! Operations name their collection by its id alone. That it has a name is learned where a collection is created or
//! read: such calls, too, are told, with both, for `correlate` to remember.

use std::sync::LazyLock;

use super::content::{self, Convert};
use super::follow::{End, Follow, JsonApi, NAME, WORD, code};
use super::json::{Json, Shape};
use super::vectors::{self, Kind, Operation, operations};
use super::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use crate::call::{Call, Nearness, Store};

#[cfg(test)]
mod tests;

operations! {
    Endpoint::post("");
    "POST" "api/v2/tenants/{tenant}/databases/{database}/collections" => Inspect "create_collection";
    "GET" "api/v2/tenants/{tenant}/databases/{database}/collections/{name}" => Inspect "get_collection";
    "POST" "api/v2/tenants/{tenant}/databases/{database}/collections/{id}/add" => Write "add";
    "POST" "api/v2/tenants/{tenant}/databases/{database}/collections/{id}/upsert" => Write "upsert";
    "POST" "api/v2/tenants/{tenant}/databases/{database}/collections/{id}/update" => Update "update";
    "POST" "api/v2/tenants/{tenant}/databases/{database}/collections/{id}/get" => Fetch "get";
    "POST" "api/v2/tenants/{tenant}/databases/{database}/collections/{id}/query" => Search "query";
    "POST" "api/v2/tenants/{tenant}/databases/{database}/collections/{id}/search" => Search "search";
    "POST" "api/v2/tenants/{tenant}/databases/{database}/collections/{id}/delete" => Delete "delete";
    "GET" "api/v2/tenants/{tenant}/databases/{database}/collections/{id}/count" => Inspect "count";
    "GET" "api/v1/collections/{name}" => Inspect "get_collection";
    "POST" "api/v1/collections/{id}/add" => Write "add";
    "POST" "api/v1/collections/{id}/upsert" => Write "upsert";
    "POST" "api/v1/collections/{id}/update" => Update "update";
    "POST" "api/v1/collections/{id}/get" => Fetch "get";
    "POST" "api/v1/collections/{id}/query" => Search "query";
    "POST" "api/v1/collections/{id}/delete" => Delete "delete";
}

/// What is asked without a body. The others count only where no endpoint of another dialect fits: a database may have
/// the name of a segment of Qdrant's.
const READS: &[Endpoint] = &[
    Endpoint {
        method: "GET",
        ..Endpoint::post("api/v2/tenants/{tenant}/databases/{database}/collections/{name}")
    },
    Endpoint {
        method: "GET",
        ..Endpoint::post("api/v2/tenants/{tenant}/databases/{database}/collections/{id}/count")
    },
    // Others may have such a path; version 1's clients say in which tenant and database.
    Endpoint {
        method: "GET",
        parameters: &["tenant", "database"],
        ..Endpoint::post("api/v1/collections/{name}")
    },
];

/// Version 1's path is one that others have, too: the body tells.
static CREATE: Operation = Operation {
    endpoint: Endpoint::post("api/v1/collections"),
    kind: Kind::Inspect,
    name: "create_collection",
};

pub(super) static DIALECTS: &[Dialect] = &[Dialect {
    endpoints: READS,
    claims: |request, body| {
        let creates = matches!(body.get("get_or_create"), Json::Bool(_)) && CREATE.endpoint.matches(request);
        creates || ENDPOINTS.iter().any(|endpoint| endpoint.matches(request))
    },
    provider: "chroma",
    signs: &[("get_or_create", 0)],
    attributes: &[],
    follow,
}];

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("name", NAME),
        ("ids", 0),
        // Each a list of numbers, or such a list in base64.
        ("embeddings[#]", 0),
        ("query_embeddings[#]", 0),
        ("n_results", 0),
        ("where{}", 0),
        ("where_document{}", 0),
        ("include[]", WORD),
        ("searches", 0),
        ("searches[].filter{}", 0),
        ("searches[].limit", 0),
        ("searches[].limit.limit", 0),
        ("searches[].rank.$knn.query[#]", 0),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("id", WORD),
        ("name", NAME),
        ("ids[#]", 0),
        ("distances[].[]", 0),
        ("scores[].[]", 0),
        ("deleted", 0),
        ("error", WORD),
    ])
});

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let operation = Operation::of(OPERATIONS, &recognised).unwrap_or(&CREATE);
    let captured = |name| recognised.captured(&operation.endpoint, name);
    let store = Store {
        system: "chroma",
        operation: operation.name,
        collection: captured("name"),
        collection_id: captured("id"),
        namespace: captured("database"),
        ..Store::default()
    };
    Follow::begin(Chroma(operation), vectors::call(operation.kind, store), limits)
}

/// One operation being followed.
struct Chroma(&'static Operation);

impl JsonApi for Chroma {
    const CONTENT: Option<Convert> = Some(content::stores::chroma);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    /// Version 1 says `true`, and a count is a number.
    fn is_document(&self, _document: &Json) -> bool {
        true
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        let ids = asked.get("ids").length();
        let filter = asked.get("where").text().or_else(|| asked.get("where_document").text());
        match self.0.kind {
            Kind::Search => asked_search(asked, filter, call),
            Kind::Write => {
                let dimensions = vectors::same(asked.get("embeddings").items().iter().map(dimensions));
                vectors::points(call, |points| (points.written, points.dimensions) = (ids, dimensions));
                vectors::store(call, |store| store.batch = ids);
            }
            Kind::Delete | Kind::Update => {
                let is_delete = self.0.kind == Kind::Delete;
                vectors::points(call, |points| {
                    (points.deleted, points.filter) = (ids.filter(|_| is_delete), filter);
                });
                vectors::store(call, |store| store.batch = ids);
            }
            Kind::Fetch => vectors::points(call, |points| points.filter = filter),
            Kind::Inspect => {
                let name = asked.get("name").text();
                vectors::store(call, |store| store.collection = store.collection.take().or(name));
            }
        }
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        call.error_code = code(said.get("error"));
        let ids = said.get("ids");
        match self.0.kind {
            Kind::Search => found(said, call),
            Kind::Fetch => vectors::points(call, |points| points.returned = ids.length()),
            Kind::Delete => {
                // Version 1 answers with the ids, version 2 since 1.5 with their number.
                let deleted = said.get("deleted").count();
                vectors::points(call, |points| points.deleted = deleted.or(points.deleted));
            }
            Kind::Inspect if call.error_code.is_none() => vectors::store(call, |store| {
                store.collection_id = store.collection_id.take().or_else(|| said.get("id").text());
                store.collection = said.get("name").text().or_else(|| store.collection.take());
            }),
            _ => {}
        }
    }

    fn finish(self, _end: &End<'_>, _call: &mut Call) {}
}

/// Numbers of an embedding: a list, or the base64 of 32 bits each.
fn dimensions(embedding: &Json) -> Option<u64> {
    match embedding {
        // What padding adds is less than one.
        Json::Text { bytes, .. } => Some(bytes / 4 * 3 / 4),
        list => vectors::dimensions(list),
    }
}

fn asked_search(asked: &Json, filter: Option<String>, call: &mut Call) {
    let searches = asked.get("searches");
    let items = searches.items();
    let embeddings = asked.get("query_embeddings");
    let includes = |what: &str| asked.get("include").items().iter().any(|one| one.as_text() == Some(what));
    let has_include = asked.get("include").is_list();
    let (ranked, ranked_dimensions) =
        vectors::vectors(items.iter().map(|one| one.get("rank").get("$knn").get("query")));
    vectors::search(call, |search| {
        search.vectors = embeddings.length().or(ranked);
        search.dimensions = vectors::same(embeddings.items().iter().map(dimensions)).or(ranked_dimensions);
        search.top_k = asked.get("n_results").count().or_else(|| {
            let limit = |one: &Json| one.get("limit").count().or_else(|| one.get("limit.limit").count());
            vectors::same(items.iter().map(limit))
        });
        search.filter = filter.or_else(|| vectors::same(items.iter().map(|one| one.get("filter").text())));
        search.with_payload = has_include.then(|| includes("metadatas") || includes("documents"));
        search.with_vectors = has_include.then(|| includes("embeddings"));
    });
    // The query of several embeddings is several searches.
    vectors::store(call, |store| store.batch = embeddings.length().or(searches.length()));
}

/// Columns, each with a list for each search.
fn found(said: &Json, call: &mut Call) {
    let ids = said.get("ids");
    let lists = ids.items();
    let are_all = ids.length() == Some(lists.len() as u64);
    let matches = vectors::sum(lists.iter().map(Json::length)).filter(|_| are_all);
    let firsts = |column: &Json| -> Vec<f64> {
        column.items().iter().filter_map(|list| list.items().first()?.number()).collect()
    };
    let least = |column: &Json| column.length().and_then(|_| firsts(column).into_iter().reduce(f64::min));
    let best = least(said.get("distances")).or_else(|| least(said.get("scores")));
    vectors::search(call, |search| {
        search.matches = matches;
        // A search's scores are distances, too: the smallest is the best.
        search.best = best.map(Nearness::Distance);
    });
}
