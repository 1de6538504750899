//! Where the bytes are that a call on a socket moves: by the registers with which its thread entered the
//! kernel.

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_probe_read_user};
use spanwire_abi::{direction, gap};

use crate::{
    arch::{Registers, nr},
    cursor::Cursor,
    emit,
    kernel::{self, mover},
    maps::{MESSAGES, Messages},
};

/// `recv` flag (include/linux/socket.h): the bytes are thrown away.
const MSG_TRUNC: i32 = 0x20;

/// Where the bytes of the message are that the call under way just moved this way, or failed to.
#[inline(always)]
pub fn of_entry(sock: u64, way: u8, result: i64, flags: i32) -> Cursor {
    let Some(registers) = kernel::entry_registers() else { return Cursor::nowhere() };
    let has_many = matches!(registers.number(), nr::SENDMMSG | nr::RECVMMSG);
    if result <= 0 {
        if has_many {
            // The message that came next has failed, or there was none: the call is over.
            let _ = MESSAGES.remove(bpf_get_current_pid_tgid());
        }
        return Cursor::nowhere();
    }
    if flags & MSG_TRUNC != 0 {
        return Cursor::nowhere();
    }
    match kernel::mover(sock, registers.argument::<0>()) {
        mover::CALL if has_many && way_of(registers.number()) == Some(way) && registers.is_native() => {
            one_of_many(sock, &registers)
        }
        mover::CALL => of_call(way, &registers, result),
        mover::IO_URING => {
            emit::count_gap(gap::IO_URING, result as u64);
            Cursor::nowhere()
        }
        _ => Cursor::nowhere(),
    }
}

/// The direction in which a call moves bytes, if it has them in buffers.
#[inline(always)]
pub fn way_of(number: u64) -> Option<u8> {
    match number {
        nr::READ | nr::RECVFROM | nr::READV | nr::PREADV2 | nr::RECVMSG | nr::RECVMMSG => {
            Some(direction::READ)
        }
        nr::WRITE | nr::SENDTO | nr::WRITEV | nr::PWRITEV2 | nr::SENDMSG | nr::SENDMMSG => {
            Some(direction::WRITE)
        }
        _ => None,
    }
}

/// Where a call keeps the bytes that it moves this way, by its registers; of many messages, the first.
#[inline(always)]
pub fn of_call(way: u8, registers: &Registers, result: i64) -> Cursor {
    if !registers.is_native() {
        emit::count_gap(gap::COMPAT, result as u64);
        return Cursor::nowhere();
    }
    let number = registers.number();
    // At the end of a call io_uring may move what goes the other way on the very socket of that call.
    if number == nr::IO_URING_ENTER || way_of(number).is_some_and(|own| own != way) {
        emit::count_gap(gap::IO_URING, result as u64);
        return Cursor::nowhere();
    }
    match number {
        nr::READ | nr::WRITE | nr::SENDTO | nr::RECVFROM => Cursor::new(registers.argument::<1>(), 0),
        nr::READV | nr::WRITEV | nr::PREADV2 | nr::PWRITEV2 => {
            Cursor::new(registers.argument::<1>(), registers.argument::<2>())
        }
        nr::SENDMSG | nr::RECVMSG | nr::SENDMMSG | nr::RECVMMSG => message(registers.argument::<1>()),
        _ => {
            emit::count_gap(gap::NO_BUFFER, result as u64);
            Cursor::nowhere()
        }
    }
}

/// The bytes of the `struct user_msghdr` at this address: name, name length, vectors, number of
/// vectors (include/linux/socket.h).
#[inline(always)]
fn message(address: u64) -> Cursor {
    // SAFETY: the helper checks the address.
    match unsafe { bpf_probe_read_user(address as *const [u64; 4]) } {
        Ok([_, _, vectors, count]) => Cursor::new(vectors, count),
        Err(_) => Cursor::nowhere(),
    }
}

/// Size of `struct mmsghdr`: a `user_msghdr` of 56 bytes, the length, padding.
const MMSGHDR: u64 = 64;

/// The bytes of the message that comes next in a `sendmmsg` or `recvmmsg`. The kernel moves them in
/// order; the tracepoint does not say which it is at, so that is counted, by thread. A failure or the last
/// message ends the count.
#[inline(always)]
fn one_of_many(sock: u64, registers: &Registers) -> Cursor {
    let thread = bpf_get_current_pid_tgid();
    let (array, count) = (registers.argument::<1>(), registers.argument::<2>());
    // SAFETY: the entry is this thread's own.
    let next = match unsafe { MESSAGES.get(thread) } {
        Some(messages) if messages.sock == sock && messages.array == array => messages.next,
        _ => 0,
    };
    if next + 1 >= count {
        let _ = MESSAGES.remove(thread);
    } else {
        let _ = MESSAGES.insert(thread, Messages { sock, array, next: next + 1 }, 0);
    }
    message(array + next * MMSGHDR)
}
