//! Processes that take part in traces: those that ask a provider, and those that ask them.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use super::calls::{Followed, Reading};
use super::table::Conversation;
use super::{Effect, Pipeline};
use crate::bpf::Verdict;
use crate::correlate::tree::ExchangeKey;
use crate::correlate::{Beginning, exporters};
use crate::event::{Ends, Role, Source};
use crate::protocol::http1::RequestHead;
use crate::provider;

/// Processes that are remembered; past it none is added.
const PROCESSES: usize = 16_384;

/// Addresses that are; past it all are forgotten.
const ADDRESSES: usize = 4_096;

/// Their ids, and where they serve.
#[derive(Debug, Default)]
pub(super) struct Traced {
    processes: HashSet<u32>,
    addresses: HashSet<SocketAddr>,
}

impl Traced {
    pub(super) fn contains(&self, pid: u32) -> bool {
        self.processes.contains(&pid)
    }

    /// Whether it is news.
    fn insert(&mut self, pid: u32) -> bool {
        self.processes.len() < PROCESSES && self.processes.insert(pid)
    }

    fn serves_at(&mut self, address: SocketAddr) {
        if self.addresses.len() >= ADDRESSES && !self.addresses.contains(&address) {
            self.addresses.clear();
        }
        self.addresses.insert(address);
    }

    pub(super) fn is_served_at(&self, address: SocketAddr) -> bool {
        self.addresses.contains(&address)
    }

    /// A process is gone, or runs another program.
    pub(super) fn ended(&mut self, pid: u32) {
        self.processes.remove(&pid);
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
        conversation: &mut Conversation,
        (key, pid, time_ns): (ExchangeKey, u32, u64),
        request: &RequestHead,
        effects: &mut impl FnMut(Effect),
    ) -> bool {
        if self.follows_http && conversation.source != Source::Tls {
            // The kernel side knows: it was forked by one that is.
            self.traced.insert(conversation.pid);
        }
        if !self.traced.contains(conversation.pid) {
            return false;
        }
        let peer = self.table.peer(key.connection, conversation);
        if let Some((peer, _)) = peer.filter(|(peer, _)| *peer != pid) {
            self.trace(peer, effects);
        }
        if let Some(local) = self.table.ends(key.connection, conversation).and_then(Ends::local) {
            self.traced.serves_at(local);
        }
        let process = self.processes.get(pid);
        let tid = conversation.read.tid;
        let peer = peer.map(|(_, connection)| connection);
        let begun =
            Beginning { role: Role::Server, process: Arc::clone(&process), tid, time_ns, request, peer };
        self.correlator.began(key, begun);
        if conversation.source == Source::Socket {
            conversation.http.leave_bodies(key.ordinal);
        }
        let reading = Reading::Known(provider::plain());
        conversation.exchanges.insert(key.ordinal, Followed { reading, process });
        true
    }

    /// A process asks for something.
    pub(super) fn asked(
        &mut self,
        conversation: &Conversation,
        (key, pid, time_ns): (ExchangeKey, u32, u64),
        request: &RequestHead,
    ) {
        let (process, tid) = (self.processes.get(pid), conversation.write.tid);
        let peer = self.table.peer(key.connection, conversation).map(|(_, connection)| connection);
        self.correlator.began(key, Beginning { role: Role::Client, process, tid, time_ns, request, peer });
    }

    /// A request that a process makes is nobody's that is known: where it belongs to a tree it is followed as what it is. False
    /// where it does not.
    pub(super) fn pass(
        &mut self,
        conversation: &mut Conversation,
        (key, pid, position): (ExchangeKey, u32, u64),
        request: &RequestHead,
        effects: &mut impl FnMut(Effect),
    ) -> bool {
        let leads_to = self.table.ends(key.connection, conversation).and_then(Ends::peer);
        let is_wanted = self.traced.contains(conversation.pid)
            && !exporters::is_span_export(request)
            && (self.correlator.is_linked(key)
                || leads_to.is_some_and(|peer| self.traced.is_served_at(peer)));
        if !is_wanted {
            return false;
        }
        let process = self.processes.get(pid);
        conversation.exchanges.insert(key.ordinal, Followed { reading: Reading::Plain, process });
        if conversation.source == Source::Socket {
            conversation.http.leave_bodies(key.ordinal);
            effects(Effect::Decide { connection: key.connection, position, verdict: Verdict::Heads });
        }
        true
    }
}
