//! What ends exchanges before their time: losses, and what cannot be followed. And how pairs of request and
//! response are found again.

use super::probe::Probe;
use super::{Abandoned, HttpConnection, Phase};
use crate::exchange::pending::Pending;
use crate::exchange::{Outcome, Step};
use crate::stream::Segment;

impl HttpConnection {
    /// Framing was lost among the responses, or cannot be read. A request that was sent at a turn behind the one whose answer
    /// is lost keeps its place: the rest of that answer is older, and `held` or `read_responses` drops it.
    pub(super) fn lose_response(
        &mut self,
        outcome: Outcome,
        bytes: u64,
        time_ns: u64,
        sink: &mut impl FnMut(Step),
    ) {
        let several = self.outstanding.len() > 1 && !self.pipelines;
        match self.outstanding.pop_back_if(|last| several && last.turned && last.paired) {
            Some(last) => {
                self.lose(outcome, bytes, time_ns, sink);
                self.turns_to_pass = 0;
                self.outstanding.push_back(last);
            }
            None => self.lose(outcome, bytes, time_ns, sink),
        }
    }

    /// Framing was lost, or cannot be read: no exchange under way can be finished, and none that begins may take a response
    /// for its own that belongs to another.
    pub(super) fn lose(&mut self, outcome: Outcome, bytes: u64, time_ns: u64, sink: &mut impl FnMut(Step)) {
        if let Some(pending) = self.outstanding.front_mut() {
            pending.missing(bytes);
        }
        // What is ahead of a request that was sent at a turn was answered.
        let turned = self.outstanding.iter().rposition(|pending| pending.turned && pending.paired);
        let unanswered = self.outstanding.len() - turned.unwrap_or(0);
        self.finish_all(outcome, time_ns, sink);
        if self.pipelines {
            self.abandon(Abandoned::Unpaired, time_ns, sink);
        } else if let Phase::Following(sides) = &mut self.phase {
            sides.responses.restart();
            self.unsettle(unanswered);
        }
    }

    /// About how many bytes of memory are held for what is under way.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let heads = match &self.phase {
            Phase::Probing(probe) => probe.held_bytes(),
            Phase::Following(sides) => sides.requests.parser.held_bytes() + sides.responses.held_bytes(),
            Phase::Abandoned(_) => 0,
        };
        heads + self.held.held_bytes() + self.outstanding.iter().map(Pending::held_bytes).sum::<usize>()
    }

    /// Lets go of all that is held: exchanges under way end as lost, for a reason that `note` says in a few
    /// fixed words. The connection is followed on from the next request that can be told apart.
    pub fn shed(&mut self, note: &'static str, time_ns: u64, sink: &mut impl FnMut(Step)) {
        for pending in &mut self.outstanding {
            pending.note(note);
        }
        match &mut self.phase {
            Phase::Probing(probe) => *probe = Probe::default(),
            Phase::Following(sides) => sides.requests.parser.forget_head(),
            Phase::Abandoned(_) => {}
        }
        self.lose(Outcome::Lost, 0, time_ns, sink);
        self.held.clear();
    }

    /// So many requests may still be answered that are no longer followed.
    pub(super) fn unsettle(&mut self, unanswered: usize) {
        self.turns_to_pass = self.turns_to_pass.max(unanswered).max(1);
        self.answers_left_out = true;
    }

    pub(super) fn drop_left(&mut self, segment: &Segment) {
        if let Segment::Data(bytes) = segment {
            self.left_bytes = self.left_bytes.saturating_add(bytes.len() as u64);
        }
    }

    pub(super) fn abandon(&mut self, reason: Abandoned, time_ns: u64, sink: &mut impl FnMut(Step)) {
        let outcome = match reason {
            Abandoned::Malformed(note) => {
                if let Some(pending) = self.outstanding.back_mut() {
                    pending.note(note);
                }
                Outcome::Unreadable
            }
            Abandoned::NotHttp | Abandoned::Http2(_) | Abandoned::Tunnel | Abandoned::Unpaired => {
                Outcome::Lost
            }
        };
        self.finish_all(outcome, time_ns, sink);
        self.held.clear();
        self.phase = Phase::Abandoned(reason);
    }

    pub(super) fn finish_all(&mut self, outcome: Outcome, time_ns: u64, sink: &mut impl FnMut(Step)) {
        for pending in std::mem::take(&mut self.outstanding) {
            pending.finish(outcome, time_ns, sink);
        }
    }
}
