//! Searches of Elasticsearch and OpenSearch that look for what is near, by vectors or by texts that they embed. Nothing
//! else of theirs is told: which of the documents that are written hold vectors, and which of the searches for words are
//! by meaning, is known to the index alone.

use std::sync::LazyLock;

use super::content::{self, Convert};
use super::follow::{End, Follow, JsonApi, UNNAMED_ERROR, WORD, code};
use super::json::{Json, Shape};
use super::vectors::{self, Kind};
use super::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use crate::call::{Call, Nearness, Store};
use crate::protocol::http1::RequestHead;
use crate::value::Value;
use clauses::{Clauses, REQUEST};

mod clauses;
#[cfg(test)]
mod tests;

const CANDIDATES: &str = "elasticsearch.knn.num_candidates";

/// Their own, and of nothing else: gone with version 8.
const OLD: Endpoint = Endpoint::post("_knn_search");

pub(super) static DIALECTS: &[Dialect] = &[Dialect {
    endpoints: &[OLD],
    claims: |request, body| operation(request).is_some() && !Clauses::of(body).near.is_empty(),
    provider: "elasticsearch",
    signs: clauses::SIGNS,
    attributes: &[CANDIDATES],
    follow,
}];

/// Which API a request is for, by the end of its path, with the index before it.
fn operation(request: &RequestHead) -> Option<(&'static str, Option<String>)> {
    let mut segments = request.path.rsplit('/').filter(|segment| !segment.is_empty());
    let (name, pattern) = match segments.next()? {
        "_search" => ("search", "{index}/_search"),
        "_msearch" => ("msearch", "{index}/_msearch"),
        "_knn_search" => ("knn_search", "{index}/_knn_search"),
        _ => return None,
    };
    let captured = Endpoint::post(pattern).captures(&request.path);
    Some((name, captured.and_then(|mut found| found.pop()).map(|(_, index)| index.into_owned())))
}

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("timed_out", 0),
        ("_shards.failed", 0),
        ("hits.max_score", 0),
        ("hits.hits[]._score", 0),
        ("error", 0),
        ("error.type", WORD),
        ("responses[].timed_out", 0),
        ("responses[]._shards.failed", 0),
        ("responses[].hits.max_score", 0),
        ("responses[].hits.hits[]._score", 0),
        ("responses[].error", 0),
        ("responses[].error.type", WORD),
    ])
});

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let (name, collection) = operation(recognised.request).unwrap_or(("knn_search", None));
    let store = Store { system: "elasticsearch", operation: name, collection, ..Store::default() };
    let host = recognised.request.host.as_deref().unwrap_or_default();
    let is_amazon = [".es.amazonaws.com", ".aoss.amazonaws.com"].iter().any(|end| host.ends_with(end));
    let headers = &recognised.request.headers;
    let media_type = headers.get("content-type").unwrap_or_default();
    let is_elastic = headers.get("x-elastic-client-meta").is_some()
        || media_type.trim_start().starts_with("application/vnd.elasticsearch+");
    let search = Search { is_amazon, is_elastic, ..Search::default() };
    Follow::begin(search, vectors::call(Kind::Search, store), limits)
}

/// One exchange being followed.
#[derive(Debug, Default)]
struct Search {
    /// The host is one of Amazon's.
    is_amazon: bool,
    /// The client is one of Elastic's.
    is_elastic: bool,
    /// Whose words the clauses are, if they are of one only.
    words_of: Option<&'static str>,
    /// Searches that came as lines, each after a line that says where to look.
    searches: u64,
    /// The line before said where to look.
    is_headed: bool,
    /// What all searches that came as lines say.
    lines: Option<Asked>,
}

/// What one search asks for.
#[derive(Clone, Debug, Default, PartialEq)]
struct Asked {
    top_k: Option<u64>,
    dimensions: Option<u64>,
    vectors: Option<u64>,
    candidates: Option<u64>,
    filter: Option<String>,
    threshold: Option<f64>,
    model: Option<String>,
    with_payload: Option<bool>,
}

