//! Events of the audit as log records: calls to endpoints that are not approved, and connections that could not be read.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValueKind;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};

use super::encode::{attributes, nanoseconds};
use super::source::Unread;
use crate::correlate::attributes::{
    APPROVED, ENDPOINT_APPROVAL, ERROR_TYPE, OPERATION_NAME, PROVIDER_NAME, REQUEST_MODEL, RESPONSE_MODEL,
    SERVER_ADDRESS, SERVER_PORT, UNAPPROVED,
};
use crate::correlate::span::{Attributes, Kind, Span};
use crate::redact::Redacted;
use crate::value::Value;

/// A call to an endpoint that the operator's list does not have.
const UNAPPROVED_CALL: &str = "spanwire.audit.unapproved_call";
/// A connection to a known endpoint that could not be read.
const UNREAD_CONNECTION: &str = "spanwire.audit.unread_connection";

/// Bytes that it sent and received, TLS included, and seconds from its ClientHello to its end.
const BYTES_SENT: &str = "spanwire.connection.bytes_sent";
const BYTES_RECEIVED: &str = "spanwire.connection.bytes_received";
const DURATION: &str = "spanwire.connection.duration";

/// What of a call is in its event; the rest is in its span.
const OF_CALLS: [&str; 8] = [
    OPERATION_NAME,
    PROVIDER_NAME,
    REQUEST_MODEL,
    RESPONSE_MODEL,
    SERVER_ADDRESS,
    SERVER_PORT,
    ERROR_TYPE,
    ENDPOINT_APPROVAL,
];

/// Whether a span is a call to an endpoint that is not approved.
pub(super) fn is_unapproved(span: &Span) -> bool {
    let is = |(name, value): &(_, Value)| name == ENDPOINT_APPROVAL && value.as_str() == Some(UNAPPROVED);
    span.kind == Kind::Client && span.attributes.iter().any(is)
}

/// The event of such a call.
pub(super) fn of_call(redacted: &Redacted<Span>) -> LogRecord {
    let span = redacted.get();
    let stays = |(name, _): &&(_, _)| OF_CALLS.iter().any(|known| name == known);
    let of_call: Attributes = span.attributes.iter().filter(stays).cloned().collect();
    LogRecord {
        time_unix_nano: nanoseconds(span.started),
        observed_time_unix_nano: nanoseconds(span.ended),
        body: text("a call to an endpoint that is not approved"),
        attributes: attributes(&of_call),
        flags: u32::from(span.flags),
        trace_id: span.trace_id.0.to_vec(),
        span_id: span.span_id.0.to_vec(),
        event_name: UNAPPROVED_CALL.to_owned(),
        ..warning()
    }
}

/// The event of a connection that could not be read.
pub(super) fn of_connection(unread: &Unread) -> LogRecord {
    let unseen = unread.unseen.get();
    let [received, sent] = unseen.moved.map(|bytes| Value::Int(i64::try_from(bytes).unwrap_or(i64::MAX)));
    let lasted = Duration::from_nanos(unseen.lasted_ns);
    let began = unread.time.checked_sub(lasted).unwrap_or(unread.time);
    let mut of_connection: Attributes = vec![
        (SERVER_ADDRESS.into(), Value::String(unseen.server_name.clone())),
        (BYTES_SENT.into(), sent),
        (BYTES_RECEIVED.into(), received),
        (DURATION.into(), Value::Double(lasted.as_secs_f64())),
    ];
    let approval = unread.is_approved.map(|is| if is { APPROVED } else { UNAPPROVED });
    of_connection.extend(approval.map(|word| (ENDPOINT_APPROVAL.into(), word.into())));
    LogRecord {
        time_unix_nano: nanoseconds(began),
        observed_time_unix_nano: nanoseconds(unread.time),
        body: text("a connection to a known endpoint that could not be read"),
        attributes: attributes(&of_connection),
        event_name: UNREAD_CONNECTION.to_owned(),
        ..warning()
    }
}

