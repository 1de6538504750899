//! Records into the ring buffer; what finds no room is counted.

use aya_ebpf::{
    helpers::{
        bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_ktime_get_ns, generated::bpf_probe_read_user,
    },
    maps::{RingBuf, ring_buf::RingBufEntry},
};
use core::ffi::c_void;
use spanwire_abi::{CHUNK_BYTES, COMMAND_BYTES, Data, Ended, Endpoint, Forked, Header, Opened, Tied, kind};

use crate::maps::{DROPS, EVENTS, GAPS, SIGNS};

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
    let id = bpf_get_current_pid_tgid();
    Header {
        kind,
        pid: (id >> 32) as u32,
        tid: id as u32,
        reserved: 0,
        // SAFETY: the helper has no preconditions.
        time_ns: unsafe { bpf_ktime_get_ns() },
        connection,
    }
}

pub fn process(kind: u32) {
    publish(&EVENTS, kind, header(kind, 0));
}

/// A sign that this process may be of interest.
pub fn sign(kind: u32) {
    publish(&SIGNS, kind, header(kind, 0));
}

pub fn forked(child: u32) {
    publish(&SIGNS, kind::FORKED, Forked { header: header(kind::FORKED, 0), child, reserved: 0 });
}

pub fn opened(connection: u64, local: Endpoint, peer: Endpoint) {
    let command = bpf_get_current_comm().unwrap_or([0; COMMAND_BYTES]);
    publish(&EVENTS, kind::OPENED, Opened { header: header(kind::OPENED, connection), local, peer, command });
}

pub fn tied(session: u64, socket: u64) {
    publish(&EVENTS, kind::TIED, Tied { header: header(kind::TIED, session), socket });
}

pub fn ended(connection: u64, reason: u32, errno: u32, moved: [u64; 2]) {
    publish(&EVENTS, kind::ENDED, Ended { header: header(kind::ENDED, connection), reason, errno, moved });
}

#[inline(always)]
fn publish<T: 'static>(ring: &RingBuf, kind: u32, record: T) {
    match ring.reserve::<T>(0) {
        Some(mut entry) => {
            entry.write(record);
            entry.submit(0);
        }
        None => count_drop(kind),
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
    publish(&EVENTS, kind::DATA, *data);
}

/// Copies the first `size` bytes of a TLS ClientHello, at most [`HELLO_BYTES`].
#[inline(always)]
pub fn hello(data: &Data, address: u64, size: u64) {
    record::<HELLO_BYTES>(data, address, size);
}

/// Bytes kept of a ClientHello: with a post-quantum key share it has some 1,800.
pub const HELLO_BYTES: usize = 4096;

/// Copies `size` bytes, at most [`CHUNK_BYTES`], from `address` of the traced process into a record
/// that begins with `data`.
#[inline(always)]
pub fn data(data: &Data, address: u64, size: u64) {
    if size <= 256 {
        record::<256>(data, address, size);
    } else if size <= 1024 {
        record::<1024>(data, address, size);
    } else if size <= 4096 {
        record::<4096>(data, address, size);
    } else {
        record::<CHUNK_BYTES>(data, address, size);
    }
}

#[inline(always)]
fn record<const N: usize>(data: &Data, address: u64, size: u64) {
    // Sizes are 1 to N, a power of two, so this changes none. It shows the bound in the very value
    // that is used: Linux 6.1 does not carry a comparison over to a copy of the value on the stack.
    let length = (size.wrapping_sub(1) & (N as u64 - 1)) + 1;
    let Some(mut entry): Option<RingBufEntry<Record<N>>> = EVENTS.reserve(0) else {
        count_drop(data.header.kind);
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
    entry.submit(0);
}
