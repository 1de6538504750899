//! What the BPF programs and the agent say to each other.
//!
//! Records travel through one ring buffer. Each begins with [`Header`]; all fields are integers in
//! the machine's byte order, every struct is `repr(C)` without implicit padding, and tags are plain
//! constants: the agent converts them with checks, since no bit pattern from elsewhere may become a
//! Rust enum.

#![no_std]

mod posted;
mod state;

pub use posted::{WHOLE_PATHS, posted_to};
pub use state::{Connection, Dismissal, OPENING_BYTES, Request, SessionKey, told};

/// Tags of [`Header::kind`].
pub mod kind {
    /// [`super::Opened`]: a socket was connected or accepted.
    pub const OPENED: u32 = 1;
    /// [`super::Data`], then that record's captured bytes.
    pub const DATA: u32 = 2;
    /// [`super::Tied`]: a TLS session was seen to use a socket.
    pub const TIED: u32 = 3;
    /// [`super::Ended`]: a connection, or its receiving side, is over.
    pub const ENDED: u32 = 4;
    /// [`super::Header`] alone: the process replaced its program. In place of a connection it has what
    /// tells the new one: see [`super::Opened::program`].
    pub const EXEC: u32 = 5;
    /// [`super::Header`] alone: the process is exiting.
    pub const EXIT: u32 = 6;
    /// [`super::Data`], then the first bytes that a TLS client wrote: its ClientHello.
    pub const HELLO: u32 = 7;
    /// [`super::Header`] alone: the process begins to use a TLS library.
    pub const LIBRARY_INIT: u32 = 8;
    /// [`super::Forked`]: a process with probes forked another.
    pub const FORKED: u32 = 9;
    /// [`super::Started`]: the process began a program.
    pub const STARTED: u32 = 10;
    /// [`super::Key`]: a TLS library expanded an AES key.
    pub const KEY: u32 = 11;
    /// One more than the largest tag: the length of tables indexed by kind.
    pub const COUNT: u32 = 12;
}

/// Indices of the table that counts records for which the ring had no room: those of [`kind`], and
pub mod dropped {
    /// A [`super::Data`] with which a request began: its exchange will not be seen. Not counted by its
    /// kind.
    pub const REQUEST: u32 = super::kind::COUNT;
    /// One more than the largest.
    pub const COUNT: u32 = REQUEST + 1;
}

/// Why bytes of a socket were not captured: indices of a table of counts.
pub mod gap {
    /// `sendfile` and `splice`: the bytes are in no buffer of the process.
    pub const NO_BUFFER: u32 = 0;
    /// `io_uring`: the call that moves the bytes does not say where they are.
    pub const IO_URING: u32 = 1;
    /// A 32-bit program's system call.
    pub const COMPAT: u32 = 2;
    /// Plaintext written into memory whose TLS records were not found on a socket.
    pub const UNTIED: u32 = 3;
    /// Not bytes, but forked processes that found no room in the table of process trees.
    pub const TREES_FULL: u32 = 4;
    /// Not bytes either, but TLS sessions that were under way when they were first seen, and of which nothing is seen.
    pub const OLD_SESSIONS: u32 = 5;
    /// One more than the largest.
    pub const COUNT: u32 = 6;
}

/// How the operator's rules stand to a process tree, a user or a cgroup, as bits.
pub mod scope {
    /// A rule of inclusion means it.
    pub const INCLUDED: u32 = 1;
    /// A rule of exclusion means it.
    pub const EXCLUDED: u32 = 2;
    /// Levels below the root at which a cgroup can have a rule; deeper ones are left to the agent.
    pub const CGROUP_LEVELS: u32 = 32;
    /// Users, and cgroups, that can have rules.
    pub const RULES: u32 = 256;
    /// Processes that can be members of trees.
    pub const MEMBERS: u32 = 65_536;
}

