//! What a policy lets out of what calls say.

use serde_json::{Value as Json, json};

use super::*;
use crate::call::content::{Bodies, Content, Document, Message, Part, Tool, cut_mark};
use crate::call::{EventLog, Recorded, Ticket};
use crate::config::{ContentMode, ContentPlace, ContentPolicy, Direction, Entry, Kind, Rule};
use crate::correlate::span::Span;
use crate::event::Role;

const SECRETS: [&str; 4] = ["bob@x.example", "4111 1111 1111 1111", "hunter2", "cat.png"];

fn message(role: &str, parts: Vec<Part>) -> Message {
    Message { role: role.to_owned(), parts, ..Message::default() }
}

/// All kinds of content, each with something in it.
fn everything(_: &Bodies, content: &mut Content) {
    let text = || Part::Text("mail bob@x.example, password: hunter2".to_owned());
    let arguments =
        json!({"to": "bob@x.example", "card": "4111 1111 1111 1111", "n": 1, "password": "hunter2"});
    *content = Content {
        system: vec![text()],
        input: vec![
            message(
                "user",
                vec![
                    text(),
                    Part::Blob {
                        modality: "image",
                        mime_type: Some("image/png".to_owned()),
                        data: "iVBORw0KGgo=".to_owned(),
                        bytes: 8,
                    },
                    Part::Uri {
                        modality: "image",
                        mime_type: None,
                        uri: "https://u:hunter2@h.example/cat".to_owned(),
                    },
                ],
            ),
            message(
                "tool",
                vec![Part::ToolResponse {
                    id: Some("call_1".to_owned()),
                    response: json!(["bob@x.example", {"password": "hunter2"}]),
                }],
            ),
        ],
        output: vec![Message {
            finish_reason: Some("tool_call".to_owned()),
            ..message(
                "assistant",
                vec![
                    Part::Reasoning(format!("long bob@x.example {}", cut_mark(7))),
                    Part::ToolCall { id: None, name: "send".to_owned(), arguments },
                    Part::Other {
                        kind: "new".to_owned(),
                        value: json!({"type": "new", "a": "bob@x.example"}),
                    },
                ],
            )
        }],
        tools: vec![Tool {
            kind: "function".to_owned(),
            name: Some("send".to_owned()),
            description: Some("as bob@x.example".to_owned()),
            parameters: Some(json!({"type": "object"})),
        }],
        query: Some("where is bob@x.example".to_owned()),
        documents: vec![Document {
            id: Some("7".to_owned()),
            score: Some(0.5),
            text: Some("bob@x.example is here".to_owned()),
            metadata: Some(json!({"password": "hunter2", "page": 3})),
        }],
        error: Some("bob@x.example is not allowed".to_owned()),
    };
}

fn said(ticket: u64) -> Said {
    let convert = everything;
    let recorded = Recorded {
        request: Vec::new(),
        response: Vec::new(),
        events: EventLog::default(),
        lists_are_events: false,
        is_cut: false,
        convert,
    };
    Said {
        ticket: Ticket(ticket),
        recorded: Box::new(recorded),
        provider: "openai",
        process: Arc::new(process(&[])),
        role: Role::Client,
    }
}

/// The attributes and events of a span under a policy, as they would leave.
fn leaves(policy: ContentPolicy) -> Span {
    let policy = Policy::new(policy).unwrap_or_else(|error| panic!("{error}"));
    let mut redactor = Redactor::new(Arc::new(policy), Arc::new(Counters::default()));
    redactor.said(&said(7));
    let span = Span { content: Some(Ticket(7)), ..span(Vec::new(), process(&[])) };
    redactor.redact(span).get().clone()
}

fn policy(mode: ContentMode) -> ContentPolicy {
    ContentPolicy { mode, limit: 1 << 16, ..ContentPolicy::default() }
}

