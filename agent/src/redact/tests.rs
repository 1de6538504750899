#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod contents;
mod cost;
mod names;

use std::time::SystemTime;

use proptest::prelude::*;

use super::names::{DEPTH_MAX, MARK, TOO_DEEP, clean};
use super::*;
use crate::config::{ContentMode, ContentPolicy};
use crate::correlate::attributes::{Attribute, TABLE, Type};
use crate::correlate::span::{Attributes, Kind, SpanId, Status, TraceId};

/// Keys of the right shape, put together here so that no scanner of repositories takes them for real.
fn keys() -> Vec<String> {
    let filler = "Ab3dEf6hIj9lMn2pQr5tUv8xYz1";
    let mut keys: Vec<_> = [
        "sk-",
        "sk-proj-",
        "sk-ant-api03-",
        "sk-or-v1-",
        "AKIA",
        "ASIA",
        "ghp_",
        "github_pat_",
        "hf_",
        "xoxb-",
        "gsk_",
        "xai-",
        "pplx-",
        "glpat-",
        "ya29.",
        "pcsk_",
    ]
    .iter()
    .map(|prefix| format!("{prefix}{filler}"))
    .collect();
    keys.push(format!("AIza{filler}{filler}"));
    keys.push(format!("eyJ{filler}.eyJ{filler}.{filler}"));
    keys
}

/// A text without credentials, and how many there were.
fn scrub(text: &str) -> Option<(String, u64)> {
    let cleaned = clean(&Policy::default(), text, Look::Credentials, false)?;
    Some((cleaned.text, cleaned.counts.values().sum()))
}

/// Cleans with the usual policy; returns what was taken.
fn cleaned(act: impl FnOnce(&mut Names<'_>)) -> Taken {
    let (policy, mut known) = (Policy::default(), Known::default());
    let mut names = Names { policy: &policy, known: &mut known, is_open: false, taken: Taken::default() };
    act(&mut names);
    names.taken
}

/// Redacts one span on its own.
fn redact(span: Span) -> Redacted<Span> {
    Redactor::default().redact(span)
}

fn span(attributes: Vec<(&'static str, Value)>, process: Process) -> Span {
    Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([1; 8]),
        parent: None,
        flags: 1,
        flags_are_told: false,
        trace_state: String::new(),
        kind: Kind::Client,
        name: "chat".to_owned(),
        started: SystemTime::UNIX_EPOCH,
        ended: SystemTime::UNIX_EPOCH,
        attributes: attributes.into_iter().map(|(name, value)| (name.into(), value)).collect(),
        events: Vec::new(),
        links: Vec::new(),
        status: Status::Unset,
        chunk_gaps_us: vec![20_000, 41_000],
        content: None,
        process: Arc::new(process),
    }
}

fn process(attributes: &[(&str, &str)]) -> Process {
    let attributes = attributes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::String((*value).to_owned())))
        .collect();
    Process { pid: 1, service_name: "shop".to_owned(), attributes, exports_spans: None, lineage: None }
}

fn get<'a>(span: &'a Span, name: &str) -> Option<&'a Value> {
    span.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

#[test]
fn a_clean_span_is_not_changed() {
    let span = span(
        vec![("gen_ai.request.model", Value::String("gpt-4o".to_owned()))],
        process(&[("host.name", "a")]),
    );
    let redacted = redact(span.clone());
    assert_eq!(redacted.get().attributes, span.attributes);
    assert!(Arc::ptr_eq(&redacted.get().process, &span.process), "spans share their process");
}

#[test]
fn unlisted_attributes_never_leave() {
    let content = Value::String("the user's words".to_owned());
    let names = [
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.input.messages.0.message.content",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.prompt",
        "input.value",
        "output.value",
        "anything.else",
        "",
    ];
    let attributes = names.map(|name| (name, content.clone())).into();
    let redacted = redact(span(attributes, process(&[("gen_ai.input.messages", "words")])));
    assert!(!format!("{redacted:?}").contains("words"));
    let refused = i64::try_from(names.len() + 1).unwrap_or_default();
    assert_eq!(get(redacted.get(), "spanwire.redacted.attributes"), Some(&Value::Int(refused)));
    assert_eq!(redacted.get().attributes.len(), 1);
}