/// What the agent decided of a process, as bits.
pub mod process {
    /// Its TLS code carries probes.
    pub const HOOKED: u32 = 1;
    /// The operator does not want it traced.
    pub const EXCLUDED: u32 = 2;
    /// It was looked at: a further sign that it begins to use TLS is no news.
    pub const KNOWN: u32 = 4;
    /// The agent was told of a socket of its.
    pub const MET: u32 = 8;
    /// Its TLS connections are not read by their keys: its sessions are tied to their sockets instead.
    pub const CALLS: u32 = 16;
    /// It asks a provider.
    pub const ASKS: u32 = 32;
    /// What is asked of it is of interest, and what it asks of others.
    pub const TRACED: u32 = 64;
}

/// Tags of [`Data::direction`]; also indices of per-direction state.
pub mod direction {
    /// The process received.
    pub const READ: u8 = 0;
    /// The process sent.
    pub const WRITE: u8 = 1;
    /// Of [`super::Connection::last`], before any byte moved.
    pub const NEITHER: u8 = 2;
}

/// Tags of [`Data::source`].
pub mod source {
    /// A TLS library's call.
    pub const TLS: u8 = 0;
    /// A system call on a socket.
    pub const SOCKET: u8 = 1;
    /// A system call on a socket that carries TLS: the bytes are its records.
    pub const RECORDS: u8 = 2;
}

/// Tags of [`Ended::reason`].
pub mod end {
    /// A read returned 0: the peer ended its sending.
    pub const PEER_CLOSED: u32 = 0;
    /// The process closed the socket or freed the TLS session.
    pub const CLOSED: u32 = 1;
    /// A call failed for good; [`super::Ended::errno`] says with what.
    pub const FAILED: u32 = 2;
    /// A TLS session carries something else than HTTP.
    pub const FOREIGN: u32 = 3;
}

/// What the kernel side does with a connection's bytes: the values of [`Connection::verdict`] and of
/// [`Request::verdict`].
pub mod verdict {
    /// Nothing is known: look at the first bytes of each call for a request.
    pub const UNKNOWN: u32 = 0;
    /// A request was seen: capture all bytes of both directions.
    pub const FOLLOW: u32 = 1;
    /// The agent has no use for the exchange under way: send nothing until one that opens otherwise, or may
    /// have a body, begins.
    pub const SKIP_EXCHANGE: u32 = 2;
    /// The agent has no use for the connection.
    pub const IGNORE: u32 = 3;
    /// The socket carries TLS: its bytes are of no use, its ties to TLS sessions are.
    pub const CIPHERTEXT: u32 = 4;
    /// The socket carries TLS that is read by its keys: capture all bytes of both directions.
    pub const RECORDS: u32 = 5;
    /// The same, and the agent has no use for the exchange under way: send nothing until bytes are sent after
    /// an answer.
    pub const SKIP_RECORDS: u32 = 6;
    /// Of a [`Request`] alone: as [`SKIP_EXCHANGE`], and the exchanges that follow soon need not be looked at either,
    /// where the connection is one of [`RECORDS`].
    pub const REST: u32 = 7;
    /// Requests are received on it, in the clear: of use once its process is one of [`crate::process::TRACED`].
    pub const SERVER: u32 = 8;
    /// Of messages, send their heads alone, and of the rest how much moved when, until the next request begins: what is
    /// sent is followed then, and what is received if [`crate::posted_to`] gives a path that the agent wants.
    pub const HEADS: u32 = 9;
}

/// Begins every record.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// One of [`kind`].
    pub kind: u32,
    /// Process id (the kernel's tgid) in the root PID namespace.
    pub pid: u32,
    /// Thread id in the root PID namespace.
    pub tid: u32,
    /// Zero.
    pub reserved: u32,
    /// `CLOCK_MONOTONIC` in nanoseconds.
    pub time_ns: u64,
    /// The connection's id; 0 where the record is about none.
    pub connection: u64,
}

/// One end of a socket.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Endpoint {
    /// An address family: `AF_UNIX`, `AF_INET` or `AF_INET6` (include/linux/socket.h).
    pub family: u16,
    /// In the machine's byte order.
    pub port: u16,
    /// An IPv4 address is in the first four bytes. Of a Unix socket the first eight tell its name from those of others: the
    /// kernel's address of it, which those that were accepted share with the one that listens; 0 where it has none.
    pub address: [u8; 16],
}

