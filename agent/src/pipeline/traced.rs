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
use crate::provider::{self, Recognition};

/// Processes that are remembered; past it none is added.
const PROCESSES: usize = 16_384;

/// Places that are; past it all are forgotten.
const PLACES: usize = 4_096;

/// Where a process serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Internet(SocketAddr),
    /// The name of a Unix socket, by what the kernel tells it by. That may be another's once the socket is gone: then a
    /// request is followed that leads nowhere.
    Unix(u64),
}

impl Place {
    /// Where a server is, by its own end of a connection.
    fn here(ends: Ends) -> Option<Self> {
        match ends {
            Ends::Internet { local, .. } => Some(Self::Internet(local)),
            Ends::Unix { local, .. } => local.map(Self::Unix),
        }
    }

    /// Where a client's connection leads.
    fn there(ends: Ends) -> Option<Self> {
        match ends {
            Ends::Internet { peer, .. } => Some(Self::Internet(peer)),
            Ends::Unix { peer, .. } => peer.map(Self::Unix),
        }
    }
}

/// Paths of models' APIs that are beside the usual ones; past it none is added.
const PATHS: usize = 1_024;

/// Their ids, where they serve, and what.
#[derive(Debug, Default)]
pub(super) struct Traced {
    processes: HashSet<u32>,
    places: HashSet<Place>,
    /// Numbers of the paths of which the kernel side knows that what is posted there is to be read whole.
    paths: HashSet<u64>,
    usual_paths: usize,
}

impl Traced {
    pub(super) fn contains(&self, pid: u32) -> bool {
        self.processes.contains(&pid)
    }

    /// Whether it is news.
    fn insert(&mut self, pid: u32) -> bool {
        self.processes.len() < PROCESSES && self.processes.insert(pid)
    }

    fn serves_at(&mut self, place: Place) {
        if self.places.len() >= PLACES && !self.places.contains(&place) {
            self.places.clear();
        }
        self.places.insert(place);
    }

    /// Whether a client's connection leads to one of them.
    pub(super) fn is_led_to(&self, ends: Option<Ends>) -> bool {
        ends.and_then(Place::there).is_some_and(|place| self.places.contains(&place))
    }

    /// The kernel side knows the usual paths.
    pub(super) fn with_usual_paths(mut self) -> Self {
        self.paths.extend(provider::usual_paths());
        self.usual_paths = self.paths.len();
        self
    }

    /// A model's API is served at a path: whether that is news for the kernel side.
    fn learns(&mut self, path: u64) -> bool {
        self.paths.len() < self.usual_paths + PATHS && self.paths.insert(path)
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
    /// host. False where it is not. Of a model's API it is read whole where the kernel side knows its path.
    pub(super) fn serve(
        &mut self,
        conversation: &mut Conversation,
        (key, pid, time_ns, position): (ExchangeKey, u32, u64, u64),
        request: &Arc<RequestHead>,
        effects: &mut impl FnMut(Effect),
    ) -> bool {
        if self.follows_http && conversation.source != Source::Tls {
            // The kernel side knows: it was forked by one that is.
            self.traced.insert(conversation.pid);
        }
        if !self.traced.contains(conversation.pid) {
            return false;
        }
        let client = self.table.client(key.connection, conversation);
        if let Some(client) = client.as_ref().filter(|client| client.pid != pid) {
            self.trace(client.pid, effects);
        }
        let here = self.table.ends(key.connection, conversation).and_then(Place::here);
        let known_as = client.as_ref().and_then(|client| client.ends).and_then(Place::there);
        for place in here.into_iter().chain(known_as) {
            self.traced.serves_at(place);
        }
        let process = self.processes.get(pid);
        let tid = conversation.read.tid;
        let peer = client.map(|client| client.connection);
        let begun =
            Beginning { role: Role::Server, process: Arc::clone(&process), tid, time_ns, request, peer };
        self.correlator.began(key, begun);
        let recognition = provider::recognise_served(request, self.limits(&process));
        if !matches!(recognition, Recognition::Foreign)
            && let Some(path) = provider::path_number(request).filter(|path| self.traced.learns(*path))
        {
            effects(Effect::ReadWhole { path });
        }
        let reading = match recognition {
            Recognition::Known(interpreter) => Reading::Known(interpreter),
            Recognition::Candidate(candidate) => {
                Reading::Candidate { candidate, request: Arc::clone(request), position, is_served: true }
            }
            Recognition::Foreign => self.head_alone(conversation, (key, position), request, effects),
        };
        conversation.exchanges.insert(key.ordinal, Followed { reading, process });
        true
    }

    /// Of a request that is served nothing more than the head is of use.
    pub(super) fn head_alone(
        &mut self,
        conversation: &mut Conversation,
        (key, position): (ExchangeKey, u64),
        request: &RequestHead,
        effects: &mut impl FnMut(Effect),
    ) -> Reading {
        if conversation.source != Source::Socket {
            // All of it is there anyway.
            return Reading::Known(provider::plain());
        }
        conversation.http.leave_bodies(key.ordinal);
        if provider::path_number(request).is_some_and(|path| self.traced.paths.contains(&path)) {
            let (connection, verdict) = (key.connection, Verdict::Heads);
            effects(Effect::Decide { connection, position, verdict });
        }
        Reading::Known(provider::plain())
    }

    /// A process asks for something.
    pub(super) fn asked(
        &mut self,
        conversation: &Conversation,
        (key, pid, time_ns): (ExchangeKey, u32, u64),
        request: &RequestHead,
    ) {
        let (process, tid) = (self.processes.get(pid), conversation.write.tid);
        let begun = Beginning { role: Role::Client, process, tid, time_ns, request, peer: None };
        self.correlator.began(key, begun);
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
        let leads_to = self.table.ends(key.connection, conversation);
        let is_wanted = self.traced.contains(conversation.pid)
            && !exporters::is_span_export(request)
            // What goes through a tunnel counts, and is read only where its begin is left alone.
            && request.method != "CONNECT"
            && (self.correlator.is_linked(key) || self.traced.is_led_to(leads_to));
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
