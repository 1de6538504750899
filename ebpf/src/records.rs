//! Connections whose TLS is read by its keys: their begins, and where in their records a request may begin.

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns};
use spanwire_abi::{Connection, direction, process, verdict};

use crate::{
    capture,
    cursor::Cursor,
    maps::{GREETINGS, TLS_KEYS},
    opening::APPLICATION_DATA,
};

/// The client's TLS records move that are read by their keys: marks where a request may begin. That is where a program's
/// bytes come after some of the server's, or after the end of the handshake, which comes after them.
#[inline(always)]
pub fn mark(connection: &mut Connection, turns: bool, position: u64, cursor: &mut Cursor) {
    if !turns && connection.looks == 0 {
        return;
    }
    let starts = matches!(cursor.first::<1>(), Some([APPLICATION_DATA]));
    connection.looks = u8::from(!starts);
    if starts {
        connection.alike_since = position;
        cursor.mark_request();
    }
}

/// A TLS client begins at this position.
#[inline(always)]
pub fn greet(connection: &mut Connection, position: u64) {
    connection.requests = direction::WRITE;
    connection.alike_since = position;
    connection.looks = 1;
    let by_keys = TLS_KEYS.load() != 0 && !capture::current_is(process::CALLS);
    connection.verdict = if by_keys { verdict::RECORDS } else { verdict::CIPHERTEXT };
}

/// A TLS client is received at this position. Its keys are wanted where its process is traced; a server's session is read by
/// them or not at all.
#[inline(never)]
pub fn receive(connection: &mut Connection, position: u64) -> bool {
    if TLS_KEYS.load() == 0 || !capture::current_is(process::TRACED) {
        connection.verdict = verdict::CIPHERTEXT;
        return false;
    }
    connection.requests = direction::READ;
    connection.alike_since = position;
    connection.looks = 1;
    connection.verdict = verdict::RECORDS;
    expect_keys();
    true
}

/// The current process begins a TLS session: the keys that it expands are wanted.
#[inline(always)]
pub fn expect_keys() -> u64 {
    // SAFETY: the helper has no preconditions.
    let now = unsafe { bpf_ktime_get_ns() };
    let _ = GREETINGS.insert((bpf_get_current_pid_tgid() >> 32) as u32, now, 0);
    now
}

/// Whether these bytes are received before any others moved: a server's side.
#[inline(always)]
pub fn is_first(connection: &Connection, way: u8, position: u64) -> bool {
    way == direction::READ && position == 0 && connection.moved[usize::from(direction::WRITE)] == 0
}