#[test]
fn everything_the_agent_says_may_leave() {
    for Attribute { name, value, is_content, .. } in TABLE {
        let example = match value {
            Type::String | Type::Any => "x".into(),
            Type::Int => Value::Int(1),
            Type::Double => Value::Double(1.0),
            Type::Bool => Value::Bool(true),
            Type::Strings => Value::strings(["x"]),
        };
        assert_eq!(may_leave(name, &example), !is_content, "{name}");
        if *value != Type::Any {
            assert!(!may_leave(name, &Value::Map(Vec::new())), "{name} has a type");
        }
    }
    for name in ["openai.api.type", "openai.response.system_fingerprint"] {
        assert!(may_leave(name, &"x".into()), "{name}");
    }
}

#[test]
fn credentials_are_removed_from_every_text() {
    let key = &keys()[0];
    let attributes = vec![
        ("gen_ai.request.model", Value::String(key.clone())),
        ("gen_ai.request.stop_sequences", Value::strings(["x", key])),
        ("url.path", Value::String(format!("/p/{key}/chat/completions"))),
    ];
    let mut owner = process(&[
        ("process.command_args", &format!("--token {key}")),
        ("db.password", "hunter2"),
        (key, "value"),
    ]);
    owner.service_name = format!("svc {key}");
    let mut span = span(attributes, owner);
    span.name = format!("chat {key}");
    let redacted = redact(span);
    let all = format!("{redacted:?}");
    assert!(!all.contains(key.as_str()) && !all.contains("hunter2"), "{all}");
    assert_eq!(get(redacted.get(), "spanwire.redacted.credentials"), Some(&Value::Int(8)));
}

#[test]
fn texts_and_lists_are_bounded() {
    let long = "é".repeat(TEXT_MAX_BYTES);
    let edge = format!("{}{}", "x ".repeat(TEXT_MAX_BYTES / 2 - 5), keys()[0]);
    let attributes = vec![
        ("gen_ai.request.model", Value::String(long)),
        ("gen_ai.response.id", Value::String(edge)),
        ("gen_ai.request.stop_sequences", Value::strings(["x"; LIST_MAX + 1])),
    ];
    let redacted = redact(span(attributes, process(&[])));
    let Some(Value::String(model)) = get(redacted.get(), "gen_ai.request.model") else { panic!("no model") };
    assert_eq!(model.len(), TEXT_MAX_BYTES);
    let Some(Value::String(id)) = get(redacted.get(), "gen_ai.response.id") else { panic!("no id") };
    assert!(!id.contains("sk-"), "a credential across the bound: {id}");
    let Some(Value::Array(stop)) = get(redacted.get(), "gen_ai.request.stop_sequences") else {
        panic!("no stop")
    };
    assert_eq!(stop.len(), LIST_MAX);
    assert_eq!(get(redacted.get(), "spanwire.redacted.truncated"), Some(&Value::Int(3)));
}

