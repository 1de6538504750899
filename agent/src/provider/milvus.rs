//! Milvus' REST API, versions 1 and 2, as Zilliz Cloud has it, too. Most of its clients speak gRPC.

use std::sync::LazyLock;

use super::candidate::SIGN_MAX_BYTES;
use super::content::{self, Convert};
use super::follow::{End, Follow, JsonApi, NAME, code};
use super::json::{Json, Shape};
use super::vectors::{self, Kind, Operation, operations};
use super::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use crate::call::{Call, Nearness, Store};

#[cfg(test)]
mod tests;

operations! {
    Endpoint::post("");
    "POST" "v2/vectordb/entities/search" => Search "search";
    "POST" "v2/vectordb/entities/hybrid_search" => Search "hybrid_search";
    "POST" "v2/vectordb/entities/advanced_search" => Search "advanced_search";
    "POST" "v2/vectordb/entities/query" => Fetch "query";
    "POST" "v2/vectordb/entities/get" => Fetch "get";
    "POST" "v2/vectordb/entities/insert" => Write "insert";
    "POST" "v2/vectordb/entities/upsert" => Write "upsert";
    "POST" "v2/vectordb/entities/delete" => Delete "delete";
}

/// Version 1, at paths that others may have, too: the body tells.
static FIRST: &[Operation] = &[
    first("v1/vector/search", Kind::Search, "search"),
    first("v1/vector/query", Kind::Fetch, "query"),
    first("v1/vector/get", Kind::Fetch, "get"),
    first("v1/vector/insert", Kind::Write, "insert"),
    first("v1/vector/upsert", Kind::Write, "upsert"),
    first("v1/vector/delete", Kind::Delete, "delete"),
];

const fn first(path: &'static str, kind: Kind, name: &'static str) -> Operation {
    Operation { endpoint: Endpoint::post(path), kind, name }
}

pub(super) static DIALECTS: &[Dialect] = &[Dialect {
    endpoints: ENDPOINTS,
    claims: |request, body| {
        body.get("collectionName").as_text().is_some()
            && FIRST.iter().any(|known| known.endpoint.matches(request))
    },
    provider: "milvus",
    signs: &[("collectionName", SIGN_MAX_BYTES)],
    attributes: &[],
    follow,
}];

/// Of what is written the vectors are in fields of any name.
static WRITE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[("collectionName", NAME), ("dbName", NAME), ("data[].*[#]", 0), ("data.*[#]", 0)])
});

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("collectionName", NAME),
        ("dbName", NAME),
        ("limit", 0),
        ("filter", 0),
        ("outputFields", 0),
        ("data[#]", 0),
        ("search[].data[#]", 0),
        ("search[].filter", 0),
        ("searchParams.params.radius", 0),
        ("searchParams.radius", 0),
        ("id", 0),
        // Of version 1.
        ("vector", 0),
        ("params.radius", 0),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("code", 0),
        ("data[].distance", 0),
        ("data.insertCount", 0),
        ("data.upsertCount", 0),
        ("data.deleteCount", 0),
        ("topks[]", 0),
    ])
});

/// The outline of a filter that is a text: that there is one.
const FILTER: &str = "\"?\"";

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let operation = Operation::of(OPERATIONS, &recognised).or_else(|| Operation::of(FIRST, &recognised));
    let (kind, name) = operation.map_or((Kind::Search, "search"), |known| (known.kind, known.name));
    let store = Store { system: "milvus", operation: name, ..Store::default() };
    Follow::begin(Milvus(kind), vectors::call(kind, store), limits)
}

/// One operation being followed.
struct Milvus(Kind);

impl JsonApi for Milvus {
    const CONTENT: Option<Convert> = Some(content::stores::milvus);

    fn request_shape(&self) -> &'static Shape {
        if self.0 == Kind::Write { &WRITE } else { &REQUEST }
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        vectors::store(call, |store| {
            store.collection = asked.get("collectionName").text();
            store.namespace = asked.get("dbName").text();
        });
        let data = asked.get("data");
        let parts = asked.get("search").items();
        let filters = std::iter::once(asked).chain(parts).map(|part| part.get("filter"));
        let is_text = |filter: &Json| matches!(filter, Json::Text { bytes, .. } if *bytes > 0);
        let filter = filters.into_iter().any(is_text).then(|| FILTER.to_owned());
        let named = asked.get("id").length().or_else(|| asked.get("id").integer().map(|_| 1));
        match self.0 {
            Kind::Search => {
                asked_search(asked, filter, call);
                vectors::store(call, |store| store.batch = data.length());
            }
            Kind::Write => {
                let rows = if data.is_object() { std::slice::from_ref(data) } else { data.items() };
                let count = if data.is_object() { Some(1) } else { data.length() };
                let found = rows.iter().flat_map(Json::any).map(vectors::dimensions);
                vectors::points(call, |points| {
                    points.written = count;
                    points.dimensions = vectors::same(found.filter(Option::is_some));
                });
                vectors::store(call, |store| store.batch = count);
            }
            Kind::Delete => {
                vectors::points(call, |points| (points.deleted, points.filter) = (named, filter));
                vectors::store(call, |store| store.batch = named);
            }
            _ => vectors::points(call, |points| points.filter = filter),
        }
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        // What went well has a code, too: 0, and 200 in version 1.
        let failed = said.get("code").integer().is_some_and(|code| code != 0 && code != 200);
        if failed {
            call.error_code = code(said.get("code"));
            return;
        }
        let data = said.get("data");
        match self.0 {
            Kind::Search => vectors::search(call, |search| {
                search.matches = data.length();
                search.best = best(data, said.get("topks")).map(Nearness::Distance);
            }),
            Kind::Fetch => vectors::points(call, |points| points.returned = data.length()),
            _ => {
                let count = |name: &str| data.get(name).count();
                vectors::points(call, |points| {
                    points.written = count("insertCount").or(count("upsertCount")).or(points.written);
                    points.deleted = count("deleteCount").or(points.deleted);
                });
            }
        }
    }

    fn finish(self, _end: &End<'_>, _call: &mut Call) {}
}

fn asked_search(asked: &Json, filter: Option<String>, call: &mut Call) {
    // Each element is a vector, or stands for one; in version 1 there is but one.
    let parts = std::iter::once(asked).chain(asked.get("search").items());
    let lists = parts.flat_map(|part| part.get("data").items()).chain([asked.get("vector")]);
    let (count, dimensions) = vectors::vectors(lists.filter(|one| one.is_list()));
    let radius = ["searchParams.params.radius", "searchParams.radius", "params.radius"];
    vectors::search(call, |search| {
        (search.vectors, search.dimensions) = (count, dimensions);
        search.top_k = asked.get("limit").count();
        search.filter = filter;
        search.threshold = radius.into_iter().find_map(|path| asked.get(path).number());
        search.with_payload = asked.get("outputFields").length().map(|count| count > 0);
    });
}

/// How near the nearest is. The matches of several searches stand one after the other, and it is said how many each has.
fn best(data: &Json, counts: &Json) -> Option<f64> {
    let distances = vectors::numbers(data, "distance");
    if counts.length().is_none_or(|count| count < 2) {
        return vectors::nearest(&[distances]);
    }
    let mut rest = &distances[..];
    let mut lists = Vec::new();
    for count in counts.items() {
        let (list, behind) = rest.split_at_checked(usize::try_from(count.count()?).ok()?)?;
        lists.push(list.to_vec());
        rest = behind;
    }
    // Not all of them were read.
    if counts.length() != Some(lists.len() as u64) || data.length() != Some(distances.len() as u64) {
        return None;
    }
    vectors::nearest(&lists)
}
