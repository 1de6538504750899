use crate::call::Usage;
use crate::event::End as Ended;
use crate::provider::tests::wire::{Wire, pieces};

const EVENTS: &str = "Content-Type: text/event-stream\r\n";

const STREAM: &str = r#"data:{"index":1,"token":{"id":1,"text":"of","logprob":-0.1,"special":false},"generated_text":null,"details":null}

data:{"index":2,"token":{"id":2,"text":" bob","logprob":-0.1,"special":false},"generated_text":"of bob","details":{"finish_reason":"eos_token","generated_tokens":2,"seed":null,"input_length":6}}

"#;

fn generate() -> Wire<'static> {
    Wire {
        host: "tgi:8080",
        target: "/generate",
        request: r#"{"inputs":"bob","parameters":{"max_new_tokens":20,"temperature":0.5,"top_k":10,"seed":7,"stop":["END"],"grammar":{"type":"json","value":{}}}}"#,
        ..Wire::default()
    }
}

fn usage(input: Option<u64>, output: Option<u64>) -> Usage {
    Usage { input, output, ..Usage::default() }
}

#[test]
fn a_stream_is_read() {
    for target in ["/generate_stream", "/"] {
        for size in [1, 50, 10_000] {
            let pieces = pieces(STREAM.as_bytes(), size);
            let call = Wire { target, answer: EVENTS, pieces: &pieces, ..generate() }.play();
            assert_eq!((call.provider, call.stream, call.stream_ended), ("huggingface", true, true));
            assert_eq!(call.subject.operation(), Some("text_completion"));
            assert_eq!(call.usage, usage(Some(6), Some(2)));
            assert_eq!((call.finish_reasons(), call.notes.len()), (&["stop".to_owned()][..], 0), "{call:?}");
            assert_eq!((call.parameters.max_tokens, call.parameters.output_type), (Some(20), Some("json")));
            assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
        }
    }
}

#[test]
fn whole_answers_are_read() {
    let detailed = r#"{"generated_text":"bob","details":{"finish_reason":"length","generated_tokens":20,"prefill":[{"id":1},{"id":2}],"tokens":[]}}"#;
    let plain = r#"{"generated_text":"bob"}"#;
    let no_usage = &["response carried no usage"][..];
    for (host, target, request, answer, body, model, expected, reasons, notes) in [
        (
            "tgi",
            "/generate",
            generate().request,
            "",
            detailed,
            None,
            usage(Some(2), Some(20)),
            &["length"][..],
            &[][..],
        ),
        ("tgi", "/generate", r#"{"inputs":"bob"}"#, "", plain, None, usage(None, None), &[], no_usage),
        (
            "tgi",
            "/",
            r#"{"inputs":"bob"}"#,
            "X-Prompt-Tokens: 4\r\nX-Generated-Tokens: 9\r\n",
            r#"[{"generated_text":"bob"}]"#,
            None,
            usage(Some(4), Some(9)),
            &[],
            &[],
        ),
        (
            "router.huggingface.co",
            "/hf-inference/models/google/flan-t5-base",
            r#"{"inputs":"bob"}"#,
            "",
            r#"[{"generated_text":"bob"}]"#,
            Some("google/flan-t5-base"),
            usage(None, None),
            &[],
            no_usage,
        ),
        (
            "api-inference.huggingface.co",
            "/models/gpt2",
            generate().request,
            "",
            r#"[{"generated_text":"bob","details":{"finish_reason":"stop_sequence","generated_tokens":"x"}}]"#,
            Some("gpt2"),
            usage(None, None),
            &["stop"],
            no_usage,
        ),
    ] {
        let call =
            Wire { host, target, request, answer, pieces: &[body.as_bytes()], ..Wire::default() }.play();
        assert_eq!((call.provider, call.request_model.as_deref()), ("huggingface", model), "{body}");
        assert_eq!(call.usage, expected, "{body}");
        assert_eq!(call.finish_reasons(), reasons, "{body}");
        assert_eq!(call.notes, notes, "{body}");
        assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
    }
}

#[test]
fn what_goes_wrong_is_told() {
    let start = STREAM.split_inclusive("\n\n").next().unwrap_or_default().as_bytes();
    let failed: &[u8] = b"data:{\"error\":\"of bob\",\"error_type\":\"generation\"}\n\n";
    for (answer, status, pieces, end, reasons, code) in [
        (EVENTS, 200, &[start][..], Some(Ended::PeerClosed), &["error"][..], None),
        (EVENTS, 200, &[start, failed], None, &["error"], Some("generation")),
        ("", 422, &[&br#"{"error":"of bob","error_type":"validation"}"#[..]], None, &[], Some("validation")),
        ("", 503, &[br#"{"error":"Model bob is loading","estimated_time":20.0}"#], None, &[], None),
        ("", 502, &[b"<html>bob</html>"], None, &[], None),
    ] {
        let call = Wire { answer, status, pieces, end, ..generate() }.play();
        assert_eq!(call.finish_reasons(), reasons, "{call:?}");
        assert_eq!(call.error_code.as_deref(), code, "{call:?}");
        assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
    }
}

#[test]
fn other_inputs_are_left_alone() {
    for (host, target, request, body) in [
        ("app", "/generate", r#"{"inputs":"bob"}"#, r#"{"image":"bob"}"#),
        ("app", "/generate", r#"{"prompt":"bob"}"#, r#"{"generated_text":"bob"}"#),
        ("app", "/", r#"{"inputs":{"a":1}}"#, r#"{"generated_text":"bob"}"#),
        ("app", "/other", r#"{"inputs":"bob"}"#, r#"{"generated_text":"bob"}"#),
        (
            "router.huggingface.co",
            "/hf-inference/models/a/b",
            r#"{"inputs":"bob"}"#,
            r#"[[{"label":"x","score":1}]]"#,
        ),
    ] {
        let wire = Wire { host, target, request, pieces: &[body.as_bytes()], ..Wire::default() };
        assert_eq!(wire.calls(), [], "{target} {request}");
    }
}
