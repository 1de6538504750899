//! Exchanges of which not all is wanted.

use super::{HttpConnection, Phase};
use crate::event::Role;
use crate::exchange::Step;
use crate::exchange::pending::Pending;
use crate::protocol::http1::RequestHead;

impl HttpConnection {
    /// The same, and of what this process serves nothing but the heads is captured, unless `wants` says so of a request:
    /// then it may be whole.
    #[must_use]
    pub fn serving_heads(mut self, wants: fn(&RequestHead) -> bool) -> Self {
        self.serves_heads = Some(wants);
        self
    }

    /// Whether the bodies of the exchange under way are left out.
    #[must_use]
    pub fn leaves_bodies(&self) -> bool {
        match self.outstanding.back() {
            Some(last) => last.heads_only || self.is_unread(last),
            None => self.serves_heads(),
        }
    }

    /// Bytes are missing: where none came yet of a body that is wanted of what this process serves, the kernel side had its
    /// head alone sent.
    pub(super) fn leave_unread(&mut self, sink: &mut impl FnMut(Step)) {
        if self.outstanding.len() == 1
            && let Some(last) = self.outstanding.back().filter(|last| self.is_unread(last))
        {
            let ordinal = last.ordinal();
            self.leave_bodies(ordinal);
            sink(Step::Left { ordinal });
        }
    }

    /// Whether this process serves, and of that heads alone are captured as a rule.
    fn serves_heads(&self) -> bool {
        let serves = matches!(&self.phase, Phase::Following(sides) if sides.role == Role::Server);
        serves && self.serves_heads.is_some()
    }

    /// Whether nothing came yet of a body that is wanted of what this process serves.
    fn is_unread(&self, pending: &Pending) -> bool {
        self.serves_heads() && !pending.heads_only && pending.exchange().request_body_bytes == 0
    }

    /// Leaves an exchange: its owner has no use for it and asks for no more of its bytes. What still
    /// arrives of it is dropped, without a further step, up to the next request. False, and nothing
    /// is done, when it is over already, others are under way beside it, or the rest of its request comes in
    /// chunks: where these end must be read.
    ///
    /// Its request is still counted off by its own framing, through gaps: its body may look like a request, and
    /// answers to a part of it (`100 Continue`) make the rest a turn.
    pub fn skip(&mut self, ordinal: u64) -> bool {
        let Phase::Following(sides) = &mut self.phase else { return false };
        if self.outstanding.len() != 1
            || self.outstanding.front().is_none_or(|only| only.ordinal() != ordinal)
            || sides.requests.parser.is_in_chunks()
        {
            return false;
        }
        self.outstanding.clear();
        self.held.clear();
        sides.responses.restart();
        self.unsettle(1);
        true
    }

    /// Of an exchange under way nothing but the heads is wanted, nor captured, from here on: its bodies are counted.
    pub fn leave_bodies(&mut self, ordinal: u64) {
        let Phase::Following(sides) = &mut self.phase else { return };
        let is_last = self.outstanding.len() == 1;
        if let Some(pending) = self.outstanding.back_mut().filter(|last| is_last && last.ordinal() == ordinal)
        {
            pending.leave_bodies();
            sides.requests.parser.leave_chunks();
            if pending.is_answered() {
                sides.responses.leave_chunks();
            }
        }
    }
}
