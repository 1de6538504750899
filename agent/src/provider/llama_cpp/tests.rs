use super::*;
use crate::call::Usage;
use crate::event::End as Ended;
use crate::provider::tests::wire::{Wire, pieces};

const EVENTS: &str = "Content-Type: text/event-stream\r\nServer: llama.cpp\r\n";

const STREAM: &str = r#"data: {"index":0,"content":"of","tokens":[1],"stop":false,"id_slot":0,"tokens_predicted":1,"tokens_evaluated":6}

data: {"index":0,"content":" bob","tokens":[2],"stop":false,"id_slot":0,"tokens_predicted":2,"tokens_evaluated":6}

data: {"index":0,"content":"","tokens":[],"stop":true,"id_slot":0,"model":"gpt-oss-20b","tokens_predicted":2,"tokens_evaluated":6,"prompt":"bob","stop_type":"eos","stopping_word":"","tokens_cached":7,"timings":{"cache_n":4,"prompt_n":2,"predicted_n":2}}

"#;

fn completion() -> Wire<'static> {
    Wire {
        host: "llama:8080",
        target: "/completion",
        request: r#"{"prompt":"bob","n_predict":128,"temperature":0.8,"top_k":40,"seed":-1,"stop":["END"],"cache_prompt":true}"#,
        ..Wire::default()
    }
}

#[test]
fn a_stream_is_read() {
    for answer in [EVENTS, "Content-Type: text/event-stream\r\n"] {
        for size in [1, 50, 10_000] {
            let pieces = pieces(STREAM.as_bytes(), size);
            let call = Wire { answer, pieces: &pieces, ..completion() }.play();
            assert_eq!((call.provider, call.stream, call.stream_ended), ("llama_cpp", true, true));
            let usage = Usage { input: Some(6), output: Some(2), cache_read: Some(4), ..Usage::default() };
            assert_eq!((call.usage, call.response_model.as_deref()), (usage, Some("gpt-oss-20b")));
            assert_eq!((call.finish_reasons(), call.notes.len()), (&["stop".to_owned()][..], 0), "{call:?}");
            assert_eq!((call.parameters.max_tokens, call.parameters.seed), (Some(128), None));
            assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
        }
    }
}

#[test]
fn whole_answers_are_read() {
    for (target, request, body, reasons, input) in [
        (
            "/completion",
            r#"{"prompt":[1,2,3]}"#,
            r#"{"content":"bob","stop":true,"model":"m","tokens_predicted":2,"tokens_evaluated":3,"stopped_eos":false,"stopped_limit":true}"#,
            &["length"][..],
            Some(3),
        ),
        (
            "/infill",
            r#"{"input_prefix":"def bob","input_suffix":"return"}"#,
            r#"{"content":"bob","stop":true,"stop_type":"word","tokens_predicted":2,"tokens_evaluated":"x"}"#,
            &["stop"],
            None,
        ),
        (
            "/completions",
            r#"{"prompt":"bob","n_predict":-1}"#,
            r#"{"content":"bob","stop":true,"stop_type":"none","tokens_predicted":2}"#,
            &[],
            None,
        ),
    ] {
        let call = Wire { target, request, pieces: &[body.as_bytes()], ..completion() }.play();
        assert_eq!((call.provider, call.subject.operation()), ("llama_cpp", Some("text_completion")));
        assert_eq!(call.finish_reasons(), reasons, "{body}");
        assert_eq!((call.usage.input, call.usage.output), (input, Some(2)), "{body}");
        assert_eq!(call.notes.is_empty(), !reasons.is_empty(), "{:?}", call.notes);
        assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
    }
}

#[test]
fn vectors_are_counted() {
    let request = r#"{"content":"bob"}"#;
    for (body, dimensions) in [
        (r#"{"embedding":[0.1,-2e3,3]}"#, Some(3)),
        (r#"[{"index":0,"embedding":[[1,2],[3,4]]}]"#, Some(2)),
        (r#"[{"index":0,"embedding":[1,2,3,4]}]"#, Some(4)),
    ] {
        let call =
            Wire { target: "/embedding", request, pieces: &[body.as_bytes()], ..Wire::default() }.play();
        assert_eq!(call.subject, Subject::Embeddings { dimensions, encoding_formats: Vec::new() }, "{body}");
        assert_eq!((call.provider, call.notes.len()), ("llama_cpp", 0));
    }
}

#[test]
fn what_goes_wrong_is_told() {
    let start = STREAM.split_inclusive("\n\n").next().unwrap_or_default().as_bytes();
    let failed: &[u8] =
        b"data: {\"error\":{\"code\":500,\"message\":\"of bob\",\"type\":\"server_error\"}}\n\n";
    let refused: &[u8] = br#"{"error":{"code":503,"message":"Loading bob","type":"unavailable_error"}}"#;
    for (answer, status, pieces, end, reasons, code) in [
        (EVENTS, 200, &[start][..], Some(Ended::PeerClosed), &["error"][..], None),
        (EVENTS, 200, &[start, failed], None, &["error"], Some("server_error")),
        ("", 503, &[refused], None, &[], Some("unavailable_error")),
        ("", 502, &[b"<html>bob</html>"], None, &[], None),
    ] {
        let call = Wire { answer, status, pieces, end, ..completion() }.play();
        assert_eq!(call.finish_reasons(), reasons, "{call:?}");
        assert_eq!(call.error_code.as_deref(), code, "{call:?}");
        assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
    }
}

#[test]
fn apps_with_such_paths_are_left_alone() {
    for (target, request, body) in [
        ("/completion", r#"{"prompt":"bob"}"#, r#"{"text":"bob"}"#),
        ("/completion", r#"{"course":7}"#, "{}"),
        ("/embedding", r#"{"content":"bob"}"#, r#"{"html":"<iframe>"}"#),
        ("/completions", r#"{"prompt":"bob"}"#, r#"{"tokens_predicted":7}"#),
    ] {
        let wire = Wire { host: "app", target, request, pieces: &[body.as_bytes()], ..Wire::default() };
        assert_eq!(wire.calls(), [], "{target} {request} {body}");
    }
}
