//! Exchanges as providers read them, and the spans of the calls that they turn out to be.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::table::Conversation;
use super::{Effect, Pipeline};
use crate::bpf::Verdict;
use crate::call::{Call, Subject, Ticket};
use crate::correlate::ConnectionFacts;
use crate::correlate::exporters::{self, Export, OTLP_GRPC_PORT};
use crate::correlate::span::Span;
use crate::correlate::tree::ExchangeKey;
use crate::discovery::process::Process;
use crate::event::{ConnectionId, Ends, Role};
use crate::exchange::{Abandoned, Exchange, Outcome, State, Step};
use crate::protocol::http1::RequestHead;
use crate::provider::{self, Candidate, Interpreter, OVER_LIMIT, Recognition};
use crate::redact::Said;

/// An exchange that is a provider's, or may be.
pub(super) struct Followed {
    pub(super) reading: Reading,
    /// Who asked: the connection may go on to another process, and the process to another program.
    pub(super) process: Arc<Process>,
}

/// Who reads an exchange.
pub(super) enum Reading {
    /// A provider's interpreter.
    Known(Box<dyn Interpreter>),
    /// Nobody: it may be of a tree.
    Plain,
    /// Nobody yet: its request's body will tell.
    Candidate {
        candidate: Candidate,
        request: Arc<RequestHead>,
        /// Where in the direction of requests it stands.
        position: u64,
        /// The process is the one that is asked.
        is_served: bool,
    },
    /// Nobody: it hands spans to a receiver, and whether that takes them is of interest.
    Export,
}

/// Exchanges under way, by ordinal.
pub(super) type Exchanges = BTreeMap<u64, Followed>;

impl Pipeline {
    /// Walks the steps that one segment, moved by the process `pid`, led to.
    pub(super) fn follow(
        &mut self,
        connection: ConnectionId,
        conversation: &mut Conversation,
        pid: Option<u32>,
        position: u64,
        effects: &mut impl FnMut(Effect),
    ) {
        let mut steps = std::mem::take(&mut self.steps);
        for step in steps.drain(..) {
            if matches!(step, Step::Began { .. }) {
                conversation.awaited = None;
            }
            match step {
                Step::Began { ordinal, role: Role::Server, time_ns, request } => {
                    let pid = pid.unwrap_or(conversation.pid);
                    let key = ExchangeKey { connection, ordinal };
                    if self.serve(conversation, (key, pid, time_ns, position), &request, effects) {
                        continue;
                    }
                    conversation.ignored = true;
                    self.counters.connections_ignored_server_side.increment();
                    self.judge(connection, conversation, false, effects);
                }
                Step::Began { ordinal, role: Role::Client, time_ns, request } => {
                    let key = ExchangeKey { connection, ordinal };
                    let pid = pid.unwrap_or(conversation.pid);
                    self.tallies.of(conversation.pid).exchanges += 1;
                    if !self.admission.admits_client(self.table.ends(connection, conversation)) {
                        conversation.ignored = true;
                        continue;
                    }
                    if exporters::is_span_export(&request)
                        && self.saw_export(conversation, pid, Export::Request, effects)
                    {
                        let process = self.processes.get(pid);
                        conversation
                            .exchanges
                            .insert(ordinal, Followed { reading: Reading::Export, process });
                        continue;
                    }
                    let request_head = Arc::clone(&request);
                    let process = self.processes.get(pid);
                    let reading = match provider::recognise(&request, self.limits(&process)) {
                        Recognition::Known(interpreter) => {
                            self.judge(connection, conversation, true, effects);
                            Reading::Known(interpreter)
                        }
                        Recognition::Candidate(candidate) => {
                            Reading::Candidate { candidate, request, position, is_served: false }
                        }
                        Recognition::Foreign => {
                            self.asked(conversation, (key, pid, time_ns), &request);
                            if !self.pass(conversation, (key, pid, position), &request, effects) {
                                self.skip(connection, conversation, (ordinal, position), &request, effects);
                            }
                            continue;
                        }
                    };
                    self.asked(conversation, (key, pid, time_ns), &request_head);
                    conversation.exchanges.insert(ordinal, Followed { reading, process });
                }
                Step::Request { ordinal, frame } => {
                    match conversation.exchanges.get_mut(&ordinal).map(|followed| &mut followed.reading) {
                        Some(Reading::Known(interpreter)) => interpreter.request(&frame),
                        Some(Reading::Candidate { candidate, request, .. }) => {
                            let decision = candidate.request(request, &frame);
                            self.decide(connection, conversation, ordinal, decision, effects);
                        }
                        Some(Reading::Plain | Reading::Export) | None => {}
                    }
                }
                Step::Left { ordinal } => {
                    self.counters.served_calls_unread.increment();
                    if let Some(followed) = conversation.exchanges.get_mut(&ordinal) {
                        followed.reading = Reading::Known(provider::plain());
                    }
                }
                Step::Answered { ordinal, response } => {
                    self.export_answered(conversation, ordinal, response.status < 400);
                    let role = conversation.http.exchange(ordinal).map(|exchange| exchange.role);
                    let side = match role {
                        Some(Role::Client) => &conversation.read,
                        Some(Role::Server) | None => &conversation.write,
                    };
                    self.correlator.answered(ExchangeKey { connection, ordinal }, side.tid);
                    self.last_look(connection, conversation, ordinal, effects);
                }
                Step::Response { ordinal, frame } => {
                    let mut calls = Vec::new();
                    if let Some(Followed { reading: Reading::Known(interpreter), process }) =
                        conversation.exchanges.get_mut(&ordinal)
                    {
                        interpreter.response(&frame, &mut calls);
                        if calls.is_empty() {
                            continue;
                        }
                        // Of several calls in one exchange each is complete before the exchange is.
                        let process = Arc::clone(process);
                        if let Some(so_far) = conversation.http.exchange(ordinal) {
                            let so_far = Exchange { outcome: Outcome::Complete, ..so_far.clone() };
                            self.calls(connection, conversation, (&so_far, &process), calls, effects);
                        }
                    }
                }
                Step::Ended(exchange) => {
                    if matches!(
                        exchange.outcome,
                        Outcome::Failed(_) | Outcome::PeerClosed | Outcome::Cancelled
                    ) {
                        self.export_answered(conversation, exchange.ordinal, false);
                    }
                    self.last_look(connection, conversation, exchange.ordinal, effects);
                    self.exchange(connection, conversation, &exchange, effects);
                }
            }
        }
        self.steps = steps;
        if let State::Abandoned(reason) = conversation.http.state()
            && !conversation.ignored
        {
            conversation.ignored = true;
            self.count_abandoned(reason);
            if let Abandoned::Http2(role) = reason {
                self.tallies.of(conversation.pid).http2_connections += 1;
                let peer = self.table.ends(connection, conversation).and_then(Ends::peer);
                if role == Role::Client && peer.is_some_and(|peer| peer.port() == OTLP_GRPC_PORT) {
                    self.saw_export(
                        conversation,
                        pid.unwrap_or(conversation.pid),
                        Export::Connection,
                        effects,
                    );
                }
            }
        }
        if conversation.ignored {
            for ordinal in std::mem::take(&mut conversation.exchanges).into_keys() {
                self.correlator.left(ExchangeKey { connection, ordinal });
            }
            let tunnel = conversation.http.state() == State::Abandoned(Abandoned::Tunnel);
            let verdict = if tunnel { Verdict::Tunnel } else { Verdict::Ignore };
            effects(Effect::Decide { connection, position: u64::MAX, verdict });
        }
    }

