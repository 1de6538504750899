//! Where in a search of Elasticsearch or OpenSearch stands what makes it a search for what is near: clauses of queries and
//! retrievers, which hold one another as deep as one likes.

use std::sync::LazyLock;

use crate::provider::follow::NAME;
use crate::provider::json::{Json, Shape};

/// Bytes of a script that are looked at.
const SCRIPT_MAX_BYTES: usize = 256;

/// Clauses that compare vectors, or texts by their vectors.
const CLAUSES: [&str; 6] = ["knn", "neural", "neural_sparse", "semantic", "sparse_vector", "text_expansion"];

/// What compares vectors in a script: Elasticsearch's functions, and the further ones of OpenSearch.
const FUNCTIONS: [&str; 8] = [
    "cosineSimilarity(",
    "dotProduct(",
    "l1norm(",
    "l2norm(",
    "hamming(",
    "l2Squared(",
    "lInfNorm(",
    "maxSimDotProduct(",
];

/// Where clauses may stand, and what stands before them in the bodies of clients.
macro_rules! paths {
    ($($detail:literal)*) => {
        &[
            $(
                (concat!("knn", $detail), NAME),
                (concat!("knn[]", $detail), NAME),
                (concat!("retriever.knn", $detail), NAME),
                (concat!("query.knn", $detail), NAME),
            )*
            ("query.neural", 0),
            ("query.neural_sparse", 0),
            ("query.semantic", 0),
            ("query.sparse_vector", 0),
            ("query.text_expansion", 0),
            ("query.script_score.script.source", SCRIPT_MAX_BYTES),
            ("query.script_score.script.lang", NAME),
            // What holds queries.
            ("query[#]=query", 0),
            ("query.bool.must=query", 0),
            ("query.bool.should=query", 0),
            ("query.hybrid.queries=query", 0),
            ("query.dis_max.queries=query", 0),
            ("query.boosting.positive=query", 0),
            ("query.nested.query=query", 0),
            ("query.script_score.query=query", 0),
            ("query.function_score.query=query", 0),
            // What holds retrievers.
            ("retriever[#]=retriever", 0),
            ("retriever.standard.query=query", 0),
            ("retriever.retriever=retriever", 0),
            ("retriever.rrf.retrievers=retriever", 0),
            ("retriever.linear.retrievers=retriever", 0),
            ("retriever.text_similarity_reranker.retriever=retriever", 0),
            ("retriever.rescorer.retriever=retriever", 0),
            ("retriever.diversify.retriever=retriever", 0),
            ("retriever.pinned.retriever=retriever", 0),
            ("retriever.rule.retriever=retriever", 0),
        ]
    };
}

/// By which bodies are told apart.
pub(super) const SIGNS: &[(&str, usize)] = paths!("");

/// What clauses say.
const CONTENTS: &[(&str, usize)] = paths!(
    ".k"
    ".num_candidates"
    ".similarity"
    ".query_vector"
    ".query_vector_builder.text_embedding.model_id"
    ".filter{}"
    ".*.vector"
    ".*.k"
    ".*.min_score"
    ".*.filter{}"
);

const FURTHER: &[(&str, usize)] = &[
    ("query.neural.*.k", 0),
    ("query.neural.*.model_id", NAME),
    ("query.neural.*.min_score", 0),
    ("query.neural.*.filter{}", 0),
    ("query.neural_sparse.*.model_id", NAME),
    ("query.sparse_vector.inference_id", NAME),
    ("query.text_expansion.*.model_id", NAME),
    ("query.script_score.script.params.*", 0),
    ("query.script_score.min_score", 0),
    ("query.bool.filter{}", 0),
    ("retriever.filter{}", 0),
    ("retriever.standard.filter{}", 0),
    ("retriever.rrf.filter{}", 0),
    ("retriever.linear.filter{}", 0),
    ("post_filter{}", 0),
    ("size", 0),
    ("min_score", 0),
    ("_source", 0),
    ("fields", 0),
    // The line before a search's own in a body of several.
    ("index", NAME),
    ("index[]", NAME),
];

/// What is wanted of a search.
pub(super) static REQUEST: LazyLock<Shape> =
    LazyLock::new(|| Shape::new(&CONTENTS.iter().chain(FURTHER).copied().collect::<Vec<_>>()));

/// What a search has in it, in the order in which it stands there.
#[derive(Debug, Default)]
pub(super) struct Clauses<'a> {
    /// Those that look for what is near, by their names.
    pub(super) near: Vec<(&'static str, &'a Json)>,
    /// Filters beside them.
    pub(super) filters: Vec<&'a Json>,
}

impl<'a> Clauses<'a> {
    /// Those of a search.
    pub(super) fn of(search: &'a Json) -> Self {
        let mut found = Self::default();
        found.take("knn", search.get("knn"));
        found.collect(search.get("query"));
        found.collect(search.get("retriever"));
        found.filters.push(search.get("post_filter"));
        found
    }

    /// A document is kept no deeper than its reader goes.
    fn collect(&mut self, value: &'a Json) {
        match value {
            Json::List { items, .. } => items.iter().for_each(|item| self.collect(item)),
            Json::Object(members) => {
                for (name, member) in members {
                    match *name {
                        name if CLAUSES.contains(&name) => self.take(name, member),
                        "filter" => self.filters.push(member),
                        "script_score" => {
                            if compares_vectors(member.get("script")) {
                                self.near.push(("script_score", member));
                            }
                            self.collect(member.get("query"));
                        }
                        _ => self.collect(member),
                    }
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, name: &'static str, clause: &'a Json) {
        let clauses = if clause.is_object() { std::slice::from_ref(clause) } else { clause.items() };
        let clauses = clauses.iter().filter(|one| one.is_object());
        self.near.extend(clauses.map(|one| (name, one)));
    }
}

fn compares_vectors(script: &Json) -> bool {
    let source = script.get("source").begin();
    script.get("lang").as_text() == Some("knn") || FUNCTIONS.iter().any(|function| source.contains(function))
}
