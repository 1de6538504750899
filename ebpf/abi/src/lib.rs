//! What the BPF programs and the agent say to each other.
//!
//! Records travel through one ring buffer. Each begins with [`Header`]; all fields are integers in
//! the machine's byte order, every struct is `repr(C)` without implicit padding, and tags are plain
//! constants: the agent converts them with checks, since no bit pattern from elsewhere may become a
//! Rust enum.

#![no_std]

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
    /// [`super::Header`] alone: the process replaced its program.
    pub const EXEC: u32 = 5;
    /// [`super::Header`] alone: the process is exiting.
    pub const EXIT: u32 = 6;
    /// One more than the largest tag: the length of tables indexed by kind.
    pub const COUNT: u32 = 7;
}

/// Tags of [`Data::direction`]; also indices of per-direction state.
pub mod direction {
    /// The process received.
    pub const READ: u8 = 0;
    /// The process sent.
    pub const WRITE: u8 = 1;
}

/// Tags of [`Data::source`].
pub mod source {
    /// A TLS library's call.
    pub const TLS: u8 = 0;
    /// A system call on a socket.
    pub const SOCKET: u8 = 1;
}

/// Tags of [`Opened::role`].
pub mod role {
    /// The process called `connect`.
    pub const CLIENT: u32 = 0;
    /// The process called `accept`.
    pub const SERVER: u32 = 1;
}

/// Tags of [`Ended::reason`].
pub mod end {
    /// A read returned 0: the peer ended its sending.
    pub const PEER_CLOSED: u32 = 0;
    /// The process closed the socket or freed the TLS session.
    pub const CLOSED: u32 = 1;
    /// A call failed for good; [`super::Ended::errno`] says with what.
    pub const FAILED: u32 = 2;
}

/// What the kernel side does with a connection's bytes: the values of [`Connection::verdict`] and of
/// [`Request::verdict`].
pub mod verdict {
    /// Nothing is known: look at the first bytes of each call for a request.
    pub const UNKNOWN: u32 = 0;
    /// A request was seen: capture all bytes of both directions.
    pub const FOLLOW: u32 = 1;
    /// The agent has no use for the exchange under way: send nothing until one that opens otherwise
    /// begins.
    pub const SKIP_EXCHANGE: u32 = 2;
    /// The agent has no use for the connection.
    pub const IGNORE: u32 = 3;
    /// The socket carries TLS: its bytes are of no use, its ties to TLS sessions are.
    pub const CIPHERTEXT: u32 = 4;
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

/// A socket was connected or accepted.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    /// With [`kind::OPENED`].
    pub header: Header,
    /// File descriptor in the process.
    pub fd: i32,
    /// One of [`role`].
    pub role: u32,
    /// The peer's `sockaddr` as the call had it: `sockaddr_in`, `sockaddr_in6`, or zeros when unknown.
    pub peer: [u8; SOCKADDR_BYTES],
    /// The thread's name, ended by a zero: all that is known of a process that is gone too soon.
    pub command: [u8; COMMAND_BYTES],
    /// Zero.
    pub reserved: u32,
}

/// Length of a thread's name: `TASK_COMM_LEN` (include/linux/sched.h).
pub const COMMAND_BYTES: usize = 16;

/// Bytes kept of a `sockaddr`: the length of `sockaddr_in6` (`include/uapi/linux/in6.h`).
pub const SOCKADDR_BYTES: usize = 28;

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
    /// Zero.
    pub reserved: [u8; 6],
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
}

/// Most bytes that one data record carries: one full TLS record's plaintext (RFC 8446, section 5.1).
pub const CHUNK_BYTES: usize = 16 * 1024;

/// Identifies a socket to the kernel side: which process, which descriptor.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketKey {
    /// Process id in the root PID namespace.
    pub pid: u32,
    /// File descriptor.
    pub fd: i32,
}

/// Identifies a TLS session to the kernel side: which process, which session object.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// Process id in the root PID namespace.
    pub pid: u64,
    /// Address of the library's session object (`SSL *`) in the process.
    pub address: u64,
}

/// What the kernel side keeps for a socket or a TLS session.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// Never reused while the host is up.
    pub id: u64,
    /// For a TLS session the id of the socket it was seen to use, else 0.
    pub socket: u64,
    /// Bytes moved so far, by [`direction`].
    pub moved: [u64; 2],
    /// How the exchange under way opened: the first bytes of its request.
    pub opening: [u64; OPENING_BYTES / 8],
    /// Where, in the direction of requests, the latest run of exchanges that open alike began.
    pub alike_since: u64,
    /// One of [`verdict`].
    pub verdict: u32,
    /// The direction that carries requests once one was seen: a [`direction`] tag.
    pub requests: u8,
    /// A [`direction`] tag: where bytes moved last.
    pub last: u8,
    /// Zero.
    pub reserved: [u8; 2],
}

/// Bytes of a request by which exchanges are told apart: two that agree in them, the end of the
/// request line included, go to the same endpoint.
pub const OPENING_BYTES: usize = 64;

/// What the agent asks the kernel side to do with a connection, by connection id.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// A position in the direction of requests within the exchange that is meant: a wish that comes
    /// too late, when an exchange that opens otherwise has begun, is dropped.
    pub position: u64,
    /// One of [`verdict`].
    pub verdict: u32,
    /// Zero.
    pub reserved: u32,
}
