//! Messages of which the heads alone are wanted: what comes behind one stays where it is, and its amount is told.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use spanwire_abi::{Connection, OPENING_BYTES, kind, posted_to, source, verdict};

use crate::{
    capture,
    cursor::{Cursor, Turn},
    emit,
    maps::{CURSORS, WHOLE_PATHS},
    opening::{Start, look},
};

/// Most pieces of one call that are looked at for the end of a head: 2 KiB each, or buffers that lie apart.
const PIECES: usize = 8;

/// Where in [`Connection::opening`] the last bytes of the head under way are: nothing of such a connection is told by how
/// requests open.
const SEEN: usize = 7;

/// Ends a body that comes in chunks and has no trailers (RFC 9112, section 7.1).
const LAST_CHUNK: [u8; 5] = *b"0\r\n\r\n";

/// Results of [`head_piece`], in the lower half; the upper one has the last bytes that it saw.
const OVER: u64 = 0;
const GOES_ON: u64 = 1;
const FOUND: u64 = 2;

/// How a request is taken that a traced process receives: whole where the agent wants what is posted there, else its head.
/// With a stack of its own.
#[inline(never)]
pub fn or_whole(cursor: &mut Cursor) -> u32 {
    let mut opening = [0; OPENING_BYTES / 8];
    let is_read = cursor.opening(&mut opening);
    // SAFETY: the value is a byte.
    let is_wanted = is_read && unsafe { WHOLE_PATHS.get(posted_to(&opening)) }.is_some();
    if is_wanted { verdict::FOLLOW } else { verdict::HEADS }
}

/// Whether a head begins with these bytes, as they look: the agent knows by the framing whether they are in a body. They need
/// not be the first since the other side spoke. An answer wakes the client, whose next request another thread of the server may
/// have read before the one that answered comes to tell of it.
#[inline(never)]
pub fn look_for(connection: &mut Connection, way: u8, turns: bool, cursor: &mut Cursor) {
    let is_head = if way == connection.requests {
        matches!(look(cursor), Start::Request)
    } else {
        cursor.first_word() == word(*b"HTTP\0\0\0\0")
    };
    if is_head {
        connection.opening[SEEN] = 0;
        connection.looks |= bit(way);
    } else if turns {
        // What a client sends after an interim answer does not look like one.
        connection.looks &= !bit(way);
    }
}

#[inline(always)]
fn bit(way: u8) -> u8 {
    1 << (way & 1)
}

/// Bytes as they lie in memory.
const fn word(bytes: [u8; 8]) -> u64 {
    u64::from_ne_bytes(bytes)
}

/// Sends what this call, which moved `bytes`, has of a head, and tells of the rest.
#[inline(always)]
pub fn send(socket: &mut Connection, way: u8, time_ns: u64, bytes: u64, cursor: &mut Cursor) {
    let end = socket.moved[usize::from(way & 1)];
    // The end of chunks is sent as what it is: nothing else tells of it.
    let is_last = bytes >= LAST_CHUNK.len() as u64 && cursor.last_bytes() == word(*b"0\r\n\r\n\0\0\0");
    let mut left = if is_last { bytes - LAST_CHUNK.len() as u64 } else { bytes };
    let behind = bytes - left;
    let thread = bpf_get_current_pid_tgid();
    cursor.shorten(left);
    if socket.looks & bit(way) != 0 && CURSORS.insert(thread, &*cursor, 0).is_ok() {
        // A head may end across two pieces, or two calls: the last bytes of the one before are kept.
        let mut seen = socket.opening[SEEN] << 32;
        for _ in 0..PIECES {
            let result = head_piece(socket.id, time_ns, u64::from(way) | seen);
            seen = result >> 32 << 32;
            if result as u32 as u64 == FOUND {
                socket.looks &= !bit(way);
            }
            if result as u32 as u64 != GOES_ON {
                break;
            }
        }
        socket.opening[SEEN] = seen >> 32;
        // SAFETY: an entry of this thread's own.
        left = CURSORS.get_ptr_mut(thread).map_or(left, |cursor| unsafe { (*cursor).left() });
    }
    let mut data = capture::record(kind::DATA, socket.id, way, source::SOCKET, time_ns);
    if left > 0 {
        data.position = end - behind - left;
        data.original_bytes = left as u32;
        emit::gap(&data);
    }
    if is_last {
        socket.looks &= !bit(way);
        data.position = end - behind;
        data.original_bytes = behind as u32;
        emit::last_chunk(&data, LAST_CHUNK);
    }
}

/// Sends the next piece of this thread's call as far as it is of a head. Seen from outside, and with numbers for arguments,
/// for the reason that [`capture::send_piece`] has.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn head_piece(id: u64, time_ns: u64, tags: u64) -> u64 {
    let (way, seen) = (tags as u8, (tags >> 32) as u32);
    // SAFETY: an entry of this thread's own.
    let Some(cursor) = CURSORS.get_ptr_mut(bpf_get_current_pid_tgid()) else { return OVER };
    // SAFETY: as above.
    let piece = match unsafe { (*cursor).turn(emit::HEAD_BYTES as u64) } {
        Turn::Piece(piece) => piece,
        Turn::Vector => return GOES_ON | u64::from(seen) << 32,
        Turn::Done => return OVER,
    };
    let mut data = capture::record(kind::DATA, id, way, source::SOCKET, time_ns);
    data.position = piece.position;
    // SAFETY: as above.
    data.opens = unsafe { (*cursor).take_mark() };
    data.original_bytes = piece.size as u32;
    match emit::head(&data, piece.address, piece.size, seen) {
        emit::END => FOUND,
        seen => GOES_ON | u64::from(seen) << 32,
    }
}
