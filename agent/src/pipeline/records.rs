//! Connections whose TLS is read by its keys: what processes expand, and the sessions that wait for it.

use std::collections::HashMap;

use super::table::Conversation;
use super::{Effect, Pipeline};
use crate::bpf::Verdict;
use crate::event::{ConnectionId, Direction, End, KeyBytes};
use crate::exchange::{HttpConnection, Step};
use crate::protocol::http1::starts_request;
use crate::protocol::tls::{Ending, Failure, KeyStore, Plain, Session, State, TrafficKey, What};
use crate::stream::Segment;

/// Keys of all processes together that are kept, some 10 MiB; beyond it those of the process with most go.
pub(super) const KEYS: usize = 16_384;

/// How long keys are kept that no connection has claimed, in nanoseconds: handshakes do not take as long.
const KEPT_NS: u64 = 60_000_000_000;

/// Note of calls under way on a connection that cannot be read on.
const UNREADABLE: &str = "the connection's TLS records could not be read further";

/// The keys of each process that no connection has claimed yet.
#[derive(Default)]
pub(super) struct Keys {
    processes: HashMap<u32, KeyStore>,
    /// Keys that came since they were counted last, and those that were there then.
    added: usize,
    /// For connections of a process that has expanded none.
    none: KeyStore,
}

impl Keys {
    fn add(&mut self, pid: u32, key: &KeyBytes, time_ns: u64) -> bool {
        let Some(key) = TrafficKey::new(key.bytes()) else { return false };
        let is_new = self.processes.entry(pid).or_default().insert(key, time_ns);
        self.added += usize::from(is_new);
        if self.added > KEYS {
            self.added = self.processes.values().map(KeyStore::len).sum();
            let most = self.processes.iter().max_by_key(|(_, keys)| keys.len()).map(|(pid, _)| *pid);
            if let Some(most) = most.filter(|_| self.added > KEYS / 2) {
                self.processes.remove(&most);
            }
        }
        is_new
    }

    fn of(&mut self, pid: u32) -> &mut KeyStore {
        self.processes.get_mut(&pid).unwrap_or(&mut self.none)
    }

    /// Forgets keys that nobody has claimed in time.
    pub(super) fn expire(&mut self, now_ns: u64) {
        self.processes.retain(|_, keys| {
            keys.expire(now_ns.saturating_sub(KEPT_NS));
            !keys.is_empty()
        });
    }

    /// A process is gone, or runs another program.
    pub(super) fn ended(&mut self, pid: u32) {
        self.processes.remove(&pid);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.processes.values().map(KeyStore::len).sum()
    }
}

impl Conversation {
    /// Bytes of this direction are missing; with `skipped` since they were to be left out.
    pub(super) fn missed(&mut self, direction: Direction, skipped: bool) {
        if direction == self.requests() && !skipped && self.awaited.is_some() {
            self.awaited = Some(true);
        }
    }

    /// Whether a request began since that was seen last which was not read, and of which bytes are missing: 1 or 0.
    pub(super) fn was_unread(&mut self) -> u64 {
        // One that is no request as HTTP has them is told of in another way.
        let has_gaps = self.tls.as_ref().is_none_or(|tls| tls.counts().gaps > 0);
        u64::from(self.awaited.take() == Some(true) && has_gaps)
    }
}

/// Takes what moved on a connection: as it is, or what its records hold.
pub(super) fn read(
    conversation: &mut Conversation,
    (direction, time_ns): (Direction, u64),
    segment: Segment,
    keys: &mut Keys,
    steps: &mut Vec<Step>,
) {
    let requests = conversation.requests();
    let Conversation { http, tls, pid, content, awaited, read, .. } = conversation;
    match tls {
        None => http.push(direction, time_ns, segment, &mut |step| steps.push(step)),
        Some(tls) => {
            if segment == Segment::Turn && read.skipping {
                // The answer before it was left out, and nothing of it shows yet.
                http.push(direction, time_ns, Segment::Turn, &mut |step| steps.push(step));
            }
            let mut sink = |plain| hand_on(http, (content, awaited, requests), plain, steps);
            tls.push(direction, time_ns, segment, keys.of(*pid), &mut sink);
        }
    }
}

