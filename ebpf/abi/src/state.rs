//! What the kernel side keeps, and what the agent tells it.

use crate::Endpoint;

/// Identifies a TLS session to the kernel side: which process, which session object.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// Process id in the root PID namespace.
    pub pid: u64,
    /// Address of the library's session object (`SSL *`) in the process.
    pub address: u64,
}

/// What the kernel side keeps for a socket or a TLS session.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Connection {
    /// Never reused while the host is up.
    pub id: u64,
    /// For a TLS session the id of the socket it was seen to use, else 0.
    pub socket: u64,
    /// For a Unix socket its inode's number, since nothing tells when it is gone; else 0.
    pub inode: u64,
    /// Bytes moved so far, by [`crate::direction`].
    pub moved: [u64; 2],
    /// How the exchange under way opened: the first bytes of its request. Where TLS is read by its keys, which shows none,
    /// the first word says until when the connection rests: `CLOCK_MONOTONIC` nanoseconds, 0 for not at all.
    pub opening: [u64; OPENING_BYTES / 8],
    /// Where, in the direction of requests, the latest exchange began, or the run of those that open alike.
    pub alike_since: u64,
    /// `CLOCK_MONOTONIC` nanoseconds: when bytes last moved.
    pub last_ns: u64,
    /// One of [`crate::verdict`].
    pub verdict: u32,
    /// The direction that carries requests once one was seen: a [`crate::direction`] tag.
    pub requests: u8,
    /// Where bytes moved last: a [`crate::direction`] tag, or [`crate::direction::NEITHER`].
    pub last: u8,
    /// How often the first bytes after a change of direction were looked at in vain; with [`crate::verdict::RECORDS`] 1
    /// as long as what is sent is the handshake's; with [`crate::verdict::HEADS`] a bit for each direction, by its tag, in
    /// which a head is under way.
    pub looks: u8,
    /// Bits of [`told`].
    pub told: u8,
}

/// What the agent was told of a connection, as bits.
pub mod told {
    /// It was announced: [`crate::Opened`] or a hello.
    pub const OPENED: u8 = 1;
    /// The end of what it receives, or that it failed.
    pub const ENDED: u8 = 2;
    /// That this end closed it.
    pub const CLOSED: u8 = 4;
    /// The announcement found no room, and is to be made again.
    pub const UNHEARD: u8 = 8;
    /// Not told, but known: its TLS session was under way when it was first seen.
    pub const OLD: u8 = 16;
}

/// Bytes of a request by which exchanges are told apart: two that agree in them, the end of the
/// request line included, go to the same endpoint.
pub const OPENING_BYTES: usize = 64;

/// An exchange, or the begin of a TLS session, that is of no use to the agent.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dismissal {
    /// The process that made it.
    pub pid: u64,
    /// How it opened.
    pub opening: [u64; OPENING_BYTES / 8],
}

impl Dismissal {
    /// Of the TLS sessions that a process begins with this peer by a ClientHello of this many bytes. No
    /// request opens like it: that is text.
    #[must_use]
    #[inline(always)]
    pub fn of_hello(pid: u32, peer: &Endpoint, bytes: u32) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = peer.address;
        let (high, low) = ([a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]);
        let opening = [
            1,
            u64::from(peer.family) << 48 | u64::from(peer.port) << 32 | u64::from(bytes),
            u64::from_ne_bytes(high),
            u64::from_ne_bytes(low),
            0,
            0,
            0,
            0,
        ];
        Self { pid: pid as u64, opening }
    }
}

/// What the agent asks the kernel side to do with a connection, by connection id.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// A position in the direction of requests within the exchange that is meant: a request that comes
    /// too late, when an exchange that opens otherwise, or may have a body, has begun, is dropped.
    pub position: u64,
    /// One of [`crate::verdict`].
    pub verdict: u32,
    /// Zero.
    pub reserved: u32,
}
