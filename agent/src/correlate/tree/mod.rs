//! Trees: which exchange caused which, across the processes of this host.
//!
//! Every exchange that is followed is remembered from its begin: those that a process serves ([`Forest::served`]) and those
//! that it makes ([`Forest::asked`]). What has to do with one another shares a [`slot`](slots::Slot): spans wait there
//! until all of its exchanges are over, so that a trace id learnt late reaches all of them, and then each
//! finds its place ([`place`]).

mod ends;
mod habits;
mod place;
mod program;
mod serving;
mod slots;
mod sums;

use std::collections::HashMap;
use std::sync::Arc;

use super::agents::{Agents, Part};
use super::exporters::Exporters;
use super::ids::IdGenerator;
use super::propagation::Context;
use super::span::{Span, SpanId, TraceId};
use super::taken::TakenIds;
use crate::discovery::process::Process;
use crate::event::{ConnectionId, Role};

use ends::may_be_one;
#[cfg(test)]
pub(super) use place::HELD_MAX;
use program::Run;
use serving::{Cause, Serving};
use slots::{SlotId, Slots};

/// Exchanges that are remembered; past it new ones have no links but their headers'.
const EXCHANGES: usize = 65_536;

/// How much later than the receipt that it leads to a send may seem to begin, in nanoseconds: where TCP does not say when, it
/// is known when the call was over.
const SLACK_NS: u64 = 2_000_000;

/// Which exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExchangeKey {
    /// Its connection.
    pub connection: ConnectionId,
    /// Which of its exchanges.
    pub ordinal: u64,
}

/// An exchange that begins.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The process.
    pub process: Arc<Process>,
    /// The thread that sent its first byte, or received its head's last one.
    pub tid: u32,
    /// When (`CLOCK_MONOTONIC`).
    pub time_ns: u64,
    /// The other end's connection, if that is known.
    pub peer: Option<ConnectionId>,
    /// What its header says.
    pub(super) context: Option<Context>,
}

/// Where a span stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent: Option<SpanId>,
    /// How the parent came to be known.
    pub(super) method: Option<Method>,
    /// What may be its parent, and what would be if it were of the same trace.
    pub(super) links: Vec<(TraceId, SpanId)>,
}

/// How a parent came to be known, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Its id stands in a header.
    Header,
    /// The two are the ends of one exchange.
    Connection,
    /// One thread did both, and nothing else meanwhile.
    Thread,
    /// It was all that its process was asked for at that time.
    Only,
    /// A run of a program, of which it is a part.
    Program,
    /// What the messages of an agent's calls say.
    Content,
}

impl Method {
    /// The value of `spanwire.link.method`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Connection => "connection",
            Self::Thread => "thread",
            Self::Only => "only",
            Self::Program => "program",
            Self::Content => "content",
        }
    }
}

/// What is remembered of an exchange.
#[derive(Debug)]
struct Known {
    role: Role,
    begun: Begun,
    /// Of its span, unless that takes its header's.
    span_id: SpanId,
    slot: SlotId,
    /// What a process made it for.
    cause: Cause,
    /// The other end's exchange.
    other: Option<ExchangeKey>,
    ended_ns: Option<u64>,
    /// Once that was settled.
    place: Option<Place>,
    /// A span of it waits, or did.
    has_call: bool,
    /// A span has its id.
    has_span: bool,
}

impl Known {
    /// Of its begin, and of its end.
    fn times(&self) -> (u64, Option<u64>) {
        (self.begun.time_ns, self.ended_ns)
    }
}

/// What settling needs beside the trees.
pub(super) struct Tools<'a> {
    pub(super) ids: &'a mut IdGenerator,
    pub(super) taken: &'a mut TakenIds,
    pub(super) exporters: &'a mut Exporters,
    pub(super) agents: &'a mut Agents,
}

