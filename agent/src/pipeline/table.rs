//! The connections that are open, by id, by process and by descriptor; bounded.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Exchanges;
use super::records::Content;
use crate::event::{Chunk, ConnectionId, Direction, Ends, Identities, Identity, Source};
use crate::exchange::{HttpConnection, Limits};
use crate::protocol::tls::Session;
use crate::provider;
use crate::stream::Assembler;

/// Most connections that are remembered, of either kind.
pub(super) const MOST: usize = 65_536;

/// One direction of a conversation.
#[derive(Default)]
pub(super) struct Side {
    pub(super) assembler: Assembler,
    /// The kernel was told to leave bytes out: the next gap is no loss.
    pub(super) skipping: bool,
    /// The thread that moved bytes last.
    pub(super) tid: u32,
}

/// What is said on a connection.
pub(super) struct Conversation {
    pub(super) pid: u32,
    pub(super) source: Source,
    pub(super) read: Side,
    pub(super) write: Side,
    /// What reads its records, where [`Conversation::source`] is records of TLS.
    pub(super) tls: Option<Box<Session>>,
    pub(super) http: HttpConnection,
    pub(super) exchanges: Exchanges,
    /// Of no use: kept only so that chunks still under way are not taken for a new connection's.
    pub(super) ignored: bool,
    /// What was seen of its records' content.
    pub(super) content: Content,
    /// Where what was sent last began, in the direction of requests.
    pub(super) requests_at: u64,
    /// Where a request began on it of which nothing was read yet, if so; and whether bytes are missing since.
    pub(super) awaited: Option<bool>,
    /// Its first chunk was not the first of its direction: what came before is nobody's loss here.
    pub(super) joined: bool,
    /// What is held of it, as the table last counted.
    pub(super) accounted_bytes: usize,
    /// The same of its exchanges under way.
    accounted_exchanges: usize,
    /// When bytes moved last (`CLOCK_MONOTONIC` nanoseconds).
    pub(super) moved_ns: u64,
    socket: Option<ConnectionId>,
}

impl Conversation {
    /// What moved in one direction.
    pub(super) fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }

    /// The direction in which requests move, as far as TLS tells: where it does not, the process is the client.
    pub(super) fn requests(&self) -> Direction {
        self.tls.as_ref().and_then(|tls| tls.facts().client).unwrap_or(Direction::Write)
    }

    /// Whether it is read by its records or at the calls of a TLS library.
    pub(super) fn is_tls(&self) -> bool {
        self.source != Source::Socket
    }

    /// Whether an exchange is under way on it that is followed and began before then.
    pub(super) fn has_begun_before(&self, time_ns: u64) -> bool {
        let began = |ordinal: &u64| self.http.exchange(*ordinal).map(|exchange| exchange.started_ns);
        self.exchanges.keys().filter_map(began).any(|began| began < time_ns)
    }

    fn new(pid: u32, source: Source, socket: Option<ConnectionId>) -> Self {
        let http = HttpConnection::new(Limits::default(), source);
        Self {
            pid,
            source,
            read: Side::default(),
            write: Side::default(),
            tls: (source == Source::Records).then(Box::default),
            // Where a head ends in TLS is nothing that the kernel side could see.
            http: if source == Source::Socket { http.serving_heads(provider::is_served_model) } else { http },
            exchanges: Exchanges::new(),
            ignored: false,
            content: Content::None,
            requests_at: 0,
            awaited: None,
            joined: false,
            accounted_bytes: 0,
            accounted_exchanges: 0,
            moved_ns: 0,
            socket,
        }
    }
}

/// A socket of interest.
pub(super) struct Socket {
    pub(super) pid: u32,
    pub(super) ends: Option<Ends>,
    identities: Identities,
    pub(super) hello: Option<Hello>,
    session: Option<ConnectionId>,
    /// Plaintext of a session on it was captured, from the begin of a request on, or was of no use.
    was_read: bool,
}

/// Who asks what a process of this host serves.
pub(super) struct Client {
    pub(super) pid: u32,
    /// The connection that its conversation is held on.
    pub(super) connection: ConnectionId,
    /// As it knows them: on the way to the server its addresses may be translated.
    pub(super) ends: Option<Ends>,
}

/// What a TLS client said at its begin.
pub(super) struct Hello {
    /// The server that it wants.
    pub(super) server_name: Option<String>,
    pub(super) time_ns: u64,
}

/// A conversation that is no longer in the table.
pub(super) type Evicted = (ConnectionId, Box<Conversation>);

