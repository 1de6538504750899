//! Qdrant's REST API, the current one and the searches of older clients.

use std::sync::LazyLock;

use super::content::{self, Convert};
use super::follow::{End, Follow, JsonApi, NAME, UNNAMED_ERROR};
use super::json::{Json, Shape};
use super::vectors::{self, Kind, Operation, operations};
use super::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use crate::call::{Call, Nearness, Store};
use crate::protocol::http1::RequestHead;

#[cfg(test)]
mod tests;

/// Where points are written and read by their ids; whether it is Qdrant's the body must tell.
const POINTS: Endpoint = Endpoint::post("collections/{collection}/points");

operations! {
    Endpoint { without: &[super::pinecone::VERSION], ..Endpoint::post("") };
    "POST" "collections/{collection}/points/query" => Search "query";
    "POST" "collections/{collection}/points/query/batch" => Search "query";
    "POST" "collections/{collection}/points/query/groups" => Search "query_groups";
    "POST" "collections/{collection}/points/search" => Search "search";
    "POST" "collections/{collection}/points/search/batch" => Search "search";
    "POST" "collections/{collection}/points/search/groups" => Search "search_groups";
    "POST" "collections/{collection}/points/recommend" => Search "recommend";
    "POST" "collections/{collection}/points/recommend/batch" => Search "recommend";
    "POST" "collections/{collection}/points/recommend/groups" => Search "recommend_groups";
    "POST" "collections/{collection}/points/discover" => Search "discover";
    "POST" "collections/{collection}/points/discover/batch" => Search "discover";
    "POST" "collections/{collection}/points/scroll" => Fetch "scroll";
    "POST" "collections/{collection}/points/count" => Inspect "count";
    "POST" "collections/{collection}/points/delete" => Delete "delete";
    "POST" "collections/{collection}/points/batch" => Update "batch_update";
    "POST" "collections/{collection}/points/payload" => Update "set_payload";
    "PUT" "collections/{collection}/points/payload" => Update "overwrite_payload";
    "POST" "collections/{collection}/points/payload/delete" => Update "delete_payload";
    "POST" "collections/{collection}/points/payload/clear" => Update "clear_payload";
    "PUT" "collections/{collection}/points/vectors" => Update "update_vectors";
    "POST" "collections/{collection}/points/vectors/delete" => Update "delete_vectors";
}

static UPSERT: Operation =
    Operation { endpoint: Endpoint { method: "PUT", ..POINTS }, kind: Kind::Write, name: "upsert" };
static RETRIEVE: Operation = Operation { endpoint: POINTS, kind: Kind::Fetch, name: "retrieve" };

pub(super) static DIALECTS: &[Dialect] = &[Dialect {
    endpoints: ENDPOINTS,
    claims,
    provider: "qdrant",
    signs: &[("points", 0), ("batch", 0), ("ids", 0)],
    attributes: &[],
    follow,
}];

/// Points to be written, or ids of such to be read.
fn claims(request: &RequestHead, body: &Json) -> bool {
    let is_told = match &*request.method {
        "PUT" => body.get("points").is_list() || body.get("batch").is_object(),
        "POST" => body.get("ids").is_list(),
        _ => false,
    };
    is_told && POINTS.captures(&request.path).is_some()
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("limit", 0),
        ("query[#]", 0),
        ("query.model", NAME),
        ("query.nearest[#]", 0),
        ("query.nearest.model", NAME),
        ("prefetch.query[#]", 0),
        ("prefetch.query.nearest[#]", 0),
        ("prefetch[].query[#]", 0),
        ("prefetch[].query.nearest[#]", 0),
        ("vector", 0),
        ("vector.vector", 0),
        ("target", 0),
        ("positive[#]", 0),
        ("negative[#]", 0),
        ("filter{key}", 0),
        ("score_threshold", 0),
        ("with_payload", 0),
        ("with_vector", 0),
        ("searches", 0),
        ("searches[].limit", 0),
        ("searches[].query[#]", 0),
        ("searches[].query.nearest[#]", 0),
        ("searches[].vector", 0),
        ("searches[].vector.vector", 0),
        ("searches[].target", 0),
        ("searches[].positive[#]", 0),
        ("searches[].filter{key}", 0),
        ("searches[].score_threshold", 0),
        ("searches[].with_payload", 0),
        ("searches[].with_vector", 0),
        // What is written: vectors as they are, by their names, or as something else that is embedded by Qdrant.
        ("points[].vector[#]", 0),
        ("points[].vector.model", NAME),
        ("points[].vector.indices", 0),
        ("points[].vector.values", 0),
        ("points[].vector.*[#]", 0),
        ("points[].vector.*.model", NAME),
        ("batch.ids", 0),
        ("batch.vectors[#]", 0),
        ("batch.vectors.*[#]", 0),
        ("operations", 0),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("status.error", 0),
        ("result[].score", 0),
        ("result[].[].score", 0),
        ("result[].points[].score", 0),
        ("result.points[].score", 0),
        ("result.groups[].hits[].score", 0),
        ("usage.inference.models.*.tokens", 0),
    ])
});

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let operation = Operation::of(OPERATIONS, &recognised).unwrap_or(if recognised.request.method == "PUT" {
        &UPSERT
    } else {
        &RETRIEVE
    });
    let store = Store {
        system: "qdrant",
        operation: operation.name,
        collection: recognised.captured(&operation.endpoint, "collection"),
        ..Store::default()
    };
    Follow::begin(Qdrant(operation), vectors::call(operation.kind, store), limits)
}

