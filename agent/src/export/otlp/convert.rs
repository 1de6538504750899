//! Our spans and processes in the words of the OpenTelemetry SDK.

use std::sync::Arc;

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::correlate::span::{self, Span};
use crate::discovery::process::Process;
use crate::redact::Redacted;
use crate::value;

/// The instrumentation scope of all spans.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION")).build()
}

/// One span, as the SDK's exporters take it.
pub(super) fn span_data(redacted: &Redacted<Span>, scope: &InstrumentationScope) -> SpanData {
    let span = redacted.get();
    let attributes =
        span.attributes.iter().map(|(name, value)| KeyValue::new(name.clone(), attribute(value))).collect();
    SpanData {
        span_context: SpanContext::new(
            TraceId::from_bytes(span.trace_id.0),
            SpanId::from_bytes(span.span_id.0),
            TraceFlags::new(span.flags),
            false,
            span.trace_state.parse().unwrap_or(TraceState::NONE),
        ),
        parent_span_id: span.parent.map_or(SpanId::INVALID, |parent| SpanId::from_bytes(parent.0)),
        parent_span_is_remote: false,
        span_kind: match span.kind {
            span::Kind::Internal => SpanKind::Internal,
            span::Kind::Server => SpanKind::Server,
            span::Kind::Client => SpanKind::Client,
            span::Kind::Producer => SpanKind::Producer,
            span::Kind::Consumer => SpanKind::Consumer,
        },
        name: span.name.clone().into(),
        start_time: span.started,
        end_time: span.ended,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: match span.status {
            span::Status::Unset => Status::Unset,
            span::Status::Ok => Status::Ok,
            // What went wrong is in `error.type`; a description could only repeat content.
            span::Status::Error => Status::error(""),
        },
        instrumentation_scope: scope.clone(),
    }
}

