//! Both ends of one exchange, where both processes are on this host.

use super::{ExchangeKey, Forest, Known, SLACK_NS};
use crate::event::{ConnectionId, Role};

/// Whether what is asked for and what is served may be one exchange, by their begins and ends: neither is over before the
/// other one begins.
pub(super) fn may_be_one(
    (asked_ns, asked_until_ns): (u64, Option<u64>),
    (served_ns, served_until_ns): (u64, Option<u64>),
) -> bool {
    asked_ns <= served_ns + SLACK_NS
        && asked_until_ns.is_none_or(|until_ns| until_ns >= served_ns)
        && served_until_ns.is_none_or(|until_ns| until_ns >= asked_ns)
}

impl Forest {
    /// Whether an exchange that was made may be one that is served from begin to end at these times.
    pub(super) fn is_asked_for(&self, asked: ExchangeKey, served: (u64, Option<u64>)) -> bool {
        let asked = self.known.get(&asked);
        asked.is_some_and(|asked| asked.other.is_none() && may_be_one(asked.times(), served))
    }

    /// Two ends of one exchange: what they belong to is one.
    pub(super) fn join(&mut self, served: ExchangeKey, asked: ExchangeKey) {
        self.unjoined.remove(&asked.connection);
        let Some(slot) = self.known.get(&asked).map(|asked| asked.slot) else { return };
        let Some(known) = self.known.get_mut(&served).filter(|served| served.place.is_none()) else { return };
        known.other = Some(asked);
        let from = known.slot;
        if let Some(known) = self.known.get_mut(&asked) {
            known.other = Some(served);
        }
        if let Some(keys) = self.slots.merge(from, slot) {
            for key in keys {
                if let Some(known) = self.known.get_mut(&key) {
                    known.slot = slot;
                }
            }
        }
    }

    /// Two exchanges that were joined are not one: what is served has a slot of its own.
    fn part(&mut self, served: ExchangeKey, asked: ExchangeKey) {
        let Some(known) = self.known.get_mut(&served).filter(|served| served.place.is_none()) else { return };
        let slot = self.slots.begin();
        let before = std::mem::replace(&mut known.slot, slot);
        let is_over = known.ended_ns.is_some();
        known.other = None;
        self.slots.leave(before, served);
        self.slots.open(slot, served);
        self.slots.close(if is_over { slot } else { before });
        if let Some(asked) = self.known.get_mut(&asked) {
            asked.other = None;
        }
    }

    /// An exchange is over, from begin to end at these times: whether it still is one with what it was joined with, or was with what
    /// the connection `peer` asked for.
    pub(super) fn compare_ends(
        &mut self,
        key: ExchangeKey,
        times: (u64, Option<u64>),
        peer: Option<ConnectionId>,
    ) {
        let Some(known) = self.known.get(&key) else { return };
        let role = known.role;
        match (known.other, role) {
            (Some(other), _) => {
                let other_times = self.known.get(&other).map(Known::times);
                let (served, asked, is_one) = match role {
                    Role::Server => (key, other, other_times.is_none_or(|asked| may_be_one(asked, times))),
                    Role::Client => (other, key, other_times.is_none_or(|served| may_be_one(times, served))),
                };
                if !is_one {
                    self.part(served, asked);
                }
            }
            (None, Role::Server) => {
                let asked = peer.and_then(|peer| self.asked.get(&peer)).copied();
                if let Some(asked) = asked.filter(|asked| self.is_asked_for(*asked, times)) {
                    self.join(key, asked);
                }
            }
            (None, Role::Client) => {}
        }
    }
}