/// One operation being followed.
struct Qdrant(&'static Operation);

impl JsonApi for Qdrant {
    const CONTENT: Option<Convert> = Some(content::stores::qdrant);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        let models = ["query.model", "query.nearest.model"].map(|path| asked.get(path));
        let written =
            asked.get("points").items().first().map(|point| point.get("vector")).unwrap_or(&Json::Null);
        let named = written.any().map(|vector| vector.get("model"));
        call.request_model =
            models.into_iter().chain([written.get("model")]).chain(named).find_map(Json::text);
        let named = asked.get("points").length();
        match self.0.kind {
            Kind::Search => asked_search(asked, call),
            Kind::Write => {
                let count = named.or_else(|| asked.get("batch.ids").length());
                let first = [asked.get("batch.vectors"), written].into_iter().flat_map(alternatives);
                vectors::points(call, |points| {
                    points.written = count;
                    points.dimensions = vectors::same(first.map(vectors::dimensions).filter(Option::is_some));
                });
                vectors::store(call, |store| store.batch = count);
            }
            Kind::Delete | Kind::Update => {
                let is_delete = self.0.kind == Kind::Delete;
                vectors::points(call, |points| points.deleted = named.filter(|_| is_delete));
                vectors::store(call, |store| store.batch = named.or(asked.get("operations").length()));
            }
            Kind::Fetch | Kind::Inspect => {}
        }
        vectors::points(call, |points| points.filter = asked.get("filter").text());
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        if said.get("status.error") != &Json::Null {
            call.error_code = Some(UNNAMED_ERROR.to_owned());
        }
        let tokens = said.get("usage.inference.models").any().map(|model| model.get("tokens").count());
        call.usage.input = vectors::sum(tokens).filter(|_| said.get("usage.inference").is_object());
        let result = said.get("result");
        match self.0.kind {
            Kind::Search => found(result, call),
            Kind::Fetch => {
                let returned = result.length().or_else(|| result.get("points").length());
                vectors::points(call, |points| points.returned = returned);
            }
            _ => {}
        }
    }

    fn finish(self, _end: &End<'_>, _call: &mut Call) {}
}

/// A vector, or those by name.
fn alternatives(vector: &Json) -> Vec<&Json> {
    if vector.is_list() { vec![vector] } else { vector.any().collect() }
}

fn asked_search(asked: &Json, call: &mut Call) {
    let batch = asked.get("searches");
    let searches = if batch.is_list() { batch.items() } else { std::slice::from_ref(asked) };
    let places = searches.iter().flat_map(|one| {
        let prefetch = one.get("prefetch");
        let prefetch = if prefetch.is_object() { std::slice::from_ref(prefetch) } else { prefetch.items() };
        let queries = prefetch.iter().chain([one]).map(|one| one.get("query"));
        let queries = queries.flat_map(|query| [query, query.get("nearest")]);
        let others = ["vector", "vector.vector", "target"].map(|path| one.get(path));
        let examples = ["positive", "negative"].into_iter().flat_map(|path| one.get(path).items());
        queries.chain(others).chain(examples.filter(|example| example.is_list()))
    });
    let (count, dimensions) = vectors::vectors(places);
    let all_are_seen = batch.length().is_none_or(|length| length == batch.items().len() as u64);
    vectors::search(call, |search| {
        search.vectors = count.filter(|_| all_are_seen);
        search.dimensions = dimensions;
        search.top_k = vectors::same(searches.iter().map(|one| one.get("limit").count()));
        search.filter = vectors::same(searches.iter().map(|one| one.get("filter").text()));
        search.threshold = vectors::same(searches.iter().map(|one| one.get("score_threshold").number()));
        search.with_payload =
            vectors::same(searches.iter().map(|one| vectors::choice(one.get("with_payload"))));
        search.with_vectors =
            vectors::same(searches.iter().map(|one| vectors::choice(one.get("with_vector"))));
    });
    vectors::store(call, |store| store.batch = batch.length());
}

/// Matches of one search, or of each of several, or by groups.
fn found(result: &Json, call: &mut Call) {
    let points = result.get("points");
    let groups = result.get("groups");
    let (lists, outer): (Vec<_>, _) = if points.is_list() {
        (vec![points], None)
    } else if groups.is_list() {
        (groups.items().iter().map(|group| group.get("hits")).collect(), Some(groups))
    } else if result.items().iter().any(|one| one.is_list() || one.get("points").is_list()) {
        let lists = result.items().iter().map(|one| if one.is_list() { one } else { one.get("points") });
        (lists.collect(), Some(result))
    } else if result.is_list() {
        (vec![result], None)
    } else {
        return;
    };
    let are_all = outer.is_none_or(|outer| outer.length() == Some(lists.len() as u64));
    let matches = vectors::sum(lists.iter().map(|list| list.length())).filter(|_| are_all);
    let scores: Vec<_> = lists.iter().map(|list| vectors::numbers(list, "score")).collect();
    let best = vectors::nearest(&scores).filter(|_| outer.is_none() || matches.is_some());
    vectors::search(call, |search| {
        search.matches = matches;
        search.best = best.map(Nearness::Score);
    });
}
