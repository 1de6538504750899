//! The stages joined: events go in, redacted spans and wishes about connections come out. The one
//! module that knows all others; it does no I/O itself but for looking up who a process is.

mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bpf::Verdict;
use crate::correlate::clock::Clock;
use crate::correlate::span::Span;
use crate::correlate::{ConnectionFacts, Correlator};
use crate::discovery::process::{Process, ProcessTable};
use crate::event::{Chunk, ConnectionId, Direction, End, Ends, Event, Role, Source};
use crate::exchange::{Abandoned, Exchange, Outcome, State, Step};
use crate::protocol::tls;
use crate::provider::{self, BodyLimits, Interpreter, OVER_LIMIT};
use crate::redact::{Redacted, redact};
use crate::stream::Segment;
use crate::telemetry::Counters;
use table::{Conversation, Hello, Side, Table};

/// What the pipeline wants done.
#[derive(Debug)]
pub enum Effect {
    /// A span is ready to go out.
    Span(Redacted<Span>),
    /// The kernel side shall stop sending a connection's bytes; `position` is one in the direction
    /// of requests, within the exchange that is meant.
    Decide {
        /// The connection.
        connection: ConnectionId,
        /// Where in its requests.
        position: u64,
        /// For how long.
        verdict: Verdict,
    },
    /// A TLS client began on a socket.
    TlsClient {
        /// Process id.
        pid: u32,
        /// The server that it asked for.
        server_name: Option<String>,
        /// Whether that server is a provider's.
        known: bool,
    },
    /// A TLS client's connection to a provider is over, and no plaintext of it was seen.
    Unseen(Unseen),
    /// An exchange over TLS began, or a TLS session turned out to be something else than HTTP.
    Judged {
        /// Process id.
        pid: u32,
        /// Whether the process asks a provider.
        of_interest: bool,
    },
    /// A process is gone.
    ProcessEnded {
        /// Process id.
        pid: u32,
    },
}

/// A conversation of which only the outside was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Unseen {
    /// Who had it.
    pub process: Arc<Process>,
    /// With whom.
    pub server_name: String,
    /// Bytes read and written, TLS included.
    pub moved: [u64; 2],
    /// From the ClientHello to the end, in nanoseconds.
    pub lasted_ns: u64,
}

/// All state between the ring buffer and the exporters.
pub struct Pipeline {
    table: Table,
    processes: ProcessTable,
    correlator: Correlator,
    clock: Clock,
    limits: BodyLimits,
    counters: Arc<Counters>,
    /// Reused for the steps of one segment.
    steps: Vec<Step>,
}

/// An exchange that a provider follows.
type Interpreters = BTreeMap<u64, Box<dyn Interpreter>>;

impl Pipeline {
    /// With nothing seen yet.
    #[must_use]
    pub fn new(
        processes: ProcessTable,
        correlator: Correlator,
        clock: Clock,
        limits: BodyLimits,
        counters: Arc<Counters>,
    ) -> Self {
        Self { table: Table::default(), processes, correlator, clock, limits, counters, steps: Vec::new() }
    }

    /// Corrects the conversion of kernel time to wall-clock time.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Takes one event and hands out what follows from it.
    pub fn handle(&mut self, event: Event, effects: &mut impl FnMut(Effect)) {
        match event {
            Event::Opened { connection, pid, command, ends, time_ns: _ } => {
                self.counters.connections_opened.increment();
                self.table.open(connection, pid, ends);
                // Read now: a program that lives for a moment may be gone when its call is over.
                self.processes.meet(pid, &command);
            }
            Event::Hello { connection, pid, bytes, time_ns } => {
                self.hello(connection, pid, &bytes, time_ns, effects);
            }
            Event::Tied { session, socket } => self.table.tie(session, socket),
            Event::Chunk(chunk) => self.chunk(chunk, effects),
            Event::Ended { connection, end, moved, time_ns } => {
                self.unseen(connection, end, moved, time_ns, effects);
                self.ended(connection, end, time_ns, effects);
            }
            // For those who put probes on processes.
            Event::Herald { .. } | Event::Forked { .. } => {}
            Event::Exec { pid } => {
                self.processes.forget(pid);
                for connection in self.table.ending_with(pid) {
                    self.ended(connection, End::Closed, 0, effects);
                }
            }
            Event::Exit { pid, time_ns } => self.exit(pid, time_ns, effects),
        }
    }

