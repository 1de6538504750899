//! Our spans and processes as OTLP messages.

use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValueKind;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{self as otlp, SpanFlags};
use opentelemetry_sdk::resource::{ResourceDetector as _, TelemetryResourceDetector};

use super::item::Content;
use crate::correlate::span::{Kind, Span, Status};
use crate::discovery::process::Process;
use crate::redact::{CONTENT_EVENT, Redacted};
use crate::value::Value;

/// The instrumentation scope of all spans.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

/// What was said, as a log record ("Events" of the logs data model), if a span has an event of it.
pub(super) fn log_record(redacted: &Redacted<Span>) -> Option<LogRecord> {
    let span = redacted.get();
    let event = span.events.iter().find(|event| event.name == CONTENT_EVENT)?;
    Some(LogRecord {
        time_unix_nano: nanoseconds(event.time),
        observed_time_unix_nano: nanoseconds(event.time),
        severity_number: SeverityNumber::Info.into(),
        attributes: attributes(&event.attributes),
        flags: u32::from(span.flags),
        trace_id: span.trace_id.0.to_vec(),
        span_id: span.span_id.0.to_vec(),
        event_name: event.name.clone().into_owned(),
        ..LogRecord::default()
    })
}

/// One span, without the event that goes as a log record, if it does.
pub(super) fn span(redacted: &Redacted<Span>, content: Content) -> otlp::Span {
    let span = redacted.get();
    let stays =
        |event: &&crate::correlate::span::Event| content == Content::Events || event.name != CONTENT_EVENT;
    let event = |event: &crate::correlate::span::Event| Event {
        time_unix_nano: nanoseconds(event.time),
        name: event.name.clone().into_owned(),
        attributes: attributes(&event.attributes),
        dropped_attributes_count: 0,
    };
    let link = |link: &crate::correlate::span::Link| Link {
        trace_id: link.trace_id.0.to_vec(),
        span_id: link.span_id.0.to_vec(),
        trace_state: link.trace_state.clone(),
        attributes: attributes(&link.attributes),
        dropped_attributes_count: 0,
        flags: 0,
    };
    otlp::Span {
        trace_id: span.trace_id.0.to_vec(),
        span_id: span.span_id.0.to_vec(),
        trace_state: span.trace_state.clone(),
        parent_span_id: span.parent.map(|parent| parent.0.to_vec()).unwrap_or_default(),
        // The mask says that it is known that the parent, if any, is of this process.
        flags: u32::from(span.flags) | SpanFlags::ContextHasIsRemoteMask as u32,
        name: span.name.clone(),
        kind: match span.kind {
            Kind::Internal => SpanKind::Internal,
            Kind::Server => SpanKind::Server,
            Kind::Client => SpanKind::Client,
            Kind::Producer => SpanKind::Producer,
            Kind::Consumer => SpanKind::Consumer,
        }
        .into(),
        start_time_unix_nano: nanoseconds(span.started),
        end_time_unix_nano: nanoseconds(span.ended),
        attributes: attributes(&span.attributes),
        dropped_attributes_count: 0,
        events: span.events.iter().filter(stays).map(event).collect(),
        dropped_events_count: 0,
        links: span.links.iter().map(link).collect(),
        dropped_links_count: 0,
        status: Some(otlp::Status {
            // What went wrong is in `error.type`; a description could only repeat content.
            message: String::new(),
            code: match span.status {
                Status::Unset => StatusCode::Unset,
                Status::Ok => StatusCode::Ok,
                Status::Error => StatusCode::Error,
            }
            .into(),
        }),
    }
}

/// The resource of a traced process: its own attributes, and who observed it (`telemetry.*`). Of two
/// attributes of one name the later holds.
pub(super) fn resource(process: &Process) -> Resource {
    let own = process.attributes.iter().map(|(name, value)| pair(name, value));
    let observer = TelemetryResourceDetector.detect();
    let mut observer: Vec<_> =
        observer.iter().map(|(name, value)| pair(name.as_str(), &value.to_string().into())).collect();
    // The SDK has them in no order.
    observer.sort_by(|one, other| one.key.cmp(&other.key));
    let named = [
        ("service.name", process.service_name.as_str()),
        ("telemetry.distro.name", env!("CARGO_PKG_NAME")),
        ("telemetry.distro.version", env!("CARGO_PKG_VERSION")),
    ];
    let named = named.map(|(name, value)| pair(name, &value.into()));
    let mut attributes: Vec<KeyValue> = Vec::new();
    for attribute in own.chain(observer).chain(named) {
        match attributes.iter_mut().find(|known| known.key == attribute.key) {
            Some(known) => *known = attribute,
            None => attributes.push(attribute),
        }
    }
    Resource { attributes, ..Resource::default() }
}

