//! What happens when bytes move on a connection: count them, decide whether they are wanted, send them.

use aya_ebpf::helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns, bpf_probe_read_user};
use spanwire_abi::{CHUNK_BYTES, Connection, Data, direction, kind, source, verdict};

use crate::{
    emit,
    maps::{REQUESTS, SocketCall},
};

/// Most records that one call is cut into: 4 MiB. What a call moves beyond it is a gap.
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

/// Where the bytes of one call are in the traced process.
#[derive(Clone, Copy)]
pub struct Bytes {
    /// Address of the bytes, or of an array of `iovec`.
    pub address: u64,
    /// How many `iovec`s; 0 when `address` is that of the bytes.
    pub vectors: u64,
    /// How many bytes the call moved.
    pub moved: u64,
}

impl Bytes {
    /// The bytes of a system call that moved this many.
    pub fn of(call: &SocketCall, moved: u64) -> Self {
        Self { address: call.buffer, vectors: call.vectors, moved }
    }

    /// Address and length of the part with this index.
    #[inline(always)]
    fn part(&self, index: u64) -> (u64, u64) {
        if self.vectors == 0 {
            return (self.address, self.moved);
        }
        // struct iovec: base, length (include/uapi/linux/uio.h).
        let entry = (self.address + index * 16) as *const [u64; 2];
        // SAFETY: the helper checks the address.
        match unsafe { bpf_probe_read_user(entry) } {
            Ok([base, length]) => (base, length),
            Err(_) => (0, 0),
        }
    }
}

/// Accounts for bytes that moved on `connection` and sends them to the agent if they are wanted.
#[inline(always)]
pub fn moved(connection: &mut Connection, way: u8, from: u8, time_ns: u64, bytes: Bytes) {
    let index = usize::from(way & 1);
    // Before any reservation: a record that finds no room leaves a hole that the agent sees.
    let position = connection.moved[index];
    connection.moved[index] = position + bytes.moved;
    let turned = connection.last != way;
    connection.last = way;

    match connection.verdict {
        verdict::UNKNOWN => match look(&bytes) {
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
    send(connection, way, from, time_ns, position, bytes);
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
fn send(connection: &Connection, way: u8, from: u8, time_ns: u64, position: u64, bytes: Bytes) {
    let mut data = Data {
        header: emit::header(kind::DATA, connection.id),
        position,
        original_bytes: 0,
        captured_bytes: 0,
        direction: way,
        source: from,
        reserved: [0; 6],
    };
    data.header.time_ns = time_ns;

    let mut left = bytes.moved;
    let mut part = 0;
    let (mut address, mut part_left) = bytes.part(0);
    for record in 0..RECORDS_PER_CALL {
        if left == 0 {
            return;
        }
        if part_left == 0 {
            part += 1;
            if part >= bytes.vectors {
                return;
            }
            (address, part_left) = bytes.part(part);
            continue;
        }
        let wanted = if part_left > left { left } else { part_left };
        // The last record speaks for all bytes that no further one can carry.
        let last = record == RECORDS_PER_CALL - 1;
        let one = if wanted > CHUNK_BYTES as u64 { CHUNK_BYTES as u64 } else { wanted };
        data.original_bytes = if last { left as u32 } else { one as u32 };
        emit::data(&data, address, one);
        data.position += one;
        address += one;
        part_left -= one;
        left -= one;
    }
}

/// What the first bytes of a call look like.
enum Start {
    Request,
    TlsRecord,
    Other,
}

#[inline(always)]
fn look(bytes: &Bytes) -> Start {
    if bytes.moved < 4 {
        return Start::Other;
    }
    let (address, length) = bytes.part(0);
    if length < 4 {
        return Start::Other;
    }
    // SAFETY: the helper checks the address.
    let Ok(start) = (unsafe { bpf_probe_read_user(address as *const [u8; 4]) }) else { return Start::Other };
    match &start {
        b"POST" | b"GET " | b"PUT " | b"HEAD" | b"PATC" | b"DELE" | b"OPTI" | b"CONN" | b"PRI " => Start::Request,
        // Content types 20 to 23 and legacy version 3.x (RFC 8446, section 5.1).
        [20..=23, 3, _, _] => Start::TlsRecord,
        _ => Start::Other,
    }
}
