//! What calls say of each traced service, as the GenAI conventions' metrics: one resource for each service.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter, MeterProvider as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Temporality};

use super::traces::Traces;
use crate::correlate::attributes as names;
use crate::correlate::span::{Kind, Span};
use crate::discovery::process::Process;
use crate::health::Closed;
use crate::telemetry::Counters;
use crate::value::Value;

/// Services that are kept. Each has as many combinations of attributes for each metric as the SDK allows (2,000), and the
/// rest of its calls together as one.
const SERVICES_MAX: usize = 256;

/// A service that had no call for so long makes room for another one.
const IDLE: Duration = Duration::from_secs(600);

/// Seconds: of `gen_ai.client.operation.duration` and the times of chunks.
const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Tokens: of `gen_ai.client.token.usage`, and of traces.
pub(super) const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// Seconds: of `db.client.operation.duration`.
const DATABASE_SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// What a process's resource has that is the service's, by the begin of the attribute's name. What tells one process
/// from another would make a series of each.
const OF_SERVICE: [&str; 8] = [
    "service.",
    "deployment.",
    "host.name",
    "host.id",
    "cloud.",
    "k8s.namespace",
    "k8s.cluster",
    "k8s.deployment",
];

/// Of a span's attributes those that its metrics have.
const DIMENSIONS: [&str; 11] = [
    names::OPERATION_NAME,
    names::PROVIDER_NAME,
    names::REQUEST_MODEL,
    names::RESPONSE_MODEL,
    names::SERVER_ADDRESS,
    names::SERVER_PORT,
    names::ERROR_TYPE,
    names::DB_SYSTEM_NAME,
    names::DB_OPERATION_NAME,
    names::DB_COLLECTION_NAME,
    names::DB_NAMESPACE,
];

/// The metrics of all services.
#[derive(Debug)]
pub(in super::super) struct Services {
    known: Mutex<HashMap<Vec<(String, String)>, Service>>,
    temporality: Temporality,
    counters: Arc<Counters>,
}

struct Service {
    /// Keeps the instruments alive.
    provider: SdkMeterProvider,
    reader: Shared,
    instruments: Instruments,
    traces: Traces,
    last_call: SystemTime,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("last_call", &self.last_call).finish_non_exhaustive()
    }
}

struct Instruments {
    duration: Histogram<f64>,
    tokens: Histogram<u64>,
    first_chunk: Histogram<f64>,
    per_chunk: Histogram<f64>,
    database: Histogram<f64>,
}

impl Instruments {
    fn new(meter: &Meter) -> Self {
        let seconds = |name: &'static str, help: &'static str, bounds: &[f64]| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(help)
                .with_boundaries(bounds.to_vec())
                .build()
        };
        Self {
            duration: seconds("gen_ai.client.operation.duration", "GenAI operation duration.", &SECONDS),
            tokens: meter
                .u64_histogram("gen_ai.client.token.usage")
                .with_unit("{token}")
                .with_description("Number of input and output tokens used.")
                .with_boundaries(TOKENS.to_vec())
                .build(),
            first_chunk: seconds(
                "gen_ai.client.operation.time_to_first_chunk",
                "Time to receive the first chunk of a stream, from the request on.",
                &SECONDS,
            ),
            per_chunk: seconds(
                "gen_ai.client.operation.time_per_output_chunk",
                "Time per chunk of a stream after the first.",
                &SECONDS,
            ),
            database: seconds(
                "db.client.operation.duration",
                "Duration of database client operations.",
                &DATABASE_SECONDS,
            ),
        }
    }

    /// Takes a call's figures over. No usage on the wire is no measurement, not 0.
    fn record(&self, span: &Span) {
        let get =
            |name: &str| span.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        let dimensions = DIMENSIONS.iter().filter_map(|name| Some(KeyValue::new(*name, any(get(name)?)?)));
        let mut attributes = dimensions.collect::<Vec<_>>();
        let seconds = span.ended.duration_since(span.started).unwrap_or_default().as_secs_f64();
        if get(names::DB_SYSTEM_NAME).is_some() {
            self.database.record(seconds, &attributes);
        }
        if get(names::OPERATION_NAME).is_none() {
            return;
        }
        self.duration.record(seconds, &attributes);
        // These two are of what worked, at least in part.
        attributes.retain(|pair| pair.key.as_str() != names::ERROR_TYPE);
        if let Some(Value::Double(seconds)) = get(names::RESPONSE_TIME_TO_FIRST_CHUNK) {
            self.first_chunk.record(*seconds, &attributes);
        }
        for gap_us in &span.chunk_gaps_us {
            self.per_chunk.record(f64::from(*gap_us) / 1e6, &attributes);
        }
        for (kind, name) in [("input", names::USAGE_INPUT_TOKENS), ("output", names::USAGE_OUTPUT_TOKENS)] {
            let Some(Value::Int(count)) = get(name) else { continue };
            attributes.push(KeyValue::new("gen_ai.token.type", kind));
            self.tokens.record(u64::try_from(*count).unwrap_or_default(), &attributes);
            attributes.pop();
        }
    }
}

