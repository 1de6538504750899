//! What processes serve, and which of it made them ask others.
//!
//! What says so for certain is a trace id: an exchange whose header has that of the only request in service is a part of it.
//! Else the thread that asks may say it, or that nothing else is served: whether that proves something is a matter of the process's
//! [`Habits`].

use std::collections::HashMap;

use super::habits::Habits;
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
    /// It came before the one ahead of it on its connection was over: its thread does not serve it yet.
    is_pipelined: bool,
    /// Others were served meanwhile.
    is_beside: bool,
    /// Its thread asked for something meanwhile.
    has_asked: bool,
}

impl Served {
    /// Whether it was served at a time.
    fn may_cause(&self, time_ns: u64) -> bool {
        self.began_ns <= time_ns + SLACK_NS && self.ended_ns.is_none_or(|ended_ns| ended_ns >= time_ns)
    }
}

#[derive(Debug, Default)]
struct Process {
    requests: Vec<Served>,
    habits: Habits,
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
    alone: Option<ExchangeKey>,
    /// The same, where that says something.
    only: Option<ExchangeKey>,
    /// What else the process served, if it is few.
    candidates: Vec<ExchangeKey>,
    pid: u32,
    /// The thread that asked, and when.
    tid: u32,
    asked_ns: u64,
    /// That one received what is served alone.
    is_own: bool,
    /// It has an answer, or is over without.
    is_over: bool,
}

