//! Dialects of one vendor.

use super::*;

fn server(id: &str, name: &str, call: Value) -> Part {
    Part::ServerToolCall { id: Some(id.to_owned()), name: name.to_owned(), call }
}

fn suffix(text: &str) -> Part {
    other("suffix", json!({"type": "suffix", "content": text}))
}

#[test]
fn ollama_speaks_in_lines() {
    let call_of = |city: &str| json!({"function": {"name": "f", "arguments": {"city": city}}});
    for case in [
        case(
            ollama,
            json!({"messages": [
                {"role": "system", "content": "be kind"},
                {"role": "user", "content": "what?", "images": ["AAAA", "", 7]},
                {"role": "assistant", "thinking": "hm", "content": "", "tool_calls": [call_of("Lisbon")]},
                {"role": "tool", "tool_name": "f", "content": "sun"},
            ]}),
            json!({"message": {"role": "assistant", "content": "hi"}, "done": true, "done_reason": "stop"}),
            Content {
                input: vec![
                    message("system", vec![words("be kind")]),
                    message("user", vec![words("what?"), blob("image", "", "AAAA", 3)]),
                    message("assistant", vec![thought("hm"), call("", "f", json!({"city": "Lisbon"}))]),
                    Message { name: Some("f".to_owned()), ..message("tool", vec![result("", json!("sun"))]) },
                ],
                output: vec![ended("stop", vec![words("hi")])],
                ..Content::default()
            },
        ),
        case(
            ollama,
            json!({"prompt": "def f", "system": "be kind", "suffix": "return", "images": ["AAAA"]}),
            json!({"response": "hi", "thinking": "hm", "done_reason": "length"}),
            Content {
                system: vec![words("be kind")],
                input: vec![message(
                    "user",
                    vec![words("def f"), suffix("return"), blob("image", "", "AAAA", 3)],
                )],
                output: vec![ended("length", vec![thought("hm"), words("hi")])],
                ..Content::default()
            },
        ),
        stream(
            ollama,
            vec![
                json!({"message": {"role": "assistant", "content": "", "thinking": "h"}}),
                json!({"message": {"role": "assistant", "content": "", "thinking": "m"}}),
                json!({"message": {"role": "assistant", "content": "s"}}),
                json!({"message": {"role": "assistant", "content": "o"}}),
                json!({"message": {"content": "", "tool_calls": [call_of("Lisbon")]}}),
                json!({"message": {"content": "", "tool_calls": [call_of("Porto")]}}),
                json!({"message": {"content": ""}, "done": true, "done_reason": "stop"}),
            ],
            end(
                "stop",
                vec![
                    thought("hm"),
                    words("so"),
                    call("", "f", json!({"city": "Lisbon"})),
                    call("", "f", json!({"city": "Porto"})),
                ],
            ),
        ),
        stream(
            ollama,
            vec![json!({"response": "a"}), json!({"response": "b"}), json!({"error": "broken"})],
            Content { error: Some("broken".to_owned()), ..output(vec![words("ab")]) },
        ),
        case(ollama, json!({"messages": [], "model": "m"}), json!({"error": "no model"}), error("no model")),
        case(ollama, json!(7), json!({"message": "odd", "response": 7}), error("odd")),
    ] {
        case.check();
    }
}

