//! Families of numbers: what monitoring systems tell apart by a label, under one name.
//!
//! A family's members exclude each other, so that their sum has a meaning.

/// Numbers that are alike but for one thing.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// In words that an underscore joins, the unit last where it is none of things.
    pub name: &'static str,
    /// What its members differ in.
    pub label: &'static str,
    /// What is counted.
    pub help: &'static str,
}

/// The member of a family that a counter is, if it is one.
macro_rules! member {
    () => {
        None
    };
    ($family:ident $value:literal) => {
        Some((&$family, $value))
    };
}
pub(super) use member;

macro_rules! families {
    ($($constant:ident: $name:literal by $label:literal: $help:literal,)*) => {
        $(pub(super) const $constant: Family = Family { name: $name, label: $label, help: $help };)*
    };
}

families! {
    CONNECTIONS_IGNORED: "connections_ignored" by "reason": "connections that are not followed any more",
    EXCHANGES: "exchanges" by "outcome": "exchanges with known endpoints that are over",
    UNNEEDED_BYTES: "unneeded_bytes" by "reason": "bytes that belong to no exchange of interest",
    CALLS_UNPRICED: "calls_unpriced" by "reason": "calls to vendors that have no cost",
    FINDINGS: "findings" by "class": "credentials and personal data found in contents",
    SPANS: "spans" by "result": "spans for the OTLP receiver that are delivered or dropped",
    LOGS: "logs" by "result": "log records for the OTLP receiver that are delivered or dropped",
    MONITORING_REQUESTS: "monitoring_requests" by "result": "requests for metrics or health",
    RING_DROPS: "ring_drops" by "record": "records dropped by the kernel because the ring buffer was full",
    TLS_UNREAD: "tls_unread" by "reason": "TLS connections that could not be read by their keys",
    GAP_BYTES: "gap_bytes" by "cause": "bytes of sockets that could not be captured or placed",
    QUEUE_SPANS: "queue_spans" by "queue": "spans that wait",
}
