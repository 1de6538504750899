//! From calls to spans: names, attributes, times, and the place in a trace.

pub mod attributes;
pub mod clock;
mod collections;
pub mod exporters;
mod hold;
pub mod ids;
mod place;
pub mod propagation;
pub mod span;
mod status;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use crate::call::{Call, Subject};
use crate::config::AdoptChoice;
use crate::discovery::process::Process;
use crate::event::Role;
use crate::exchange::Exchange;
use crate::price::{Cost, Prices, Unpriced};
use crate::protocol::http1::RequestHead;
use crate::provider;
use clock::Clock;
use collections::Collections;
use exporters::{Export, Exporters};
use hold::{Hold, Waiting};
use ids::IdGenerator;
use place::TakenIds;
use propagation::{Propagated, RANDOM, SAMPLED, WholeIds};
use span::{Kind, Span};

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

/// Makes spans of calls and finds their places in traces. A span whose place is not known yet is held, and
/// handed out by one of the later calls.
#[derive(Debug)]
pub struct Correlator {
    ids: IdGenerator,
    taken: TakenIds,
    whole: WholeIds,
    contexts: ContextCounts,
    exporters: Exporters,
    hold: Hold,
    let_go: u64,
    collections: Collections,
    prices: Prices,
    unpriced: UnpricedCalls,
}

/// How many calls had headers of which the trace they belong to is not plain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContextCounts {
    /// They name several traces.
    pub conflicts: u64,
    /// One of them is invalid.
    pub invalid: u64,
}

