use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::event::End as Ended;
use crate::protocol::eventstream::encode;
use crate::provider::tests::wire::Wire;

const AWS: &str = "Content-Type: application/json\r\nX-Amz-Date: 20261130T070000Z\r\n";
const STREAM: &str = "Content-Type: application/vnd.amazon.eventstream\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

fn event(name: &str, payload: &str) -> Vec<u8> {
    encode(&[(":event-type", name), (":message-type", "event")], payload.as_bytes())
}

fn chunk(text: &str) -> Vec<u8> {
    event("chunk", &format!(r#"{{"bytes":"{}","p":"abc"}}"#, STANDARD.encode(text)))
}

fn play_stream(target: &str, request: &str, frames: &[Vec<u8>], end: Option<Ended>) -> Call {
    let pieces: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    Wire { target, fields: AWS, request, answer: STREAM, pieces: &pieces, end, ..Wire::default() }.play()
}

fn invoke(model: &str, request: &str, body: &str) -> Call {
    let target = format!("/model/{model}/invoke");
    Wire { target: &target, fields: AWS, request, pieces: &[body.as_bytes()], ..Wire::default() }.play()
}

/// Operation, input, output and finish reasons.
fn facts(call: &Call) -> (&str, Option<u64>, Option<u64>, String) {
    let operation = call.subject.operation().unwrap_or_default();
    (operation, call.usage.input, call.usage.output, call.finish_reasons().join(" "))
}

#[test]
fn others_paths_are_theirs() {
    let turn = r#"{"messages":[{"role":"user","content":[{"text":"bob"}]}]}"#;
    let prompt = r#"{"prompt":"bob"}"#;
    let ours = r#"{"inputText":"bob"}"#;
    let claude = r#"{"anthropic_version":"2026-10-21","messages":[]}"#;
    let id = "Content-Type: application/json\r\nx-amzn-RequestId: 1\r\n";
    let sdk = "Content-Type: application/json\r\namz-sdk-invocation-id: 1\r\n";
    for (host, target, fields, request, answer, expected) in [
        ("localhost", "/model/m/converse", JSON, turn, JSON, 1),
        ("localhost", "/model/m/converse", JSON, prompt, JSON, 0),
        ("localhost", "/model/m/converse", JSON, "{}", id, 1),
        ("localhost", "/model/m/invoke", JSON, prompt, JSON, 0),
        ("localhost", "/model/m/invoke", JSON, turn, JSON, 0),
        ("localhost", "/model/m/invoke", JSON, ours, JSON, 1),
        ("localhost", "/model/m/invoke", JSON, claude, JSON, 1),
        ("localhost", "/model/m/invoke", JSON, prompt, id, 1),
        ("localhost", "/model/m/invoke", sdk, prompt, JSON, 1),
        ("localhost", "/model/m/invoke", AWS, prompt, JSON, 1),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "/model/m/invoke", JSON, prompt, JSON, 1),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "/model/m/count-tokens", JSON, "{}", JSON, 0),
    ] {
        let wire = Wire { host, target, fields, request, answer, pieces: &[b"{}"], ..Wire::default() };
        let calls = wire.calls();
        assert_eq!(calls.len(), expected, "{host} {target} {request}");
        assert!(calls.iter().all(|call| call.provider == "aws.bedrock"));
    }
}

