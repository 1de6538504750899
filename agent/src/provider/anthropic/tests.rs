#![allow(clippy::indexing_slicing, reason = "tests")]

use super::VERSION;
use crate::call::{Call, Media, Parameters, Usage};
use crate::exchange::Outcome;
use crate::provider::tests::scene::{Scene, extra, play_as};

const REQUEST: &[u8] = br#"{"model":"claude-sonnet-4-5","max_tokens":1024,"temperature":1,"top_k":40,
    "system":[{"type":"text","text":"Be terse."}],"stop_sequences":["END"],"output_config":{"effort":"low"},
    "messages":[{"role":"user","content":[{"type":"text","text":"weather of bob?"}]}],
    "tools":[{"name":"weather","input_schema":{"type":"object"}}]}"#;

const MESSAGE: &[u8] =
    br#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929",
    "content":[{"type":"text","text":"ok"},{"type":"tool_use","id":"toolu_1","name":"weather",
        "input":{"id":"no","usage":{"input_tokens":99}}}],
    "stop_reason":"tool_use","stop_sequence":null,
    "usage":{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":5,"output_tokens":7,
        "cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2},
        "server_tool_use":{"web_search_requests":1},
        "output_tokens_details":{"thinking_tokens":2},"service_tier":"standard"}}"#;

const STREAM: &[&str] = &[
    r#"{"type":"message_start","message":{"id":"msg_2","type":"message","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"weather","input":{}}}"#,
    r#"{"type":"ping"}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"city\":"}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":15}}"#,
    r#"{"type":"message_stop"}"#,
];

fn scene() -> Scene<'static> {
    Scene {
        host: "api.anthropic.com",
        path: "/v1/messages",
        fields: &[VERSION],
        request: REQUEST,
        ..Scene::default()
    }
}

fn model(call: &Call) -> (Option<&str>, Option<&str>) {
    (call.request_model.as_deref(), call.response_model.as_deref())
}

fn tools(call: &Call) -> Vec<(&str, Option<&str>)> {
    call.tool_calls.iter().map(|tool| (&*tool.name, tool.id.as_deref())).collect()
}

#[test]
fn reads_a_whole_message() {
    for piece in [1, 13, usize::MAX] {
        let call = Scene { body: MESSAGE, piece, ..scene() }.play();
        assert_eq!(call.provider, "anthropic");
        assert_eq!(model(&call), (Some("claude-sonnet-4-5"), Some("claude-sonnet-4-5-20250929")));
        assert_eq!(call.response_id.as_deref(), Some("msg_1"));
        assert_eq!(call.finish_reasons(), ["tool_call"]);
        let usage = Usage {
            input: Some(18),
            output: Some(7),
            cache_read: Some(5),
            cache_write: Some(3),
            cache_write_1h: Some(2),
            reasoning: Some(2),
            web_searches: Some(1),
            ..Usage::default()
        };
        assert_eq!(call.usage, usage);
        let parameters = Parameters {
            temperature: Some(1.0),
            top_k: Some(40),
            max_tokens: Some(1024),
            stop_sequences: vec!["END".to_owned()],
            reasoning_level: Some("low".to_owned()),
            ..Parameters::default()
        };
        assert_eq!(call.parameters, parameters);
        assert_eq!((call.stream, call.error_code.as_ref()), (false, None));
        assert_eq!(tools(&call), [("weather", Some("toolu_1"))]);
        assert_eq!(call.service_tier.as_deref(), Some("standard"));
        assert_eq!(call.notes, [""; 0]);
        assert!(!format!("{call:?}").contains("bob"), "messages are content: {call:?}");
    }
}

#[test]
fn reads_a_stream() {
    let call = Scene { events: STREAM, ..scene() }.play();
    assert!(call.stream && call.stream_ended);
    assert_eq!(call.first_chunk_ns, Some(1_000));
    assert_eq!(
        (call.response_id.as_deref(), call.finish_reasons()),
        (Some("msg_2"), &["tool_call".to_owned()][..])
    );
    let usage = Usage { input: Some(15), output: Some(15), cache_read: Some(5), ..Usage::default() };
    assert_eq!(call.usage, usage, "counts are cumulative");
    assert_eq!(tools(&call), [("weather", Some("toolu_1"))]);
    assert_eq!(call.notes, [""; 0]);
}

