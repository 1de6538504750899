//! Bytes that move on sockets. Two tracepoints in the kernel's socket layer (net/socket.c, Linux 6.3)
//! see each message of every call that sends or receives, whatever its form, and cost calls on
//! anything else nothing. Where the bytes are is in the registers of the call under way.

use aya_ebpf::{
    helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns},
    macros::raw_tracepoint,
    programs::RawTracePointContext,
};
use spanwire_abi::{Connection, direction, end, gap, kind, process, source, told, verdict};

use super::tie;
use crate::{
    arch::nr,
    capture::{self, Action, Held},
    cursor::Cursor,
    dismissal, emit, heads, ignored, kernel,
    maps::{AGENT_PID, CURSORS, PROCESSES, REQUESTS, SOCKETS},
    place, records, scope,
};

/// `recv` flags (include/linux/socket.h): the bytes stay in the socket and will be read again; they
/// are no bytes of the stream.
pub const MSG_PEEK: i32 = 2;
pub const MSG_ERRQUEUE: i32 = 0x2000;

/// Results of calls (include/uapi/asm-generic/errno.h).
const EPIPE: i64 = -32;
const ECONNRESET: i64 = -104;
const ETIMEDOUT: i64 = -110;

/// `TP_PROTO(struct sock *sk, int ret, int flags)` (include/trace/events/sock.h).
#[raw_tracepoint(tracepoint = "sock_send_length")]
pub fn socket_sent(context: RawTracePointContext) -> i32 {
    let result = i64::from(context.arg::<i32>(1));
    let place = || place::of_entry(context.arg(0), direction::WRITE, result, 0);
    transferred(context.arg(0), direction::WRITE, result, place);
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
    let place = || place::of_entry(context.arg(0), direction::READ, result, flags);
    transferred(context.arg(0), direction::READ, result, place);
    0
}

/// A message moved on a socket, or failed to.
#[inline(always)]
pub fn transferred(sock: u64, way: u8, result: i64, place: impl FnOnce() -> Cursor) -> Option<()> {
    if ignored::holds(sock) {
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
            ignored::ignore(sock, socket);
            return None;
        }
        verdict::SERVER if !capture::current_is(process::TRACED) => {
            ignored::leave(sock, socket);
            return None;
        }
        verdict::CIPHERTEXT if result > 0 => {
            return ciphertext(sock, socket, way, result, place);
        }
        _ => {}
    }
    if result <= 0 {
        // A call of many messages may be over.
        place();
        return failed(socket, way, result);
    }
    // Before the bytes are looked for, which costs half of it.
    if capture::is_skipped_answer(socket, way, result as u64) {
        return None;
    }
    let mut cursor = place();
    match capture::account(socket, way, source::SOCKET, result as u64, &mut cursor) {
        Action::Leave | Action::Foreign => {
            match socket.verdict {
                verdict::IGNORE => ignored::ignore(sock, socket),
                verdict::SERVER if !capture::current_is(process::TRACED) => ignored::leave(sock, socket),
                _ => {}
            }
            None
        }
        Action::Heads => {
            announce(sock, socket);
            let time_ns = moved_at(sock, socket, way);
            heads::send(socket, way, time_ns, result as u64, &mut cursor);
            None
        }
        Action::Hello => {
            let heard = hello(sock, socket, &mut cursor).is_some();
            if socket.verdict == verdict::RECORDS {
                if heard {
                    return send(sock, socket, way, result as u64, &cursor);
                }
                ignored::ignore(sock, socket);
                return None;
            }
            // A session that was under way before its socket was looked at.
            let _ = is_tied(sock, socket, way, result, || cursor);
            None
        }
        Action::Send => {
            if socket.verdict == verdict::RECORDS {
                // What is read by its keys is not read at the library's calls as well.
                let _ = is_tied(sock, socket, way, result, || cursor);
            }
            send(sock, socket, way, result as u64, &cursor)
        }
    }
}

