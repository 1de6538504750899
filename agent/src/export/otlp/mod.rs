//! OTLP over gRPC or HTTP: many processes in one request, one resource for each.
//!
//! For each receiver and signal a bounded queue stands between the pipeline and one task (`receiver`), which makes batches
//! (`delivery`, `batch`) and hands them to a few senders at once (`sender`): there stands what is tried again and what
//! is dropped when. So a receiver that is down holds up no other.

mod backoff;
mod batch;
mod delivery;
mod durable;
mod encode;
mod item;
mod metrics;
mod receiver;
mod sampler;
mod sender;
mod source;
mod transport;
mod warning;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::ExportError;
use crate::config::{Config, Endpoints, Otlp};
use crate::correlate::Unseen;
use crate::correlate::span::Span;
use crate::health::Closed;
use crate::redact::{CONTENT_EVENT, Redacted};
use crate::telemetry::Counters;
use durable::Place;
use item::Content;
use metrics::Metrics;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span as OtlpSpan;
use receiver::Receiver;
use sampler::Sampler;
use source::{Shared, Source, Unread};
use transport::Client;
pub use transport::ClientError;

/// The pipeline's end of the OTLP exporter.
#[derive(Debug)]
pub struct Exporter {
    spans: Vec<Receiver<OtlpSpan>>,
    /// Of what was said, and of the audit's events.
    logs: Vec<Receiver<LogRecord>>,
    metrics: Option<Metrics>,
    sampler: Sampler,
    /// The endpoints that are approved, where calls to others and connections that could not be read are told of.
    audit_events: Option<Endpoints>,
}

impl Exporter {
    /// Starts a task for each receiver and signal, with a queue beside the batches that are being made and sent. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a client cannot be built, or a queue on disk not be opened; no endpoint is contacted yet.
    pub fn start(config: &Config, counters: &Arc<Counters>) -> Result<Self, ExportError> {
        let capacity = config.export_queue;
        let client = |otlp: &Otlp| {
            let failed = |source| ExportError::Otlp { endpoint: otlp.label(), source };
            Ok::<_, ExportError>((Client::new(otlp).map_err(failed)?, otlp.label()))
        };
        let (mut spans, mut logs, mut metrics) = (Vec::new(), Vec::new(), Vec::new());
        let mut folders = Vec::new();
        let mut disk = |signal: &str, otlp: &Otlp| {
            let queue = config.otlp_queue.as_ref()?;
            let folder = durable::folder(queue, signal, &otlp.endpoint);
            folders.push(folder.clone());
            Some(Place { folder, bytes: queue.bytes, waits: config.take_over })
        };
        for receiver in &config.otlp {
            let content = if receiver.logs.is_some() { Content::Logs } else { Content::Events };
            if let Some(otlp) = &receiver.traces {
                let (client, label) = client(otlp)?;
                let room = (capacity, disk("spans", otlp));
                spans.push(Receiver::start(client, label, content, room, Arc::clone(counters))?);
            }
            if let Some(otlp) = &receiver.logs {
                let (client, label) = client(otlp)?;
                let room = (capacity, disk("logs", otlp));
                logs.push(Receiver::start(client, label, content, room, Arc::clone(counters))?);
            }
            if let Some(otlp) = &receiver.metrics {
                metrics.push(client(otlp)?);
            }
        }
        if let Some(queue) = &config.otlp_queue {
            durable::tell_of_others(queue, &folders);
        }
        let metrics = (!metrics.is_empty()).then(|| Metrics::start(metrics, config.temporality, counters));
        let sampler = Sampler::new(config.sampling, counters);
        let tells = config.audit_events && !logs.is_empty();
        let audit_events = tells.then(|| config.approved_endpoints.clone());
        Ok(Self { spans, logs, metrics, sampler, audit_events })
    }

    /// Queues a span for each receiver, at once or when its trace is kept; drops and counts it where the queue is full.
    /// Metrics have it in any case. Never blocks.
    pub fn export(&mut self, span: Redacted<Span>) {
        let Self { spans, logs, metrics, sampler, audit_events } = self;
        if let Some(metrics) = metrics {
            metrics.record(span.get());
        }
        let span = Arc::new(span);
        if audit_events.is_some() && warning::is_unapproved(span.get()) {
            logs.iter().for_each(|receiver| receiver.queue(Source::Unapproved(Arc::clone(&span))));
        }
        sampler.take(span, &mut |span| queue(spans, logs, &span));
    }

    /// Takes a connection that could not be read, if that is to be told. Never blocks.
    pub fn unseen(&self, unseen: &Redacted<Unseen>) {
        let Some(approved) = &self.audit_events else { return };
        let is_approved = approved.approve(&unseen.get().server_name, None);
        let unread = Unread { unseen: unseen.clone(), is_approved, time: SystemTime::now() };
        let unread = Arc::new(unread);
        self.logs.iter().for_each(|receiver| receiver.queue(Source::Unread(Arc::clone(&unread))));
    }

    /// Whether connections that could not be read are told of.
    #[must_use]
    pub fn wants_unseen(&self) -> bool {
        self.audit_events.is_some()
    }

    /// Spans that wait for whether their trace is kept.
    #[must_use]
    pub fn undecided(&self) -> usize {
        self.sampler.waiting()
    }

    /// Spans that were taken in and are neither delivered nor dropped yet, of the receiver that has most of them.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.spans.iter().map(Receiver::waiting).max().unwrap_or(0)
    }

    /// What waits on disk for all receivers together: spans and log records, and the bytes of files.
    #[must_use]
    pub fn on_disk(&self) -> (usize, u64) {
        let all = self.spans.iter().map(Receiver::on_disk).chain(self.logs.iter().map(Receiver::on_disk));
        all.fold((0, 0), |(items, bytes), (more, longer)| (items + more, bytes + longer))
    }

    /// A trace was closed: metrics have what it measures, and whether it is kept is decided.
    pub fn trace_closed(&mut self, closed: Closed<'_>) {
        let Self { spans, logs, metrics, sampler, .. } = self;
        if let Some(metrics) = metrics {
            metrics.trace_closed(closed);
        }
        sampler.trace_closed(closed, &mut |span| queue(spans, logs, &span));
    }

    /// Sends what waits, for at most `limit`; what is left then is dropped and counted. Metrics come last.
    pub async fn shutdown(mut self, limit: Duration) {
        self.sampler.finish();
        let until = Instant::now() + limit;
        // All are told before one is waited for.
        let spans: Vec<_> = self.spans.into_iter().map(|receiver| receiver.stop(until)).collect();
        let logs: Vec<_> = self.logs.into_iter().map(|receiver| receiver.stop(until)).collect();
        for stopped in spans {
            stopped.await;
        }
        for stopped in logs {
            stopped.await;
        }
        if let Some(metrics) = self.metrics {
            metrics.shutdown(until).await;
        }
    }
}

/// Queues a span for each receiver, and what was said for those of logs.
fn queue(spans: &[Receiver<OtlpSpan>], logs: &[Receiver<LogRecord>], span: &Shared) {
    for receiver in spans {
        receiver.queue(Source::Span(Arc::clone(span)));
    }
    if span.get().events.iter().any(|event| event.name == CONTENT_EVENT) {
        for receiver in logs {
            receiver.queue(Source::Span(Arc::clone(span)));
        }
    }
}

#[cfg(test)]
mod tests;