/// A socket is of interest: its bytes, or those of the TLS session on it, follow.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    /// With [`kind::OPENED`].
    pub header: Header,
    /// This end.
    pub local: Endpoint,
    /// The other end.
    pub peer: Endpoint,
    /// The thread's name, ended by a zero: all that is known of a process that is gone too soon.
    pub command: [u8; COMMAND_BYTES],
    /// Tells the program that the process runs from those that it ran before or will run: where its
    /// arguments are, which differs by the randomised stack (`arg_start` in proc(5)); 0 when not known.
    pub program: u64,
    /// What this end has in common with the other one, whatever addresses each knows it by. Of a TCP socket the sequence number of
    /// the first byte that it sends; of one that began the connection the one before, which its SYN has. Of a Unix socket the
    /// number of its inode. 0 when not known.
    pub own: u64,
    /// The same of the other end: the sequence number of the first byte that it sends, or its inode's number, which is 0 as long
    /// as nobody has accepted it.
    pub other: u64,
}

/// Length of a thread's name: `TASK_COMM_LEN` (include/linux/sched.h).
pub const COMMAND_BYTES: usize = 16;

/// Bytes moved at one call, or the part of them that one record holds.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Data {
    /// With [`kind::DATA`]; the time is the call's begin when sent, its return when received.
    pub header: Header,
    /// Offset of the first byte in this direction since tracking began.
    pub position: u64,
    /// Bytes that the program moved.
    pub original_bytes: u32,
    /// Bytes that follow this struct in the record and are valid: at most `original_bytes`.
    pub captured_bytes: u32,
    /// One of [`direction`].
    pub direction: u8,
    /// One of [`source`].
    pub source: u8,
    /// 1 where a request begins with these bytes, as far as the kernel side can tell, else 0.
    pub opens: u8,
    /// Zero.
    pub reserved: [u8; 5],
}

/// A TLS session (the header's connection) was seen to use a socket.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Tied {
    /// With [`kind::TIED`].
    pub header: Header,
    /// The socket's connection id.
    pub socket: u64,
}

/// A connection, or its receiving side, is over.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// With [`kind::ENDED`].
    pub header: Header,
    /// One of [`end`].
    pub reason: u32,
    /// A positive `errno` with [`end::FAILED`], else 0.
    pub errno: u32,
    /// Bytes that moved since tracking began, by [`direction`].
    pub moved: [u64; 2],
}

/// A process expanded an AES key, as it does for each key of a TLS connection; for other ends, too.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Key {
    /// With [`kind::KEY`].
    pub header: Header,
    /// Length of the key in bytes: 16, 24 or 32.
    pub bytes: u32,
    /// Zero.
    pub reserved: u32,
    /// The key, then zeros.
    pub key: [u8; KEY_BYTES],
}

/// Most bytes of an AES key.
pub const KEY_BYTES: usize = 32;

/// A process forked another.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Forked {
    /// With [`kind::FORKED`]; the parent's.
    pub header: Header,
    /// Process id of the child in the root PID namespace.
    pub child: u32,
    /// Zero.
    pub reserved: u32,
}

/// A file as the kernel knows it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileKey {
    /// The number of its inode.
    pub inode: u64,
    /// The kernel's number for its file system.
    pub device: u64,
    /// Its size.
    pub bytes: u64,
}

/// A process began a program.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Started {
    /// With [`kind::STARTED`].
    pub header: Header,
    /// The executable; all zeros where the kernel does not say.
    pub file: FileKey,
}

/// How the agent waits for records: values of a table that both sides write.
pub mod reader {
    /// It sleeps: the first record since it emptied the ring wakes it.
    pub const SLEEPS: u32 = 0;
    /// It looks by itself in some milliseconds: only what waits for it, and a good part of the ring being full,
    /// wake it.
    pub const POLLS: u32 = 1;
    /// It polled, and was woken: it need not be woken again.
    pub const WOKEN: u32 = 2;
}

/// Most bytes that one data record carries: one full TLS record's plaintext (RFC 8446, section 5.1).
pub const CHUNK_BYTES: usize = 16 * 1024;
