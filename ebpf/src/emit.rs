//! Records into the ring buffer; what finds no room is counted.

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::{
        bpf_get_current_pid_tgid, bpf_ktime_get_ns,
        generated::{bpf_get_current_comm, bpf_probe_read_user},
    },
    maps::{RingBuf, ring_buf::RingBufEntry},
};
use core::ffi::c_void;
use spanwire_abi::{
    CHUNK_BYTES, COMMAND_BYTES, Data, Ended, Endpoint, FileKey, Forked, Header, KEY_BYTES, Key, Opened,
    Started, Tied, dropped, kind, reader,
};

use crate::{
    kernel,
    maps::{DROPS, EVENTS, GAPS, KEYS, READER, SIGNS, WAKE_BYTES},
};

/// A data record with room for `N` bytes. Room comes in a few fixed sizes, because the kernel wants
/// a reservation's size to be a constant and a copy through a per-CPU buffer is not safe where
/// probes can be preempted.
#[repr(C)]
struct Record<const N: usize> {
    data: Data,
    bytes: [u8; N],
}

/// The header of a record about now and this thread.
#[inline(always)]
pub fn header(kind: u32, connection: u64) -> Header {
    // SAFETY: the helper has no preconditions.
    header_at(kind, connection, unsafe { bpf_ktime_get_ns() })
}

/// As above, about a time that is known already: to ask for it costs some 30 ns.
#[inline(always)]
pub fn header_at(kind: u32, connection: u64, time_ns: u64) -> Header {
    let id = bpf_get_current_pid_tgid();
    Header { kind, pid: (id >> 32) as u32, tid: id as u32, reserved: 0, time_ns, connection }
}

/// Whether a record into [`EVENTS`] wakes the agent, as `bpf_ringbuf_submit` takes it: see [`reader`]. `waits` says
/// that the agent must act on it while the process is still there. A change of the agent's mind meanwhile costs at
/// most a wake-up too many, or one too few that its next look makes good.
#[inline(always)]
fn wakes(waits: bool) -> u64 {
    let Some(state) = READER.get_ptr_mut(0) else { return 0 };
    // SAFETY: a slot that get_ptr_mut found; a word is read and written as one.
    match unsafe { state.read_volatile() } {
        reader::SLEEPS => 0,
        reader::POLLS if waits || EVENTS.query(u64::from(BPF_RB_AVAIL_DATA)) >= WAKE_BYTES.load() => {
            // SAFETY: as above.
            unsafe { state.write_volatile(reader::WOKEN) };
            u64::from(BPF_RB_FORCE_WAKEUP)
        }
        _ => u64::from(BPF_RB_NO_WAKEUP),
    }
}

pub fn exit() {
    publish(&EVENTS, kind::EXIT, header(kind::EXIT, 0), wakes(false));
}

/// The process runs another program.
pub fn exec() {
    publish(&EVENTS, kind::EXEC, header(kind::EXEC, kernel::program()), wakes(true));
}

/// The process began this program.
pub fn started(file: FileKey) {
    publish(&SIGNS, kind::STARTED, Started { header: header(kind::STARTED, 0), file }, 0);
}

/// A sign that this process may be of interest.
pub fn sign(kind: u32) {
    publish(&SIGNS, kind, header(kind, 0), 0);
}

pub fn forked(child: u32) {
    publish(&SIGNS, kind::FORKED, Forked { header: header(kind::FORKED, 0), child, reserved: 0 }, 0);
}

/// False where it found no room.
pub fn opened(connection: u64, sock: u64, local: Endpoint, peer: Endpoint) -> bool {
    let Some(mut entry) = EVENTS.reserve::<Opened>(0) else {
        count_drop(kind::OPENED);
        return false;
    };
    let record = entry.as_mut_ptr();
    // Field by field: the whole record on the stack leaves callers too little of it.
    // SAFETY: all of the record that was reserved is written, by pointers that it gives.
    unsafe {
        (&raw mut (*record).header).write(header(kind::OPENED, connection));
        (&raw mut (*record).local).write(local);
        (&raw mut (*record).peer).write(peer);
        // It fills the whole name, with zeros where it fails.
        bpf_get_current_comm((&raw mut (*record).command).cast::<c_void>(), COMMAND_BYTES as u32);
        (&raw mut (*record).program).write(kernel::program());
        let (own, other) = kernel::pair(sock);
        (&raw mut (*record).own).write(own);
        (&raw mut (*record).other).write(other);
    }
    entry.submit(wakes(true));
    true
}

