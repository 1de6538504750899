//! The kernel side's table of sockets, from which one agent learns for another where its connections are, and in which that
//! one has them followed.

use std::collections::HashMap;

use aya::Ebpf;
use aya::maps::{self, MapData, MapError};
use spanwire_abi::{Connection, direction, verdict};

use super::LoadError;
use super::control::{Plain, take_map};
use crate::event::ConnectionId;

// SAFETY: a `repr(C)` struct of integers without implicit padding.
unsafe impl aya::Pod for Plain<Connection> {}

/// Sockets by the address of the kernel's `struct sock`, which is the same for all agents of a host.
pub struct Sockets {
    table: maps::HashMap<MapData, u64, Plain<Connection>>,
}

/// Where a socket is, and how much it has moved since an agent met it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketAt {
    /// The address of its `struct sock`.
    pub address: u64,
    /// For a Unix socket its inode's number, else 0.
    pub inode: u64,
    /// Bytes read and written.
    pub moved: [u64; 2],
}

impl Sockets {
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        Ok(Self { table: maps::HashMap::try_from(take_map(ebpf, "SOCKETS")?)? })
    }

    /// Where the sockets are whose TLS is read by its keys. What the kernel side forgets meanwhile may be missing.
    #[must_use]
    pub fn read_by_keys(&self) -> HashMap<ConnectionId, SocketAt> {
        let by_keys = |Connection { verdict, .. }: &Connection| {
            matches!(*verdict, verdict::RECORDS | verdict::SKIP_RECORDS)
        };
        let sockets = self.table.iter().filter_map(Result::ok);
        sockets
            .filter(|(_, Plain(connection))| by_keys(connection))
            .map(|(address, Plain(Connection { id, inode, moved, .. }))| {
                (ConnectionId(id), SocketAt { address, inode, moved })
            })
            .collect()
    }

    /// Has the kernel side send the TLS records of a socket, on which the process is the client or not, as those of
    /// connection `id`; false where it does so already.
    ///
    /// # Errors
    /// When the kernel refuses the update: the connection is then not read.
    pub fn follow(&mut self, id: ConnectionId, at: SocketAt, is_client: bool) -> Result<bool, MapError> {
        let SocketAt { address, inode, moved } = at;
        if let Ok(Plain(known)) = self.table.get(&address, 0)
            && matches!(known.verdict, verdict::RECORDS | verdict::SKIP_RECORDS)
        {
            return Ok(false);
        }
        let connection = Connection {
            id: id.0,
            inode,
            moved,
            verdict: verdict::RECORDS,
            requests: if is_client { direction::WRITE } else { direction::READ },
            // Whatever moves next is a turn.
            last: direction::NEITHER,
            ..Connection::default()
        };
        self.table.insert(address, Plain(connection), 0).map(|()| true)
    }
}
