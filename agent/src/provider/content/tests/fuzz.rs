//! Bodies that nobody would send.

use proptest::prelude::*;

use super::*;

const ALL: &[Convert] = &[
    openai,
    responses,
    images,
    moderations,
    speech,
    transcriptions,
    conversations,
    ocr,
    ollama,
    huggingface,
    llama_cpp,
];

/// Names and texts that converters look for.
const WORDS: &[&str] = &[
    "messages",
    "role",
    "content",
    "type",
    "text",
    "user",
    "tool",
    "assistant",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "id",
    "index",
    "choices",
    "message",
    "delta",
    "finish_reason",
    "reasoning_content",
    "image_url",
    "url",
    "data:image/png;base64,AA==",
    "data:",
    "input_audio",
    "data",
    "format",
    "file",
    "file_data",
    "file_id",
    "input",
    "output",
    "function_call",
    "function_call_output",
    "call_id",
    "output_index",
    "item",
    "response",
    "status",
    "completed",
    "reasoning",
    "summary",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_text.delta",
    "response.function_call_arguments.delta",
    "response.completed",
    "content_index",
    "prompt",
    "inputs",
    "outputs",
    "message.output.delta",
    "function.call.delta",
    "tool.execution.started",
    "tool.execution.delta",
    "tool.execution.done",
    "info",
    "error",
    "generated_text",
    "token",
    "details",
    "stop_type",
    "images",
    "tools",
    "functions",
    "parameters",
    "thinking",
    "done_reason",
    "mcp_call",
    "image_generation_call",
    "result",
    "audio",
    "transcript",
    "prompt_string",
    "multimodal_data",
    "input_prefix",
    "input_suffix",
    "suffix",
    "instructions",
    "variables",
    "é",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(WORDS).prop_map(str::to_owned),
        1 => ".{0,8}",
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0u64..3).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 96, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn anything_at_all_is_taken(
        request in json(),
        response in json(),
        events in prop::collection::vec((word(), json()), 0..6),
    ) {
        let bodies = Bodies { request, response, events };
        for convert in ALL {
            convert(&bodies, &mut Content::default());
        }
    }
}

/// A text in so many pieces, none of which splits a character.
fn pieces(text: &str, size: usize) -> Vec<String> {
    let chars = text.chars().collect::<Vec<_>>();
    chars.chunks(size).map(|piece| piece.iter().collect()).collect()
}

proptest! {
    /// However a stream is split, it says what the whole says.
    #[test]
    fn any_split_says_the_same(
        thoughts in "\\PC{1,12}",
        said in "\\PC{1,12}",
        city in "\\PC{0,12}",
        size in 1_usize..5,
    ) {
        let given = json!({"city": city}).to_string();
        let parts = vec![thought(&thoughts), words(&said), call("1", "f", json!({"city": city}))];
        let chunk = |delta: Value| json!({"choices": [{"index": 0, "delta": delta}]});
        let begin = json!([{"index": 0, "id": "1", "function": {"name": "f", "arguments": ""}}]);
        let chunks = pieces(&thoughts, size).into_iter().map(|more| chunk(json!({"reasoning_content": more})));
        let chunks = chunks.chain(pieces(&said, size).into_iter().map(|more| chunk(json!({"content": more}))));
        let chunks = chunks.chain([chunk(json!({"tool_calls": begin}))]);
        let more = |more| chunk(json!({"tool_calls": [{"index": 0, "function": {"arguments": more}}]}));
        let chunks = chunks.chain(pieces(&given, size).into_iter().map(more)).collect::<Vec<_>>();
        prop_assert_eq!(&streamed(openai, Value::Null, &chunks).output, &[message("assistant", parts.clone())]);

        let event = |kind: &str, place: u64, more| json!({"type": kind, "output_index": place, "delta": more});
        let item = json!({"type": "function_call", "call_id": "1", "name": "f", "arguments": ""});
        let thoughts = pieces(&thoughts, size).into_iter();
        let thoughts = thoughts.map(|more| event("response.reasoning_text.delta", 0, more));
        let texts = pieces(&said, size).into_iter().map(|more| event("response.output_text.delta", 1, more));
        let calls = pieces(&given, size).into_iter();
        let calls = calls.map(|more| event("response.function_call_arguments.delta", 2, more));
        let added = json!({"type": "response.output_item.added", "output_index": 2, "item": item});
        let events = thoughts.chain(texts).chain([added]).chain(calls).collect::<Vec<_>>();
        prop_assert_eq!(&streamed(responses, Value::Null, &events).output, &[message("assistant", parts)]);

        let lines = pieces(&said, size).into_iter().map(|more| json!({"message": {"content": more}}));
        let lines = lines.collect::<Vec<_>>();
        prop_assert_eq!(&streamed(ollama, Value::Null, &lines).output, &[message("assistant", vec![words(&said)])]);
    }
}

/// Every place of a real body, filled with values of every other type.
#[test]
fn any_member_may_be_of_any_type() {
    let odd = [
        json!(null),
        json!(true),
        json!(7),
        json!("x"),
        json!([]),
        json!([[1], "x", null, {"type": 1}]),
        json!({}),
    ];
    let request = json!({
        "messages": [{"role": "user", "name": "bob", "content": [{"type": "image_url", "image_url": {"url": "x"}},
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}, {"type": "file", "file": {"file_id": "f"}}]},
            {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}], "audio": {"id": "a"}},
            {"role": "tool", "tool_call_id": "1", "content": "x"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]},
            {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "1"}, {"type": "reasoning", "summary": [{"text": "x"}]}],
        "inputs": [{"type": "function.result", "result": "x"}],
        "prompt": "x", "images": ["x"], "instructions": "x", "suffix": "x",
    });
    let response = json!({
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x", "audio": {"data": "AA"}}, "delta":
            {"content": "x", "tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{"}}]}}],
        "output": [{"type": "mcp_call", "name": "x", "arguments": "{}", "output": "x"},
            {"type": "image_generation_call", "result": "AA"}],
        "response": {"status": "completed", "output": []}, "item": {"type": "message"}, "output_index": 0,
        "message": {"content": "x"}, "error": {"message": "x"}, "data": [{"b64_json": "AA"}], "pages": [{"markdown": "x"}],
    });
    let paths = |value: &Value| {
        let (mut open, mut paths) = (vec![(String::new(), value.clone())], Vec::new());
        while let Some((path, value)) = open.pop() {
            match &value {
                Value::Object(members) => {
                    open.extend(
                        members.iter().map(|(name, value)| (format!("{path}/{name}"), value.clone())),
                    );
                }
                Value::Array(items) => {
                    open.extend(
                        items.iter().enumerate().map(|(at, value)| (format!("{path}/{at}"), value.clone())),
                    );
                }
                _ => {}
            }
            paths.push(path);
        }
        paths
    };
    for (is_request, body) in [(true, &request), (false, &response)] {
        for path in paths(body) {
            for value in &odd {
                let mut changed = body.clone();
                *changed.pointer_mut(&path).unwrap() = value.clone();
                let bodies = match is_request {
                    true => Bodies { request: changed, response: response.clone(), ..Bodies::default() },
                    false => Bodies {
                        request: request.clone(),
                        response: changed.clone(),
                        events: vec![("response.output_text.delta".to_owned(), changed)],
                    },
                };
                for convert in ALL {
                    convert(&bodies, &mut Content::default());
                }
            }
        }
    }
}
