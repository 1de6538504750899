//! What requests are made of: spans, or log records of their events and of the audit's.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as OtlpSpan};

use super::source::Source;
use super::transport::Request;
use super::{encode, warning};
use crate::telemetry::{Counter, Counters};

/// What became of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Taken,
    /// They found the queue full.
    QueueFull,
    /// The receiver would not have them.
    Rejected,
    /// The receiver was away for too long.
    Expired,
    /// The agent stopped.
    Shutdown,
    /// They were the oldest when the queue on disk was full.
    DiskFull,
    /// They could not be read from the queue on disk.
    DiskLost,
}

/// Something of a source that is sent by itself, with others of its kind.
pub(super) trait Item: prost::Message + Clone + 'static {
    /// What carries it.
    type Request: Request;
    /// For the log: such things.
    const PLURAL: &'static str;

    /// That of a source, if it has one.
    fn of(source: &Source, content: Content) -> Option<Self>;

    /// A request with these, by resource.
    fn request(groups: Vec<(Resource, Vec<Self>)>) -> Self::Request;

    /// What such a request holds, by resource.
    fn groups(request: Self::Request) -> Vec<(Resource, Vec<Self>)>;

    /// Where it is counted what became of such items.
    fn counter(counters: &Counters, outcome: Outcome) -> &Counter;
}

/// Where events with content go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Content {
    /// With their span.
    #[default]
    Events,
    /// As log records of their own.
    Logs,
}

impl Item for OtlpSpan {
    type Request = ExportTraceServiceRequest;
    const PLURAL: &'static str = "spans";

    fn of(source: &Source, content: Content) -> Option<Self> {
        match source {
            Source::Span(span) => Some(encode::span(span, content)),
            Source::Unapproved(_) | Source::Unread(_) => None,
        }
    }

    fn request(groups: Vec<(Resource, Vec<Self>)>) -> Self::Request {
        let group = |(resource, spans)| ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans { scope: Some(encode::scope()), spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        };
        ExportTraceServiceRequest { resource_spans: groups.into_iter().map(group).collect() }
    }

    fn groups(request: Self::Request) -> Vec<(Resource, Vec<Self>)> {
        let spans = |scopes: Vec<ScopeSpans>| scopes.into_iter().flat_map(|scope| scope.spans).collect();
        let group = |group: ResourceSpans| (group.resource.unwrap_or_default(), spans(group.scope_spans));
        request.resource_spans.into_iter().map(group).collect()
    }

    fn counter(counters: &Counters, outcome: Outcome) -> &Counter {
        match outcome {
            Outcome::Taken => &counters.spans_exported,
            Outcome::QueueFull => &counters.spans_dropped_queue_full,
            Outcome::Rejected => &counters.spans_dropped_rejected,
            Outcome::Expired => &counters.spans_dropped_expired,
            Outcome::Shutdown => &counters.spans_dropped_shutdown,
            Outcome::DiskFull => &counters.spans_dropped_disk_full,
            Outcome::DiskLost => &counters.spans_dropped_disk_damaged,
        }
    }
}

impl Item for LogRecord {
    type Request = ExportLogsServiceRequest;
    const PLURAL: &'static str = "log records";

    fn of(source: &Source, _: Content) -> Option<Self> {
        match source {
            Source::Span(span) => encode::log_record(span),
            Source::Unapproved(span) => Some(warning::of_call(span)),
            Source::Unread(unread) => Some(warning::of_connection(unread)),
        }
    }

    fn request(groups: Vec<(Resource, Vec<Self>)>) -> Self::Request {
        let group = |(resource, log_records)| ResourceLogs {
            resource: Some(resource),
            scope_logs: vec![ScopeLogs { scope: Some(encode::scope()), log_records, ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        };
        ExportLogsServiceRequest { resource_logs: groups.into_iter().map(group).collect() }
    }

    fn groups(request: Self::Request) -> Vec<(Resource, Vec<Self>)> {
        let records =
            |scopes: Vec<ScopeLogs>| scopes.into_iter().flat_map(|scope| scope.log_records).collect();
        let group = |group: ResourceLogs| (group.resource.unwrap_or_default(), records(group.scope_logs));
        request.resource_logs.into_iter().map(group).collect()
    }

    fn counter(counters: &Counters, outcome: Outcome) -> &Counter {
        match outcome {
            Outcome::Taken => &counters.logs_exported,
            Outcome::QueueFull => &counters.logs_dropped_queue_full,
            Outcome::Rejected => &counters.logs_dropped_rejected,
            Outcome::Expired => &counters.logs_dropped_expired,
            Outcome::Shutdown => &counters.logs_dropped_shutdown,
            Outcome::DiskFull => &counters.logs_dropped_disk_full,
            Outcome::DiskLost => &counters.logs_dropped_disk_damaged,
        }
    }
}
