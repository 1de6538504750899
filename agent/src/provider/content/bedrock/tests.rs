#![allow(clippy::indexing_slicing, reason = "tests")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::super::scene::{answer, blob, call, events, message, odd, text};
use super::*;
use crate::call::content::{Part, Tool};

fn of(convert: fn(&Bodies, &mut Content), bodies: &Bodies) -> Content {
    let mut content = Content::default();
    convert(bodies, &mut content);
    content
}

fn asked(request: Value) -> Content {
    of(converse, &Bodies { request, ..Bodies::default() })
}

fn streamed(events: &[(String, Value)]) -> Content {
    of(converse, &Bodies { events: events.to_vec(), ..Bodies::default() })
}

#[test]
fn a_conversation() {
    let content = of(
        converse,
        &Bodies {
            request: json!({
                "system": [{"text": "Be kind."}],
                "messages": [{"role": "user", "content": [{"text": "hi"}]}, 7],
                "toolConfig": {"tools": [
                    {"toolSpec": {"name": "f", "description": "d", "inputSchema": {"json": {"type": "object"}}}},
                    {"systemTool": {"name": "nova_grounding"}}, {"cachePoint": {"type": "default"}}, 7,
                ]},
            }),
            response: json!({
                "output": {"message": {"role": "assistant", "content": [
                    {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
                    {"text": "Let me look."},
                    {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
                ]}},
                "stopReason": "tool_use",
            }),
            events: Vec::new(),
        },
    );
    assert_eq!(
        (content.system, content.input),
        (vec![text("Be kind.")], vec![message("user", [text("hi")])])
    );
    let parts =
        [Part::Reasoning("Hm.".to_owned()), text("Let me look."), call(Some("t1"), "f", json!({"a": 1}))];
    assert_eq!(content.output, [answer("tool_call", parts)]);
    let function = Tool {
        kind: "function".to_owned(),
        name: Some("f".to_owned()),
        description: Some("d".to_owned()),
        parameters: Some(json!({"type": "object"})),
    };
    let system =
        Tool { kind: "systemTool".to_owned(), name: Some("nova_grounding".to_owned()), ..Tool::default() };
    assert_eq!(content.tools, [function, system]);
    assert_eq!(content.error, None);
}

#[test]
fn each_kind_of_part() {
    let document = json!({"document": {"format": "pdf", "name": "n", "source": {"text": "words"}}});
    let given = json!([{"text": "18"}, {"json": {"a": 1}}]);
    let id = |id: &str| Some(id.to_owned());
    for (part, expected) in [
        (
            json!({"image": {"format": "png", "source": {"bytes": "AAAA"}}}),
            blob("image", "image/png", "AAAA", 3),
        ),
        (
            json!({"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://a/b"}}}}),
            Part::Uri { modality: "video", mime_type: id("video/mp4"), uri: "s3://a/b".to_owned() },
        ),
        (document.clone(), Part::Other { kind: "document".to_owned(), value: document }),
        (
            json!({"toolResult": {"toolUseId": "t1", "content": given}}),
            Part::ToolResponse { id: id("t1"), response: given.clone() },
        ),
        (
            json!({"toolResult": {"toolUseId": "t1", "content": given, "status": "error"}}),
            Part::ToolResponse { id: id("t1"), response: json!({"status": "error", "content": given}) },
        ),
        (
            json!({"toolUse": {"toolUseId": "s1", "name": "nova_grounding", "type": "server_tool_use", "input": {}}}),
            Part::ServerToolCall {
                id: id("s1"),
                name: "nova_grounding".to_owned(),
                call: json!({"type": "server_tool_use", "input": {}}),
            },
        ),
        (json!({"guardContent": {"text": {"text": "x", "qualifiers": []}}}), text("x")),
        (json!({"citationsContent": {"content": [{"text": "x"}], "citations": []}}), text("x")),
        (
            json!({"cachePoint": {"type": "default"}}),
            Part::Other { kind: "cachePoint".to_owned(), value: json!({"cachePoint": {"type": "default"}}) },
        ),
        (json!({"text": 7}), Part::Other { kind: String::new(), value: json!({"text": 7}) }),
    ] {
        let content = asked(json!({"messages": [{"role": "user", "content": [part, 7, null]}]}));
        assert_eq!(content.input, [message("user", [expected])]);
    }
}