impl Cause {
    /// What it is, unless it turns out that this proves nothing.
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
    /// How much each process asks for at the moment.
    asking: HashMap<u32, usize>,
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
        let is_asking = self.asking.contains_key(&pid);
        let Some(Process { requests, habits, is_partial }) = self.process(pid) else { return false };
        let tid = begun.tid;
        let (mut is_pipelined, mut is_shared, mut is_beside) = (false, false, false);
        for other in requests.iter_mut().filter(|other| other.ended_ns.is_none()) {
            let is_ahead = other.key.connection == key.connection;
            is_pipelined |= is_ahead;
            is_shared |= !is_ahead && other.tid == tid && other.answered_by.is_none();
            is_beside |= !is_ahead;
            other.is_beside |= !is_ahead;
        }
        let is_idle = !(is_asking || is_pipelined || is_beside);
        habits.received(&begun.process, tid, is_shared, is_idle);
        let mut forgotten = None;
        let mut is_kept = true;
        if requests.len() >= REQUESTS {
            let over = requests.iter().position(|request| request.ended_ns.is_some());
            is_kept = over.is_some();
            *is_partial |= !is_kept;
            forgotten = Some(requests.remove(over.unwrap_or(0)).key);
        }
        requests.push(Served {
            key,
            tid,
            context: begun.context.as_ref().map(|context| (context.trace_id, context.span_id)),
            began_ns: begun.time_ns,
            answered_by: None,
            ended_ns: None,
            is_pipelined,
            is_beside,
            has_asked: false,
        });
        if let Some(forgotten) = forgotten {
            self.owners.remove(&forgotten);
        }
        self.owners.insert(key, pid);
        is_kept
    }

    fn get_mut(&mut self, key: ExchangeKey) -> Option<(&mut Served, &mut Habits)> {
        let Process { requests, habits, .. } = self.processes.get_mut(self.owners.get(&key)?)?;
        Some((requests.iter_mut().rfind(|request| request.key == key)?, habits))
    }

    /// A thread begins to answer.
    pub(super) fn answered(&mut self, key: ExchangeKey, tid: u32) {
        if let Some((served, habits)) = self.get_mut(key) {
            served.answered_by.get_or_insert(tid);
            habits.acted(tid);
            if served.tid != tid {
                habits.handed_over(served.tid);
            }
        }
    }

    pub(super) fn ended(&mut self, key: ExchangeKey, time_ns: u64) {
        if let Some(process) = self.owners.get(&key).and_then(|pid| self.processes.get_mut(pid)) {
            // That one was answered before the next one came shows late where another thread took that.
            let follows = |other: &&mut Served| {
                other.key != key && other.key.connection == key.connection && other.began_ns >= time_ns
            };
            process.requests.iter_mut().filter(follows).for_each(|other| other.is_pipelined = false);
        }
        if let Some((served, habits)) = self.get_mut(key)
            && served.ended_ns.is_none()
        {
            served.ended_ns = Some(time_ns);
            if served.is_beside && served.has_asked && served.answered_by == Some(served.tid) {
                habits.kept_apart();
            }
        }
    }

    /// What a process asked for has its answer's first byte, received by this thread, or is over without.
    pub(super) fn was_answered(&mut self, cause: &mut Cause, tid: Option<u32>) {
        let Some(Process { requests, habits, .. }) = self.processes.get_mut(&cause.pid) else { return };
        if std::mem::replace(&mut cause.is_over, true) {
            return;
        }
        if tid.is_some_and(|tid| tid != cause.tid) {
            habits.handed_over(cause.tid);
        }
        let mut before = requests.iter().filter(|served| served.may_cause(cause.asked_ns));
        if let Some(waiting) = before.clone().find(|served| served.ended_ns.is_none()) {
            if cause.alone == Some(waiting.key) {
                habits.was_in_order();
            }
            return;
        }
        cause.only = None;
        // Who asked may have gone away before it was served.
        if habits.is_seen_whole() && before.all(|served| served.answered_by.is_some()) {
            habits.strayed();
        }
    }

    /// What a process asked for is over.
    pub(super) fn asked_no_more(&mut self, pid: u32) {
        if let Some(count) = self.asking.get_mut(&pid) {
            *count -= 1;
            if *count == 0 {
                self.asking.remove(&pid);
            }
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

    /// A process asks for something: what it may do so for; `itself` is its other end.
    pub(super) fn asked(&mut self, begun: &Begun, itself: Option<ExchangeKey>) -> Cause {
        let (pid, tid) = (begun.process.pid, begun.tid);
        *self.asking.entry(pid).or_default() += 1;
        let process = self.processes.get_mut(&pid).filter(|process| !process.is_partial);
        let Some(Process { requests, habits, .. }) = process else { return Cause::default() };
        habits.acted(tid);
        let is_active = |served: &&Served| Some(served.key) != itself && served.may_cause(begun.time_ns);
        let active = requests.iter().filter(is_active);
        let own = active.clone().filter(|served| served.tid == tid);
        let thread = one(own).filter(|served| !served.is_pipelined && habits.may_prove_by_thread());
        let trace_id = begun.context.as_ref().map(|context| context.trace_id);
        let is_traced = |served: &&Served| served.context.is_some_and(|(known, _)| Some(known) == trace_id);
        let traced = one(active.clone().filter(is_traced))
            .or_else(|| one(active.clone().filter(is_traced).filter(|served| served.tid == tid)));
        let alone = one(active.clone()).filter(|served| !served.is_pipelined);
        let alone = alone.filter(|served| !habits.is_apart(tid, served.tid));
        let is_own = alone.is_some_and(|served| served.tid == tid);
        let candidates: Vec<_> = active.map(|served| served.key).take(CANDIDATES + 1).collect();
        let [traced, thread, alone] = [traced, thread, alone].map(|served| served.map(|served| served.key));
        if candidates.is_empty() && habits.is_seen_whole() {
            habits.strayed();
        }
        if let Some(served) = requests.iter_mut().find(|served| Some(served.key) == thread) {
            served.has_asked = true;
        }
        Cause {
            traced,
            thread,
            alone,
            only: alone.filter(|_| habits.proves_by_number(is_own)),
            candidates: if candidates.len() > CANDIDATES { Vec::new() } else { candidates },
            pid,
            tid,
            asked_ns: begun.time_ns,
            is_own,
            is_over: false,
        }
    }

    /// Whether a process was asked with this very header, so that it names no span of the process's own.
    pub(super) fn was_asked_with(&self, pid: u32, context: &Context) -> bool {
        let own = Some((context.trace_id, context.span_id));
        self.processes.get(&pid).is_some_and(|process| process.requests.iter().any(|one| one.context == own))
    }

    /// What a cause is, as far as is known by now.
    pub(super) fn proven(&self, cause: &Cause) -> Option<(ExchangeKey, Method)> {
        let habits = self.processes.get(&cause.pid).map(|process| &process.habits);
        let traced = cause.traced.map(|key| (key, Method::Header));
        let thread = cause.thread.filter(|_| habits.is_some_and(Habits::may_prove_by_thread));
        let by_thread = thread.filter(|_| habits.is_some_and(Habits::proves_by_thread));
        let only = cause.only.filter(|_| habits.is_some_and(|habits| habits.proves_by_number(cause.is_own)));
        // One and the same thread in either case.
        let by_thread = by_thread.or(thread.filter(|_| thread == only)).map(|key| (key, Method::Thread));
        traced.or(by_thread).or(only.map(|key| (key, Method::Only)))
    }
}
