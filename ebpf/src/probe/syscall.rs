//! Bytes that move on sockets, where the kernel has no tracepoints in its socket layer (before 6.3):
//! the return of every system call. By then the result is known, and the arguments are still in the
//! registers with which the kernel was entered.

use aya_ebpf::{helpers::bpf_probe_read_user, macros::raw_tracepoint, programs::RawTracePointContext};
use spanwire_abi::{direction, gap};

use super::socket::transferred;
use crate::{
    arch::{Registers, nr},
    cursor::Cursor,
    emit, kernel, place,
};

/// `recv` flag: the bytes stay in the socket and will be read again.
const MSG_PEEK: u64 = 2;

/// Most messages of one call whose lengths are added up.
const MESSAGES: u64 = 64;

/// `TP_PROTO(struct pt_regs *regs, long ret)` (include/trace/events/syscalls.h).
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn syscall_exit(context: RawTracePointContext) -> i32 {
    let registers = Registers::at(context.arg(0));
    let result = context.arg::<i64>(1);
    let way = match registers.number() {
        nr::RECVFROM if registers.argument::<3>() & MSG_PEEK != 0 => return 0,
        nr::RECVMSG if registers.argument::<2>() & MSG_PEEK != 0 => return 0,
        nr::RECVMMSG if registers.argument::<3>() & MSG_PEEK != 0 => return 0,
        nr::SENDFILE => direction::WRITE,
        number => match place::way_of(number) {
            Some(way) => way,
            None => return 0,
        },
    };
    if !registers.is_native() {
        return 0;
    }
    let Some(sock) = kernel::sock_of_descriptor(registers.argument::<0>()) else { return 0 };
    let many = matches!(registers.number(), nr::SENDMMSG | nr::RECVMMSG);
    let bytes = if many && result > 0 { lengths(registers.argument::<1>(), result as u64) } else { result };
    transferred(sock, way, bytes, move || {
        if bytes <= 0 {
            return Cursor::nowhere();
        }
        if many && result > 1 {
            // One by one they would not fit a program that old kernels verify.
            emit::count_gap(gap::NO_BUFFER, bytes as u64);
            return Cursor::nowhere();
        }
        place::of_call(way, &registers, bytes)
    });
    0
}

/// How many bytes the first `count` messages of the array of a `sendmmsg` or `recvmmsg` have moved: the kernel
/// writes each one's length behind it. With a stack of its own, since its caller has little left.
#[inline(never)]
fn lengths(array: u64, count: u64) -> i64 {
    let mut sum = 0;
    for index in 0..MESSAGES {
        if index >= count {
            break;
        }
        // SAFETY: the helper checks the address.
        sum += unsafe { bpf_probe_read_user((array + index * 64 + 56) as *const u32) }.map_or(0, i64::from);
    }
    sum
}
