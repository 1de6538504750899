#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

pub(super) mod scene;
pub(super) mod wire;

use bytes::Bytes;

use super::{BodyLimits, Candidate, Decision, Recognition, declares_attribute, dialects, recognise};
use crate::exchange::{Exchange, Frame, Outcome, Payload};
use crate::protocol::http1::{Headers, RequestHead};

fn request(method: &str, host: &str, path: &str) -> RequestHead {
    RequestHead {
        method: method.to_owned(),
        path: path.to_owned(),
        parameters: Vec::new(),
        host: Some(host.to_owned()),
        port: None,
        minor_version: 1,
        headers: Headers::default(),
    }
}

fn exchange(head: RequestHead) -> Exchange {
    Exchange {
        ordinal: 0,
        role: crate::event::Role::Client,
        request: head.into(),
        response: None,
        started_ns: 0,
        ended_ns: 0,
        request_body_bytes: 17,
        response_body_bytes: 0,
        request_undecoded: false,
        response_undecoded: false,
        missing_bytes: 0,
        outcome: Outcome::Cancelled,
        notes: Vec::new(),
    }
}

#[test]
fn recognises_by_method_and_path() {
    for (method, path, expected) in [
        ("POST", "/v1/chat/completions", true),
        ("POST", "/v1/chat/completions/", true),
        ("POST", "/v1//chat/completions", true),
        ("POST", "/chat/completions", true),
        ("POST", "/openai/deployments/gpt/chat/completions", true),
        ("POST", "/v1/ch%61t/completions", true),
        ("POST", "/v1/chat/completions/chatcmpl-1", false),
        ("POST", "/v1/completions", true),
        ("POST", "/completions", false),
        ("POST", "/v1/chat%2Fcompletions", false),
        ("POST", "/v1/snapchat/completions", false),
        ("POST", "/v1/messages", false),
        ("GET", "/v1/chat/completions", false),
        ("POST", "/v1beta/models/gemini-2.5-flash:generateContent", true),
        ("POST", "/v1beta/models/gemini-2.5-flash:countTokens", false),
        ("POST", "/v1/models/half_plus_two:predict", false),
        ("POST", "/model/arn%3Aaws%3Abedrock%3A%3A1%3Ax%2Fy/converse-stream", true),
        ("POST", "/model/m/count-tokens", false),
        ("POST", "/model/converse", false),
        ("POST", "/", false),
        ("POST", "*", false),
        ("POST", "", false),
    ] {
        let found = recognise(&request(method, "localhost", path), BodyLimits::default());
        let found = matches!(found, Recognition::Known(_));
        assert_eq!(found, expected, "{method} {path}");
    }
}

