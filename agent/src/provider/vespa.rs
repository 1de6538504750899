//! Vespa's queries that look for nearest neighbours, as documents; in a URL they cannot be told. Its other queries, and
//! its documents, are any search application's.

use std::sync::LazyLock;

use super::content::{self, Convert};
use super::follow::{End, Follow, JsonApi, NAME, UNNAMED_ERROR, code, word};
use super::json::{Json, Shape};
use super::vectors::{self, Kind};
use super::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use crate::call::{Call, Nearness, Store};

#[cfg(test)]
mod tests;

/// Bytes of a query in its own language that are looked at.
const QUERY_MAX_BYTES: usize = 2048;

/// What a query has in it that looks for nearest neighbours.
const OPERATOR: &str = "nearestNeighbor(";

const SEARCH: Endpoint = Endpoint::post("search");

pub(super) static DIALECTS: &[Dialect] = &[Dialect {
    endpoints: &[],
    claims: |request, body| SEARCH.matches(request) && body.get("yql").begin().contains(OPERATOR),
    provider: "vespa",
    signs: &[("yql", QUERY_MAX_BYTES)],
    attributes: &[],
    follow,
}];

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("yql", QUERY_MAX_BYTES),
        ("hits", 0),
        // Vectors are in members such as `input.query(q)`, as a list or in an object.
        ("*[#]", 0),
        ("*.values", 0),
        ("input.*[#]", 0),
        ("input.*.values", 0),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("root.children[].relevance", 0),
        ("root.errors[].code", 0),
        ("root.coverage.degraded.timeout", 0),
    ])
});

fn follow(_: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let store = Store { system: "vespa", operation: "search", ..Store::default() };
    Follow::begin(Vespa, vectors::call(Kind::Search, store), limits)
}

/// One query being followed.
struct Vespa;

impl JsonApi for Vespa {
    const CONTENT: Option<Convert> = Some(content::stores::vespa);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        let members = || asked.any().chain(asked.get("input").any());
        let values = members().map(|member| member.get("values"));
        let (count, dimensions) = vectors::vectors(members().filter(|one| one.is_list()).chain(values));
        let source = source(asked.get("yql").begin());
        vectors::store(call, |store| store.collection = source);
        vectors::search(call, |search| {
            (search.vectors, search.dimensions) = (count, dimensions);
            search.top_k = asked.get("hits").count();
        });
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        let (children, errors) = (said.get("root.children"), said.get("root.errors"));
        if let Some(first) = errors.items().first() {
            if children.is_list() {
                call.note("the answer has errors beside matches");
            } else {
                call.error_code = Some(code(first.get("code")).unwrap_or_else(|| UNNAMED_ERROR.to_owned()));
            }
        }
        if said.get("root.coverage.degraded.timeout").is_true() {
            call.note("the search timed out");
        }
        let best = children.items().first().and_then(|first| first.get("relevance").number());
        vectors::search(call, |search| {
            search.matches = children.length();
            search.best = best.map(Nearness::Score);
        });
    }

    fn finish(self, _end: &End<'_>, _call: &mut Call) {}
}

/// The one source that a query names: `… from docs where …`.
fn source(query: &str) -> Option<String> {
    let mut words =
        query.split_ascii_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("from")).skip(1);
    let mut source = words.next()?;
    if source.eq_ignore_ascii_case("sources") {
        source = words.next()?;
    }
    let is_end = words.next().is_none_or(|next| next.eq_ignore_ascii_case("where"));
    word(source).filter(|name| is_end && name.len() <= NAME).map(str::to_owned)
}
