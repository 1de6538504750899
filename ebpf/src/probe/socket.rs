//! Bytes that move on sockets. Two tracepoints in the kernel's socket layer (net/socket.c, Linux 6.3)
//! see each message of every call that sends or receives, whatever its form, and cost calls on
//! anything else nothing. Where the bytes are is in the registers of the call under way.

use aya_ebpf::{
    helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns, bpf_probe_read_user},
    macros::raw_tracepoint,
    programs::RawTracePointContext,
};
use spanwire_abi::{Connection, direction, end, gap, kind, process, source, told, verdict};

use super::tls::{session_key, thread_key};
use crate::{
    arch::{Registers, nr},
    capture::{self, Wish},
    cursor::Cursor,
    emit, kernel,
    maps::{
        AGENT_PID, CURSORS, IGNORED, IGNORED_BITS, LOOSE_SESSIONS, MESSAGES, Messages, PROCESSES, REQUESTS,
        SESSIONS, SOCKETS, TLS_CALLS,
    },
};

/// `recv` flags (include/linux/socket.h): the bytes stay in the socket and will be read again; they
/// are thrown away; they are no bytes of the stream.
const MSG_PEEK: i32 = 2;
const MSG_TRUNC: i32 = 0x20;
const MSG_ERRQUEUE: i32 = 0x2000;

/// Results of calls (include/uapi/asm-generic/errno.h).
const EPIPE: i64 = -32;
const ECONNRESET: i64 = -104;
const ETIMEDOUT: i64 = -110;

/// Plaintext is at most this much longer as a TLS record (RFC 5246, section 6.2.3).
const RECORD_OVERHEAD: u64 = 2048;
/// Bytes of plaintext in a full TLS record, and of a record's header.
const RECORD_BYTES: u64 = 16 * 1024;
const RECORD_HEADER: u64 = 5;

/// `TP_PROTO(struct sock *sk, int ret, int flags)` (include/trace/events/sock.h).
#[raw_tracepoint(tracepoint = "sock_send_length")]
pub fn socket_sent(context: RawTracePointContext) -> i32 {
    let result = i64::from(context.arg::<i32>(1));
    transferred(context.arg(0), direction::WRITE, result, || place_of_entry(context.arg(0), result, 0));
    0
}

/// As above.
#[raw_tracepoint(tracepoint = "sock_recv_length")]
pub fn socket_received(context: RawTracePointContext) -> i32 {
    let flags = context.arg::<i32>(2);
    if flags & (MSG_PEEK | MSG_ERRQUEUE) != 0 {
        return 0;
    }
    let result = i64::from(context.arg::<i32>(1));
    transferred(context.arg(0), direction::READ, result, || place_of_entry(context.arg(0), result, flags));
    0
}

/// Where the bytes of the message are that the call under way just moved.
#[inline(always)]
fn place_of_entry(_sock: u64, result: i64, flags: i32) -> Cursor {
    match kernel::entry_registers() {
        Some(registers) if flags & MSG_TRUNC == 0 => place(&registers, result),
        _ => Cursor::nowhere(),
    }
}

/// Where a call keeps its bytes, by its registers.
#[inline(always)]
pub fn place(registers: &Registers, result: i64) -> Cursor {
    if !registers.is_native() {
        emit::count_gap(gap::COMPAT, result as u64);
        return Cursor::nowhere();
    }
    match registers.number() {
        nr::READ | nr::WRITE | nr::SENDTO | nr::RECVFROM => Cursor::new(registers.argument::<1>(), 0),
        nr::READV | nr::WRITEV | nr::PREADV2 | nr::PWRITEV2 => {
            Cursor::new(registers.argument::<1>(), registers.argument::<2>())
        }
        nr::SENDMSG | nr::RECVMSG => message(registers.argument::<1>()),
        nr::SENDMMSG | nr::RECVMMSG => one_of_many(registers, result),
        nr::IO_URING_ENTER => {
            emit::count_gap(gap::IO_URING, result as u64);
            Cursor::nowhere()
        }
        _ => {
            emit::count_gap(gap::NO_BUFFER, result as u64);
            Cursor::nowhere()
        }
    }
}

