//! Weaviate's REST API: its GraphQL queries, and objects one by one or in batches. Current clients search over gRPC.

use std::sync::LazyLock;

use super::candidate::SIGN_MAX_BYTES;
use super::content::{self, Convert};
use super::follow::{End, Follow, JsonApi, NAME, UNNAMED_ERROR, WORD};
use super::json::{Json, Shape};
use super::vectors::{self, Kind, Operation, operations};
use super::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use crate::call::{Call, Nearness, Search, Store, Subject};
use crate::protocol::http1::RequestHead;
use graphql::Selection;
pub(super) use graphql::query_texts;

mod graphql;
#[cfg(test)]
mod tests;

/// Bytes of a query that are read: a vector of 4,096 numbers, and what stands around it.
const QUERY_MAX_BYTES: usize = 128 * 1024;

// Without a body, and at paths like those of others: only from Weaviate's clients.
operations! {
    Endpoint { headers: &["x-weaviate-client"], without: &[super::pinecone::VERSION], ..Endpoint::post("") };
    "GET" "v1/objects/{class}/{id}" => Fetch "objects.get";
    "DELETE" "v1/objects/{class}/{id}" => Delete "objects.delete";
}

/// What the body tells.
static BY_BODY: &[Operation] = &[
    by_body("POST", "v1/graphql", Kind::Search, "graphql"),
    by_body("POST", "v1/batch/objects", Kind::Write, "objects.create"),
    by_body("DELETE", "v1/batch/objects", Kind::Delete, "objects.delete"),
    by_body("POST", "v1/objects", Kind::Write, "objects.create"),
    by_body("PUT", "v1/objects/{class}/{id}", Kind::Write, "objects.update"),
    by_body("PATCH", "v1/objects/{class}/{id}", Kind::Update, "objects.patch"),
];

const fn by_body(method: &'static str, path: &'static str, kind: Kind, name: &'static str) -> Operation {
    Operation { endpoint: Endpoint { method, ..Endpoint::post(path) }, kind, name }
}

pub(super) static DIALECTS: &[Dialect] = &[Dialect {
    endpoints: ENDPOINTS,
    claims,
    provider: "weaviate",
    signs: &[
        ("query", 2 * SIGN_MAX_BYTES),
        ("class", SIGN_MAX_BYTES),
        ("properties", 0),
        ("vector", 0),
        ("vectors", 0),
        ("objects[].class", SIGN_MAX_BYTES),
        ("match.class", SIGN_MAX_BYTES),
    ],
    attributes: &[],
    follow,
}];

/// A query of its own kind, or objects that have a class.
fn claims(request: &RequestHead, body: &Json) -> bool {
    let Some(operation) = BY_BODY.iter().find(|known| known.endpoint.matches(request)) else { return false };
    let is_class = |class: &Json| class.as_text().is_some_and(|class| class.starts_with(char::is_uppercase));
    match (operation.endpoint.path, operation.kind) {
        ("v1/graphql", _) => graphql::read(body.get("query").begin()).is_some(),
        ("v1/batch/objects", Kind::Delete) => is_class(body.get("match.class")),
        ("v1/batch/objects", _) => {
            body.get("objects").items().first().is_some_and(|first| is_class(first.get("class")))
        }
        _ => {
            let has_more = body.get("properties").is_object()
                || body.get("vector").is_list()
                || body.get("vectors").is_object();
            has_more && is_class(body.get("class"))
        }
    }
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("query", QUERY_MAX_BYTES),
        ("class", NAME),
        ("tenant", NAME),
        ("vector[#]", 0),
        ("vectors.*[#]", 0),
        ("objects[].class", NAME),
        ("objects[].tenant", NAME),
        ("objects[].vector[#]", 0),
        ("objects[].vectors.*[#]", 0),
        ("match.class", NAME),
        ("match.where{path,operator}", 0),
        ("dryRun", 0),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("data.Get.*[]._additional.distance", 0),
        ("data.Get.*[]._additional.certainty", 0),
        ("data.Get.*[]._additional.score", WORD),
        ("data.Aggregate", 0),
        ("errors", 0),
        ("error", 0),
        // Of a batch that was written.
        ("[].result.status", WORD),
        ("[].result.errors", 0),
        // Of a batch that was deleted.
        ("results.successful", 0),
        ("results.failed", 0),
    ])
});

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let operation = Operation::of(OPERATIONS, &recognised).or_else(|| Operation::of(BY_BODY, &recognised));
    let (kind, name) = operation.map_or((Kind::Search, "graphql"), |known| (known.kind, known.name));
    let store = Store {
        system: "weaviate",
        operation: name,
        collection: operation.and_then(|known| recognised.captured(&known.endpoint, "class")),
        ..Store::default()
    };
    Follow::begin(Weaviate { kind, classes: 1, is_dry: false }, vectors::call(kind, store), limits)
}

/// One operation being followed.
struct Weaviate {
    kind: Kind,
    /// Classes that a query asks.
    classes: usize,
    /// Nothing is to be deleted.
    is_dry: bool,
}

