//! What happens when bytes move on a connection: count them, decide whether they are wanted, send them.

use aya_ebpf::helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns, bpf_probe_read_user};
use spanwire_abi::{CHUNK_BYTES, Connection, Data, direction, kind, source, verdict};

use crate::{emit, maps::REQUESTS};

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
        exchange_start: 0,
        verdict: verdict::UNKNOWN,
        requests: direction::WRITE,
        last: direction::READ,
        reserved: [0; 2],
    }
}

/// Where the bytes of one call are in the traced process, and how far they have been sent.
///
/// It lives in a map, and every access is volatile, for the verifier's sake: what it knows of a
/// value's range is forgotten when the value goes through a map, so that all paths through one turn
/// of the loop in [`send`] end in the same state. In registers they would multiply.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Cursor {
    /// Address of the next byte.
    address: u64,
    /// Bytes left at `address`.
    part_left: u64,
    /// Bytes left in all.
    left: u64,
    /// Address of the `iovec` after the one under way.
    vector: u64,
    /// How many `iovec`s are left.
    vectors_left: u64,
    /// The next byte's position in its stream.
    position: u64,
}

impl Cursor {
    /// At the begin of a call's bytes, or, with `vectors` other than 0, of that many `iovec`s.
    pub fn new(address: u64, vectors: u64) -> Self {
        if vectors == 0 {
            Self { address, part_left: u64::MAX, left: 0, vector: 0, vectors_left: 0, position: 0 }
        } else {
            Self { address: 0, part_left: 0, left: 0, vector: address, vectors_left: vectors, position: 0 }
        }
    }
}

/// Reads a field of a [`Cursor`] behind the verifier's back.
macro_rules! load {
    ($cursor:ident . $field:ident) => {
        // SAFETY: the field of a live map value that only this thread's call uses.
        unsafe { (&raw const (*$cursor).$field).read_volatile() }
    };
}

/// Writes a field of a [`Cursor`].
macro_rules! store {
    ($cursor:ident . $field:ident = $value:expr) => {{
        let value = $value;
        // SAFETY: as in `load`.
        unsafe { (&raw mut (*$cursor).$field).write_volatile(value) }
    }};
}

/// Goes to the next `iovec`; false when there is none or it cannot be read.
#[inline(always)]
fn next_part(cursor: *mut Cursor) -> bool {
    let (vector, vectors_left) = (load!(cursor.vector), load!(cursor.vectors_left));
    if vectors_left == 0 {
        return false;
    }
    // struct iovec: base, length (include/uapi/linux/uio.h).
    // SAFETY: the helper checks the address.
    let Ok([base, length]) = (unsafe { bpf_probe_read_user(vector as *const [u64; 2]) }) else {
        return false;
    };
    store!(cursor.vector = vector + 16);
    store!(cursor.vectors_left = vectors_left - 1);
    store!(cursor.address = base);
    store!(cursor.part_left = length);
    true
}

/// Accounts for bytes that moved on `connection` and sends them to the agent if they are wanted.
#[inline(always)]
pub fn moved(connection: &mut Connection, way: u8, from: u8, time_ns: u64, bytes: u64, cursor: *mut Cursor) {
    let index = usize::from(way & 1);
    // Before any reservation: a record that finds no room leaves a hole that the agent sees.
    let position = connection.moved[index];
    connection.moved[index] = position + bytes;
    let turned = connection.last != way;
    connection.last = way;

    match connection.verdict {
        verdict::UNKNOWN => match look(bytes, cursor) {
            Start::Request => {
                connection.verdict = verdict::FOLLOW;
                connection.requests = way;
                connection.exchange_start = position;
            }
            Start::TlsRecord if from == source::SOCKET => {
                connection.verdict = verdict::CIPHERTEXT;
                return;
            }
            _ => return,
        },
        verdict::FOLLOW => {
            if turned && way == connection.requests {
                connection.exchange_start = position;
            }
            if obey(connection) {
                return;
            }
        }
        verdict::SKIP_EXCHANGE if turned && way == connection.requests => {
            connection.verdict = verdict::FOLLOW;
            connection.exchange_start = position;
        }
        _ => return,
    }
    store!(cursor.left = bytes);
    store!(cursor.position = position);
    send(connection, way, from, time_ns, cursor);
}

/// Does what the agent asked for, if it did; true when bytes are no longer wanted.
#[inline(always)]
fn obey(connection: &mut Connection) -> bool {
    let id = connection.id;
    // SAFETY: the agent replaces entries whole; a torn read is not possible for either field.
    let Some(request) = (unsafe { REQUESTS.get(id) }) else { return false };
    let wanted = request.verdict;
    let late = request.position < connection.exchange_start;
    // Gone already is as good.
    let _ = REQUESTS.remove(id);
    if wanted == verdict::SKIP_EXCHANGE && late {
        return false;
    }
    connection.verdict = wanted;
    wanted != verdict::FOLLOW
}

#[inline(always)]
fn send(connection: &Connection, way: u8, from: u8, time_ns: u64, cursor: *mut Cursor) {
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
        let left = load!(cursor.left);
        if left == 0 {
            return;
        }
        let part_left = load!(cursor.part_left);
        if part_left == 0 {
            if next_part(cursor) {
                continue;
            }
            return;
        }
        let (address, position) = (load!(cursor.address), load!(cursor.position));
        let mut size = if part_left < left { part_left } else { left };
        if size > CHUNK_BYTES as u64 {
            size = CHUNK_BYTES as u64;
        }
        data.position = position;
        // The last record speaks for all the bytes that no further one can carry.
        data.original_bytes = if turn == RECORDS_PER_CALL { left as u32 } else { size as u32 };
        emit::data(&data, address, size);
        store!(cursor.address = address + size);
        store!(cursor.part_left = part_left - size);
        store!(cursor.left = left - size);
        store!(cursor.position = position + size);
    }
}

/// What the first bytes of a call look like.
enum Start {
    Request,
    TlsRecord,
    Other,
}

/// Looks at the first bytes of a call that moved this many.
#[inline(always)]
fn look(bytes: u64, cursor: *mut Cursor) -> Start {
    if bytes < 4 || (load!(cursor.part_left) == 0 && !next_part(cursor)) || load!(cursor.part_left) < 4 {
        return Start::Other;
    }
    let address = load!(cursor.address);
    // SAFETY: the helper checks the address.
    let Ok(start) = (unsafe { bpf_probe_read_user(address as *const [u8; 4]) }) else {
        return Start::Other;
    };
    match &start {
        b"POST" | b"GET " | b"PUT " | b"HEAD" | b"PATC" | b"DELE" | b"OPTI" | b"CONN" | b"PRI " => {
            Start::Request
        }
        // Content types 20 to 23 and legacy version 3.x (RFC 8446, section 5.1).
        [20..=23, 3, _, _] => Start::TlsRecord,
        _ => Start::Other,
    }
}
