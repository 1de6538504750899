//! TLS sessions that another agent has read so far, and this one is to read on.

use std::collections::HashMap;

use super::Pipeline;
use super::records::Content;
use super::table::{Conversation, Hello, MOST};
use crate::event::{ConnectionId, Source};
use crate::protocol::tls::{Saved, Session};

/// How long a session is remembered on whose connection nothing moves, in nanoseconds: pools close theirs sooner.
const KEPT_NS: u64 = 3_600_000_000_000;

/// Sessions whose connections were not heard of yet.
#[derive(Default)]
pub(super) struct Inherited {
    sessions: HashMap<ConnectionId, Saved>,
    /// When they came (`CLOCK_MONOTONIC` nanoseconds).
    since_ns: u64,
}

impl Inherited {
    /// The server that the client on a connection asked for.
    pub(super) fn hello(&self, id: ConnectionId, time_ns: u64) -> Option<Hello> {
        let server_name = self.sessions.get(&id)?.server_name.clone();
        Some(Hello { server_name, time_ns })
    }

    /// Goes on with the session on a connection, if there is one.
    pub(super) fn take(&mut self, id: ConnectionId, conversation: &mut Conversation) {
        if self.sessions.is_empty() || conversation.source != Source::Records {
            return;
        }
        if let Some(saved) = self.sessions.remove(&id) {
            conversation.tls = Some(Box::new(Session::restore(&saved)));
            conversation.content = Content::Missing;
        }
    }

    pub(super) fn expire(&mut self, now_ns: u64) {
        if !self.sessions.is_empty() && now_ns.saturating_sub(self.since_ns) > KEPT_NS {
            self.sessions = HashMap::new();
        }
    }
}

impl Pipeline {
    /// The sessions whose records are read here, for another agent to read on.
    pub fn sessions(&self) -> impl Iterator<Item = (ConnectionId, Saved)> {
        self.table.all().filter_map(|(id, conversation)| Some((id, conversation.tls.as_ref()?.save()?)))
    }

    /// Connection `id`, of which nothing was heard yet, has a session that another agent has read so far: to be told before the
    /// kernel side is. Beyond as many as there can be connections they are not read.
    pub fn inherit(&mut self, id: ConnectionId, saved: Saved, now_ns: u64) {
        if self.inherited.sessions.len() < MOST {
            self.inherited.since_ns = now_ns;
            self.inherited.sessions.insert(id, saved);
        }
    }
}
