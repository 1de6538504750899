//! The reads and writes of TLS libraries that keep C's calling convention. Bytes are taken when the call returns, so that only what was really
//! moved counts: a call that fails or is retried moves nothing.

use aya_ebpf::{
    helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns, bpf_probe_read_user},
    macros::{uprobe, uretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use aya_log_ebpf::{debug, warn};
use spanwire_abi::{Connection, SessionKey, direction, end, kind, source, verdict};

use crate::{
    capture::{self, Wish},
    cursor::Cursor,
    emit,
    maps::{AGENT_PID, LOOSE_SESSIONS, Loose, PROCESSES, SESSIONS, TLS_CALLS, TlsCall},
};

/// `int f(session, buffer, size)` returns the count: `SSL_read`, `gnutls_record_recv`.
#[uprobe]
pub fn read_counted(context: ProbeContext) -> u32 {
    enter(&context, direction::READ, 0)
}

#[uprobe]
pub fn write_counted(context: ProbeContext) -> u32 {
    enter(&context, direction::WRITE, 0)
}

/// `int f(session, buffer, size, size_t *count)` returns 1 or 0: `SSL_read_ex`, and the inner function
/// of OpenSSL that all forms share.
#[uprobe]
pub fn read_reported(context: ProbeContext) -> u32 {
    enter(&context, direction::READ, context.arg(3).unwrap_or(0))
}

#[uprobe]
pub fn write_reported(context: ProbeContext) -> u32 {
    enter(&context, direction::WRITE, context.arg(3).unwrap_or(0))
}

/// `int f(session, buffer, size, flags, size_t *count)`: the inner function since OpenSSL 3.2.
#[uprobe]
pub fn write_reported_fifth(context: ProbeContext) -> u32 {
    enter(&context, direction::WRITE, context.arg(4).unwrap_or(0))
}

/// The return of each of these.
#[uretprobe]
pub fn returned(context: RetProbeContext) -> u32 {
    leave(&context);
    0
}

/// `void f(session)`: `SSL_free`, `gnutls_deinit`. The address may be another session's next.
#[uprobe]
pub fn freed(context: ProbeContext) -> u32 {
    let Some(address) = context.arg::<u64>(0) else { return 0 };
    let key = session_key(address);
    // SAFETY: only fields that are written once are read.
    if let Some(session) = unsafe { SESSIONS.get(key) } {
        let (id, moved, known) = (session.id, session.moved, session.verdict != verdict::UNKNOWN);
        let _ = SESSIONS.remove(key);
        if known {
            emit::ended(id, end::CLOSED, 0, moved);
        }
    }
    0
}

/// A function that programs call before any traffic, and seldom: `SSL_CTX_new`. Attached for all
/// processes.
#[uprobe]
pub fn herald(_context: ProbeContext) -> u32 {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    // SAFETY: the value is one word.
    if pid != AGENT_PID.load() && unsafe { PROCESSES.get(pid) }.is_none() {
        emit::sign(kind::HERALD);
    }
    0
}

/// The key of the call under way in [`TLS_CALLS`].
pub fn thread_key() -> u64 {
    bpf_get_current_pid_tgid()
}

/// The session as the maps know it.
pub fn session_key(address: u64) -> SessionKey {
    SessionKey { pid: bpf_get_current_pid_tgid() >> 32, address }
}

#[inline(always)]
fn enter(context: &ProbeContext, way: u8, count: u64) -> u32 {
    let thread = thread_key();
    if (thread >> 32) as u32 == AGENT_PID.load() {
        return 0;
    }
    let (Some(session), Some(buffer)) = (context.arg::<u64>(0), context.arg::<u64>(1)) else { return 0 };
    // LibreSSL implements one form by calling the other: the outer call is the one that counts.
    if let Some(outer) = TLS_CALLS.get_ptr_mut(thread) {
        // SAFETY: the entry is this thread's own.
        let outer = unsafe { &mut *outer };
        let same = outer.session == session && outer.buffer == buffer && outer.direction == u64::from(way);
        if same && (count != 0) != (outer.count != 0) {
            outer.nested += 1;
            return 0;
        }
    }
    let key = session_key(session);
    if SESSIONS.get_ptr_mut(key).is_none() && SESSIONS.insert(key, capture::connection(), 0).is_err() {
        warn!(context, "no room for TLS session {:x} of process {}", session, thread >> 32);
        return 0;
    }
    // SAFETY: the helper has no preconditions.
    let time_ns = unsafe { bpf_ktime_get_ns() };
    let call = TlsCall {
        session,
        buffer,
        plaintext: Cursor::new(buffer, 0),
        count,
        time_ns,
        direction: u64::from(way),
        nested: 0,
    };
    if TLS_CALLS.insert(thread, call, 0).is_err() {
        warn!(context, "no room for a TLS call of thread {}", thread as u32);
    }
    0
}

#[inline(always)]
fn leave(context: &RetProbeContext) {
    let thread = thread_key();
    let Some(call) = TLS_CALLS.get_ptr_mut(thread) else { return };
    // SAFETY: the entry is this thread's own.
    let call = unsafe { &mut *call };
    if call.nested > 0 {
        call.nested -= 1;
        return;
    }
    transferred(context, thread, call);
    let _ = TLS_CALLS.remove(thread);
}

#[inline(always)]
fn transferred(context: &RetProbeContext, thread: u64, call: &mut TlsCall) -> Option<()> {
    let result = context.ret::<i32>();
    if result <= 0 {
        return None;
    }
    let moved = if call.count == 0 {
        result as u64
    } else {
        // SAFETY: the helper checks the address.
        unsafe { bpf_probe_read_user(call.count as *const u64) }.ok()?
    };
    if moved == 0 || moved > i32::MAX as u64 {
        return None;
    }
    let way = call.direction as u8;
    // SAFETY: a TLS library serialises the calls on one session, so no other thread has this entry.
    let session: &mut Connection = unsafe { &mut *SESSIONS.get_ptr_mut(session_key(call.session))? };
    if session.socket == 0 && way == direction::WRITE {
        loosen(call.session, moved);
    }
    if session.moved == [0, 0] {
        debug!(context, "first bytes of TLS session {:x} of process {}", call.session, thread >> 32);
    }
    let id = session.id;
    match capture::account(session, way, source::TLS, moved, &mut call.plaintext) {
        Wish::Send => {
            // SAFETY: the helper has no preconditions.
            let now = unsafe { bpf_ktime_get_ns() };
            let time_ns = if way == direction::WRITE { call.time_ns } else { now };
            capture::send(id, way, source::TLS, time_ns, &mut call.plaintext);
        }
        Wish::Foreign => emit::ended(id, end::FOREIGN, 0, session.moved),
        Wish::Leave | Wish::Hello => {}
    }
    Some(())
}

/// This thread wrote into memory: the first such write since the last that reached a socket is what
/// the next records on a socket begin with.
#[inline(always)]
fn loosen(session: u64, bytes: u64) {
    let thread = bpf_get_current_pid_tgid();
    // SAFETY: the entry is this thread's own.
    let ahead = unsafe { LOOSE_SESSIONS.get(thread) };
    if ahead.is_none_or(|ahead| ahead.session != session) {
        let _ = LOOSE_SESSIONS.insert(thread, Loose { session, bytes }, 0);
    }
}
