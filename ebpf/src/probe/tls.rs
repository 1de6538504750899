//! OpenSSL's reads and writes. Bytes are taken when the call returns, so that only what was really
//! moved counts: a call that fails or is retried moves nothing.

use aya_ebpf::{
    helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns, bpf_probe_read_user},
    macros::{uprobe, uretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use aya_log_ebpf::{debug, warn};
use spanwire_abi::{Connection, SessionKey, direction, end, source, verdict};

use crate::{
    capture,
    cursor::Cursor,
    emit,
    maps::{AGENT_PID, LOOSE_SESSIONS, SESSIONS, TLS_CALLS, TlsCall},
};

/// `int SSL_read(SSL *ssl, void *buf, int num)` and
/// `int SSL_write(SSL *ssl, const void *buf, int num)` return the count.
#[uprobe]
pub fn ssl_read_enter(context: ProbeContext) -> u32 {
    enter(&context, direction::READ, false)
}

#[uprobe]
pub fn ssl_write_enter(context: ProbeContext) -> u32 {
    enter(&context, direction::WRITE, false)
}

/// `int SSL_read_ex(SSL *ssl, void *buf, size_t num, size_t *readbytes)` and
/// `int SSL_write_ex(SSL *s, const void *buf, size_t num, size_t *written)` return 1 or 0.
#[uprobe]
pub fn ssl_read_ex_enter(context: ProbeContext) -> u32 {
    enter(&context, direction::READ, true)
}

#[uprobe]
pub fn ssl_write_ex_enter(context: ProbeContext) -> u32 {
    enter(&context, direction::WRITE, true)
}

/// For both forms of both calls.
#[uretprobe]
pub fn ssl_exit(context: RetProbeContext) -> u32 {
    leave(&context);
    0
}

/// `void SSL_free(SSL *ssl)`: the address may be another session's next.
#[uprobe]
pub fn ssl_free_enter(context: ProbeContext) -> u32 {
    let Some(address) = context.arg::<u64>(0) else { return 0 };
    let key = session_key(address);
    // SAFETY: only fields that are written once are read.
    if let Some(session) = unsafe { SESSIONS.get(key) } {
        let (id, known) = (session.id, session.verdict != verdict::UNKNOWN);
        let _ = SESSIONS.remove(key);
        if known {
            emit::ended(id, end::CLOSED, 0);
        }
    }
    0
}

/// The session as the maps know it.
pub fn session_key(address: u64) -> SessionKey {
    SessionKey { pid: bpf_get_current_pid_tgid() >> 32, address }
}

#[inline(always)]
fn enter(context: &ProbeContext, way: u8, extended: bool) -> u32 {
    let thread = bpf_get_current_pid_tgid();
    if (thread >> 32) as u32 == AGENT_PID.load() {
        return 0;
    }
    let (Some(session), Some(buffer)) = (context.arg::<u64>(0), context.arg::<u64>(1)) else { return 0 };
    let count = if extended { context.arg::<u64>(3).unwrap_or(0) } else { 0 };
    // LibreSSL implements one form by calling the other: the outer call is the one that counts.
    if let Some(outer) = TLS_CALLS.get_ptr_mut(thread) {
        // SAFETY: the entry is this thread's own.
        let outer = unsafe { &mut *outer };
        let same = outer.session == session && outer.buffer == buffer && outer.direction == u64::from(way);
        if same && extended != (outer.count != 0) {
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
    let thread = bpf_get_current_pid_tgid();
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
        let _ = LOOSE_SESSIONS.insert(thread, call.session, 0);
    }
    // SAFETY: the helper has no preconditions.
    let time_ns = if way == direction::WRITE { call.time_ns } else { unsafe { bpf_ktime_get_ns() } };
    if session.moved == [0, 0] {
        debug!(context, "first bytes of TLS session {:x} of process {}", call.session, thread >> 32);
    }
    capture::moved(session, way, source::TLS, time_ns, moved, &mut call.plaintext);
    Some(())
}
