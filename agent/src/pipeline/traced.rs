//! Processes that take part in traces: those that ask a provider, and those that ask them.

use std::collections::HashSet;

use super::table::Conversation;
use super::{Effect, Pipeline};
use crate::bpf::Verdict;
use crate::event::{ConnectionId, Source};
use crate::protocol::http1::RequestHead;
use crate::provider;

use super::calls::{Followed, Reading};

/// Processes that are remembered; past it none is added.
const PROCESSES: usize = 16_384;

/// Their ids.
#[derive(Debug, Default)]
pub(super) struct Traced(HashSet<u32>);

impl Traced {
    pub(super) fn contains(&self, pid: u32) -> bool {
        self.0.contains(&pid)
    }

    /// Whether it is news.
    fn insert(&mut self, pid: u32) -> bool {
        self.0.len() < PROCESSES && self.0.insert(pid)
    }

    /// A process is gone, or runs another program.
    pub(super) fn ended(&mut self, pid: u32) {
        self.0.remove(&pid);
    }
}

impl Pipeline {
    /// A process takes part in traces from now on.
    pub(super) fn trace(&mut self, pid: u32, effects: &mut impl FnMut(Effect)) {
        if self.follows_http && self.traced.insert(pid) {
            effects(Effect::Traced { pid });
        }
    }

    /// A process serves a request: it is followed where the process is traced, and so is who asked, if that is on this
    /// host. False where it is not.
    pub(super) fn serve(
        &mut self,
        connection: ConnectionId,
        conversation: &mut Conversation,
        (ordinal, pid): (u64, u32),
        effects: &mut impl FnMut(Effect),
    ) -> bool {
        if self.follows_http && conversation.source == Source::Socket {
            // The kernel side knows: it was forked by one that is.
            self.traced.insert(conversation.pid);
        }
        if !self.traced.contains(conversation.pid) {
            return false;
        }
        if let Some(peer) = self.table.peer_process(connection, conversation).filter(|peer| *peer != pid) {
            self.trace(peer, effects);
        }
        self.follow_heads(conversation, (ordinal, pid));
        true
    }

    /// A request that a process makes is nobody's that is known: where it takes part in traces it is followed as what it is.
    /// False where it is not.
    pub(super) fn pass(
        &mut self,
        connection: ConnectionId,
        conversation: &mut Conversation,
        (ordinal, pid, position): (u64, u32, u64),
        request: &RequestHead,
        effects: &mut impl FnMut(Effect),
    ) -> bool {
        let is_export = crate::correlate::exporters::is_span_export(request);
        if is_export || !self.traced.contains(conversation.pid) {
            return false;
        }
        self.follow_heads(conversation, (ordinal, pid));
        effects(Effect::Decide { connection, position, verdict: Verdict::Heads });
        true
    }

    fn follow_heads(&mut self, conversation: &mut Conversation, (ordinal, pid): (u64, u32)) {
        conversation.http.leave_bodies(ordinal);
        let process = self.processes.get(pid);
        conversation
            .exchanges
            .insert(ordinal, Followed { reading: Reading::Known(provider::plain()), process });
    }
}
