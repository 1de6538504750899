//! Turbopuffer's API: queries, and writes of rows.

use std::sync::LazyLock;

use super::content::{self, Convert};
use super::follow::{End, Follow, JsonApi, UNNAMED_ERROR};
use super::json::{Json, Shape};
use super::vectors::{self, Kind};
use super::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use crate::call::{Call, Nearness, Points, Search, Store, Subject};
use crate::protocol::http1::RequestHead;
use crate::value::Value;

#[cfg(test)]
mod tests;

// Others may have such paths; the body tells.
const QUERY: Endpoint = Endpoint::post("v2/namespaces/{namespace}/query");
const WRITE: Endpoint = Endpoint::post("v2/namespaces/{namespace}");

const QUERIED: &str = "turbopuffer.billing.billable_logical_bytes_queried";
const RETURNED: &str = "turbopuffer.billing.billable_logical_bytes_returned";
const WRITTEN: &str = "turbopuffer.billing.billable_logical_bytes_written";

/// How a request says what is near, and what is kept of each of its words.
const RANK_WORD: usize = 16;

pub(super) static DIALECTS: &[Dialect] = &[Dialect {
    endpoints: &[],
    claims,
    provider: "turbopuffer",
    signs: &[
        ("rank_by", 0),
        ("aggregate_by", 0),
        ("queries[].rank_by", 0),
        ("upsert_rows", 0),
        ("upsert_columns", 0),
        ("patch_rows", 0),
        ("patch_columns", 0),
        ("patch_by_filter", 0),
        ("deletes", 0),
        ("delete_by_filter", 0),
    ],
    attributes: &[QUERIED, RETURNED, WRITTEN],
    follow,
}];

fn claims(request: &RequestHead, body: &Json) -> bool {
    let has = |name: &str| body.get(name).is_list() || body.get(name).is_object();
    if QUERY.matches(request) {
        let first = body.get("queries").items().first();
        return has("rank_by") || has("aggregate_by") || first.is_some_and(|first| first.has("rank_by"));
    }
    let writes = [
        "upsert_rows",
        "upsert_columns",
        "patch_rows",
        "patch_columns",
        "patch_by_filter",
        "deletes",
        "delete_by_filter",
    ];
    writes.into_iter().any(has) && WRITE.matches(request)
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("rank_by[#]", RANK_WORD),
        ("top_k", 0),
        ("limit", 0),
        ("limit.total", 0),
        ("filters{}", 0),
        ("include_attributes", 0),
        ("aggregate_by", 0),
        ("queries", 0),
        ("queries[].rank_by[#]", RANK_WORD),
        ("queries[].top_k", 0),
        ("queries[].limit", 0),
        ("queries[].limit.total", 0),
        ("queries[].filters{}", 0),
        ("queries[].include_attributes", 0),
        ("upsert_rows[].vector", 0),
        ("upsert_columns.id", 0),
        ("upsert_columns.vector[#]", 0),
        ("patch_rows", 0),
        ("patch_columns.id", 0),
        ("deletes", 0),
        ("delete_by_filter{}", 0),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("rows[].$dist", 0),
        ("results[].rows[].$dist", 0),
        ("performance.embedding_tokens", 0),
        ("rows_deleted", 0),
        ("error", 0),
        ("status", RANK_WORD),
        ("billing.billable_logical_bytes_queried", 0),
        ("billing.billable_logical_bytes_returned", 0),
        ("billing.billable_logical_bytes_written", 0),
        ("billing.query.billable_logical_bytes_queried", 0),
        ("billing.query.billable_logical_bytes_returned", 0),
    ])
});

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let is_query = QUERY.matches(recognised.request);
    let (endpoint, operation, kind) =
        if is_query { (QUERY, "query", Kind::Search) } else { (WRITE, "write", Kind::Write) };
    let collection = recognised.captured(&endpoint, "namespace");
    let store = Store { system: "turbopuffer", operation, collection, ..Store::default() };
    Follow::begin(Turbopuffer(kind), vectors::call(kind, store), limits)
}

/// One request being followed.
struct Turbopuffer(Kind);

