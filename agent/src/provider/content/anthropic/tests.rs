#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::scene::{answer, blob, call, events, message, odd, text};
use super::*;

fn answered(response: Value) -> Content {
    of(&Bodies { response, ..Bodies::default() })
}

fn asked(request: Value) -> Content {
    of(&Bodies { request, ..Bodies::default() })
}

fn of(bodies: &Bodies) -> Content {
    let mut content = Content::default();
    messages(bodies, &mut content);
    content
}

#[test]
fn a_conversation() {
    let content = of(&Bodies {
        request: json!({
            "system": "Be kind.",
            "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [{"type": "text", "text": "ho"}]}],
            "tools": [
                {"name": "get_weather", "description": "The weather", "input_schema": {"type": "object"}},
                {"type": "custom", "name": "x"},
                {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
                7,
            ],
        }),
        response: json!({
            "role": "assistant", "stop_reason": "tool_use", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "s"},
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "Lisbon"}},
            ],
        }),
        events: Vec::new(),
    });
    assert_eq!(content.system, [text("Be kind.")]);
    assert_eq!(content.input, [message("user", [text("hi")]), message("assistant", [text("ho")])]);
    let parts = [
        Part::Reasoning("Hm.".to_owned()),
        text("Let me look."),
        call(Some("t1"), "get_weather", json!({"city": "Lisbon"})),
    ];
    assert_eq!(content.output, [answer("tool_call", parts)]);
    let tools: Vec<_> =
        content.tools.iter().map(|tool| (&*tool.kind, tool.name.as_deref().unwrap())).collect();
    assert_eq!(
        tools,
        [("function", "get_weather"), ("function", "x"), ("web_search_20250305", "web_search")]
    );
    assert_eq!(content.tools[0].parameters, Some(json!({"type": "object"})));
    assert_eq!(content.error, None);
}

#[test]
fn each_kind_of_block() {
    let document = |more: Value| {
        let mut block = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}});
        block.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        block
    };
    let titled = document(json!({"title": "A title"}));
    let redacted = json!({"type": "redacted_thinking", "data": "x"});
    let results =
        json!([{"type": "text", "text": "18"}, {"type": "image", "source": {"type": "url", "url": "u"}}]);
    let id = |id: &str| Some(id.to_owned());
    for (block, expected) in [
        (json!("bare"), text("bare")),
        (
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}),
            blob("image", "image/png", "AAAA", 3),
        ),
        (
            json!({"type": "image", "source": {"type": "url", "url": "https://a/b"}}),
            Part::Uri { modality: "image", mime_type: None, uri: "https://a/b".to_owned() },
        ),
        (
            json!({"type": "document", "source": {"type": "file", "file_id": "file_1"}}),
            Part::File { modality: "document", mime_type: None, id: "file_1".to_owned() },
        ),
        (document(json!({})), text("words")),
        (titled.clone(), Part::Other { kind: "document".to_owned(), value: titled }),
        (redacted.clone(), Part::Other { kind: "redacted_thinking".to_owned(), value: redacted }),
        (
            json!({"type": "tool_result", "tool_use_id": "t1", "content": "18 degrees"}),
            Part::ToolResponse { id: id("t1"), response: json!("18 degrees") },
        ),
        (
            json!({"type": "tool_result", "tool_use_id": "t1", "content": results}),
            Part::ToolResponse { id: id("t1"), response: results },
        ),
        (
            json!({"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": true}),
            Part::ToolResponse { id: id("t1"), response: json!({"is_error": true, "content": "no"}) },
        ),
        (json!({"type": "tool_result"}), Part::ToolResponse { id: None, response: Value::Null }),
        (
            json!({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}}),
            Part::ServerToolCall {
                id: id("s1"),
                name: "web_search".to_owned(),
                call: json!({"type": "server_tool_use", "input": {"query": "x"}}),
            },
        ),
        (
            json!({"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}),
            Part::ServerToolResponse {
                id: id("s1"),
                response: json!({"type": "web_search_tool_result", "content": []}),
            },
        ),
        (
            json!({"type": "tool_use", "id": "t1", "name": "f", "input": "{\"a\":1}"}),
            call(Some("t1"), "f", json!({"a": 1})),
        ),
        (json!({}), Part::Other { kind: String::new(), value: json!({}) }),
        (
            json!({"type": "text", "text": 7}),
            Part::Other { kind: "text".to_owned(), value: json!({"type": "text", "text": 7}) },
        ),
    ] {
        let content = asked(json!({"messages": [{"role": "user", "content": [block, 7, null]}]}));
        assert_eq!(content.input, [message("user", [expected])]);
    }
}