/// All open connections. Ids grow with time, so the first in order is the oldest.
#[derive(Default)]
pub(super) struct Table {
    sockets: BTreeMap<ConnectionId, Socket>,
    /// Each is taken out and put back for each of its chunks, and large: so in a box.
    conversations: BTreeMap<ConnectionId, Box<Conversation>>,
    /// Ties that came before the session's first chunk.
    ties: BTreeMap<ConnectionId, ConnectionId>,
    by_process: HashMap<u32, BTreeSet<ConnectionId>>,
    /// By what a connection is known by at both ends if this one is its client's. A socket that the kernel side has forgotten
    /// and met again comes a second time: the latest counts.
    clients: HashMap<Identity, ConnectionId>,
    /// Of all conversations together.
    held_bytes: usize,
    exchanges: usize,
}

impl Table {
    /// Remembers a socket; what was said on one that had to go for it, if anything.
    pub(super) fn open(
        &mut self,
        id: ConnectionId,
        pid: u32,
        (ends, identities): (Option<Ends>, Identities),
    ) -> Option<Evicted> {
        let oldest = self.sockets.keys().next().copied().filter(|_| self.sockets.len() >= MOST);
        let evicted = oldest.and_then(|oldest| self.close(oldest));
        self.sockets
            .insert(id, Socket { pid, ends, identities, hello: None, session: None, was_read: false });
        self.by_process.entry(pid).or_default().insert(id);
        if let Some(identity) = identities.as_client {
            self.clients.insert(identity, id);
        }
        evicted
    }

