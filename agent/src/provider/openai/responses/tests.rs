#![allow(clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use crate::call::{Call, Modalities, Parameters, Usage};
use crate::exchange::Outcome;
use crate::provider::tests::scene::{Scene, extra};

const REQUEST: &[u8] = br#"{"input":[{"role":"user","content":[{"type":"input_text","text":"of bob"},
        {"type":"input_image","image_url":"data:image/webp;base64,AAAAAAA="},
        {"type":"input_file","file_data":"data:application/pdf;base64,AAAA"},
        {"type":"input_image","file_id":"file-1"}]},
      {"type":"function_call_output","call_id":"c","output":[{"type":"input_image","image_url":"https://x/y.png"}]},
      {"type":"computer_call_output","output":{"type":"computer_screenshot","image_url":"data:image/png;base64,AA=="}}],
    "model":"gpt-5","instructions":"of bob","max_output_tokens":99,"temperature":0.5,"top_p":0.9,
    "reasoning":{"effort":"low"},"text":{"format":{"type":"json_schema"}},"service_tier":"flex",
    "previous_response_id":"resp_0","conversation":{"id":"conv_1"}}"#;

const RESPONSE: &[u8] = br#"{"id":"resp_1","object":"response","status":"completed","error":null,"incomplete_details":null,
    "model":"gpt-5-2025-08-07","service_tier":"flex","output":[{"type":"reasoning","id":"rs_1"},
      {"type":"message","id":"msg_1","status":"completed","content":[{"type":"output_text","text":"of bob"}]},
      {"type":"function_call","id":"fc_1","call_id":"call_1","name":"weather","arguments":"{}","status":"completed"},
      {"type":"web_search_call","id":"ws_1","status":"completed"},
      {"type":"computer_call","call_id":"call_2","status":"completed"}],
    "usage":{"input_tokens":82,"input_tokens_details":{"cached_tokens":64,"cache_write_tokens":3,"image_tokens":9},
      "output_tokens":40,"output_tokens_details":{"reasoning_tokens":16},"total_tokens":122}}"#;

fn scene<'a>() -> Scene<'a> {
    Scene { path: "/v1/responses", request: REQUEST, ..Scene::default() }
}

fn tools(call: &Call) -> Vec<(&str, Option<&str>)> {
    call.tool_calls.iter().map(|tool| (tool.name.as_str(), tool.id.as_deref())).collect()
}

#[test]
fn reads_a_whole_response() {
    for piece in [1, 7, usize::MAX] {
        let call = Scene { body: RESPONSE, piece, ..scene() }.play();
        assert_eq!(call.request_model.as_deref(), Some("gpt-5"));
        assert_eq!(call.response_model.as_deref(), Some("gpt-5-2025-08-07"));
        assert_eq!(call.response_id.as_deref(), Some("resp_1"));
        assert_eq!(call.previous_response_id.as_deref(), Some("resp_0"));
        assert_eq!(call.conversation_id.as_deref(), Some("conv_1"));
        assert_eq!(call.finish_reasons(), ["stop", "tool_calls"]);
        assert_eq!(tools(&call), [("weather", Some("call_1")), ("computer", Some("call_2"))]);
        let usage = Usage {
            input: Some(82),
            output: Some(40),
            cache_read: Some(64),
            cache_write: Some(3),
            reasoning: Some(16),
            input_by: Modalities { image: Some(9), ..Modalities::default() },
            ..Usage::default()
        };
        assert_eq!(call.usage, usage);
        let parameters = Parameters {
            temperature: Some(0.5),
            top_p: Some(0.9),
            max_tokens: Some(99),
            output_type: Some("json"),
            reasoning_level: Some("low".to_owned()),
            ..Parameters::default()
        };
        assert_eq!(call.parameters, parameters);
        let media: Vec<_> =
            call.media.iter().map(|part| (part.modality, part.media_type.as_deref(), part.bytes)).collect();
        let expected = [
            ("image", Some("image/webp"), Some(5)),
            ("document", Some("application/pdf"), Some(3)),
            ("image", None, None),
            ("image", None, None),
            ("image", Some("image/png"), Some(1)),
        ];
        assert_eq!(media, expected);
        assert_eq!((call.service_tier.as_deref(), call.notes.len()), (Some("flex"), 0));
        assert_eq!(extra(&call, "openai.api.type").as_deref(), Some("responses"));
        assert_eq!(extra(&call, "openai.request.service_tier").as_deref(), Some("flex"));
        assert_eq!(extra(&call, "openai.response.service_tier").as_deref(), Some("flex"));
        assert!(!format!("{call:?}").contains("bob"), "{call:?}");
    }
}

