//! Agents within tools: a run whose first call came after another run's tool was asked for, and whose last one was over before
//! the tool's result was told of, in the same process and for the same request.
//!
//! Which tool it is, what they say tells: the run's last answer is what the tool gave, and neither that of another run nor what
//! another tool gave. Where that is not so, time alone has its say, but not where agents were seen to run side
//! by side, or the process serves requests and it is not known for which one the run was.

use std::collections::HashMap;

use super::run::{Ending, Run};
use super::{Agents, Follows, RUNS, RunId};
use crate::correlate::span::SpanId;
use crate::correlate::tree::ExchangeKey;

/// A tool that was answered.
pub(super) struct Ran {
    pub(super) span_id: SpanId,
    pub(super) name: String,
    /// A digest of the text that it gave.
    pub(super) gave: Option<u64>,
}

/// The one that is meant, if it is the only one.
fn only<T>(mut meant: impl Iterator<Item = T>) -> Option<T> {
    meant.next().filter(|_| meant.next().is_none())
}

impl Agents {
    /// Tools of a run were answered, which were asked for at the first of these times, by a call that began at the other:
    /// runs within them are theirs.
    pub(super) fn place_within(
        &mut self,
        index: usize,
        tools: &[Ran],
        (since_ns, told_ns): (u64, u64),
        follows: &mut Vec<Follows>,
    ) {
        let Some((_, outer)) = self.runs.get(index) else { return };
        let (pid, above, node) = (outer.process.pid, outer.span_id, outer.node.clone());
        let is_within = |inner: &Run| {
            let is_of_one_trace = match (outer.place, inner.place) {
                (Some(outer), Some(inner)) => outer.0 == inner.0,
                _ => true,
            };
            inner.process.pid == pid
                && inner.cause == outer.cause
                && inner.above.is_none()
                && inner.began_ns >= since_ns
                && inner.last_ns <= told_ns
                && is_of_one_trace
        };
        let within: Vec<_> = self.done.iter().filter(|(_, inner)| is_within(inner)).collect();
        let mut answers: HashMap<u64, u64> = HashMap::new();
        for answer in within.iter().filter_map(|(_, inner)| inner.answer) {
            *answers.entry(answer).or_default() += 1;
        }
        let says = |inner: &Run| {
            let answer = inner.answer.filter(|answer| answers.get(answer) == Some(&1))?;
            only(tools.iter().filter(|tool| tool.gave == Some(answer)))
        };
        let is_parallel = self.is_parallel(pid);
        let mut places: HashMap<RunId, (SpanId, String)> = HashMap::new();
        for (id, inner) in within {
            let place = match (says(inner), tools) {
                (Some(tool), _) => (tool.span_id, format!("{node}/{}", tool.name)),
                (None, _) if is_parallel || inner.may_be_anyones => continue,
                (None, [tool]) => (tool.span_id, format!("{node}/{}", tool.name)),
                // Of several tools at a time it is not known which one it was.
                (None, _) => (above, format!("{node}/agent")),
            };
            places.insert(*id, place);
        }
        for (id, mut inner) in self.done.extract_if(.., |(id, _)| places.contains_key(id)).collect::<Vec<_>>()
        {
            if let Some((above, inner_node)) = places.remove(&id) {
                (inner.above, inner.node, inner.parent_node) = (Some(above), inner_node, Some(node.clone()));
            }
            self.end((id, inner), Ending::Over, follows);
        }
        self.release(pid, follows);
    }

    /// When the tools were asked for that a process waits for: the earliest for each request that it serves.
    fn waits(&self, pid: u32) -> HashMap<Option<ExchangeKey>, u64> {
        let mut waits = HashMap::new();
        for (_, run) in self.runs.iter().filter(|(_, run)| run.process.pid == pid && !run.wanted.is_empty()) {
            let since_ns = waits.entry(run.cause).or_insert(u64::MAX);
            *since_ns = run.wanted_since.0.min(*since_ns);
        }
        waits
    }

    /// Runs of a process that are over and within no tool that is still wanted are nobody's.
    fn release(&mut self, pid: u32, follows: &mut Vec<Follows>) {
        if self.done.is_empty() {
            return;
        }
        let waits = self.waits(pid);
        let is_nobodys = |(_, run): &mut (RunId, Run)| {
            let may_be_within = waits.get(&run.cause).is_some_and(|since_ns| *since_ns <= run.began_ns);
            run.process.pid == pid && !may_be_within
        };
        for run in self.done.extract_if(.., is_nobodys).collect::<Vec<_>>() {
            self.end(run, Ending::Over, follows);
        }
    }

    /// A run came to its end. Where another one of its process wants tools it may have been one of these: that shows when they
    /// are answered.
    pub(super) fn done(&mut self, (id, run): (RunId, Run), follows: &mut Vec<Follows>) {
        let waits = self.waits(run.process.pid);
        let may_be_within = waits.get(&run.cause).is_some_and(|since_ns| *since_ns <= run.began_ns);
        if run.above.is_none() && may_be_within && self.done.len() < RUNS {
            self.done.push((id, run));
        } else {
            self.end((id, run), Ending::Over, follows);
        }
    }
}