/// A key of 16, 24 or 32 bytes that lies at this address of the process.
#[inline(always)]
pub fn key(address: u64, bytes: u32) {
    let Some(mut entry) = KEYS.reserve::<Key>(0) else {
        count_drop(kind::KEY);
        return;
    };
    let record = entry.as_mut_ptr();
    // SAFETY: all of the record that was reserved is written, by pointers that it gives; no more than its
    // KEY_BYTES are read, and the helper checks where they are read from.
    let read = unsafe {
        (&raw mut (*record).header).write(header(kind::KEY, 0));
        (&raw mut (*record).bytes).write(bytes);
        (&raw mut (*record).reserved).write(0);
        (&raw mut (*record).key).write([0; KEY_BYTES]);
        let key = (&raw mut (*record).key).cast::<c_void>();
        bpf_probe_read_user(key, bounded::<KEY_BYTES>(u64::from(bytes)) as u32, address as *const c_void)
    };
    // Records of the connection follow each key, and wake the agent.
    let flags = u64::from(BPF_RB_NO_WAKEUP);
    if read == 0 { entry.submit(flags) } else { entry.discard(flags) }
}

/// False where it found no room.
pub fn tied(session: u64, socket: u64) -> bool {
    publish(&EVENTS, kind::TIED, Tied { header: header(kind::TIED, session), socket }, wakes(false))
}

pub fn ended(connection: u64, reason: u32, errno: u32, moved: [u64; 2]) {
    let header = header(kind::ENDED, connection);
    publish(&EVENTS, kind::ENDED, Ended { header, reason, errno, moved }, wakes(false));
}

#[inline(always)]
fn publish<T: 'static>(ring: &RingBuf, kind: u32, record: T, wakes: u64) -> bool {
    match ring.reserve::<T>(0) {
        Some(mut entry) => {
            entry.write(record);
            entry.submit(wakes);
            true
        }
        None => {
            count_drop(kind);
            false
        }
    }
}

fn count_drop(kind: u32) {
    if let Some(count) = DROPS.get_ptr_mut(kind) {
        // SAFETY: a per-CPU slot that get_ptr_mut found; only this CPU writes it.
        unsafe { *count += 1 };
    }
}

/// Counts bytes that could not be captured, by [`spanwire_abi::gap`].
#[inline(always)]
pub fn count_gap(cause: u32, bytes: u64) {
    if let Some(count) = GAPS.get_ptr_mut(cause) {
        // SAFETY: as in `count_drop`.
        unsafe { *count += bytes };
    }
}

/// A record that says that bytes moved, and holds none of them.
#[inline(always)]
pub fn gap(data: &Data) {
    publish(&EVENTS, kind::DATA, *data, wakes(false));
}

/// A size of 1 to `N`, a power of two, unchanged: but the bound shows in the very value that is used,
/// since Linux 6.1 does not carry a comparison over to a copy of the value on the stack.
#[inline(always)]
pub fn bounded<const N: usize>(size: u64) -> u64 {
    // SAFETY: a value of this function's own; volatile, since the compiler, which knows the bound from
    // comparisons, would leave the mask out.
    let size = unsafe { (&raw const size).read_volatile() };
    (size.wrapping_sub(1) & (N as u64 - 1)) + 1
}

/// Copies the first `size` bytes of a TLS ClientHello, at most [`HELLO_BYTES`].
#[inline(always)]
pub fn hello(data: &Data, address: u64, size: u64) {
    record::<HELLO_BYTES>(data, address, size, true);
}

/// Bytes kept of a ClientHello: with a post-quantum key share it has some 1,800.
pub const HELLO_BYTES: usize = 4096;

/// Copies `size` bytes, at most [`CHUNK_BYTES`], from `address` of the traced process into a record
/// that begins with `data`.
#[inline(always)]
pub fn data(data: &Data, address: u64, size: u64) {
    if size <= 256 {
        record::<256>(data, address, size, false);
    } else if size <= 1024 {
        record::<1024>(data, address, size, false);
    } else if size <= 4096 {
        record::<4096>(data, address, size, false);
    } else {
        record::<CHUNK_BYTES>(data, address, size, false);
    }
}