    /// An exchange is over: if a provider followed it, it becomes a span.
    fn exchange(
        &mut self,
        connection: ConnectionId,
        conversation: &mut Conversation,
        exchange: &Exchange,
        effects: &mut impl FnMut(Effect),
    ) {
        let key = ExchangeKey { connection, ordinal: exchange.ordinal };
        let (interpreter, process) = match conversation.exchanges.remove(&exchange.ordinal) {
            Some(Followed { reading: Reading::Known(interpreter), process }) => (interpreter, process),
            // Of itself it is no call, and of no tree.
            Some(Followed { reading: Reading::Plain, process }) if self.correlator.is_linked(key) => {
                (provider::plain(), process)
            }
            Some(_) | None => return self.correlator.left(key),
        };
        match exchange.outcome {
            Outcome::Complete => &self.counters.exchanges_complete,
            Outcome::Cancelled => &self.counters.exchanges_cancelled,
            Outcome::PeerClosed => &self.counters.exchanges_peer_closed,
            Outcome::Failed(_) => &self.counters.exchanges_failed,
            Outcome::Lost => &self.counters.exchanges_lost,
            Outcome::Unreadable => &self.counters.exchanges_unreadable,
        }
        .increment();
        let mut calls = Vec::new();
        interpreter.finish(exchange, &mut calls);
        if exchange.role == Role::Server {
            // An app of one's own may have such a path.
            calls.retain(|call| call.request_model.is_some() || matches!(call.subject, Subject::Http { .. }));
            if calls.is_empty() {
                provider::plain().finish(exchange, &mut calls);
            }
        }
        self.calls(connection, conversation, (exchange, &process), calls, effects);
        let is_served = exchange.role == Role::Server;
        let client = self.table.client(connection, conversation).filter(|_| is_served);
        let peer = client.map(|client| client.connection);
        let mut spans = Vec::new();
        self.correlator.ended(key, (exchange.ended_ns, exchange.ended_ns), peer, &mut spans);
        self.placed(spans, effects);
    }

