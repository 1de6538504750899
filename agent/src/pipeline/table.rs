//! The connections that are open, by id, by process and by descriptor; bounded.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;

use super::Interpreters;
use crate::event::{ConnectionId, Source};
use crate::exchange::{HttpConnection, Limits};
use crate::stream::Assembler;

/// Most connections that are remembered, of either kind.
const MOST: usize = 65_536;

/// One direction of a conversation.
#[derive(Default)]
pub(super) struct Side {
    pub(super) assembler: Assembler,
    /// The kernel was told to leave bytes out: the next gap is no loss.
    pub(super) skipping: bool,
}

/// What is said on a connection.
pub(super) struct Conversation {
    pub(super) pid: u32,
    pub(super) source: Source,
    pub(super) read: Side,
    pub(super) write: Side,
    pub(super) http: HttpConnection,
    pub(super) interpreters: Interpreters,
    /// Of no use: kept only so that chunks still under way are not taken for a new connection's.
    pub(super) ignored: bool,
    socket: Option<ConnectionId>,
}

impl Conversation {
    fn new(pid: u32, source: Source, socket: Option<ConnectionId>) -> Self {
        Self {
            pid,
            source,
            read: Side::default(),
            write: Side::default(),
            http: HttpConnection::new(Limits::default()),
            interpreters: Interpreters::new(),
            ignored: false,
            socket,
        }
    }
}

struct Socket {
    pid: u32,
    fd: i32,
    peer: Option<SocketAddr>,
    session: Option<ConnectionId>,
}

/// All open connections. Ids grow with time, so the first in order is the oldest.
#[derive(Default)]
pub(super) struct Table {
    sockets: BTreeMap<ConnectionId, Socket>,
    conversations: BTreeMap<ConnectionId, Conversation>,
    /// Ties that came before the session's first chunk.
    ties: BTreeMap<ConnectionId, ConnectionId>,
    by_process: HashMap<u32, BTreeSet<ConnectionId>>,
}

impl Table {
    pub(super) fn open(&mut self, id: ConnectionId, pid: u32, fd: i32, peer: Option<SocketAddr>) {
        if self.sockets.len() >= MOST
            && let Some(oldest) = self.sockets.keys().next().copied()
        {
            self.close(oldest);
        }
        self.sockets.insert(id, Socket { pid, fd, peer, session: None });
        self.by_process.entry(pid).or_default().insert(id);
    }

    pub(super) fn tie(&mut self, session: ConnectionId, socket: ConnectionId) {
        if let Some(below) = self.sockets.get_mut(&socket) {
            below.session = Some(session);
        }
        if let Some(conversation) = self.conversations.get_mut(&session) {
            conversation.socket = Some(socket);
            return;
        }
        if self.ties.len() >= MOST {
            self.ties.pop_first();
        }
        self.ties.insert(session, socket);
    }

    /// A conversation that this table does not hold yet: see [`Table::put`].
    pub(super) fn begin(&mut self, id: ConnectionId, pid: u32, source: Source) -> Conversation {
        Conversation::new(pid, source, self.ties.remove(&id))
    }

    pub(super) fn take(&mut self, id: ConnectionId) -> Option<Conversation> {
        self.conversations.remove(&id)
    }

    /// Puts a conversation (back) in; the id of one that had to go for it, if any.
    pub(super) fn put(&mut self, id: ConnectionId, conversation: Conversation) -> Option<ConnectionId> {
        self.by_process.entry(conversation.pid).or_default().insert(id);
        self.conversations.insert(id, conversation);
        if self.conversations.len() <= MOST {
            return None;
        }
        let (oldest, gone) = self.conversations.pop_first()?;
        self.unlist(gone.pid, oldest);
        Some(oldest)
    }

    /// Lets a conversation that was taken go for good.
    pub(super) fn retire(&mut self, id: ConnectionId, conversation: &Conversation) {
        self.unlist(conversation.pid, id);
    }

    /// Forgets a connection, and the TLS session on it.
    pub(super) fn close(&mut self, id: ConnectionId) {
        if let Some(socket) = self.sockets.remove(&id) {
            self.unlist(socket.pid, id);
            if let Some(session) = socket.session {
                self.ties.remove(&session);
                self.close_conversation(session);
            }
        }
        self.ties.remove(&id);
        self.close_conversation(id);
    }

    fn close_conversation(&mut self, id: ConnectionId) {
        if let Some(conversation) = self.conversations.remove(&id) {
            self.unlist(conversation.pid, id);
        }
    }

    fn unlist(&mut self, pid: u32, id: ConnectionId) {
        if let Some(connections) = self.by_process.get_mut(&pid) {
            connections.remove(&id);
            if connections.is_empty() {
                self.by_process.remove(&pid);
            }
        }
    }

    /// The TLS session that uses a socket.
    pub(super) fn session_on(&self, socket: ConnectionId) -> Option<ConnectionId> {
        self.sockets.get(&socket)?.session
    }

    /// The other end of a conversation whose connection this table may or may not hold.
    pub(super) fn peer(&self, id: ConnectionId, conversation: &Conversation) -> Option<SocketAddr> {
        self.sockets.get(&conversation.socket.unwrap_or(id))?.peer
    }

    pub(super) fn socket_at(&self, pid: u32, fd: i32) -> Option<ConnectionId> {
        self.connections_of(pid)
            .into_iter()
            .rev()
            .find(|id| self.sockets.get(id).is_some_and(|socket| socket.fd == fd))
    }

    pub(super) fn sockets_of(&self, pid: u32) -> Vec<i32> {
        self.connections_of(pid)
            .iter()
            .filter_map(|id| self.sockets.get(id))
            .map(|socket| socket.fd)
            .collect()
    }

    pub(super) fn connections_of(&self, pid: u32) -> Vec<ConnectionId> {
        self.by_process.get(&pid).into_iter().flatten().copied().collect()
    }

    pub(super) fn conversations(&self) -> Vec<ConnectionId> {
        self.conversations.keys().copied().collect()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
            && self.conversations.is_empty()
            && self.ties.is_empty()
            && self.by_process.is_empty()
    }
}