    fn hello(
        &mut self,
        connection: ConnectionId,
        pid: u32,
        bytes: &[u8],
        time_ns: u64,
        effects: &mut impl FnMut(Effect),
    ) {
        let server_name = tls::server_name(bytes);
        let known = server_name.as_deref().is_some_and(provider::is_known_host);
        self.table.greet(connection, Hello { server_name: server_name.clone(), time_ns });
        effects(Effect::TlsClient { pid, server_name, known });
    }

    /// Tells of a connection to a provider of which no plaintext was seen.
    fn unseen(
        &mut self,
        connection: ConnectionId,
        end: End,
        moved: [u64; 2],
        time_ns: u64,
        effects: &mut impl FnMut(Effect),
    ) {
        if end != End::Closed {
            return;
        }
        let Some(socket) = self.table.unseen(connection) else { return };
        let Some(Hello { server_name: Some(server_name), time_ns: began }) = socket.hello else { return };
        if provider::is_known_host(&server_name) {
            self.counters.connections_unseen.increment();
            let process = self.processes.get(socket.pid);
            let lasted_ns = time_ns.saturating_sub(began);
            effects(Effect::Unseen(Unseen { process, server_name, moved, lasted_ns }));
        }
    }

    /// Ends every exchange under way: the agent is stopping.
    pub fn finish(&mut self, time_ns: u64, effects: &mut impl FnMut(Effect)) {
        for connection in self.table.conversations() {
            if let Some(mut conversation) = self.table.take(connection) {
                conversation.http.stop(time_ns, &mut |step| self.steps.push(step));
                self.follow(connection, &mut conversation, 0, effects);
            }
        }
    }

    fn chunk(&mut self, chunk: Chunk, effects: &mut impl FnMut(Effect)) {
        self.counters.chunks_received.increment();
        let Chunk { connection, pid, direction, source, time_ns, position, original_bytes, bytes } = chunk;
        // Out of the table while it is worked on, so that the stages behind can borrow the rest.
        let mut conversation =
            self.table.take(connection).unwrap_or_else(|| self.table.begin(connection, pid, source));
        if !conversation.ignored {
            let steps = &mut self.steps;
            let counters = &self.counters;
            let Conversation { http, read, write, .. } = &mut conversation;
            let Side { assembler, skipping } = match direction {
                Direction::Read => read,
                Direction::Write => write,
            };
            let (late, unclaimed) = (assembler.late_bytes(), http.unclaimed_bytes());
            assembler.push(position, original_bytes, bytes, &mut |segment| {
                if let Segment::Gap(missing) = segment {
                    let skipped = std::mem::take(skipping);
                    let counter = if skipped { &counters.bytes_skipped } else { &counters.stream_gap_bytes };
                    counter.add(missing);
                }
                http.push(direction, time_ns, segment, &mut |step| steps.push(step));
            });
            self.counters.late_bytes.add(assembler.late_bytes() - late);
            self.counters.bytes_unclaimed.add(http.unclaimed_bytes().saturating_sub(unclaimed));
            self.follow(connection, &mut conversation, position, effects);
        }
        if let Some(evicted) = self.table.put(connection, conversation) {
            self.counters.connections_ignored_table_full.increment();
            effects(Effect::Decide { connection: evicted, position: u64::MAX, verdict: Verdict::Ignore });
        }
    }

