//! OTLP/HTTP with JSON ("JSON Protobuf Encoding").

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1 as metrics;
use serde_json::{Value as Json, json};

use super::*;
use crate::correlate::span::{self, Event, Link, SpanId, TraceId};
use crate::redact::Redactor;
use crate::value::Value;

const JSON: OtlpProtocol = OtlpProtocol::HttpJson;

/// What of this arrives.
async fn arrived<R: crate::export::otlp::transport::Request>(request: R) -> (String, Json) {
    let (endpoint, got) = http_server("200 OK", b"{}");
    let client = Client::new(&Otlp::new(endpoint, JSON)).unwrap();
    assert_eq!(client.send(request).await, Ok(Taken::default()));
    let Got(head, body) = got.recv().unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn spans_are_as_the_specification_has_them() {
    let mut span = fixture::span(0xab, &fixture::process(7, "agent"));
    span.parent = Some(SpanId([0x0c; 8]));
    span.status = span::Status::Error;
    span.attributes = vec![
        ("gen_ai.usage.input_tokens".into(), Value::Int(i64::MAX)),
        ("gen_ai.cost.total".into(), Value::Double(0.5)),
        ("gen_ai.request.stream".into(), Value::Bool(true)),
        ("gen_ai.response.finish_reasons".into(), Value::strings(["stop"])),
    ];
    let error: span::Attributes = vec![("error.type".into(), "x".into())];
    span.events = vec![Event { name: "retry".into(), time: span.started, attributes: error.clone() }];
    let (trace_id, span_id) = (TraceId([0x1f; 16]), SpanId([0xe0; 8]));
    span.links = vec![Link { trace_id, span_id, trace_state: "a=1".to_owned(), attributes: error }];
    let mut filling = Filling::<OtlpSpan>::new(Content::Events);
    filling.push(&Redactor::default().redact(span).into());
    let (head, body) = arrived(filling.finish().request()).await;
    assert!(head.contains("content-type: application/json"), "{head}");
    let group = &body["resourceSpans"][0];
    let attributes = group["resource"]["attributes"].as_array().unwrap();
    assert!(
        attributes.contains(&json!({"key": "process.pid", "value": {"intValue": "7"}})),
        "{attributes:?}"
    );
    assert_eq!(group["scopeSpans"][0]["scope"]["name"], "spanwire");
    let mut span = group["scopeSpans"][0]["spans"][0].clone();
    let error = json!([{"key": "error.type", "value": {"stringValue": "x"}}]);
    // Zeros and empty text may stand or not.
    let drop_defaults = |value: &mut Json| {
        value
            .as_object_mut()
            .unwrap()
            .retain(|_, value| *value != json!(0) && *value != json!("") && *value != json!([]));
    };
    drop_defaults(&mut span);
    for part in ["events", "links"] {
        drop_defaults(&mut span[part][0]);
    }
    drop_defaults(&mut span["status"]);
    assert_eq!(
        span,
        json!({
            "traceId": "01010101010101010101010101010101",
            "spanId": "abababababababab",
            "parentSpanId": "0c0c0c0c0c0c0c0c",
            "flags": 0x101,
            "name": "chat gpt-4o",
            "kind": 3,
            "startTimeUnixNano": "1728045296000000000",
            "endTimeUnixNano": "1728045297250000000",
            "attributes": [
                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "9223372036854775807"}},
                {"key": "gen_ai.cost.total", "value": {"doubleValue": 0.5}},
                {"key": "gen_ai.request.stream", "value": {"boolValue": true}},
                {"key": "gen_ai.response.finish_reasons",
                 "value": {"arrayValue": {"values": [{"stringValue": "stop"}]}}},
            ],
            "events": [{"timeUnixNano": "1728045296000000000", "name": "retry", "attributes": error}],
            "links": [{
                "traceId": "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f",
                "spanId": "e0e0e0e0e0e0e0e0",
                "traceState": "a=1",
                "attributes": error,
            }],
            "status": {"code": 2},
        })
    );
}

