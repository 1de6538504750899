//! Spans for the exporters' tests.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::correlate::span::{Event, Kind, Span, SpanId, Status, TraceId};
use crate::discovery::process::Process;
use crate::redact::{CONTENT_EVENT, Redacted, Redactor};
use crate::value::Value;

/// A process with one attribute.
pub(crate) fn process(pid: u32, service_name: &str) -> Arc<Process> {
    let attributes = vec![("process.pid".to_owned(), Value::Int(i64::from(pid)))];
    Arc::new(Process {
        pid,
        service_name: service_name.to_owned(),
        attributes,
        exports_spans: None,
        lineage: None,
    })
}

/// A successful, streamed chat call of 1.25 s that began at 12:34:56 UTC: a root span in trace 1.
pub(crate) fn span(id: u8, process: &Arc<Process>) -> Span {
    let started = SystemTime::UNIX_EPOCH + Duration::from_secs(20_000 * 86_400 + 45_296);
    Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([id; 8]),
        parent: None,
        flags: 1,
        flags_are_told: false,
        trace_state: String::new(),
        kind: Kind::Client,
        name: "chat gpt-4o".to_owned(),
        started,
        ended: started + Duration::from_millis(1250),
        attributes: vec![
            ("gen_ai.usage.input_tokens".into(), Value::Int(1234)),
            ("gen_ai.usage.output_tokens".into(), Value::Int(56)),
            ("gen_ai.usage.cache_read.input_tokens".into(), Value::Int(1024)),
            ("gen_ai.cost.total".into(), Value::Double(0.001_234)),
            ("gen_ai.response.finish_reasons".into(), Value::strings(["stop"])),
            ("gen_ai.response.time_to_first_chunk".into(), Value::Double(0.312)),
            ("server.address".into(), Value::String("api.example.com".to_owned())),
        ],
        events: Vec::new(),
        links: Vec::new(),
        status: Status::Unset,
        chunk_gaps_us: vec![20_000, 41_000],
        content: None,
        process: Arc::clone(process),
    }
}

/// A call that failed at once.
pub(super) fn failed(id: u8, process: &Arc<Process>) -> Span {
    let good = span(id, process);
    Span {
        ended: good.started + Duration::from_millis(87),
        attributes: vec![("error.type".into(), Value::String("rate_limit_exceeded".to_owned()))],
        status: Status::Error,
        ..good
    }
}

/// A redacted [`span`].
pub(super) fn redacted(id: u8, process: &Arc<Process>) -> Redacted<Span> {
    Redactor::default().redact(span(id, process))
}

/// A redacted [`span`] with an event that says what was said.
pub(super) fn with_content(id: u8, process: &Arc<Process>) -> Redacted<Span> {
    let mut span = span(id, process);
    // Words would not pass: only the thread that redacts content puts them there.
    let attributes = vec![("error.type".into(), "x".into())];
    span.events.push(Event { name: CONTENT_EVENT.into(), time: span.ended, attributes });
    Redactor::default().redact(span)
}
