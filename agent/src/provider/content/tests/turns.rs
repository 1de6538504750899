//! OpenAI's responses.

use super::*;

fn server(id: &str, name: &str, call: Value) -> Part {
    Part::ServerToolCall { id: Some(id.to_owned()), name: name.to_owned(), call }
}

fn gave(id: &str, response: Value) -> Part {
    Part::ServerToolResponse { id: Some(id.to_owned()), response }
}

/// Items, whose message each is, and what it says; the same in a request and in a response.
fn items() -> Vec<(Value, &'static str, Vec<Part>)> {
    vec![
        (
            json!({"type": "message", "role": "assistant", "content": [
                {"type": "output_text", "text": "hi", "annotations": []}, {"type": "refusal", "refusal": "no"}]}),
            "assistant",
            vec![words("hi"), words("no")],
        ),
        (
            json!({"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}],
                "content": [{"type": "reasoning_text", "text": "hmm"}], "encrypted_content": "x"}),
            "assistant",
            vec![thought("hm"), thought("hmm")],
        ),
        (
            json!({"type": "function_call", "id": "fc", "call_id": "1", "name": "f", "arguments": "{\"a\": 1}", "status": "completed"}),
            "assistant",
            vec![call("1", "f", json!({"a": 1}))],
        ),
        (
            json!({"type": "custom_tool_call", "call_id": "1", "name": "h", "input": "any text"}),
            "assistant",
            vec![call("1", "h", json!("any text"))],
        ),
        (
            json!({"type": "local_shell_call", "call_id": "1", "action": {"command": ["ls"]}}),
            "assistant",
            vec![call("1", "local_shell", json!({"command": ["ls"]}))],
        ),
        (
            json!({"type": "computer_call", "call_id": "1", "action": {"type": "click"}}),
            "assistant",
            vec![call("1", "computer", json!({"type": "click"}))],
        ),
        (
            json!({"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search", "query": "sun"}}),
            "assistant",
            vec![server(
                "ws",
                "web_search",
                json!({"type": "web_search_call", "action": {"type": "search", "query": "sun"}}),
            )],
        ),
        (
            json!({"type": "mcp_call", "id": "m", "server_label": "docs", "name": "find", "arguments": "{\"q\": 1}", "output": "found", "error": null}),
            "assistant",
            vec![
                server(
                    "m",
                    "find",
                    json!({"type": "mcp_call", "server_label": "docs", "arguments": {"q": 1}}),
                ),
                gave("m", json!({"type": "mcp_call", "output": "found"})),
            ],
        ),
        (
            json!({"type": "code_interpreter_call", "id": "ci", "code": "1+1", "outputs": [{"type": "logs", "logs": "2"}]}),
            "assistant",
            vec![
                server("ci", "code_interpreter", json!({"type": "code_interpreter_call", "code": "1+1"})),
                gave(
                    "ci",
                    json!({"type": "code_interpreter_call", "outputs": [{"type": "logs", "logs": "2"}]}),
                ),
            ],
        ),
        (
            json!({"type": "image_generation_call", "id": "ig", "result": "AAAA", "output_format": "png", "revised_prompt": "a cat"}),
            "assistant",
            vec![
                server(
                    "ig",
                    "image_generation",
                    json!({"type": "image_generation_call", "output_format": "png", "revised_prompt": "a cat"}),
                ),
                blob("image", "image/png", "AAAA", 3),
            ],
        ),
        (
            json!({"type": "compaction", "id": "c", "encrypted_content": "x"}),
            "assistant",
            vec![other("compaction", json!({"type": "compaction", "id": "c", "encrypted_content": "x"}))],
        ),
    ]
}

#[test]
fn items_are_messages_of_a_request_and_parts_of_an_answer() {
    for (item, role, parts) in items() {
        let content = whole(responses, json!({"input": [item]}), Value::Null);
        assert_eq!(content.input, [message(role, parts.clone())], "{item}");
        let content = whole(
            responses,
            Value::Null,
            json!({"object": "response", "status": "queued", "output": [item]}),
        );
        assert_eq!(content.output, [message("assistant", parts)], "{item}");
    }
}