impl JsonApi for Weaviate {
    const CONTENT: Option<Convert> = Some(content::stores::weaviate);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    /// Of a batch it is a list.
    fn is_document(&self, document: &Json) -> bool {
        document.is_object() || document.is_list()
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        match self.kind {
            Kind::Search => match graphql::read(asked.get("query").begin()) {
                Some(selections) => {
                    self.kind = asked_query(&selections, call);
                    self.classes = selections.len();
                    if matches!(asked.get("query"), Json::Text { cut: true, .. }) {
                        call.note("the query is longer than what is read of it");
                    }
                }
                None => call.note("the query is not understood"),
            },
            Kind::Write | Kind::Update => {
                let batch = asked.get("objects");
                let objects = if batch.is_list() { batch.items() } else { std::slice::from_ref(asked) };
                let count = if batch.is_list() { batch.length() } else { Some(1) };
                name(objects.iter(), call);
                let found = objects.iter().flat_map(alternatives).map(vectors::dimensions);
                let is_write = self.kind == Kind::Write;
                vectors::points(call, |points| {
                    points.written = count.filter(|_| is_write);
                    points.dimensions = vectors::same(found.filter(Option::is_some));
                });
                vectors::store(call, |store| store.batch = count.filter(|_| batch.is_list()));
            }
            Kind::Delete => {
                self.is_dry = asked.get("dryRun").is_true();
                let chosen = asked.get("match");
                name(std::iter::once(chosen), call);
                vectors::points(call, |points| points.filter = chosen.get("where").text());
            }
            Kind::Fetch | Kind::Inspect => {}
        }
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        let lists: Vec<_> = said.get("data.Get").any().filter(|list| list.is_list()).collect();
        let are_all = said.get("data.Get").any().count() == self.classes && !lists.is_empty();
        let count = vectors::sum(lists.iter().map(|list| list.length())).filter(|_| are_all);
        if said.get("errors").length().is_some_and(|count| count > 0) {
            if lists.is_empty() {
                call.error_code = Some(UNNAMED_ERROR.to_owned());
            } else {
                call.note("some searches of the batch failed");
            }
        }
        match self.kind {
            Kind::Search => vectors::search(call, |search| {
                search.matches = count;
                search.best = best(&lists).filter(|_| are_all);
            }),
            Kind::Fetch => vectors::points(call, |points| points.returned = count),
            Kind::Write if said.is_list() => written(said, call),
            Kind::Delete => {
                let deleted = said.get("results.successful").count().filter(|_| !self.is_dry);
                if said.get("results.failed").count().is_some_and(|count| count > 0) {
                    call.note("some objects of the batch failed");
                }
                vectors::points(call, |points| points.deleted = deleted);
            }
            _ => {}
        }
    }

    fn finish(self, _end: &End<'_>, _call: &mut Call) {}
}

/// Class and tenant, if all say the same.
fn name<'a>(objects: impl Iterator<Item = &'a Json> + Clone, call: &mut Call) {
    let class = vectors::same(objects.clone().map(|object| object.get("class").text()));
    let tenant = vectors::same(objects.map(|object| object.get("tenant").text()));
    vectors::store(call, |store| {
        store.collection = class.or_else(|| store.collection.take());
        store.namespace = tenant;
    });
}

/// An object's vector, or those that have names.
fn alternatives(object: &Json) -> Vec<&Json> {
    std::iter::once(object.get("vector")).chain(object.get("vectors").any()).collect()
}

/// Takes over what a query asks for; what it is.
fn asked_query(selections: &[Selection<'_>], call: &mut Call) -> Kind {
    let [first, ..] = selections else { return Kind::Search };
    let searches: Vec<_> = selections.iter().filter(|one| one.search.is_some()).collect();
    let (kind, operation) = match first {
        Selection { aggregates: true, .. } => (Kind::Inspect, "aggregate"),
        _ => match searches.first() {
            Some(one) => (Kind::Search, one.search.unwrap_or_default()),
            None => (Kind::Fetch, "get"),
        },
    };
    let filter = vectors::same(selections.iter().map(|one| one.filter.clone()));
    let store = Store {
        system: "weaviate",
        operation,
        batch: Some(selections.len() as u64),
        collection: vectors::same(selections.iter().map(|one| Some(one.class.to_owned()))),
        namespace: vectors::same(selections.iter().map(|one| one.tenant.map(str::to_owned))),
        ..Store::default()
    };
    call.subject = vectors::call(kind, store).subject;
    if let Subject::Points { points, .. } = &mut call.subject {
        points.filter = filter;
    } else if let Subject::Retrieval { search, .. } = &mut call.subject {
        let vectors: Vec<_> = searches.iter().flat_map(|one| one.vectors.iter().copied()).collect();
        *search = Search {
            top_k: vectors::same(searches.iter().map(|one| one.limit)),
            vectors: (!vectors.is_empty()).then_some(vectors.len() as u64),
            dimensions: vectors::same(vectors.into_iter().map(Some)),
            filter,
            threshold: vectors::same(searches.iter().map(|one| one.threshold)),
            with_payload: Some(selections.iter().any(|one| one.with_properties)),
            with_vectors: Some(selections.iter().any(|one| one.with_vectors)),
            ..Search::default()
        };
    }
    kind
}

/// How near the nearest is, as the answer says it; scores are numbers in texts.
fn best(lists: &[&Json]) -> Option<Nearness> {
    let all = |name: &'static str| {
        let said =
            lists.iter().flat_map(|list| list.items()).map(move |one| one.get("_additional").get(name));
        said.filter_map(|said| said.number().or_else(|| said.as_text()?.parse().ok()))
    };
    let distance = all("distance").reduce(f64::min).map(Nearness::Distance);
    distance.or_else(|| all("certainty").chain(all("score")).reduce(f64::max).map(Nearness::Score))
}

/// What became of each object that was to be written.
fn written(said: &Json, call: &mut Call) {
    let is_failed = |one: &&Json| {
        one.get("result.status").as_text() == Some("FAILED") || one.get("result.errors").is_object()
    };
    let failed = said.items().iter().filter(is_failed).count() as u64;
    if failed > 0 && said.length() == Some(failed) {
        call.error_code = Some(UNNAMED_ERROR.to_owned());
    } else if failed > 0 {
        call.note("some objects of the batch failed");
    }
}
