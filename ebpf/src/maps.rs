//! All state that outlives one probe hit.

use crate::cursor::Cursor;
use aya_ebpf::{
    Global,
    macros::map,
    maps::{HashMap, LruHashMap, PerCpuArray, RingBuf},
};
use spanwire_abi::{Connection, Request, SOCKADDR_BYTES, SessionKey, SocketKey, kind};

/// The agent's own process id: its traffic is not traced. Set before load.
#[unsafe(no_mangle)]
pub static AGENT_PID: Global<u32> = Global::new(0);

/// Records on their way to the agent. The agent sets the size before load.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(8 << 20, 0);

/// Records that found no room in [`EVENTS`], by kind.
#[map]
pub static DROPS: PerCpuArray<u64> = PerCpuArray::with_max_entries(kind::COUNT, 0);

/// Sockets that were connected or accepted. LRU, since a process may end without closing them.
#[map]
pub static SOCKETS: LruHashMap<SocketKey, Connection> = LruHashMap::with_max_entries(65_536, 0);

/// TLS sessions that moved data.
#[map]
pub static SESSIONS: LruHashMap<SessionKey, Connection> = LruHashMap::with_max_entries(65_536, 0);

/// What the agent asks for, by connection id.
#[map]
pub static REQUESTS: LruHashMap<u64, Request> = LruHashMap::with_max_entries(16_384, 0);

/// A TLS library's call between its entry and its return, by thread.
#[map]
pub static TLS_CALLS: HashMap<u64, TlsCall> = HashMap::with_max_entries(16_384, 0);

/// A system call between its entry and its return, by thread.
#[map]
pub static SOCKET_CALLS: HashMap<u64, SocketCall> = HashMap::with_max_entries(16_384, 0);

/// The TLS session that a thread last wrote to when that session had no socket of its own: it wrote
/// into memory, and the thread's next write of TLS records carries what it wrote.
#[map]
pub static LOOSE_SESSIONS: LruHashMap<u64, u64> = LruHashMap::with_max_entries(4_096, 0);

/// Arguments of a TLS library's call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TlsCall {
    /// Address of the session object.
    pub session: u64,
    /// Address of the plaintext.
    pub buffer: u64,
    /// The plaintext.
    pub plaintext: Cursor,
    /// Address of the byte count that the call reports, or 0 when the call returns it.
    pub count: u64,
    /// When the call began.
    pub time_ns: u64,
    /// A [`spanwire_abi::direction`] tag.
    pub direction: u64,
    /// Calls under way inside this one, in a library that implements one form by calling the other.
    pub nested: u64,
}

/// Arguments of a system call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SocketCall {
    /// The bytes that the call moves.
    pub bytes: Cursor,
    /// Address of the room for the peer's `sockaddr`.
    pub address: u64,
    /// When the call began.
    pub time_ns: u64,
    /// File descriptor.
    pub fd: i32,
    /// One of [`call`].
    pub call: u32,
    /// The peer's address as given to `connect`.
    pub peer: [u8; SOCKADDR_BYTES],
    pub reserved: u32,
}

/// Tags of [`SocketCall::call`]; the first two are also [`spanwire_abi::direction`] tags.
pub mod call {
    pub const READ: u32 = 0;
    pub const WRITE: u32 = 1;
    pub const CONNECT: u32 = 2;
    pub const ACCEPT: u32 = 3;
}
