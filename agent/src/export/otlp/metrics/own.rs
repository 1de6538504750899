//! The agent's own numbers, under the names and labels that [`crate::telemetry::Metric`] has for them.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};

use crate::telemetry::{Counters, Kind, Metric, Number, PARTS, Point};

/// Has the meter read all of them whenever it is collected.
pub(super) fn observe(meter: &Meter, counters: &Arc<Counters>) {
    for part in PARTS {
        for (at, metric) in part(counters).into_iter().enumerate() {
            let counters = Arc::clone(counters);
            instrument(meter, &metric, move || part(&counters).into_iter().nth(at));
        }
    }
}

/// The meter keeps what it builds.
fn instrument(meter: &Meter, metric: &Metric, read: impl Fn() -> Option<Metric> + Send + Sync + 'static) {
    let (name, help, unit) = (metric.otlp_name(), metric.help, metric.unit());
    let is_real = metric.points.iter().any(|point| real(point.value).is_some());
    match (metric.kind, is_real) {
        (Kind::Counter, false) => {
            let counter = meter.u64_observable_counter(name).with_description(help).with_unit(unit);
            let _ = counter.with_callback(move |observer| tell(read(), whole, observer)).build();
        }
        (Kind::Counter, true) => {
            let counter = meter.f64_observable_counter(name).with_description(help).with_unit(unit);
            let _ = counter.with_callback(move |observer| tell(read(), real, observer)).build();
        }
        (Kind::Gauge, false) => {
            let gauge = meter.u64_observable_gauge(name).with_description(help).with_unit(unit);
            let _ = gauge.with_callback(move |observer| tell(read(), whole, observer)).build();
        }
        (Kind::Gauge, true) => {
            let gauge = meter.f64_observable_gauge(name).with_description(help).with_unit(unit);
            let _ = gauge.with_callback(move |observer| tell(read(), real, observer)).build();
        }
    }
}

fn whole(number: Number) -> Option<u64> {
    if let Number::Whole(value) = number { Some(value) } else { None }
}

fn real(number: Number) -> Option<f64> {
    if let Number::Real(value) = number { Some(value) } else { None }
}

fn tell<T>(metric: Option<Metric>, pick: fn(Number) -> Option<T>, observer: &dyn AsyncInstrument<T>) {
    for Point { labels, value } in metric.into_iter().flat_map(|metric| metric.points) {
        let labels: Vec<_> = labels.into_iter().map(|(name, value)| KeyValue::new(name, value)).collect();
        if let Some(value) = pick(value) {
            observer.observe(value, &labels);
        }
    }
}
