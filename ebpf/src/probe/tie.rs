//! Which TLS session uses which socket.

use spanwire_abi::{Connection, SessionKey, direction, gap, told, verdict};

use super::{
    socket::announce,
    tls::{session_key, thread_key},
};
use crate::{
    cursor::Cursor,
    emit,
    maps::{LOOSE_SESSIONS, Loose, SESSIONS, TLS_CALLS},
};

/// Plaintext is at most this much longer as a TLS record (RFC 8446, section 5.2; older versions allow
/// more, of which block ciphers use less).
const RECORD_OVERHEAD: u64 = 256;
/// Bytes of plaintext in a full TLS record, and of a record's header.
const RECORD_BYTES: u64 = 16 * 1024;
const RECORD_HEADER: u64 = 5;
/// Records at the begin of one write that are looked at: the end of a handshake goes out with the first
/// request.
const RECORDS: usize = 4;
/// Content types (RFC 8446, section 5.1).
const APPLICATION_DATA: u8 = 23;

/// What a write of TLS records carries: plaintext of the length that was looked for, plaintext of
/// another length, or none.
const PLAINTEXT: u32 = 0;
const OTHERS_PLAINTEXT: u32 = 1;
const OTHER: u32 = 2;

/// Whether one of the first records of a write is this plaintext's first, by its length.
#[inline(never)]
fn carries(cursor: &mut Cursor, plaintext: u64) -> u32 {
    let expected = if plaintext < RECORD_BYTES { plaintext } else { RECORD_BYTES };
    let mut others = OTHER;
    for index in 0..RECORDS {
        let Some(header) = cursor.first::<5>() else { break };
        let length = u64::from(header[3]) << 8 | u64::from(header[4]);
        if header[0] == APPLICATION_DATA {
            if length >= expected && length <= expected + RECORD_OVERHEAD {
                return PLAINTEXT;
            }
            if index == 0 {
                others = OTHERS_PLAINTEXT;
            }
        }
        cursor.skip(RECORD_HEADER + length);
    }
    others
}

/// Whether this system call is made from inside a TLS library's call of this thread: that one's session
/// uses the socket.
#[inline(always)]
pub fn within_call(sock: u64, socket: &mut Connection) -> bool {
    // SAFETY: the entry is this thread's own.
    let call = TLS_CALLS.get_ptr_mut(thread_key()).map(|call| unsafe { &mut *call });
    let Some(call) = call.filter(|call| call.session != 0) else { return false };
    if call.socket != socket.id && join(sock, socket, session_key(call.session)).is_some() {
        call.socket = socket.id;
    }
    true
}

/// This thread wrote into memory: the first such write since the last that reached a socket is
/// what the next records on a socket begin with.
#[inline(always)]
pub fn loosen(loose: Loose) {
    let thread = thread_key();
    // SAFETY: the entry is this thread's own.
    let ahead = unsafe { LOOSE_SESSIONS.get(thread) };
    if ahead.is_none_or(|ahead| ahead.session != loose.session) {
        let _ = LOOSE_SESSIONS.insert(thread, loose, 0);
    }
}

/// Finds which TLS session uses a socket, outside of a library's call: the one that this thread just wrote
/// into memory for.
#[inline(always)]
pub fn tie(
    sock: u64,
    socket: &mut Connection,
    way: u8,
    bytes: u64,
    place: impl FnOnce() -> Cursor,
) -> Option<()> {
    if way == direction::READ {
        return None;
    }
    let thread = thread_key();
    // SAFETY: the entry is this thread's own.
    let loose = unsafe { *LOOSE_SESSIONS.get(thread)? };
    let mut cursor = place();
    cursor.begin(bytes, 0);
    let carried = carries(&mut cursor, loose.bytes);
    if carried == OTHER {
        // A handshake's or an alert's record: the plaintext is still to come.
        return None;
    }
    let _ = LOOSE_SESSIONS.remove(thread);
    if carried == OTHERS_PLAINTEXT {
        emit::count_gap(gap::UNTIED, loose.bytes);
        return None;
    }
    join(sock, socket, session_key(loose.session))
}

#[inline(always)]
fn join(sock: u64, socket: &mut Connection, key: SessionKey) -> Option<()> {
    // SAFETY: see `socket::transferred`.
    let session = unsafe { &mut *SESSIONS.get_ptr_mut(key)? };
    if session.socket != socket.id {
        announce(sock, socket);
        // Else the next call tries again.
        if !emit::tied(session.id, socket.id) || socket.told & told::UNHEARD != 0 {
            return None;
        }
        session.socket = socket.id;
    }
    if matches!(socket.verdict, verdict::RECORDS | verdict::SKIP_RECORDS) {
        session.verdict = verdict::IGNORE;
    }
    Some(())
}