#[test]
fn a_stream_is_put_together() {
    let all = events(
        r#"
        message_start {"type":"message_start","message":{"role":"assistant","content":[]}}
        content_block_start {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}
        content_block_delta {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}
        content_block_delta {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}
        content_block_start {"type":"content_block_start","index":1,"content_block":{"type":"text","text":"Let"}}
        ping {"type":"ping"}
        content_block_delta {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" me"}}
        content_block_start {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t2","name":"g","input":{}}}
        content_block_start {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}}
        content_block_delta {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}
        content_block_delta {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"1}"}}
        content_block_stop {"type":"content_block_stop","index":2}
        message_delta {"type":"message_delta","delta":{"stop_reason":"max_tokens"}}
        message_stop {"type":"message_stop"}"#,
    );
    let parts = [
        Part::Reasoning("Hm".to_owned()),
        text("Let me"),
        call(Some("t1"), "f", json!({"a": 1})),
        call(Some("t2"), "g", json!({})),
    ];
    let streamed = |events: &[(String, Value)]| of(&Bodies { events: events.to_vec(), ..Bodies::default() });
    assert_eq!(streamed(&all).output, [answer("length", parts.clone())]);

    // Of one that is cut there is what came.
    let [thought, words, ..] = parts;
    assert_eq!(streamed(&all[..1]).output, [message("assistant", [])]);
    assert_eq!(streamed(&all[..7]).output, [message("assistant", [thought.clone(), words.clone()])]);
    let cut = [thought, words, call(Some("t1"), "f", json!("{\"a\":")), call(Some("t2"), "g", json!({}))];
    assert_eq!(streamed(&all[..10]).output, [message("assistant", cut)]);
    // And of one whose begin is lost.
    let parts = [Part::Reasoning("Hm".to_owned())];
    assert_eq!(streamed(&all[2..3]).output, [message("assistant", parts)]);
    assert_eq!(streamed(&all[9..10]).output, []);
}

#[test]
fn errors_say_what_they_say() {
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    assert_eq!(answered(error.clone()).error.as_deref(), Some("Overloaded"));
    assert_eq!(answered(error.clone()).output, []);
    assert_eq!(answered(json!([error])).error.as_deref(), Some("Overloaded"));
    let events = vec![("error".to_owned(), error)];
    assert_eq!(of(&Bodies { events, ..Bodies::default() }).error.as_deref(), Some("Overloaded"));
}

#[test]
fn completions_of_old() {
    let completed = |bodies: &Bodies| {
        let mut content = Content::default();
        complete(bodies, &mut content);
        content
    };
    let events = events(
        r#"
        completion {"completion":"an","stop_reason":null}
        completion {"completion":"swer","stop_reason":"stop_sequence"}"#,
    );
    let expected = answer("stop", [text("answer")]);
    let content = completed(&Bodies { request: json!({"prompt": "Human: hi"}), events, ..Bodies::default() });
    assert_eq!(
        (content.input, content.output),
        (vec![message("user", [text("Human: hi")])], vec![expected.clone()])
    );
    let response = json!({"completion": "answer", "stop_reason": "stop_sequence"});
    assert_eq!(completed(&Bodies { response, ..Bodies::default() }).output, [expected]);
}

proptest! {
    #[test]
    fn nothing_stops_it(bodies in odd(&["messages", "content", "type", "tool_use", "text", "source", "index", "delta"])) {
        of(&bodies);
        complete(&bodies, &mut Content::default());
    }
}