#[tokio::test]
async fn metrics_are_too() {
    let points = vec![metrics::NumberDataPoint {
        start_time_unix_nano: 1,
        time_unix_nano: u64::MAX,
        value: Some(metrics::number_data_point::Value::AsInt(-5)),
        ..metrics::NumberDataPoint::default()
    }];
    let sum = metrics::Sum { data_points: points, aggregation_temporality: 2, is_monotonic: true };
    let points = vec![metrics::HistogramDataPoint {
        count: 3,
        sum: Some(1.5),
        bucket_counts: vec![1, 2],
        explicit_bounds: vec![0.5],
        ..metrics::HistogramDataPoint::default()
    }];
    let histogram = metrics::Histogram { data_points: points, aggregation_temporality: 1 };
    let metric = |name: &str, data| metrics::Metric {
        name: name.to_owned(),
        data: Some(data),
        ..metrics::Metric::default()
    };
    let metrics_of_scope = vec![
        metric("a", metrics::metric::Data::Sum(sum)),
        metric("b", metrics::metric::Data::Histogram(histogram)),
    ];
    let scope = metrics::ScopeMetrics { metrics: metrics_of_scope, ..metrics::ScopeMetrics::default() };
    let resource =
        metrics::ResourceMetrics { scope_metrics: vec![scope], ..metrics::ResourceMetrics::default() };
    let (_, body) = arrived(ExportMetricsServiceRequest { resource_metrics: vec![resource] }).await;
    let metrics = &body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    let sum = &metrics[0]["sum"];
    assert_eq!((&sum["aggregationTemporality"], &sum["isMonotonic"]), (&json!(2), &json!(true)));
    let point = &sum["dataPoints"][0];
    assert_eq!(point["startTimeUnixNano"], "1");
    assert_eq!((&point["timeUnixNano"], &point["asInt"]), (&json!("18446744073709551615"), &json!("-5")));
    let point = &metrics[1]["histogram"]["dataPoints"][0];
    assert_eq!((&point["count"], &point["sum"]), (&json!("3"), &json!(1.5)));
    assert_eq!((&point["bucketCounts"], &point["explicitBounds"]), (&json!(["1", "2"]), &json!([0.5])));
}

#[tokio::test]
async fn log_records_are_too() {
    let mut filling = Filling::<LogRecord>::new(Content::Logs);
    filling.push(&fixture::with_content(0xab, &fixture::process(7, "agent")).into());
    let (_, body) = arrived(filling.finish().request()).await;
    let record = &body["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(record["eventName"], "gen_ai.client.inference.operation.details");
    assert_eq!((&record["traceId"], &record["spanId"]), (&json!("01".repeat(16)), &json!("ab".repeat(8))));
    assert_eq!(
        (&record["timeUnixNano"], &record["severityNumber"]),
        (&json!("1728045297250000000"), &json!(9))
    );
    let said = json!([{"key": "error.type", "value": {"stringValue": "x"}}]);
    assert_eq!(record["attributes"], said);
}

#[tokio::test]
async fn answers_are_read_as_what_they_are() {
    let taken = |rejected, message: &str| Ok(Taken { rejected, message: message.to_owned() });
    let json = "200 OK\r\nContent-Type: application/json; charset=utf-8";
    for (protocol, answer, body, expected) in [
        (
            JSON,
            "200 OK",
            r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#,
            taken(3, "too old"),
        ),
        (JSON, "200 OK", r#"{"partialSuccess":{"rejectedSpans":3,"new":[]},"newer":1}"#, taken(3, "")),
        (JSON, "200 OK", r#"{"partialSuccess":{"rejectedSpans":"-3","errorMessage":null}}"#, taken(0, "")),
        (JSON, "200 OK", r#"{"partialSuccess":null}"#, taken(0, "")),
        (JSON, "200 OK", r#"{"partialSuccess":{"rejectedSpans":"3x"}}"#, taken(0, "")),
        (JSON, "200 OK", r#"{"partialSuccess":[]}"#, taken(0, "")),
        (JSON, "200 OK", "", taken(0, "")),
        (JSON, "200 OK", "\u{fffd}{", taken(0, "")),
        (HTTP, json, r#"{"partialSuccess":{"errorMessage":"deprecated"}}"#, taken(0, "deprecated")),
        (
            JSON,
            "400 Bad Request",
            r#"{"code":3,"message":"no\nid"}"#,
            Err(Failure::Invalid("HTTP status 400: no id".to_owned())),
        ),
        (
            HTTP,
            "400 Bad Request",
            "\x08\x03\x12\x05no id",
            Err(Failure::Invalid("HTTP status 400: no id".to_owned())),
        ),
        (HTTP, "400 Bad Request", "<html>no id</html>", Err(Failure::Invalid("HTTP status 400".to_owned()))),
    ] {
        let (endpoint, _got) = http_server(answer, body.as_bytes());
        assert_eq!(attempt(endpoint, protocol).await, expected, "{body}");
    }
}