#[test]
fn a_stream_that_breaks_off_owes_its_reason() {
    for (outcome, events, reasons, error) in [
        (Outcome::Cancelled, &STREAM[..4], &["error"][..], None),
        (Outcome::Cancelled, STREAM, &["tool_call"], None),
        (Outcome::Lost, &STREAM[..4], &[], None),
        (
            Outcome::Complete,
            &[STREAM[0], r#"{"type":"error","error":{"type":"overloaded_error","message":"of bob"}}"#],
            &["error"],
            Some("overloaded_error"),
        ),
    ] {
        let call = Scene { outcome, events, ..scene() }.play();
        assert_eq!(call.finish_reasons(), reasons, "{outcome:?}");
        assert_eq!(call.error_code.as_deref(), error);
    }
}

#[test]
fn reasons_and_errors_are_named() {
    for (reason, expected) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_call"),
        ("pause_turn", "pause_turn"),
        ("refusal", "refusal"),
    ] {
        let body = format!(r#"{{"id":"msg_1","type":"message","stop_reason":"{reason}"}}"#);
        assert_eq!(Scene { body: body.as_bytes(), ..scene() }.play().finish_reasons(), [expected]);
    }
    for (status, body, expected) in [
        (
            429,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"bob"}}"#,
            Some("rate_limit_error"),
        ),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
            Some("overloaded_error"),
        ),
        (400, r#"{"error":{"message":"x","type":"invalid_request_error"}}"#, Some("invalid_request_error")),
        (502, "<html>", None),
        (200, r#"{"type":"error","error":{"message":"x"}}"#, Some("_OTHER")),
    ] {
        let call = Scene { status, body: body.as_bytes(), ..scene() }.play();
        assert_eq!((call.error_code.as_deref(), call.finish_reasons()), (expected, &[][..]), "{body}");
        assert!(!format!("{call:?}").contains("bob"), "messages are content: {call:?}");
    }
}

#[test]
fn other_vendors_speak_it_too() {
    let call = Scene {
        host: "acme.services.ai.azure.com",
        path: "/anthropic/v1/messages",
        body: MESSAGE,
        ..scene()
    };
    assert_eq!(call.play().provider, "anthropic");
}

