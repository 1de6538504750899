#![allow(clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::call::Usage;
use crate::event::End;
use crate::provider::tests::wire::{Wire, pieces};

const LINES: &str = r#"{"model":"llama3.2:3b","created_at":"2026-11-30T04:00:00Z","message":{"role":"assistant","content":"bob"},"done":false}
{"model":"llama3.2:3b","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"weather","arguments":{"name":"bob"}}},{"function":{"name":"time","arguments":{}}}]},"done":false}
{"model":"llama3.2:3b","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":26,"eval_count":298}
"#;

static WHOLE: [&[u8]; 1] = [LINES.as_bytes()];

fn chat() -> Wire<'static> {
    Wire {
        target: "/api/chat",
        request: r#"{"model":"llama3.2","messages":[{"role":"user","content":"bob","images":["AAAA","AAAAAAA="]}],
            "format":{"type":"object"},"think":"high",
            "options":{"temperature":0,"top_k":40,"seed":-1,"num_predict":-1,"stop":["END"]}}"#,
        pieces: &WHOLE,
        ..Wire::default()
    }
}

#[test]
fn a_stream_is_read_under_any_label() {
    for label in ["Content-Type: application/x-ndjson\r\n", "Content-Type: application/json\r\n", ""] {
        for size in [1, 50, 10_000] {
            let pieces = pieces(LINES.as_bytes(), size);
            let call = Wire { answer: label, pieces: &pieces, ..chat() }.play();
            assert_eq!((call.provider, call.stream, call.stream_ended), ("ollama", true, true), "{label}");
            assert_eq!(call.request_model.as_deref(), Some("llama3.2"));
            assert_eq!(call.response_model.as_deref(), Some("llama3.2:3b"));
            assert_eq!(call.usage, Usage { input: Some(26), output: Some(298), ..Usage::default() });
            assert_eq!(call.finish_reasons(), ["stop"]);
            let names: Vec<_> =
                call.tool_calls.iter().map(|tool| (&*tool.name, tool.id.as_deref())).collect();
            assert_eq!(names, [("weather", None), ("time", None)]);
            let end = LINES.find('\n').unwrap_or(0);
            let last_byte = if label.contains("ndjson") { end } else { end - 1 };
            assert_eq!(call.first_chunk_ns, Some(1_000 + (last_byte / size) as u64), "{label} {size}");
            assert_eq!(call.notes, [""; 0]);
            assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
        }
    }
    let call = chat().play();
    let parameters = Parameters {
        temperature: Some(0.0),
        top_k: Some(40),
        seed: Some(-1),
        stop_sequences: vec!["END".to_owned()],
        output_type: Some("json"),
        reasoning_level: Some("high".to_owned()),
        ..Parameters::default()
    };
    assert_eq!(call.parameters, parameters);
    assert_eq!(call.media.iter().map(|media| media.bytes).collect::<Vec<_>>(), [Some(3), Some(5)]);
}

