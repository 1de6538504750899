//! A span before redaction. Only `redact` can turn it into what exporters accept.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::call::Ticket;
use crate::discovery::process::Process;
use crate::value::Value;

/// A trace's id; never all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TraceId(pub [u8; 16]);

/// A span's id; never all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SpanId(pub [u8; 8]);

/// Attributes by name, in the order in which they were put on.
pub type Attributes = Vec<(Cow<'static, str>, Value)>;

/// Which side of what the span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Within the process: a step of an agent, a tool.
    Internal,
    /// A request that the process answered.
    Server,
    /// A request that the process made.
    Client,
    /// A message that was handed over.
    Producer,
    /// A message that was taken.
    Consumer,
}

/// How the operation ended. Success leaves the status unset, as the GenAI conventions ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Nothing went wrong that the wire shows.
    Unset,
    /// The traced program itself said that it went well.
    Ok,
    /// It failed; `error.type` says how.
    Error,
}

/// Something that happened at one moment of a span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub name: Cow<'static, str>,
    /// When.
    pub time: SystemTime,
    /// More about it.
    pub attributes: Attributes,
}

/// Another span that this one has to do with, though it is not its parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The other's trace.
    pub trace_id: TraceId,
    /// The other.
    pub span_id: SpanId,
    /// The other's trace state: see [`Span::trace_state`].
    pub trace_state: String,
    /// What the two have to do with one another.
    pub attributes: Attributes,
}

/// One operation in a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// Its parent, when one is known.
    pub parent: Option<SpanId>,
    /// The W3C trace flags as first received in this trace, reserved bits cleared; 3 (sampled, random trace id) for a trace
    /// that begins here.
    pub flags: u8,
    /// A header says so of its trace, and not the agent.
    #[serde(default)]
    pub flags_are_told: bool,
    /// The W3C trace state as received with a valid `traceparent`: at most 512 bytes, empty when there
    /// was none.
    pub trace_state: String,
    /// Which side it is.
    pub kind: Kind,
    /// `{operation} {model}`.
    pub name: String,
    /// When the request's first byte was sent.
    pub started: SystemTime,
    /// When the response's last byte was received.
    pub ended: SystemTime,
    /// Attributes by their names in the semantic conventions.
    pub attributes: Attributes,
    /// What happened meanwhile.
    pub events: Vec<Event>,
    /// Other spans that it has to do with.
    pub links: Vec<Link>,
    /// Success or failure.
    pub status: Status,
    /// Microseconds between one chunk of a streamed response and the next: for metrics, no attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunk_gaps_us: Vec<u32>,
    /// By what `redact` knows what was said, where that is wanted.
    #[serde(skip)]
    pub content: Option<Ticket>,
    /// The process that it was seen in.
    pub process: Arc<Process>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::value::tests::any_value;

    fn any_time() -> impl Strategy<Value = SystemTime> {
        (0..4_000_000_000_u64, 0..1_000_000_000_u32)
            .prop_map(|(seconds, nanoseconds)| SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds))
    }

    fn any_attributes() -> impl Strategy<Value = Attributes> {
        prop::collection::vec(("[a-z.]{1,12}".prop_map(Cow::Owned), any_value()), 0..4)
    }

    prop_compose! {
        fn any_event()(name in "[a-z]{1,8}", time in any_time(), attributes in any_attributes()) -> Event {
            Event { name: name.into(), time, attributes }
        }
    }

    prop_compose! {
        fn any_link()(
            ids: ([u8; 16], [u8; 8]), trace_state in "[a-z=]{0,9}", attributes in any_attributes()
        ) -> Link {
            Link { trace_id: TraceId(ids.0), span_id: SpanId(ids.1), trace_state, attributes }
        }
    }

    prop_compose! {
        fn any_process()(
            pid: u32, service_name in "\\PC{0,9}", value in any_value()
        ) -> Arc<Process> {
            Arc::new(Process { pid, service_name, attributes: vec![("host.name".to_owned(), value)], exports_spans: None, lineage: None })
        }
    }

    fn any_kind() -> impl Strategy<Value = Kind> {
        prop::sample::select(vec![Kind::Internal, Kind::Server, Kind::Client, Kind::Producer, Kind::Consumer])
    }

    prop_compose! {
        fn any_span()(
            ids: ([u8; 16], [u8; 8], Option<[u8; 8]>, u8),
            kind in any_kind(),
            status in prop::sample::select(vec![Status::Unset, Status::Ok, Status::Error]),
            texts in ("\\PC{0,9}", "[a-z=]{0,9}"),
            times in (any_time(), any_time()),
            attributes in any_attributes(),
            events in prop::collection::vec(any_event(), 0..3),
            links in prop::collection::vec(any_link(), 0..3),
            process in any_process(),
        ) -> Span {
            Span {
                trace_id: TraceId(ids.0),
                span_id: SpanId(ids.1),
                parent: ids.2.map(SpanId),
                flags: ids.3,
                flags_are_told: ids.3 & 4 != 0,
                trace_state: texts.1,
                kind,
                name: texts.0,
                started: times.0,
                ended: times.1,
                attributes,
                events,
                links,
                status,
                chunk_gaps_us: vec![7],
                content: None,
                process,
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read_back(span in any_span()) {
            let stored = serde_json::to_string(&span).unwrap_or_default();
            prop_assert_eq!(serde_json::from_str::<Span>(&stored).ok(), Some(span));
        }
    }
}
