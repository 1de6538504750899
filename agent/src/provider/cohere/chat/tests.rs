#![allow(clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::event::End as Ended;
use crate::provider::tests::wire::{Wire, pieces};

const JSON: &str = "Content-Type: application/json\r\n";
const EVENTS: &str = "Content-Type: text/event-stream\r\n";
const LINES: &str = "Content-Type: application/stream+json\r\n";

const STREAM: &str = r#"event: message-start
data: {"type":"message-start","id":"29f14a5a","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[]}}}

event: content-delta
data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"of bob"}}}}

event: tool-call-start
data: {"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"weather_1","type":"function","function":{"name":"weather","arguments":""}}}}}

event: tool-call-delta
data: {"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"name\":\"bob\"}"}}}}}

event: tool-call-start
data: {"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"id":"time_1","type":"function","function":{"name":"time"}}}}}

event: message-end
data: {"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":17.0,"output_tokens":12.0},"tokens":{"input_tokens":217.0,"output_tokens":32.0},"cached_tokens":9.0}}}

"#;

const LINES_V1: &str = r#"{"is_finished":false,"event_type":"stream-start","generation_id":"g-1"}
{"is_finished":false,"event_type":"text-generation","text":"of bob"}
{"is_finished":false,"event_type":"tool-calls-generation","tool_calls":[{"name":"weather","parameters":{"name":"bob"}}]}
{"is_finished":true,"event_type":"stream-end","finish_reason":"COMPLETE","response":{"response_id":"r-1","text":"of bob","generation_id":"g-1","finish_reason":"COMPLETE","tool_calls":[{"name":"weather","parameters":{}}],"meta":{"billed_units":{"input_tokens":5.0,"output_tokens":7.0}}}}
"#;

fn chat() -> Wire<'static> {
    Wire {
        host: "api.cohere.com",
        target: "/v2/chat",
        request: r#"{"model":"command-a-03-2025","messages":[{"role":"user","content":[{"type":"text","text":"bob"},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],"p":0.9,"k":40.0,"seed":7,
            "max_tokens":64,"stop_sequences":["END"],"response_format":{"type":"json_object"}}"#,
        ..Wire::default()
    }
}

fn tools(call: &Call) -> Vec<(&str, Option<&str>)> {
    call.tool_calls.iter().map(|tool| (&*tool.name, tool.id.as_deref())).collect()
}

#[test]
fn a_stream_of_version_2_is_read() {
    for host in ["api.cohere.com", "gateway"] {
        for size in [1, 50, 10_000] {
            let pieces = pieces(STREAM.as_bytes(), size);
            let call = Wire { host, answer: EVENTS, pieces: &pieces, ..chat() }.play();
            assert_eq!((call.provider, call.stream, call.stream_ended), ("cohere", true, true));
            assert_eq!(call.request_model.as_deref(), Some("command-a-03-2025"));
            assert_eq!(
                (call.response_id.as_deref(), call.response_model.as_deref()),
                (Some("29f14a5a"), None)
            );
            let usage = Usage { input: Some(17), output: Some(12), cache_read: Some(9), ..Usage::default() };
            assert_eq!(call.usage, usage, "what is billed");
            assert_eq!(call.finish_reasons(), ["tool_call"]);
            assert_eq!(tools(&call), [("weather", Some("weather_1")), ("time", Some("time_1"))]);
            assert_eq!(call.notes, [""; 0]);
            assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
        }
    }
    let call = Wire { pieces: &[b"{}"], ..chat() }.play();
    let parameters = Parameters {
        top_p: Some(0.9),
        top_k: Some(40),
        seed: Some(7),
        max_tokens: Some(64),
        stop_sequences: vec!["END".to_owned()],
        output_type: Some("json"),
        ..Parameters::default()
    };
    assert_eq!(call.parameters, parameters);
    assert_eq!((call.media.len(), call.media[0].bytes), (1, Some(3)));
}

#[test]
fn a_stream_of_version_1_is_read() {
    let request = r#"{"message":"bob","model":"command-r","conversation_id":"c-1","stream":true}"#;
    for (host, answer) in [("api.cohere.com", LINES), ("api.cohere.ai", JSON), ("gateway", LINES)] {
        for size in [1, 50, 10_000] {
            let pieces = pieces(LINES_V1.as_bytes(), size);
            let call = Wire { host, target: "/v1/chat", request, answer, pieces: &pieces, ..chat() }.play();
            assert_eq!((call.provider, call.stream, call.stream_ended), ("cohere", true, true));
            assert_eq!(
                (call.response_id.as_deref(), call.conversation_id.as_deref()),
                (Some("g-1"), Some("c-1"))
            );
            assert_eq!(call.usage, Usage { input: Some(5), output: Some(7), ..Usage::default() });
            assert_eq!(
                (call.finish_reasons(), tools(&call)),
                (&["stop".to_owned()][..], vec![("weather", None)])
            );
            assert_eq!(call.notes, [""; 0]);
            assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
        }
    }
}