fn warning() -> LogRecord {
    LogRecord {
        severity_number: SeverityNumber::Warn.into(),
        severity_text: "WARN".to_owned(),
        ..LogRecord::default()
    }
}

fn text(text: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(AnyValueKind::StringValue(text.to_owned())) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::*;
    use crate::correlate::Unseen;
    use crate::export::fixture;
    use crate::redact::Redactor;

    /// What a record says, with doubles and integers as text.
    fn said(record: &LogRecord) -> BTreeMap<&str, String> {
        let shown = |value: &AnyValueKind| match value {
            AnyValueKind::StringValue(text) => text.clone(),
            other => format!("{other:?}"),
        };
        let of = |pair: &opentelemetry_proto::tonic::common::v1::KeyValue| {
            pair.value.as_ref().and_then(|value| value.value.as_ref()).map(shown).unwrap_or_default()
        };
        record.attributes.iter().map(|pair| (pair.key.as_str(), of(pair))).collect()
    }

    #[test]
    fn a_call_that_is_not_approved_is_a_warning_of_its_span() {
        for (approval, kind, expected) in [
            (Some(UNAPPROVED), Kind::Client, true),
            (Some(APPROVED), Kind::Client, false),
            (None, Kind::Client, false),
            (Some(UNAPPROVED), Kind::Server, false),
        ] {
            let mut span = fixture::span(7, &fixture::process(1, "agent"));
            span.kind = kind;
            span.attributes.extend(approval.map(|word| (ENDPOINT_APPROVAL.into(), word.into())));
            assert_eq!(is_unapproved(&span), expected, "{approval:?} {kind:?}");
        }
        let mut span = fixture::span(7, &fixture::process(1, "agent"));
        span.attributes.push((REQUEST_MODEL.into(), "gpt-4o".into()));
        span.attributes.push((ENDPOINT_APPROVAL.into(), UNAPPROVED.into()));
        let record = of_call(&Redactor::default().redact(span));
        assert_eq!((record.severity_number, record.event_name.as_str()), (13, UNAPPROVED_CALL));
        assert_eq!((record.trace_id.as_slice(), record.span_id.as_slice()), (&[1; 16][..], &[7; 8][..]));
        assert!(record.time_unix_nano < record.observed_time_unix_nano);
        let expected =
            [(REQUEST_MODEL, "gpt-4o"), (SERVER_ADDRESS, "api.example.com"), (ENDPOINT_APPROVAL, UNAPPROVED)];
        assert_eq!(said(&record), expected.map(|(name, value)| (name, value.to_owned())).into());
    }

    #[test]
    fn a_connection_that_was_not_read_is_a_warning_of_no_span() {
        for (is_approved, expected) in
            [(None, None), (Some(false), Some(UNAPPROVED)), (Some(true), Some(APPROVED))]
        {
            let unseen = Unseen {
                process: fixture::process(1, "agent"),
                server_name: "api.openai.com".to_owned(),
                moved: [900, 100],
                lasted_ns: 2_500_000_000,
            };
            let unseen = Redactor::default().redact_unseen(unseen);
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
            let unread = Arc::new(Unread { unseen, is_approved, time });
            let record = of_connection(&unread);
            assert_eq!((record.severity_number, record.event_name.as_str()), (13, UNREAD_CONNECTION));
            assert!(record.trace_id.is_empty() && record.span_id.is_empty());
            assert_eq!(
                (record.time_unix_nano, record.observed_time_unix_nano),
                (7_500_000_000, 10_000_000_000)
            );
            let said = said(&record);
            assert_eq!(said.get(SERVER_ADDRESS).map(String::as_str), Some("api.openai.com"));
            assert_eq!(said.get(ENDPOINT_APPROVAL).map(String::as_str), expected);
            assert_eq!(said.get(BYTES_SENT).map(String::as_str), Some("IntValue(100)"));
            assert_eq!(said.get(BYTES_RECEIVED).map(String::as_str), Some("IntValue(900)"));
            assert_eq!(said.get(DURATION).map(String::as_str), Some("DoubleValue(2.5)"));
        }
    }
}
