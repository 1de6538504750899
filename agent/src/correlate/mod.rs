//! From calls to spans: names, attributes, times, and the place in a trace.

mod agents;
pub mod attributes;
mod call_span;
pub mod clock;
mod collections;
mod counts;
pub mod exporters;
pub mod ids;
pub mod propagation;
pub mod score;
pub mod span;
mod stated;
mod status;
mod taken;
#[cfg(test)]
mod tests;
mod totals;
pub mod tree;
mod unseen;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::call::Call;
use crate::config::{AdoptChoice, Endpoints};
use crate::discovery::process::Process;
use crate::event::{ConnectionId, Role};
use crate::exchange::Exchange;
use crate::price::Prices;
use crate::protocol::http1::RequestHead;
use agents::{Agents, Called, Follows};
use clock::Clock;
use collections::Collections;
pub use counts::{ContextCounts, UnpricedCalls};
use exporters::{Export, Exporters};
use ids::IdGenerator;
use propagation::WholeIds;
use span::Span;
use stated::StatedFlags;
use taken::TakenIds;
use tree::{Begun, ExchangeKey, Forest, Held, Tools};
pub use unseen::Unseen;

/// What is known of the connection that carried an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// The other end.
    pub peer: Option<SocketAddr>,
    /// This end's address.
    pub local: Option<SocketAddr>,
    /// The bytes were encrypted on the wire.
    pub tls: bool,
}

/// An exchange that begins.
#[derive(Debug)]
pub struct Beginning<'a> {
    /// Which end the process is.
    pub role: Role,
    /// Who.
    pub process: Arc<Process>,
    /// The thread that sent its first bytes, or received them.
    pub tid: u32,
    /// When (`CLOCK_MONOTONIC`).
    pub time_ns: u64,
    /// Its head.
    pub request: &'a RequestHead,
    /// The other end's connection, if that is on this host and known.
    pub peer: Option<ConnectionId>,
}

/// Makes spans of calls and finds their places in traces. A span whose place is not known yet is held, and
/// handed out by one of the later calls.
#[derive(Debug)]
pub struct Correlator {
    ids: IdGenerator,
    taken: TakenIds,
    whole: WholeIds,
    stated: StatedFlags,
    contexts: ContextCounts,
    exporters: Exporters,
    forest: Forest,
    agents: Agents,
    /// Runs of agents and programs have spans.
    makes_trees: bool,
    let_go: u64,
    collections: Collections,
    prices: Prices,
    unpriced: UnpricedCalls,
    approved: Endpoints,
}

impl Correlator {
    /// Header ids that are remembered as taken; past it the oldest is forgotten.
    pub const TAKEN_MAX: usize = 65_536;

    /// A correlator that takes new ids from `ids`, and costs from `prices`.
    #[must_use]
    pub fn new(ids: IdGenerator, prices: Prices) -> Self {
        Self {
            ids,
            taken: TakenIds::new(Self::TAKEN_MAX),
            whole: WholeIds::default(),
            stated: StatedFlags::default(),
            contexts: ContextCounts::default(),
            exporters: Exporters::default(),
            forest: Forest::default(),
            agents: Agents::default(),
            makes_trees: false,
            let_go: 0,
            collections: Collections::default(),
            prices,
            unpriced: UnpricedCalls::default(),
            approved: Endpoints::default(),
        }
    }

    /// With the operator's list of the endpoints that programs may use.
    #[must_use]
    pub fn with_approved(mut self, approved: Endpoints) -> Self {
        self.approved = approved;
        self
    }

    /// With the operator's word on whose the ids in headers are.
    #[must_use]
    pub fn with_adopt(mut self, adopt: AdoptChoice) -> Self {
        self.exporters.adopt = adopt;
        self
    }

    /// With calls of a process put together: what it makes while it serves a request, and, where it serves nobody, in a
    /// run of its program.
    #[must_use]
    pub fn with_trees(mut self, are_made: bool) -> Self {
        self.forest.has_programs = are_made;
        self.makes_trees = are_made;
        self
    }