impl JsonApi for Search {
    const CONTENT: Option<Convert> = Some(content::elastic::elasticsearch);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        let clauses = Clauses::of(asked);
        self.words_of = system(&clauses);
        put(Asked::of(asked, &clauses), call);
    }

    fn request_line(&mut self, line: &Json, call: &mut Call) {
        let clauses = Clauses::of(line);
        let is_search = self.is_headed || ["query", "knn", "retriever"].iter().any(|name| line.has(name));
        self.is_headed = !is_search;
        if !is_search {
            let index = line.get("index");
            let first = index.items().first().and_then(Json::text);
            let named = first.filter(|_| !index.is_list() || index.length() == Some(1));
            return vectors::store(call, |store| {
                if self.searches == 0 {
                    store.collection = named.or_else(|| store.collection.take());
                } else if named.is_some() && named != store.collection {
                    store.collection = None;
                }
            });
        }
        self.searches += 1;
        vectors::store(call, |store| store.batch = Some(self.searches));
        if clauses.near.is_empty() {
            return;
        }
        self.words_of = self.words_of.or_else(|| system(&clauses));
        let next = Asked::of(line, &clauses);
        let all = match self.lines.take() {
            Some(all) => all.and(next),
            None => next,
        };
        self.lines = Some(all.clone());
        put(all, call);
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        let several = said.get("responses");
        let answers = if several.is_list() { several.items() } else { std::slice::from_ref(said) };
        let is_error = |answer: &Json| matches!(answer.get("error"), Json::Object(_) | Json::Text { .. });
        let failed = answers.iter().filter(|answer| is_error(answer)).count();
        if failed > 0 && failed == answers.len() {
            let named = answers.iter().find_map(|answer| code(answer.get("error.type")));
            call.error_code = Some(named.unwrap_or_else(|| UNNAMED_ERROR.to_owned()));
        } else if failed > 0 {
            call.note("some searches of the batch failed");
        }
        if answers.iter().any(|answer| answer.get("_shards.failed").count().is_some_and(|count| count > 0)) {
            call.note("some shards failed");
        }
        if answers.iter().any(|answer| answer.get("timed_out").is_true()) {
            call.note("the search timed out");
        }
        let are_all = !several.is_list() || several.length() == Some(answers.len() as u64);
        let lists = answers.iter().filter(|answer| !is_error(answer)).map(|answer| answer.get("hits.hits"));
        let matches = vectors::sum(lists.map(Json::length)).filter(|_| are_all && failed < answers.len());
        let best = answers.iter().filter_map(best).reduce(f64::max);
        vectors::search(call, |search| {
            search.matches = matches;
            search.best = best.filter(|_| are_all).map(Nearness::Score);
        });
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        // Whoever answers knows best.
        let system = if end.response_field("x-elastic-product").is_some() {
            "elasticsearch"
        } else if self.is_amazon || end.response_field("x-opensearch-version").is_some() {
            "opensearch"
        } else if self.is_elastic {
            "elasticsearch"
        } else {
            self.words_of.unwrap_or("elasticsearch")
        };
        vectors::store(call, |store| store.system = system);
        call.provider = system;
    }
}

/// The best score: the answer's own word, else that of the nearest, which comes first.
fn best(answer: &Json) -> Option<f64> {
    let first = || answer.get("hits.hits").items().first()?.get("_score").number();
    answer.get("hits.max_score").number().or_else(first)
}

/// Whose words the clauses of a search are: the two have parted over how vectors are searched for.
fn system(clauses: &Clauses<'_>) -> Option<&'static str> {
    clauses.near.iter().find_map(|(name, clause)| match *name {
        "knn" if clause.has("query_vector") || clause.has("query_vector_builder") => Some("elasticsearch"),
        "knn" if clause.any().any(|field| field.has("vector")) => Some("opensearch"),
        "neural" | "neural_sparse" => Some("opensearch"),
        "semantic" | "sparse_vector" | "text_expansion" => Some("elasticsearch"),
        "script_score" if clause.get("script.lang").as_text() == Some("knn") => Some("opensearch"),
        _ => None,
    })
}

impl Asked {
    fn of(asked: &Json, clauses: &Clauses<'_>) -> Self {
        let near = &clauses.near;
        // Each clause itself, and what it says of each field that it names.
        let parts = || near.iter().flat_map(|(_, clause)| std::iter::once(*clause).chain(clause.any()));
        let all =
            |name: &'static str| parts().map(move |part| part.get(name)).filter(|said| **said != Json::Null);
        let scripts = near.iter().flat_map(|(_, clause)| clause.get("script.params").any());
        let places = ["query_vector", "vector"].into_iter().flat_map(all).chain(scripts);
        let (vectors, dimensions) = vectors::vectors(places);
        let own = all("filter").find_map(Json::text);
        let models = ["query_vector_builder.text_embedding.model_id", "model_id", "inference_id"];
        Self {
            top_k: vectors::same(all("k").map(Json::count)).or_else(|| asked.get("size").count()),
            dimensions,
            vectors,
            candidates: vectors::same(all("num_candidates").map(Json::count)),
            filter: own.or_else(|| clauses.filters.iter().find_map(|filter| filter.text())),
            threshold: ["similarity", "min_score"]
                .into_iter()
                .find_map(|name| vectors::same(all(name).map(Json::number)))
                .or_else(|| asked.get("min_score").number()),
            model: models.into_iter().find_map(|name| all(name).find_map(Json::text)),
            with_payload: ["fields", "_source"].iter().find_map(|name| vectors::choice(asked.get(name))),
        }
    }

    /// What both say; vectors add up.
    fn and(self, other: Self) -> Self {
        let sum = vectors::sum([self.vectors, other.vectors]).or(self.vectors).or(other.vectors);
        Self {
            top_k: self.top_k.filter(|_| self.top_k == other.top_k),
            dimensions: self.dimensions.filter(|_| self.dimensions == other.dimensions),
            vectors: sum,
            candidates: self.candidates.filter(|_| self.candidates == other.candidates),
            filter: self.filter.filter(|filter| Some(filter) == other.filter.as_ref()),
            threshold: self.threshold.filter(|_| self.threshold == other.threshold),
            model: self.model.filter(|model| Some(model) == other.model.as_ref()),
            with_payload: self.with_payload.filter(|_| self.with_payload == other.with_payload),
        }
    }
}

fn put(asked: Asked, call: &mut Call) {
    call.request_model = asked.model;
    let candidates = asked.candidates.and_then(|count| i64::try_from(count).ok());
    call.extra = candidates.map(|count| (CANDIDATES, Value::Int(count))).into_iter().collect();
    vectors::search(call, |search| {
        (search.top_k, search.vectors, search.dimensions) = (asked.top_k, asked.vectors, asked.dimensions);
        (search.filter, search.threshold) = (asked.filter, asked.threshold);
        search.with_payload = asked.with_payload;
    });
}
