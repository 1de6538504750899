#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;
use serde_json::json;

use super::super::scene::{answer, blob, call, events, message, odd, text};
use super::*;

fn of(bodies: &Bodies) -> Content {
    let mut content = Content::default();
    generate_content(bodies, &mut content);
    content
}

fn asked(request: Value) -> Content {
    of(&Bodies { request, ..Bodies::default() })
}

fn answered(response: Value) -> Content {
    of(&Bodies { response, ..Bodies::default() })
}

#[test]
fn a_conversation() {
    for (instruction, functions, schema) in [
        ("systemInstruction", "functionDeclarations", "parametersJsonSchema"),
        ("system_instruction", "function_declarations", "parameters"),
    ] {
        let content = asked(json!({
            instruction: {"parts": [{"text": "Be kind."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]},
                {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "f", "response": {"result": 2}}}]},
                {"parts": [{"text": "and?"}]},
                "a text", 7,
            ],
            "tools": [
                {functions: [{"name": "f", "description": "d", schema: {"type": "object"}}, {}]},
                {"googleSearch": {}},
            ],
        }));
        assert_eq!(content.system, [text("Be kind.")]);
        let response = Part::ToolResponse { id: Some("c1".to_owned()), response: json!({"result": 2}) };
        let expected = [
            message("user", [text("hi")]),
            message("assistant", [call(None, "f", json!({"a": 1}))]),
            message("user", [response]),
            message("user", [text("and?")]),
            message("user", [text("a text")]),
        ];
        assert_eq!(content.input, expected);
        let function = Tool {
            kind: "function".to_owned(),
            name: Some("f".to_owned()),
            description: Some("d".to_owned()),
            parameters: Some(json!({"type": "object"})),
        };
        assert_eq!(content.tools, [function, Tool { kind: "googleSearch".to_owned(), ..Tool::default() }]);
    }
}

#[test]
fn each_kind_of_part() {
    let odd = json!({"toolCall": {"x": 1}, "partMetadata": 7});
    for (part, expected) in [
        (json!({"text": "Hm.", "thought": true}), Part::Reasoning("Hm.".to_owned())),
        (
            json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}),
            blob("image", "image/png", "AAAA", 3),
        ),
        (
            json!({"inline_data": {"mime_type": "application/pdf", "data": "AAAA"}}),
            blob("document", "application/pdf", "AAAA", 3),
        ),
        (
            json!({"fileData": {"file_uri": "gs://a/b.mp4", "mime_type": "video/mp4"}}),
            Part::Uri {
                modality: "video",
                mime_type: Some("video/mp4".to_owned()),
                uri: "gs://a/b.mp4".to_owned(),
            },
        ),
        (
            json!({"executableCode": {"language": "PYTHON", "code": "1+1"}}),
            Part::ServerToolCall {
                id: None,
                name: "code_execution".to_owned(),
                call: json!({"type": "executable_code", "language": "PYTHON", "code": "1+1"}),
            },
        ),
        (
            json!({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}),
            Part::ServerToolResponse {
                id: None,
                response: json!({"type": "code_execution_result", "outcome": "OUTCOME_OK", "output": "2"}),
            },
        ),
        (odd.clone(), Part::Other { kind: "toolCall".to_owned(), value: odd }),
        (json!({"text": 7}), Part::Other { kind: String::new(), value: json!({"text": 7}) }),
    ] {
        let content = asked(json!({"contents": {"role": "user", "parts": [part, 7]}}));
        assert_eq!(content.input, [message("user", [expected])]);
    }
}

#[test]
fn choices_are_messages_of_their_own() {
    for (reason, expected) in [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("OTHER", "error"),
        ("LANGUAGE", "LANGUAGE"),
    ] {
        let candidate = |text: &str, reason: &str| json!({"content": {"role": "model", "parts": [{"text": text}, {"text": "!"}]}, "finishReason": reason});
        let content = answered(json!({"candidates": [candidate("a", "STOP"), candidate("b", reason), {}]}));
        let expected = [
            answer("stop", [text("a"), text("!")]),
            answer(expected, [text("b"), text("!")]),
            message("assistant", []),
        ];
        assert_eq!(content.output, expected);
    }
}

const STREAM: &str = r#"
    - {"candidates":[{"content":{"parts":[{"text":"Hm","thought":true}]},"index":0}]}
    - {"candidates":[{"content":{"parts":[{"text":"m","thought":true},{"text":"Let"}]},"index":0}]}
    - {"candidates":[{"content":{"parts":[{"text":"other"}]},"index":1}]}
    - {"candidates":[{"content":{"parts":[{"text":" me"}]},"index":0}]}
    - {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1}}}]},"index":0}]}
    - {"candidates":[{"content":{"parts":[{"text":""}]},"index":0,"finishReason":"STOP"}]}"#;

#[test]
fn a_stream_is_put_together() {
    let parts = [Part::Reasoning("Hmm".to_owned()), text("Let me"), call(None, "f", json!({"a": 1}))];
    let expected = [answer("stop", parts), message("assistant", [text("other")])];
    let events = events(STREAM);
    assert_eq!(of(&Bodies { events: events.clone(), ..Bodies::default() }).output, expected);
    // Without `alt=sse` it is one list.
    let list: Vec<_> = events.into_iter().map(|(_, said)| said).collect();
    assert_eq!(answered(list.clone().into()).output, expected);
    assert_eq!(
        answered(list[..2].to_vec().into()).output,
        [message("assistant", [Part::Reasoning("Hmm".to_owned()), text("Let")])]
    );
}

#[test]
fn arguments_come_in_pieces() {
    let part = |call: Value| json!({"candidates": [{"content": {"parts": [{"functionCall": call}]}}]});
    let list = json!([
        part(json!({"name": "f", "willContinue": true})),
        part(
            json!({"partialArgs": [{"jsonPath": "$.city", "stringValue": "Lis", "willContinue": true}], "willContinue": true})
        ),
        part(
            json!({"partialArgs": [{"jsonPath": "$.city", "stringValue": "bon"}, {"jsonPath": "$.n", "numberValue": 2}], "willContinue": true})
        ),
        part(json!({})),
        part(json!({"name": "g", "args": {}})),
    ]);
    let parts = [call(None, "f", json!({"city": "Lisbon", "n": 2})), call(None, "g", json!({}))];
    assert_eq!(answered(list).output, [message("assistant", parts)]);
}

#[test]
fn errors_say_what_they_say() {
    let error = json!({"error": {"code": 429, "message": "Too many", "status": "RESOURCE_EXHAUSTED"}});
    for response in [error.clone(), json!([error])] {
        let content = answered(response);
        assert_eq!((content.error.as_deref(), content.output), (Some("Too many"), Vec::new()));
    }
    assert_eq!(answered(json!({"promptFeedback": {"blockReason": "SAFETY"}})), Content::default());
}

proptest! {
    #[test]
    fn nothing_stops_it(bodies in odd(&[
        "contents", "parts", "text", "functionCall", "name", "partialArgs", "jsonPath", "candidates", "content", "inlineData",
        "data", "tools", "functionDeclarations", "willContinue", "index",
    ])) {
        of(&bodies);
    }
}