/// Bytes of TLS moved: which session they are of is of interest, in a process whose sessions are seen.
#[inline(always)]
fn ciphertext(
    sock: u64,
    socket: &mut Connection,
    way: u8,
    result: i64,
    place: impl FnOnce() -> Cursor,
) -> Option<()> {
    if is_tied(sock, socket, way, result, place) {
        return None;
    }
    // The agent may be about to put probes into a process that has just begun.
    socket.looks = socket.looks.saturating_add(1);
    if socket.looks > PATIENCE {
        if socket.told & told::OLD != 0 && is_client(sock) {
            emit::count_gap(gap::OLD_SESSIONS, 1);
        }
        // Once.
        socket.told &= !told::OLD;
        if socket.inode == 0 {
            // Until more processes are of interest: its own may have got probes since.
            ignored::leave(sock, socket);
        } else {
            ignored::ignore(sock, socket);
        }
    }
    None
}

/// Whether this end of a TCP connection began it, as far as its ports tell: clients have high ones.
#[inline(never)]
fn is_client(sock: u64) -> bool {
    kernel::endpoints(sock).is_some_and(|(local, peer)| local.port > peer.port)
}

/// Looks for the TLS session that uses a socket; false where the process's sessions are not seen.
#[inline(always)]
fn is_tied(sock: u64, socket: &mut Connection, way: u8, result: i64, place: impl FnOnce() -> Cursor) -> bool {
    // First: a call during which its probes were taken off has no end that is seen.
    if !capture::current_is(process::HOOKED) {
        return false;
    }
    if !tie::within_call(sock, socket) {
        tie::tie(sock, socket, way, result as u64, place);
    }
    true
}

/// Calls on a TLS socket during which its process may still get probes.
const PATIENCE: u8 = 32;

/// Begins to know a socket: everything but streams of IPv4, IPv6 and Unix, the agent's own sockets and
/// those of processes out of scope are ignored from the start.
#[inline(always)]
fn admit(sock: u64) -> Option<()> {
    // Not called from below: their stacks together would be more than old kernels allow.
    know(sock, scope::excludes_current())
}

#[inline(never)]
fn know(sock: u64, is_outside: bool) -> Option<()> {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    let mut connection = capture::connection();
    let family = kernel::stream_family(sock);
    if is_outside || family.is_none() || pid == AGENT_PID.load() || capture::current_is(process::EXCLUDED) {
        connection.verdict = verdict::IGNORE;
    }
    if family == Some(kernel::AF_UNIX) {
        connection.inode = kernel::inode(sock);
    }
    SOCKETS.insert(sock, connection, 0).ok()
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

/// Tells of a socket: once, and again where that found no room.
#[inline(always)]
pub fn announce(sock: u64, socket: &Connection) {
    if socket.told & (told::OPENED | told::UNHEARD) != told::OPENED {
        tell_of(sock);
    }
}

/// The rest of it. Seen from outside, for the reason that [`capture::send_piece`] has.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn tell_of(sock: u64) -> u64 {
    // SAFETY: see `transferred`.
    let Some(socket) = SOCKETS.get_ptr_mut(sock).map(|socket| unsafe { &mut *socket }) else { return 0 };
    socket.told = socket.told & !told::UNHEARD | told::OPENED;
    let Some((local, peer)) = kernel::endpoints(sock) else { return 0 };
    if !emit::opened(socket.id, sock, local, peer) {
        socket.told |= told::UNHEARD;
    }
    met();
    1
}

/// The agent wants to know when this process ends.
#[inline(always)]
fn met() {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    if let Some(bits) = PROCESSES.get_ptr_mut(pid) {
        // SAFETY: one word, of which a bit is set; the agent's own word replaces it, and says as much.
        unsafe { *bits |= process::MET };
    } else {
        let _ = PROCESSES.insert(pid, process::MET, 0);
    }
}

#[inline(always)]
fn send(sock: u64, socket: &mut Connection, way: u8, bytes: u64, cursor: &Cursor) -> Option<()> {
    announce(sock, socket);
    let time_ns = moved_at(sock, socket, way);
    if cursor.is_nowhere() {
        hole(socket, way, bytes, time_ns);
        return Some(());
    }
    let thread = bpf_get_current_pid_tgid();
    CURSORS.insert(thread, cursor, 0).ok()?;
    capture::send(socket.id, way, source_of(socket), time_ns, Held::Cursor);
    Some(())
}