#[test]
fn mistral_keeps_conversations() {
    for case in [
        case(
            conversations,
            json!({"inputs": "hi", "instructions": "be kind"}),
            json!({"outputs": [
                {"object": "entry", "type": "tool.execution", "id": "t", "name": "web_search", "arguments": "{\"q\": 1}", "info": {"n": 2}},
                {"object": "entry", "type": "message.output", "id": "m", "role": "assistant", "content": [
                    {"type": "text", "text": "sun"}, {"type": "tool_reference", "tool": "web_search", "title": "t"}]},
                {"object": "entry", "type": "function.call", "id": "fc", "name": "f", "tool_call_id": "1", "arguments": "{}"},
            ]}),
            Content {
                system: vec![words("be kind")],
                input: vec![message("user", vec![words("hi")])],
                ..output(vec![
                    server("t", "web_search", json!({"type": "tool.execution", "arguments": {"q": 1}})),
                    Part::ServerToolResponse {
                        id: Some("t".to_owned()),
                        response: json!({"type": "tool.execution", "info": {"n": 2}}),
                    },
                    words("sun"),
                    other(
                        "tool_reference",
                        json!({"type": "tool_reference", "tool": "web_search", "title": "t"}),
                    ),
                    call("1", "f", json!({})),
                ])
            },
        ),
        case(
            conversations,
            json!({"inputs": [
                {"type": "message.input", "role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,AA=="}]},
                {"role": "user", "content": "hi"},
                {"type": "function.call", "name": "f", "tool_call_id": "1", "arguments": {"a": 1}},
                {"type": "function.result", "tool_call_id": "1", "result": "sun"},
                {"type": "agent.handoff", "next_agent_name": "x"},
            ]}),
            Value::Null,
            Content {
                input: vec![
                    message("user", vec![blob("image", "image/png", "AA==", 1)]),
                    message("user", vec![words("hi")]),
                    message("assistant", vec![call("1", "f", json!({"a": 1}))]),
                    message("tool", vec![result("1", json!("sun"))]),
                    message(
                        "assistant",
                        vec![other(
                            "agent.handoff",
                            json!({"type": "agent.handoff", "next_agent_name": "x"}),
                        )],
                    ),
                ],
                ..Content::default()
            },
        ),
        stream(
            conversations,
            vec![
                json!({"type": "conversation.response.started", "conversation_id": "c"}),
                json!({"type": "tool.execution.started", "output_index": 0, "id": "t", "name": "web_search", "arguments": "{\"q\""}),
                json!({"type": "tool.execution.delta", "output_index": 0, "id": "t", "name": "web_search", "arguments": ":1}"}),
                json!({"type": "tool.execution.done", "output_index": 0, "id": "t", "name": "web_search", "info": {}}),
                json!({"type": "message.output.delta", "output_index": 1, "content": "s"}),
                json!({"type": "message.output.delta", "output_index": 1, "content": {"type": "text", "text": "un"}}),
                json!({"type": "function.call.delta", "output_index": 2, "name": "f", "tool_call_id": "1", "arguments": "{\"a\":"}),
                json!({"type": "function.call.delta", "output_index": 2, "name": "f", "tool_call_id": "1", "arguments": "1}"}),
                json!({"type": "function.call.delta", "output_index": 2, "name": "g", "tool_call_id": "2", "arguments": "{}"}),
                json!({"type": "conversation.response.error", "message": "bad", "code": 7}),
            ],
            Content {
                error: Some("bad".to_owned()),
                ..output(vec![
                    server("t", "web_search", json!({"type": "tool.execution", "arguments": {"q": 1}})),
                    words("sun"),
                    call("1", "f", json!({"a": 1})),
                    call("2", "g", json!({})),
                ])
            },
        ),
        case(
            ocr,
            json!({"document": {"type": "document_url", "document_url": "https://example.com/x.pdf"}}),
            json!({"pages": [{"markdown": "one"}, {"markdown": "two"}, {"markdown": 7}], "document_annotation": "{}"}),
            Content {
                input: vec![message("user", vec![uri("document", "https://example.com/x.pdf")])],
                ..output(vec![words("one"), words("two"), words("{}")])
            },
        ),
        case(ocr, json!({"document": "odd"}), json!({"detail": "bad"}), error("bad")),
    ] {
        case.check();
    }
}

#[test]
fn texts_go_on() {
    for case in [
        case(
            huggingface,
            json!({"inputs": "of"}),
            json!({"generated_text": "bob", "details": {"finish_reason": "eos_token"}}),
            Content { input: input(vec![words("of")]).input, ..end("stop", vec![words("bob")]) },
        ),
        case(
            huggingface,
            json!({"inputs": ["odd"]}),
            json!([{"generated_text": "bob", "details": {"finish_reason": "length"}}]),
            Content { input: input(vec![words("odd")]).input, ..end("length", vec![words("bob")]) },
        ),
        stream(
            huggingface,
            vec![
                json!({"token": {"text": "b", "special": false}, "generated_text": null}),
                json!({"token": {"text": "o", "special": false}, "generated_text": null}),
            ],
            output(vec![words("bo")]),
        ),
        stream(
            huggingface,
            vec![
                json!({"token": {"text": "b"}}),
                json!({"token": {"text": "</s>", "special": true}, "generated_text": "bob", "details": {"finish_reason": "stop_sequence"}}),
            ],
            end("stop", vec![words("bob")]),
        ),
        case(
            huggingface,
            Value::Null,
            json!({"error": "too long", "error_type": "validation"}),
            error("too long"),
        ),
        case(
            llama_cpp,
            json!({"prompt": "of"}),
            json!({"content": "bob", "stop": true, "stop_type": "limit"}),
            Content { input: input(vec![words("of")]).input, ..end("length", vec![words("bob")]) },
        ),
        case(
            llama_cpp,
            json!({"prompt": {"prompt_string": "see", "multimodal_data": ["AAAA"]}}),
            json!([{"index": 1, "content": "b", "stop_type": "eos"}, {"index": 0, "content": "a", "stopped_word": true}]),
            Content {
                input: input(vec![words("see"), blob("unknown", "", "AAAA", 3)]).input,
                output: vec![ended("stop", vec![words("a")]), ended("stop", vec![words("b")])],
                ..Content::default()
            },
        ),
        case(
            llama_cpp,
            json!({"input_prefix": "def f", "input_suffix": "return", "input_extra": [{"filename": "a.py", "text": "x"}]}),
            Value::Null,
            input(vec![
                other("input_extra", json!({"filename": "a.py", "text": "x"})),
                words("def f"),
                suffix("return"),
            ]),
        ),
        case(
            llama_cpp,
            json!({"input_suffix": "return", "prompt": "x"}),
            json!([7, "x", null]),
            input(vec![words("x"), suffix("return")]),
        ),
        stream(
            llama_cpp,
            vec![
                json!({"content": "a", "stop": false}),
                json!({"content": "b"}),
                json!({"content": "", "stop": true, "stop_type": "word"}),
            ],
            end("stop", vec![words("ab")]),
        ),
        case(llama_cpp, json!([]), json!({"error": {"code": 400, "message": "bad"}}), error("bad")),
    ] {
        case.check();
    }
}