    /// An exchange begins that is followed, or of which its head alone is of interest.
    pub fn began(&mut self, key: ExchangeKey, exchange: Beginning<'_>) {
        let mut propagated = propagation::read(&exchange.request.headers);
        self.whole.complete(&mut propagated);
        self.stated.learn(propagated.context.as_ref());
        let Beginning { role, process, tid, time_ns, peer, .. } = exchange;
        let begun = Begun { process, tid, time_ns, peer, context: propagated.context };
        match role {
            Role::Server => self.forest.served(key, begun, &mut self.ids),
            Role::Client => self.forest.asked(key, begun, &mut self.ids),
        }
    }

    /// What a process serves is answered by this thread, or what it asked for has an answer that this thread receives.
    pub fn answered(&mut self, key: ExchangeKey, tid: u32) {
        self.forest.answered(key, tid);
    }

    /// An exchange that began has no span.
    pub fn left(&mut self, key: ExchangeKey) {
        self.forest.left(key);
    }

    /// Whether an exchange belongs to what is traced: it was made for something that is served, or is served on this host.
    #[must_use]
    pub fn is_linked(&self, key: ExchangeKey) -> bool {
        self.forest.is_linked(key)
    }

    /// Whether a process was seen to serve anything.
    #[must_use]
    pub fn serves(&self, pid: u32) -> bool {
        self.forest.serves(pid)
    }

    /// A call is over, or all that is to be said of it; `now_ns` is the time (`CLOCK_MONOTONIC`) of what told so. Its span
    /// is handed out when [`Self::ended`] was told of its exchange, or later.
    pub fn call(
        &mut self,
        key: ExchangeKey,
        call: &Call,
        exchange: &Exchange,
        process: Arc<Process>,
        connection: ConnectionFacts,
        (clock, now_ns): (&Clock, u64),
    ) {
        let named = self.collections.name(call, exchange).map(|name| collections::named(call, name));
        let call = named.as_ref().unwrap_or(call);
        let mut propagated = propagation::read(&exchange.request.headers);
        self.whole.complete(&mut propagated);
        self.stated.learn(propagated.context.as_ref());
        self.contexts.conflicts += u64::from(!propagated.others.is_empty());
        self.contexts.invalid += u64::from(!propagated.notes.is_empty());
        let mut span = self.span(call, exchange, process, connection, clock, &propagated);
        propagation::put_on(&mut span, &propagated, exchange.response.as_deref());
        let header = propagated.context.filter(|_| exchange.role == Role::Client);
        let is_sampled = header.map(|context| context.is_sampled());
        let (mut part, mut follows) = (None, Vec::new());
        if self.makes_trees && exchange.role == Role::Client {
            let cause = self.forest.cause(key);
            let times_ns = call.times_ns.unwrap_or((exchange.started_ns, exchange.ended_ns));
            let process = Arc::clone(&span.process);
            let may_be_anyones = cause.is_none() && self.forest.serves(process.pid);
            let called = Called { key, call, process: &process, cause, may_be_anyones, times_ns };
            (part, follows) = self.agents.called(&called, &mut span, &mut self.ids);
        }
        self.forest.hold(Held { key, span, is_sampled, part, since_ns: now_ns });
        self.hold(follows, now_ns);
    }

    /// An exchange is over, with all its calls; `peer` is the other end's connection, if it is on this host.
    pub fn ended(
        &mut self,
        key: ExchangeKey,
        (ended_ns, now_ns): (u64, u64),
        peer: Option<ConnectionId>,
        spans: &mut Vec<Span>,
    ) {
        self.forest.ended(key, ended_ns, peer);
        self.settle((now_ns, false), spans);
    }

    /// A process handed spans to a receiver. Whether the receiver's answer is to be told by
    /// [`Self::export_answered`].
    pub fn saw_export(&mut self, pid: u32, export: Export, now_ns: u64, spans: &mut Vec<Span>) -> bool {
        let (is_news, wants_answer) = self.exporters.saw_export(pid, export, now_ns);
        if is_news {
            self.give_up(Some(pid), now_ns, spans);
        }
        wants_answer
    }