const STREAM: &str = r#"
    messageStart {"role":"assistant"}
    contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"H"}}}
    contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"m"}}}
    contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"s"}}}
    contentBlockDelta {"contentBlockIndex":1,"delta":{"text":"Let"}}
    contentBlockDelta {"contentBlockIndex":1,"delta":{"text":" me"}}
    contentBlockStart {"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t1","name":"f"}}}
    contentBlockDelta {"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"a\":"}}}
    contentBlockDelta {"contentBlockIndex":2,"delta":{"toolUse":{"input":"1}"}}}
    contentBlockStop {"contentBlockIndex":2}
    messageStop {"stopReason":"tool_use"}
    metadata {"usage":{"inputTokens":1}}"#;

#[test]
fn a_stream_is_put_together() {
    let all = events(STREAM);
    let [thought, words] = [Part::Reasoning("Hm".to_owned()), text("Let me")];
    let whole = [thought.clone(), words.clone(), call(Some("t1"), "f", json!({"a": 1}))];
    let expected = [answer("tool_call", whole)];
    assert_eq!(streamed(&all).output, expected);
    // Nova's own events have their names in them, and wrapped in base64 they may be, too.
    let within: Vec<_> = all.iter().map(|(name, event)| (String::new(), json!({name: event}))).collect();
    assert_eq!(streamed(&within).output, expected);
    let wrap = |(_, event): &(String, Value)| {
        ("chunk".to_owned(), json!({"bytes": STANDARD.encode(event.to_string()), "p": "abc"}))
    };
    for events in [within.clone(), within.iter().map(wrap).collect()] {
        let request =
            json!({"inferenceConfig": {}, "messages": [{"role": "user", "content": [{"text": "hi"}]}]});
        let content = of(invoke, &Bodies { request, events, ..Bodies::default() });
        assert_eq!(
            (content.input, content.output.as_slice()),
            (vec![message("user", [text("hi")])], &expected[..])
        );
    }
    let cut = [thought.clone(), words.clone(), call(Some("t1"), "f", json!("{\"a\":"))];
    assert_eq!(streamed(&all[..8]).output, [message("assistant", cut)]);
    assert_eq!(streamed(&all[4..6]).output, [message("assistant", [words])]);
}

#[test]
fn errors_say_what_they_say() {
    for (response, events) in [
        (json!({"message": "no"}), vec![]),
        (json!({"Message": "no"}), vec![]),
        (Value::Null, vec![("throttlingException".to_owned(), json!({"message": "no"}))]),
        (Value::Null, vec![(String::new(), json!({"modelStreamErrorException": {"message": "no"}}))]),
    ] {
        for convert in [converse, invoke] {
            let content = of(
                convert,
                &Bodies { response: response.clone(), events: events.clone(), ..Bodies::default() },
            );
            assert_eq!((content.error.as_deref(), content.output), (Some("no"), Vec::new()));
        }
    }
}