/// How many calls were billed that have no cost, by what is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnpricedCalls {
    /// Nobody says what the model costs.
    pub models: u64,
    /// The counts of tokens contradict each other.
    pub counts: u64,
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
            contexts: ContextCounts::default(),
            exporters: Exporters::default(),
            hold: Hold::default(),
            let_go: 0,
            collections: Collections::default(),
            prices,
            unpriced: UnpricedCalls::default(),
        }
    }

    /// With the operator's word on whose the ids in headers are.
    #[must_use]
    pub fn with_adopt(mut self, adopt: AdoptChoice) -> Self {
        self.exporters.adopt = adopt;
        self
    }

    /// A request began: what it says of its trace may be needed before it is over, or though it is no call.
    pub fn saw_request(&mut self, request: &RequestHead) {
        self.whole.complete(&mut propagation::read(&request.headers));
    }

    /// A call is over; `now_ns` is the time (`CLOCK_MONOTONIC`) of what told so. Hands out its span, unless
    /// that has to wait.
    pub fn call(
        &mut self,
        call: &Call,
        exchange: &Exchange,
        process: Arc<Process>,
        connection: ConnectionFacts,
        (clock, now_ns): (&Clock, u64),
        spans: &mut Vec<Span>,
    ) {
        let named = self.collections.name(call, exchange).map(|name| collections::named(call, name));
        let call = named.as_ref().unwrap_or(call);
        let mut propagated = propagation::read(&exchange.request.headers);
        self.whole.complete(&mut propagated);
        self.contexts.conflicts += u64::from(!propagated.others.is_empty());
        self.contexts.invalid += u64::from(!propagated.notes.is_empty());
        let mut span = self.span(call, exchange, process, connection, clock, &propagated);
        propagation::put_on(&mut span, &propagated, exchange.response.as_deref());
        let Some(context) = propagated.context else { return spans.push(span) };
        if exchange.role == Role::Server {
            let span_id = self.ids.span_id();
            return spans.push(Span { span_id, parent: Some(context.span_id), ..span });
        }
        let decision = self.exporters.decide(&span.process, now_ns);
        let until_ns = decision.err().unwrap_or(now_ns);
        let waiting = Waiting { span, header: context.span_id, until_ns };
        if let Ok(exports_spans) = decision {
            spans.push(self.place(waiting, exports_spans));
        } else if let Some(gone) = self.hold.push(waiting) {
            self.let_go += 1;
            spans.push(self.place(gone, false));
        }
    }

    /// A process handed spans to a receiver. Whether the receiver's answer is to be told by
    /// [`Self::export_answered`].
    pub fn saw_export(&mut self, pid: u32, export: Export, now_ns: u64, spans: &mut Vec<Span>) -> bool {
        let (is_news, wants_answer) = self.exporters.saw_export(pid, export, now_ns);
        if is_news {
            let waiting = self.hold.of(pid);
            spans.extend(waiting.into_iter().map(|waiting| self.place(waiting, true)));
        }
        wants_answer
    }

    /// A receiver of spans accepted what a process handed it, or did not.
    pub fn export_answered(&mut self, pid: u32, is_accepted: bool, now_ns: u64) {
        self.exporters.answered(pid, is_accepted, now_ns);
    }

    /// A process is gone, or runs another program: no more is to be learned of it.
    pub fn ended(&mut self, pid: u32, spans: &mut Vec<Span>) {
        self.exporters.forget(pid);
        let waiting = self.hold.of(pid);
        spans.extend(waiting.into_iter().map(|waiting| self.place(waiting, false)));
    }

    /// To be called about once a second: hands out what has waited long enough.
    pub fn tick(&mut self, now_ns: u64, spans: &mut Vec<Span>) {
        let waiting = self.hold.due(now_ns);
        spans.extend(waiting.into_iter().map(|waiting| self.place(waiting, false)));
    }

    /// The agent is stopping: hands out all that waits.
    pub fn finish(&mut self, spans: &mut Vec<Span>) {
        let waiting = self.hold.all();
        spans.extend(waiting.into_iter().map(|waiting| self.place(waiting, false)));
    }

    fn place(&mut self, waiting: Waiting, exports_spans: bool) -> Span {
        let Waiting { span, header, .. } = waiting;
        let (span_id, parent) =
            place::client(span.trace_id, header, exports_spans, &mut self.taken, &mut self.ids);
        Span { span_id, parent, ..span }
    }

    /// The span of one call that is over: a root, or with the trace of its header and no place in it yet.
    fn span(
        &mut self,
        call: &Call,
        exchange: &Exchange,
        process: Arc<Process>,
        connection: ConnectionFacts,
        clock: &Clock,
        propagated: &Propagated,
    ) -> Span {
        // Without a valid context it belongs to no trace (W3C Trace Context, section 3.3.1.1).
        let (trace_id, flags, trace_state) = match &propagated.context {
            Some(context) => (context.trace_id, context.flags, context.trace_state.clone()),
            None => (self.ids.trace_id(), SAMPLED | RANDOM, String::new()),
        };
        let (status, error_type, status_note) = status::status(call, exchange);
        let mut notes = call.notes.clone();
        let noted = exchange.notes.iter().chain(&status_note).chain(&propagated.notes);
        for note in noted.copied() {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        let (started_ns, ended_ns) = call.times_ns.unwrap_or((exchange.started_ns, exchange.ended_ns));
        let started = clock.at(started_ns);
        let cost = self.cost(call, exchange, started).unwrap_or_else(|note| {
            notes.push(note);
            None
        });
        Span {
            trace_id,
            span_id: self.ids.span_id(),
            parent: None,
            flags,
            trace_state,
            kind: match exchange.role {
                Role::Client => Kind::Client,
                Role::Server => Kind::Server,
            },
            name: name(call, exchange),
            started,
            ended: clock.at(ended_ns.max(started_ns)),
            attributes: attributes::of(call, exchange, connection, error_type, (cost.as_ref(), &notes)),
            events: Vec::new(),
            links: Vec::new(),
            status,
            chunk_gaps_us: call.chunk_gaps_us.clone(),
            process,
        }
    }

    /// What a call cost the one who made it, or a note why nobody knows.
    fn cost(
        &mut self,
        call: &Call,
        exchange: &Exchange,
        at: SystemTime,
    ) -> Result<Option<Cost>, &'static str> {
        if exchange.role != Role::Client || !call.is_final {
            return Ok(None);
        }
        let own_host = provider::is_own_host(&exchange.request, call.provider);
        self.prices.cost(call, exchange.request.host.as_deref(), own_host, at).map_err(|why| match why {
            Unpriced::Model => {
                self.unpriced.models += 1;
                "no price is known for the model"
            }
            Unpriced::Counts => {
                self.unpriced.counts += 1;
                "token counts contradict each other"
            }
        })
    }

    /// How many calls had headers that name several traces, or that are invalid.
    #[must_use]
    pub fn contexts(&self) -> ContextCounts {
        self.contexts
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

    /// How many spans went before it was known whether their process exports spans, since too many waited.
    #[must_use]
    pub fn let_go(&self) -> u64 {
        self.let_go
    }
}

/// The span's name: the operation, and what it was done to where that is one of few (GenAI, database and
/// HTTP conventions).
fn name(call: &Call, exchange: &Exchange) -> String {
    let method = exchange.request.method.as_str();
    let (operation, target) = match &call.subject {
        Subject::Retrieval { store, .. } | Subject::Points { store, .. } => {
            (store.operation_name(), store.collection.as_ref())
        }
        Subject::Tool { name, .. } => ("execute_tool".into(), Some(name)),
        Subject::Agent { name, .. } => ("invoke_agent".into(), name.as_ref()),
        Subject::Http { route } => (method.into(), route.as_ref()),
        subject => (subject.operation().unwrap_or(method).into(), call.request_model.as_ref()),
    };
    match target {
        Some(target) => format!("{operation} {}", attributes::bounded(target)),
        None => operation.into_owned(),
    }
}