/// Hands on what a session reads.
fn hand_on(
    http: &mut HttpConnection,
    (content, awaited, requests): (&mut Content, &mut Option<bool>, Direction),
    plain: Plain,
    steps: &mut Vec<Step>,
) {
    let Plain { direction, time_ns, what } = plain;
    if let What::Segment(Segment::Data(bytes)) = &what
        && direction == requests
        && *awaited == Some(false)
    {
        // A request that is read from here on, or cannot be told from what its client uploads.
        *awaited = starts_request(bytes).then_some(true);
    }
    let mut sink = |step| steps.push(step);
    match (what, direction) {
        (What::Segment(segment), _) => {
            let is_first = std::mem::replace(content, content.with(&segment)) == Content::None;
            if is_first && *content == Content::Read {
                // A session tells of turns between its ends; its first words are one, too.
                http.push(direction, time_ns, Segment::Turn, &mut sink);
            }
            http.push(direction, time_ns, segment, &mut sink);
        }
        // The peer says that this was all; the socket may stay open.
        (What::Closed, Direction::Read) => http.end(End::PeerClosed, time_ns, &mut sink),
        (What::Closed, Direction::Write) => {}
    }
}

/// The connection is over: hands on what was still to come of its session.
pub(super) fn finish(conversation: &mut Conversation, steps: &mut Vec<Step>) {
    let requests = conversation.requests();
    let Conversation { http, tls, content, awaited, .. } = conversation;
    if let Some(tls) = tls {
        tls.finish(&mut |plain| hand_on(http, (content, awaited, requests), plain, steps));
    }
}

/// The peer sends no more: hands on what was still to come of it. Whether it may have been cut.
pub(super) fn peer_ended(conversation: &mut Conversation, steps: &mut Vec<Step>) -> bool {
    let requests = conversation.requests();
    let Conversation { http, tls, content, awaited, .. } = conversation;
    let Some(tls) = tls else { return false };
    let ending = tls.ending(Direction::Read);
    tls.end(Direction::Read, &mut |plain| hand_on(http, (content, awaited, requests), plain, steps));
    ending == Ending::Cut
}

/// What was seen of a session's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing: the next is its begin.
    #[default]
    None,
    /// Its begin is missing, and nothing was read.
    Missing,
    /// Some was read.
    Read,
}

impl Content {
    /// When this follows.
    fn with(self, segment: &Segment) -> Self {
        match (self, segment) {
            (Self::Read, _) | (_, Segment::Data(_)) => Self::Read,
            (Self::None, Segment::Gap(_)) => Self::Missing,
            (before, _) => before,
        }
    }
}

impl Pipeline {
    /// A process expanded a key: records that came before it may be of it.
    pub(super) fn key(&mut self, pid: u32, key: &KeyBytes, time_ns: u64, effects: &mut impl FnMut(Effect)) {
        self.counters.tls_keys.increment();
        if !self.keys.add(pid, key, time_ns) {
            return;
        }
        for connection in self.table.waiting(pid) {
            let Some(mut conversation) = self.table.take(connection) else { continue };
            let requests = conversation.requests();
            let Conversation { http, tls, content, awaited, .. } = &mut *conversation;
            if let Some(tls) = tls {
                let steps = &mut self.steps;
                tls.retry(self.keys.of(pid), &mut |plain| {
                    hand_on(http, (content, awaited, requests), plain, steps)
                });
            }
            let position = conversation.requests_at;
            self.follow(connection, &mut conversation, Some(pid), position, effects);
            self.look_at_session(connection, &mut conversation, time_ns, effects);
            if let Some(evicted) = self.table.put(connection, conversation) {
                self.evicted(evicted, time_ns, effects);
            }
        }
        self.keep_budget(time_ns, effects);
    }

    /// Says what has become of a session since it was last looked at.
    pub(super) fn look_at_session(
        &mut self,
        connection: ConnectionId,
        conversation: &mut Conversation,
        time_ns: u64,
        effects: &mut impl FnMut(Effect),
    ) {
        let state = conversation.tls.as_deref().map(Session::state);
        let is_client = conversation.requests() == Direction::Write;
        if conversation.ignored {
            // Its keys have no more use.
            conversation.tls = None;
        }
        if conversation.content == Content::Read && self.table.read(connection) {
            self.counters.tls_connections_read.increment();
        }
        match state {
            Some(State::Failed(failure)) if !conversation.ignored => {
                match failure {
                    Failure::Suite(_) => &self.counters.tls_unread_suite,
                    Failure::NotTls => &self.counters.tls_unread_records,
                    Failure::NoKey => &self.counters.tls_unread_keys,
                }
                .increment();
                conversation.http.stop(UNREADABLE, time_ns, &mut |step| self.steps.push(step));
                self.follow(connection, conversation, None, u64::MAX, effects);
                conversation.ignored = true;
                conversation.tls = None;
                effects(Effect::Decide { connection, position: u64::MAX, verdict: Verdict::Ignore });
                // What a process serves is read by its keys or not at all.
                if is_client {
                    effects(Effect::KeysFailed { pid: conversation.pid });
                }
            }
            _ => {}
        }
    }
}
