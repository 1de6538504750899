//! What is read out of the kernel's own structs. Where their fields are differs between kernels; the
//! agent reads it from the running kernel's BTF and sets it before load.

use aya_ebpf::{
    Global,
    helpers::{bpf_get_current_task, bpf_get_current_task_btf, bpf_probe_read_kernel, bpf_task_pt_regs},
};
use spanwire_abi::{Endpoint, FileKey};

use crate::{arch::Registers, cursor::zero};

/// Says of a field that this kernel does not have it.
pub const ABSENT: u32 = u32::MAX;

macro_rules! offsets {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])*
        #[unsafe(no_mangle)]
        pub static $name: Global<u32> = Global::new(ABSENT);)*
    };
}

// Bytes from the struct's begin.
offsets! {
    /// `sock.__sk_common.skc_family`
    SOCK_FAMILY;
    /// `sock.__sk_common.skc_num`: the local port.
    SOCK_NUM;
    /// `sock.__sk_common.skc_dport`: the peer's, in the network's byte order.
    SOCK_DPORT;
    /// `sock.__sk_common.skc_rcv_saddr`
    SOCK_RCV_SADDR;
    /// `sock.__sk_common.skc_daddr`
    SOCK_DADDR;
    /// `sock.__sk_common.skc_v6_rcv_saddr`
    SOCK_V6_RCV_SADDR;
    /// `sock.__sk_common.skc_v6_daddr`
    SOCK_V6_DADDR;
    /// `sock.sk_type`, 16 bits.
    SOCK_TYPE;
    /// `tcp_sock.bytes_received`
    TCP_RECEIVED;
    /// `tcp_sock.bytes_acked`: what was sent and arrived.
    TCP_ACKED;
    /// `tcp_sock.rcv_nxt`: the sequence number of the byte behind those that were received.
    TCP_RCV_NXT;
    /// `tcp_sock.snd_una`: that of the byte behind those that were sent and arrived.
    TCP_SND_UNA;
    /// `unix_sock.peer`
    UNIX_PEER;
    /// `unix_sock.addr`
    UNIX_ADDR;
    /// `sock.sk_socket`
    SOCK_SOCKET;
    /// `socket_alloc.vfs_inode.i_ino`: the socket comes first in `socket_alloc` (include/net/sock.h).
    SOCKET_INO;
    /// `tcp_sock.first_tx_mstamp`: when the segments in flight began to be sent, in microseconds of
    /// `CLOCK_MONOTONIC` (include/linux/tcp.h).
    TCP_FIRST_TX;
    /// `task_struct.pid`
    TASK_PID;
    /// `task_struct.tgid`
    TASK_TGID;
    /// `task_struct.signal`: what the threads of a process share.
    TASK_SIGNAL;
    /// `signal_struct.live`: how many of them have not exited.
    SIGNAL_LIVE;
    /// `task_struct.mm`
    TASK_MM;
    /// `mm_struct.arg_start`
    MM_ARG_START;
    /// `task_struct.files`
    TASK_FILES;
    /// `files_struct.fdt`
    FILES_FDT;
    /// `fdtable.max_fds`
    FDT_MAX_FDS;
    /// `fdtable.fd`
    FDT_FD;
    /// `file.f_inode`
    FILE_INODE;
    /// `file.private_data`
    FILE_PRIVATE;
    /// `inode.i_mode`
    INODE_MODE;
    /// `socket.sk`
    SOCKET_SK;
    /// `linux_binprm.file`
    BINPRM_FILE;
    /// `inode.i_ino`
    INODE_INO;
    /// `inode.i_size`
    INODE_SIZE;
    /// `inode.i_sb`
    INODE_SB;
    /// `super_block.s_dev`
    SB_DEV;
    /// `task_struct.io_uring`
    TASK_IO_URING;
    /// `task_struct.flags`
    TASK_FLAGS;
    /// `task_struct.stack`
    TASK_STACK;
    /// From the begin of a thread's kernel stack to the registers with which it entered the kernel.
    STACK_REGISTERS;
    /// How many arguments `tcp_recvmsg` has.
    TCP_RECVMSG_ARGUMENTS;
}

/// Whether the kernel has `bpf_task_pt_regs` (5.15); without it the verifier never sees the call.
#[unsafe(no_mangle)]
pub static HAS_TASK_REGS: Global<u8> = Global::new(0);

/// Address families and socket types (include/linux/socket.h, include/linux/net.h).
pub const AF_UNIX: u16 = 1;
pub const AF_INET: u16 = 2;
pub const AF_INET6: u16 = 10;
const SOCK_STREAM: u16 = 1;

