//! What depends on the processor: where a system call's arguments are, and what the calls' numbers are.

use aya_ebpf::helpers::bpf_probe_read_kernel;

/// The arguments of a system call, from the `pt_regs` that `raw_syscalls:sys_enter` hands over.
pub struct Arguments {
    regs: *const u64,
}

impl Arguments {
    /// Of the registers at this address in the kernel.
    pub fn new(regs: u64) -> Self {
        Self { regs: regs as *const u64 }
    }

    /// Argument `N`, from 0. Zero when it cannot be read, which no probe takes for a valid pointer.
    #[inline(always)]
    pub fn get<const N: usize>(&self) -> u64 {
        // SAFETY: bpf_probe_read_kernel checks the address; a bad one is an error, not a fault.
        unsafe { bpf_probe_read_kernel(self.regs.add(SLOTS[N])).unwrap_or(0) }
    }

    /// Whether the caller uses the 64-bit call table: the numbers below mean other calls in the other.
    #[inline(always)]
    pub fn is_native(&self) -> bool {
        // SAFETY: as in `get`.
        unsafe { bpf_probe_read_kernel(self.regs.add(MODE_SLOT)) }
            .is_ok_and(|mode| mode & MODE_MASK == MODE_NATIVE)
    }
}

/// Index into `struct pt_regs` (arch/x86/include/asm/ptrace.h) of di, si, dx, r10, r8, r9.
#[cfg(bpf_target_arch = "x86_64")]
const SLOTS: [usize; 6] = [14, 13, 12, 7, 9, 8];
/// Index of cs; `__USER_CS` is 0x33, `__USER32_CS` 0x23 (arch/x86/include/asm/segment.h).
#[cfg(bpf_target_arch = "x86_64")]
const MODE_SLOT: usize = 17;
#[cfg(bpf_target_arch = "x86_64")]
const MODE_MASK: u64 = 0xffff;
#[cfg(bpf_target_arch = "x86_64")]
const MODE_NATIVE: u64 = 0x33;

/// Index into `struct pt_regs` (arch/arm64/include/asm/ptrace.h): x1 to x5 as they are; x0 is
/// overwritten by the result, so the kernel keeps the first argument in orig_x0.
#[cfg(bpf_target_arch = "aarch64")]
const SLOTS: [usize; 6] = [34, 1, 2, 3, 4, 5];
/// Index of pstate; PSR_MODE32_BIT is 0x10.
#[cfg(bpf_target_arch = "aarch64")]
const MODE_SLOT: usize = 33;
#[cfg(bpf_target_arch = "aarch64")]
const MODE_MASK: u64 = 0x10;
#[cfg(bpf_target_arch = "aarch64")]
const MODE_NATIVE: u64 = 0;

/// System call numbers (arch/x86/entry/syscalls/syscall_64.tbl).
#[cfg(bpf_target_arch = "x86_64")]
pub mod nr {
    pub const READ: u64 = 0;
    pub const WRITE: u64 = 1;
    pub const CLOSE: u64 = 3;
    pub const READV: u64 = 19;
    pub const WRITEV: u64 = 20;
    pub const CONNECT: u64 = 42;
    pub const ACCEPT: u64 = 43;
    pub const SENDTO: u64 = 44;
    pub const RECVFROM: u64 = 45;
    pub const SENDMSG: u64 = 46;
    pub const RECVMSG: u64 = 47;
    pub const ACCEPT4: u64 = 288;
}

/// System call numbers (include/uapi/asm-generic/unistd.h).
#[cfg(bpf_target_arch = "aarch64")]
pub mod nr {
    pub const READ: u64 = 63;
    pub const WRITE: u64 = 64;
    pub const CLOSE: u64 = 57;
    pub const READV: u64 = 65;
    pub const WRITEV: u64 = 66;
    pub const CONNECT: u64 = 203;
    pub const ACCEPT: u64 = 202;
    pub const SENDTO: u64 = 206;
    pub const RECVFROM: u64 = 207;
    pub const SENDMSG: u64 = 211;
    pub const RECVMSG: u64 = 212;
    pub const ACCEPT4: u64 = 242;
}