/// The bytes of the `struct user_msghdr` at this address: name, name length, vectors, number of
/// vectors (include/linux/socket.h).
#[inline(always)]
fn message(address: u64) -> Cursor {
    // SAFETY: the helper checks the address.
    match unsafe { bpf_probe_read_user(address as *const [u64; 4]) } {
        Ok([_, _, vectors, count]) => Cursor::new(vectors, count),
        Err(_) => Cursor::nowhere(),
    }
}

/// Size of `struct mmsghdr`: a `user_msghdr` of 56 bytes, the length, padding.
const MMSGHDR: u64 = 64;

/// The bytes of the message that comes next in a `sendmmsg` or `recvmmsg`. The kernel moves them in
/// order; the tracepoint does not say which it is at, so that is counted, by thread. A failure or the
/// last message ends the count.
#[inline(always)]
fn one_of_many(registers: &Registers, result: i64) -> Cursor {
    let thread = bpf_get_current_pid_tgid();
    let (array, count) = (registers.argument::<1>(), registers.argument::<2>());
    // SAFETY: the entry is this thread's own.
    let next = match unsafe { MESSAGES.get(thread) } {
        Some(messages) if messages.array == array => messages.next,
        _ => 0,
    };
    if result <= 0 || next + 1 >= count {
        let _ = MESSAGES.remove(thread);
    } else {
        let _ = MESSAGES.insert(thread, Messages { array, next: next + 1 }, 0);
    }
    if result <= 0 { Cursor::nowhere() } else { message(array + next * MMSGHDR) }
}

/// The slot of a socket in [`IGNORED`].
#[inline(always)]
fn slot(sock: u64) -> u32 {
    // Fibonacci hashing: the upper bits depend on all of the address.
    (sock.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - IGNORED_BITS)) as u32
}

/// Nothing more is wanted of a socket: its calls end at the first look from now on.
#[inline(always)]
fn ignore(sock: u64, socket: &mut Connection) {
    socket.verdict = verdict::IGNORE;
    // The address of a Unix socket may become another's unseen.
    if socket.inode == 0
        && let Some(slot) = IGNORED.get_ptr_mut(slot(sock))
    {
        // SAFETY: one word; whoever writes last has the slot.
        unsafe { *slot = sock };
    }
}

/// A message moved on a socket, or failed to.
#[inline(always)]
pub fn transferred(sock: u64, way: u8, result: i64, place: impl FnOnce() -> Cursor) -> Option<()> {
    if IGNORED.get(slot(sock)) == Some(&sock) {
        return None;
    }
    // SAFETY: two threads in calls on one socket can race on its counters; HTTP cannot be spoken
    // that way, so the loser is a stream that was garbage already.
    let socket = match SOCKETS.get_ptr_mut(sock).map(|socket| unsafe { &mut *socket }) {
        Some(socket) if socket.inode == 0 || socket.inode == kernel::inode(sock) => socket,
        _ if result <= 0 => return None,
        _ => {
            admit(sock)?;
            // SAFETY: as above.
            unsafe { &mut *SOCKETS.get_ptr_mut(sock)? }
        }
    };
    match socket.verdict {
        verdict::IGNORE => {
            ignore(sock, socket);
            return None;
        }
        verdict::CIPHERTEXT if result > 0 => return ciphertext(sock, socket, way, place),
        _ => {}
    }
    if result <= 0 {
        return failed(socket, way, result);
    }
    let mut cursor = place();
    match capture::account(socket, way, source::SOCKET, result as u64, &mut cursor) {
        Wish::Leave | Wish::Foreign => None,
        Wish::Hello => hello(sock, socket, &mut cursor),
        Wish::Send => send(sock, socket, way, result as u64, cursor),
    }
}

/// Bytes of TLS moved: which session they are of is of interest, in a process whose sessions are seen.
#[inline(always)]
fn ciphertext(sock: u64, socket: &mut Connection, way: u8, place: impl FnOnce() -> Cursor) -> Option<()> {
    if is_hooked() {
        return tie(sock, socket, way, place);
    }
    // The agent may be about to put probes into a process that has just begun.
    socket.looks = socket.looks.saturating_add(1);
    if socket.looks > PATIENCE {
        ignore(sock, socket);
    }
    None
}