#[test]
fn the_host_names_the_provider() {
    let head = request("POST", "api.groq.com", "/openai/v1/chat/completions");
    let Recognition::Known(mut interpreter) = recognise(&head, BodyLimits::default()) else {
        panic!("a known path")
    };
    let body = Payload::Document(Bytes::from_static(br#"{"model":"llama"}"#));
    interpreter.request(&Frame { time_ns: 0, payload: body });
    let mut calls = Vec::new();
    let exchange = exchange(head);
    interpreter.finish(&exchange, &mut calls);
    let call = calls.pop().expect("one call");
    assert_eq!((call.provider, call.request_model.as_deref()), ("groq", Some("llama")));
    assert_eq!(call.extra, [], "openai's attributes belong to openai");
}

#[test]
fn no_two_dialects_share_an_endpoint() {
    for (at, one) in dialects().enumerate() {
        assert!(one.endpoints.iter().all(|endpoint| !endpoint.path.is_empty()));
        for two in dialects().skip(at + 1) {
            for one in one.endpoints {
                for two in two.endpoints {
                    assert!(!one.overlaps(two), "{one:?} and {two:?}");
                }
            }
        }
    }
}

#[test]
fn no_dialect_declares_content() {
    for name in dialects().flat_map(|dialect| dialect.attributes) {
        assert!(declares_attribute(name));
        assert!(!name.starts_with("gen_ai."), "{name} belongs to the neutral table");
    }
    assert!(!declares_attribute("gen_ai.input.messages"));
}

/// Bodies by which a request to an unknown path is known, and whose they are.
const BODIES: &[(&str, &str)] = &[
    (r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#, "openai"),
    (r#"{"messages":[{"content":"hi","role":"user"}],"stream":true}"#, "openai"),
    (r#"{"messages":[{"role":"system","content":"very lo"#, "openai"),
    (
        r#"{"model":"m","max_tokens":9,"system":"be kind","messages":[{"role":"user","content":"hi"}]}"#,
        "anthropic",
    ),
    (r#"{"anthropic_version":"vertex-2023-10-16","messages":[{"role":"user","content":[]}]}"#, "anthropic"),
];

/// Bodies of others.
const FOREIGN: &[&str] = &[
    "",
    "[]",
    "hello",
    r#"{"jsonrpc":"2.0","method":"x","params":{"messages":[{"role":"user"}]}}"#,
    r#"{"messages":[]}"#,
    r#"{"messages":["hi"]}"#,
    r#"{"messages":"hi","role":"user"}"#,
    r#"{"model":"T"}"#,
    // Stores' and rerankers' bodies count at their own paths alone.
    r#"{"query":"q","documents":["a"]}"#,
    r#"{"points":[{"id":1,"vector":[1]}],"ids":[1]}"#,
    r#"{"name":"docs","get_or_create":true}"#,
    r#"{"vector":[1,2],"topK":3}"#,
    // So do clouds' bodies.
    r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#,
    r#"{"instances":[{"content":"hi"}]}"#,
    r#"{"inputText":"hi","textGenerationConfig":{}}"#,
    r#"{"query":"{Get{Doc{x}}}"}"#,
    r#"{"class":"Doc","properties":{},"vector":[1]}"#,
    r#"{"collectionName":"docs","data":[[1]]}"#,
    r#"{"knn":{"field":"e","query_vector":[1,2],"k":3}}"#,
    r#"{"query":{"match":{"title":"knn"}},"size":3}"#,
];

fn candidate(content_type: &str) -> (RequestHead, Option<Candidate>) {
    let fields = [("content-type", content_type)];
    let head = RequestHead { headers: Headers::of(&fields), ..request("POST", "gateway", "/any/path") };
    let candidate = match recognise(&head, BodyLimits::default()) {
        Recognition::Candidate(candidate) => Some(candidate),
        Recognition::Known(_) | Recognition::Foreign => None,
    };
    (head, candidate)
}

/// What a path and a body that are not enough by themselves mean together.
#[test]
fn a_path_may_need_its_body() {
    for (path, parameters, body, expected) in [
        ("/completions", &[][..], r#"{"model":"m","prompt":"x"}"#, Some("text_completion openai")),
        ("/completions", &[], r#"{"prompt":"x"}"#, None),
        ("/openai/deployments/chat/completions/x", &["api-version"], r#"{"prompt":"x"}"#, None),
        (
            "/openai/deployments/gpt/completions",
            &["api-version"],
            r#"{"prompt":"x"}"#,
            Some("text_completion azure.ai.openai"),
        ),
        ("/responses", &[], r#"{"input":[{"role":"user"}]}"#, Some("chat openai")),
        ("/responses", &[], r#"{"input":"x","model":"m"}"#, Some("chat openai")),
        ("/responses", &[], r#"{"input":"yes","question":7}"#, None),
        ("/responses/input_tokens", &[], r#"{"input":"x","model":"m"}"#, None),
        ("/embeddings", &[], r#"{"input":"x","model":"m"}"#, Some("embeddings openai")),
        ("/api/embeddings", &[], r#"{"prompt":"x","model":"m"}"#, Some("embeddings ollama")),
        ("/embeddings", &[], r#"{"vectors":[1]}"#, None),
        ("/moderations", &[], r#"{"input":"x"}"#, Some("moderation openai")),
        ("/images/generations", &[], r#"{"model":"m","prompt":"x"}"#, Some("generate_content openai")),
        ("/v2/chat", &[], r#"{"model":"m","messages":[{"role":"user"}]}"#, Some("chat cohere")),
        ("/v2/chat", &[], r#"{"messages":[{"role":"user"}]}"#, None),
        ("/v1/chat", &[], r#"{"message":"x"}"#, None),
        ("/v2/embed", &[], r#"{"model":"m","texts":["x"]}"#, Some("embeddings cohere")),
        ("/v2/embed", &[], r#"{"url":"x"}"#, None),
        (
            "/v1/graphql",
            &[],
            r#"{"query":"{Get{Doc(nearText:{concepts:[\"x\"]}){x}}}"}"#,
            Some("retrieval weaviate"),
        ),
        ("/v1/graphql", &[], r#"{"query":"query Get { Users(limit: 3) { id } }"}"#, None),
        ("/v1/graphql", &[], r#"{"query":"query { users { id } }","variables":{}}"#, None),
        ("/graphql", &[], r#"{"query":"{Get{Doc{x}}}"}"#, None),
        ("/v1/objects", &[], r#"{"class":"invoice","properties":{}}"#, None),
        ("/v1/objects", &[], r#"{"class":"Invoice","amount":7}"#, None),
        ("/v1/batch/objects", &[], r#"{"objects":[{"key":"a"}]}"#, None),
        ("/v1/vector/search", &[], r#"{"collectionName":"docs","vector":[1]}"#, Some("retrieval milvus")),
        ("/v1/vector/search", &[], r#"{"collection":"docs","vector":[1]}"#, None),
        (
            "/generate",
            &[],
            r#"{"inputs":"x","parameters":{"max_new_tokens":9}}"#,
            Some("text_completion huggingface"),
        ),
        ("/", &[], r#"{"inputs":"x","parameters":{"do_sample":true}}"#, Some("text_completion huggingface")),
        ("/generate", &[], r#"{"prompt":"x"}"#, None),
        ("/completion", &[], r#"{"prompt":"x","n_predict":9}"#, Some("text_completion llama_cpp")),
        ("/completion", &[], r#"{"course":7}"#, None),
        ("/api/generate", &[], r#"{"model":"m","prompt":"x"}"#, Some("text_completion ollama")),
        ("/api/chat", &[], r#"{"model":"m","messages":[{"role":"user"}]}"#, Some("chat ollama")),
        ("/api/embed", &[], r#"{"model":"m","input":"x"}"#, Some("embeddings ollama")),
        (
            "/v1/complete",
            &[],
            r#"{"prompt":"x","max_tokens_to_sample":9}"#,
            Some("text_completion anthropic"),
        ),
        (
            "/search/",
            &[],
            r#"{"yql":"select * from a where nearestNeighbor(e, q)"}"#,
            Some("retrieval vespa"),
        ),
        ("/v1/vector_stores/vs_1/search", &[], r#"{"query":"x"}"#, Some("retrieval openai")),
        ("/v1/vector_stores/vs_1/search", &[], r#"{"text":"x"}"#, None),
        ("/search/", &[], r#"{"yql":"select * from a where userQuery()"}"#, None),
        ("/v2/namespaces/n/query", &[], r#"{"rank_by":["v","ANN",[1]]}"#, Some("retrieval turbopuffer")),
        ("/v2/namespaces/n/query", &[], r#"{"query":"x"}"#, None),
        ("/v2/namespaces/n", &[], r#"{"rows":[]}"#, None),
        ("/tokenize", &[], r#"{"model":"m","messages":[{"role":"user"}]}"#, None),
        ("/v1/messages/count_tokens", &[], r#"{"model":"m","messages":[{"role":"user"}]}"#, None),
    ] {
        let head = RequestHead { parameters: parameters.to_vec(), ..request("POST", "gateway", path) };
        let Recognition::Candidate(mut candidate) = recognise(&head, BodyLimits::default()) else {
            panic!("{path} alone says nothing")
        };
        let root = super::candidate::signs(body.as_bytes());
        let claiming = dialects().filter(|dialect| (dialect.claims)(&head, &root)).count();
        assert_eq!(claiming, usize::from(expected.is_some()), "{path} {body}: one dialect at most");
        let decision = match candidate.request(&head, &frame(body.as_bytes())) {
            Decision::Open => candidate.last(&head),
            decision => decision,
        };
        let found = match decision {
            Decision::Known(interpreter) => {
                let mut calls = Vec::new();
                interpreter.finish(&exchange(head), &mut calls);
                let call = calls.pop().expect("a call");
                Some(format!("{} {}", call.subject.operation().unwrap_or_default(), call.provider))
            }
            Decision::Open | Decision::Foreign => None,
        };
        assert_eq!(found.as_deref(), expected, "{path} {body}");
    }
}

#[test]
fn what_only_counts_tokens_is_no_call() {
    let fields = [("content-type", "application/json"), ("anthropic-version", "2023-06-01")];
    let path = "/v1/messages/count_tokens";
    let head = RequestHead { headers: Headers::of(&fields), ..request("POST", "api.anthropic.com", path) };
    let Recognition::Candidate(mut candidate) = recognise(&head, BodyLimits::default()) else {
        panic!("no endpoint of a call")
    };
    let body = br#"{"model":"m","system":"x","messages":[{"role":"user","content":"hi"}]}"#;
    let decision = match candidate.request(&head, &frame(body)) {
        Decision::Open => candidate.last(&head),
        decision => decision,
    };
    assert!(matches!(decision, Decision::Foreign));
}

fn frame(bytes: &[u8]) -> Frame {
    Frame { time_ns: 0, payload: Payload::Document(Bytes::copy_from_slice(bytes)) }
}

#[test]
fn an_unknown_path_is_known_by_its_body() {
    for piece in [1, 7, usize::MAX] {
        for (body, provider) in BODIES {
            let (head, candidate) = candidate("application/json; charset=utf-8");
            let mut candidate = candidate.expect("JSON may be anything");
            let mut decision = Decision::Open;
            for (at, bytes) in body.as_bytes().chunks(piece).enumerate() {
                match &mut decision {
                    Decision::Known(interpreter) => interpreter.request(&frame(bytes)),
                    Decision::Open => decision = candidate.request(&head, &frame(bytes)),
                    Decision::Foreign => panic!("{body} at piece {at}"),
                }
            }
            if matches!(decision, Decision::Open) {
                decision = candidate.last(&head);
            }
            let Decision::Known(interpreter) = decision else { panic!("{body}") };
            let mut calls = Vec::new();
            interpreter.finish(&exchange(head), &mut calls);
            assert_eq!(calls[0].provider, *provider);
            let model = if body.contains("model") { Some("m") } else { None };
            assert_eq!(calls[0].request_model.as_deref(), model, "it saw what came before it was known");
        }
        for body in FOREIGN {
            let (head, candidate) = candidate("application/json");
            let mut candidate = candidate.expect("JSON may be anything");
            for bytes in body.as_bytes().chunks(piece) {
                assert!(!matches!(candidate.request(&head, &frame(bytes)), Decision::Known(_)), "{body}");
            }
            assert!(matches!(candidate.last(&head), Decision::Foreign), "{body}");
        }
    }
}

#[test]
fn no_two_dialects_claim_one_body() {
    for (body, _) in BODIES {
        let (head, _) = candidate("application/json");
        let root = super::candidate::signs(body.as_bytes());
        let claiming = dialects().filter(|dialect| (dialect.claims)(&head, &root)).count();
        assert_eq!(claiming, 1, "{body}");
    }
}

#[test]
fn what_is_no_json_is_not_looked_into() {
    for content_type in ["text/plain", "multipart/form-data; boundary=x", "application/grpc"] {
        assert!(candidate(content_type).1.is_none());
    }
    let (head, candidate) = candidate("application/json");
    let mut candidate = candidate.expect("JSON may be anything");
    let large = format!(r#"{{"text":"{}"#, "x".repeat(1 << 20));
    let decision = candidate.request(&head, &frame(large.as_bytes()));
    assert!(matches!(decision, Decision::Foreign), "a body is looked at only so far");
}