#[test]
fn long_requests_are_told_by_their_begin() {
    let long = "x".repeat(10_000);
    for (target, said) in [
        ("/api/chat", format!(r#""messages":[{{"role":"user","content":"{long}"}}]"#)),
        ("/api/generate", format!(r#""prompt":"{long}""#)),
        ("/api/embed", format!(r#""input":["{long}","b"]"#)),
        ("/api/embed", format!(r#""input":"{long}""#)),
        ("/api/embeddings", format!(r#""prompt":"{long}""#)),
    ] {
        let request = format!(r#"{{"model":"llama3.2",{said}}}"#);
        let call = Wire { target, request: &request, ..chat() }.play();
        assert_eq!((call.provider, call.request_model.as_deref()), ("ollama", Some("llama3.2")), "{target}");
    }
}

#[test]
fn whole_answers_are_read() {
    let generate = Wire {
        target: "/api/generate",
        request: r#"{"model":"llama3.2","prompt":"bob","stream":false,"format":"json"}"#,
        pieces: &[br#"{"model":"llama3.2","response":"bob","done":true,"done_reason":"length","context":[1,2],"eval_count":"x","prompt_eval_count":3.0}"#],
        ..Wire::default()
    };
    let call = generate.play();
    assert_eq!(call.subject.operation(), Some("text_completion"));
    assert_eq!((call.stream, call.finish_reasons()), (false, &["length".to_owned()][..]));
    assert_eq!(call.usage, Usage { input: Some(3), ..Usage::default() });
    for (target, request, body, dimensions, input) in [
        (
            "/api/embed",
            r#"{"model":"m","input":["bob"]}"#,
            r#"{"model":"m","embeddings":[[1,2,3],[4,5,6]],"prompt_eval_count":8}"#,
            Some(3),
            Some(8),
        ),
        (
            "/api/embed",
            r#"{"model":"m","input":"bob","dimensions":2}"#,
            r#"{"model":"m","embeddings":[]}"#,
            Some(2),
            None,
        ),
        ("/api/embeddings", r#"{"model":"m","prompt":"bob"}"#, r#"{"embedding":[0.1,-2e3]}"#, Some(2), None),
    ] {
        let call = Wire { target, request, pieces: &[body.as_bytes()], ..Wire::default() }.play();
        assert_eq!(call.subject, Subject::Embeddings { dimensions, encoding_formats: Vec::new() });
        assert_eq!((call.usage.input, call.stream), (input, false));
    }
}

#[test]
fn what_breaks_off_says_so() {
    let first = &LINES.as_bytes()[..LINES.find('\n').unwrap_or(0) + 1];
    let error: &[u8] = b"{\"error\":\"an error of bob was encountered\"}\n";
    let html: &[u8] = b"<html>bob</html>";
    let lines = "Content-Type: application/x-ndjson\r\n";
    let unlabelled = "";
    let cut = &["stream carried no usage"][..];
    let odd: &[u8] = br#"{"done":null,"message":null,"done_reason":3,"model":[]}"#;
    for (answer, status, pieces, end, reasons, code, notes) in [
        (lines, 200, &[first][..], Some(End::Closed), &["error"][..], None, cut),
        (lines, 200, &[first], Some(End::PeerClosed), &["error"], None, cut),
        (unlabelled, 200, &[first, first], Some(End::Closed), &["error"], None, cut),
        (lines, 200, &[first, error], None, &["error"], Some("_OTHER"), &[]),
        (unlabelled, 200, &[first, error], None, &["error"], Some("_OTHER"), &[]),
        (unlabelled, 404, &[error], None, &[], None, &[]),
        (unlabelled, 502, &[html], None, &[], None, &["response body is not JSON"]),
        (
            unlabelled,
            200,
            &[odd],
            None,
            &[],
            None,
            &["a choice has no finish reason", "response carried no usage"],
        ),
    ] {
        let call = Wire { answer, status, pieces, end, ..chat() }.play();
        assert_eq!(call.finish_reasons(), reasons, "{answer} {call:?}");
        assert_eq!(call.error_code.as_deref(), code, "{call:?}");
        assert_eq!(call.notes, notes, "{call:?}");
    }
}

#[test]
fn apps_with_such_paths_are_left_alone() {
    for (target, request) in [
        ("/api/chat", r#"{"id":"1","messages":[{"role":"user","content":"bob"}]}"#),
        ("/api/chat", r#"{"model":"x","text":"bob"}"#),
        ("/api/generate", r#"{"prompt":"bob"}"#),
        ("/api/generate", r#"{"model":"car","length":3}"#),
        ("/api/embed", r#"{"url":"https://bob.example"}"#),
        ("/api/embed", r#"{"model":"x"}"#),
    ] {
        assert_eq!(
            Wire { target, request, pieces: &[b"{}"], ..Wire::default() }.calls(),
            [],
            "{target} {request}"
        );
    }
}
