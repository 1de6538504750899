//! What happens when bytes move on a connection: count them, decide whether they are wanted, send them.

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_get_smp_processor_id, bpf_ktime_get_ns};
use spanwire_abi::{Connection, Data, Dismissal, OPENING_BYTES, direction, kind, source, verdict};

use crate::{
    cursor::{Cursor, Turn},
    emit,
    maps::{DISMISSALS, REQUESTS},
};

/// Most records that one call is cut into: 4 MiB where its bytes lie together. What a call moves
/// beyond it is a gap.
const RECORDS_PER_CALL: usize = 256;

/// Changes of direction at which a connection is looked at for a request, before it counts as
/// something else. One that is joined in the midst of an exchange shows one within two.
const LOOKS: u8 = 6;

/// How long the agent's word on an exchange holds for the process's later connections.
const DISMISSAL_NS: u64 = 60_000_000_000;

/// Of [`Connection::last`], before any byte moved.
const NEITHER: u8 = 2;

/// How the first bytes of an exchange look.
type Opening = [u64; OPENING_BYTES / 8];

/// A connection of which nothing is known yet. Its id is unique by time and processor; the shift
/// leaves room for 834 days of uptime.
pub fn connection() -> Connection {
    // SAFETY: neither helper has preconditions.
    let (now, processor) = unsafe { (bpf_ktime_get_ns(), bpf_get_smp_processor_id()) };
    Connection {
        id: now << 8 | u64::from(processor & 0xff),
        socket: 0,
        inode: 0,
        moved: [0; 2],
        opening: [0; OPENING_BYTES / 8],
        alike_since: 0,
        last_ns: 0,
        verdict: verdict::UNKNOWN,
        requests: direction::WRITE,
        last: NEITHER,
        looks: 0,
        told: 0,
    }
}

/// What to do with the bytes of a call.
pub enum Wish {
    /// Send them.
    Send,
    /// Nothing.
    Leave,
    /// They are the first of a TLS client's, on a socket.
    Hello,
    /// The connection has turned out to be of no use.
    Foreign,
}

/// Accounts for bytes that moved on `connection` and says whether they are wanted.
#[inline(always)]
pub fn account(connection: &mut Connection, way: u8, from: u8, bytes: u64, cursor: &mut Cursor) -> Wish {
    let index = usize::from(way & 1);
    // Before any reservation: a record that finds no room leaves a hole that the agent sees.
    let position = connection.moved[index];
    connection.moved[index] = position + bytes;
    let turns = connection.last != way;
    connection.last = way;
    cursor.begin(bytes, position);

    match connection.verdict {
        verdict::UNKNOWN if turns => first_look(connection, way, from, position, cursor),
        verdict::FOLLOW => {
            if turns && way == connection.requests {
                if from == source::SOCKET && matches!(look(cursor), Start::Hello) {
                    // A proxy's tunnel.
                    connection.verdict = verdict::CIPHERTEXT;
                    return Wish::Hello;
                }
                begin(connection, cursor, position);
            }
            if obey(connection) { Wish::Leave } else { Wish::Send }
        }
        verdict::SKIP_EXCHANGE if turns && way == connection.requests => {
            if begin(connection, cursor, position) {
                return Wish::Leave;
            }
            connection.verdict = verdict::FOLLOW;
            Wish::Send
        }
        _ => Wish::Leave,
    }
}

#[inline(always)]
fn first_look(connection: &mut Connection, way: u8, from: u8, position: u64, cursor: &mut Cursor) -> Wish {
    match look(cursor) {
        // A server's side is of use only together with what the process itself asks for.
        Start::Request if way == direction::READ && from == source::SOCKET => {
            connection.verdict = verdict::IGNORE;
            Wish::Leave
        }
        Start::Request => {
            connection.requests = way;
            begin(connection, cursor, position);
            if is_dismissed(&connection.opening) {
                connection.verdict = verdict::SKIP_EXCHANGE;
                return Wish::Leave;
            }
            connection.verdict = verdict::FOLLOW;
            Wish::Send
        }
        Start::Hello | Start::TlsRecord if from == source::SOCKET => {
            let hello = position == 0 && way == direction::WRITE;
            connection.verdict = verdict::CIPHERTEXT;
            if hello { Wish::Hello } else { Wish::Leave }
        }
        _ => {
            connection.looks += 1;
            if connection.looks < LOOKS {
                return Wish::Leave;
            }
            connection.verdict = verdict::IGNORE;
            Wish::Foreign
        }
    }
}

