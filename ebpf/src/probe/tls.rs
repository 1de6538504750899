//! The reads and writes of TLS libraries. Bytes are taken when the call returns, so that only what was
//! really moved counts: a call that fails or is retried moves nothing.

use aya_ebpf::{
    helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns, bpf_probe_read_user},
    macros::{uprobe, uretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use aya_log_ebpf::{debug, warn};
use spanwire_abi::{Connection, SessionKey, direction, end, kind, process, source, verdict};

use super::tie::loosen;
use crate::{
    capture::{self, Action, Held},
    cursor::Cursor,
    emit,
    maps::{AGENT_PID, ENDS, Loose, PROCESSES, SESSIONS, TLS_CALLS, TlsCall},
    scope,
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

/// `PRInt32 PR_Read(fd, buffer, size)` and its like, which are for files and plain sockets, too: only
/// what NSS said is a TLS socket counts.
#[uprobe]
pub fn nspr_read(context: ProbeContext) -> u32 {
    enter_imported(&context, direction::READ)
}

#[uprobe]
pub fn nspr_write(context: ProbeContext) -> u32 {
    enter_imported(&context, direction::WRITE)
}

/// The return of `PRFileDesc *SSL_ImportFD(model, fd)`: what is returned is a TLS socket from now on.
#[uretprobe]
pub fn nspr_imported(context: RetProbeContext) -> u32 {
    let address = context.ret::<u64>();
    end_session(address);
    if address != 0 {
        begin(session_key(address).pid, address);
    }
    0
}

#[inline(always)]
fn enter_imported(context: &ProbeContext, way: u8) -> u32 {
    let Some(address) = context.arg::<u64>(0) else { return 0 };
    // SAFETY: nothing of the value is read.
    if unsafe { SESSIONS.get(session_key(address)) }.is_none() {
        return 0;
    }
    enter(context, way, 0)
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
    if let Some(address) = context.arg::<u64>(0) {
        end_session(address);
    }
    0
}

/// The return of `session *f(…)`: `SSL_new`, where the function that ends sessions is not known. What was
/// at this address is gone.
#[uretprobe]
pub fn created(context: RetProbeContext) -> u32 {
    end_session(context.ret());
    0
}

/// The session at this address of the process is over.
#[inline(always)]
fn end_session(address: u64) {
    if let Some(call) = TLS_CALLS.get_ptr_mut(thread_key()) {
        // SAFETY: the entry is this thread's own.
        unsafe { (*call).known = 0 };
    }
    end(session_key(address));
}

/// A session is over; its address may be another's next.
#[inline(always)]
fn end(key: SessionKey) {
    // SAFETY: only fields that are written once are read.
    if let Some(session) = unsafe { SESSIONS.get(key) } {
        let (id, moved, known) = (session.id, session.moved, session.verdict != verdict::UNKNOWN);
        let _ = SESSIONS.remove(key);
        if known {
            emit::ended(id, end::CLOSED, 0, moved);
        }
    }
}

/// A session begins, or one that is forgotten goes on.
#[inline(never)]
fn begin(pid: u64, address: u64) -> bool {
    SESSIONS.insert(SessionKey { pid, address }, capture::connection(), 0).is_ok()
}

/// A function that programs call before any traffic, and seldom: `SSL_CTX_new`. Attached for all
/// processes.
#[uprobe]
pub fn library_init(_context: ProbeContext) -> u32 {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    // SAFETY: the value is one word.
    let is_known = unsafe { PROCESSES.get(pid) }.is_some_and(|bits| *bits & process::KNOWN != 0);
    if pid != AGENT_PID.load() && !is_known && !scope::excludes_current() {
        emit::sign(kind::LIBRARY_INIT);
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
    // SAFETY: the entry is this thread's own.
    let mut place = TLS_CALLS.get_ptr_mut(thread).map(|call| unsafe { &mut *call });
    // LibreSSL implements one form by calling the other: the outer call is the one that counts.
    if let Some(outer) = &mut place {
        let same = outer.session == session && outer.buffer == buffer && outer.direction == u64::from(way);
        if same && (count != 0) != (outer.count != 0) {
            outer.nested += 1;
            return 0;
        }
    }
    let socket = match &place {
        Some(last) if last.known == session => last.socket,
        _ => {
            let key = session_key(session);
            if !is_current(key) && !begin(key.pid, session) {
                warn!(context, "no room for TLS session {:x} of process {}", session, thread >> 32);
                return 0;
            }
            0
        }
    };
    // SAFETY: the helper has no preconditions.
    let time_ns = if way == direction::WRITE { unsafe { bpf_ktime_get_ns() } } else { 0 };
    let call = TlsCall {
        session,
        known: session,
        socket,
        buffer,
        plaintext: Cursor::new(buffer, 0),
        count,
        time_ns,
        direction: u64::from(way),
        nested: 0,
    };
    // The entry stays when the call is over: to write into it costs much less than to make one.
    if let Some(place) = place {
        *place = call;
    } else if TLS_CALLS.insert(thread, call, 0).is_err() {
        warn!(context, "no room for a TLS call of thread {}", thread as u32);
    }
    0
}

/// Whether a session is known, and is not that of an earlier program or process with this id.
#[inline(always)]
fn is_current(key: SessionKey) -> bool {
    // SAFETY: fields that are written once, and one word.
    unsafe {
        let Some(session) = SESSIONS.get(key) else { return false };
        // An id is a time, shifted: see `capture::connection`.
        ENDS.get(key.pid as u32).is_none_or(|ended| session.id > *ended << 8)
    }
}

#[inline(always)]
fn leave(context: &RetProbeContext) {
    let thread = thread_key();
    let Some(call) = TLS_CALLS.get_ptr_mut(thread) else { return };
    // SAFETY: the entry is this thread's own.
    let call = unsafe { &mut *call };
    if call.session == 0 {
        return;
    }
    if call.nested > 0 {
        call.nested -= 1;
        return;
    }
    transferred(context, thread, call);
    call.session = 0;
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
    let key = session_key(call.session);
    if SESSIONS.get_ptr_mut(key).is_none() {
        // Another thread ended the one that this thread knew, and this is the next at its address.
        begin(key.pid, key.address);
        call.socket = 0;
    }
    // SAFETY: a TLS library serialises the calls on one session, so no other thread has this entry.
    let session: &mut Connection = unsafe { &mut *SESSIONS.get_ptr_mut(key)? };
    if session.socket == 0 && way == direction::WRITE {
        loosen(Loose { session: call.session, bytes: moved });
    }
    if session.moved == [0, 0] {
        debug!(context, "first bytes of TLS session {:x} of process {}", call.session, thread >> 32);
    }
    hand_on(session, way, moved, call.time_ns, &mut call.plaintext, Held::TlsCall);
    Some(())
}

/// Plaintext moved in a session, at this time or, with 0, now: counts it, and sends it if it is wanted.
/// `cursor` lies in the map that `held` names.
#[inline(always)]
fn hand_on(session: &mut Connection, way: u8, bytes: u64, time_ns: u64, cursor: &mut Cursor, held: Held) {
    match capture::account(session, way, source::TLS, bytes, cursor) {
        Action::Send => {
            // SAFETY: the helper has no preconditions; it takes some 30 ns, which few calls need.
            let time_ns = if time_ns == 0 { unsafe { bpf_ktime_get_ns() } } else { time_ns };
            capture::send(session.id, way, source::TLS, time_ns, held);
        }
        Action::Foreign => emit::ended(session.id, end::FOREIGN, 0, session.moved),
        Action::Leave | Action::Hello | Action::Heads => {}
    }
}