#[test]
fn whole_answers_are_read() {
    let v1 = r#"{"message":"bob","chat_history":[]}"#;
    let generate = r#"{"model":"command","prompt":"bob","num_generations":2}"#;
    for (target, request, body, id, reasons, usage) in [
        (
            "/v2/chat",
            chat().request,
            r#"{"id":"i","finish_reason":"MAX_TOKENS","message":{"role":"assistant","content":[{"type":"text","text":"bob"}]},
                "usage":{"tokens":{"input_tokens":9.0,"output_tokens":3.0},"cached_tokens":99}}"#,
            "i",
            &["length"][..],
            (Some(9), Some(3)),
        ),
        (
            "/v1/chat",
            v1,
            r#"{"text":"bob","generation_id":"g","finish_reason":"ERROR_TOXIC","tool_calls":null,"meta":null}"#,
            "g",
            &["content_filter"],
            (None, None),
        ),
        (
            "/v1/generate",
            generate,
            r#"{"id":"i","generations":[{"id":"1","text":"bob","finish_reason":"COMPLETE"},{"id":"2","finish_reason":"MAX_TOKENS"}],
                "meta":{"billed_units":{"input_tokens":4,"output_tokens":"7"}}}"#,
            "i",
            &["stop", "length"],
            (Some(4), None),
        ),
    ] {
        for host in ["api.cohere.com", "gateway"] {
            let call = Wire { host, target, request, pieces: &[body.as_bytes()], ..chat() }.play();
            assert_eq!(
                (call.response_id.as_deref(), call.finish_reasons().to_vec()),
                (Some(id), reasons.iter().map(|one| (*one).to_owned()).collect())
            );
            assert_eq!(
                (call.usage.input, call.usage.output, call.usage.cache_read),
                (usage.0, usage.1, None)
            );
            assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
        }
    }
}

#[test]
fn old_completions_stream_lines() {
    let lines: &[u8] = br#"{"text":"of bob","is_finished":false}
{"is_finished":true,"finish_reason":"COMPLETE","response":{"id":"i","generations":[{"id":"1","text":"of bob","finish_reason":"COMPLETE"}]}}
"#;
    let request = r#"{"prompt":"bob","stream":true}"#;
    let call = Wire { target: "/v1/generate", request, answer: LINES, pieces: &[lines], ..chat() }.play();
    assert_eq!((call.subject.operation(), call.stream_ended), (Some("text_completion"), true));
    assert_eq!((call.response_id.as_deref(), call.finish_reasons()), (Some("i"), &["stop".to_owned()][..]));
    assert_eq!(call.notes, ["stream carried no usage"]);
}

#[test]
fn what_goes_wrong_is_told() {
    let start = &STREAM.as_bytes()[..STREAM.find("event: tool").unwrap_or(0)];
    let failed: &[u8] =
        br#"data: {"type":"message-end","delta":{"finish_reason":"ERROR","error":"an error of bob"}}

"#;
    let refused: &[u8] = br#"{"id":"1","message":"model of bob not found"}"#;
    for (answer, status, pieces, end, reasons, code) in [
        (EVENTS, 200, &[start][..], Some(Ended::PeerClosed), &["error"][..], None),
        (EVENTS, 200, &[start, failed], None, &["error"], Some("_OTHER")),
        (JSON, 404, &[refused], None, &[], None),
        (JSON, 200, &[refused], None, &[], Some("_OTHER")),
        (JSON, 502, &[b"<html>bob</html>"], None, &[], None),
        (JSON, 200, &[br#"{"id":7,"message":null,"usage":[],"finish_reason":{}}"#], None, &[], None),
    ] {
        let call = Wire { answer, status, pieces, end, ..chat() }.play();
        assert_eq!(call.finish_reasons(), reasons, "{call:?}");
        assert_eq!(call.error_code.as_deref(), code, "{call:?}");
        assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
    }
}

#[test]
fn apps_with_such_paths_are_left_alone() {
    let v2 = chat().request;
    for (target, request, status, answer, body) in [
        ("/v2/chat", v2, 200, JSON, r#"{"reply":"bob"}"#),
        ("/v2/chat", v2, 200, EVENTS, "data: bob\n\n"),
        ("/v2/chat", r#"{"messages":[{"role":"user"}]}"#, 200, JSON, "{}"),
        ("/v1/chat", r#"{"message":"bob"}"#, 200, JSON, r#"{"generation_id":"x"}"#),
        ("/v1/chat", r#"{"message":"bob","model":"gpt"}"#, 200, JSON, r#"{"text":"bob"}"#),
        ("/v1/chat", r#"{"message":"bob","model":"gpt"}"#, 500, JSON, r#"{"message":"bob"}"#),
        ("/v1/generate", r#"{"prompt":"bob","model":"gpt"}"#, 200, JSON, r#"{"image":"bob"}"#),
    ] {
        let wire =
            Wire { host: "app", target, request, status, answer, pieces: &[body.as_bytes()], ..chat() };
        assert_eq!(wire.calls(), [], "{target} {request} {body}");
    }
    let refused = Wire { host: "gateway", status: 429, pieces: &[b"{}"], ..chat() };
    assert_eq!(refused.calls().len(), 1, "such a request is hardly anything else");
}