/// An exchange begins: remembers how it opens; true when it opens like the one before.
#[inline(always)]
fn begin(connection: &mut Connection, cursor: &mut Cursor, position: u64) -> bool {
    let mut opening = [0; OPENING_BYTES / 8];
    let read = cursor.opening(&mut opening);
    // Word by word: the compiler would compare arrays by a call that goes byte by byte.
    let alike = (0..opening.len()).all(|word| opening[word] == connection.opening[word]);
    if read && alike && connection.alike_since != u64::MAX {
        return true;
    }
    connection.opening = opening;
    // What does not show the whole request line is like nothing else.
    connection.alike_since = if read && has_line(&opening) { position } else { u64::MAX };
    false
}

#[inline(always)]
fn has_line(opening: &Opening) -> bool {
    let bytes = opening.as_ptr().cast::<u8>();
    // SAFETY: within the OPENING_BYTES of `opening`.
    (0..OPENING_BYTES).any(|index| unsafe { *bytes.add(index) } == b'\n')
}

#[inline(always)]
fn dismissal(opening: &Opening) -> Dismissal {
    Dismissal { pid: bpf_get_current_pid_tgid() >> 32, opening: *opening }
}

#[inline(always)]
fn is_dismissed(opening: &Opening) -> bool {
    // SAFETY: the value is one word.
    let Some(since) = (unsafe { DISMISSALS.get(dismissal(opening)) }) else { return false };
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_ns() }.wrapping_sub(*since) < DISMISSAL_NS
}

/// Does what the agent asked for, if it did; true when bytes are no longer wanted.
#[inline(always)]
fn obey(connection: &mut Connection) -> bool {
    let id = connection.id;
    // SAFETY: the agent replaces entries whole; a torn read is not possible for either field.
    let Some(request) = (unsafe { REQUESTS.get(id) }) else { return false };
    let (wanted, position) = (request.verdict, request.position);
    // Gone already is as good.
    let _ = REQUESTS.remove(id);
    if wanted == verdict::SKIP_EXCHANGE {
        if connection.alike_since == u64::MAX {
            // One that is like no other: it alone is skipped.
            connection.opening = [0; OPENING_BYTES / 8];
        } else if position < connection.alike_since {
            return false;
        } else {
            // SAFETY: the helper has no preconditions.
            let now = unsafe { bpf_ktime_get_ns() };
            let _ = DISMISSALS.insert(dismissal(&connection.opening), now, 0);
        }
    }
    connection.verdict = wanted;
    wanted != verdict::FOLLOW
}

/// Sends the bytes of a call; `cursor` lies in a map.
#[inline(always)]
pub fn send(id: u64, way: u8, from: u8, time_ns: u64, cursor: &mut Cursor) {
    let mut data = record(kind::DATA, id, way, from, time_ns);
    for turn in 1..=RECORDS_PER_CALL {
        let piece = match cursor.turn() {
            Turn::Piece(piece) => piece,
            Turn::Vector => continue,
            Turn::Done => return,
        };
        data.position = piece.position;
        // The last record speaks for all the bytes that no further one can carry.
        data.original_bytes = if turn == RECORDS_PER_CALL { piece.left as u32 } else { piece.size as u32 };
        emit::data(&data, piece.address, piece.size);
    }
}

/// A data record without its bytes.
#[inline(always)]
pub fn record(kind: u32, id: u64, way: u8, from: u8, time_ns: u64) -> Data {
    let mut data = Data {
        header: emit::header(kind, id),
        position: 0,
        original_bytes: 0,
        captured_bytes: 0,
        direction: way,
        source: from,
        reserved: [0; 6],
    };
    data.header.time_ns = time_ns;
    data
}

/// What the first bytes of a call look like.
enum Start {
    Request,
    /// A TLS record of type handshake that begins with a ClientHello.
    Hello,
    TlsRecord,
    Other,
}

#[inline(always)]
fn look(cursor: &mut Cursor) -> Start {
    match cursor.first::<6>().as_ref() {
        Some(
            [b'P', b'O', b'S', b'T', ..]
            | [b'G', b'E', b'T', b' ', ..]
            | [b'P', b'U', b'T', b' ', ..]
            | [b'H', b'E', b'A', b'D', ..]
            | [b'P', b'A', b'T', b'C', ..]
            | [b'D', b'E', b'L', b'E', ..]
            | [b'O', b'P', b'T', b'I', ..]
            | [b'C', b'O', b'N', b'N', ..]
            | [b'P', b'R', b'I', b' ', ..],
        ) => Start::Request,
        // Content types 20 to 23 and legacy version 3.x (RFC 8446, section 5.1); handshake type 1
        // (section 4).
        Some([22, 3, _, _, _, 1]) => Start::Hello,
        Some([20..=23, 3, ..]) => Start::TlsRecord,
        // A library may read a record's five bytes of header by themselves.
        None => match cursor.first::<5>().as_ref() {
            Some([20..=23, 3, ..]) => Start::TlsRecord,
            _ => Start::Other,
        },
        Some(_) => Start::Other,
    }
}
