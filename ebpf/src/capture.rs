//! What happens when bytes move on a connection: count them, decide whether they are wanted, send them.

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_get_smp_processor_id, bpf_ktime_get_ns};
use spanwire_abi::{
    CHUNK_BYTES, Connection, Data, OPENING_BYTES, direction, kind, process, source, told, verdict,
};

use crate::{
    cursor::{Cursor, Turn, zero},
    dismissal, emit, heads,
    maps::{CURSORS, DISMISSALS, PROCESSES, REQUESTS, TLS_CALLS},
    opening::{Start, has_line, has_no_body, look},
    records,
};

/// Most records that one call is cut into: of bytes that lie together 3 MiB at its begin and 1 MiB at its end, where
/// a document has the members that follow its messages. What a call moves between is a gap; where its bytes lie in
/// several places, what it moves beyond the first 4 MiB.
const FIRST_RECORDS: usize = 192;
const LAST_RECORDS: usize = 64;
const LAST_BYTES: u64 = (LAST_RECORDS * CHUNK_BYTES) as u64;

/// Changes of direction at which a connection is looked at for a request, before it counts as
/// something else. One that is joined in the midst of an exchange shows one within two.
const LOOKS: u8 = 6;

/// A connection of which nothing is known yet. Its id is unique by time and processor; the shift
/// leaves room for 834 days of uptime.
#[inline(always)]
pub fn connection() -> Connection {
    // SAFETY: neither helper has preconditions.
    let (now, processor) = unsafe { (bpf_ktime_get_ns(), bpf_get_smp_processor_id()) };
    let zero = zero();
    Connection {
        id: now << 8 | u64::from(processor & 0xff),
        socket: zero,
        inode: zero,
        moved: [zero; 2],
        opening: [zero; OPENING_BYTES / 8],
        alike_since: zero,
        last_ns: zero,
        verdict: verdict::UNKNOWN,
        requests: direction::WRITE,
        last: direction::NEITHER,
        looks: 0,
        told: 0,
    }
}

/// What to do with the bytes of a call.
pub enum Action {
    /// Send them.
    Send,
    /// Send what is of a head, and say how much moved.
    Heads,
    /// Nothing.
    Leave,
    /// They are the first of a TLS client's, on a socket: its [`Connection::verdict`] says how TLS is read.
    Hello,
    /// The connection has turned out to be of no use.
    Foreign,
}

/// Accounts for bytes that moved on `connection` and says whether they are wanted.
#[inline(always)]
pub fn account(connection: &mut Connection, way: u8, from: u8, bytes: u64, cursor: &mut Cursor) -> Action {
    let index = usize::from(way & 1);
    // Before any reservation: a record that finds no room leaves a hole that the agent sees.
    let position = connection.moved[index];
    connection.moved[index] = position + bytes;
    let turns = connection.last != way;
    connection.last = way;
    cursor.begin(bytes, position);

    let is_http = matches!(connection.verdict, verdict::FOLLOW | verdict::SKIP_EXCHANGE | verdict::HEADS);
    let begins = is_http && turns && way == connection.requests;
    if begins && from == source::SOCKET && matches!(look(cursor), Start::Hello) {
        // A proxy's tunnel, whether or not the request for it was skipped.
        records::greet(connection, position);
        return Action::Hello;
    }
    match connection.verdict {
        verdict::UNKNOWN if turns => first_look(connection, way, from, position, cursor),
        verdict::FOLLOW | verdict::HEADS => {
            let is_sent = way == direction::WRITE;
            let is_request =
                is_sent && connection.verdict == verdict::FOLLOW || matches!(look(cursor), Start::Request);
            if begins && is_request {
                begin(connection, cursor, position);
                connection.verdict = if is_sent { verdict::FOLLOW } else { heads::or_whole(cursor) };
            }
            if obey(connection) {
                Action::Leave
            } else if connection.verdict == verdict::HEADS {
                heads::look_for(connection, way, turns, cursor);
                Action::Heads
            } else {
                Action::Send
            }
        }
        verdict::SERVER if turns && way == direction::READ && matches!(look(cursor), Start::Request) => {
            serve(connection, cursor, position)
        }
        verdict::SKIP_EXCHANGE if begins => {
            if begin(connection, cursor, position) {
                return Action::Leave;
            }
            connection.verdict = verdict::FOLLOW;
            Action::Send
        }
        verdict::RECORDS => {
            if way == connection.requests {
                records::mark(connection, turns, position, cursor);
            }
            if obey(connection) { Action::Leave } else { Action::Send }
        }
        verdict::SKIP_RECORDS
            if turns && way == connection.requests && !dismissal::rests(connection.opening[0]) =>
        {
            connection.verdict = verdict::RECORDS;
            records::mark(connection, turns, position, cursor);
            if obey(connection) { Action::Leave } else { Action::Send }
        }
        _ => Action::Leave,
    }
}

