//! What happens when bytes move on a connection: count them, decide whether they are wanted, send them.

use aya_ebpf::helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns};
use spanwire_abi::{Connection, Data, OPENING_BYTES, direction, kind, source, verdict};

use crate::{
    cursor::{Cursor, Turn},
    emit,
    maps::REQUESTS,
};

/// Most records that one call is cut into: 4 MiB where its bytes lie together. What a call moves
/// beyond it is a gap.
const RECORDS_PER_CALL: usize = 256;

/// A connection of which nothing is known yet. Its id is unique by time and processor; the shift
/// leaves room for 834 days of uptime.
pub fn connection() -> Connection {
    // SAFETY: neither helper has preconditions.
    let (now, processor) = unsafe { (bpf_ktime_get_ns(), bpf_get_smp_processor_id()) };
    Connection {
        id: now << 8 | u64::from(processor & 0xff),
        socket: 0,
        moved: [0; 2],
        opening: [0; OPENING_BYTES / 8],
        alike_since: 0,
        verdict: verdict::UNKNOWN,
        requests: direction::WRITE,
        last: direction::READ,
        reserved: [0; 2],
    }
}

/// Accounts for bytes that moved on `connection` and sends them to the agent if they are wanted.
#[inline(always)]
pub fn moved(connection: &mut Connection, way: u8, from: u8, time_ns: u64, bytes: u64, cursor: &mut Cursor) {
    let index = usize::from(way & 1);
    // Before any reservation: a record that finds no room leaves a hole that the agent sees.
    let position = connection.moved[index];
    connection.moved[index] = position + bytes;
    let begins = connection.last != way && way == connection.requests;
    connection.last = way;
    cursor.begin(bytes, position);

    match connection.verdict {
        verdict::UNKNOWN => match look(cursor) {
            Start::Request => {
                connection.verdict = verdict::FOLLOW;
                connection.requests = way;
                begin(connection, cursor, position);
            }
            Start::TlsRecord if from == source::SOCKET => {
                connection.verdict = verdict::CIPHERTEXT;
                return;
            }
            _ => return,
        },
        verdict::FOLLOW => {
            if begins {
                begin(connection, cursor, position);
            }
            if obey(connection) {
                return;
            }
        }
        verdict::SKIP_EXCHANGE if begins => {
            if begin(connection, cursor, position) {
                return;
            }
            connection.verdict = verdict::FOLLOW;
        }
        _ => return,
    }
    send(connection, way, from, time_ns, cursor);
}

/// An exchange begins: remembers how it opens; true when it opens like the one before.
#[inline(always)]
fn begin(connection: &mut Connection, cursor: &mut Cursor, position: u64) -> bool {
    let mut opening = [0; OPENING_BYTES / 8];
    let alike = cursor.opening(&mut opening) && opening == connection.opening;
    if !alike {
        connection.opening = opening;
        connection.alike_since = position;
    }
    alike
}

/// Does what the agent asked for, if it did; true when bytes are no longer wanted.
#[inline(always)]
fn obey(connection: &mut Connection) -> bool {
    let id = connection.id;
    // SAFETY: the agent replaces entries whole; a torn read is not possible for either field.
    let Some(request) = (unsafe { REQUESTS.get(id) }) else { return false };
    let wanted = request.verdict;
    let late = request.position < connection.alike_since;
    // Gone already is as good.
    let _ = REQUESTS.remove(id);
    if wanted == verdict::SKIP_EXCHANGE && late {
        return false;
    }
    connection.verdict = wanted;
    wanted != verdict::FOLLOW
}

#[inline(always)]
fn send(connection: &Connection, way: u8, from: u8, time_ns: u64, cursor: &mut Cursor) {
    let mut data = Data {
        header: emit::header(kind::DATA, connection.id),
        position: 0,
        original_bytes: 0,
        captured_bytes: 0,
        direction: way,
        source: from,
        reserved: [0; 6],
    };
    data.header.time_ns = time_ns;

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

/// What the first bytes of a call look like.
enum Start {
    Request,
    TlsRecord,
    Other,
}

#[inline(always)]
fn look(cursor: &mut Cursor) -> Start {
    match cursor.first_four().as_ref() {
        Some(b"POST" | b"GET " | b"PUT " | b"HEAD" | b"PATC" | b"DELE" | b"OPTI" | b"CONN" | b"PRI ") => {
            Start::Request
        }
        // Content types 20 to 23 and legacy version 3.x (RFC 8446, section 5.1).
        Some([20..=23, 3, _, _]) => Start::TlsRecord,
        _ => Start::Other,
    }
}