impl Services {
    /// Those of no call yet.
    pub(super) fn new(temporality: Temporality, counters: &Arc<Counters>) -> Self {
        Self { known: Mutex::default(), temporality, counters: Arc::clone(counters) }
    }

    /// A call of a service was seen.
    pub(in super::super) fn record(&self, span: &Span) {
        if span.kind != Kind::Client {
            return;
        }
        if !self.with(&span.process, span.ended, |service| service.instruments.record(span)) {
            self.counters.metrics_dropped_services.increment();
        }
    }

    /// A trace was closed, perhaps once more. Its spans' calls have been counted where there are too many services.
    pub(super) fn record_trace(&self, Closed { measures, before, .. }: Closed<'_>) {
        let at = measures.ended;
        if before.is_none() {
            self.with(&measures.entry, at, |service| service.traces.closed(measures));
        }
        for (trace, sign) in before.map(|before| (before, -1)).into_iter().chain([(measures, 1)]) {
            self.with(&trace.entry, at, |service| service.traces.sums(trace, sign));
            for share in &trace.shares {
                self.with(&share.process, at, |service| service.traces.spans(&share.counts, sign));
            }
        }
        let late = measures.shares.iter().filter(|share| share.counts.late > 0);
        for share in late {
            let name = &share.process.service_name;
            let known = before.into_iter().flat_map(|before| &before.shares);
            let known = known.filter(|known| known.process.service_name == *name);
            let new = known.fold(share.counts.late, |late, known| late.saturating_sub(known.counts.late));
            self.with(&share.process, at, |service| service.traces.late(new));
        }
    }

    /// Does something with a process's service; says `false` where there are too many to have it.
    fn with(&self, process: &Process, at: SystemTime, act: impl FnOnce(&Service)) -> bool {
        let key = resource(process);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(&key) && known.len() >= SERVICES_MAX {
            known.retain(|_, service| at.duration_since(service.last_call).unwrap_or_default() < IDLE);
            if known.len() >= SERVICES_MAX {
                return false;
            }
        }
        let service = known.entry(key).or_insert_with_key(|key| Service::new(key, self.temporality));
        service.last_call = service.last_call.max(at);
        act(service);
        true
    }

    /// Hands out what there is of each service.
    pub(super) fn collect(&self) -> Vec<ResourceMetrics> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |service: &Service| {
            let mut metrics = ResourceMetrics::default();
            service.reader.collect(&mut metrics).ok().map(|()| metrics)
        };
        known.values().filter_map(read).collect()
    }
}

impl Service {
    fn new(resource: &[(String, String)], temporality: Temporality) -> Self {
        let reader = Shared(Arc::new(ManualReader::builder().with_temporality(temporality).build()));
        let observer = [
            KeyValue::new("telemetry.distro.name", env!("CARGO_PKG_NAME")),
            KeyValue::new("telemetry.distro.version", env!("CARGO_PKG_VERSION")),
        ];
        let own = resource.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
        let resource = Resource::builder().with_attributes(own.chain(observer)).build();
        let provider =
            SdkMeterProvider::builder().with_reader(reader.clone()).with_resource(resource).build();
        let meter = provider.meter(env!("CARGO_PKG_NAME"));
        let (instruments, traces) = (Instruments::new(&meter), Traces::new(&meter));
        Self { provider, reader, instruments, traces, last_call: SystemTime::UNIX_EPOCH }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // There is nothing to flush to.
        let _ = self.provider.shutdown();
    }
}

/// The resource of a process, less what is not its service's.
fn resource(process: &Process) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    };
    let of_service =
        |name: &str| name != "service.name" && OF_SERVICE.iter().any(|begin| name.starts_with(begin));
    let named = ("service.name".to_owned(), process.service_name.clone());
    let others = process.attributes.iter().filter(|(name, _)| of_service(name));
    let mut resource: Vec<_> =
        others.filter_map(|(name, value)| Some((name.clone(), text(value)?))).chain([named]).collect();
    resource.sort();
    resource
}

fn any(value: &Value) -> Option<opentelemetry::Value> {
    match value {
        Value::String(text) => Some(text.clone().into()),
        Value::Int(number) => Some((*number).into()),
        _ => None,
    }
}

/// A reader that the SDK and this module share.
#[derive(Clone, Debug)]
struct Shared(Arc<ManualReader>);

impl MetricReader for Shared {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

#[cfg(test)]
mod tests;