#[test]
fn kept_prompts_and_shortened_conversations_are_told() {
    let request = br#"{"prompt":{"id":"pmpt_1","version":"3","variables":{"who":"bob"}},"input":[{"type":"compaction","id":"c"}]}"#;
    let searched = br#"{"id":"resp_1","object":"response","status":"completed","output":[],
        "usage":{"input_tokens":1,"output_tokens":1},"tool_usage":{"web_search":{"num_requests":2}}}"#;
    let call = Scene { request, body: searched, ..scene() }.play();
    assert_eq!(call.prompt_name.as_deref(), Some("pmpt_1"));
    assert_eq!(call.prompt_version.as_deref(), Some("3"));
    assert!(call.is_compacted);
    assert_eq!(call.usage.web_searches, Some(2));
    assert!(!format!("{call:?}").contains("bob"), "{call:?}");
    let plain = Scene { body: RESPONSE, ..scene() }.play();
    assert!(!plain.is_compacted);
}

#[test]
fn the_status_says_how_it_finished() {
    for (body, reasons, error, note) in [
        (r#""status":"completed","output":[]"#, &["stop"][..], None, None),
        (
            r#""status":"completed","output":[{"type":"message","status":"completed"},{"type":"message","status":"completed"}]"#,
            &["stop"],
            None,
            None,
        ),
        (
            r#""status":"completed","output":[{"type":"custom_tool_call","name":"x"}]"#,
            &["tool_calls"],
            None,
            None,
        ),
        (
            r#""status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}"#,
            &["length"],
            None,
            None,
        ),
        (
            r#""status":"incomplete","incomplete_details":{"reason":"content_filter"}"#,
            &["content_filter"],
            None,
            None,
        ),
        (r#""status":"incomplete","incomplete_details":null"#, &["incomplete"], None, None),
        (
            r#""status":"failed","error":{"code":"server_error","message":"of bob"}"#,
            &["error"],
            Some("server_error"),
            None,
        ),
        (r#""status":"failed","error":null"#, &["error"], Some("_OTHER"), None),
        (r#""status":"cancelled""#, &["error"], Some("_OTHER"), None),
        (r#""status":"queued","usage":null"#, &[], None, Some("response goes on in the background")),
        (r#""status":null"#, &[], None, None),
        (r#""status":7,"output":"of bob","usage":[],"model":{}"#, &[], None, None),
    ] {
        let body = format!(r#"{{"id":"resp_1","object":"response",{body}}}"#);
        let call = Scene { body: body.as_bytes(), ..scene() }.play();
        assert_eq!(call.finish_reasons(), reasons, "{body}");
        assert_eq!(call.error_code.as_deref(), error, "{body}");
        assert!(note.is_none_or(|note| call.notes.contains(&note)), "{body}: {:?}", call.notes);
        assert!(!format!("{call:?}").contains("bob"), "{call:?}");
    }
}

const CREATED: &str = r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","model":"gpt-5-1","output":[],"usage":null}}"#;
const ADDED: &str = r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"weather","arguments":"","status":"in_progress"}}"#;
const DELTA: &str = r#"{"type":"response.function_call_arguments.delta","output_index":1,"item_id":"fc_1","delta":"{\"of\":\"bob\"}"}"#;
const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"resp_1","object":"response","status":"completed","model":"gpt-5-1","output":[{"type":"message","status":"completed"},{"type":"function_call","call_id":"call_1","name":"weather","status":"completed"}],"usage":{"input_tokens":5,"output_tokens":7}}}"#;

#[test]
fn reads_a_stream() {
    let call = Scene { events: &[CREATED, ADDED, DELTA, COMPLETED], ..scene() }.play();
    assert!(call.stream && call.stream_ended);
    assert_eq!(
        (call.response_id.as_deref(), call.response_model.as_deref()),
        (Some("resp_1"), Some("gpt-5-1"))
    );
    assert_eq!(call.finish_reasons(), ["stop", "tool_calls"]);
    assert_eq!(tools(&call), [("weather", Some("call_1"))]);
    assert_eq!((call.usage.input, call.usage.output), (Some(5), Some(7)));
    assert_eq!(call.notes, [""; 0]);
}

#[test]
fn a_stream_may_end_otherwise() {
    let failed = r#"{"type":"response.failed","response":{"id":"resp_1","status":"failed","error":{"code":"rate_limit_exceeded","message":"of bob"}}}"#;
    let incomplete = r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":5,"output_tokens":7}}}"#;
    for (last, outcome, reasons, error) in [
        (failed, Outcome::Complete, "error", Some("rate_limit_exceeded")),
        (incomplete, Outcome::Complete, "length", None),
        (
            r#"{"type":"error","code":"server_error","message":"of bob","param":null}"#,
            Outcome::Complete,
            "error",
            Some("server_error"),
        ),
        (r#"{"type":"error","code":null,"message":"of bob"}"#, Outcome::Complete, "error", Some("_OTHER")),
        (
            r#"{"type":"error","error":{"type":"too_many","message":"of bob"}}"#,
            Outcome::Complete,
            "error",
            Some("too_many"),
        ),
        (r#"{"type":"response.something.new","id":"x","status":"of"}"#, Outcome::Cancelled, "error", None),
        (DELTA, Outcome::PeerClosed, "error", None),
    ] {
        let call = Scene { events: &[CREATED, ADDED, last], outcome, ..scene() }.play();
        assert_eq!(call.finish_reasons(), [reasons], "{last}");
        assert_eq!(call.error_code.as_deref(), error, "{last}");
        assert_eq!((call.response_id.as_deref(), tools(&call).len()), (Some("resp_1"), 1), "{last}");
        assert!(!format!("{call:?}").contains("bob"), "{call:?}");
    }
}

#[test]
fn only_a_response_is_one() {
    for (host, request, body, expected) in [
        ("survey.example", r#"{"answers":["yes"],"name":"bob"}"#, r#"{"id":7}"#, false),
        ("survey.example", r#"{"input":"yes"}"#, r#"{"id":7}"#, false),
        ("survey.example", "", r#"{"id":7}"#, false),
        ("survey.example", "", r#"{"id":"resp_1","object":"response"}"#, true),
        ("survey.example", r#"{"model":"m","input":"yes"}"#, "{}", true),
        ("survey.example", r#"{"prompt":{"id":"p"}}"#, "{}", true),
        ("api.openai.com", "{}", "{}", true),
    ] {
        let scene = Scene {
            host,
            path: "/v1/responses",
            request: request.as_bytes(),
            body: body.as_bytes(),
            ..Scene::default()
        };
        assert_eq!(scene.calls().len(), usize::from(expected), "{host} {request} {body}");
    }
}

#[test]
fn azure_has_two_paths() {
    for (host, path, parameters, provider) in [
        ("acme.openai.azure.com", "/openai/v1/responses", &[][..], "azure.ai.openai"),
        ("gateway", "/openai/responses", &["api-version"], "azure.ai.openai"),
    ] {
        let call =
            Scene { host, path, parameters, request: REQUEST, body: RESPONSE, ..Scene::default() }.play();
        assert_eq!((call.provider, call.extra.len()), (provider, 0));
    }
}

proptest! {
    #[test]
    fn any_document_is_survived(words in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "null", "7", "\"output\"", "\"type\"", "\"message\"", "\"response\"", "\"status\"",
        "\"completed\"", "\"item\"", "\"output_index\"", "\"usage\"", "\"error\"", "\"input\"",
    ]), 0..40)) {
        let text = words.concat();
        let call = Scene { request: text.as_bytes(), body: text.as_bytes(), ..scene() }.play();
        prop_assert!(call.finish_reasons().len() < 4);
        Scene { events: &[CREATED, &text], ..scene() }.play();
    }
}