    /// Walks the steps that one segment led to.
    fn follow(
        &mut self,
        connection: ConnectionId,
        conversation: &mut Conversation,
        position: u64,
        effects: &mut impl FnMut(Effect),
    ) {
        let mut steps = std::mem::take(&mut self.steps);
        for step in steps.drain(..) {
            match step {
                Step::Began { role: Role::Server, .. } => {
                    conversation.ignored = true;
                    self.counters.connections_ignored_server_side.increment();
                    judge(conversation, false, effects);
                }
                Step::Began { ordinal, role: Role::Client, request } => {
                    if let Some(interpreter) = provider::recognise(&request, self.limits) {
                        conversation.interpreters.insert(ordinal, interpreter);
                        judge(conversation, true, effects);
                    } else {
                        self.counters.exchanges_without_endpoint.increment();
                        judge(conversation, false, effects);
                        if conversation.http.skip(ordinal) {
                            (conversation.read.skipping, conversation.write.skipping) = (true, true);
                            effects(Effect::Decide { connection, position, verdict: Verdict::SkipExchange });
                        }
                    }
                }
                Step::RequestBody { ordinal, bytes } => {
                    if let Some(interpreter) = conversation.interpreters.get_mut(&ordinal) {
                        interpreter.request_body(&bytes);
                    }
                }
                Step::Answered { .. } => {}
                Step::ResponseBody { ordinal, bytes } => {
                    if let Some(interpreter) = conversation.interpreters.get_mut(&ordinal) {
                        interpreter.response_body(&bytes);
                    }
                }
                Step::ResponseEvent { ordinal, event, time_ns } => {
                    if let Some(interpreter) = conversation.interpreters.get_mut(&ordinal) {
                        interpreter.response_event(&event, time_ns);
                    }
                }
                Step::Ended(exchange) => self.exchange(connection, conversation, &exchange, effects),
            }
        }
        self.steps = steps;
        if let State::Abandoned(reason) = conversation.http.state()
            && !conversation.ignored
        {
            conversation.ignored = true;
            self.count_abandoned(reason);
        }
        if conversation.ignored {
            conversation.interpreters.clear();
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
        let Some(interpreter) = conversation.interpreters.remove(&exchange.ordinal) else { return };
        match exchange.outcome {
            Outcome::Complete => &self.counters.exchanges_complete,
            Outcome::Cancelled => &self.counters.exchanges_cancelled,
            Outcome::PeerClosed => &self.counters.exchanges_peer_closed,
            Outcome::Failed(_) => &self.counters.exchanges_failed,
            Outcome::Lost => &self.counters.exchanges_lost,
            Outcome::Malformed => &self.counters.exchanges_malformed,
        }
        .increment();
        let call = interpreter.finish(exchange);
        if call.notes.iter().any(|note| OVER_LIMIT.contains(note)) {
            self.counters.bodies_truncated.increment();
        }
        self.counters.calls.increment();
        let ends = self.table.ends(connection, conversation);
        let facts = ConnectionFacts {
            local: ends.and_then(Ends::local),
            peer: ends.and_then(Ends::peer),
            tls: conversation.source == Source::Tls,
        };
        let process = self.processes.get(conversation.pid);
        let span = self.correlator.span(&call, exchange, process, facts, &self.clock);
        self.counters.header_ids_forgotten.set(self.correlator.forgotten_ids());
        effects(Effect::Span(redact(span)));
    }

    fn ended(&mut self, connection: ConnectionId, end: End, time_ns: u64, effects: &mut impl FnMut(Effect)) {
        if end == End::Foreign {
            self.counters.connections_ignored_not_http.increment();
            if let Some(conversation) = self.table.take(connection) {
                judge(&conversation, false, effects);
                self.table.retire(connection, &conversation);
            }
            return;
        }
        // A socket's end is the end of the TLS session on it.
        for id in [Some(connection), self.table.session_on(connection)].into_iter().flatten() {
            let Some(mut conversation) = self.table.take(id) else { continue };
            conversation.http.end(end, time_ns, &mut |step| self.steps.push(step));
            self.follow(id, &mut conversation, u64::MAX, effects);
            if end == End::Closed {
                self.table.retire(id, &conversation);
            } else {
                self.table.put(id, conversation);
            }
        }
        if end == End::Closed {
            self.table.close(connection);
        }
    }

    fn exit(&mut self, pid: u32, time_ns: u64, effects: &mut impl FnMut(Effect)) {
        for connection in self.table.ending_with(pid) {
            self.ended(connection, End::Closed, time_ns, effects);
        }
        self.processes.ended(pid);
        effects(Effect::ProcessEnded { pid });
    }

    fn count_abandoned(&self, reason: Abandoned) {
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

/// Says what an exchange tells of the process that made it: whether its TLS calls are worth probes.
fn judge(conversation: &Conversation, of_interest: bool, effects: &mut impl FnMut(Effect)) {
    if conversation.source == Source::Tls {
        effects(Effect::Judged { pid: conversation.pid, of_interest });
    }
}

#[cfg(test)]
mod tests;
