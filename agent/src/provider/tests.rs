#![allow(clippy::expect_used, reason = "tests")]

use bytes::Bytes;

use super::{BodyLimits, DIALECTS, declares_attribute, recognise};
use crate::exchange::{Exchange, Frame, Outcome, Payload};
use crate::protocol::http1::{Headers, RequestHead};

fn request(method: &str, host: &str, path: &str) -> RequestHead {
    RequestHead {
        method: method.to_owned(),
        path: path.to_owned(),
        host: Some(host.to_owned()),
        port: None,
        minor_version: 1,
        headers: Headers::default(),
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
        ("POST", "/v1/completions", false),
        ("POST", "/v1/chat%2Fcompletions", false),
        ("POST", "/v1/snapchat/completions", false),
        ("GET", "/v1/chat/completions", false),
        ("POST", "/", false),
        ("POST", "*", false),
        ("POST", "", false),
    ] {
        let found = recognise(&request(method, "localhost", path), BodyLimits::default()).is_some();
        assert_eq!(found, expected, "{method} {path}");
    }
}

#[test]
fn the_host_names_the_provider() {
    let head = request("POST", "api.groq.com", "/openai/v1/chat/completions");
    let mut interpreter = recognise(&head, BodyLimits::default()).expect("a known path");
    let body = Payload::Document(Bytes::from_static(br#"{"model":"llama"}"#));
    interpreter.request(&Frame { time_ns: 0, payload: body });
    let call = interpreter.finish(&Exchange {
        ordinal: 0,
        role: crate::event::Role::Client,
        request: head.into(),
        response: None,
        started_ns: 0,
        ended_ns: 0,
        request_body_bytes: 17,
        response_body_bytes: 0,
        missing_bytes: 0,
        outcome: Outcome::Cancelled,
        notes: Vec::new(),
    });
    assert_eq!((call.provider, call.request_model.as_deref()), ("groq", Some("llama")));
    assert_eq!(call.extra, [], "openai's attributes belong to openai");
}

#[test]
fn no_two_endpoints_overlap() {
    let all: Vec<_> = DIALECTS.iter().flat_map(|dialect| dialect.endpoints).collect();
    for (at, one) in all.iter().enumerate() {
        assert!(!one.suffix.is_empty());
        for two in all.iter().skip(at + 1) {
            assert!(!one.overlaps(two), "{one:?} and {two:?}");
        }
    }
}

#[test]
fn no_dialect_declares_content() {
    for name in DIALECTS.iter().flat_map(|dialect| dialect.attributes) {
        assert!(declares_attribute(name));
        assert!(!name.starts_with("gen_ai."), "{name} belongs to the neutral table");
    }
    assert!(!declares_attribute("gen_ai.input.messages"));
}
