//! The stages joined: events go in, spans and verdicts on connections come out. The one
//! module that knows all others; it does no I/O itself but for looking up who a process is.

mod calls;
mod candidates;
mod effect;
mod ends;
mod exports;
mod greetings;
mod inherited;
mod memory;
mod records;
mod table;
mod tally;
mod traced;

use std::collections::HashSet;
use std::sync::Arc;

use crate::attach::Standing;
use crate::bpf::Verdict;
use crate::config::ContentPolicy;
use crate::correlate::Correlator;
use crate::correlate::clock::Clock;
use crate::discovery::admission::Admission;
use crate::discovery::process::{Process, ProcessTable};
use crate::event::{Chunk, ConnectionId, End, Ends, Event, Identities, Source};
use crate::exchange::Step;
use crate::protocol::tls;
use crate::provider::{self, BodyLimits};
use crate::stream::Segment;
use crate::telemetry::Counters;
use calls::Exchanges;
pub use effect::Effect;
use greetings::Greetings;
use inherited::Inherited;
use records::Keys;
use table::{Hello, Side, Table};
use tally::Tallies;
pub use tally::{Seen, Tally};
use traced::Traced;

/// Notes of exchanges that the agent ceases to follow.
const STOPPED: &str = "the agent stopped before the call was over";

/// Most bytes that are held by default for what is under way on all connections together: 64 MiB.
pub const MEMORY_BUDGET: usize = 64 << 20;

/// All state between the ring buffer and the exporters.
pub struct Pipeline {
    table: Table,
    greetings: Greetings,
    keys: Keys,
    inherited: Inherited,
    processes: ProcessTable,
    admission: Admission,
    tallies: Tallies,
    /// Processes of which it was told lately that they ask a provider.
    asking: HashSet<u32>,
    /// The same, of what was seen at the calls of TLS libraries.
    called: HashSet<u32>,
    traced: Traced,
    /// What traced processes serve, and ask of others than providers, is followed.
    follows_http: bool,
    correlator: Correlator,
    /// Of contents that were handed on so far.
    tickets: u64,
    clock: Clock,
    limits: BodyLimits,
    /// Of whose calls the content may be wanted.
    content: ContentPolicy,
    counters: Arc<Counters>,
    /// Most bytes that may be held for what is under way on all connections.
    memory_budget: usize,
    /// TLS is read by its keys: a connection that is not told of is not read.
    reads_keys: bool,
    /// When idle conversations were looked for last.
    expired_ns: u64,
    /// Reused for the steps of one segment.
    steps: Vec<Step>,
}