    /// A receiver of spans accepted what a process handed it, or did not.
    pub fn export_answered(&mut self, pid: u32, is_accepted: bool, now_ns: u64) {
        self.exporters.answered(pid, is_accepted, now_ns);
    }

    /// A process is gone, or runs another program: no more is to be learned of it.
    pub fn process_ended(&mut self, pid: u32, now_ns: u64, spans: &mut Vec<Span>) {
        let follows = self.agents.expire(None, Some(pid));
        self.hold(follows, now_ns);
        self.give_up(Some(pid), now_ns, spans);
        let before = spans.len();
        spans.extend(self.forest.process_ended(pid));
        self.state(spans, before);
        self.exporters.forget(pid);
    }

    /// To be called about once a second: hands out what has waited long enough.
    pub fn tick(&mut self, now_ns: u64, spans: &mut Vec<Span>) {
        let follows = self.agents.expire(Some(now_ns), None);
        self.hold(follows, now_ns);
        self.settle((now_ns, true), spans);
    }

    /// The agent is stopping: hands out all that waits.
    pub fn finish(&mut self, now_ns: u64, spans: &mut Vec<Span>) {
        let follows = self.agents.expire(None, None);
        self.hold(follows, now_ns);
        self.give_up(None, now_ns, spans);
    }

    fn hold(&mut self, follows: Vec<Follows>, since_ns: u64) {
        for Follows { key, span, part } in follows {
            self.forest.hold(Held { key, span, is_sampled: None, part: Some(part), since_ns });
        }
    }

    fn settle(&mut self, time: (u64, bool), spans: &mut Vec<Span>) {
        let before = spans.len();
        let Self { ids, taken, exporters, forest, agents, .. } = self;
        self.let_go += forest.settle(time, &mut Tools { ids, taken, exporters, agents }, spans);
        self.state(spans, before);
    }

    fn give_up(&mut self, pid: Option<u32>, now_ns: u64, spans: &mut Vec<Span>) {
        let before = spans.len();
        let Self { ids, taken, exporters, forest, agents, .. } = self;
        forest.give_up(pid, now_ns, &mut Tools { ids, taken, exporters, agents }, spans);
        self.state(spans, before);
    }

    /// Spans from this one on found their places.
    fn state(&self, spans: &mut [Span], from: usize) {
        self.stated.put_on(spans.get_mut(from..).unwrap_or_default());
    }

    /// Of how many traces it was forgotten whether headers say that they are sampled, to stay within a bound.
    #[must_use]
    pub fn forgotten_flags(&self) -> u64 {
        self.stated.forgotten()
    }

    /// How many calls had headers that name several traces, or that are invalid.
    #[must_use]
    pub fn contexts(&self) -> ContextCounts {
        self.contexts
    }

    /// How many exchanges have no links but those in headers, since too many were under way.
    #[must_use]
    pub fn untracked(&self) -> u64 {
        self.forest.unknown
    }

    /// How many spans of agents' runs and their tools were not made: their calls are below spans of a tracer's, or a run wants
    /// too many tools.
    #[must_use]
    pub fn unplaced(&self) -> u64 {
        self.forest.unplaced + self.agents.forgotten
    }

    /// How many calls were billed that have no cost.
    #[must_use]
    pub fn unpriced(&self) -> UnpricedCalls {
        self.unpriced
    }

    /// How many header ids were forgotten to stay within [`Self::TAKEN_MAX`]. A request that repeats
    /// one of those would be given its span id a second time.
    #[must_use]
    pub fn forgotten_ids(&self) -> u64 {
        self.taken.forgotten()
    }

    /// How many spans wait for their place now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.forest.waiting()
    }

    /// How many spans went before all was known that their place depends on, since they waited for too long or were too many.
    #[must_use]
    pub fn let_go(&self) -> u64 {
        self.let_go
    }
}