#[test]
fn values_within_values_are_searched_and_bounded() {
    let key = &keys()[0];
    let deep = |levels| (0..levels).fold(Value::from("leaf"), |inner, _| Value::Array(vec![inner]));
    let map = Value::Map(vec![
        ("a".to_owned(), Value::Array(vec![key.as_str().into(), Value::Bytes(key.clone().into_bytes())])),
        ("api_key".to_owned(), "hunter2".into()),
        (key.clone(), Value::Bool(true)),
    ]);
    let bytes = Value::Bytes([&[0xff, b' '], key.as_bytes(), &[b' ', 0xff]].concat());
    let mut value = Value::Array(vec![map, bytes]);
    let taken = cleaned(|names| names.value(&mut value, Look::All, 0));
    let Value::Array(elements) = &value else { panic!("{value:?}") };
    let Some(Value::Bytes(left)) = elements.last() else { panic!("{value:?}") };
    assert_eq!(left, b"\xff [CREDENTIAL] \xff");
    let all = format!("{value:?}");
    assert!(!all.contains(key.as_str()) && !all.contains("hunter2"), "{all}");
    assert_eq!(taken.found.values().sum::<u64>(), 5);
    let mut value = deep(100);
    cleaned(|names| names.value(&mut value, Look::All, 0));
    assert_eq!(value, (0..DEPTH_MAX).fold(TOO_DEEP.into(), |inner, _| Value::Array(vec![inner])));
}

#[test]
fn no_secret_leaves_in_a_path() {
    let key = &keys()[1];
    let encoded = key.replacen('s', "%73", 1);
    for (path, expected) in [
        (format!("/{encoded}/v1/chat/completions"), "/[CREDENTIAL]/v1/chat/completions"),
        (
            format!("/{}/v1/chat/completions", encoded.replace('%', "%25")),
            "/[CREDENTIAL]/v1/chat/completions",
        ),
        ("/4bf92f3577b34da6a3ce929d0e0e4736/v1/chat/completions".to_owned(), "/[OPAQUE]/v1/chat/completions"),
        ("/p/https:%2F%2Fbob:hunter2@host/v1".to_owned(), "/p/https:%2F%2F[CREDENTIAL]@host/v1"),
        ("/openai/deployments/gpt-4o-prod/chat".to_owned(), "/openai/deployments/gpt-4o-prod/chat"),
    ] {
        let attributes = vec![("url.path", path.as_str().into())];
        let redacted = redact(span(attributes, process(&[])));
        assert_eq!(get(redacted.get(), "url.path"), Some(&expected.into()), "{path}");
    }
}

#[test]
fn events_links_and_trace_state_are_searched() {
    let key = &keys()[0];
    let attributes: Attributes =
        vec![("error.type".into(), key.as_str().into()), ("gen_ai.input.messages".into(), "words".into())];
    let mut span = span(Vec::new(), process(&[]));
    span.trace_state = format!("a={key}");
    let event =
        Event { name: key.clone().into(), time: SystemTime::UNIX_EPOCH, attributes: attributes.clone() };
    span.events = vec![event; LIST_MAX + 1];
    let (trace_id, span_id, trace_state) = (span.trace_id, span.span_id, span.trace_state.clone());
    span.links = vec![Link { trace_id, span_id, trace_state, attributes }];
    let redacted = redact(span);
    let all = format!("{redacted:?}");
    assert!(!all.contains(key.as_str()) && !all.contains("words"), "{all}");
    assert_eq!(redacted.get().events.len(), LIST_MAX);
}

#[test]
fn the_log_shows_no_credential() {
    let key = &keys()[0];
    assert_eq!(for_log(&format!("shop {key} (pid 7)")), "shop [CREDENTIAL] (pid 7)");
    assert_eq!(for_log("shop (pid 7)"), "shop (pid 7)");
}

proptest! {
    #[test]
    fn any_text_is_survived_and_once_is_enough(text in "(\\PC|sk-|eyJ|://|@|=|:|token|Bearer |-----BEGIN |[\"' &?]|[a-z0-9]{8}){0,60}") {
        if let Some((scrubbed, found)) = scrub(&text) {
            prop_assert!(found > 0 && scrubbed.contains(MARK));
        }
    }

    #[test]
    fn a_planted_key_never_survives(before in "\\PC{0,40}", after in "\\PC{0,40}", which in 0_usize..18) {
        let key = &keys()[which];
        let text = format!("{before} {key} {after}");
        let (scrubbed, _) = scrub(&text).unwrap_or_default();
        prop_assert!(!scrubbed.is_empty() && !scrubbed.contains(key.as_str()));
    }
}
