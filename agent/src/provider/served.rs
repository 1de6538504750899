//! LLM APIs that processes of this host serve: which requests have to be read whole.

use spanwire_abi::OPENING_BYTES;

use super::endpoint::Endpoint;
use super::{BodyLimits, Candidate, Dialect, Recognition, dialects};
use crate::protocol::http1::RequestHead;

/// The dialects of vector stores, by their providers: of what a store serves the head is enough.
const STORES: [&str; 9] = [
    "chroma",
    "elasticsearch",
    "milvus",
    "opensearch",
    "pinecone",
    "qdrant",
    "turbopuffer",
    "vespa",
    "weaviate",
];

/// Paths of models' servers that apps of any kind have, too: a body tells. Ollama's, llama.cpp's, Cohere's, TGI's and rerankers'.
static BY_BODY: [Endpoint; 13] = [
    Endpoint::post("api/chat"),
    Endpoint::post("api/generate"),
    Endpoint::post("api/embed"),
    Endpoint::post("api/embeddings"),
    Endpoint::post("completion"),
    Endpoint::post("embedding"),
    Endpoint::post("v1/chat"),
    Endpoint::post("v2/chat"),
    Endpoint::post("v1/embed"),
    Endpoint::post("v2/embed"),
    Endpoint::post("generate"),
    Endpoint::post("generate_stream"),
    Endpoint::post("rerank"),
];

/// What servers have before the paths of their APIs.
const PREFIXES: [&str; 6] = ["/", "/v1/", "/api/", "/api/v1/", "/openai/", "/openai/v1/"];

/// Whether a dialect is that of a model's API.
fn is_of_models(dialect: &Dialect) -> bool {
    !STORES.contains(&dialect.provider)
}

/// The dialect, and its endpoint, to which a model's server is sent a request.
fn known(request: &RequestHead) -> Option<(&'static Dialect, &'static Endpoint)> {
    if request.method != "POST" {
        return None;
    }
    dialects().filter(|dialect| is_of_models(dialect)).find_map(|dialect| {
        let endpoint = dialect.endpoints.iter().find(|known| known.matches(request))?;
        Some((dialect, endpoint))
    })
}

/// Whether a request that is served may be one for a model, by its head alone.
#[must_use]
pub fn is_served_model(request: &RequestHead) -> bool {
    known(request).is_some() || is_candidate(request)
}

fn is_candidate(request: &RequestHead) -> bool {
    Candidate::may_be(request) && BY_BODY.iter().any(|known| known.matches(request))
}

/// Recognises a request that is served.
#[must_use]
pub fn recognise_served(request: &RequestHead, limits: BodyLimits) -> Recognition {
    match known(request) {
        Some((dialect, endpoint)) => Recognition::Known(dialect.begin(Some(endpoint), request, limits)),
        None if is_candidate(request) => Recognition::Candidate(Candidate::new(limits)),
        None => Recognition::Foreign,
    }
}

/// The number of the path that a request is posted to, as the kernel side has it; none where that could not tell it.
#[must_use]
pub fn path_number(request: &RequestHead) -> Option<u64> {
    (request.method == "POST").then(|| number(&request.path)).flatten()
}

fn number(path: &str) -> Option<u64> {
    let text = format!("POST {path} ");
    let bytes: [u8; OPENING_BYTES] = {
        let mut bytes = [0; OPENING_BYTES];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        bytes
    };
    let mut opening = [0; OPENING_BYTES / 8];
    for (word, bytes) in opening.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_ne_bytes(bytes.try_into().ok()?);
    }
    Some(spanwire_abi::posted_to(&opening)).filter(|number| *number != 0)
}

/// The numbers of the paths that servers of models have as a rule.
#[must_use]
pub fn usual_paths() -> Vec<u64> {
    let endpoints = dialects().filter(|dialect| is_of_models(dialect)).flat_map(|dialect| dialect.endpoints);
    let endpoints = endpoints.chain(&BY_BODY);
    let fixed = endpoints.filter(|endpoint| endpoint.method == "POST" && !endpoint.path.contains('{'));
    let paths = fixed.flat_map(|endpoint| PREFIXES.map(|prefix| format!("{prefix}{}", endpoint.path)));
    paths.filter_map(|path| number(&path)).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "a test")]

    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn opening(text: &str) -> [u64; OPENING_BYTES / 8] {
        let mut bytes = [0; OPENING_BYTES];
        let length = text.len().min(OPENING_BYTES);
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        std::array::from_fn(|word| u64::from_ne_bytes(std::array::from_fn(|byte| bytes[8 * word + byte])))
    }

    #[test]
    fn what_is_posted_where_is_told_by_its_first_bytes() {
        let usual: BTreeSet<u64> = usual_paths().into_iter().collect();
        assert!(usual.len() < spanwire_abi::WHOLE_PATHS / 2, "{}", usual.len());
        for (text, is_usual) in [
            ("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n", true),
            ("POST /chat/completions?api-version=1 HTTP/1.1\r\n", true),
            ("POST /v1/messages HTTP/1.0\r\n", true),
            ("POST /api/chat HTTP/1.1\r\n\r\n", true),
            ("POST /v1/embeddings HTTP/1.1\r\n\r\n", true),
            ("POST /api/chats HTTP/1.1\r\n\r\n", false),
            ("POST /api/cha HTTP/1.1\r\n\r\n", false),
            ("POST /orders HTTP/1.1\r\n\r\n", false),
            ("GET /v1/chat/completions HTTP/1.1\r\n\r\n", false),
            ("POST /v1/chat/completions", false),
            ("", false),
        ] {
            assert_eq!(usual.contains(&spanwire_abi::posted_to(&opening(text))), is_usual, "{text}");
        }
        assert_eq!(number(&"/x".repeat(30)), None, "longer than what is looked at");
    }

    proptest! {
        #[test]
        fn both_sides_agree(path in "/[a-z0-9/._%-]{0,57}", query in "(\\?[a-z= ]{0,9})?", other in "/[a-z]{0,9}") {
            let told = spanwire_abi::posted_to(&opening(&format!("POST {path}{query} HTTP/1.1\r\n")));
            prop_assert_eq!(number(&path), Some(told).filter(|told| *told != 0));
            prop_assert!(path == other || number(&other) != Some(told));
        }

        #[test]
        fn any_words_are_taken(words: [u64; OPENING_BYTES / 8]) {
            let _ = spanwire_abi::posted_to(&words);
        }
    }
}