/// A span that waits for its place.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) key: ExchangeKey,
    pub(super) span: Span,
    /// Whether what its request's header names is sampled: the id there is one that the span takes or is the child of. None
    /// without such a header.
    pub(super) is_sampled: Option<bool>,
    /// What it has to do with runs of agents.
    pub(super) part: Option<Part>,
    /// When it began to wait.
    pub(super) since_ns: u64,
}

/// All trees that grow.
#[derive(Debug, Default)]
pub(super) struct Forest {
    known: HashMap<ExchangeKey, Known>,
    /// The latest exchange that was made on a connection.
    asked: HashMap<ConnectionId, ExchangeKey>,
    /// Exchanges that are served whose other end, on this connection, was not seen yet.
    unjoined: HashMap<ConnectionId, ExchangeKey>,
    serving: Serving,
    slots: Slots,
    programs: program::Programs,
    /// Calls of a process that serves nobody hang under one span.
    pub(super) has_programs: bool,
    /// Spans of runs of agents that have no place, since their calls are below spans of a tracer's.
    pub(super) unplaced: u64,
    /// Exchanges that found no room.
    pub(super) unknown: u64,
}

impl Forest {
    /// A process is asked for something.
    pub(super) fn served(&mut self, key: ExchangeKey, begun: Begun, ids: &mut IdGenerator) {
        if !self.has_room() {
            self.serving.missed(begun.process.pid);
            return;
        }
        self.unknown += u64::from(!self.serving.began(key, &begun));
        let other = begun.peer.and_then(|peer| self.asked.get(&peer)).copied();
        let other = other.filter(|other| self.is_asked_for(*other, (begun.time_ns, None)));
        if other.is_none()
            && let Some(peer) = begun.peer
            && self.unjoined.len() < EXCHANGES
        {
            self.unjoined.insert(peer, key);
        }
        let slot = match other.and_then(|other| self.known.get(&other)) {
            Some(other) => other.slot,
            None => self.slots.begin(),
        };
        self.begin(key, Role::Server, begun, (slot, Cause::default(), other), ids);
        if let Some(other) = other.and_then(|other| self.known.get_mut(&other)) {
            other.other = Some(key);
        }
    }

    /// A process asks for something.
    pub(super) fn asked(&mut self, key: ExchangeKey, begun: Begun, ids: &mut IdGenerator) {
        if !self.has_room() {
            return;
        }
        let served = self.unjoined.get(&key.connection).copied();
        let served = served.filter(|served| {
            let served = self.known.get(served);
            served.is_some_and(|served| may_be_one((begun.time_ns, None), served.times()))
        });
        let cause = self.serving.asked(&begun, served);
        let slot = cause.likely().and_then(|cause| self.known.get(&cause)).map(|cause| cause.slot);
        // One that is of another trace waits for nobody.
        let slot = slot.filter(|slot| {
            let trace_id = begun.context.as_ref().map(|context| context.trace_id);
            trace_id.is_none_or(|trace_id| self.slots.trace_id(*slot).is_none_or(|known| known == trace_id))
        });
        let slot = slot.unwrap_or_else(|| self.slots.begin());
        self.asked.insert(key.connection, key);
        self.begin(key, Role::Client, begun, (slot, cause, None), ids);
        if let Some(served) = served {
            self.join(served, key);
        }
    }

    fn begin(
        &mut self,
        key: ExchangeKey,
        role: Role,
        begun: Begun,
        (slot, cause, other): (SlotId, Cause, Option<ExchangeKey>),
        ids: &mut IdGenerator,
    ) {
        if let Some(context) = &begun.context {
            self.slots.learn(slot, context.trace_id);
        }
        self.slots.open(slot, key);
        let span_id = ids.span_id();
        let (ended_ns, place, has_call, has_span) = (None, None, false, false);
        let known = Known { role, begun, span_id, slot, cause, other, ended_ns, place, has_call, has_span };
        if let Some(before) = self.known.insert(key, known) {
            self.slots.close(before.slot);
            self.asked_no_more(&before);
        }
    }

