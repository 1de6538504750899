#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod agents;
mod places;
mod subjects;
mod trees;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::attributes::{self, TABLE};
use super::clock::Clock;
use super::ids::IdGenerator;
use super::span::{Kind, Span, Status};
use super::tree::ExchangeKey;
use super::{Beginning, ConnectionFacts, Correlator};
use crate::call::{Call, Inference, Subject, Usage};
use crate::discovery::process::Process;
use crate::event::{ConnectionId, Role};
use crate::exchange::{Exchange, Outcome};
use crate::price::Prices;
use crate::protocol::http1::{Headers, RequestHead, ResponseHead};
use crate::value::Value;

fn call() -> Call {
    Call { request_model: Some("gpt-4o".to_owned()), ..Call::new(Subject::chat(), "openai") }
}

fn request(host: Option<&str>, port: Option<u16>) -> Arc<RequestHead> {
    Arc::new(RequestHead {
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        parameters: Vec::new(),
        host: host.map(ToOwned::to_owned),
        port,
        minor_version: 1,
        headers: Headers::default(),
    })
}

pub(super) fn exchange(status: u16, outcome: Outcome) -> Exchange {
    Exchange {
        ordinal: 0,
        role: Role::Client,
        request: request(Some("api.openai.com"), None),
        response: (status > 0)
            .then(|| Arc::new(ResponseHead { status, minor_version: 1, headers: Headers::default() })),
        started_ns: 1_000_000_000,
        ended_ns: 3_000_000_000,
        request_body_bytes: 10,
        response_body_bytes: 10,
        request_undecoded: false,
        response_undecoded: false,
        missing_bytes: 0,
        outcome,
        notes: Vec::new(),
    }
}

fn process(pid: u32, exports_spans: Option<bool>) -> Arc<Process> {
    Arc::new(Process {
        pid,
        service_name: "shop".to_owned(),
        attributes: Vec::new(),
        exports_spans,
        lineage: None,
    })
}

fn correlator() -> Correlator {
    Correlator::new(IdGenerator::seeded([1, 2, 3, 4]), Prices::of_list())
}

const CLOCK_ZERO: SystemTime = SystemTime::UNIX_EPOCH;

/// An exchange with one call, from its begin to its end.
fn exchanged(
    correlator: &mut Correlator,
    (call, exchange): (&Call, &Exchange),
    process: &Arc<Process>,
    connection: ConnectionFacts,
    now_ns: u64,
    spans: &mut Vec<Span>,
) {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let connection_id = ConnectionId(NEXT.fetch_add(1, Ordering::Relaxed));
    let key = ExchangeKey { connection: connection_id, ordinal: exchange.ordinal };
    let (role, time_ns, request) = (exchange.role, exchange.started_ns, &*exchange.request);
    let process = || Arc::clone(process);
    correlator.began(key, Beginning { role, process: process(), tid: 1, time_ns, request, peer: None });
    let clock = Clock::new(0, CLOCK_ZERO);
    correlator.call(key, call, exchange, process(), connection, (&clock, now_ns));
    correlator.ended(key, (exchange.ended_ns, now_ns), None, spans);
}

fn span(call: &Call, exchange: &Exchange, connection: ConnectionFacts) -> Span {
    let mut spans = Vec::new();
    exchanged(&mut correlator(), (call, exchange), &process(7, Some(false)), connection, 0, &mut spans);
    spans.pop().unwrap()
}

fn map(span: &Span) -> HashMap<String, Value> {
    let map: HashMap<_, _> =
        span.attributes.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    assert_eq!(map.len(), span.attributes.len(), "no name twice");
    map
}

fn finished(finish_reasons: Vec<String>) -> Subject {
    Subject::Inference { operation: Inference::Chat, finish_reasons }
}