#[test]
fn requests_say_what_is_asked() {
    for (request, system, input) in [
        (
            json!({"input": "hi", "instructions": "be kind"}),
            vec![words("be kind")],
            vec![message("user", vec![words("hi")])],
        ),
        (
            json!({"input": [{"role": "developer", "content": "be kind"}, {"role": "user", "content": [
                {"type": "input_text", "text": "what?"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
                {"type": "input_image", "file_id": "file-1"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,AAAA", "filename": "x.pdf"},
                {"type": "input_file", "file_url": "https://example.com/x.pdf"},
                {"type": "input_file", "file_id": "file-2"},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ]}]}),
            vec![],
            vec![
                message("developer", vec![words("be kind")]),
                message(
                    "user",
                    vec![
                        words("what?"),
                        blob("image", "image/png", "AA==", 1),
                        file("image", "file-1"),
                        blob("document", "application/pdf", "AAAA", 3),
                        uri("document", "https://example.com/x.pdf"),
                        file("document", "file-2"),
                        blob("audio", "audio/wav", "AAAA", 3),
                    ],
                ),
            ],
        ),
        (
            json!({"input": [
                {"type": "function_call_output", "call_id": "1", "output": "sun"},
                {"type": "function_call_output", "call_id": "2", "output": [{"type": "input_text", "text": "sun"}]},
                {"type": "item_reference", "id": "x"},
                {"type": "function_call", "arguments": "{}"},
                {"type": "reasoning", "encrypted_content": "x", "summary": []},
                7,
                "hi",
            ]}),
            vec![],
            vec![
                message("tool", vec![result("1", json!("sun"))]),
                message("tool", vec![result("2", json!([{"type": "input_text", "text": "sun"}]))]),
                message(
                    "assistant",
                    vec![other("item_reference", json!({"type": "item_reference", "id": "x"}))],
                ),
                message("user", vec![words("hi")]),
            ],
        ),
        (
            json!({"prompt": {"id": "p", "variables": {"name": "bob"}}}),
            vec![],
            vec![message("user", vec![other("prompt", json!({"id": "p", "variables": {"name": "bob"}}))])],
        ),
        (json!({"prompt": {"id": "p"}, "input": {"odd": 1}, "instructions": 7}), vec![], vec![]),
        (json!("odd"), vec![], vec![]),
    ] {
        let content = whole(responses, request.clone(), Value::Null);
        assert_eq!((content.system, content.input, content.output), (system, input, vec![]), "{request}");
    }
}

#[test]
fn the_status_says_why_it_ended() {
    let said = json!({"type": "message", "content": [{"type": "output_text", "text": "hi"}]});
    let called = json!({"type": "function_call", "name": "f", "arguments": "{}"});
    for (status, reason, item, expected) in [
        ("completed", Value::Null, &said, Some("stop")),
        ("completed", Value::Null, &called, Some("tool_call")),
        ("incomplete", json!("max_output_tokens"), &said, Some("length")),
        ("incomplete", json!("content_filter"), &said, Some("content_filter")),
        ("incomplete", Value::Null, &said, Some("incomplete")),
        ("failed", Value::Null, &said, Some("error")),
        ("cancelled", Value::Null, &said, Some("error")),
        ("in_progress", Value::Null, &said, None),
        ("odd", Value::Null, &said, None),
    ] {
        let response = json!({"status": status, "incomplete_details": {"reason": reason}, "output": [item]});
        let content = whole(responses, Value::Null, response);
        assert_eq!(content.output[0].finish_reason.as_deref(), expected, "{status} {reason}");
    }
    let failed = json!({"status": "failed", "output": [], "error": {"code": "x", "message": "bad"}});
    let content = whole(responses, Value::Null, failed);
    assert_eq!((content.output, content.error.as_deref()), (vec![ended("error", vec![])], Some("bad")));
}

/// A stream's events up to the one that has it all again.
fn events() -> Vec<Value> {
    let part = |kind: &str, place: u64, text: &str| json!({"type": kind, "output_index": place, "content_index": 0, "delta": text});
    vec![
        json!({"type": "response.created", "response": {"status": "in_progress", "output": [], "error": null}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "summary": []}}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "h"}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "m"}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "hmm"}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "role": "assistant", "content": []}}),
        part("response.output_text.delta", 1, "h"),
        part("response.output_text.delta", 1, "i"),
        json!({"type": "response.output_text.done", "output_index": 1, "content_index": 0, "text": "hi"}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "message", "role": "assistant",
            "content": [{"type": "output_text", "text": "hi"}]}}),
        json!({"type": "response.output_item.added", "output_index": 2, "item": {"type": "function_call", "call_id": "1", "name": "f", "arguments": ""}}),
        part("response.function_call_arguments.delta", 2, "{\"a\":"),
        part("response.function_call_arguments.delta", 2, "1}"),
    ]
}

