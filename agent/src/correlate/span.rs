//! A span before redaction. Only `redact` can turn it into what exporters accept.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use crate::discovery::process::Process;
use crate::value::Value;

/// A trace's id; never all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

/// A span's id; never all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId(pub [u8; 8]);

/// How the operation ended. Success leaves the status unset, as the GenAI conventions ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing went wrong that the wire shows.
    Unset,
    /// It failed; `error.type` says how.
    Error,
}

/// One call as a span of kind CLIENT.
#[derive(Clone, Debug)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// Its parent, when one is known.
    pub parent: Option<SpanId>,
    /// The W3C trace flags as received, reserved bits cleared; 3 (sampled, random trace id) for a trace
    /// that begins here.
    pub flags: u8,
    /// `{operation} {model}`.
    pub name: String,
    /// When the request's first byte was sent.
    pub started: SystemTime,
    /// When the response's last byte was received.
    pub ended: SystemTime,
    /// Attributes by their names in the semantic conventions.
    pub attributes: Vec<(Cow<'static, str>, Value)>,
    /// Success or failure.
    pub status: Status,
    /// The process that made the call.
    pub process: Arc<Process>,
}
