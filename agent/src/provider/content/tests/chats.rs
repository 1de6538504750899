//! Chats and text completions of OpenAI's kind.

use super::*;

/// Messages of a request, and what they are.
#[test]
fn messages_are_taken_as_they_were_sent() {
    let png = "data:image/png;base64,iVBORw0KGgo=";
    for (sent, expected) in [
        (json!({"role": "user", "content": "hi"}), message("user", vec![words("hi")])),
        (json!({"role": "developer", "content": "be kind"}), message("developer", vec![words("be kind")])),
        (json!({"content": "hi"}), message("user", vec![words("hi")])),
        (json!({"role": "assistant", "content": null}), message("assistant", vec![])),
        (
            json!({"role": "user", "name": "bob", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
            Message { name: Some("bob".to_owned()), ..message("user", vec![words("a"), words("b")]) },
        ),
        (
            json!({"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": png, "detail": "low"}},
                {"type": "image_url", "image_url": "https://example.com/cat"},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
                {"type": "input_audio", "input_audio": "AAA="},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "x.pdf"}},
                {"type": "file", "file": {"file_id": "file-1"}},
                {"type": "video_url", "video_url": {"url": "https://example.com/film"}},
                {"type": "document_url", "document_url": "https://example.com/paper"},
                {"type": "strange", "weight": 7},
            ]}),
            message(
                "user",
                vec![
                    blob("image", "image/png", "iVBORw0KGgo=", 8),
                    uri("image", "https://example.com/cat"),
                    blob("audio", "audio/mpeg", "AAAA", 3),
                    blob("audio", "", "AAA=", 2),
                    blob("document", "application/pdf", "AA==", 1),
                    file("document", "file-1"),
                    uri("video", "https://example.com/film"),
                    uri("document", "https://example.com/paper"),
                    other("strange", json!({"type": "strange", "weight": 7})),
                ],
            ),
        ),
        (
            json!({"role": "assistant", "content": "", "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": [1]}"}},
                {"id": "2", "type": "function", "function": {"name": "g", "arguments": "{\"a\": "}},
                {"id": "3", "type": "custom", "custom": {"name": "h", "input": "any text"}},
                {"id": "4", "type": "function", "function": {"arguments": "{}"}},
            ]}),
            message(
                "assistant",
                vec![
                    call("1", "f", json!({"a": [1]})),
                    call("2", "g", json!("{\"a\": ")),
                    call("3", "h", json!("any text")),
                ],
            ),
        ),
        (
            json!({"role": "assistant", "function_call": {"name": "f", "arguments": "7"}}),
            message("assistant", vec![call("", "f", json!("7"))]),
        ),
        (
            json!({"role": "tool", "tool_call_id": "1", "content": "{\"sun\": true}"}),
            message("tool", vec![result("1", json!("{\"sun\": true}"))]),
        ),
        (
            json!({"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "sun"}]}),
            message("tool", vec![result("1", json!([{"type": "text", "text": "sun"}]))]),
        ),
        (
            json!({"role": "function", "name": "f", "content": "sun"}),
            Message { name: Some("f".to_owned()), ..message("function", vec![result("", json!("sun"))]) },
        ),
        (
            json!({"role": "assistant", "reasoning_content": "hm", "content": "so", "refusal": "no"}),
            message("assistant", vec![thought("hm"), words("so"), words("no")]),
        ),
        (
            // Mistral's thoughts.
            json!({"role": "assistant", "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "so"}]}),
            message("assistant", vec![thought("hm"), words("so")]),
        ),
        (
            json!({"role": "assistant", "audio": {"id": "audio-1"}}),
            message("assistant", vec![file("audio", "audio-1")]),
        ),
    ] {
        let content = whole(openai, json!({"messages": [sent, "odd", 7, null]}), Value::Null);
        assert_eq!(content.input, [expected], "{sent}");
        assert_eq!((content.system, content.output, content.error), (vec![], vec![], None));
    }
}

#[test]
fn choices_are_messages() {
    for (choice, expected) in [
        (
            json!({"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}),
            ended("stop", vec![words("hi")]),
        ),
        (
            json!({"message": {"content": null, "refusal": "no"}, "finish_reason": "content_filter"}),
            ended("content_filter", vec![words("no")]),
        ),
        (
            json!({"message": {"content": null, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]},
                "finish_reason": "tool_calls"}),
            ended("tool_call", vec![call("1", "f", json!({}))]),
        ),
        (
            json!({"message": {"function_call": {"name": "f", "arguments": "{}"}}, "finish_reason": "function_call"}),
            ended("tool_call", vec![call("", "f", json!({}))]),
        ),
        (
            json!({"message": {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}], "content": "so"}}),
            message("assistant", vec![thought("hm"), words("so")]),
        ),
        (
            json!({"message": {"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}, {"type": "reasoning.encrypted", "data": "x"}]}}),
            message("assistant", vec![thought("hm")]),
        ),
        (
            json!({"message": {"content": null, "audio": {"id": "a", "data": "AAAA", "transcript": "hi"}}}),
            message("assistant", vec![words("hi"), blob("audio", "", "AAAA", 3)]),
        ),
        (
            // OpenRouter's.
            json!({"message": {"content": "see", "images": [{"type": "image_url", "image_url": {"url": "data:image/webp;base64,AA=="}}]}}),
            message("assistant", vec![words("see"), blob("image", "image/webp", "AA==", 1)]),
        ),
        (json!({"text": " of bob", "finish_reason": "length"}), ended("length", vec![words(" of bob")])),
    ] {
        let content = whole(openai, Value::Null, json!({"choices": [choice]}));
        assert_eq!(content.output, [expected], "{choice}");
    }
    let two = json!({"choices": [
        {"index": 1, "message": {"content": "b"}, "finish_reason": "stop"},
        {"index": 0, "message": {"content": "a"}, "finish_reason": "length"},
        {"index": 2, "message": {}},
    ]});
    let content = whole(openai, Value::Null, two);
    assert_eq!(content.output, [ended("length", vec![words("a")]), ended("stop", vec![words("b")])]);
}

fn chunk(choices: Value) -> Value {
    json!({"object": "chat.completion.chunk", "choices": choices})
}

#[test]
fn pieces_are_joined() {
    for (chunks, expected) in [
        (
            vec![
                json!([]),
                json!([{"index": 0, "delta": {"role": "assistant", "content": ""}}]),
                json!([{"index": 1, "delta": {"content": "B"}}, {"index": 0, "delta": {"content": "a"}}]),
                json!([{"index": 0, "delta": {"content": "b"}}]),
                json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]),
                json!([{"index": 1, "delta": {"content": "C"}, "finish_reason": "length"}]),
            ],
            vec![ended("stop", vec![words("ab")]), ended("length", vec![words("BC")])],
        ),
        (
            // Cut within the second call.
            vec![
                json!([{"index": 0, "delta": {"reasoning_content": "h", "content": null}}]),
                json!([{"index": 0, "delta": {"reasoning_content": "m", "content": null}}]),
                json!([{"index": 0, "delta": {"content": "so"}}]),
                json!([{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": ""}}]}}]),
                json!([{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{\"a\":"}}]}}]),
                json!([{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}}]),
                json!([{"index": 0, "delta": {"tool_calls": [{"index": 1, "id": "2", "function": {"name": "g", "arguments": "{\"b"}}]}}]),
            ],
            vec![message(
                "assistant",
                vec![
                    thought("hm"),
                    words("so"),
                    call("1", "f", json!({"a": 1})),
                    call("2", "g", json!("{\"b")),
                ],
            )],
        ),
        (
            // Some give all calls the same index, some none.
            vec![
                json!([{"delta": {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{}"}}]}}]),
                json!([{"delta": {"tool_calls": [{"index": 0, "id": "2", "function": {"name": "f", "arguments": "{\"a\""}}]}}]),
                json!([{"delta": {"tool_calls": [{"index": 0, "id": "2", "function": {"name": "f", "arguments": ":1}"}}]}}]),
                json!([{"delta": {"tool_calls": [{}, {"id": "3", "function": {"name": "g", "arguments": {"b": 2}}}]}, "finish_reason": "tool_calls"}]),
            ],
            vec![ended(
                "tool_call",
                vec![
                    call("1", "f", json!({})),
                    call("2", "f", json!({"a": 1})),
                    call("3", "g", json!({"b": 2})),
                ],
            )],
        ),
        (
            vec![
                json!([{"delta": {"function_call": {"name": "f", "arguments": "{"}}}]),
                json!([{"delta": {"function_call": {"arguments": "}"}}, "finish_reason": "function_call"}]),
            ],
            vec![ended("tool_call", vec![call("", "f", json!({}))])],
        ),
        (
            // Mistral's.
            vec![
                json!([{"delta": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "h"}]}]}}]),
                json!([{"delta": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "m"}]}]}}]),
                json!([{"delta": {"content": "s"}}]),
                json!([{"delta": {"content": [{"type": "text", "text": "o"}, {"type": "reference", "reference_ids": [1]}]}}]),
            ],
            vec![message(
                "assistant",
                vec![
                    thought("hm"),
                    words("so"),
                    other("reference", json!({"type": "reference", "reference_ids": [1]})),
                ],
            )],
        ),
        (
            vec![
                json!([{"delta": {"audio": {"id": "a", "transcript": "h"}}}]),
                json!([{"delta": {"audio": {"data": "AAAA"}}}]),
                json!([{"delta": {"audio": {"transcript": "i"}}}]),
                json!([{"delta": {"audio": {"data": "AAAA"}}}]),
            ],
            vec![message("assistant", vec![words("hi"), blob("audio", "", "AAAAAAAA", 6)])],
        ),
        (
            vec![json!([{"text": "of "}]), json!([{"text": "bob", "finish_reason": "stop"}])],
            vec![ended("stop", vec![words("of bob")])],
        ),
        (vec![json!([{"delta": {"role": "assistant"}}]), json!({"delta": 7}), json!(["x"])], vec![]),
    ] {
        let events: Vec<_> = chunks.into_iter().map(chunk).collect();
        assert_eq!(streamed(openai, Value::Null, &events).output, expected, "{events:?}");
    }
}