/// Calls on a TLS socket during which its process may still get probes.
const PATIENCE: u8 = 32;

/// Begins to know a socket: everything but streams of IPv4, IPv6 and Unix, the agent's own sockets and
/// those of excluded processes are ignored from the start.
#[inline(never)]
fn admit(sock: u64) -> Option<()> {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    let mut connection = capture::connection();
    let family = kernel::stream_family(sock);
    if family.is_none() || pid == AGENT_PID.load() || process_is(pid, process::EXCLUDED) {
        connection.verdict = verdict::IGNORE;
    }
    if family == Some(kernel::AF_UNIX) {
        connection.inode = kernel::inode(sock);
    }
    SOCKETS.insert(sock, connection, 0).ok()
}

#[inline(always)]
fn process_is(pid: u32, bit: u32) -> bool {
    // SAFETY: the value is one word.
    unsafe { PROCESSES.get(pid) }.is_some_and(|bits| *bits & bit != 0)
}

#[inline(always)]
fn is_hooked() -> bool {
    process_is((bpf_get_current_pid_tgid() >> 32) as u32, process::HOOKED)
}

#[inline(always)]
fn failed(socket: &mut Connection, way: u8, result: i64) -> Option<()> {
    let (reason, errno) = match result {
        0 if way == direction::READ => (end::PEER_CLOSED, 0),
        EPIPE | ECONNRESET | ETIMEDOUT => (end::FAILED, -result as u32),
        _ => return None,
    };
    if socket.told & told::OPENED != 0 && socket.told & told::ENDED == 0 {
        socket.told |= told::ENDED;
        emit::ended(socket.id, reason, errno, socket.moved);
    }
    Some(())
}

/// Tells of a socket, once.
#[inline(never)]
fn announce(sock: u64, socket: &mut Connection) -> Option<()> {
    if socket.told & told::OPENED == 0 {
        socket.told |= told::OPENED;
        let (local, peer) = kernel::endpoints(sock)?;
        emit::opened(socket.id, local, peer);
    }
    Some(())
}

#[inline(always)]
fn send(sock: u64, socket: &mut Connection, way: u8, bytes: u64, cursor: Cursor) -> Option<()> {
    announce(sock, socket);
    // SAFETY: the helper has no preconditions.
    let now = unsafe { bpf_ktime_get_ns() };
    let mut time_ns = now;
    if way == direction::WRITE {
        // The call is over, and the peer may have answered already. TCP remembers when it began to
        // send; that is older than this call where something else was in flight still.
        let sent = kernel::sent_ns(sock);
        if sent > 0 && sent >= socket.last_ns && sent < now {
            time_ns = sent;
        }
    }
    socket.last_ns = now;
    if cursor.is_nowhere() {
        let mut data = capture::record(kind::DATA, socket.id, way, source::SOCKET, time_ns);
        data.position = socket.moved[usize::from(way & 1)] - bytes;
        data.original_bytes = bytes as u32;
        emit::gap(&data);
        return Some(());
    }
    let thread = bpf_get_current_pid_tgid();
    CURSORS.insert(thread, cursor, 0).ok()?;
    // SAFETY: the entry is this thread's own.
    let cursor = unsafe { &mut *CURSORS.get_ptr_mut(thread)? };
    capture::send(socket.id, way, source::SOCKET, time_ns, cursor);
    Some(())
}

/// A TLS client begins on this socket: its ClientHello names the server.
#[inline(always)]
fn hello(sock: u64, socket: &mut Connection, cursor: &mut Cursor) -> Option<()> {
    // What the agent wished for as long as this was HTTP.
    let _ = REQUESTS.remove(socket.id);
    announce(sock, socket);
    // SAFETY: the helper has no preconditions.
    let now = unsafe { bpf_ktime_get_ns() };
    let mut data = capture::record(kind::HELLO, socket.id, direction::WRITE, source::SOCKET, now);
    let (address, size) = cursor.part();
    let size = if size > emit::HELLO_BYTES as u64 { emit::HELLO_BYTES as u64 } else { size };
    data.original_bytes = size as u32;
    emit::hello(&data, address, size);
    Some(())
}