impl Pipeline {
    /// With nothing seen yet.
    #[must_use]
    pub fn new(
        processes: ProcessTable,
        admission: Admission,
        correlator: Correlator,
        clock: Clock,
        limits: BodyLimits,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            table: Table::default(),
            greetings: Greetings::default(),
            keys: Keys::default(),
            inherited: Inherited::default(),
            processes,
            admission,
            tallies: Tallies::default(),
            asking: HashSet::new(),
            called: HashSet::new(),
            traced: Traced::default(),
            follows_http: false,
            correlator,
            tickets: 0,
            clock,
            limits,
            content: ContentPolicy::default(),
            counters,
            memory_budget: MEMORY_BUDGET,
            reads_keys: false,
            expired_ns: 0,
            steps: Vec::new(),
        }
    }

    /// With what bodies say kept where this policy may let some of it out.
    #[must_use]
    pub fn with_content(mut self, policy: ContentPolicy) -> Self {
        self.content = policy;
        self
    }

    /// How much is read of what this process asks or answers, and kept.
    fn limits(&self, process: &Process) -> BodyLimits {
        let is_wanted = self.content.may_record(&process.service_name);
        BodyLimits { kept_bytes: if is_wanted { self.content.limit } else { 0 }, ..self.limits }
    }

    /// With this many bytes at the most for what is under way on all connections together.
    #[must_use]
    pub fn with_memory_budget(mut self, bytes: usize) -> Self {
        self.memory_budget = bytes;
        self
    }

    /// With TLS connections read by their keys, or not.
    #[must_use]
    pub fn with_keys(mut self, are_read: bool) -> Self {
        self.reads_keys = are_read;
        self
    }

    /// With the requests that traced processes serve, and make of others than providers, or without.
    #[must_use]
    pub fn with_http(mut self, is_followed: bool) -> Self {
        self.follows_http = is_followed;
        self.traced = if is_followed { Traced::default().with_usual_paths() } else { Traced::default() };
        self
    }

    /// What was seen of each process, by process id.
    pub fn seen(&mut self) -> Vec<Seen> {
        let all = self.tallies.all().into_iter();
        all.map(|(pid, tally)| {
            let service_name = self.processes.get(pid).service_name.clone();
            Seen { pid, service_name, tally }
        })
        .collect()
    }

    /// Corrects the conversion of kernel time to wall-clock time.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Whether an exchange is under way that is followed and began before then, in nanoseconds of `CLOCK_MONOTONIC`.
    #[must_use]
    pub fn has_begun_before(&self, time_ns: u64) -> bool {
        self.table.all().any(|(_, conversation)| conversation.has_begun_before(time_ns))
    }

    /// Says what is held now, in the gauges.
    pub fn measure(&self) {
        let gauges = &self.counters.gauges;
        let [sockets, conversations, exchanges] = self.table.counts();
        for (gauge, value) in [
            (&gauges.connections_open, sockets),
            (&gauges.conversations_open, conversations),
            (&gauges.exchanges_open, exchanges),
            (&gauges.held_bytes, self.table.held_bytes()),
            (&gauges.memory_budget_bytes, self.memory_budget),
            (&gauges.processes_known, self.processes.known()),
            (&gauges.queue_place, self.correlator.waiting()),
        ] {
            gauge.set(value as u64);
        }
    }

    /// To be called about once a second: spans that waited long enough and connections that were idle for long
    /// go; who asks a provider is told again, and processes are looked at again, at their next exchange.
    pub fn refresh(&mut self, now_ns: u64, effects: &mut impl FnMut(Effect)) {
        self.asking.clear();
        self.called.clear();
        self.processes.doubt();
        self.keys.expire(now_ns);
        self.inherited.expire(now_ns);
        let mut spans = Vec::new();
        self.expire(now_ns, effects);
        self.correlator.tick(now_ns, &mut spans);
        self.placed(spans, effects);
    }

    /// Takes one event and hands out what follows from it.
    pub fn handle(&mut self, event: Event, effects: &mut impl FnMut(Effect)) {
        match event {
            Event::Opened { connection, pid, command, program, ends, identities, time_ns } => {
                let ends = (ends, identities);
                self.opened(connection, pid, (&command, program), (ends, time_ns), effects);
            }
            Event::Hello { connection, pid, bytes, time_ns } => {
                self.hello(connection, pid, &bytes, time_ns, effects);
            }
            Event::Tied { session, socket } => self.tied(session, socket, effects),
            Event::Chunk(chunk) => self.chunk(chunk, effects),
            Event::Ended { connection, end, moved, time_ns } => {
                self.unseen(connection, end, moved, time_ns, effects);
                self.missing(connection, end, moved, time_ns);
                self.ended(connection, end, time_ns, effects);
            }
            Event::Key { pid, key, time_ns } => self.key(pid, &key, time_ns, effects),
            // For those who put probes on processes.
            Event::LibraryInit { .. } | Event::Forked { .. } | Event::Started { .. } => {}
            Event::Exec { pid, program, time_ns } => {
                self.processes.replaced(pid, program);
                self.asking.remove(&pid);
                self.greetings.ended(pid);
                self.keys.ended(pid);
                self.traced.ended(pid);
                for connection in self.table.ending_with(pid) {
                    self.ended(connection, End::Closed, 0, effects);
                }
                self.program_ended(pid, time_ns, effects);
            }
            Event::Exit { pid, time_ns } => self.exit(pid, time_ns, effects),
        }
    }

    fn opened(
        &mut self,
        connection: ConnectionId,
        pid: u32,
        (command, program): (&str, u64),
        ((ends, identities), time_ns): ((Option<Ends>, Identities), u64),
        effects: &mut impl FnMut(Effect),
    ) {
        self.counters.connections_opened.increment();
        self.tallies.began(pid);
        if self.admission.of_process(pid) == Standing::Refused {
            effects(Effect::Excluded { pid });
            effects(Effect::Decide { connection, position: u64::MAX, verdict: Verdict::Ignore });
            return;
        }
        if let Some(evicted) = self.table.open(connection, pid, (ends, identities)) {
            self.evicted(evicted, time_ns, effects);
        }
        if let Some(hello) = self.inherited.hello(connection, time_ns) {
            self.table.greet(connection, hello);
        }
        // Read now: a program that lives for a moment may be gone when its call is over.
        self.processes.meet(pid, command, program);
        if let Some(ends) = ends {
            effects(Effect::Met { pid, ends });
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
        let ends = self.table.socket_ends(connection);
        if self.admission.of_process(pid) == Standing::Refused || !self.admission.admits_client(ends) {
            return;
        }
        let server_name = tls::server_name(bytes);
        let known = server_name.as_deref().is_some_and(provider::is_known_host);
        if !known
            && self.greetings.is_idle(pid, server_name.as_ref(), self.reads_keys)
            && let Some(peer) = ends.and_then(Ends::peer)
            && !self.traced.is_led_to(ends)
        {
            effects(Effect::Dismiss { pid, peer, hello_bytes: bytes.len() });
        }
        self.table.greet(connection, Hello { server_name: server_name.clone(), time_ns });
        effects(Effect::TlsClient { pid, server_name, known });
    }

    /// Ends every exchange under way, or those that began before `until_ns`: the agent is stopping, and what began later is
    /// another one's.
    pub fn finish(&mut self, time_ns: u64, until_ns: Option<u64>, effects: &mut impl FnMut(Effect)) {
        for connection in self.table.conversations() {
            let taken = self.table.take(connection);
            let own = taken.filter(|it| until_ns.is_none_or(|until_ns| it.has_begun_before(until_ns)));
            if let Some(mut conversation) = own {
                self.counters.requests_unread.add(conversation.was_unread());
                conversation.http.stop(STOPPED, time_ns, &mut |step| self.steps.push(step));
                self.follow(connection, &mut conversation, None, 0, effects);
            }
        }
        let mut spans = Vec::new();
        self.correlator.finish(time_ns, &mut spans);
        self.placed(spans, effects);
    }

    fn chunk(&mut self, chunk: Chunk, effects: &mut impl FnMut(Effect)) {
        self.counters.chunks_received.increment();
        self.tallies.chunk(&chunk);
        let connection = chunk.connection;
        // Out of the table while it is worked on, so that the stages behind can borrow the rest.
        let known = self.table.take(connection);
        // What was said before TLS began on it, to a proxy, is over.
        let known = known.filter(|known| known.source == chunk.source || chunk.source != Source::Records);
        let mut conversation = known.unwrap_or_else(|| {
            let mut conversation = self.table.begin(connection, &chunk);
            self.inherited.take(connection, &mut conversation);
            conversation
        });
        let Chunk { pid, tid, direction, time_ns, position, original_bytes, after_answer, bytes, .. } = chunk;
        conversation.moved_ns = time_ns;
        if !conversation.ignored && self.admission.of_process(pid) == Standing::Refused {
            conversation.ignored = true;
            effects(Effect::Excluded { pid });
            effects(Effect::Decide { connection, position: u64::MAX, verdict: Verdict::Ignore });
        }
        if !conversation.ignored {
            let steps = &mut self.steps;
            let counters = &self.counters;
            let side = conversation.side(direction);
            let mut assembler = std::mem::take(&mut side.assembler);
            let mut skipping = side.skipping;
            let (late, unclaimed) = (assembler.late_bytes(), conversation.http.unclaimed_bytes());
            assembler.push(position, original_bytes, after_answer, bytes, &mut |segment| {
                if let Segment::Gap(missing) = segment {
                    let skipped = std::mem::take(&mut skipping) || conversation.http.leaves_bodies();
                    let counter = if skipped { &counters.bytes_skipped } else { &counters.stream_gap_bytes };
                    counter.add(missing);
                    conversation.missed(direction, skipped);
                } else if segment == Segment::Turn && conversation.source == Source::Records {
                    counters.requests_unread.add(conversation.was_unread());
                    conversation.awaited = Some(false);
                }
                records::read(&mut conversation, (direction, time_ns), segment, &mut self.keys, steps);
            });
            self.counters.late_bytes.add(assembler.late_bytes() - late);
            let unclaimed = conversation.http.unclaimed_bytes().saturating_sub(unclaimed);
            self.counters.bytes_unclaimed.add(unclaimed);
            *conversation.side(direction) = Side { assembler, skipping, tid };
            if direction == conversation.requests() {
                conversation.requests_at = position;
            }
            let position =
                if conversation.source == Source::Records { conversation.requests_at } else { position };
            self.follow(connection, &mut conversation, Some(pid), position, effects);
            match conversation.source {
                Source::Records => self.look_at_session(connection, &mut conversation, time_ns, effects),
                Source::Tls if conversation.has_call() && self.called.insert(pid) => {
                    effects(Effect::Called { pid });
                }
                Source::Tls | Source::Socket => {}
            }
        }
        if let Some(evicted) = self.table.put(connection, conversation) {
            self.evicted(evicted, time_ns, effects);
        }
        self.keep_budget(time_ns, effects);
    }
}

#[cfg(test)]
mod tests;