#[test]
fn the_path_names_the_model() {
    for (segment, expected) in [
        ("anthropic.claude-3-haiku-20240307-v1%3A0", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2Fmeta.llama3", "meta.llama3"),
        ("arn%3Aaws-cn%3Abedrock%3Acn%3A12%3Ainference-profile%2Fapac.nova-v1%3A0", "apac.nova-v1:0"),
        ("arn%3Aaws%3Abedrock%3Aus-east-1%3A12%3Aprovisioned-model%2Fab7", "provisioned-model/ab7"),
        ("arn%3Aaws%3Abedrock", "arn:aws:bedrock"),
        ("arn%3A%3A%3A%3A%3A", "arn:::::"),
    ] {
        assert_eq!(invoke(segment, "{}", "{}").request_model.as_deref(), Some(expected), "{segment}");
    }
}

#[test]
fn a_turn_may_say_little() {
    for (body, expected, note) in [
        ("{}", ("chat", None, None, ""), Some("a choice has no finish reason")),
        (
            r#"{"usage":null,"output":null,"stopReason":null}"#,
            ("chat", None, None, ""),
            Some("a choice has no finish reason"),
        ),
        (
            r#"{"usage":{"inputTokens":"7","outputTokens":3.0,"cacheDetails":[null,{"ttl":"1h"}]},"stopReason":"model_context_window_exceeded"}"#,
            ("chat", None, Some(3), "model_context_window_exceeded"),
            None,
        ),
        (
            r#"{"usage":{"inputTokens":7,"cacheReadInputTokens":null},"stopReason":"END_TURN","output":{"message":{"content":[{"toolUse":{"toolUseId":9}},7]}}}"#,
            ("chat", Some(7), None, "stop"),
            None,
        ),
        ("<html>bob", ("chat", None, None, ""), Some("response body is not JSON")),
    ] {
        let wire =
            Wire { target: "/model/m/converse", fields: AWS, pieces: &[body.as_bytes()], ..Wire::default() };
        let call = wire.play();
        let (operation, input, output, reasons) = facts(&call);
        assert_eq!((operation, input, output, &*reasons), expected, "{body}");
        assert_eq!(call.tool_calls, []);
        assert!(note.is_none_or(|note| call.notes.contains(&note)), "{body}: {:?}", call.notes);
        assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
    }
}

#[test]
fn settings_of_a_turn_are_read() {
    let request = r#"{"messages":[{"role":"user","content":[{"text":"bob"},{"audio":{"format":"mp3","source":{"bytes":"AAAA"}}},
        {"toolResult":{"content":[{"image":{"format":"webp","source":{"bytes":"AAAAAA=="}}},{"json":{}}]}},
        {"document":{"format":"docx","name":"bob","source":{"text":"bob"}}}]}],
        "additionalModelRequestFields":{"top_k":7,"seed":3,"reasoning_effort":"low"},
        "outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"name":"bob"}}}}}"#;
    let answer = r#"{"stopReason":"tool_use","trace":{"promptRouter":{"invokedModelId":"arn:aws:bedrock:us-east-1:1:inference-profile/us.meta.llama"}},
        "usage":{"inputTokens":1,"outputTokens":2,"cacheWriteInputTokens":9,"cacheDetails":[{"ttl":"1h","inputTokens":4},{"ttl":"5m","inputTokens":5}]}}"#;
    let wire = Wire { target: "/model/m/converse", request, pieces: &[answer.as_bytes()], ..Wire::default() };
    let call = wire.play();
    let media: Vec<_> =
        call.media.iter().map(|part| (part.modality, part.media_type.as_deref(), part.bytes)).collect();
    let expected = [
        ("audio", Some("audio/mpeg"), Some(3)),
        ("image", Some("image/webp"), Some(4)),
        ("document", None, None),
    ];
    assert_eq!(media, expected);
    let parameters = &call.parameters;
    assert_eq!((parameters.top_k, parameters.seed, parameters.output_type), (Some(7), Some(3), Some("json")));
    assert_eq!(parameters.reasoning_level.as_deref(), Some("low"));
    assert_eq!((call.usage.input, call.usage.cache_write_1h), (Some(10), Some(4)));
    assert_eq!(call.response_model.as_deref(), Some("us.meta.llama"));
    assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
}