/// Whether the agent said this of the current process: a bit of [`process`].
#[inline(always)]
pub fn current_is(bit: u32) -> bool {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    // SAFETY: the value is one word.
    unsafe { PROCESSES.get(pid) }.is_some_and(|bits| *bits & bit != 0)
}

/// Accounts for bytes that are of no use whatever they are: answers to a skipped request.
#[inline(always)]
pub fn is_skipped_answer(connection: &mut Connection, way: u8, bytes: u64) -> bool {
    if !matches!(connection.verdict, verdict::SKIP_EXCHANGE | verdict::SKIP_RECORDS)
        || way == connection.requests
    {
        return false;
    }
    connection.moved[usize::from(way & 1)] += bytes;
    connection.last = way;
    true
}

/// A process that is traced receives a request.
#[inline(always)]
fn serve(connection: &mut Connection, cursor: &mut Cursor, position: u64) -> Action {
    connection.requests = direction::READ;
    connection.looks = 0;
    begin(connection, cursor, position);
    connection.verdict = heads::or_whole(cursor);
    if connection.verdict == verdict::FOLLOW {
        return Action::Send;
    }
    heads::look_for(connection, direction::READ, true, cursor);
    Action::Heads
}

#[inline(always)]
fn first_look(connection: &mut Connection, way: u8, from: u8, position: u64, cursor: &mut Cursor) -> Action {
    let start = look(cursor);
    match start {
        // A server's side is of use only together with what the process itself asks for.
        Start::Request if way == direction::READ && from == source::SOCKET => {
            connection.verdict = verdict::SERVER;
            if current_is(process::TRACED) { serve(connection, cursor, position) } else { Action::Leave }
        }
        Start::Request => {
            connection.requests = way;
            begin(connection, cursor, position);
            if !current_is(process::TRACED) && dismissal::holds_for(&connection.opening, from) {
                connection.verdict = verdict::SKIP_EXCHANGE;
                return Action::Leave;
            }
            connection.verdict = verdict::FOLLOW;
            Action::Send
        }
        // The first bytes, or those behind what a proxy was asked in a protocol of its own.
        Start::Hello if from == source::SOCKET && way == direction::WRITE => {
            records::greet(connection, position);
            Action::Hello
        }
        // Most servers read the header of the first record by itself.
        Start::Hello | Start::TlsRecord
            if from == source::SOCKET && records::is_first(connection, way, position) =>
        {
            if records::receive(connection, position) { Action::Send } else { Action::Leave }
        }
        Start::Hello | Start::TlsRecord | Start::TlsData if from == source::SOCKET => {
            connection.verdict = verdict::CIPHERTEXT;
            if matches!(start, Start::TlsData) {
                connection.told |= told::OLD;
            }
            // A session that is older than the agent tells of its process as well.
            if position == 0 && way == direction::WRITE { Action::Hello } else { Action::Leave }
        }
        _ => {
            connection.looks += 1;
            if connection.looks < LOOKS {
                return Action::Leave;
            }
            connection.verdict = verdict::IGNORE;
            Action::Foreign
        }
    }
}

/// An exchange begins: remembers how it opens; true when it opens like the one before, and may be left out
/// unseen.
///
/// That is one without a body only. A body may look like a request, and where the peer answers a part of it
/// (`100 Continue`), its next piece comes at a turn: only the framing in the head tells what it is, so the
/// agent must see the head.
#[inline(never)]
fn begin(connection: &mut Connection, cursor: &mut Cursor, position: u64) -> bool {
    let mut opening = [0; OPENING_BYTES / 8];
    let read = cursor.opening(&mut opening);
    cursor.mark_request();
    // What does not show the whole request line is like nothing else.
    if !read || !has_no_body(&opening) || !has_line(&opening) {
        connection.opening = [0; OPENING_BYTES / 8];
    } else {
        // Word by word: the compiler would compare arrays by a call that goes byte by byte.
        if (0..opening.len()).all(|word| opening[word] == connection.opening[word]) {
            return true;
        }
        connection.opening = opening;
    }
    connection.alike_since = position;
    false
}

