//! Sockets of which nothing is wanted: most calls on a host end after one look here.

use spanwire_abi::{Connection, verdict};

use crate::maps::{EPOCH, IGNORED, IGNORED_BITS};

/// The slot of a socket in [`IGNORED`].
#[inline(always)]
fn slot(sock: u64) -> u32 {
    // Fibonacci hashing: the upper bits depend on all of the address.
    (sock.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - IGNORED_BITS)) as u32
}

/// What stands for a socket in its slot.
#[inline(always)]
fn stamp(sock: u64) -> u64 {
    sock ^ EPOCH.get(0).copied().unwrap_or(0)
}

/// Whether nothing is wanted of a socket, as far as its slot tells.
#[inline(always)]
pub fn holds(sock: u64) -> bool {
    IGNORED.get(slot(sock)) == Some(&stamp(sock))
}

/// Nothing more is wanted of a socket: its calls end at the first look from now on.
#[inline(always)]
pub fn ignore(sock: u64, socket: &mut Connection) {
    socket.verdict = verdict::IGNORE;
    leave(sock, socket);
}

/// Nothing is wanted of a socket until the agent is interested in more processes.
#[inline(always)]
pub fn leave(sock: u64, socket: &Connection) {
    // The address of a Unix socket may become another's unseen.
    if socket.inode == 0
        && let Some(slot) = IGNORED.get_ptr_mut(slot(sock))
    {
        // SAFETY: one word; whoever writes last has the slot.
        unsafe { *slot = stamp(sock) };
    }
}

/// A socket is gone: its address may be another's next.
#[inline(always)]
pub fn forget(sock: u64) {
    if let Some(slot) = IGNORED.get_ptr_mut(slot(sock)) {
        // SAFETY: one word; whoever writes last has the slot.
        unsafe {
            // Whichever epoch's it is.
            if (*slot ^ sock) << 16 == 0 {
                *slot = 0;
            }
        }
    }
}
