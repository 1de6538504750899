//! One memory budget for all that is held of connections: bodies, heads, events and exchanges under way.

use std::cmp::Reverse;

use super::calls::Reading;
use super::table::Conversation;
use super::{Effect, Pipeline};
use crate::event::ConnectionId;

/// A conversation of which nothing came for so long is let go, in nanoseconds. No provider thinks for longer,
/// and ends of connections may be lost.
const IDLE_NS: u64 = 3_600_000_000_000;

/// How often such are looked for, in nanoseconds.
const LOOK_NS: u64 = 60_000_000_000;

impl Conversation {
    /// About how many bytes of memory are held for what is under way.
    pub(super) fn held_bytes(&self) -> usize {
        let reading = self.exchanges.values().map(|followed| match &followed.reading {
            Reading::Known(interpreter) => interpreter.held_bytes(),
            Reading::Candidate { candidate, .. } => candidate.held_bytes(),
            Reading::Plain | Reading::Export => 0,
        });
        let tls = self.tls.as_ref().map_or(0, |tls| tls.held_bytes());
        self.http.held_bytes() + tls + reading.sum::<usize>()
    }

    /// A call is under way.
    pub(super) fn has_call(&self) -> bool {
        self.exchanges.values().any(|followed| matches!(followed.reading, Reading::Known(_)))
    }
}

impl Pipeline {
    /// Holds the budget: past it, what is held of some connections is dropped until a quarter of it is free
    /// again. Those without a call go first, then those that hold most. Their exchanges end as lost.
    pub(super) fn keep_budget(&mut self, time_ns: u64, effects: &mut impl FnMut(Effect)) {
        if self.table.held_bytes() <= self.memory_budget {
            return;
        }
        let mut order: Vec<_> = self
            .table
            .all()
            .filter(|(_, conversation)| conversation.accounted_bytes > 0)
            .map(|(id, conversation)| (conversation.has_call(), Reverse(conversation.accounted_bytes), id))
            .collect();
        order.sort_unstable();
        for (_, _, id) in order {
            if self.table.held_bytes() <= self.memory_budget / 4 * 3 {
                break;
            }
            self.counters.connections_shed.increment();
            self.shed(id, "dropped to stay within the memory budget", time_ns, effects);
        }
    }

    fn shed(&mut self, id: ConnectionId, note: &'static str, time_ns: u64, effects: &mut impl FnMut(Effect)) {
        let Some(mut conversation) = self.table.take(id) else { return };
        conversation.http.shed(note, time_ns, &mut |step| self.steps.push(step));
        // Records that wait for a key cannot be done without.
        if conversation.tls.take_if(|tls| tls.held_bytes() > 0).is_some() {
            conversation.ignored = true;
        }
        self.follow(id, &mut conversation, None, u64::MAX, effects);
        // Candidates that were not known yet go without a word.
        conversation.exchanges.clear();
        self.table.put(id, conversation);
    }

    /// Lets conversations go of which nothing came for long.
    pub(super) fn expire(&mut self, now_ns: u64, effects: &mut impl FnMut(Effect)) {
        if now_ns.saturating_sub(self.expired_ns) < LOOK_NS {
            return;
        }
        self.expired_ns = now_ns;
        let idle = |conversation: &Conversation| now_ns.saturating_sub(conversation.moved_ns) > IDLE_NS;
        let gone: Vec<_> =
            self.table.all().filter(|(_, conversation)| idle(conversation)).map(|(id, _)| id).collect();
        for id in gone {
            self.counters.connections_expired.increment();
            self.shed(id, "nothing came for an hour", now_ns, effects);
            if let Some(conversation) = self.table.take(id) {
                self.table.retire(id, &conversation);
            }
        }
    }
}