fn string(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[test]
fn the_plainest_call_has_no_attribute_that_was_not_seen() {
    let facts = ConnectionFacts { local: None, peer: None, tls: true };
    let span = span(&call(), &exchange(200, Outcome::Complete), facts);
    assert_eq!((span.name.as_str(), span.status), ("chat gpt-4o", Status::Unset));
    assert_eq!(span.started, SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    assert_eq!(span.ended, SystemTime::UNIX_EPOCH + Duration::from_secs(3));
    let expected: HashMap<String, Value> = [
        ("gen_ai.operation.name", string("chat")),
        ("gen_ai.provider.name", string("openai")),
        ("gen_ai.request.model", string("gpt-4o")),
        ("server.address", string("api.openai.com")),
        ("server.port", Value::Int(443)),
        ("http.request.method", string("POST")),
        ("http.request.body.size", Value::Int(10)),
        ("http.response.body.size", Value::Int(10)),
        ("http.response.status_code", Value::Int(200)),
        ("url.path", string("/v1/chat/completions")),
        ("url.scheme", string("https")),
        ("fi.span.kind", string("LLM")),
        ("gen_ai.span.kind", string("LLM")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    assert_eq!(map(&span), expected);
}

#[test]
fn everything_known_is_said() {
    let mut call = call();
    call.response_id = Some("chatcmpl-1".to_owned());
    call.response_model = Some(String::new());
    call.subject = finished(vec!["stop".to_owned()]);
    call.usage = Usage { input: Some(0), output: Some(5), cache_read: Some(u64::MAX), ..Usage::default() };
    call.parameters.temperature = Some(0.5);
    call.parameters.top_p = Some(f64::NAN);
    call.parameters.max_tokens = Some(64);
    call.stream = true;
    call.first_chunk_ns = Some(1_250_000_000);
    call.extra.push(("openai.api.type", string("chat_completions")));
    call.notes = vec!["b", "a"];
    let mut exchange = exchange(200, Outcome::Complete);
    exchange.notes = vec!["a", "c"];
    exchange.missing_bytes = 9;
    let found = map(&span(&call, &exchange, ConnectionFacts::default()));
    for (name, value) in [
        ("gen_ai.response.id", Some(string("chatcmpl-1"))),
        ("gen_ai.response.model", None),
        ("gen_ai.response.finish_reasons", Some(Value::strings(["stop"]))),
        ("gen_ai.usage.input_tokens", Some(Value::Int(0))),
        ("gen_ai.usage.output_tokens", Some(Value::Int(5))),
        ("gen_ai.usage.cache_read.input_tokens", None),
        ("gen_ai.usage.reasoning.output_tokens", None),
        ("gen_ai.request.temperature", Some(Value::Double(0.5))),
        ("gen_ai.request.top_p", None),
        ("gen_ai.request.max_tokens", Some(Value::Int(64))),
        ("gen_ai.request.stream", Some(Value::Bool(true))),
        ("gen_ai.response.time_to_first_chunk", Some(Value::Double(0.25))),
        ("openai.api.type", Some(string("chat_completions"))),
        ("spanwire.notes", Some(Value::strings(["b", "a", "c"]))),
        ("spanwire.missing_bytes", Some(Value::Int(9))),
    ] {
        assert_eq!(found.get(name), value.as_ref(), "{name}");
    }
}

#[test]
fn the_server_is_named_by_host_then_peer() {
    let peer = Some(([192, 0, 2, 1], 8443).into());
    for (host, port, role, facts, address, expected_port) in [
        (
            Some("llm"),
            Some(8000),
            Role::Client,
            ConnectionFacts { local: None, peer, tls: true },
            Some("llm"),
            Some(8000),
        ),
        (
            Some("llm"),
            None,
            Role::Client,
            ConnectionFacts { local: None, peer, tls: true },
            Some("llm"),
            // The peer may be a proxy.
            Some(443),
        ),
        (
            Some("llm"),
            None,
            Role::Client,
            ConnectionFacts { local: None, peer: None, tls: false },
            Some("llm"),
            Some(80),
        ),
        (
            None,
            None,
            Role::Client,
            ConnectionFacts { local: None, peer, tls: false },
            Some("192.0.2.1"),
            Some(8443),
        ),
        (None, None, Role::Server, ConnectionFacts { local: None, peer, tls: false }, None, None),
        (
            Some("llm"),
            None,
            Role::Server,
            ConnectionFacts { local: None, peer, tls: false },
            Some("llm"),
            Some(80),
        ),
        (None, None, Role::Client, ConnectionFacts::default(), None, None),
    ] {
        let exchange = Exchange { request: request(host, port), role, ..exchange(200, Outcome::Complete) };
        let found = map(&span(&call(), &exchange, facts));
        assert_eq!(found.get("server.address"), address.map(string).as_ref(), "{host:?} {facts:?}");
        assert_eq!(found.get("server.port"), expected_port.map(Value::Int).as_ref(), "{host:?} {facts:?}");
        assert_eq!(found.contains_key("network.peer.port"), facts.peer.is_some());
    }
}

#[test]
fn errors_are_typed_by_the_most_specific_reason() {
    for (status, outcome, code, expected) in [
        (200, Outcome::Complete, None, None),
        (200, Outcome::Complete, Some("server_error"), Some("server_error")),
        (429, Outcome::Complete, Some("rate_limit_exceeded"), Some("rate_limit_exceeded")),
        (429, Outcome::Complete, None, Some("429")),
        (503, Outcome::Failed(104), None, Some("503")),
        (399, Outcome::Complete, None, None),
        (0, Outcome::Failed(104), None, Some("connection_reset")),
        (0, Outcome::Failed(32), None, Some("connection_reset")),
        (0, Outcome::Failed(110), None, Some("timeout")),
        (0, Outcome::Failed(111), None, Some("connection_refused")),
        (0, Outcome::Failed(5), None, Some("_OTHER")),
        (200, Outcome::PeerClosed, None, Some("connection_closed")),
        (200, Outcome::Cancelled, None, Some("cancelled")),
        (200, Outcome::Unreadable, None, None),
        (413, Outcome::Unreadable, None, Some("413")),
        (200, Outcome::Lost, None, None),
        (500, Outcome::Lost, None, Some("500")),
    ] {
        let call = Call { error_code: code.map(ToOwned::to_owned), ..call() };
        let span = span(&call, &exchange(status, outcome), ConnectionFacts::default());
        let found = map(&span);
        assert_eq!(found.get("error.type"), expected.map(string).as_ref(), "{status} {outcome:?}");
        let status = if expected.is_some() { Status::Error } else { Status::Unset };
        assert_eq!(span.status, status, "{outcome:?}");
        let noted = matches!(outcome, Outcome::Lost | Outcome::Unreadable);
        assert_eq!(found.contains_key("spanwire.notes"), noted, "{outcome:?}");
    }
}

#[test]
fn a_client_that_leaves_after_the_last_word_did_not_cancel() {
    for (reasons, expected) in
        [(&["stop"][..], None), (&["stop", "error"], Some("cancelled")), (&[], Some("cancelled"))]
    {
        let mut call = call();
        call.stream = true;
        call.first_chunk_ns = Some(2_000_000_000);
        call.subject = finished(reasons.iter().map(|reason| (*reason).to_owned()).collect());
        let found = map(&span(&call, &exchange(200, Outcome::Cancelled), ConnectionFacts::default()));
        assert_eq!(found.get("error.type"), expected.map(string).as_ref(), "{reasons:?}");
    }
}

#[test]
fn a_stream_that_said_it_was_over_needs_no_note() {
    let mut call = call();
    (call.stream, call.stream_ended) = (true, true);
    let found = map(&span(&call, &exchange(200, Outcome::Cancelled), ConnectionFacts::default()));
    assert_eq!((found.get("error.type"), found.get("spanwire.notes")), (None, None));
    let found = map(&span(&call, &exchange(200, Outcome::Failed(104)), ConnectionFacts::default()));
    assert_eq!(found.get("error.type"), Some(&string("connection_reset")));
}

#[test]
fn without_a_model_the_operation_names_the_span() {
    let call = Call::new(Subject::chat(), "openai");
    assert_eq!(span(&call, &exchange(200, Outcome::Complete), ConnectionFacts::default()).name, "chat");
}

#[test]
fn a_span_never_ends_before_it_began() {
    let exchange = Exchange { ended_ns: 5, ..exchange(200, Outcome::Complete) };
    let span = span(&call(), &exchange, ConnectionFacts::default());
    assert_eq!(span.started, span.ended);
}

#[test]
fn the_trace_state_comes_with_a_valid_traceparent_only() {
    const PARENT: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let carried = |fields: &[(&'static str, &str)]| {
        let mut exchange = exchange(200, Outcome::Complete);
        exchange.request =
            Arc::new(RequestHead { headers: Headers::of(fields), ..request(None, None).as_ref().clone() });
        let span = span(&call(), &exchange, ConnectionFacts::default());
        let notes = map(&span).remove("spanwire.notes").map(|notes| notes.as_strings().collect::<String>());
        (span.trace_state, notes.unwrap_or_default())
    };
    for (fields, state, note) in [
        (vec![PARENT, ("tracestate", "a=1"), ("tracestate", "b=2")], "a=1,b=2", ""),
        (vec![PARENT], "", ""),
        (vec![PARENT, ("tracestate", "no member")], "", "tracestate is invalid"),
        (vec![("tracestate", "a=1")], "", ""),
        (vec![("traceparent", "x"), ("tracestate", "a=1")], "", "traceparent is invalid"),
    ] {
        assert_eq!(carried(&fields), (state.to_owned(), note.to_owned()), "{fields:?}");
    }
}

#[test]
fn the_role_is_the_kind() {
    for (role, kind) in [(Role::Client, Kind::Client), (Role::Server, Kind::Server)] {
        let exchange = Exchange { role, ..exchange(200, Outcome::Complete) };
        assert_eq!(span(&call(), &exchange, ConnectionFacts::default()).kind, kind);
    }
}

#[test]
fn nothing_that_traffic_says_is_taken_at_any_length() {
    let huge = "stop ".repeat(1 << 20);
    let mut call = call();
    call.request_model = Some(huge.clone());
    call.response_id = Some(huge.clone());
    call.error_code = Some(huge.clone());
    call.subject = finished(vec![huge.clone(); 2]);
    call.extra.push(("openai.response.service_tier", string(&huge)));
    let span = span(&call, &exchange(200, Outcome::Complete), ConnectionFacts::default());
    let taken = span.name.len() + format!("{:?}", span.attributes).len();
    assert!(taken < 8 * attributes::TEXT_MAX_BYTES, "{taken}");
    call.subject = finished(vec!["stop".to_owned(); 1 << 16]);
    let span = self::span(&call, &exchange(200, Outcome::Complete), ConnectionFacts::default());
    let reasons = map(&span).remove("gen_ai.response.finish_reasons");
    assert_eq!(reasons.map(|reasons| reasons.as_strings().count()), Some(256));
}

#[test]
fn retries_are_counted_from_one() {
    for (header, expected) in
        [("0", None), ("2", Some(2)), (" 1 ", Some(1)), ("-1", None), ("x", None), ("", None)]
    {
        assert_eq!(attributes::resend_count(header), expected, "{header:?}");
    }
}

#[test]
fn the_table_names_each_attribute_once_and_says_what_is_content() {
    assert_eq!(TABLE.iter().map(|row| row.name).collect::<HashSet<_>>().len(), TABLE.len());
    let words = [
        "messages",
        "instructions",
        "definitions",
        "arguments",
        "call.result",
        "prompt",
        "completion",
        "documents",
        "query",
        "put.value",
        "error.message",
    ];
    for attributes::Attribute { name, is_content, .. } in TABLE {
        // Those count, measure and outline, or name what is kept elsewhere.
        let counts =
            ["db.vector.", "spanwire.", "gen_ai.prompt."].iter().any(|prefix| name.starts_with(prefix));
        assert_eq!(*is_content, !counts && words.iter().any(|word| name.contains(word)), "{name}");
        assert!(!crate::provider::declares_attribute(name), "{name} has two owners");
    }
}
