//! What the kernel tells us, decoded: the vocabulary between `bpf` and the stages behind it.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use spanwire_abi::KEY_BYTES;
use zeroize::Zeroizing;

/// Identity of one socket or TLS session in one process. Never reused while the host is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Direction of bytes, seen from the traced process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The process received the bytes.
    Read,
    /// The process sent the bytes.
    Write,
}

impl Direction {
    /// The other direction.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Read => Self::Write,
            Self::Write => Self::Read,
        }
    }
}

/// Where plaintext was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// At a TLS library's call; the connection is a TLS session.
    Tls,
    /// At a system call on a socket; the connection is the socket.
    Socket,
    /// Not plaintext yet: records of TLS at a system call on a socket; the connection is the socket.
    Records,
}

/// An AES key that a process expanded: 16, 24 or 32 bytes, zeroed when this is dropped. Its bytes are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyBytes {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    length: usize,
}

impl KeyBytes {
    /// The first `length` of these bytes; `None` where no AES key has that many.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES], length: u32) -> Option<Self> {
        let length = usize::try_from(length).ok().filter(|length| matches!(length, 16 | 24 | 32))?;
        Some(Self { bytes: Zeroizing::new(bytes), length })
    }

    /// The key.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyBytes({} bytes)", self.length)
    }
}

/// Which end of a connection the traced process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The process connected.
    Client,
    /// The process accepted.
    Server,
}

/// Bytes captured at one call, or the part of them that fitted one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The connection that carried the bytes.
    pub connection: ConnectionId,
    /// Process id in the root PID namespace.
    pub pid: u32,
    /// Thread id in the root PID namespace.
    pub tid: u32,
    /// Sent or received.
    pub direction: Direction,
    /// Where the bytes were taken.
    pub source: Source,
    /// `CLOCK_MONOTONIC` nanoseconds: the call's begin for sent bytes, its return for received ones.
    pub time_ns: u64,
    /// Offset of the first byte in this direction, counted from when tracking began.
    pub position: u64,
    /// How many bytes the program moved; more than `bytes` holds when the capture limit cut them.
    pub original_bytes: u32,
    /// They are of a request, and bytes moved the other way since the one before: that was answered,
    /// whether or not its answer was captured.
    pub after_answer: bool,
    /// What was captured: a prefix of the original bytes.
    pub bytes: Bytes,
}

/// How the kernel saw a connection, or one direction of it, end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer ended its sending: a read returned 0.
    PeerClosed,
    /// The last descriptor of the socket was closed, the TLS session freed, or the process exited.
    Closed,
    /// A call failed for good with this `errno` (`ECONNRESET`, `EPIPE`, `ETIMEDOUT`).
    Failed(i32),
    /// It goes on, but carries something else than HTTP.
    Foreign,
}

/// The two ends of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// TCP over IPv4 or IPv6; v4-mapped addresses are shown as IPv4.
    Internet {
        /// This end.
        local: SocketAddr,
        /// The other end.
        peer: SocketAddr,
    },
    /// A Unix socket.
    Unix {
        /// What the kernel tells this end's name by: all connections to one listening socket have it in common. None where this
        /// end has no name, as is usual for clients.
        local: Option<u64>,
        /// The same of the other end.
        peer: Option<u64>,
    },
}

impl Ends {
    /// This end's address.
    #[must_use]
    pub fn local(self) -> Option<SocketAddr> {
        match self {
            Self::Internet { local, .. } => Some(local),
            Self::Unix { .. } => None,
        }
    }

    /// The other end's address.
    #[must_use]
    pub fn peer(self) -> Option<SocketAddr> {
        match self {
            Self::Internet { peer, .. } => Some(peer),
            Self::Unix { .. } => None,
        }
    }
}

/// What the two ends of a connection have in common where both are on this host, whatever addresses each knows the other by:
/// those may be translated on the way, and others in another network namespace may have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// TCP: the sequence numbers of the first bytes that its ends send. Each end chooses its own from the addresses, a secret of
    /// the host and the time, to 64 ns (net/core/secure_seq.c).
    Tcp {
        /// Of the one that began it.
        client: u32,
        /// Of the other one.
        server: u32,
    },
    /// A Unix socket: the number of the client's inode, which the kernel does not give to another before it has given
    /// four billion.
    Unix {
        /// The inode's.
        client: u64,
    },
}

/// A connection's [`Identity`], which depends on which end it is seen from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    /// If this end is the client's.
    pub as_client: Option<Identity>,
    /// If it is the server's.
    pub as_server: Option<Identity>,
}

/// The kernel's name for a file: only the kernel side knows what it means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KernelFile(pub [u64; 3]);

/// One thing that happened in a traced process. Times are `CLOCK_MONOTONIC` nanoseconds, process ids
/// those of the root PID namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A socket turned out to be of interest; its bytes, or those of the TLS session on it, follow.
    Opened {
        /// The socket's connection.
        connection: ConnectionId,
        /// The process that uses it.
        pid: u32,
        /// Name of the thread that does.
        command: String,
        /// Tells its program from the others that it runs: see [`spanwire_abi::Opened::program`].
        program: u64,
        /// Where it leads; none when the kernel did not say.
        ends: Option<Ends>,
        /// What its other end has in common with it.
        identities: Identities,
        /// When.
        time_ns: u64,
    },
    /// Bytes moved.
    Chunk(Chunk),
    /// A TLS client began on a socket.
    Hello {
        /// The socket's connection.
        connection: ConnectionId,
        /// The process.
        pid: u32,
        /// The first bytes that it sent: a ClientHello, or the begin of one.
        bytes: Bytes,
        /// When.
        time_ns: u64,
    },
    /// A TLS session was seen to use a socket.
    Tied {
        /// The TLS session.
        session: ConnectionId,
        /// The socket under it.
        socket: ConnectionId,
    },
    /// A connection ended, or its peer stopped sending.
    Ended {
        /// The connection.
        connection: ConnectionId,
        /// How.
        end: End,
        /// Bytes read and written since tracking began.
        moved: [u64; 2],
        /// When.
        time_ns: u64,
    },
    /// A process that lately began a TLS session as a client expanded an AES key.
    Key {
        /// The process.
        pid: u32,
        /// What it expanded.
        key: KeyBytes,
        /// When.
        time_ns: u64,
    },
    /// A process begins to use a TLS library.
    LibraryInit {
        /// The process.
        pid: u32,
    },
    /// A process that carries probes forked another.
    Forked {
        /// The process.
        pid: u32,
        /// The new one.
        child: u32,
    },
    /// A process began a program.
    Started {
        /// The process.
        pid: u32,
        /// The kernel's name for the executable.
        file: KernelFile,
        /// When.
        time_ns: u64,
    },
    /// A process of which something was told replaced its program.
    Exec {
        /// The process.
        pid: u32,
        /// Tells the new program: see [`spanwire_abi::Opened::program`].
        program: u64,
        /// When.
        time_ns: u64,
    },
    /// A process is exiting.
    Exit {
        /// The process.
        pid: u32,
        /// When.
        time_ns: u64,
    },
}