/// Mode bits that tell a socket's inode (include/uapi/linux/stat.h).
const S_IFMT: u16 = 0o170_000;
const S_IFSOCK: u16 = 0o140_000;

/// The file of the program that a `struct linux_binprm` is for.
#[inline(always)]
pub fn executable(binprm: u64) -> Option<FileKey> {
    let inode = field::<u64>(field(binprm, &BINPRM_FILE)?, &FILE_INODE)?;
    Some(FileKey {
        inode: field(inode, &INODE_INO)?,
        device: u64::from(field::<u32>(field(inode, &INODE_SB)?, &SB_DEV)?),
        bytes: field(inode, &INODE_SIZE)?,
    })
}

/// Reads a field of the struct at `base`.
#[inline(always)]
pub fn field<T>(base: u64, offset: &Global<u32>) -> Option<T> {
    let offset = offset.load();
    if base == 0 || offset == ABSENT {
        return None;
    }
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel((base + u64::from(offset)) as *const T) }.ok()
}

/// The registers with which the current task entered the kernel.
#[inline(always)]
pub fn entry_registers() -> Option<Registers> {
    if HAS_TASK_REGS.load() == 0 {
        // SAFETY: the helper has no preconditions.
        let task = unsafe { bpf_get_current_task() };
        let stack = field::<u64>(task, &TASK_STACK)?;
        let registers = STACK_REGISTERS.load();
        return (registers != ABSENT).then(|| Registers::at(stack + u64::from(registers)));
    }
    // SAFETY: the current task outlives the program's run; the helpers take nothing else.
    Some(unsafe { Registers::typed(bpf_task_pt_regs(bpf_get_current_task_btf()) as *const u64) })
}

/// Flags of a task (include/linux/sched.h): it works for another one's io_uring (Linux 5.12; what the bit
/// says before is not true of a task in a system call, and such workers are the kernel's own); it is the
/// kernel's own.
const PF_IO_WORKER: u32 = 0x10;
const PF_KTHREAD: u32 = 0x20_0000;

/// What moves bytes on a socket: the system call under way, io_uring, or the kernel for itself.
pub mod mover {
    pub const CALL: u64 = 0;
    pub const IO_URING: u64 = 1;
    pub const KERNEL: u64 = 2;
}

/// Which [`mover`] is at work on a socket in this task, whose call under way has this descriptor: io_uring
/// moves some bytes at the end of whichever call its thread makes next, and some in threads of its own,
/// whose registers are a copy of such a call's.
#[inline(never)]
pub fn mover(sock: u64, descriptor: u64) -> u64 {
    // SAFETY: the helper has no preconditions.
    let task = unsafe { bpf_get_current_task() };
    let flags = field::<u32>(task, &TASK_FLAGS).unwrap_or(0);
    if flags & PF_KTHREAD != 0 {
        return mover::KERNEL;
    }
    let has_ring = field::<u64>(task, &TASK_IO_URING).unwrap_or(0) != 0;
    if flags & PF_IO_WORKER != 0 || (has_ring && sock_of_descriptor(descriptor) != Some(sock)) {
        return mover::IO_URING;
    }
    mover::CALL
}

/// The address family of a stream socket of a family that HTTP is spoken on.
#[inline(always)]
pub fn stream_family(sock: u64) -> Option<u16> {
    let family = field::<u16>(sock, &SOCK_FAMILY)?;
    let stream = field::<u16>(sock, &SOCK_TYPE)? == SOCK_STREAM;
    (stream && matches!(family, AF_UNIX | AF_INET | AF_INET6)).then_some(family)
}

/// The number of the inode that a socket's descriptors lead to.
#[inline(always)]
pub fn inode(sock: u64) -> u64 {
    field::<u64>(sock, &SOCK_SOCKET).and_then(|socket| field(socket, &SOCKET_INO)).unwrap_or(0)
}

/// Both ends of a socket, this one first.
#[inline(always)]
pub fn endpoints(sock: u64) -> Option<(Endpoint, Endpoint)> {
    let family = field::<u16>(sock, &SOCK_FAMILY)?;
    let nowhere = || Endpoint { family, port: 0, address: u128::from(zero()).to_ne_bytes() };
    let (mut local, mut peer) = (nowhere(), nowhere());
    match family {
        AF_INET => {
            local.address[..4].copy_from_slice(&field::<[u8; 4]>(sock, &SOCK_RCV_SADDR)?);
            peer.address[..4].copy_from_slice(&field::<[u8; 4]>(sock, &SOCK_DADDR)?);
        }
        AF_INET6 => {
            local.address = field(sock, &SOCK_V6_RCV_SADDR)?;
            peer.address = field(sock, &SOCK_V6_DADDR)?;
        }
        _ => {
            local.address[..8].copy_from_slice(&name(sock).to_ne_bytes());
            peer.address[..8].copy_from_slice(&name(field(sock, &UNIX_PEER).unwrap_or(0)).to_ne_bytes());
            return Some((local, peer));
        }
    }
    local.port = field(sock, &SOCK_NUM)?;
    peer.port = u16::from_be(field(sock, &SOCK_DPORT)?);
    Some((local, peer))
}

