//! Requests, and responses that are one document.

use crate::call::{Modalities, Parameters, Usage};
use crate::exchange::Outcome;
use crate::provider::BodyLimits;
use crate::provider::tests::scene::{Scene, extra};

pub(super) const REQUEST: &[u8] = br#"{
  "messages": [
    {"role": "developer", "content": "You are terse."},
    {"role": "user", "content": [{"type": "text", "text": "Say \"hi\" \ud83d\ude00 {\"model\": \"fake\"}"}]}
  ],
  "model": "gpt-4o",
  "temperature": 0.2, "top_p": 1, "frequency_penalty": -0.5, "presence_penalty": 0.25,
  "max_tokens": 10, "max_completion_tokens": 64, "seed": -7, "n": 2, "stop": ["END", "\n\n"],
  "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
  "reasoning_effort": "low", "service_tier": "flex", "stream": false,
  "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
}"#;

pub(super) const RESPONSE: &[u8] = br#"{
  "id": "chatcmpl-9x", "object": "chat.completion", "created": 1760000000, "model": "gpt-4o-2024-08-06",
  "choices": [
    {"index": 1, "message": {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1",
      "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]}, "finish_reason": "tool_calls"},
    {"index": 0, "message": {"role": "assistant", "content": "hi", "refusal": null}, "finish_reason": "stop"}
  ],
  "usage": {"prompt_tokens": 120, "completion_tokens": 40, "total_tokens": 160,
    "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 8, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 16, "accepted_prediction_tokens": 0}},
  "service_tier": "default", "system_fingerprint": "fp_abc"
}"#;

#[test]
fn reads_a_whole_completion() {
    let call = Scene { request: REQUEST, body: RESPONSE, ..Scene::default() }.play();
    assert_eq!(call.request_model.as_deref(), Some("gpt-4o"));
    assert_eq!(call.response_model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert_eq!(call.response_id.as_deref(), Some("chatcmpl-9x"));
    assert_eq!(call.finish_reasons(), ["stop", "tool_calls"], "in choice order");
    let usage = Usage {
        input: Some(120),
        output: Some(40),
        cache_read: Some(64),
        cache_write: Some(8),
        reasoning: Some(16),
        input_by: Modalities { audio: Some(0), ..Modalities::default() },
        ..Usage::default()
    };
    assert_eq!(call.usage, usage);
    let parameters = Parameters {
        temperature: Some(0.2),
        top_p: Some(1.0),
        top_k: None,
        frequency_penalty: Some(-0.5),
        presence_penalty: Some(0.25),
        max_tokens: Some(64),
        seed: Some(-7),
        choice_count: Some(2),
        stop_sequences: vec!["END".to_owned(), "\n\n".to_owned()],
        output_type: Some("json"),
        reasoning_level: Some("low".to_owned()),
    };
    assert_eq!(call.parameters, parameters);
    assert!(!call.stream);
    assert_eq!((call.error_code.as_ref(), call.first_chunk_ns), (None, None));
    assert_eq!(call.notes, [""; 0]);
    assert_eq!(extra(&call, "openai.api.type").as_deref(), Some("chat_completions"));
    assert_eq!(extra(&call, "openai.request.service_tier").as_deref(), Some("flex"));
    assert_eq!(extra(&call, "openai.response.service_tier").as_deref(), Some("default"));
    assert_eq!(extra(&call, "openai.response.system_fingerprint").as_deref(), Some("fp_abc"));
}

#[test]
fn tolerates_odd_types() {
    let call = Scene {
        request: br#"{"model": 5, "temperature": "hot", "max_tokens": 12.0, "n": 1, "seed": null, "stop": "X",
            "response_format": null, "stream": 1, "service_tier": "auto", "top_p": [1], "reasoning": {"effort": "high"}}"#,
        body: br#"{"id": null, "model": "m", "choices": [{"finish_reason": "stop"}, null, "?"], "service_tier": null,
            "usage": {"prompt_tokens": 17.0, "completion_tokens": null, "prompt_tokens_details": null}}"#,
        ..Scene::default()
    }
    .play();
    assert_eq!(call.request_model, None);
    assert_eq!(call.parameters.max_tokens, Some(12));
    assert_eq!(call.parameters.stop_sequences, ["X"]);
    assert_eq!(call.parameters.reasoning_level.as_deref(), Some("high"));
    assert_eq!((call.parameters.temperature, call.parameters.choice_count), (None, None));
    assert_eq!((call.usage.input, call.usage.output), (Some(17), None));
    assert_eq!(call.finish_reasons(), ["stop"]);
    assert_eq!(extra(&call, "openai.request.service_tier"), None, "auto is no choice");
    assert!(!call.stream);
}

#[test]
fn counts_are_never_made_up() {
    for odd in ["-1", "1.5", "1e300", "\"12\"", "{}", "[]", "true", "null"] {
        let body = format!(r#"{{"usage": {{"prompt_tokens": {odd}}}}}"#);
        let call = Scene { body: body.as_bytes(), ..Scene::default() }.play();
        assert_eq!(call.usage, Usage::default(), "{odd}");
        assert_eq!(call.notes, ["response carried no usage"], "{odd}");
    }
}

#[test]
fn errors_are_named_by_code_else_type() {
    for (status, body, expected) in [
        (
            429,
            r#"{"error":{"message":"Rate limit for bob","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            Some("rate_limit_exceeded"),
        ),
        (
            400,
            r#"{"error":{"message":"x","type":"invalid_request_error","code":null}}"#,
            Some("invalid_request_error"),
        ),
        (400, r#"{"error":{"message":"x","type":"BadRequestError","code":400}}"#, Some("400")),
        (
            400,
            r#"{"object":"error","message":"x","type":"BadRequestError","code":null}"#,
            Some("BadRequestError"),
        ),
        (404, r#"{"error":"no such model"}"#, None),
        (422, r#"{"detail":[{"msg":"x"}]}"#, None),
        (500, r#"{"error":{"message":"x","code":"Something about bob went wrong"}}"#, None),
        (200, r#"{"error":{"message":"x","code":502}}"#, Some("502")),
        (200, r#"{"error":{"message":"x"}}"#, Some("_OTHER")),
        (200, r#"{"error":null}"#, None),
        (200, r#"{"error":{}}"#, None),
        (200, r#"{"error":""}"#, None),
        (200, r#"{"error":"about bob"}"#, Some("_OTHER")),
    ] {
        let call = Scene { status, body: body.as_bytes(), ..Scene::default() }.play();
        assert_eq!(call.error_code.as_deref(), expected, "{status} {body}");
        assert!(!format!("{call:?}").contains("bob"), "messages are content: {call:?}");
    }
}

#[test]
fn unreadable_bodies_are_noted() {
    let limits = BodyLimits { request_bytes: 40, response_bytes: 60, kept_bytes: 0 };
    let ok = br#"{"usage": {"prompt_tokens": 1}}"#;
    // What came before the end counts all the same.
    for (request, body, limits, notes) in [
        (&b"{}"[..], &b"<html>bad gateway</html>"[..], limits, &["response body is not JSON"][..]),
        (b"{}", b"[1]", limits, &["response body is not JSON"]),
        (b"{}", b"{\"id\": \"x", limits, &["response body is incomplete"]),
        (b"{}", b"", limits, &["response body is empty"]),
        (b"nope", ok, limits, &["request body is not JSON"]),
        (b"[\"gpt\"]", ok, limits, &["request body is not JSON"]),
        (b"", ok, limits, &["request body is empty"]),
        (b"{\"model\": \"gpt", ok, limits, &["request body is incomplete"]),
        (REQUEST, ok, limits, &["request body over the limit"]),
        (b"{}", RESPONSE, limits, &["response body over the limit"]),
    ] {
        for piece in [1, 7, usize::MAX] {
            let call = Scene { request, body, limits, piece, ..Scene::default() }.play();
            let mut found = call.notes.clone();
            found.sort_unstable();
            assert_eq!(found, notes, "{:?}", String::from_utf8_lossy(body));
        }
    }
}

#[test]
fn a_request_without_an_answer_is_still_a_call() {
    let call = Scene { outcome: Outcome::Failed(104), ..Scene::default() }.play();
    assert_eq!(call.request_model.as_deref(), Some("gpt-4o-mini"));
    assert_eq!(call.notes, [""; 0], "the outcome says it all");
}

#[test]
fn missing_bytes_are_noted() {
    let call = Scene { body: RESPONSE, missing_bytes: 3, ..Scene::default() }.play();
    assert_eq!(call.notes, ["bytes of the bodies were not captured"]);
}

#[test]
fn azure_names_the_deployment_in_the_path() {
    let call = Scene {
        host: "acme.openai.azure.com",
        path: "/openai/deployments/my%20gpt/chat/completions",
        request: b"{}",
        body: RESPONSE,
        ..Scene::default()
    }
    .play();
    assert_eq!(call.provider, "azure.ai.openai");
    assert_eq!(call.request_model.as_deref(), Some("my gpt"));
    assert_eq!(call.extra, []);
}

#[test]
fn azure_behind_a_gateway_is_known_by_its_query() {
    for (parameters, provider) in [(&["api-version"][..], "azure.ai.openai"), (&[], "openai")] {
        let path = "/openai/deployments/gpt/chat/completions";
        let call =
            Scene { host: "llm.corp.example", path, parameters, body: RESPONSE, ..Scene::default() }.play();
        assert_eq!((call.provider, call.request_model.as_deref()), (provider, Some("gpt-4o-mini")));
    }
}

#[test]
fn vendors_count_differently() {
    for (host, usage, expected) in [
        (
            "api.x.ai",
            r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":35,"completion_tokens_details":{"reasoning_tokens":20}}"#,
            Usage { input: Some(10), output: Some(25), reasoning: Some(20), ..Usage::default() },
        ),
        (
            "api.x.ai",
            r#"{"prompt_tokens":10,"completion_tokens":25,"total_tokens":35,"completion_tokens_details":{"reasoning_tokens":20}}"#,
            Usage { input: Some(10), output: Some(25), reasoning: Some(20), ..Usage::default() },
        ),
        (
            "api.deepseek.com",
            r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":6}"#,
            Usage { input: Some(10), output: Some(5), cache_read: Some(4), ..Usage::default() },
        ),
    ] {
        let body = format!(r#"{{"usage":{usage}}}"#);
        let call = Scene { host, body: body.as_bytes(), ..Scene::default() }.play();
        assert_eq!(call.usage, expected, "{host}");
    }
}
