//! What ends exchanges: their messages' ends, and the connection's.

use super::{HttpConnection, Phase};
use crate::event::{End, Role, Source};
use crate::exchange::pending::Pending;
use crate::exchange::{Outcome, Step};

// Linux error numbers (asm-generic/errno.h), the same on x86-64 and AArch64.
const EPIPE: i32 = 32;
const ECONNRESET: i32 = 104;

impl HttpConnection {
    /// The observer stops looking, for a reason that `note` says in a few fixed words: what is under way goes on
    /// without it.
    pub fn stop(&mut self, note: &'static str, time_ns: u64, sink: &mut impl FnMut(Step)) {
        for pending in &mut self.outstanding {
            pending.note(note);
        }
        self.finish_all(Outcome::Lost, time_ns, sink);
    }

    /// The peer's direction of the connection ended without a word of the peer's: an answer that nothing but the
    /// end of its TLS session ends was cut, as far as anybody can know (RFC 8446, section 6.1).
    pub fn cut(&mut self, time_ns: u64, sink: &mut impl FnMut(Step)) {
        if let Phase::Following(sides) = &self.phase
            && sides.role == Role::Client
            && sides.responses.ends_at_close()
        {
            if let Some(pending) = self.outstanding.front_mut() {
                pending
                    .note("response without a length ended without the close_notify of TLS: it may be cut");
            }
            self.finish_all(Outcome::PeerClosed, time_ns, sink);
        }
        self.end(End::PeerClosed, time_ns, sink);
    }

    /// The connection, or the peer's direction of it, ended.
    ///
    /// The end of a TLS session that is seen at a library's calls shows when its program lets it go, and nothing
    /// shows whether its peer said before that it would send no more (`close_notify`). So an answer there that has
    /// no length is whole when the session ends, though it may have been cut, by the peer or by the program.
    pub fn end(&mut self, end: End, time_ns: u64, sink: &mut impl FnMut(Step)) {
        let Phase::Following(sides) = &self.phase else { return };
        let (role, ends_at_close) = (sides.role, sides.responses.ends_at_close());
        let sender_closed = match (role, end) {
            (Role::Client, End::PeerClosed) | (Role::Server, End::Closed) => true,
            (Role::Client, End::Closed) => self.peer_closed || self.source == Source::Tls,
            (Role::Server, End::PeerClosed) | (_, End::Failed(_) | End::Foreign) => false,
        };
        if sender_closed && ends_at_close {
            if role == Role::Client
                && end == End::Closed
                && !self.peer_closed
                && let Some(pending) = self.outstanding.front_mut()
            {
                pending.note("response without a length ended with its TLS session");
            }
            self.response_end(sink);
        }
        let outcome = match end {
            // A client that has ended its sending may still read the answer.
            End::PeerClosed if role == Role::Server && self.is_request_whole() => {
                self.peer_closed = true;
                return;
            }
            // The peer does not want the rest of the request: it may have said why, and that may be read yet.
            End::Failed(EPIPE | ECONNRESET) if self.is_sending() && self.failed.is_none() => {
                self.failed = Some((end, time_ns));
                return self.complete_first(sink);
            }
            End::PeerClosed => Outcome::PeerClosed,
            End::Closed if self.peer_closed => Outcome::PeerClosed,
            End::Closed => Outcome::Cancelled,
            End::Foreign => Outcome::Lost,
            End::Failed(errno) => Outcome::Failed(errno),
        };
        self.peer_closed |= end == End::PeerClosed;
        let (outcome, time_ns) = match self.failed.take() {
            Some((End::Failed(errno), failed_ns)) => (Outcome::Failed(errno), failed_ns),
            _ => (outcome, time_ns),
        };
        self.finish_all(outcome, time_ns, sink);
        self.held.clear();
    }

    pub(super) fn response_end(&mut self, sink: &mut impl FnMut(Step)) {
        if let Some(pending) = self.outstanding.front_mut() {
            pending.response_end(sink);
        }
        self.complete_first(sink);
    }

    /// A request is under way.
    fn is_sending(&self) -> bool {
        self.outstanding.back().is_some_and(|pending| !pending.request_whole)
    }

    /// The last request came whole, and something is still to come of it.
    fn is_request_whole(&self) -> bool {
        self.outstanding.back().is_some_and(|pending| pending.request_whole)
    }

    /// Ends the first exchange when both its messages are whole: a server may answer early.
    pub(super) fn complete_first(&mut self, sink: &mut impl FnMut(Step)) {
        let failed = self.failed.is_some();
        let whole = |pending: &mut Pending| (pending.request_whole || failed) && pending.response_whole;
        if let Some(pending) = self.outstanding.pop_front_if(whole) {
            pending.finish(Outcome::Complete, 0, sink);
        }
    }
}