/// When the bytes of this call moved, in nanoseconds of `CLOCK_MONOTONIC`.
#[inline(always)]
fn moved_at(sock: u64, socket: &mut Connection, way: u8) -> u64 {
    // SAFETY: the helper has no preconditions.
    let now = unsafe { bpf_ktime_get_ns() };
    let before = socket.last_ns;
    socket.last_ns = now;
    if way == direction::WRITE {
        // The call is over, and the peer may have answered already. TCP remembers when it began to
        // send; that is older than this call where something else was in flight still.
        let sent = kernel::sent_ns(sock);
        if sent > 0 && sent >= before && sent < now {
            return sent;
        }
    }
    now
}

/// What the bytes of a socket are.
#[inline(always)]
fn source_of(socket: &Connection) -> u8 {
    if socket.verdict == verdict::RECORDS { source::RECORDS } else { source::SOCKET }
}

/// Tells of bytes that moved last and cannot be had.
#[inline(always)]
fn hole(socket: &Connection, way: u8, bytes: u64, time_ns: u64) {
    let mut data = capture::record(kind::DATA, socket.id, way, source_of(socket), time_ns);
    data.position = socket.moved[usize::from(way & 1)] - bytes;
    data.original_bytes = bytes as u32;
    emit::gap(&data);
}

/// Bytes left a TCP socket that are in no buffer of the process.
#[inline(always)]
pub fn sent_from_nowhere(sock: u64, result: i64) -> Option<()> {
    if result <= 0 || ignored::holds(sock) {
        return None;
    }
    if SOCKETS.get_ptr_mut(sock).is_none() {
        admit(sock)?;
    }
    // SAFETY: see `transferred`.
    let socket = unsafe { &mut *SOCKETS.get_ptr_mut(sock)? };
    if matches!(socket.verdict, verdict::IGNORE | verdict::CIPHERTEXT | verdict::SERVER) {
        return None;
    }
    emit::count_gap(gap::NO_BUFFER, result as u64);
    let mut cursor = Cursor::nowhere();
    if let Action::Send | Action::Heads =
        capture::account(socket, direction::WRITE, source::SOCKET, result as u64, &mut cursor)
    {
        announce(sock, socket);
        // SAFETY: the helper has no preconditions.
        let now = unsafe { bpf_ktime_get_ns() };
        hole(socket, direction::WRITE, result as u64, now);
    }
    Some(())
}

/// A TLS client begins on this socket: its ClientHello names the server.
#[inline(always)]
fn hello(sock: u64, socket: &mut Connection, cursor: &mut Cursor) -> Option<()> {
    let (address, size) = cursor.part();
    let size = if size > emit::HELLO_BYTES as u64 { emit::HELLO_BYTES as u64 } else { size };
    if is_dismissed(sock, size as u32) {
        return None;
    }
    // What the agent asked for as long as this was HTTP.
    let _ = REQUESTS.remove(socket.id);
    announce(sock, socket);
    let now = records::expect_keys();
    let mut data = capture::record(kind::HELLO, socket.id, direction::WRITE, source::SOCKET, now);
    data.original_bytes = size as u32;
    emit::hello(&data, address, size);
    Some(())
}

#[inline(never)]
fn is_dismissed(sock: u64, bytes: u32) -> bool {
    kernel::endpoints(sock).is_some_and(|(_, peer)| dismissal::holds_for_hello(&peer, bytes))
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
    ignored::forget(sock);
    0
}

#[inline(always)]
fn closed(sock: u64, socket: &mut Connection) {
    if socket.told & (told::OPENED | told::CLOSED) == told::OPENED {
        socket.told |= told::CLOSED;
        // What was followed is counted from where it was met; all that there was tells of what was not.
        let followed = socket.verdict != verdict::CIPHERTEXT;
        let all = if followed { None } else { kernel::transferred(sock) };
        emit::ended(socket.id, end::CLOSED, 0, all.unwrap_or(socket.moved));
    }
}