    pub(super) fn tie(&mut self, session: ConnectionId, socket: ConnectionId) {
        if let Some(below) = self.sockets.get_mut(&socket) {
            below.session = Some(session);
            below.was_read |= self.conversations.contains_key(&session);
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

    /// A session is over of which the kernel knew what it carried: where nothing of it was sent, that was of no
    /// use.
    pub(super) fn known(&mut self, session: ConnectionId) {
        let socket = self.ties.get(&session).and_then(|socket| self.sockets.get_mut(socket));
        if let Some(socket) = socket {
            socket.was_read = true;
        }
    }

    /// A conversation that this table does not hold yet: see [`Table::put`].
    pub(super) fn begin(&mut self, id: ConnectionId, chunk: &Chunk) -> Box<Conversation> {
        let mut conversation = Conversation::new(chunk.pid, chunk.source, self.ties.remove(&id));
        if let Some(socket) = conversation.socket.and_then(|socket| self.sockets.get_mut(&socket)) {
            socket.was_read = true;
        }
        conversation.joined = chunk.position > 0;
        if conversation.joined && self.sockets.get(&id).is_none_or(|socket| socket.hello.is_none()) {
            conversation.content = Content::Missing;
        }
        self.by_process.entry(conversation.pid).or_default().insert(id);
        Box::new(conversation)
    }

    pub(super) fn take(&mut self, id: ConnectionId) -> Option<Box<Conversation>> {
        let conversation = self.conversations.remove(&id)?;
        self.held_bytes = self.held_bytes.saturating_sub(conversation.accounted_bytes);
        self.exchanges = self.exchanges.saturating_sub(conversation.accounted_exchanges);
        Some(conversation)
    }

    /// About how many bytes are held for what is under way on all conversations.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// How many sockets, conversations, and exchanges under way on these there are.
    pub(super) fn counts(&self) -> [usize; 3] {
        [self.sockets.len(), self.conversations.len(), self.exchanges]
    }

    /// All conversations.
    pub(super) fn all(&self) -> impl Iterator<Item = (ConnectionId, &Conversation)> {
        self.conversations.iter().map(|(id, conversation)| (*id, &**conversation))
    }

    /// A conversation, in its place.
    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Conversation> {
        self.conversations.get_mut(&id).map(|conversation| &mut **conversation)
    }

    /// Puts a conversation (back) in; the one that had to go for it, if any.
    pub(super) fn put(&mut self, id: ConnectionId, mut conversation: Box<Conversation>) -> Option<Evicted> {
        conversation.accounted_bytes = conversation.held_bytes();
        self.held_bytes = self.held_bytes.saturating_add(conversation.accounted_bytes);
        conversation.accounted_exchanges = conversation.exchanges.len();
        self.exchanges = self.exchanges.saturating_add(conversation.accounted_exchanges);
        self.conversations.insert(id, conversation);
        if self.conversations.len() <= MOST {
            return None;
        }
        let oldest = self.conversations.keys().next().copied()?;
        let gone = self.take(oldest)?;
        self.unlist(gone.pid, oldest);
        Some((oldest, gone))
    }

    /// Lets a conversation that was taken go for good.
    pub(super) fn retire(&mut self, id: ConnectionId, conversation: &Conversation) {
        self.unlist(conversation.pid, id);
    }

    /// Forgets a connection, and the TLS session on it; what was said on them, if it is known yet.
    pub(super) fn close(&mut self, id: ConnectionId) -> Option<Evicted> {
        let mut session_gone = None;
        if let Some(socket) = self.sockets.remove(&id) {
            self.unlist(socket.pid, id);
            self.forget_client(socket.identities, id);
            if let Some(session) = socket.session {
                self.ties.remove(&session);
                session_gone = self.close_conversation(session);
            }
        }
        self.ties.remove(&id);
        // Where both are there, the socket's own is what a proxy was asked before.
        let own = self.close_conversation(id);
        session_gone.or(own)
    }

    fn close_conversation(&mut self, id: ConnectionId) -> Option<Evicted> {
        let conversation = self.take(id)?;
        self.unlist(conversation.pid, id);
        Some((id, conversation))
    }

    fn unlist(&mut self, pid: u32, id: ConnectionId) {
        if let Some(connections) = self.by_process.get_mut(&pid) {
            connections.remove(&id);
            if connections.is_empty() {
                self.by_process.remove(&pid);
            }
        }
    }

    /// Plaintext was read out of a socket's records; whether that is news.
    pub(super) fn read(&mut self, id: ConnectionId) -> bool {
        let socket = self.sockets.get_mut(&id);
        socket.is_some_and(|socket| !std::mem::replace(&mut socket.was_read, true))
    }

    /// Connections of a process with records that wait for their keys.
    pub(super) fn waiting(&self, pid: u32) -> Vec<ConnectionId> {
        let waits = |id: &ConnectionId| {
            let conversation = self.conversations.get(id);
            conversation.and_then(|it| it.tls.as_ref()).is_some_and(|tls| tls.held_bytes() > 0)
        };
        self.by_process.get(&pid).into_iter().flatten().copied().filter(waits).collect()
    }

    /// A TLS client began on a socket.
    pub(super) fn greet(&mut self, id: ConnectionId, hello: Hello) {
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.hello = Some(hello);
        }
    }

    /// A socket on which a TLS client began of whose session nothing was captured, taken out: it had no probes, or
    /// got them when its only request was gone.
    pub(super) fn unseen(&mut self, id: ConnectionId) -> Option<Socket> {
        let socket = self.sockets.get(&id)?;
        if socket.hello.is_none() || socket.was_read {
            return None;
        }
        let socket = self.sockets.remove(&id)?;
        self.unlist(socket.pid, id);
        self.forget_client(socket.identities, id);
        Some(socket)
    }

    fn forget_client(&mut self, identities: Identities, id: ConnectionId) {
        if let Some(identity) = identities.as_client
            && self.clients.get(&identity) == Some(&id)
        {
            self.clients.remove(&identity);
        }
    }

    /// The client's end of the connection that a server's conversation is held on, if it is known.
    pub(super) fn client(&self, id: ConnectionId, conversation: &Conversation) -> Option<Client> {
        let own = self.sockets.get(&conversation.socket.unwrap_or(id))?;
        let other = *self.clients.get(&own.identities.as_server?)?;
        let socket = self.sockets.get(&other)?;
        Some(Client { pid: socket.pid, connection: socket.session.unwrap_or(other), ends: socket.ends })
    }

    /// Whether the TLS on a socket is read by its keys.
    pub(super) fn is_by_keys(&self, socket: ConnectionId) -> bool {
        self.conversations.get(&socket).is_some_and(|conversation| conversation.source == Source::Records)
    }

    /// The server that a TLS client asked for on a connection, if it began there and named one.
    pub(super) fn server_name(
        &self,
        id: ConnectionId,
        conversation: &Conversation,
    ) -> Option<Option<String>> {
        let socket = self.sockets.get(&conversation.socket.unwrap_or(id))?;
        Some(socket.hello.as_ref()?.server_name.clone())
    }

    /// Where a socket leads.
    pub(super) fn socket_ends(&self, socket: ConnectionId) -> Option<Ends> {
        self.sockets.get(&socket)?.ends
    }

    /// The TLS session that uses a socket.
    pub(super) fn session_on(&self, socket: ConnectionId) -> Option<ConnectionId> {
        self.sockets.get(&socket)?.session
    }

    /// Where a conversation's connection leads, when its socket is known.
    pub(super) fn ends(&self, id: ConnectionId, conversation: &Conversation) -> Option<Ends> {
        self.sockets.get(&conversation.socket.unwrap_or(id))?.ends
    }

    /// What ends with a process: its TLS sessions and its Unix sockets. The kernel tells when a TCP
    /// socket ends; another process may have it, too.
    pub(super) fn ending_with(&self, pid: u32) -> Vec<ConnectionId> {
        let ends = |id: &ConnectionId| match self.sockets.get(id) {
            Some(socket) => matches!(socket.ends, Some(Ends::Unix { .. })),
            None => self.conversations.get(id).is_some_and(|conversation| conversation.source == Source::Tls),
        };
        self.by_process.get(&pid).into_iter().flatten().copied().filter(ends).collect()
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
            && self.clients.is_empty()
    }
}
