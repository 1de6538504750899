//! The exporters, on a runtime of their own, and the spans on their way to them: handed over together, since
//! each hand-over wakes another thread.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep_until};

use super::handover::Tenure;
use super::monotonic_ns;
use crate::config::Config;
use crate::correlate::Unseen;
use crate::correlate::span::Span;
use crate::export::Exporters;
use crate::export::audit;
use crate::health::{Health, HealthReport};
use crate::redact::Redacted;
use crate::telemetry::Counters;

/// Spans that are handed over at once, however soon.
const MOST: usize = 256;
/// The longest that a span waits for others: no longer than it takes to look at a terminal.
const LONGEST: Duration = Duration::from_millis(100);

pub(super) struct Exporting {
    exporters: Exporters,
    runtime: OwnRuntime,
    health: Health,
    counters: Arc<Counters>,
    waiting: Vec<Redacted<Span>>,
    /// When those that wait are handed over.
    due: Option<Instant>,
    tenure: Tenure,
}

/// A runtime that may be dropped on another's thread.
struct OwnRuntime(Option<Runtime>);

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Exporting {
    /// Starts the exporters.
    ///
    /// # Errors
    /// When an output cannot be set up, or no thread can be started.
    pub(super) fn start(
        config: &Config,
        audit: Option<audit::Writer>,
        counters: &Arc<Counters>,
    ) -> anyhow::Result<Self> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("export").enable_all().build();
        let runtime = runtime.context("cannot start a thread for the exporters")?;
        let exporters = {
            let _inside = runtime.enter();
            Exporters::start(config, audit, counters)?
        };
        if !config.otlp.is_empty() {
            counters.gauges.queue_export_max_spans.set(config.export_queue as u64);
        }
        Ok(Self {
            exporters,
            runtime: OwnRuntime(Some(runtime)),
            health: Health::default(),
            counters: Arc::clone(counters),
            waiting: Vec::new(),
            due: None,
            tenure: Tenure::default(),
        })
    }

    /// From now on nothing is exported but what began in this agent's tenure.
    pub(super) fn limit_to(&mut self, tenure: Tenure) {
        self.tenure = tenure;
    }

    /// From now on nothing is exported but what began before `at`: the rest is another agent's.
    pub(super) fn until(&mut self, at: SystemTime) {
        self.tenure.ends(at);
    }

    /// Takes a span on its way. Never blocks.
    pub(super) fn add(&mut self, span: Redacted<Span>) {
        if !self.tenure.holds(span.get().started) {
            return;
        }
        let exporters = &mut self.exporters;
        self.health.record(&span, monotonic_ns(), &mut |closed| exporters.trace_closed(closed));
        self.waiting.push(span);
        self.due.get_or_insert_with(|| Instant::now() + LONGEST);
        if self.waiting.len() >= MOST {
            self.hand_over();
        }
    }

    /// Takes a conversation that was not read. Never blocks.
    pub(super) fn unseen(&self, unseen: &Redacted<Unseen>) {
        let lasted = Duration::from_nanos(unseen.get().lasted_ns);
        if SystemTime::now().checked_sub(lasted).is_none_or(|began| self.tenure.holds(began)) {
            self.exporters.unseen(unseen);
        }
    }

    /// Whether anybody wants to know of conversations that were not read.
    pub(super) fn wants_unseen(&self) -> bool {
        self.exporters.wants_unseen()
    }

    /// Done when spans have waited for long enough; never, without any.
    pub(super) async fn due(&self) {
        match self.due {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// Gives the exporters what waits. Never blocks.
    pub(super) fn hand_over(&mut self) {
        self.due = None;
        for span in self.waiting.drain(..) {
            self.exporters.export(span);
        }
    }

    /// To be called about once a second: measures the traces that are over.
    pub(super) fn measure(&mut self) {
        let Self { exporters, health, counters, .. } = self;
        health.tick(monotonic_ns(), &mut |closed| exporters.trace_closed(closed));
        let bounds = health.bounds();
        counters.traces_closed_early.set(bounds.closed_early);
        counters.trace_spans_cut.set(bounds.spans_cut);
        counters.trace_spans_late.set(bounds.spans_late);
        counters.gauges.traces_open.set(health.open_traces() as u64);
        let (on_disk, bytes) = exporters.on_disk();
        counters.gauges.queue_disk.set(on_disk as u64);
        counters.gauges.queue_disk_bytes.set(bytes);
        counters.gauges.queue_export.set(exporters.waiting() as u64);
        counters.gauges.queue_sampling.set(exporters.undecided() as u64);
    }

    /// What traces measure.
    pub(super) fn health(&self) -> HealthReport {
        self.health.report()
    }

    /// A process is over: its last span is handed over, and its tree can be shown.
    pub(super) fn process_ended(&mut self, pid: u32) {
        self.hand_over();
        self.exporters.process_ended(pid);
    }

    /// Delivers what waits, for at most about `limit` on each output; counts what is left behind.
    pub(super) async fn shutdown(mut self, limit: Duration) {
        self.hand_over();
        let Self { mut exporters, runtime, mut health, .. } = self;
        health.finish(monotonic_ns(), &mut |closed| exporters.trace_closed(closed));
        exporters.shutdown(limit).await;
        drop(runtime);
    }
}