pub(super) fn attributes(attributes: &crate::correlate::span::Attributes) -> Vec<KeyValue> {
    attributes.iter().map(|(name, value)| pair(name, value)).collect()
}

fn pair(name: &str, value: &Value) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(any_value(value)), ..KeyValue::default() }
}

/// Recursion is bounded: what `redact` lets pass is a few levels deep.
fn any_value(value: &Value) -> AnyValue {
    let kind = match value {
        Value::Null => return AnyValue::default(),
        Value::Bool(truth) => AnyValueKind::BoolValue(*truth),
        Value::Int(number) => AnyValueKind::IntValue(*number),
        Value::Double(number) => AnyValueKind::DoubleValue(*number),
        Value::String(text) => AnyValueKind::StringValue(text.clone()),
        Value::Bytes(bytes) => AnyValueKind::BytesValue(bytes.clone()),
        Value::Array(values) => {
            AnyValueKind::ArrayValue(ArrayValue { values: values.iter().map(any_value).collect() })
        }
        Value::Map(entries) => AnyValueKind::KvlistValue(KeyValueList {
            values: entries.iter().map(|(name, value)| pair(name, value)).collect(),
        }),
    };
    AnyValue { value: Some(kind) }
}

/// Nanoseconds since the epoch; 0 before it.
pub(super) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::correlate::span::{self, SpanId, TraceId};
    use crate::export::fixture;
    use crate::redact::Redactor;

    fn encoded(span: Span) -> otlp::Span {
        super::span(&Redactor::default().redact(span), Content::Events)
    }

    #[test]
    fn a_span_keeps_what_it_says() {
        let mut ours = fixture::span(7, &fixture::process(1, "agent"));
        ours.parent = Some(SpanId([9; 8]));
        ours.trace_state = "a=1".to_owned();
        ours.flags = 3;
        ours.kind = Kind::Server;
        ours.attributes = vec![
            ("server.address".into(), "x".into()),
            ("server.port".into(), Value::Int(-3)),
            ("gen_ai.request.temperature".into(), Value::Double(0.5)),
            ("gen_ai.request.stream".into(), Value::Bool(true)),
            ("gen_ai.response.finish_reasons".into(), Value::strings(["a", "b"])),
        ];
        let inner: span::Attributes = vec![("error.type".into(), "y".into())];
        let time = ours.started + Duration::from_nanos(5);
        ours.events = vec![span::Event { name: "retry".into(), time, attributes: inner.clone() }];
        ours.links = vec![span::Link {
            trace_id: TraceId([3; 16]),
            span_id: SpanId([4; 8]),
            trace_state: "b=2".to_owned(),
            attributes: inner,
        }];
        let began = nanoseconds(ours.started);
        let span = encoded(ours);
        assert_eq!(span.trace_id, [1; 16]);
        assert_eq!(span.span_id, [7; 8]);
        assert_eq!(span.parent_span_id, [9; 8]);
        assert_eq!((span.trace_state.as_str(), span.flags), ("a=1", 0x103));
        assert_eq!((span.name.as_str(), span.kind()), ("chat gpt-4o", SpanKind::Server));
        assert_eq!(span.start_time_unix_nano, began);
        assert_eq!(span.end_time_unix_nano - began, 1_250_000_000);
        assert_eq!(span.status.map(|status| status.code()), Some(StatusCode::Unset));
        let list = AnyValueKind::ArrayValue(ArrayValue {
            values: ["a", "b"].map(|text| any_value(&text.into())).into(),
        });
        let expected = [
            ("server.address", AnyValueKind::StringValue("x".to_owned())),
            ("server.port", AnyValueKind::IntValue(-3)),
            ("gen_ai.request.temperature", AnyValueKind::DoubleValue(0.5)),
            ("gen_ai.request.stream", AnyValueKind::BoolValue(true)),
            ("gen_ai.response.finish_reasons", list),
        ]
        .map(|(key, kind)| KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(kind) }),
            ..KeyValue::default()
        });
        assert_eq!(span.attributes, expected);
        let error = pair("error.type", &"y".into());
        assert_eq!(
            span.events,
            [Event {
                time_unix_nano: began + 5,
                name: "retry".to_owned(),
                attributes: vec![error.clone()],
                ..Event::default()
            }]
        );
        assert_eq!(
            span.links,
            [Link {
                trace_id: vec![3; 16],
                span_id: vec![4; 8],
                trace_state: "b=2".to_owned(),
                attributes: vec![error],
                ..Link::default()
            }]
        );
    }

    #[test]
    fn what_was_said_is_an_event_or_a_log_record_of_the_span() {
        let process = fixture::process(1, "agent");
        let redacted = fixture::with_content(7, &process);
        let event = super::span(&redacted, Content::Events).events.pop();
        assert!(super::span(&redacted, Content::Logs).events.is_empty());
        let record = log_record(&redacted);
        let said = pair("error.type", &"x".into());
        assert_eq!(
            record,
            Some(LogRecord {
                time_unix_nano: nanoseconds(redacted.get().ended),
                observed_time_unix_nano: nanoseconds(redacted.get().ended),
                severity_number: 9,
                attributes: vec![said],
                flags: 1,
                trace_id: vec![1; 16],
                span_id: vec![7; 8],
                event_name: CONTENT_EVENT.to_owned(),
                ..LogRecord::default()
            })
        );
        assert_eq!(event.map(|event| event.attributes), record.map(|record| record.attributes));
        assert_eq!(log_record(&fixture::redacted(7, &process)), None);
    }

    #[test]
    fn every_value_has_its_like() {
        let value = Value::Map(vec![
            ("bytes".to_owned(), Value::Bytes(vec![0xff])),
            ("list".to_owned(), Value::Array(vec![Value::Bool(false)])),
        ]);
        let AnyValue { value: Some(AnyValueKind::KvlistValue(map)) } = any_value(&value) else { return };
        let kinds: Vec<_> = map.values.into_iter().filter_map(|pair| pair.value?.value).collect();
        let list = ArrayValue { values: vec![AnyValue { value: Some(AnyValueKind::BoolValue(false)) }] };
        assert_eq!(kinds, [AnyValueKind::BytesValue(vec![0xff]), AnyValueKind::ArrayValue(list)]);
    }

    #[test]
    fn a_root_has_no_parent_and_a_failure_an_error_status() {
        let span = encoded(fixture::failed(1, &fixture::process(1, "agent")));
        assert!(span.parent_span_id.is_empty());
        assert_eq!(span.kind(), SpanKind::Client);
        assert_eq!(span.status.map(|status| status.code()), Some(StatusCode::Error));
    }

    #[test]
    fn a_resource_is_the_processs_and_says_who_observed_it() {
        let mut process = (*fixture::process(42, "agent")).clone();
        process.attributes.push(("service.name".to_owned(), "a process cannot pose as another".into()));
        let resource = resource(&process);
        let get = |name: &str| {
            let mut found = resource.attributes.iter().filter(|pair| pair.key == name);
            let value = found.next().and_then(|pair| pair.value.clone()?.value);
            assert!(found.next().is_none(), "{name} twice");
            value
        };
        let text = |text: &str| Some(AnyValueKind::StringValue(text.to_owned()));
        assert_eq!(get("service.name"), text("agent"));
        assert_eq!(get("process.pid"), Some(AnyValueKind::IntValue(42)));
        assert_eq!(get("telemetry.sdk.name"), text("opentelemetry"));
        assert_eq!(get("telemetry.sdk.language"), text("rust"));
        assert_eq!(get("telemetry.distro.name"), text("spanwire"));
        assert!(get("telemetry.sdk.version").is_some() && get("telemetry.distro.version").is_some());
    }
}