#[test]
fn prompts_are_what_the_user_says() {
    let suffix = || other("suffix", json!({"type": "suffix", "content": "return"}));
    for (request, expected) in [
        (json!({"prompt": "def f"}), vec![message("user", vec![words("def f")])]),
        (
            json!({"prompt": "def f", "suffix": "return"}),
            vec![message("user", vec![words("def f"), suffix()])],
        ),
        (
            json!({"prompt": ["a", "b"]}),
            vec![message("user", vec![words("a")]), message("user", vec![words("b")])],
        ),
        (json!({"prompt": [1, 2, 3]}), vec![]),
        (json!({"prompt": [[1, 2], [3]], "suffix": "return"}), vec![]),
        (json!({"prompt": {"id": "p"}}), vec![]),
    ] {
        assert_eq!(whole(openai, request.clone(), Value::Null).input, expected, "{request}");
    }
}

#[test]
fn tools_are_flat() {
    let request = json!({"tools": [
        {"type": "function", "function": {"name": "f", "description": "F", "parameters": {"type": "object"}, "strict": true}},
        {"type": "custom", "custom": {"name": "h", "format": {"type": "text"}}},
        {"type": "web_search"},
        {"type": "mcp", "server_label": "docs", "server_description": "Docs", "authorization": "secret", "headers": {"a": "secret"}},
        {"type": "function", "name": "flat", "parameters": {}},
        {"type": 7},
        "odd",
    ], "functions": [{"name": "old", "description": "O", "parameters": {}}]});
    let tools = whole(openai, request, Value::Null).tools;
    let said = tools.iter().map(|tool| {
        (tool.kind.as_str(), tool.name.as_deref(), tool.description.as_deref(), tool.parameters.clone())
    });
    assert_eq!(
        said.collect::<Vec<_>>(),
        [
            ("function", Some("f"), Some("F"), Some(json!({"type": "object"}))),
            ("custom", Some("h"), None, None),
            ("web_search", None, None, None),
            ("mcp", Some("docs"), Some("Docs"), None),
            ("function", Some("flat"), None, Some(json!({}))),
            ("function", None, None, None),
            ("function", Some("old"), Some("O"), Some(json!({}))),
        ]
    );
}