#[test]
fn only_the_callers_tools_are_its_to_call() {
    for (block, expected) in [
        (r#"{"type":"tool_use","id":"t","name":"x","toolset_name":"browser"}"#, &[("x", Some("t"))][..]),
        (r#"{"type":"tool_use","id":null,"name":"x"}"#, &[("x", None)]),
        (r#"{"type":"tool_use","id":"t","name":""}"#, &[]),
        (r#"{"type":"tool_use","id":"t"}"#, &[]),
        (r#"{"type":"server_tool_use","id":"s","name":"web_search"}"#, &[]),
        (r#"{"type":"mcp_tool_use","id":"m","name":"x","server_name":"y"}"#, &[]),
        (r#"{"type":"text","name":"x"}"#, &[]),
        (r#""tool_use""#, &[]),
        ("null", &[]),
    ] {
        let body = format!(r#"{{"id":"msg_1","content":[{block}],"stop_reason":"tool_use"}}"#);
        assert_eq!(tools(&Scene { body: body.as_bytes(), ..scene() }.play()), expected, "{block}");
        let event = format!(r#"{{"type":"content_block_start","index":0,"content_block":{block}}}"#);
        assert_eq!(tools(&Scene { events: &[&event], ..scene() }.play()), expected, "{block}");
    }
}

#[test]
fn media_are_measured() {
    let media = |modality, media_type: Option<&str>, bytes| Media {
        modality,
        media_type: media_type.map(str::to_owned),
        bytes,
    };
    for (block, expected) in [
        (
            r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}"#,
            Some(media("image", Some("image/png"), Some(3))),
        ),
        (
            r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAA="}}"#,
            Some(media("document", Some("application/pdf"), Some(2))),
        ),
        (
            r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"of bob"}}"#,
            Some(media("document", Some("text/plain"), Some(6))),
        ),
        (
            r#"{"type":"image","source":{"type":"url","url":"https://bob.example/x.png"}}"#,
            Some(media("image", None, None)),
        ),
        (
            r#"{"type":"document","source":{"type":"file","file_id":"f"}}"#,
            Some(media("document", None, None)),
        ),
        (r#"{"type":"image","source":null}"#, Some(media("image", None, None))),
        (r#"{"type":"text","text":"of bob"}"#, None),
        (r#"{"source":{"type":"base64","data":"AAAA"}}"#, None),
        ("7", None),
    ] {
        for content in [block.to_owned(), format!(r#"{{"type":"tool_result","content":[{block}]}}"#)] {
            let request = format!(
                r#"{{"model":"m","service_tier":"standard_only","messages":[{{"role":"user","content":[{content}]}}]}}"#
            );
            let call = Scene { request: request.as_bytes(), body: b"{}", ..scene() }.play();
            assert_eq!(call.media, expected.clone().into_iter().collect::<Vec<_>>(), "{content}");
            assert_eq!(extra(&call, "anthropic.request.service_tier").as_deref(), Some("standard_only"));
            assert!(!format!("{call:?}").contains("bob"), "{call:?}");
        }
    }
}

#[test]
fn the_tier_is_what_prices_depend_on() {
    for (usage, tier, attribute) in [
        (r#"{"service_tier":"priority","speed":"standard"}"#, Some("priority"), Some("priority")),
        (r#"{"service_tier":"standard","speed":"fast"}"#, Some("fast"), Some("standard")),
        (r#"{"service_tier":null,"speed":null}"#, None, None),
        ("null", None, None),
    ] {
        let body = format!(r#"{{"id":"msg_1","stop_reason":"end_turn","usage":{usage}}}"#);
        let call = Scene { body: body.as_bytes(), ..scene() }.play();
        assert_eq!(call.service_tier.as_deref(), tier, "{usage}");
        assert_eq!(extra(&call, "anthropic.response.service_tier").as_deref(), attribute);
        let elsewhere = Scene { host: "api.deepseek.com", body: body.as_bytes(), ..scene() }.play();
        assert_eq!(extra(&elsewhere, "anthropic.response.service_tier"), None, "it is Anthropic's own");
    }
}

#[test]
fn old_completions_have_no_counts() {
    let request =
        br#"{"model":"claude-2.1","prompt":"\n\nHuman: of bob","max_tokens_to_sample":256,"top_k":5}"#;
    let body = br#"{"type":"completion","id":"compl_1","completion":"of bob","stop_reason":"stop_sequence","model":"claude-2.1","stop":"\n\nHuman:"}"#;
    let events = [
        r#"{"type":"completion","id":"compl_1","completion":"of","stop_reason":null,"model":"claude-2.1"}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"completion","id":"compl_1","completion":" bob","stop_reason":"max_tokens","model":"claude-2.1"}"#,
    ];
    let whole = Scene { path: "/v1/complete", request, body, ..scene() };
    let elsewhere =
        Scene { host: "gateway", path: "/anthropic/v1/complete", request, body, ..Scene::default() };
    for call in [whole.play(), play_as("POST", &elsewhere)] {
        assert_eq!((call.subject.operation(), call.provider), (Some("text_completion"), "anthropic"));
        assert_eq!(
            (call.finish_reasons(), call.parameters.max_tokens),
            (&["stop".to_owned()][..], Some(256))
        );
        assert_eq!(call.response_id.as_deref(), Some("compl_1"));
        assert_eq!((call.usage, call.notes), (Usage::default(), Vec::new()));
    }
    let call = Scene { path: "/v1/complete", request, events: &events, ..scene() }.play();
    assert_eq!((call.stream, call.stream_ended), (true, true));
    assert_eq!(call.finish_reasons(), ["length"]);
    assert_eq!(call.notes, [""; 0]);
    let call = Scene {
        path: "/v1/complete",
        request,
        events: &events[..1],
        outcome: Outcome::PeerClosed,
        ..scene()
    };
    assert_eq!(call.play().finish_reasons(), ["error"]);
}
