//! Rerankers: one shape that most vendors share, with names of their own for some of its members.
//!
//! Cohere's is the one that gateways speak; Jina, Voyage, Pinecone, Amazon Bedrock, NVIDIA and Hugging Face's
//! text-embeddings-inference differ from it a little.

use std::sync::LazyLock;

use super::content::{self, Convert};
use super::follow::{End, Follow, JsonApi, NAME, WORD, code};
use super::json::{Json, Shape};
use super::pinecone::is_pinecone;
use super::{BodyLimits, Dialect, Endpoint, Interpreter, Recognised};
use crate::call::{Call, Ranking, Subject};
use crate::protocol::http1::RequestHead;

#[cfg(test)]
mod tests;

/// Whose shape it is where nothing says otherwise.
const COHERE: &str = "cohere";

pub(super) static DIALECTS: &[Dialect] = &[Dialect {
    endpoints: &[],
    claims,
    provider: COHERE,
    signs: &[("documents", 0), ("texts", 0), ("passages", 0), ("query", 0), ("rerankingConfiguration", 0)],
    attributes: &[],
    follow,
}];

/// Documents to be put in order, at a path that says so.
fn claims(request: &RequestHead, body: &Json) -> bool {
    let paths = ["rerank", "reranking", "ranking"].map(Endpoint::post);
    let has_documents = ["documents", "texts", "passages"].iter().any(|key| body.get(key).is_list());
    (has_documents || body.get("rerankingConfiguration").is_object())
        && request.method == "POST"
        && paths.iter().any(|path| path.captures(&request.path).is_some())
}

static REQUEST: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("model", NAME),
        ("documents", 0),
        ("texts", 0),
        ("passages", 0),
        ("sources", 0),
        ("top_n", 0),
        // Voyage's name of it.
        ("top_k", 0),
        ("rerankingConfiguration.bedrockRerankingConfiguration.numberOfResults", 0),
        ("rerankingConfiguration.bedrockRerankingConfiguration.modelConfiguration.modelArn", NAME),
    ])
});

static RESPONSE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[
        ("id", WORD),
        ("model", NAME),
        ("[].score", 0),
        ("results[].relevance_score", 0),
        ("results[].relevanceScore", 0),
        ("results[].score", 0),
        ("data[].relevance_score", 0),
        ("data[].score", 0),
        ("rankings[].logit", 0),
        ("meta.billed_units.search_units", 0),
        ("meta.billed_units.input_tokens", 0),
        ("usage.rerank_units", 0),
        ("usage.total_tokens", 0),
        ("usage.prompt_tokens", 0),
        ("error.code", WORD),
        ("error.type", WORD),
        ("error_type", WORD),
        ("code", WORD),
    ])
});

fn follow(recognised: Recognised<'_>, limits: BodyLimits) -> Box<dyn Interpreter> {
    let provider = if is_pinecone(recognised.request) { "pinecone" } else { recognised.provider };
    Follow::begin(Rerank, Call::new(Subject::Rerank(Ranking::default()), provider), limits)
}

/// One request being followed.
pub(super) struct Rerank;

impl JsonApi for Rerank {
    const CONTENT: Option<Convert> = Some(content::rerank::rerank);

    fn request_shape(&self) -> &'static Shape {
        &REQUEST
    }

    fn response_shape(&self) -> &'static Shape {
        &RESPONSE
    }

    /// Text-embeddings-inference answers with a list.
    fn is_document(&self, document: &Json) -> bool {
        document.is_object() || document.is_list()
    }

    fn request(&mut self, asked: &Json, call: &mut Call) {
        let bedrock = asked.get("rerankingConfiguration").get("bedrockRerankingConfiguration");
        if call.provider == COHERE {
            let others =
                [("texts", "huggingface"), ("passages", "nvidia"), ("rerankingConfiguration", "aws.bedrock")];
            let other = others.into_iter().find(|(key, _)| asked.get(key) != &Json::Null);
            call.provider = other.map_or(COHERE, |(_, provider)| provider);
        }
        // Of an ARN the conventions' example is the model's id, which stands last.
        let arn = bedrock.get("modelConfiguration.modelArn").as_text();
        let id = arn.map(|arn| arn.rsplit('/').next().unwrap_or(arn).to_owned());
        call.request_model = asked.get("model").text().or(id);
        ranking(call, |ranking| {
            let counts = ["documents", "texts", "passages", "sources"].map(|key| asked.get(key).length());
            ranking.documents = counts.into_iter().flatten().next();
            let top = ["top_n", "top_k"].iter().find_map(|key| asked.get(key).count());
            ranking.top_k = top.or_else(|| bedrock.get("numberOfResults").count());
        });
    }

    fn response(&mut self, _event: &str, said: &Json, call: &mut Call) {
        call.response_id = said.get("id").text();
        call.response_model = said.get("model").text();
        let errors = ["error.code", "error.type", "error_type", "code"];
        call.error_code = errors.iter().find_map(|path| code(said.get(path)));
        let tokens = ["usage.total_tokens", "usage.prompt_tokens", "meta.billed_units.input_tokens"];
        call.usage.input = tokens.iter().find_map(|path| said.get(path).count());
        let lists = [said, said.get("results"), said.get("data"), said.get("rankings")];
        let list = lists.into_iter().find(|list| list.is_list()).unwrap_or(&Json::Null);
        let score = |one: &Json| {
            let names = ["relevance_score", "relevanceScore", "score", "logit"];
            names.iter().find_map(|name| one.get(name).number())
        };
        ranking(call, |ranking| {
            ranking.results = list.length();
            // The best need not stand first.
            let all = list.length().map(|_| list.items().iter().filter_map(score));
            ranking.best_score = all.and_then(|all| all.reduce(f64::max));
            let units = ["meta.billed_units.search_units", "usage.rerank_units"];
            ranking.search_units = units.iter().find_map(|path| said.get(path).count());
        });
    }

    fn finish(self, end: &End<'_>, call: &mut Call) {
        // Text-embeddings-inference's.
        let stated = || end.response_field("x-compute-tokens")?.trim().parse().ok();
        call.usage.input = call.usage.input.or_else(stated);
    }
}

fn ranking(call: &mut Call, change: impl FnOnce(&mut Ranking)) {
    if let Subject::Rerank(ranking) = &mut call.subject {
        change(ranking);
    }
}
