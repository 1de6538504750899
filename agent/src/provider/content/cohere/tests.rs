#![allow(clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;
use serde_json::json;

use super::super::scene::{answer, blob, call, events, message, odd, text};
use super::*;

fn of(bodies: &Bodies) -> Content {
    let mut content = Content::default();
    cohere(bodies, &mut content);
    content
}

fn asked(request: Value) -> Content {
    of(&Bodies { request, ..Bodies::default() })
}

fn answered(response: Value) -> Content {
    of(&Bodies { response, ..Bodies::default() })
}

fn streamed(events: &[(String, Value)]) -> Content {
    of(&Bodies { events: events.to_vec(), ..Bodies::default() })
}

#[test]
fn a_conversation() {
    let odd = json!({"type": "document", "document": {"data": "x"}});
    let content = asked(json!({
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, odd]},
            {"role": "assistant", "tool_plan": "I will look.", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "document", "document": {"data": "2"}}]},
            7,
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}, {}],
        "documents": ["words", {"id": "x", "data": {"text": "a", "title": "t"}}, {"data": "b"}, 7],
    }));
    let response = Part::ToolResponse {
        id: Some("c1".to_owned()),
        response: json!([{"type": "document", "document": {"data": "2"}}]),
    };
    let other = Part::Other { kind: "document".to_owned(), value: odd };
    assert_eq!(
        content.input,
        [
            message("system", [text("Be kind.")]),
            message("user", [text("hi"), blob("image", "image/png", "AAAA", 3), other]),
            message(
                "assistant",
                [Part::Reasoning("I will look.".to_owned()), call(Some("c1"), "f", json!({"a": 1}))]
            ),
            message("tool", [response]),
        ]
    );
    let [tool] = &content.tools[..] else { unreachable!("one tool") };
    assert_eq!((tool.name.as_deref(), &tool.parameters), (Some("f"), &Some(json!({"type": "object"}))));
    let found: Vec<_> =
        content.documents.iter().map(|one| (one.id.as_deref(), one.text.as_deref())).collect();
    assert_eq!(found, [(Some("0"), Some("words")), (Some("x"), Some("a")), (Some("2"), Some("b"))]);
    assert_eq!(content.documents[1].metadata, Some(json!({"title": "t"})));
}

#[test]
fn answers() {
    for (reason, expected) in [
        ("COMPLETE", "stop"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_call"),
        ("TIMEOUT", "error"),
        ("NEW", "NEW"),
    ] {
        let content = answered(json!({
            "id": "x", "finish_reason": reason,
            "message": {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "ho"}]},
        }));
        assert_eq!(content.output, [answer(expected, [Part::Reasoning("Hm.".to_owned()), text("ho")])]);
        assert_eq!(content.error, None);
    }
    let content = answered(json!({"message": "model 'x' not found"}));
    assert_eq!((content.error.as_deref(), content.output), (Some("model 'x' not found"), Vec::new()));
}

const STREAM: &str = r#"
    message-start {"type":"message-start","delta":{"message":{"role":"assistant"}}}
    tool-plan-delta {"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will"}}}
    tool-plan-delta {"type":"tool-plan-delta","delta":{"message":{"tool_plan":" look."}}}
    content-start {"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":"H"}}}}
    content-delta {"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"m"}}}}
    content-start {"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":""}}}}
    content-delta {"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"ho"}}}}
    tool-call-start {"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"c1","function":{"name":"f","arguments":""}}}}}
    tool-call-delta {"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"a\":"}}}}}
    tool-call-delta {"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"1}"}}}}}
    message-end {"type":"message-end","delta":{"finish_reason":"COMPLETE"}}"#;