    fn has_room(&mut self) -> bool {
        let has_room = self.known.len() < EXCHANGES;
        self.unknown += u64::from(!has_room);
        has_room
    }

    /// A thread begins to answer what its process serves, or to receive the answer to what that asked for.
    pub(super) fn answered(&mut self, key: ExchangeKey, tid: u32) {
        match self.known.get_mut(&key) {
            Some(known) if known.role == Role::Client => {
                self.serving.was_answered(&mut known.cause, Some(tid))
            }
            _ => self.serving.answered(key, tid),
        }
    }

    /// An exchange is over, or followed no more.
    fn asked_no_more(&mut self, known: &Known) {
        if known.role == Role::Client && known.ended_ns.is_none() {
            self.serving.asked_no_more(known.begun.process.pid);
        }
    }

    /// An exchange is not followed any more, and has no span.
    pub(super) fn left(&mut self, key: ExchangeKey) {
        if let Some(known) = self.known.get(&key).filter(|known| known.ended_ns.is_none()) {
            let slot = known.slot;
            self.slots.leave(slot, key);
            self.slots.close(slot);
            self.forget(key);
        }
    }

    /// An exchange is over at this time; `peer` is the other end's connection, if that is known by now. A client's without a
    /// span is of no more use.
    pub(super) fn ended(&mut self, key: ExchangeKey, time_ns: u64, peer: Option<ConnectionId>) {
        let Some(known) = self.known.get_mut(&key).filter(|known| known.ended_ns.is_none()) else { return };
        let times = (known.begun.time_ns, Some(time_ns));
        match known.role {
            Role::Client => {
                self.serving.was_answered(&mut known.cause, None);
                if !known.has_call {
                    return self.left(key);
                }
                self.serving.asked_no_more(known.begun.process.pid);
            }
            Role::Server => self.serving.ended(key, time_ns),
        }
        self.compare_ends(key, times, peer);
        if let Some(known) = self.known.get_mut(&key) {
            known.ended_ns = Some(time_ns);
            self.slots.close(known.slot);
        }
    }

    /// Whether an exchange may have been caused by another one, or is followed at its other end, too.
    pub(super) fn is_linked(&self, key: ExchangeKey) -> bool {
        let Some(known) = self.known.get(&key) else { return false };
        known.cause.candidates().next().is_some() || known.cause.likely().is_some() || known.other.is_some()
    }

    /// What an exchange was made for, as far as is known by now.
    pub(super) fn cause(&self, key: ExchangeKey) -> Option<ExchangeKey> {
        Some(self.serving.proven(&self.known.get(&key)?.cause)?.0)
    }

    /// Whether a process was seen to serve anything.
    pub(super) fn serves(&self, pid: u32) -> bool {
        self.serving.has_begun(pid)
    }

    /// Spans that wait for their place.
    pub(super) fn waiting(&self) -> usize {
        self.slots.held()
    }

    /// A span of an exchange that is over waits for its place.
    pub(super) fn hold(&mut self, held: Held) {
        let known = self.known.get_mut(&held.key);
        let slot = known.map(|known| {
            known.has_call = true;
            known.slot
        });
        self.slots.hold(slot, held);
    }

    /// A process is gone, or runs another program.
    pub(super) fn process_ended(&mut self, pid: u32) -> Option<Span> {
        self.serving.process_ended(pid);
        self.programs.ended(pid)?.into_span()
    }

    fn forget(&mut self, key: ExchangeKey) {
        self.serving.forget(key);
        let Some(known) = self.known.remove(&key) else { return };
        self.asked_no_more(&known);
        if self.asked.get(&key.connection) == Some(&key) {
            self.asked.remove(&key.connection);
        }
        if let Some(peer) = known.begun.peer
            && self.unjoined.get(&peer) == Some(&key)
        {
            self.unjoined.remove(&peer);
        }
    }
}