impl JsonApi for Turbopuffer {
    const CONTENT: Option<Convert> = Some(content::stores::turbopuffer);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        if self.0 == Kind::Search {
            asked_query(asked, call);
        } else {
            asked_write(asked, call);
        }
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        if said.get("status").as_text() == Some("error") || matches!(said.get("error"), Json::Text { .. }) {
            call.error_code = Some(UNNAMED_ERROR.to_owned());
        }
        call.usage.input = said.get("performance.embedding_tokens").count();
        let billing = said.get("billing");
        for (name, places) in [
            (QUERIED, ["billable_logical_bytes_queried", "query.billable_logical_bytes_queried"]),
            (RETURNED, ["billable_logical_bytes_returned", "query.billable_logical_bytes_returned"]),
            (WRITTEN, ["billable_logical_bytes_written", ""]),
        ] {
            let bytes = places.iter().find_map(|place| billing.get(place).integer());
            call.extra.extend(bytes.map(|bytes| (name, Value::Int(bytes))));
        }
        let (rows, results) = (said.get("rows"), said.get("results"));
        let lists: Vec<_> = if rows.is_list() {
            vec![rows]
        } else {
            results.items().iter().map(|result| result.get("rows")).filter(|rows| rows.is_list()).collect()
        };
        let are_all = rows.is_list() || results.length() == Some(lists.len() as u64);
        let count = vectors::sum(lists.iter().map(|list| list.length())).filter(|_| are_all);
        let nearest = lists.iter().flat_map(|list| vectors::numbers(list, "$dist"));
        match &mut call.subject {
            Subject::Retrieval { search, .. } => {
                let ranks: Vec<_> = nearest.collect();
                search.matches = count;
                search.best = vectors::nearest(&[ranks])
                    .filter(|_| are_all && lists.len() == 1)
                    .map(Nearness::Distance);
            }
            Subject::Points { points, .. } => {
                points.returned = count;
                points.deleted = said.get("rows_deleted").count().or(points.deleted);
            }
            _ => {}
        }
    }

    fn finish(self, _end: &End<'_>, _call: &mut Call) {}
}

/// A vector's numbers: a list of them, or the base64 of 32 bits each.
fn dimensions(vector: &Json) -> Option<u64> {
    match vector {
        Json::Text { .. } => vector.base64_bytes(0).map(|bytes| bytes / 4).filter(|count| *count > 0),
        list => vectors::dimensions(list),
    }
}

/// Takes over what a query asks for: it looks for what is near, or for words, or lists what has some attributes.
fn asked_query(asked: &Json, call: &mut Call) {
    let batch = asked.get("queries");
    let queries = if batch.is_list() { batch.items() } else { std::slice::from_ref(asked) };
    let word = |query: &Json, at: usize| -> String {
        query.get("rank_by").items().get(at).map(|word| word.begin().to_owned()).unwrap_or_default()
    };
    let is_near = |query: &Json| matches!(&*word(query, 1), "ANN" | "kNN");
    let lists = |query: &Json| {
        !query.get("rank_by").is_list()
            || matches!(&*word(query, 1), "asc" | "desc") && word(query, 0) != "Sum"
    };
    let filter = vectors::same(queries.iter().map(|query| query.get("filters").text()));
    vectors::store(call, |store| store.batch = batch.length());
    if queries.iter().all(lists) && !queries.is_empty() {
        let Some(store) = call.subject.store().cloned() else { return };
        call.subject = Subject::Points { store, points: Points { filter, ..Points::default() } };
        return;
    }
    let places =
        queries.iter().filter(|query| is_near(query)).filter_map(|query| query.get("rank_by").items().get(2));
    let found: Vec<_> = places.filter_map(dimensions).collect();
    let limits = ["top_k", "limit", "limit.total"];
    vectors::search(call, |search| {
        *search = Search {
            top_k: vectors::same(
                queries.iter().map(|query| limits.iter().find_map(|name| query.get(name).count())),
            ),
            vectors: (!found.is_empty()).then_some(found.len() as u64),
            dimensions: vectors::same(found.into_iter().map(Some)),
            filter,
            with_payload: vectors::same(
                queries.iter().map(|query| vectors::choice(query.get("include_attributes"))),
            ),
            ..Search::default()
        };
    });
}

fn asked_write(asked: &Json, call: &mut Call) {
    let (rows, columns) = (asked.get("upsert_rows"), asked.get("upsert_columns"));
    let written = rows.length().or_else(|| columns.get("id").length());
    let patched = asked.get("patch_rows").length().or_else(|| asked.get("patch_columns.id").length());
    let deleted = asked.get("deletes").length();
    let in_rows = rows.items().iter().map(|row| row.get("vector"));
    let found = in_rows.chain(columns.get("vector").items()).map(dimensions);
    let dimensions = vectors::same(found.filter(Option::is_some));
    vectors::points(call, |points| {
        (points.written, points.dimensions, points.deleted) = (written, dimensions, deleted);
        points.filter = asked.get("delete_by_filter").text();
    });
    let counts = [written, patched, deleted];
    let sum = counts.iter().flatten().try_fold(0_u64, |sum, count| sum.checked_add(*count));
    vectors::store(call, |store| store.batch = sum.filter(|_| counts.iter().any(Option::is_some)));
}
