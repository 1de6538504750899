//! System calls on sockets, from the two raw tracepoints that all calls pass: they need no tracefs,
//! and one program with a table of numbers costs less than a tracepoint per call.

use aya_ebpf::{
    helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns, bpf_probe_read_user},
    macros::raw_tracepoint,
    programs::RawTracePointContext,
};
use aya_log_ebpf::debug;
use spanwire_abi::{Connection, SOCKADDR_BYTES, SocketKey, direction, end, role, source, verdict};

use super::tls::session_key;
use crate::{
    arch::{Arguments, nr},
    capture,
    cursor::Cursor,
    emit,
    maps::{AGENT_PID, LOOSE_SESSIONS, SESSIONS, SOCKET_CALLS, SOCKETS, SocketCall, TLS_CALLS, call},
};

/// Address families (include/linux/socket.h).
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
/// `recv` flag: the bytes stay in the socket and will be read again.
const MSG_PEEK: u64 = 2;

/// Results of calls (include/uapi/asm-generic/errno.h).
const EINPROGRESS: i64 = -115;
const EPIPE: i64 = -32;
const ECONNRESET: i64 = -104;
const ETIMEDOUT: i64 = -110;

/// `TP_PROTO(struct pt_regs *regs, long id)` (include/trace/events/syscalls.h).
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn syscall_enter(context: RawTracePointContext) -> i32 {
    let arguments = Arguments::new(context.arg(0));
    match context.arg::<u64>(1) {
        nr::READ => transfer(&arguments, call::READ, Shape::Bytes),
        nr::RECVFROM if arguments.get::<3>() & MSG_PEEK == 0 => {
            transfer(&arguments, call::READ, Shape::Bytes)
        }
        nr::WRITE | nr::SENDTO => transfer(&arguments, call::WRITE, Shape::Bytes),
        nr::READV => transfer(&arguments, call::READ, Shape::Vectors),
        nr::WRITEV => transfer(&arguments, call::WRITE, Shape::Vectors),
        nr::RECVMSG if arguments.get::<2>() & MSG_PEEK == 0 => {
            transfer(&arguments, call::READ, Shape::Message)
        }
        nr::SENDMSG => transfer(&arguments, call::WRITE, Shape::Message),
        nr::CONNECT => connect(&arguments),
        nr::ACCEPT | nr::ACCEPT4 => accept(&arguments),
        nr::CLOSE => close(&arguments),
        _ => None,
    };
    0
}

/// `TP_PROTO(struct pt_regs *regs, long ret)`.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn syscall_exit(context: RawTracePointContext) -> i32 {
    let thread = bpf_get_current_pid_tgid();
    let Some(stashed) = SOCKET_CALLS.get_ptr_mut(thread) else { return 0 };
    // SAFETY: the entry is this thread's own.
    let stashed = unsafe { &mut *stashed };
    let result = context.arg::<i64>(1);
    match stashed.call {
        call::READ | call::WRITE => transferred(thread, stashed, result),
        call::CONNECT if result == 0 || result == EINPROGRESS => {
            open(&context, thread, stashed.fd, role::CLIENT, stashed.peer);
        }
        call::ACCEPT if result >= 0 => accepted(&context, thread, stashed.address, result as i32),
        _ => {}
    }
    let _ = SOCKET_CALLS.remove(thread);
    0
}

/// The key of descriptor argument 0 of this call, for processes that are traced at all.
#[inline(always)]
fn socket_key(arguments: &Arguments) -> Option<SocketKey> {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    (pid != AGENT_PID.load()).then(|| SocketKey { pid, fd: arguments.get::<0>() as i32 })
}

#[inline(always)]
fn stash(fd: i32, call: u32, bytes: Cursor, address: u64, peer: [u8; SOCKADDR_BYTES]) -> Option<()> {
    // SAFETY: the helper has no preconditions.
    let time_ns = unsafe { bpf_ktime_get_ns() };
    let stashed = SocketCall { bytes, address, time_ns, fd, call, peer, reserved: 0 };
    SOCKET_CALLS.insert(bpf_get_current_pid_tgid(), stashed, 0).ok()
}

/// Where a call keeps its bytes.
#[derive(Clone, Copy)]
enum Shape {
    /// Argument 1 is their address.
    Bytes,
    /// Argument 1 is the address of an array of `iovec`, argument 2 its length.
    Vectors,
    /// Argument 1 is the address of a `struct user_msghdr`: name, name length, vectors, number of
    /// vectors (include/linux/socket.h).
    Message,
}

#[inline(always)]
fn transfer(arguments: &Arguments, way: u32, shape: Shape) -> Option<()> {
    let key = socket_key(arguments)?;
    // SAFETY: two threads in calls on one socket can race on its counters; HTTP cannot be spoken
    // that way, so the loser is a stream that was garbage already.
    let socket = unsafe { &mut *SOCKETS.get_ptr_mut(key)? };
    if !arguments.is_native() {
        return None;
    }
    tie(socket, way);
    if socket.verdict == verdict::IGNORE {
        return None;
    }
    let mut buffer = arguments.get::<1>();
    let mut vectors = 0;
    match shape {
        Shape::Bytes => {}
        Shape::Vectors => vectors = arguments.get::<2>(),
        Shape::Message => {
            // SAFETY: the helper checks the address.
            [_, _, buffer, vectors] = unsafe { bpf_probe_read_user(buffer as *const [u64; 4]) }.ok()?;
        }
    }
    stash(key.fd, way, Cursor::new(buffer, vectors), 0, [0; SOCKADDR_BYTES])
}