#[test]
fn errors_are_what_the_provider_says() {
    for (said, expected) in [
        (json!({"error": {"message": "No such model", "type": "x"}}), Some("No such model")),
        (json!({"error": {"code": 7}}), None),
        (json!({"error": "overloaded", "error_type": "x"}), Some("overloaded")),
        (json!({"error": ["a", "b"]}), Some(r#"["a","b"]"#)),
        (json!({"error": null, "choices": []}), None),
        (json!({"error": {"message": null}}), None),
        (json!({"object": "error", "message": "bad"}), Some("bad")),
        (json!({"object": "error", "message": {"detail": ["x"]}}), Some(r#"{"detail":["x"]}"#)),
        (json!({"message": "Unauthorized", "request_id": "1"}), Some("Unauthorized")),
        (json!({"detail": [{"msg": "x"}]}), Some(r#"[{"msg":"x"}]"#)),
        (json!({"detail": "Not Found"}), Some("Not Found")),
        (json!({"x_groq": {"error": "tool use failed"}}), Some("tool use failed")),
        (
            json!({"choices": [{"error": {"message": "upstream"}, "finish_reason": "error"}]}),
            Some("upstream"),
        ),
        (json!({"error": 7}), None),
        (json!(["odd"]), None),
    ] {
        let content = whole(openai, Value::Null, said.clone());
        assert_eq!(content.error.as_deref(), expected, "{said}");
        let events = [chunk(json!([{"index": 0, "delta": {"content": "half"}}])), said.clone()];
        let content = streamed(openai, Value::Null, &events);
        assert_eq!(content.error.as_deref(), expected, "{said}");
        assert_eq!(
            content.output.first().map(|message| message.parts.as_slice()),
            Some(&[words("half")][..])
        );
    }
}

#[test]
fn only_so_many_choices_are_kept() {
    let many: Vec<_> = (0..1000).map(|index| json!({"index": index, "message": {"content": "x"}})).collect();
    let content = whole(openai, Value::Null, json!({"choices": many}));
    assert_eq!(content.output.len(), crate::provider::json::LIST_MAX);
}