fn json_of(span: &Span, name: &str) -> Json {
    match get(span, name) {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn redacted_is_all_but_what_was_found() {
    let span = leaves(policy(ContentMode::Redacted));
    assert_eq!(
        json_of(&span, "gen_ai.system_instructions"),
        json!([{"type": "text", "content": "mail [EMAIL], password: [CREDENTIAL]"}])
    );
    assert_eq!(
        json_of(&span, "gen_ai.input.messages"),
        json!([
            {"role": "user", "parts": [
                {"type": "text", "content": "mail [EMAIL], password: [CREDENTIAL]"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "byte_size": 8, "content": ""},
                {"type": "uri", "modality": "image", "uri": "https://[CREDENTIAL]@h.example/cat"},
            ]},
            {"role": "tool", "parts": [
                {"type": "tool_call_response", "id": "call_1", "response": ["[EMAIL]", {"password": "[CREDENTIAL]"}]},
            ]},
        ])
    );
    assert_eq!(
        json_of(&span, "gen_ai.output.messages"),
        json!([{"role": "assistant", "finish_reason": "tool_call", "parts": [
            {"type": "reasoning", "content": "long [EMAIL] …[7 bytes cut]"},
            {"type": "tool_call", "name": "send",
             "arguments": {"to": "[EMAIL]", "card": "[CARD]", "n": 1, "password": "[CREDENTIAL]"}},
            {"type": "new", "a": "[EMAIL]"},
        ]}])
    );
    assert_eq!(
        json_of(&span, "gen_ai.tool.definitions"),
        json!([{"type": "function", "name": "send", "description": "as [EMAIL]", "parameters": {"type": "object"}}])
    );
    assert_eq!(
        json_of(&span, "gen_ai.retrieval.documents"),
        json!([{"id": "7", "score": 0.5, "content": "[EMAIL] is here", "metadata": {"page": 3, "password": "[CREDENTIAL]"}}])
    );
    assert_eq!(json_of(&span, "gen_ai.retrieval.query.text"), "where is [EMAIL]");
    assert_eq!(json_of(&span, "error.message"), "[EMAIL] is not allowed");
    assert_eq!(get(&span, "spanwire.content"), Some(&"redacted".into()));
    assert_eq!(get(&span, "spanwire.content.cut"), Some(&Value::Bool(true)));
    assert_eq!(get(&span, "spanwire.redacted.email"), Some(&Value::Int(10)));
    assert_eq!(get(&span, "spanwire.redacted.card"), Some(&Value::Int(1)));
    assert_eq!(get(&span, "spanwire.redacted.credentials"), Some(&Value::Int(6)));
}

#[test]
fn each_mode_lets_out_what_it_says() {
    let all = |mode| format!("{:?}", leaves(policy(mode)));
    let off = leaves(policy(ContentMode::Off));
    assert_eq!(off.attributes, []);
    let metadata = all(ContentMode::Metadata);
    let words = ["mail bob", "is here", "not allowed", "where is", "https"];
    for gone in words.iter().chain(&SECRETS) {
        assert!(!metadata.contains(gone), "{gone}: {metadata}");
    }
    for kept in ["byte_size", "tool_call_response", "send", "image/png", "spanwire.redacted.email"] {
        assert!(metadata.contains(kept), "{kept}: {metadata}");
    }
    let full = all(ContentMode::Full);
    for kept in ["bob@x.example", "4111 1111 1111 1111", "iVBORw0KGgo="] {
        assert!(full.contains(kept), "{kept}: {full}");
    }
    assert!(!full.contains("hunter2"), "{full}");
}

#[test]
fn entries_speak_of_kinds_and_directions() {
    let entry = |direction, kinds, mode| Entry { direction, kinds, mode, ..Entry::default() };
    let span = leaves(ContentPolicy {
        entries: vec![
            entry(Some(Direction::Input), Some(vec![Kind::Messages]), ContentMode::Off),
            entry(None, Some(vec![Kind::ToolArguments]), ContentMode::Metadata),
            entry(None, Some(vec![Kind::ToolDefinitions, Kind::Documents, Kind::Errors]), ContentMode::Off),
        ],
        ..policy(ContentMode::Redacted)
    });
    assert_eq!(
        json_of(&span, "gen_ai.input.messages"),
        json!([
            {"role": "tool", "parts": [
                {"type": "tool_call_response", "id": "call_1", "response": ["[EMAIL]", {"password": "[CREDENTIAL]"}]},
            ]},
        ])
    );
    let output = json_of(&span, "gen_ai.output.messages");
    let call = output.pointer("/0/parts/1").cloned().unwrap_or_default();
    assert_eq!((call.get("arguments"), call.get("byte_size").is_some()), (None, true), "{output}");
    for gone in ["gen_ai.tool.definitions", "gen_ai.retrieval.documents", "error.message"] {
        assert_eq!(get(&span, gone), None, "{gone}");
    }
    let Ok(Rule::Name(other)) = "process=other".parse() else { panic!("a pattern") };
    let nobody = ContentPolicy {
        entries: vec![Entry { service: Some(other), ..entry(None, None, ContentMode::Full) }],
        ..policy(ContentMode::Off)
    };
    assert_eq!(leaves(nobody).attributes, []);
}

#[test]
fn content_is_attributes_or_an_event_or_both() {
    for (place, as_attributes, as_event) in [
        (ContentPlace::Attributes, true, false),
        (ContentPlace::Events, false, true),
        (ContentPlace::Both, true, true),
    ] {
        let span = leaves(ContentPolicy { place, ..policy(ContentMode::Redacted) });
        assert_eq!(get(&span, "gen_ai.input.messages").is_some(), as_attributes, "{place:?}");
        assert_eq!(!span.events.is_empty(), as_event, "{place:?}");
        for event in &span.events {
            assert_eq!(event.name, "gen_ai.client.inference.operation.details");
            let messages = event.attributes.iter().find(|(name, _)| name == "gen_ai.output.messages");
            let Some((_, Value::Array(messages))) = messages else { panic!("{event:?}") };
            assert!(matches!(messages.first(), Some(Value::Map(_))), "it has its structure: {messages:?}");
        }
    }
}

#[test]
fn what_waits_is_bounded_and_what_is_gone_is_told() {
    let counters = Arc::new(Counters::default());
    let policy = Policy::new(policy(ContentMode::Metadata)).unwrap_or_else(|error| panic!("{error}"));
    let mut redactor = Redactor::new(Arc::new(policy), Arc::clone(&counters));
    for ticket in 0..9_000 {
        redactor.said(&said(ticket));
    }
    assert_eq!(counters.contents_dropped.get(), 9_000 - 8_192);
    let mut of = |ticket| {
        let span = Span { content: Some(Ticket(ticket)), ..span(Vec::new(), process(&[])) };
        get(redactor.redact(span).get(), "spanwire.content").cloned()
    };
    assert_eq!(of(0), Some("dropped".into()));
    assert_eq!(of(8_999), Some("metadata".into()));
    assert_eq!(of(8_999), Some("dropped".into()), "it is said once");
}
