//! Runs of programs: what a process asks for that serves nobody hangs under one span.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use crate::correlate::attributes::{FI_SPAN_KIND, GEN_AI_SPAN_KIND};
use crate::correlate::ids::IdGenerator;
use crate::correlate::propagation::{RANDOM, SAMPLED};
use crate::correlate::span::{Kind, Span, SpanId, Status, TraceId};
use crate::correlate::totals::Totals;
use crate::discovery::process::Process;

/// Nanoseconds without a call after which a run is over, and the next call begins another one.
const IDLE_NS: u64 = 60_000_000_000;

/// Nanoseconds that one lasts at the most: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Calls that hang under one at the most.
const CALLS: u64 = 1_000;

/// Runs that grow at once; past it calls stand alone.
const RUNS: usize = 4_096;

/// A run that grows.
#[derive(Debug)]
pub(in crate::correlate) struct Run {
    trace_id: TraceId,
    span_id: SpanId,
    began_ns: u64,
    /// When the last of its calls was over.
    last_ns: u64,
    /// When its first call began and its last one ended; none before one was placed.
    times: Option<(SystemTime, SystemTime)>,
    /// Calls that hang under it.
    calls: u64,
    /// What all calls of its trace come to.
    totals: Totals,
    process: Option<Arc<Process>>,
}

/// Runs by process.
#[derive(Debug, Default)]
pub(super) struct Programs {
    runs: HashMap<u32, Run>,
    /// Their processes.
    of_trace: HashMap<TraceId, u32>,
}

impl Programs {
    /// The run that a call of a process belongs to, and whether one had to end for it.
    pub(super) fn member(
        &mut self,
        pid: u32,
        now_ns: u64,
        ids: &mut IdGenerator,
    ) -> (Option<(TraceId, SpanId)>, Option<Run>) {
        let is_over = self
            .runs
            .get(&pid)
            .is_some_and(|run| run.calls >= CALLS || now_ns.saturating_sub(run.began_ns) > LONGEST_NS);
        let ended = if is_over { self.ended(pid) } else { None };
        if self.runs.len() >= RUNS && !self.runs.contains_key(&pid) {
            return (None, ended);
        }
        let run = self.runs.entry(pid).or_insert_with(|| Run {
            trace_id: ids.trace_id(),
            span_id: ids.span_id(),
            began_ns: now_ns,
            last_ns: now_ns,
            times: None,
            calls: 0,
            totals: Totals::default(),
            process: None,
        });
        self.of_trace.insert(run.trace_id, pid);
        (Some((run.trace_id, run.span_id)), ended)
    }

    /// A span of a run has found its place.
    pub(super) fn placed(&mut self, pid: u32, span: &Span, now_ns: u64) {
        let Some(run) = self.runs.get_mut(&pid).filter(|run| run.trace_id == span.trace_id) else { return };
        run.last_ns = now_ns;
        let (began, ended) = run.times.unwrap_or((span.started, span.ended));
        run.times = Some((began.min(span.started), ended.max(span.ended)));
        run.calls += 1;
        run.process.get_or_insert_with(|| Arc::clone(&span.process));
    }

    /// Calls of a trace found their places; whether it is that of a run.
    pub(super) fn sum_up(&mut self, trace_id: TraceId, sum: &Totals) -> bool {
        let run = self.of_trace.get(&trace_id).and_then(|pid| self.runs.get_mut(pid));
        run.map(|run| run.totals.merge(sum)).is_some()
    }

    pub(super) fn ended(&mut self, pid: u32) -> Option<Run> {
        let run = self.runs.remove(&pid)?;
        self.of_trace.remove(&run.trace_id);
        Some(run)
    }

    /// Those of which nothing came for long.
    pub(super) fn due(&mut self, now_ns: u64) -> Vec<Run> {
        let is_due = |_: &u32, run: &mut Run| now_ns.saturating_sub(run.last_ns) > IDLE_NS;
        let due: Vec<_> = self.runs.extract_if(is_due).map(|(_, run)| run).collect();
        for run in &due {
            self.of_trace.remove(&run.trace_id);
        }
        due
    }

    pub(super) fn all(&mut self) -> Vec<Run> {
        self.of_trace.clear();
        self.runs.drain().map(|(_, run)| run).collect()
    }
}

impl Run {
    /// Its span; none where no call of its was placed.
    pub(in crate::correlate) fn into_span(self) -> Option<Span> {
        let ((started, ended), process) = (self.times?, self.process?);
        let mut attributes =
            vec![(FI_SPAN_KIND.into(), "CHAIN".into()), (GEN_AI_SPAN_KIND.into(), "CHAIN".into())];
        self.totals.put_on(&mut attributes);
        Some(Span {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent: None,
            flags: SAMPLED | RANDOM,
            flags_are_told: false,
            trace_state: String::new(),
            kind: Kind::Internal,
            name: process.service_name.clone(),
            started,
            ended,
            attributes,
            events: Vec::new(),
            links: Vec::new(),
            status: Status::Unset,
            chunk_gaps_us: Vec::new(),
            content: None,
            process,
        })
    }
}