/// Finds which TLS session uses this socket: the one whose library call this system call is made
/// from, or the one that this thread just wrote into memory for.
#[inline(always)]
fn tie(socket: &Connection, way: u32) -> Option<()> {
    let thread = bpf_get_current_pid_tgid();
    // SAFETY: the entry is this thread's own.
    let session = if let Some(outer) = unsafe { TLS_CALLS.get(thread) } {
        outer.session
    } else if socket.verdict == verdict::CIPHERTEXT && way == call::WRITE {
        // SAFETY: as above.
        let loose = unsafe { *LOOSE_SESSIONS.get(thread)? };
        let _ = LOOSE_SESSIONS.remove(thread);
        loose
    } else {
        return None;
    };
    // SAFETY: see `transfer`.
    let session = unsafe { &mut *SESSIONS.get_ptr_mut(session_key(session))? };
    if session.socket != socket.id {
        session.socket = socket.id;
        emit::tied(session.id, socket.id);
    }
    Some(())
}

#[inline(always)]
fn transferred(thread: u64, stashed: &mut SocketCall, result: i64) {
    let key = SocketKey { pid: (thread >> 32) as u32, fd: stashed.fd };
    let Some(socket) = SOCKETS.get_ptr_mut(key) else { return };
    // SAFETY: see `transfer`.
    let socket = unsafe { &mut *socket };
    if result <= 0 {
        match result {
            // A zero-length read also returns 0; nobody does that on a connection.
            0 if stashed.call == call::READ => emit::ended(socket.id, end::PEER_CLOSED, 0),
            EPIPE | ECONNRESET | ETIMEDOUT => emit::ended(socket.id, end::FAILED, -result as u32),
            _ => {}
        }
        return;
    }
    let way = stashed.call as u8;
    // SAFETY: the helper has no preconditions.
    let time_ns = if way == direction::WRITE { stashed.time_ns } else { unsafe { bpf_ktime_get_ns() } };
    capture::moved(socket, way, source::SOCKET, time_ns, result as u64, &mut stashed.bytes);
}

#[inline(always)]
fn connect(arguments: &Arguments) -> Option<()> {
    let key = socket_key(arguments)?;
    let peer = internet_address(arguments.get::<1>())?;
    if !arguments.is_native() {
        return None;
    }
    stash(key.fd, call::CONNECT, Cursor::new(0, 0), 0, peer)
}

#[inline(always)]
fn accept(arguments: &Arguments) -> Option<()> {
    let key = socket_key(arguments)?;
    if !arguments.is_native() {
        return None;
    }
    stash(key.fd, call::ACCEPT, Cursor::new(0, 0), arguments.get::<1>(), [0; SOCKADDR_BYTES])
}

#[inline(always)]
fn accepted(context: &RawTracePointContext, thread: u64, address: u64, fd: i32) {
    // A caller that did not ask for the peer's address gets a connection without one.
    let peer = if address == 0 { Some([0; SOCKADDR_BYTES]) } else { internet_address(address) };
    if let Some(peer) = peer {
        open(context, thread, fd, role::SERVER, peer);
    }
}

/// The `sockaddr` at this address of the process, if it is of IPv4 or IPv6.
#[inline(always)]
fn internet_address(address: u64) -> Option<[u8; SOCKADDR_BYTES]> {
    // SAFETY: the helper checks the address.
    let family = unsafe { bpf_probe_read_user(address as *const u16) }.ok()?;
    let mut peer = [0; SOCKADDR_BYTES];
    match family {
        AF_INET => {
            // SAFETY: as above; sockaddr_in has 16 bytes.
            let short = unsafe { bpf_probe_read_user(address as *const [u8; 16]) }.ok()?;
            peer[..16].copy_from_slice(&short);
        }
        // SAFETY: as above.
        AF_INET6 => peer = unsafe { bpf_probe_read_user(address as *const [u8; SOCKADDR_BYTES]) }.ok()?,
        _ => return None,
    }
    Some(peer)
}

#[inline(always)]
fn open(context: &RawTracePointContext, thread: u64, fd: i32, role: u32, peer: [u8; SOCKADDR_BYTES]) {
    let key = SocketKey { pid: (thread >> 32) as u32, fd };
    let connection = capture::connection();
    if SOCKETS.insert(key, connection, 0).is_ok() {
        debug!(context, "socket {} of process {} opened", fd, key.pid);
        emit::opened(connection.id, fd, role, peer);
    }
}

#[inline(always)]
fn close(arguments: &Arguments) -> Option<()> {
    let key = socket_key(arguments)?;
    // SAFETY: only the id is read, which is written once.
    let id = unsafe { SOCKETS.get(key)? }.id;
    if !arguments.is_native() {
        return None;
    }
    let _ = SOCKETS.remove(key);
    emit::ended(id, end::CLOSED, 0);
    Some(())
}