/// The resource of a traced process: its own attributes, and who observed it (`telemetry.*`).
pub(super) fn resource(process: &Process) -> Resource {
    let own = process.attributes.iter().map(|(name, value)| KeyValue::new(name.clone(), attribute(value)));
    Resource::builder_empty()
        .with_attributes(own)
        .with_attribute(KeyValue::new("service.name", process.service_name.clone()))
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attribute(KeyValue::new("telemetry.distro.name", env!("CARGO_PKG_NAME")))
        .with_attribute(KeyValue::new("telemetry.distro.version", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Spans by process, in the order in which each process first appears.
pub(super) fn by_process(
    batch: &[Redacted<Span>],
    scope: &InstrumentationScope,
) -> Vec<(Arc<Process>, Vec<SpanData>)> {
    let mut groups: Vec<(Arc<Process>, Vec<SpanData>)> = Vec::new();
    for redacted in batch {
        let process = &redacted.get().process;
        let data = span_data(redacted, scope);
        match groups.iter_mut().find(|(known, _)| Arc::ptr_eq(known, process) || known == process) {
            Some((_, spans)) => spans.push(data),
            None => groups.push((Arc::clone(process), vec![data])),
        }
    }
    groups
}

fn attribute(value: &value::Value) -> Value {
    match value {
        value::Value::String(text) => Value::String(text.clone().into()),
        value::Value::Int(number) => Value::I64(*number),
        value::Value::Double(number) => Value::F64(*number),
        value::Value::Bool(truth) => Value::Bool(*truth),
        list @ value::Value::Array(_) => {
            let texts = list.as_strings();
            Value::Array(Array::String(texts.map(|text| StringValue::from(text.to_owned())).collect()))
        }
        // None is made yet, and the SDK's values have neither.
        value::Value::Bytes(_) | value::Value::Map(_) => Value::String(StringValue::from("")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opentelemetry::Key;

    use super::*;
    use crate::correlate::span::SpanId as OurSpanId;
    use crate::export::fixture;
    use crate::redact::Redactor;

    #[test]
    fn a_span_keeps_its_identity_times_and_attributes() {
        let mut span = fixture::span(7, &fixture::process(1, "agent"));
        span.parent = Some(OurSpanId([9; 8]));
        span.attributes = vec![
            ("server.address".into(), value::Value::String("x".to_owned())),
            ("server.port".into(), value::Value::Int(-3)),
            ("gen_ai.request.temperature".into(), value::Value::Double(0.5)),
            ("gen_ai.request.stream".into(), value::Value::Bool(true)),
            ("gen_ai.response.finish_reasons".into(), value::Value::strings(["a", "b"])),
        ];
        let data = span_data(&Redactor::default().redact(span.clone()), &scope());
        assert_eq!(data.span_context.trace_id().to_bytes(), [1; 16]);
        assert_eq!(data.span_context.span_id().to_bytes(), [7; 8]);
        assert!(data.span_context.is_sampled());
        assert_eq!(data.parent_span_id.to_bytes(), [9; 8]);
        assert_eq!(data.span_kind, SpanKind::Client);
        assert_eq!(data.name, "chat gpt-4o");
        assert_eq!(data.start_time, span.started);
        assert_eq!(data.end_time.duration_since(data.start_time).ok(), Some(Duration::from_millis(1250)));
        assert_eq!(data.status, Status::Unset);
        let list = Value::Array(Array::String(vec!["a".into(), "b".into()]));
        assert_eq!(
            data.attributes,
            [
                KeyValue::new("server.address", "x"),
                KeyValue::new("server.port", -3),
                KeyValue::new("gen_ai.request.temperature", 0.5),
                KeyValue::new("gen_ai.request.stream", true),
                KeyValue::new("gen_ai.response.finish_reasons", list),
            ]
        );
        assert_eq!(data.instrumentation_scope.name(), "spanwire");
        assert_eq!(data.instrumentation_scope.version(), Some(env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn a_root_has_no_parent_and_a_failure_an_error_status() {
        let data = span_data(
            &Redactor::default().redact(fixture::failed(1, &fixture::process(1, "agent"))),
            &scope(),
        );
        assert_eq!(data.parent_span_id, SpanId::INVALID);
        assert_eq!(data.status, Status::error(""));
    }

    #[test]
    fn flags_pass_as_received() {
        let mut span = fixture::span(1, &fixture::process(1, "agent"));
        span.flags = 0;
        assert!(!span_data(&Redactor::default().redact(span), &scope()).span_context.is_sampled());
    }

    #[test]
    fn a_resource_is_the_processs_and_says_who_observed_it() {
        let resource = resource(&fixture::process(42, "agent"));
        let get = |name| resource.get(&Key::from_static_str(name)).map(|value| value.to_string());
        assert_eq!(get("service.name").as_deref(), Some("agent"));
        assert_eq!(get("process.pid").as_deref(), Some("42"));
        assert_eq!(get("telemetry.sdk.name").as_deref(), Some("opentelemetry"));
        assert_eq!(get("telemetry.sdk.language").as_deref(), Some("rust"));
        assert_eq!(get("telemetry.distro.name").as_deref(), Some("spanwire"));
    }

    #[test]
    fn a_process_cannot_pose_as_another_service() {
        let mut process = (*fixture::process(42, "agent")).clone();
        process.attributes.push(("service.name".to_owned(), value::Value::String("other".to_owned())));
        let name =
            resource(&process).get(&Key::from_static_str("service.name")).map(|value| value.to_string());
        assert_eq!(name.as_deref(), Some("agent"));
    }

    #[test]
    fn a_batch_is_grouped_by_process() {
        let (one, two) = (fixture::process(1, "one"), fixture::process(2, "two"));
        let same_as_one = fixture::process(1, "one");
        let batch =
            [(1, &one), (2, &two), (3, &same_as_one)].map(|(id, process)| fixture::redacted(id, process));
        let groups = by_process(&batch, &scope());
        let shape: Vec<_> = groups
            .iter()
            .map(|(process, spans)| {
                let ids: Vec<_> =
                    spans.iter().map(|span| span.span_context.span_id().to_bytes()[0]).collect();
                (process.pid, ids)
            })
            .collect();
        assert_eq!(shape, [(1, vec![1, 3]), (2, vec![2])]);
    }
}