/// Does what the agent asked for, if it did; true when bytes are no longer wanted. Its stack is its own:
/// with its caller's it would be more than 512 bytes, and Linux 6.1 refuses that.
#[inline(never)]
fn obey(connection: &mut Connection) -> bool {
    let id = connection.id;
    // SAFETY: the agent replaces entries whole; a torn read is not possible for either field.
    let Some(request) = (unsafe { REQUESTS.get(id) }) else { return false };
    let (wanted, position) = (request.verdict, request.position);
    // Gone already is as good.
    let _ = REQUESTS.remove(id);
    if matches!(wanted, verdict::SKIP_EXCHANGE | verdict::REST | verdict::HEADS) {
        // Another one is under way, with a framing of its own.
        if position < connection.alike_since {
            return false;
        }
        if wanted == verdict::HEADS {
            connection.verdict = verdict::HEADS;
            connection.looks = 0;
            return false;
        }
        if connection.verdict == verdict::RECORDS {
            connection.verdict = verdict::SKIP_RECORDS;
            if wanted == verdict::REST {
                // SAFETY: the helper has no preconditions.
                connection.opening[0] = unsafe { bpf_ktime_get_ns() } + dismissal::TLS_DISMISSAL_NS;
            }
            return true;
        }
        if connection.opening[0] != 0 {
            // SAFETY: the helper has no preconditions.
            let now = unsafe { bpf_ktime_get_ns() };
            let _ = DISMISSALS.insert(dismissal::of(&connection.opening), now, 0);
        }
    }
    connection.verdict = if wanted == verdict::REST { verdict::SKIP_EXCHANGE } else { wanted };
    wanted != verdict::FOLLOW
}

/// Which map has the cursor of the call under way.
#[derive(Clone, Copy)]
pub enum Held {
    /// [`TLS_CALLS`]
    TlsCall,
    /// [`CURSORS`]
    Cursor,
}

/// Sends the bytes of this thread's call, whose cursor lies in a map.
#[inline(always)]
pub fn send(id: u64, way: u8, from: u8, time_ns: u64, held: Held) {
    let tags = u64::from(way) | u64::from(from) << 8 | (held as u64) << 16;
    for _ in 0..FIRST_RECORDS {
        if send_piece(id, time_ns, tags) == 0 {
            return;
        }
    }
    if let Some(cursor) = cursor_of(tags) {
        // SAFETY: an entry of this thread's own.
        unsafe { (*cursor).skip_to_last(LAST_BYTES) };
    }
    for _ in 1..LAST_RECORDS {
        if send_piece(id, time_ns, tags) == 0 {
            return;
        }
    }
    send_piece(id, time_ns, tags | LAST);
}

/// In [`send_piece`]'s tags: this record speaks for all the bytes that no further one can carry.
const LAST: u64 = 1 << 24;

/// Sends the next piece of this thread's call; 0 when there is none. It can be seen from outside and has
/// numbers alone for arguments, so the verifier reads it once for all its calls: as a part of the loop
/// it would be read anew in each turn.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn send_piece(id: u64, time_ns: u64, tags: u64) -> u64 {
    let Some(cursor) = cursor_of(tags) else { return 0 };
    // SAFETY: as above.
    let piece = match unsafe { (*cursor).turn(CHUNK_BYTES as u64) } {
        Turn::Piece(piece) => piece,
        Turn::Vector => return 1,
        Turn::Done => return 0,
    };
    let mut data = record(kind::DATA, id, tags as u8, (tags >> 8) as u8, time_ns);
    data.position = piece.position;
    // SAFETY: as above.
    data.opens = unsafe { (*cursor).take_mark() };
    data.original_bytes = if tags & LAST != 0 { piece.left as u32 } else { piece.size as u32 };
    emit::data(&data, piece.address, piece.size);
    1
}

/// The cursor of this thread's call, by the tags of [`send_piece`].
#[inline(always)]
fn cursor_of(tags: u64) -> Option<*mut Cursor> {
    let thread = bpf_get_current_pid_tgid();
    // SAFETY: entries of this thread's own.
    unsafe {
        match tags >> 16 & 0xff {
            0 => TLS_CALLS.get_ptr_mut(thread).map(|call| &raw mut (*call).plaintext),
            _ => CURSORS.get_ptr_mut(thread),
        }
    }
}

/// A data record without its bytes.
#[inline(always)]
pub fn record(kind: u32, id: u64, way: u8, from: u8, time_ns: u64) -> Data {
    Data {
        header: emit::header_at(kind, id, time_ns),
        position: 0,
        original_bytes: 0,
        captured_bytes: 0,
        direction: way,
        source: from,
        opens: 0,
        reserved: [0; 5],
    }
}