#[test]
fn streams_end_as_they_say() {
    let target = "/model/m/converse-stream";
    let start = event("messageStart", r#"{"role":"assistant"}"#);
    let stop = event("messageStop", r#"{"stopReason":"guardrail_intervened"}"#);
    let metadata = event("metadata", r#"{"usage":{"inputTokens":4,"outputTokens":6}}"#);
    let failed = encode(
        &[(":exception-type", "modelStreamErrorException"), (":message-type", "exception")],
        b"{\"message\":\"bob\"}",
    );
    let unnamed = encode(&[(":error-code", "bob is sad"), (":message-type", "error")], b"");
    for (frames, end, expected, code, ended) in [
        (vec![&start, &stop, &metadata], None, (Some(4), Some(6), "content_filter"), None, true),
        (
            vec![&start, &stop, &metadata],
            Some(Ended::Closed),
            (Some(4), Some(6), "content_filter"),
            None,
            true,
        ),
        (vec![&start, &stop], Some(Ended::PeerClosed), (None, None, "content_filter"), None, false),
        (vec![&start], Some(Ended::PeerClosed), (None, None, "error"), None, false),
        (vec![&start, &failed], None, (None, None, "error"), Some("modelStreamErrorException"), false),
        (vec![&start, &unnamed], None, (None, None, "error"), Some("_OTHER"), false),
    ] {
        let frames: Vec<_> = frames.into_iter().cloned().collect();
        let call = play_stream(target, "{}", &frames, end);
        let (_, input, output, reasons) = facts(&call);
        assert_eq!((input, output, &*reasons), expected);
        assert_eq!((call.error_code.as_deref(), call.stream_ended, call.stream), (code, ended, true));
        assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
    }
}

#[test]
fn errors_are_named() {
    let named = "Content-Type: application/json\r\nx-amzn-ErrorType: ValidationException:http://bob/\r\n";
    let sentence = "Content-Type: application/json\r\nx-amzn-ErrorType: bob is sad\r\n";
    for (answer, body, expected) in [
        (named, r#"{"message":"bob"}"#, Some("ValidationException")),
        (
            JSON,
            r#"{"__type":"com.amazon.coral.service#ThrottlingException","message":"bob"}"#,
            Some("ThrottlingException"),
        ),
        (sentence, r#"{"message":"bob"}"#, None),
        (JSON, "<html>bob", None),
    ] {
        for target in ["/model/m/converse", "/model/m/converse-stream", "/model/m/invoke"] {
            let wire = Wire {
                target,
                fields: AWS,
                status: 400,
                answer,
                pieces: &[body.as_bytes()],
                ..Wire::default()
            };
            let call = wire.play();
            assert_eq!(call.error_code.as_deref(), expected, "{body}");
            assert!(!call.notes.contains(&"a choice has no finish reason"), "{:?}", call.notes);
            assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
        }
    }
}

#[test]
fn models_have_formats_of_their_own() {
    for (model, request, body, expected) in [
        (
            "mistral.mistral-large",
            r#"{"messages":[{"role":"user","content":"bob"}]}"#,
            r#"{"choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f"}}]},"stop_reason":"tool_calls"}]}"#,
            ("chat", None, None, "tool_call"),
        ),
        (
            "us.deepseek.r1-v1%3A0",
            r#"{"prompt":"bob","max_tokens":9}"#,
            r#"{"choices":[{"text":"bob","stop_reason":"length"}]}"#,
            ("text_completion", None, None, "length"),
        ),
        (
            "ai21.jamba",
            r#"{"messages":[{"role":"user","content":"bob"}],"n":2}"#,
            r#"{"id":"1","choices":[{"finish_reason":"stop"},{"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
            ("chat", Some(3), Some(4), "stop length"),
        ),
        (
            "cohere.command-r-v1%3A0",
            r#"{"message":"bob","chat_history":[]}"#,
            r#"{"generation_id":"g","text":"bob","finish_reason":"COMPLETE","tool_calls":[{"name":"f"}],"meta":{"billed_units":{"input_tokens":5.0,"output_tokens":6}}}"#,
            ("chat", Some(5), Some(6), "stop"),
        ),
        (
            "cohere.command-text-v14",
            r#"{"prompt":"bob","num_generations":2}"#,
            r#"{"id":"1","generations":[{"finish_reason":"COMPLETE"},{"finish_reason":"MAX_TOKENS"}]}"#,
            ("text_completion", None, None, "stop length"),
        ),
        (
            "ai21.j2",
            r#"{"prompt":"bob"}"#,
            r#"{"completions":[{"finishReason":{"reason":"endoftext"}}]}"#,
            ("text_completion", None, None, "stop"),
        ),
        (
            "amazon.titan-tg1",
            r#"{"inputText":"bob"}"#,
            r#"{"inputTextTokenCount":3,"results":[{"tokenCount":4,"completionReason":"CONTENT_FILTERED"}]}"#,
            ("text_completion", Some(3), Some(4), "content_filter"),
        ),
        (
            "amazon.titan-e1t",
            r#"{"inputText":"bob"}"#,
            r#"{"embedding":[1,2],"inputTextTokenCount":3}"#,
            ("embeddings", Some(3), None, ""),
        ),
        (
            "stability.sd3",
            r#"{"prompt":"bob","mode":"text-to-image"}"#,
            r#"{"images":["Ym9i"],"finish_reasons":["bob was filtered"],"seeds":[1]}"#,
            ("generate_content", None, None, ""),
        ),
        (
            "amazon.nova-canvas-v1%3A0",
            r#"{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"bob"}}"#,
            r#"{"images":["Ym9i"]}"#,
            ("generate_content", None, None, ""),
        ),
        (
            "custom",
            r#"{"anthropic_version":"bedrock-2023-05-31","messages":[]}"#,
            r#"{"type":"message","stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2},"amazon-bedrock-guardrailAction":"INTERVENED"}"#,
            ("chat", Some(1), Some(2), "content_filter"),
        ),
        (
            "custom",
            "{}",
            r#"{"generation":"bob","prompt_token_count":null,"stop_reason":7}"#,
            ("text_completion", None, None, ""),
        ),
        (
            "custom",
            r#"{"messages":"bob"}"#,
            r#"{"choices":"bob","results":{"tokenCount":1},"embeddings":7}"#,
            ("chat", None, None, ""),
        ),
    ] {
        let call = invoke(model, request, body);
        let (operation, input, output, reasons) = facts(&call);
        assert_eq!((operation, input, output, &*reasons), expected, "{model} {body}");
        assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
    }
}

#[test]
fn heads_count_where_bodies_do_not() {
    let counts = "X-Amzn-Bedrock-Input-Token-Count: 7\r\nX-Amzn-Bedrock-Output-Token-Count: 9\r\nX-Amzn-Bedrock-Service-Tier: flex\r\n";
    let answer = format!("{JSON}{counts}");
    let fields = format!("{AWS}X-Amzn-Bedrock-GuardrailIdentifier: gr1\r\n");
    for (body, input, output) in [
        (r#"{"outputs":[{"stop_reason":"stop"}]}"#, 7, 9),
        (r#"{"prompt_token_count":1,"generation_token_count":2}"#, 1, 2),
    ] {
        let wire = Wire {
            target: "/model/m/invoke",
            fields: &fields,
            request: r#"{"prompt":"bob"}"#,
            answer: &answer,
            pieces: &[body.as_bytes()],
            ..Wire::default()
        };
        let call = wire.play();
        assert_eq!((call.usage.input, call.usage.output), (Some(input), Some(output)), "{body}");
        assert_eq!(call.service_tier.as_deref(), Some("flex"));
        assert_eq!(call.extra, [(GUARDRAIL_ID, Value::from("gr1"))]);
    }
}

#[test]
fn streams_wrap_their_events() {
    let target = "/model/m/invoke-with-response-stream";
    let metrics = r#""amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":5,"cacheReadInputTokenCount":2}"#;
    let cohere = [
        chunk(r#"{"is_finished":false,"text":"bob"}"#),
        chunk(&format!(r#"{{"is_finished":true,"finish_reason":"MAX_TOKENS",{metrics}}}"#)),
    ];
    let chat = [
        chunk(
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"bob\":"}}]}}]}"#,
        ),
        chunk(
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]},"finish_reason":"tool_calls"}]}"#,
        ),
        chunk(&format!(r#"{{"choices":[],{metrics}}}"#)),
    ];
    for (frames, request, expected) in [
        (&cohere[..], r#"{"prompt":"bob"}"#, ("text_completion", Some(5), Some(5), "length")),
        (&cohere[..], r#"{"message":"bob"}"#, ("chat", Some(5), Some(5), "length")),
        (
            &chat[..],
            r#"{"messages":[{"role":"user","content":"bob"}]}"#,
            ("chat", Some(5), Some(5), "tool_call"),
        ),
    ] {
        let call = play_stream(target, request, frames, None);
        let (operation, input, output, reasons) = facts(&call);
        assert_eq!((operation, input, output, &*reasons), expected, "{request}");
        assert!(call.stream_ended);
        assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
    }
    let damaged =
        [event("chunk", r#"{"bytes":"bob!"}"#), event("chunk", "bob"), event("chunk", r#"{"bytes":7}"#)];
    let call = play_stream(target, r#"{"prompt":"bob"}"#, &damaged, None);
    assert!(call.notes.contains(&"stream event is not JSON"), "{:?}", call.notes);
    assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
}
