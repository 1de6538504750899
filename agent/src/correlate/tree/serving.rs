//! What processes serve, and which of it made them ask others.
//!
//! What says so for certain is a trace id: an exchange whose header has that of the only request in service is a part of it.
//!
//! A thread that serves one request at a time asks for that one alone. Whether threads of a process do so is seen: one that
//! reads a request while another one that it read has no answer yet serves several (an event loop, tasks that move
//! between threads), and so does one whose answer another thread gives. From then on no thread of the process proves
//! anything; what is left is that a process served one request alone.

use std::collections::HashMap;

use super::{Begun, ExchangeKey, Method, SLACK_NS};
use crate::correlate::propagation::Context;
use crate::correlate::span::{SpanId, TraceId};

/// Requests of one process that are remembered at once, over or not; past it the oldest that is over is forgotten.
const REQUESTS: usize = 1024;

/// Processes that are remembered; past it none is added, and of those that come later not all requests are known.
const PROCESSES: usize = 16_384;

/// Requests that are named as what may have been the cause.
const CANDIDATES: usize = 4;

/// A request that is served.
#[derive(Debug)]
struct Served {
    key: ExchangeKey,
    tid: u32,
    /// What its header named.
    context: Option<(TraceId, SpanId)>,
    began_ns: u64,
    /// Which thread gives the answer.
    answered_by: Option<u32>,
    ended_ns: Option<u64>,
}

#[derive(Debug, Default)]
struct Process {
    requests: Vec<Served>,
    /// Its threads serve several requests at a time.
    multiplexes: bool,
    /// It may serve what is not among `requests`: then none of them is the only one.
    is_partial: bool,
}

/// What an exchange may have been made for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cause {
    /// What has the trace of its header, and nothing else.
    traced: Option<ExchangeKey>,
    /// What its thread served, and nothing else.
    thread: Option<ExchangeKey>,
    /// What its process served, and nothing else.
    only: Option<ExchangeKey>,
    /// What else the process served, if it is few.
    candidates: Vec<ExchangeKey>,
    pid: u32,
}

impl Cause {
    /// What it is, unless it turns out that threads prove nothing.
    pub(super) fn likely(&self) -> Option<ExchangeKey> {
        self.traced.or(self.thread).or(self.only)
    }

    /// What it may be.
    pub(super) fn candidates(&self) -> impl Iterator<Item = ExchangeKey> {
        self.candidates.iter().copied()
    }
}

/// The only one.
fn one<'a>(mut all: impl Iterator<Item = &'a Served>) -> Option<&'a Served> {
    all.next().filter(|_| all.next().is_none())
}

/// What is served, by process.
#[derive(Debug, Default)]
pub(super) struct Serving {
    processes: HashMap<u32, Process>,
    owners: HashMap<ExchangeKey, u32>,
    /// A process found no room.
    was_full: bool,
}

impl Serving {
    /// A process that serves; none where there is no room for it.
    fn process(&mut self, pid: u32) -> Option<&mut Process> {
        let is_full = self.processes.len() >= PROCESSES && !self.processes.contains_key(&pid);
        self.was_full |= is_full;
        let first = || Process { is_partial: self.was_full, ..Process::default() };
        (!is_full).then(|| self.processes.entry(pid).or_insert_with(first))
    }

    /// A process begins to serve what is not remembered.
    pub(super) fn missed(&mut self, pid: u32) {
        if let Some(process) = self.process(pid) {
            process.is_partial = true;
        }
    }

    /// A process begins to serve a request. False where one that is served is not remembered for it.
    pub(super) fn began(&mut self, key: ExchangeKey, begun: &Begun) -> bool {
        let pid = begun.process.pid;
        let Some(process) = self.process(pid) else { return false };
        let unanswered = |other: &Served| {
            other.tid == begun.tid && other.answered_by.is_none() && other.ended_ns.is_none()
        };
        process.multiplexes |= process.requests.iter().any(unanswered);
        let mut forgotten = None;
        let mut is_kept = true;
        if process.requests.len() >= REQUESTS {
            let over = process.requests.iter().position(|request| request.ended_ns.is_some());
            is_kept = over.is_some();
            process.is_partial |= !is_kept;
            forgotten = Some(process.requests.remove(over.unwrap_or(0)).key);
        }
        let (tid, began_ns) = (begun.tid, begun.time_ns);
        let context = begun.context.as_ref().map(|context| (context.trace_id, context.span_id));
        process.requests.push(Served { key, tid, context, began_ns, answered_by: None, ended_ns: None });
        if let Some(forgotten) = forgotten {
            self.owners.remove(&forgotten);
        }
        self.owners.insert(key, pid);
        is_kept
    }