/// Finds which TLS session uses this socket: the one whose library call this system call is made
/// from, or the one that this thread just wrote into memory for.
#[inline(always)]
fn tie(sock: u64, socket: &mut Connection, way: u8, place: impl FnOnce() -> Cursor) -> Option<()> {
    // SAFETY: the entry is this thread's own.
    let session = if let Some(outer) = unsafe { TLS_CALLS.get(thread_key()) } {
        outer.session
    } else if way == direction::WRITE {
        let thread = bpf_get_current_pid_tgid();
        // SAFETY: as above.
        let loose = unsafe { *LOOSE_SESSIONS.get(thread)? };
        let mut cursor = place();
        cursor.begin(RECORD_HEADER, 0);
        // A handshake's or an alert's record: the plaintext is still to come.
        let Some([23, 3, _, high, low]) = cursor.first::<5>() else { return None };
        let _ = LOOSE_SESSIONS.remove(thread);
        let length = u64::from(high) << 8 | u64::from(low);
        let expected = if loose.bytes < RECORD_BYTES { loose.bytes } else { RECORD_BYTES };
        if length < expected || length > expected + RECORD_OVERHEAD {
            emit::count_gap(gap::UNTIED, loose.bytes);
            return None;
        }
        loose.session
    } else {
        return None;
    };
    // SAFETY: see `transferred`.
    let session = unsafe { &mut *SESSIONS.get_ptr_mut(session_key(session))? };
    if session.socket != socket.id {
        session.socket = socket.id;
        announce(sock, socket);
        emit::tied(session.id, socket.id);
    }
    Some(())
}

/// States of a TCP socket (include/net/tcp_states.h).
const TCP_FIN_WAIT1: i32 = 4;
const TCP_LAST_ACK: i32 = 9;

/// `TP_PROTO(const struct sock *sk, const int oldstate, const int newstate)`: this end was closed, or
/// its sending was shut down, after which an answer may still be read.
#[raw_tracepoint(tracepoint = "inet_sock_set_state")]
pub fn socket_state(context: RawTracePointContext) -> i32 {
    if !matches!(context.arg::<i32>(2), TCP_FIN_WAIT1 | TCP_LAST_ACK) {
        return 0;
    }
    // SAFETY: see `transferred`.
    let Some(socket) = SOCKETS.get_ptr_mut(context.arg::<u64>(0)).map(|socket| unsafe { &mut *socket })
    else {
        return 0;
    };
    let shut_down = kernel::entry_registers().is_some_and(|registers| registers.number() == nr::SHUTDOWN);
    if !shut_down {
        closed(context.arg(0), socket);
    }
    0
}

/// `TP_PROTO(struct sock *sk)` (include/trace/events/tcp.h): the address may be another socket's next.
#[raw_tracepoint(tracepoint = "tcp_destroy_sock")]
pub fn socket_destroyed(context: RawTracePointContext) -> i32 {
    let sock = context.arg::<u64>(0);
    // SAFETY: see `transferred`.
    let Some(socket) = SOCKETS.get_ptr_mut(sock).map(|socket| unsafe { &mut *socket }) else { return 0 };
    closed(sock, socket);
    let _ = SOCKETS.remove(sock);
    if let Some(slot) = IGNORED.get_ptr_mut(slot(sock)) {
        // SAFETY: one word; whoever writes last has the slot.
        unsafe {
            if *slot == sock {
                *slot = 0;
            }
        }
    }
    0
}

#[inline(always)]
fn closed(sock: u64, socket: &mut Connection) {
    if socket.told & (told::OPENED | told::CLOSED) == told::OPENED {
        socket.told |= told::CLOSED;
        emit::ended(socket.id, end::CLOSED, 0, kernel::transferred(sock).unwrap_or(socket.moved));
    }
}