#[inline(always)]
fn record<const N: usize>(data: &Data, address: u64, size: u64, waits: bool) {
    let length = bounded::<N>(size);
    let Some(mut entry): Option<RingBufEntry<Record<N>>> = EVENTS.reserve(0) else {
        count_drop(if data.opens == 0 { data.header.kind } else { dropped::REQUEST });
        return;
    };
    let record = entry.as_mut_ptr();
    // SAFETY: `record` points at N bytes behind the header in the reservation, and length <= N; the
    // helper checks the source address and zeroes the destination when it cannot be read.
    unsafe {
        (&raw mut (*record).data).write(*data);
        let failed = bpf_probe_read_user(
            (&raw mut (*record).bytes).cast::<c_void>(),
            length as u32,
            address as *const c_void,
        ) != 0;
        (*record).data.captured_bytes = if failed { 0 } else { length as u32 };
    }
    entry.submit(wakes(waits));
}

/// Says that a head is over: no four bytes of one are it.
pub const END: u32 = u32::MAX;

/// The end of a message's head, as the last four bytes that were seen.
const EMPTY_LINE: u32 = u32::from_be_bytes(*b"\r\n\r\n");

/// Bytes of a head that are copied at once: the verifier looks at each turn of the loop over them.
pub const HEAD_BYTES: usize = 2048;

/// Copies what is of a message's head of the `size` bytes, at most [`HEAD_BYTES`], at `address` of the traced process into a
/// record that begins with `data`: up to the empty line that ends it; `before` are the last bytes before these. [`END`] where
/// the head ends here, and is no interim answer's; else the last bytes, or 0 where they do not matter.
#[inline(always)]
pub fn head(data: &Data, address: u64, size: u64, before: u32) -> u32 {
    const N: usize = HEAD_BYTES;
    let length = bounded::<N>(size);
    let Some(mut entry): Option<RingBufEntry<Record<N>>> = EVENTS.reserve(0) else {
        count_drop(if data.opens == 0 { data.header.kind } else { dropped::REQUEST });
        return 0;
    };
    let record = entry.as_mut_ptr();
    // SAFETY: `record` points at N bytes behind the header in the reservation, a multiple of 8, and length <= N; the helper
    // checks the source address.
    unsafe {
        (&raw mut (*record).data).write(*data);
        let bytes = (&raw mut (*record).bytes).cast::<u8>();
        let failed =
            bpf_probe_read_user(bytes.cast::<c_void>(), length as u32, address as *const c_void) != 0;
        // Where the head ends is kept in the record, of whose words the verifier knows nothing: so all ways out of the
        // loop are one to it.
        let captured = &raw mut (*record).data.captured_bytes;
        captured.write_volatile(0);
        let mut seen = before;
        for at in 0..N {
            seen = seen << 8 | u32::from(bytes.add(at).read_volatile());
            if seen == EMPTY_LINE {
                captured.write_volatile(at as u32 + 1);
                break;
            }
        }
        let end = captured.read_volatile();
        // Beyond the bytes of the call lies what was there before.
        let found = end != 0 && u64::from(end) <= length && !failed;
        let end = if failed {
            0
        } else if found {
            u64::from(end)
        } else {
            length
        };
        captured.write_volatile(end as u32);
        let words = bytes.cast::<u64>();
        for word in 0..N / 8 {
            let before = word as u64 * 8;
            let kept = if end > before { end - before } else { 0 };
            if kept < 8 {
                let word = words.add(word);
                word.write_volatile(word.read_volatile() & ((1 << (kept * 8)) - 1));
            }
        }
        // The last four bytes; of a shorter piece, what is there behind those before.
        let mut last = before;
        for back in 0..4_u64 {
            if length > 3 - back {
                let at = length - (4 - back);
                last = last << 8 | u32::from(bytes.add((at & (N as u64 - 1)) as usize).read_volatile());
            }
        }
        // `HTTP/1.1 1xx`: the answer's own head follows.
        let is_interim = bytes.read_volatile() == b'H'
            && bytes.add(4).read_volatile() == b'/'
            && bytes.add(9).read_volatile() == b'1';
        entry.submit(wakes(false));
        match (found, is_interim) {
            (true, false) => END,
            (true, true) => 0,
            (false, _) => last,
        }
    }
}

/// The bytes by which a chunked body ends.
#[inline(always)]
pub fn last_chunk(data: &Data, bytes: [u8; 5]) {
    let Some(mut entry): Option<RingBufEntry<Record<256>>> = EVENTS.reserve(0) else {
        count_drop(data.header.kind);
        return;
    };
    let record = entry.as_mut_ptr();
    // SAFETY: within the record's 256 bytes, of which these five count.
    unsafe {
        (&raw mut (*record).data).write(*data);
        (&raw mut (*record).bytes).cast::<[u8; 5]>().write(bytes);
        (*record).data.captured_bytes = 5;
    }
    entry.submit(wakes(false));
}