    /// Calls are complete: each becomes a span.
    fn calls(
        &mut self,
        connection: ConnectionId,
        conversation: &Conversation,
        (exchange, process): (&Exchange, &Arc<Process>),
        calls: Vec<Call>,
        effects: &mut impl FnMut(Effect),
    ) {
        let ends = self.table.ends(connection, conversation);
        // Of a session over memory it may have become known only after its first request.
        if exchange.role == Role::Client && !self.admission.admits_client(ends) {
            return;
        }
        let facts = ConnectionFacts {
            local: ends.and_then(Ends::local),
            peer: ends.and_then(Ends::peer),
            tls: conversation.is_tls(),
        };
        for mut call in calls {
            if let Some(recorded) = call.recorded.take() {
                self.tickets += 1;
                let ticket = Ticket(self.tickets);
                call.content = Some(ticket);
                let (provider, process) = (call.provider, Arc::clone(process));
                effects(Effect::Said(Said { ticket, recorded, provider, process, role: exchange.role }));
            }
            let new = exchange.notes.iter().filter(|note| !call.notes.contains(note));
            call.notes.iter().chain(new).for_each(|note| self.counters.reasons.notes.increment([*note]));
            if call.notes.iter().any(|note| OVER_LIMIT.contains(note)) {
                self.counters.bodies_truncated.increment();
            }
            if matches!(call.subject, Subject::Http { .. }) {
                self.counters.http_requests.increment();
            } else if exchange.role == Role::Server {
                self.counters.served_calls.increment();
            } else {
                self.counters.calls.increment();
                self.tallies.of(conversation.pid).calls += 1;
            }
            let time = (&self.clock, exchange.ended_ns);
            let key = ExchangeKey { connection, ordinal: exchange.ordinal };
            self.correlator.call(key, &call, exchange, Arc::clone(process), facts, time);
        }
        self.counters.header_ids_forgotten.set(self.correlator.forgotten_ids());
        self.counters.header_flags_forgotten.set(self.correlator.forgotten_flags());
        self.counters.spans_placed_early.set(self.correlator.let_go());
        self.counters.exchanges_untracked.set(self.correlator.untracked());
        self.counters.inferred_spans_left.set(self.correlator.unplaced());
        let contexts = self.correlator.contexts();
        self.counters.context_conflicts.set(contexts.conflicts);
        self.counters.contexts_invalid.set(contexts.invalid);
        let unpriced = self.correlator.unpriced();
        self.counters.calls_unpriced_model.set(unpriced.models);
        self.counters.calls_unpriced_counts.set(unpriced.counts);
    }

    /// Spans have found their places.
    pub(super) fn placed(&mut self, spans: Vec<Span>, effects: &mut impl FnMut(Effect)) {
        for span in spans {
            effects(Effect::Span(span));
        }
    }

    /// An exchange is of no interest: its bytes are not wanted any more.
    pub(super) fn skip(
        &mut self,
        connection: ConnectionId,
        conversation: &mut Conversation,
        (ordinal, position): (u64, u64),
        request: &RequestHead,
        effects: &mut impl FnMut(Effect),
    ) {
        self.counters.exchanges_without_endpoint.increment();
        self.correlator.left(ExchangeKey { connection, ordinal });
        self.judge(connection, conversation, false, effects);
        // The kernel side would pass over those that begin like it as well.
        if provider::may_differ_by_body(request) {
            return;
        }
        if conversation.http.skip(ordinal) {
            (conversation.read.skipping, conversation.write.skipping) = (true, true);
            let verdict =
                if self.may_rest(connection, conversation) { Verdict::Rest } else { Verdict::SkipExchange };
            effects(Effect::Decide { connection, position, verdict });
        }
    }

    /// Whether the exchanges that follow soon on this connection need not be looked at: it is read by its keys, which
    /// costs something, and its server, which is no provider's, was of no interest so far.
    fn may_rest(&self, connection: ConnectionId, conversation: &Conversation) -> bool {
        if conversation.tls.is_none() {
            return false;
        }
        let Some(name) = self.table.server_name(connection, conversation) else { return false };
        let known = name.as_deref().is_some_and(provider::is_known_host);
        !known && self.greetings.may_rest(conversation.pid, &name)
    }

    /// Says what an exchange tells of the process that made it: whether its TLS calls are worth probes. One that
    /// asks a provider keeps them, whatever else it does: that is told once in a while.
    pub(super) fn judge(
        &mut self,
        connection: ConnectionId,
        conversation: &Conversation,
        of_interest: bool,
        effects: &mut impl FnMut(Effect),
    ) {
        let pid = conversation.pid;
        if of_interest {
            self.trace(pid, effects);
        }
        if let Some(server_name) = self.table.server_name(connection, conversation) {
            self.greetings.judged(pid, server_name, of_interest);
        }
        let is_news = if of_interest {
            self.asking.insert(pid)
        } else {
            conversation.is_tls() && !self.asking.contains(&pid)
        };
        if is_news {
            effects(Effect::Judged { pid, of_interest });
        }
    }

    fn count_abandoned(&self, reason: Abandoned) {
        if let Abandoned::Malformed(words) = reason {
            self.counters.reasons.malformed.increment([words]);
        }
        match reason {
            Abandoned::NotHttp => &self.counters.connections_ignored_not_http,
            Abandoned::Http2(Role::Client) => &self.counters.connections_ignored_http2,
            Abandoned::Http2(Role::Server) => &self.counters.connections_ignored_server_side,
            Abandoned::Tunnel => &self.counters.connections_ignored_tunnel,
            Abandoned::Malformed(_) => &self.counters.connections_ignored_malformed,
            Abandoned::Unpaired => &self.counters.connections_ignored_unpaired,
        }
        .increment();
    }
}
