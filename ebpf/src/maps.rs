//! All state that outlives one probe hit.

use crate::cursor::Cursor;
use aya_ebpf::{
    Global,
    macros::map,
    maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf},
};
use spanwire_abi::{Connection, Dismissal, FileKey, Request, SessionKey, dropped};

/// The agent's own process id: its traffic is not traced. Set before load.
#[unsafe(no_mangle)]
pub static AGENT_PID: Global<u32> = Global::new(0);

/// 1 where TLS is read by its keys. Set before load.
#[unsafe(no_mangle)]
pub static TLS_KEYS: Global<u32> = Global::new(0);

/// Records on their way to the agent. The agent sets the size before load.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(8 << 20, 0);

/// How the agent waits for [`EVENTS`]: one of [`spanwire_abi::reader`].
#[map]
pub static READER: Array<u32> = Array::with_max_entries(1, 0);

/// Bytes in [`EVENTS`] from which an agent that polls is woken. Set before load.
#[unsafe(no_mangle)]
pub static WAKE_BYTES: Global<u64> = Global::new(1 << 20);

/// Signs that a process may be of interest. They have a ring of their own, so that they never wait
/// behind data: probes must be there before the process has come to its first call.
#[map]
pub static SIGNS: RingBuf = RingBuf::with_byte_size(256 << 10, 0);

/// Keys that processes expand: of one that is lost a whole connection cannot be read, so they never wait behind data.
#[map]
pub static KEYS: RingBuf = RingBuf::with_byte_size(256 << 10, 0);

/// Records that found no room in their ring, by [`spanwire_abi::dropped`].
#[map]
pub static DROPS: PerCpuArray<u64> = PerCpuArray::with_max_entries(dropped::COUNT, 0);

/// What could not be captured for another reason, by [`spanwire_abi::gap`].
#[map]
pub static GAPS: PerCpuArray<u64> = PerCpuArray::with_max_entries(spanwire_abi::gap::COUNT, 0);

/// Sockets that moved bytes, by the address of the kernel's `struct sock`: whichever process and
/// descriptor uses one, it is the same.
#[map]
pub static SOCKETS: LruHashMap<u64, Connection> = LruHashMap::with_max_entries(65_536, 0);

/// Sockets of which nothing more is wanted, each in the slot that its address hashes to: most calls on
/// a host end after one look here, which costs a tenth of one into [`SOCKETS`]. A socket that another
/// one drove out of its slot is found to be ignored in the longer way.
#[map]
pub static IGNORED: Array<u64> = Array::with_max_entries(1 << IGNORED_BITS, 0);

/// Changes when the agent is interested in more processes, so that every socket is looked at anew: what is in
/// [`IGNORED`] is the socket's address with these bits, of the upper 16, changed. They are alike in all addresses.
#[map]
pub static EPOCH: Array<u64> = Array::with_max_entries(1, 0);

/// Slots of [`IGNORED`], as a power of two.
pub const IGNORED_BITS: u32 = 16;

/// TLS sessions that moved data.
#[map]
pub static SESSIONS: LruHashMap<SessionKey, Connection> = LruHashMap::with_max_entries(65_536, 0);

/// What the agent asks for, by connection id.
#[map]
pub static REQUESTS: LruHashMap<u64, Request> = LruHashMap::with_max_entries(16_384, 0);

/// What the agent decided of processes: bits of [`spanwire_abi::process`], by process id.
#[map]
pub static PROCESSES: LruHashMap<u32, u32> = LruHashMap::with_max_entries(16_384, 0);

/// Paths of which what is posted there is read whole where a traced process serves it: by [`spanwire_abi::posted_to`].
#[map]
pub static WHOLE_PATHS: HashMap<u64, u8> = HashMap::with_max_entries(spanwire_abi::WHOLE_PATHS as u32, 0);

/// When a process last began a TLS session that the agent was told of, by process id: the keys that it expands are of
/// interest for a while.
#[map]
pub static GREETINGS: LruHashMap<u32, u64> = LruHashMap::with_max_entries(16_384, 0);

/// Members of the process trees that rules are about, by process id: bits of [`spanwire_abi::scope`]. The
/// agent gives it room where there is such a rule.
#[map]
pub static TREES: HashMap<u32, u32> = HashMap::with_max_entries(1, 0);

/// Users that rules are about, by user id: the same bits.
#[map]
pub static USERS: HashMap<u32, u32> = HashMap::with_max_entries(spanwire_abi::scope::RULES, 0);

/// Cgroups that rules are about, by the id of the cgroup (version 2): the same bits.
#[map]
pub static CGROUPS: HashMap<u64, u32> = HashMap::with_max_entries(spanwire_abi::scope::RULES, 0);

/// When a process that carried probes went on to another program, or ended, by process id: what was
/// known of its TLS sessions is of no more use, and another's may have the same addresses.
#[map]
pub static ENDS: LruHashMap<u32, u64> = LruHashMap::with_max_entries(16_384, 0);

/// Programs without TLS code, with when the agent said so: builds start hundreds of processes a second,
/// and none of them need be looked at.
#[map]
pub static PLAIN_PROGRAMS: LruHashMap<FileKey, u64> = LruHashMap::with_max_entries(4_096, 0);

/// Exchanges without a body of which the agent had no use, by process and opening, with when that was: a
/// client that opens a connection for each of its requests costs one event, not one each.
#[map]
pub static DISMISSALS: LruHashMap<Dismissal, u64> = LruHashMap::with_max_entries(4_096, 0);

/// A TLS library's call between its entry and its return, by thread. An entry stays until its thread
/// ends.
#[map]
pub static TLS_CALLS: HashMap<u64, TlsCall> = HashMap::with_max_entries(16_384, 0);

/// A place in the bytes of the call under way, by thread: see [`Cursor`].
#[map]
pub static CURSORS: LruHashMap<u64, Cursor> = LruHashMap::with_max_entries(16_384, 0);

/// How far a thread's `sendmmsg` or `recvmmsg` has come.
#[map]
pub static MESSAGES: LruHashMap<u64, Messages> = LruHashMap::with_max_entries(4_096, 0);

/// The TLS session that a thread last wrote to when that session had no socket of its own: it wrote
/// into memory, and the thread's next write of TLS records carries what it wrote.
#[map]
pub static LOOSE_SESSIONS: LruHashMap<u64, Loose> = LruHashMap::with_max_entries(4_096, 0);

/// Arguments of a TLS library's call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TlsCall {
    /// Address of the session object, or 0 when no call is under way.
    pub session: u64,
    /// Address of the session object that this thread found in, or put into, [`SESSIONS`] last: its next
    /// call need not look again.
    pub known: u64,
    /// Id of the socket that session was last seen to use in a call of this thread.
    pub socket: u64,
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

/// What a thread wrote into memory.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Loose {
    /// Address of the session object.
    pub session: u64,
    /// Bytes of plaintext of the first write since the thread last wrote TLS records to a socket.
    pub bytes: u64,
}

/// The state of a call that moves several messages.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Messages {
    /// The socket.
    pub sock: u64,
    /// Address of the call's array of `mmsghdr`.
    pub array: u64,
    /// The message that comes next.
    pub next: u64,
}