#[test]
fn a_stream_that_is_cut_gives_what_came() {
    let parts = [thought("hm"), thought("hmm"), words("hi"), call("1", "f", json!({"a": 1}))];
    let half = call("1", "f", json!("{\"a\":"));
    for (count, expected) in [
        (1, None),
        (2, None),
        (3, Some(vec![thought("h")])),
        (5, Some(parts[..2].to_vec())),
        (7, Some(vec![parts[0].clone(), parts[1].clone(), words("h")])),
        (10, Some(parts[..3].to_vec())),
        (12, Some([&parts[..3], &[half]].concat())),
        (13, Some(parts.to_vec())),
    ] {
        let content = streamed(responses, Value::Null, &events()[..count]);
        let expected = expected.map(|parts| message("assistant", parts));
        assert_eq!(content.output, expected.into_iter().collect::<Vec<_>>(), "{count}");
    }
}

#[test]
fn a_stream_ends_with_the_whole() {
    let output = json!([
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "whole"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "hi"}]},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{\"a\": 2}"},
    ]);
    let parts = vec![thought("whole"), words("hi"), call("1", "f", json!({"a": 2}))];
    let came = vec![thought("hm"), thought("hmm"), words("hi"), call("1", "f", json!({"a": 1}))];
    let both = [&parts[..1], &came[2..]].concat();
    for (kind, status, output, expected) in [
        ("response.completed", "completed", output.clone(), ended("tool_call", parts.clone())),
        ("response.incomplete", "incomplete", output.clone(), ended("incomplete", parts)),
        ("response.failed", "failed", json!([]), ended("error", came)),
        // Its end is not kept.
        ("response.completed", "completed", json!([output[0]]), ended("tool_call", both)),
    ] {
        let last = json!({"type": kind, "response": {"status": status, "output": output, "error": {"message": "bad"}}});
        let content = streamed(responses, Value::Null, &[events(), vec![last]].concat());
        assert_eq!((content.output, content.error.as_deref()), (vec![expected], Some("bad")), "{kind}");
    }
    // Without a type the event's name tells; without what an item begins with, its pieces do.
    let piece = json!({"output_index": 3, "delta": "hi"});
    let calls = json!({"output_index": 4, "delta": "{}"});
    let events = [("response.output_text.delta", piece), ("response.function_call_arguments.delta", calls)];
    let events = events.map(|(name, event)| (name.to_owned(), event)).to_vec();
    let mut content = Content::default();
    responses(&Bodies { events, ..Bodies::default() }, &mut content);
    assert_eq!(content.output, [message("assistant", vec![words("hi")])]);
    for error in [
        json!({"type": "error", "code": "x", "message": "bad"}),
        json!({"type": "error", "error": {"message": "bad"}}),
        json!({"error": {"message": "bad"}}),
    ] {
        assert_eq!(streamed(responses, Value::Null, &[error]).error.as_deref(), Some("bad"));
    }
}
