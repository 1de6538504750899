//! How many spans of an accepted request the receiver refused (OTLP specification, "Partial Success").
//!
//! The OpenTelemetry library does not return the number: it logs it. This layer of the agent's log
//! reads it there, so that such spans are not lost without a word.

use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Counters;

const FIELD: &str = "rejected_spans";

/// Counts refused spans as `spans_dropped_rejected`. Part of every log: see [`super::init_log`].
pub fn layer<S>(counters: Arc<Counters>) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    Refusals(counters).with_filter(refusals_only())
}

fn refusals_only() -> FilterFn {
    let is_refusal: fn(&Metadata<'_>) -> bool = |metadata| {
        metadata.name().ends_with("TracesClient.PartialSuccess")
            || metadata.name().ends_with("TraceClient.PartialSuccess")
    };
    filter_fn(is_refusal)
}

struct Refusals(Arc<Counters>);

impl<S: Subscriber> Layer<S> for Refusals {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut rejected = Rejected(0);
        event.record(&mut rejected);
        self.0.spans_dropped_rejected.add(rejected.0);
    }
}

struct Rejected(u64);

impl Visit for Rejected {
    fn record_i64(&mut self, field: &Field, value: i64) {
        if field.name() == FIELD {
            self.0 = u64::try_from(value).unwrap_or(0);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
