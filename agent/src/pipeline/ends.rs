//! What ends: connections, and the processes that had them.

use super::table::{Evicted, Hello, Side};
use super::{Effect, Pipeline, records};
use crate::bpf::Verdict;
use crate::correlate::Unseen;
use crate::event::{ConnectionId, Direction, End};
use crate::provider;
use crate::stream::Segment;

impl Pipeline {
    /// Tells of a connection to a provider of which no plaintext was seen.
    pub(super) fn unseen(
        &mut self,
        connection: ConnectionId,
        end: End,
        moved: [u64; 2],
        time_ns: u64,
        effects: &mut impl FnMut(Effect),
    ) {
        self.table.known(connection);
        if end != End::Closed {
            return;
        }
        let Some(socket) = self.table.unseen(connection) else { return };
        let Some(Hello { server_name: Some(server_name), time_ns: began }) = socket.hello else { return };
        if provider::is_known_host(&server_name) {
            self.counters.connections_unseen.increment();
            self.tallies.of(socket.pid).unseen_connections += 1;
            let process = self.processes.get(socket.pid);
            let lasted_ns = time_ns.saturating_sub(began);
            effects(Effect::Unseen(Unseen { process, server_name, moved, lasted_ns }));
        }
    }

    /// Bytes that moved last on a connection and were not captured show now that it is over; or, of TLS records whose
    /// sender has ended its sending, those that it sent.
    pub(super) fn missing(&mut self, connection: ConnectionId, end: End, moved: [u64; 2], time_ns: u64) {
        let Some(conversation) = self.table.get_mut(connection).filter(|followed| !followed.ignored) else {
            return;
        };
        let ended: &[Direction] = match end {
            End::Closed => &[Direction::Read, Direction::Write],
            End::PeerClosed if conversation.tls.is_some() => &[Direction::Read],
            End::PeerClosed | End::Failed(_) | End::Foreign => &[],
        };
        for direction in ended.iter().copied() {
            let moved = if direction == Direction::Read { moved[0] } else { moved[1] };
            let joined = conversation.joined;
            let side = conversation.side(direction);
            if joined && !side.assembler.has_begun() {
                continue;
            }
            let Side { mut assembler, skipping, .. } = std::mem::take(side);
            let steps = &mut self.steps;
            assembler.end(moved, &mut |segment| {
                if let Segment::Gap(missing) = segment {
                    let counters = &self.counters;
                    let skipping = skipping || conversation.http.leaves_bodies();
                    let counter = if skipping { &counters.bytes_skipped } else { &counters.stream_gap_bytes };
                    counter.add(missing);
                    conversation.missed(direction, skipping);
                }
                records::read(conversation, (direction, time_ns), segment, &mut self.keys, steps);
            });
            conversation.side(direction).assembler = assembler;
        }
    }

    /// A TLS session was seen to use a socket: where that is read by its keys, the session need not be.
    pub(super) fn tied(
        &mut self,
        session: ConnectionId,
        socket: ConnectionId,
        effects: &mut impl FnMut(Effect),
    ) {
        if !self.table.is_by_keys(socket) {
            return self.table.tie(session, socket);
        }
        if let Some(conversation) = self.table.take(session) {
            self.table.retire(session, &conversation);
        }
        effects(Effect::Decide { connection: session, position: u64::MAX, verdict: Verdict::Ignore });
    }

    /// A conversation had to go for another: what was under way on it ends as lost.
    pub(super) fn evicted(
        &mut self,
        (connection, mut conversation): Evicted,
        time_ns: u64,
        effects: &mut impl FnMut(Effect),
    ) {
        self.counters.connections_ignored_table_full.increment();
        let note = "too many connections were open to follow this one";
        conversation.http.stop(note, time_ns, &mut |step| self.steps.push(step));
        self.follow(connection, &mut conversation, None, u64::MAX, effects);
        effects(Effect::Decide { connection, position: u64::MAX, verdict: Verdict::Ignore });
    }

    pub(super) fn ended(
        &mut self,
        connection: ConnectionId,
        end: End,
        time_ns: u64,
        effects: &mut impl FnMut(Effect),
    ) {
        if end == End::Foreign {
            self.counters.connections_ignored_not_http.increment();
            if let Some(conversation) = self.table.take(connection) {
                self.judge(connection, &conversation, false, effects);
                self.table.retire(connection, &conversation);
            }
            return;
        }
        // A socket's end is the end of the TLS session on it.
        for id in [Some(connection), self.table.session_on(connection)].into_iter().flatten() {
            let Some(mut conversation) = self.table.take(id) else { continue };
            let mut is_cut = false;
            match end {
                _ if conversation.ignored => {}
                End::Closed => {
                    records::finish(&mut conversation, &mut self.steps);
                    self.counters.requests_unread.add(conversation.was_unread());
                }
                End::PeerClosed => is_cut = records::peer_ended(&mut conversation, &mut self.steps),
                End::Failed(_) | End::Foreign => {}
            }
            let mut sink = |step| self.steps.push(step);
            if is_cut {
                conversation.http.cut(time_ns, &mut sink);
            } else {
                conversation.http.end(end, time_ns, &mut sink);
            }
            self.follow(id, &mut conversation, None, u64::MAX, effects);
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

    pub(super) fn exit(&mut self, pid: u32, time_ns: u64, effects: &mut impl FnMut(Effect)) {
        for connection in self.table.ending_with(pid) {
            self.ended(connection, End::Closed, time_ns, effects);
        }
        self.program_ended(pid, time_ns, effects);
        self.processes.ended(pid);
        self.asking.remove(&pid);
        self.tallies.ended(pid);
        self.greetings.ended(pid);
        self.keys.ended(pid);
        self.traced.ended(pid);
        effects(Effect::ProcessEnded { pid, time_ns });
    }

    /// A process is gone, or runs another program.
    pub(super) fn program_ended(&mut self, pid: u32, time_ns: u64, effects: &mut impl FnMut(Effect)) {
        let mut spans = Vec::new();
        self.correlator.process_ended(pid, time_ns, &mut spans);
        self.placed(spans, effects);
    }
}