#[test]
fn models_have_formats_of_their_own() {
    let said = |reason: &str| vec![answer(reason, [text("ho")])];
    let hi = || vec![message("user", [text("hi")])];
    for (request, response, input, output) in [
        (
            json!({"anthropic_version": "bedrock-2023-05-31", "messages": [{"role": "user", "content": "hi"}]}),
            json!({"type": "message", "role": "assistant", "content": [{"type": "text", "text": "ho"}], "stop_reason": "end_turn"}),
            hi(),
            said("stop"),
        ),
        (
            json!({"messages": [{"role": "user", "content": "hi"}]}),
            json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": "ho"}, "finish_reason": "stop"}]}),
            hi(),
            said("stop"),
        ),
        (
            json!({"schemaVersion": "messages-v1", "messages": [{"role": "user", "content": [{"text": "hi"}]}]}),
            json!({"output": {"message": {"role": "assistant", "content": [{"text": "ho"}]}}, "stopReason": "end_turn"}),
            hi(),
            said("stop"),
        ),
        (
            json!({"message": "hi", "chat_history": []}),
            json!({"generation_id": "g", "text": "ho", "finish_reason": "COMPLETE"}),
            hi(),
            said("stop"),
        ),
        (json!({"prompt": "hi"}), json!({"generation": "ho", "stop_reason": "length"}), hi(), said("length")),
        (
            json!({"inputText": "hi", "textGenerationConfig": {}}),
            json!({"results": [{"outputText": "ho", "completionReason": "FINISH"}]}),
            hi(),
            said("stop"),
        ),
        (
            json!({"prompt": "hi"}),
            json!({"outputs": [{"text": "ho", "stop_reason": "stop"}, {"text": "ha", "stop_reason": "length"}]}),
            hi(),
            vec![answer("stop", [text("ho")]), answer("length", [text("ha")])],
        ),
        (
            json!({"prompt": "hi"}),
            json!({"completions": [{"data": {"text": "ho"}, "finishReason": {"reason": "endoftext"}}]}),
            hi(),
            said("stop"),
        ),
        (
            json!({"prompt": "hi"}),
            json!({"choices": [{"message": {"role": "assistant", "content": "ho"}, "stop_reason": "stop"}]}),
            hi(),
            said("stop"),
        ),
        (
            json!({"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "hi"}}),
            json!({"images": ["AAAA"], "error": null}),
            hi(),
            vec![message(
                "assistant",
                [Part::Blob { modality: "image", mime_type: None, data: "AAAA".to_owned(), bytes: 3 }],
            )],
        ),
        (json!({"inputText": "hi"}), json!({"embedding": [0.5]}), vec![], vec![]),
    ] {
        let content = of(invoke, &Bodies { request: request.clone(), response, events: Vec::new() });
        assert_eq!((content.input, content.output, content.error), (input, output, None), "{request}");
    }
    let request = json!({"query": "q", "documents": ["a"], "top_n": 1});
    let response = json!({"results": [{"index": 0, "relevance_score": 0.5}]});
    let content = of(invoke, &Bodies { request, response, events: Vec::new() });
    assert_eq!((content.query.as_deref(), content.documents[0].score), (Some("q"), Some(0.5)));
}

#[test]
fn streams_of_models() {
    for (lines, reason) in [
        (
            r#"
            - {"generation":"h","stop_reason":null}
            - {"generation":"o","stop_reason":"stop"}"#,
            "stop",
        ),
        (
            r#"
            - {"outputText":"h","index":0}
            - {"outputText":"o","index":0,"completionReason":"LENGTH"}"#,
            "length",
        ),
        (
            r#"
            - {"outputs":[{"text":"h","stop_reason":null}]}
            - {"outputs":[{"text":"o","stop_reason":"stop"}],"amazon-bedrock-invocationMetrics":{}}"#,
            "stop",
        ),
        (
            r#"
            - {"type":"message_start","message":{"role":"assistant"}}
            - {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"ho"}}
            - {"type":"message_delta","delta":{"stop_reason":"max_tokens"}}"#,
            "length",
        ),
    ] {
        let content = of(
            invoke,
            &Bodies { request: json!({"prompt": "hi"}), events: events(lines), ..Bodies::default() },
        );
        assert_eq!(content.output, [answer(reason, [text("ho")])], "{lines}");
    }
}

proptest! {
    #[test]
    fn nothing_stops_it(bodies in odd(&[
        "messages", "content", "text", "toolUse", "toolResult", "name", "image", "source", "bytes", "delta", "start", "type",
        "message_start", "output", "message", "choices", "results", "outputText", "prompt", "inferenceConfig", "toolConfig", "tools",
        "anthropic_version", "generation", "images", "stopReason", "contentBlockDelta", "document",
    ])) {
        of(converse, &bodies);
        of(invoke, &bodies);
    }
}
