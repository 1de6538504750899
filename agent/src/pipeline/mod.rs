//! The stages joined: events go in, redacted spans and wishes about connections come out. The one
//! module that knows all others; it does no I/O itself but for looking up who a process is.

mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bpf::Verdict;
use crate::correlate::clock::Clock;
use crate::correlate::span::Span;
use crate::correlate::{ConnectionFacts, Correlator};
use crate::discovery::process::ProcessTable;
use crate::event::{Chunk, ConnectionId, Direction, End, Event, Role, Source};
use crate::exchange::{Abandoned, Exchange, Outcome, State, Step};
use crate::provider::{self, BodyLimits, Interpreter, OVER_LIMIT};
use crate::redact::{Redacted, redact};
use crate::stream::Segment;
use crate::telemetry::Counters;
use table::{Conversation, Side, Table};

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
    /// The process opened a connection for the first time since it began its program: its libraries
    /// are worth a look.
    NewClient {
        /// Process id.
        pid: u32,
    },
    /// A process that was traced is gone.
    ProcessEnded {
        /// Process id.
        pid: u32,
    },
    /// The kernel side shall forget a socket, for its owner is gone.
    ForgetSocket {
        /// Process id.
        pid: u32,
        /// File descriptor.
        fd: i32,
    },
    /// The process runs another program now: which of these sockets it still has decides which the
    /// kernel side shall forget.
    CheckSockets {
        /// Process id.
        pid: u32,
        /// File descriptors that were sockets before.
        fds: Vec<i32>,
    },
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
            Event::Opened { connection, pid, fd, role, command, peer, time_ns: _ } => {
                self.counters.connections_opened.increment();
                self.table.open(connection, pid, fd, peer);
                // Read now: a program that lives for a moment may be gone when its call is over.
                if role == Role::Client && !self.processes.knows(pid) {
                    self.processes.meet(pid, &command);
                    effects(Effect::NewClient { pid });
                }
            }
            Event::Tied { session, socket } => self.table.tie(session, socket),
            Event::Chunk(chunk) => self.chunk(chunk, effects),
            Event::Ended { connection, end, time_ns } => self.ended(connection, end, time_ns, effects),
            Event::Exec { pid } => {
                self.processes.forget(pid);
                let fds = self.table.sockets_of(pid);
                if !fds.is_empty() {
                    effects(Effect::CheckSockets { pid, fds });
                }
            }
            Event::Exit { pid, time_ns } => self.exit(pid, time_ns, effects),
        }
    }

    /// The process closed these sockets without a call that shows it.
    pub fn sockets_gone(&mut self, pid: u32, fds: &[i32], time_ns: u64, effects: &mut impl FnMut(Effect)) {
        for &fd in fds {
            effects(Effect::ForgetSocket { pid, fd });
            if let Some(connection) = self.table.socket_at(pid, fd) {
                self.ended(connection, End::Closed, time_ns, effects);
            }
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
                }
                Step::Began { ordinal, role: Role::Client, request } => {
                    if let Some(interpreter) = provider::recognise(&request, self.limits) {
                        conversation.interpreters.insert(ordinal, interpreter);
                    } else {
                        self.counters.exchanges_without_endpoint.increment();
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
            effects(Effect::Decide { connection, position: u64::MAX, verdict: Verdict::Ignore });
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
        let facts = ConnectionFacts {
            peer: self.table.peer(connection, conversation),
            tls: conversation.source == Source::Tls,
        };
        let process = self.processes.get(conversation.pid);
        let span = self.correlator.span(&call, exchange, process, facts, &self.clock);
        self.counters.header_ids_forgotten.set(self.correlator.forgotten_ids());
        effects(Effect::Span(redact(span)));
    }

    fn ended(&mut self, connection: ConnectionId, end: End, time_ns: u64, effects: &mut impl FnMut(Effect)) {
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
        for fd in self.table.sockets_of(pid) {
            effects(Effect::ForgetSocket { pid, fd });
        }
        for connection in self.table.connections_of(pid) {
            self.ended(connection, End::Closed, time_ns, effects);
        }
        self.processes.forget(pid);
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

#[cfg(test)]
mod tests;