#[test]
fn a_stream_is_put_together() {
    let events = events(STREAM);
    let reasoning = |text: &str| Part::Reasoning(text.to_owned());
    let parts =
        [reasoning("I will look."), reasoning("Hm"), text("ho"), call(Some("c1"), "f", json!({"a": 1}))];
    assert_eq!(streamed(&events).output, [answer("stop", parts)]);
    assert_eq!(
        streamed(&events[..4]).output,
        [message("assistant", [reasoning("I will look."), reasoning("H")])]
    );
    let failed = json!({"type": "message-end", "delta": {"error": "no", "finish_reason": "ERROR"}});
    let content = streamed(&[events[0].clone(), (String::new(), failed)]);
    assert_eq!((content.error.as_deref(), content.output), (Some("no"), vec![answer("error", [])]));
}

#[test]
fn the_first_version() {
    let content = of(&Bodies {
        request: json!({
            "preamble": "Be kind.", "message": "hi",
            "chat_history": [
                {"role": "USER", "message": "a"}, {"role": "CHATBOT", "message": "b", "tool_calls": [{"name": "f", "parameters": {"a": 1}}]},
                {"role": "TOOL", "tool_results": [{"call": {"name": "f"}, "outputs": [{"x": 2}]}]}, {},
            ],
            "tool_results": [{"call": {"name": "f"}, "outputs": []}],
            "tools": [{"name": "f", "description": "d", "parameter_definitions": {"a": {"type": "int"}}}],
        }),
        response: json!({"text": "ho", "tool_calls": [{"name": "f", "parameters": {}}], "finish_reason": "COMPLETE"}),
        events: Vec::new(),
    });
    let result = |outputs: Value| Part::ToolResponse {
        id: None,
        response: json!({"call": {"name": "f"}, "outputs": outputs}),
    };
    assert_eq!(content.system, [text("Be kind.")]);
    assert_eq!(
        content.input,
        [
            message("user", [text("a")]),
            message("assistant", [text("b"), call(None, "f", json!({"a": 1}))]),
            message("tool", [result(json!([{"x": 2}]))]),
            message("user", [text("hi")]),
            message("tool", [result(json!([]))]),
        ]
    );
    assert_eq!(content.output, [answer("stop", [text("ho"), call(None, "f", json!({}))])]);
    assert_eq!(content.tools[0].parameters, Some(json!({"a": {"type": "int"}})));
}

#[test]
fn streams_of_the_first_version() {
    let events = events(
        r#"
        - {"event_type":"stream-start"}
        - {"event_type":"text-generation","text":"h"}
        - {"event_type":"text-generation","text":"o"}
        - {"event_type":"tool-calls-generation","tool_calls":[{"name":"f","parameters":{}}]}
        - {"event_type":"stream-end","finish_reason":"MAX_TOKENS","response":{"text":"ho","tool_calls":[{"name":"f","parameters":{}}]}}"#,
    );
    let parts = [text("ho"), call(None, "f", json!({}))];
    assert_eq!(streamed(&events).output, [answer("length", parts.clone())]);
    assert_eq!(streamed(&events[..4]).output, [message("assistant", parts)]);
    let generations =
        json!([{"text": "a", "finish_reason": "COMPLETE"}, {"text": "b", "finish_reason": "MAX_TOKENS"}]);
    let expected = [answer("stop", [text("a")]), answer("length", [text("b")])];
    let content = of(&Bodies {
        request: json!({"prompt": "p"}),
        response: json!({"generations": generations}),
        ..Bodies::default()
    });
    assert_eq!(
        (content.input, content.output.as_slice()),
        (vec![message("user", [text("p")])], &expected[..])
    );
    let end = json!({"is_finished": true, "response": {"generations": generations}});
    assert_eq!(streamed(&[(String::new(), json!({"text": "a"})), (String::new(), end)]).output, expected);
}

proptest! {
    #[test]
    fn nothing_stops_it(bodies in odd(&[
        "messages", "content", "text", "tool_calls", "function", "name", "message", "chat_history", "generations", "response",
        "documents", "data", "delta", "content-delta", "tool-call-start", "role", "type",
    ])) {
        of(&bodies);
    }
}
