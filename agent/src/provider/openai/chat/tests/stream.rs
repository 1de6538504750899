//! Responses that are event streams.

#![allow(clippy::unwrap_used, reason = "tests")]

use crate::call::Usage;
use crate::exchange::{Frame, Outcome, Payload};
use crate::protocol::sse::SseEvent;
use crate::provider::BodyLimits;
use crate::provider::tests::scene::{Scene, document, known};

const REQUEST: &[u8] =
    br#"{"model":"gpt-4o","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#;

const FIRST: &str = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null,"obfuscation":"xY"}"#;
const DELTA: &str = r#"{"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}],"usage":null}"#;
const STOP: &str = r#"{"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#;
const USAGE: &str = r#"{"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;
const AZURE_FIRST: &str =
    r#"{"id":"","model":"","object":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#;

fn scene<'a>(events: &'a [&'a str]) -> Scene<'a> {
    Scene { request: REQUEST, events, ..Scene::default() }
}

#[test]
fn reads_a_whole_stream() {
    let call = scene(&[AZURE_FIRST, FIRST, DELTA, STOP, USAGE, "[DONE]"]).play();
    assert!(call.stream);
    assert_eq!(call.first_chunk_ns, Some(1_000));
    assert_eq!(call.response_id.as_deref(), Some("chatcmpl-1"));
    assert_eq!(call.response_model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert_eq!(call.finish_reasons(), ["stop"]);
    assert_eq!(call.usage, Usage { input: Some(9), output: Some(2), ..Usage::default() });
    assert_eq!(call.notes, [""; 0]);
}

#[test]
fn a_stream_without_usage_says_so() {
    let call = scene(&[FIRST, STOP, "[DONE]"]).play();
    assert_eq!(call.usage, Usage::default());
    assert_eq!(call.notes, ["stream carried no usage"]);
}

#[test]
fn the_last_usage_holds() {
    let early = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#;
    let empty = r#"{"choices":[],"usage":{}}"#;
    let call = scene(&[FIRST, early, USAGE, STOP, empty]).play();
    assert_eq!((call.usage.input, call.usage.output), (Some(9), Some(2)));
    let groq = r#"{"x_groq":{"id":"r","usage":{"prompt_tokens":3,"completion_tokens":4}},"choices":[]}"#;
    let call = scene(&[FIRST, STOP, groq, "[DONE]"]).play();
    assert_eq!((call.usage.input, call.usage.output), (Some(3), Some(4)));
}

#[test]
fn an_error_inside_the_stream_is_an_error() {
    for (event, expected) in [
        (r#"{"error":{"message":"busy","type":"server_error","code":null}}"#, "server_error"),
        (r#"{"error":{"message":"busy","type":"server_error","code":"overloaded"}}"#, "overloaded"),
        (r#"{"error":{"message":"busy","code":503},"choices":[]}"#, "503"),
        (r#"{"error":"out of memory","error_type":"generation"}"#, "generation"),
        (r#"{"error":"out of memory"}"#, "_OTHER"),
        (r#"{"x_groq":{"error":{"type":"tool_use_failed"}}}"#, "tool_use_failed"),
        (
            r#"{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"busy"}}]}"#,
            "502",
        ),
        (r#"{"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}"#, "_OTHER"),
    ] {
        let call = scene(&[FIRST, event]).play();
        assert_eq!(call.error_code.as_deref(), Some(expected), "{event}");
        assert_eq!(call.finish_reasons(), ["error"], "the choice that had begun");
    }
}

#[test]
fn a_cut_stream_owes_its_finish_reasons() {
    for (outcome, missing_bytes, events, reasons) in [
        (Outcome::Cancelled, 0, &[FIRST, DELTA][..], &["error"][..]),
        (Outcome::PeerClosed, 0, &[FIRST], &["error"]),
        (Outcome::Failed(104), 0, &[AZURE_FIRST], &["error"]),
        (Outcome::Cancelled, 0, &[FIRST, STOP], &["stop"]),
        (Outcome::Cancelled, 0, &[FIRST, STOP, USAGE, "[DONE]"], &["stop"]),
        // What was not captured may have reached the program.
        (Outcome::Lost, 0, &[FIRST, DELTA], &[]),
        (Outcome::Cancelled, 5, &[FIRST, DELTA], &[]),
        (Outcome::Complete, 0, &[FIRST, "[DONE]"], &[]),
    ] {
        let call = Scene { outcome, missing_bytes, ..scene(events) }.play();
        assert_eq!(call.finish_reasons(), reasons, "{outcome:?} {events:?}");
        assert_eq!(call.notes.contains(&"a choice has no finish reason"), reasons.is_empty());
    }
    let two = Scene {
        request: br#"{"model":"gpt-4o","n":2,"stream":true}"#,
        outcome: Outcome::Cancelled,
        ..scene(&[FIRST, STOP])
    };
    assert_eq!(two.play().finish_reasons(), ["stop", "error"]);
}

#[test]
fn choices_are_ordered_and_bounded() {
    let chunk = |index: u64| format!(r#"{{"choices":[{{"index":{index},"finish_reason":"r{index}"}}]}}"#);
    let events: Vec<_> = (0..200).rev().map(chunk).collect();
    let events: Vec<_> = events.iter().map(String::as_str).collect();
    let call = scene(&events).play();
    assert_eq!(call.finish_reasons().len(), 128);
    assert_eq!(call.finish_reasons()[0], "r72");
    assert!(call.notes.contains(&"more choices than are kept"));
}

#[test]
fn broken_events_are_noted_once() {
    let call = scene(&[FIRST, "{", "nonsense", "", STOP, USAGE, "[DONE]"]).play();
    assert_eq!(call.finish_reasons(), ["stop"]);
    assert_eq!(call.notes, ["stream event is not JSON"]);
}

#[test]
fn only_the_prefix_of_done_counts() {
    let call = scene(&[FIRST, STOP, USAGE, "[DONE] "]).play();
    assert_eq!(call.notes, [""; 0]);
}

/// What a scene cannot say: named and damaged events, and a request that ends after the response began.
#[test]
fn odd_events_and_late_requests() {
    let head = Scene::default().head();
    let (mut interpreter, mut calls) = (known(&head, BodyLimits::default()), Vec::new());
    interpreter.request(&document(br#"{"model":"#));
    let event =
        |name: &str, data: &str, damaged| SseEvent { name: name.to_owned(), data: data.to_owned(), damaged };
    interpreter.response(&Frame { time_ns: 5, payload: Payload::Event(event("", STOP, true)) }, &mut calls);
    interpreter.response(&Frame { time_ns: 6, payload: Payload::Event(event("", FIRST, false)) }, &mut calls);
    interpreter.response(
        &Frame { time_ns: 7, payload: Payload::Event(event("error", r#"{"detail":"x"}"#, false)) },
        &mut calls,
    );
    interpreter.request(&document(br#""late"}"#));
    interpreter.finish(&Scene::default().exchange(head, true), &mut calls);
    let call = calls.pop().unwrap();
    assert_eq!(call.request_model.as_deref(), Some("late"));
    assert_eq!(call.first_chunk_ns, Some(5));
    assert_eq!(call.error_code.as_deref(), Some("_OTHER"));
    assert_eq!(call.finish_reasons(), ["error"]);
    assert_eq!(call.notes, ["stream event is damaged"]);
}

#[test]
fn an_event_named_error_is_one() {
    for (data, expected) in [
        (r#"{"code":400,"details":"of bob"}"#, "400"),
        (r#"{"type":"server_error"}"#, "server_error"),
        (r#"{"detail":"of bob"}"#, "_OTHER"),
        ("busy", "_OTHER"),
    ] {
        let head = Scene::default().head();
        let (mut interpreter, mut calls) = (known(&head, BodyLimits::default()), Vec::new());
        let event = SseEvent { name: "error".to_owned(), data: data.to_owned(), damaged: false };
        interpreter.response(&Frame { time_ns: 1, payload: Payload::Event(event) }, &mut calls);
        interpreter.finish(&Scene::default().exchange(head, true), &mut calls);
        let call = calls.pop().unwrap();
        assert_eq!(call.error_code.as_deref(), Some(expected), "{data}");
        assert!(!format!("{call:?}").contains("bob"), "messages are content: {call:?}");
    }
}
