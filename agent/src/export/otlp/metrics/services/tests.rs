//! What is sent of each service.

use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};

use super::*;
use crate::correlate::span::SpanId;
use crate::export::fixture;
use crate::health::Health;
use crate::redact::Redactor;

/// Name, attributes, count and sum of all data points, in order.
fn points(metrics: &[ResourceMetrics]) -> Vec<(String, String, u64, f64)> {
    let mut found = Vec::new();
    for metric in metrics.iter().flat_map(ResourceMetrics::scope_metrics).flat_map(|scope| scope.metrics()) {
        let name = metric.name().to_owned();
        let mut add = |attributes: String, count, sum| found.push((name.clone(), attributes, count, sum));
        match metric.data() {
            AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
                .data_points()
                .for_each(|point| add(said(point.attributes()), point.count(), point.sum())),
            #[expect(clippy::cast_precision_loss, reason = "small counts")]
            AggregatedMetrics::U64(MetricData::Histogram(histogram)) => histogram
                .data_points()
                .for_each(|point| add(said(point.attributes()), point.count(), point.sum() as f64)),
            AggregatedMetrics::I64(MetricData::Sum(sum)) => {
                sum.data_points().for_each(|point| add(said(point.attributes()), 1, point.value() as f64))
            }
            AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                sum.data_points().for_each(|point| add(said(point.attributes()), 1, point.value() as f64))
            }
            _ => {}
        }
    }
    found.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
    found
}

fn said<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut pairs: Vec<_> = attributes.map(|pair| format!("{}={}", pair.key, pair.value)).collect();
    pairs.sort();
    pairs.join(" ")
}

#[test]
fn calls_become_the_conventions_histograms() {
    let services = Services::new(Temporality::Cumulative, &Arc::default());
    let mut span = fixture::span(1, &fixture::process(1, "agent"));
    span.attributes.push((names::OPERATION_NAME.into(), "chat".into()));
    services.record(&span);
    span.attributes.push((names::ERROR_TYPE.into(), "429".into()));
    span.attributes.retain(|(name, _)| !name.starts_with("gen_ai.usage."));
    services.record(&span);
    span.kind = Kind::Server;
    services.record(&span);
    let call = "gen_ai.operation.name=chat server.address=api.example.com";
    let failed = format!("error.type=429 {call}");
    let token = |kind: &str| {
        format!("gen_ai.operation.name=chat gen_ai.token.type={kind} server.address=api.example.com")
    };
    let rounded = points(&services.collect())
        .into_iter()
        .map(|(name, said, count, sum)| (name, said, count, (sum * 1000.0).round()));
    let expected = [
        ("gen_ai.client.operation.duration", failed.as_str(), 1, 1250.0),
        ("gen_ai.client.operation.duration", call, 1, 1250.0),
        ("gen_ai.client.operation.time_per_output_chunk", call, 4, 122.0),
        ("gen_ai.client.operation.time_to_first_chunk", call, 2, 624.0),
        ("gen_ai.client.token.usage", &token("input"), 1, 1_234_000.0),
        ("gen_ai.client.token.usage", &token("output"), 1, 56_000.0),
    ];
    let expected = expected.map(|(name, said, count, sum)| (name.to_owned(), said.to_owned(), count, sum));
    assert_eq!(rounded.collect::<Vec<_>>(), expected);
}

#[test]
fn a_service_is_one_resource_whatever_its_processes_and_their_number_is_bounded() {
    let counters = Arc::new(Counters::default());
    let services = Services::new(Temporality::Cumulative, &counters);
    for pid in 1..=3 {
        services.record(&fixture::span(1, &fixture::process(pid, "agent")));
    }
    assert_eq!(services.collect().len(), 1);
    for number in 0..SERVICES_MAX {
        services.record(&fixture::span(1, &fixture::process(1, &format!("service-{number}"))));
    }
    assert_eq!(services.collect().len(), SERVICES_MAX);
    assert_eq!(counters.metrics_dropped_services.get(), 1);
    let mut late = fixture::span(1, &fixture::process(1, "late"));
    late.ended += IDLE;
    services.record(&late);
    assert_eq!(services.collect().len(), 1, "those that are idle have made room");
}

#[test]
fn a_trace_is_measured_once_and_what_was_late_corrects_the_sums() {
    let services = Services::new(Temporality::Cumulative, &Arc::default());
    let (gateway, agent) = (fixture::process(1, "gateway"), fixture::process(2, "agent"));
    let of_service = |name: &str| {
        let key = resource(&fixture::process(9, name));
        let known = services.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut metrics = ResourceMetrics::default();
        known.get(&key).map(|service| service.reader.collect(&mut metrics)).transpose().ok();
        let rounded = |(name, said, count, sum): (String, String, u64, f64)| {
            format!("{} {said} {count} {}", name.replace("spanwire.trace.", ""), (sum * 1e6).round() / 1e6)
        };
        points(&[metrics]).into_iter().map(rounded).collect::<Vec<_>>()
    };
    let mut redactor = Redactor::default();
    let mut health = Health::default();
    let mut call = fixture::span(2, &agent);
    call.parent = Some(SpanId([1; 8]));
    call.attributes.push((names::OPERATION_NAME.into(), "chat".into()));
    let mut root = fixture::span(1, &gateway);
    root.kind = Kind::Server;
    let mut send = |closed: Closed<'_>| services.record_trace(closed);
    health.record(&redactor.redact(call), 0, &mut send);
    health.finish(1, &mut send);
    assert_eq!(
        of_service("agent"),
        [
            "billed_calls spanwire.priced=true 1 1",
            "cache_read.tokens  1 1024",
            "cost  1 0.001234",
            "depth  1 1",
            "duration  1 1.25",
            "errors  1 0",
            "external.hops  1 1",
            "fan_out  1 0",
            "fragments  1 1",
            "linked_spans spanwire.link.method=unstated 1 1",
            "orphan_spans spanwire.orphan.cause=own_tracer 1 1",
            "reasoning.tokens  1 0",
            "rootless_traces  1 1",
            "service.hops  1 0",
            "spans  1 1",
            "tokens gen_ai.token.type=input 1 1234",
            "tokens gen_ai.token.type=output 1 56",
        ]
    );
    health.record(&redactor.redact(root), 2, &mut send);
    health.finish(3, &mut send);
    let agent = of_service("agent");
    for line in [
        "billed_calls spanwire.priced=true 1 0",
        "linked_spans spanwire.link.method=unstated 1 1",
        "orphan_spans spanwire.orphan.cause=own_tracer 1 0",
        "rootless_traces  1 0",
        "spans  1 1",
    ] {
        assert!(agent.iter().any(|known| known == line), "{line}: {agent:#?}");
    }
    assert_eq!(of_service("gateway"), ["billed_calls spanwire.priced=true 1 1", "late_spans  1 1"]);
}
