#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bounds;
mod order;
mod trees;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::*;
use crate::correlate::attributes as names;
use crate::correlate::span::{Kind, Span, SpanId, Status, TraceId};
use crate::discovery::process::Process;
use crate::redact::Redactor;
use crate::value::Value;

/// A second.
const S: u64 = 1_000_000_000;

pub(super) fn process(service: &str) -> Arc<Process> {
    let (service_name, attributes) = (service.to_owned(), Vec::new());
    Arc::new(Process { pid: 1, service_name, attributes, exports_spans: None, lineage: None })
}

/// A span of trace 1 from one second to the next.
pub(super) fn span(id: u64, parent: u64, kind: Kind, service: &str) -> Span {
    let started = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    Span {
        trace_id: TraceId(1_u128.to_be_bytes()),
        span_id: SpanId(id.to_be_bytes()),
        parent: (parent != 0).then(|| SpanId(parent.to_be_bytes())),
        flags: 1,
        flags_are_told: false,
        trace_state: String::new(),
        kind,
        name: "chat".to_owned(),
        started,
        ended: started + Duration::from_secs(1),
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: Status::Unset,
        chunk_gaps_us: Vec::new(),
        content: None,
        process: process(service),
    }
}

pub(super) fn with(mut span: Span, name: &'static str, value: impl Into<Value>) -> Span {
    span.attributes.push((Cow::Borrowed(name), value.into()));
    span
}

/// A client span that used tokens: input and output, a cost, a response id.
pub(super) fn call(
    id: u64,
    parent: u64,
    tokens: (i64, i64),
    cost: Option<f64>,
    response: Option<&str>,
) -> Span {
    let mut span = with(span(id, parent, Kind::Client, "agent"), names::OPERATION_NAME, "chat");
    span = with(span, names::PROVIDER_NAME, "openai");
    span = with(span, names::USAGE_INPUT_TOKENS, Value::Int(tokens.0));
    span = with(span, names::USAGE_OUTPUT_TOKENS, Value::Int(tokens.1));
    if let Some(cost) = cost {
        span = with(span, names::COST_TOTAL, Value::Double(cost));
    }
    match response {
        Some(response) => with(span, names::RESPONSE_ID, response),
        None => span,
    }
}

/// Moves a span by some milliseconds, and gives it a duration.
pub(super) fn at(span: Span, start_ms: u64, duration_ms: u64) -> Span {
    let started = span.started + Duration::from_millis(start_ms);
    Span { started, ended: started + Duration::from_millis(duration_ms), ..span }
}

/// What one trace measures.
pub(super) fn measured(spans: &[Span]) -> Measures {
    let mut health = Health::default();
    let mut redactor = Redactor::default();
    for span in spans {
        health.record(&redactor.redact(span.clone()), 0, &mut |_| panic!("closed early"));
    }
    let mut all = Vec::new();
    health.tick(QUIET_NS - 1, &mut |_| panic!("too early"));
    health.tick(QUIET_NS, &mut |closed| all.push(closed.measures.clone()));
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// The counts of all services.
pub(super) fn counts(measures: &Measures) -> SpanCounts {
    let mut all = Summary::default();
    measures.shares.iter().for_each(|share| all.spans(&share.counts, Change::Add));
    all.counts
}