    fn get_mut(&mut self, key: ExchangeKey) -> Option<(&mut Served, &mut bool)> {
        let Process { requests, multiplexes, .. } = self.processes.get_mut(self.owners.get(&key)?)?;
        Some((requests.iter_mut().rfind(|request| request.key == key)?, multiplexes))
    }

    /// A thread begins to answer.
    pub(super) fn answered(&mut self, key: ExchangeKey, tid: u32) {
        if let Some((served, multiplexes)) = self.get_mut(key) {
            served.answered_by.get_or_insert(tid);
            *multiplexes |= served.tid != tid;
        }
    }

    pub(super) fn ended(&mut self, key: ExchangeKey, time_ns: u64) {
        if let Some((served, _)) = self.get_mut(key) {
            served.ended_ns.get_or_insert(time_ns);
        }
    }

    /// Nothing refers to a request any more.
    pub(super) fn forget(&mut self, key: ExchangeKey) {
        let owner = self.owners.remove(&key).and_then(|pid| self.processes.get_mut(&pid));
        if let Some(process) = owner {
            process.requests.retain(|request| request.key != key);
        }
    }

    pub(super) fn process_ended(&mut self, pid: u32) {
        if let Some(process) = self.processes.remove(&pid) {
            for request in process.requests {
                self.owners.remove(&request.key);
            }
        }
    }

    /// Whether a process was ever seen to serve anything.
    pub(super) fn has_begun(&self, pid: u32) -> bool {
        self.processes.contains_key(&pid)
    }

    /// What a process may have begun this for; `itself` is its other end.
    pub(super) fn cause(&self, begun: &Begun, itself: Option<ExchangeKey>) -> Cause {
        let process = self.processes.get(&begun.process.pid).filter(|process| !process.is_partial);
        let Some(process) = process else { return Cause::default() };
        let is_active = |served: &&Served| {
            Some(served.key) != itself
                && served.began_ns <= begun.time_ns + SLACK_NS
                && served.ended_ns.is_none_or(|ended_ns| ended_ns >= begun.time_ns)
        };
        let active = process.requests.iter().filter(is_active);
        let own = active.clone().filter(|served| served.tid == begun.tid);
        let thread = one(own).filter(|_| !process.multiplexes);
        let trace_id = begun.context.as_ref().map(|context| context.trace_id);
        let is_traced = |served: &&Served| served.context.is_some_and(|(known, _)| Some(known) == trace_id);
        let traced = one(active.clone().filter(is_traced))
            .or_else(|| one(active.clone().filter(is_traced).filter(|served| served.tid == begun.tid)));
        let only = one(active);
        let all = process.requests.iter().filter(is_active).map(|served| served.key);
        let candidates = all.clone().take(CANDIDATES + 1).collect::<Vec<_>>();
        Cause {
            traced: traced.map(|served| served.key),
            thread: thread.map(|served| served.key),
            only: only.map(|served| served.key),
            candidates: if candidates.len() > CANDIDATES { Vec::new() } else { candidates },
            pid: begun.process.pid,
        }
    }

    /// Whether a process was asked with this very header, so that it names no span of the process's own.
    pub(super) fn was_asked_with(&self, pid: u32, context: &Context) -> bool {
        let own = Some((context.trace_id, context.span_id));
        self.processes.get(&pid).is_some_and(|process| process.requests.iter().any(|one| one.context == own))
    }

    /// What a cause is, as far as is known by now.
    pub(super) fn proven(&self, cause: &Cause) -> Option<(ExchangeKey, Method)> {
        let multiplexes = self.processes.get(&cause.pid).is_none_or(|process| process.multiplexes);
        let traced = cause.traced.map(|key| (key, Method::Header));
        let thread = cause.thread.filter(|_| !multiplexes).map(|key| (key, Method::Thread));
        traced.or(thread).or(cause.only.map(|key| (key, Method::Only)))
    }
}
