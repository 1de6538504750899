#![allow(clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::event::End as Ended;
use crate::provider::tests::wire::{Wire, pieces};

const EVENTS: &str = "Content-Type: text/event-stream\r\n";

const STREAM: &str = r#"event: conversation.response.started
data: {"type":"conversation.response.started","conversation_id":"conv_1"}

event: message.output.delta
data: {"type":"message.output.delta","id":"msg_1","model":"mistral-medium-2505","agent_id":"ag_1","role":"assistant","content":"of bob"}

event: tool.execution.started
data: {"type":"tool.execution.started","id":"t_1","name":"web_search","arguments":"bob"}

event: function.call.delta
data: {"type":"function.call.delta","id":"fc_1","name":"weather","tool_call_id":"c1","arguments":"{\"name\":"}

event: function.call.delta
data: {"type":"function.call.delta","id":"fc_1","name":"weather","tool_call_id":"c1","arguments":"\"bob\"}"}

event: function.call.delta
data: {"type":"function.call.delta","id":"fc_2","name":"weather","tool_call_id":"c2","arguments":"{}"}

event: conversation.response.done
data: {"type":"conversation.response.done","usage":{"prompt_tokens":188,"completion_tokens":55,"total_tokens":7355,"connector_tokens":7112,"connectors":{"web_search":1}}}

"#;

fn conversation() -> Wire<'static> {
    Wire {
        host: "api.mistral.ai",
        target: "/v1/conversations",
        request: r#"{"model":"mistral-medium-latest","stream":true,"inputs":[{"role":"user","content":[
            {"type":"text","text":"bob"},{"type":"image_url","image_url":"data:image/png;base64,AAAA"}]}],
            "completion_args":{"temperature":0.3,"random_seed":7,"stop":"END","max_tokens":9}}"#,
        ..Wire::default()
    }
}

#[test]
fn a_stream_is_read() {
    for host in ["api.mistral.ai", "gateway"] {
        for size in [1, 50, 10_000] {
            let pieces = pieces(STREAM.as_bytes(), size);
            let call = Wire { host, answer: EVENTS, pieces: &pieces, ..conversation() }.play();
            assert_eq!((call.provider, call.stream, call.stream_ended), ("mistral_ai", true, true));
            assert_eq!(call.request_model.as_deref(), Some("mistral-medium-latest"));
            assert_eq!(call.response_model.as_deref(), Some("mistral-medium-2505"));
            assert_eq!(call.conversation_id.as_deref(), Some("conv_1"));
            let usage =
                Usage { input: Some(7300), output: Some(55), web_searches: Some(1), ..Usage::default() };
            assert_eq!(call.usage, usage, "what tools read is input");
            let tools: Vec<_> = call.tool_calls.iter().map(|one| (&*one.name, one.id.as_deref())).collect();
            assert_eq!(tools, [("weather", Some("c1")), ("weather", Some("c2"))]);
            assert_eq!(call.extra, [("gen_ai.agent.id", Value::String("ag_1".to_owned()))]);
            assert_eq!(call.media.first().and_then(|media| media.bytes), Some(3));
            assert_eq!((call.parameters.seed, call.parameters.max_tokens), (Some(7), Some(9)));
            assert_eq!((call.finish_reasons(), call.notes.len()), (&[][..], 0), "{call:?}");
            assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
        }
    }
}

#[test]
fn it_goes_on() {
    let body = br#"{"object":"conversation.response","conversation_id":"conv_2","usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12},
        "outputs":[{"type":"message.output","model":"m-1","content":"bob"},{"type":"function.call","name":"weather","tool_call_id":"c1","arguments":"{}"}]}"#;
    for (target, request, status, body, id) in [
        ("/v1/conversations/conv_1", r#"{"inputs":"bob"}"#, 200, &body[..], "conv_2"),
        ("/v1/conversations/conv_1", r#"{"inputs":"bob"}"#, 429, b"{}", "conv_1"),
        ("/v1/conversations/conv_1/restart", r#"{"inputs":"bob","from_entry_id":"e"}"#, 429, b"{}", "conv_1"),
        ("/v1/conversations", r#"{"agent_id":"ag_1","inputs":"bob"}"#, 200, body, "conv_2"),
    ] {
        let call = Wire { target, request, status, pieces: &[body], ..conversation() }.play();
        assert_eq!(call.conversation_id.as_deref(), Some(id), "{target}");
        let counts = if status == 200 { (Some(9), Some(3), 1) } else { (None, None, 0) };
        assert_eq!((call.usage.input, call.usage.output, call.tool_calls.len()), counts);
    }
}

#[test]
fn what_goes_wrong_is_told() {
    let start = &STREAM.as_bytes()[..STREAM.find("event: tool").unwrap_or(0)];
    let failed: &[u8] = br#"event: conversation.response.error
data: {"type":"conversation.response.error","message":"of bob","code":3230}

"#;
    let refused: &[u8] = br#"{"object":"error","message":"bob","type":"rate_limited","code":null}"#;
    for (answer, status, pieces, end, reasons, code) in [
        (EVENTS, 200, &[start][..], Some(Ended::PeerClosed), &["error"][..], None),
        (EVENTS, 200, &[start, failed], None, &["error"], Some("3230")),
        ("", 429, &[refused], None, &[], Some("rate_limited")),
        ("", 422, &[br#"{"detail":[{"msg":"bob"}]}"#], None, &[], None),
        ("", 200, &[br#"{"outputs":{},"usage":7,"conversation_id":[]}"#], None, &[], None),
    ] {
        let call = Wire { answer, status, pieces, end, ..conversation() }.play();
        assert_eq!(call.finish_reasons(), reasons, "{call:?}");
        assert_eq!(call.error_code.as_deref(), code, "{call:?}");
        assert!(!format!("{call:?}").contains("bob"), "content: {call:?}");
    }
}

#[test]
fn other_conversations_are_left_alone() {
    for (host, target, request) in [
        ("api.openai.com", "/v1/conversations", r#"{"items":[{"role":"user","content":"bob"}]}"#),
        ("crm", "/v1/conversations", r#"{"inputs":"bob"}"#),
        ("crm", "/v1/conversations/7", r#"{"inputs":"bob","model":"T"}"#),
        ("crm", "/v1/conversations/7/messages", r#"{"inputs":"bob","model":"T"}"#),
    ] {
        let wire = Wire { host, target, request, pieces: &[br#"{"id":7}"#], ..Wire::default() };
        assert_eq!(wire.calls(), [], "{target} {request}");
    }
}