/// What stands for the name of a Unix socket; 0 for none.
#[inline(always)]
fn name(sock: u64) -> u64 {
    field(sock, &UNIX_ADDR).unwrap_or(0)
}

/// What a connection's ends know each other by, this one's first: see [`spanwire_abi::Opened::own`].
#[inline(always)]
pub fn pair(sock: u64) -> (u64, u64) {
    if field::<u16>(sock, &SOCK_FAMILY) == Some(AF_UNIX) {
        return (inode(sock), inode(field(sock, &UNIX_PEER).unwrap_or(0)));
    }
    (first(sock, &TCP_SND_UNA, &TCP_ACKED), first(sock, &TCP_RCV_NXT, &TCP_RECEIVED))
}

/// Where one direction of a TCP connection begins: its latest sequence number, less all that it counts.
#[inline(always)]
fn first(sock: u64, latest: &Global<u32>, count: &Global<u32>) -> u64 {
    // Another processor may be about to change both, count first: then they are looked at again.
    for _ in 0..3 {
        let Some(before) = field::<u64>(sock, count) else { return 0 };
        let (latest, after) = (field::<u32>(sock, latest), field::<u64>(sock, count));
        if after == Some(before) {
            return latest.map_or(0, |latest| u64::from(latest.wrapping_sub(before as u32)));
        }
    }
    0
}

/// When what a TCP socket has in flight began to be sent, in nanoseconds of `CLOCK_MONOTONIC`.
#[inline(always)]
pub fn sent_ns(sock: u64) -> u64 {
    if field::<u16>(sock, &SOCK_FAMILY) == Some(AF_UNIX) {
        return 0;
    }
    field::<u64>(sock, &TCP_FIRST_TX).unwrap_or(0).wrapping_mul(1000)
}

/// Bytes that a TCP socket has received and sent since it was connected.
#[inline(always)]
pub fn transferred(sock: u64) -> Option<[u64; 2]> {
    Some([field(sock, &TCP_RECEIVED)?, field(sock, &TCP_ACKED)?])
}

/// What tells the current process's program from its other ones: see [`spanwire_abi::Opened::program`].
#[inline(always)]
pub fn program() -> u64 {
    // SAFETY: the helper has no preconditions.
    let task = unsafe { aya_ebpf::helpers::bpf_get_current_task() };
    field::<u64>(task, &TASK_MM).and_then(|memory| field(memory, &MM_ARG_START)).unwrap_or(0)
}

/// Whether the current thread, which exits, is the last of its process (kernel/exit.c, `do_exit`, counts down
/// before it tells). None where the kernel does not say.
#[inline(always)]
pub fn is_last_thread() -> Option<bool> {
    // SAFETY: the helper has no preconditions.
    let task = unsafe { bpf_get_current_task() };
    Some(field::<i32>(field(task, &TASK_SIGNAL)?, &SIGNAL_LIVE)? == 0)
}

/// The `struct sock` behind a descriptor of the current process.
#[inline(always)]
pub fn sock_of_descriptor(fd: u64) -> Option<u64> {
    Some(sock_behind(fd)).filter(|sock| *sock != 0)
}

/// As above, 0 for none. With a stack of its own, since its callers have little left.
#[inline(never)]
fn sock_behind(fd: u64) -> u64 {
    walk_to_sock(fd).unwrap_or(0)
}

#[inline(always)]
fn walk_to_sock(fd: u64) -> Option<u64> {
    // SAFETY: the helper has no preconditions.
    let task = unsafe { bpf_get_current_task() };
    let table = field::<u64>(field(task, &TASK_FILES)?, &FILES_FDT)?;
    if fd >= u64::from(field::<u32>(table, &FDT_MAX_FDS)?) {
        return None;
    }
    let files = field::<u64>(table, &FDT_FD)?;
    // SAFETY: the helper checks the address.
    let file = unsafe { bpf_probe_read_kernel((files + fd * 8) as *const u64) }.ok()?;
    let mode = field::<u16>(field(file, &FILE_INODE)?, &INODE_MODE)?;
    if mode & S_IFMT != S_IFSOCK {
        return None;
    }
    field::<u64>(field(file, &FILE_PRIVATE)?, &SOCKET_SK)
}
