//! What depends on the processor: where a system call's arguments are, and what the calls' numbers are.

use aya_ebpf::{EbpfContext, helpers::bpf_probe_read_kernel, programs::ProbeContext};

/// The registers with which a thread entered the kernel for a system call.
#[derive(Clone, Copy)]
pub struct Registers {
    regs: *const u64,
    typed: bool,
}

impl Registers {
    /// Of the `struct pt_regs` at this address in the kernel.
    #[inline(always)]
    pub fn at(regs: u64) -> Self {
        Self { regs: regs as *const u64, typed: false }
    }

    /// As above, where the verifier knows what the address is: that saves a call for each register.
    ///
    /// # Safety
    /// `regs` must be what `bpf_task_pt_regs` returned.
    #[inline(always)]
    pub unsafe fn typed(regs: *const u64) -> Self {
        Self { regs, typed: true }
    }

    #[inline(always)]
    fn slot(&self, index: usize) -> u64 {
        // SAFETY: bpf_probe_read_kernel checks the address, a bad one is an error, not a fault; a load
        // through a typed pointer is checked by the kernel in the same way.
        unsafe { if self.typed { self.regs.add(index).read_volatile() } else { word(self.regs.add(index)) } }
    }

    /// Argument `N`, from 0. Zero when it cannot be read, which no probe takes for a valid pointer.
    #[inline(always)]
    pub fn argument<const N: usize>(&self) -> u64 {
        self.slot(SLOTS[N])
    }

    /// The system call's number.
    #[inline(always)]
    pub fn number(&self) -> u64 {
        self.slot(NUMBER_SLOT) & 0xffff_ffff
    }

    /// Whether a program in 64-bit mode is behind the registers: not the kernel itself, and not a
    /// program that uses the other table of call numbers.
    #[inline(always)]
    pub fn is_native(&self) -> bool {
        self.slot(MODE_SLOT) & MODE_MASK == MODE_NATIVE
    }
}

/// The stack pointer of the code that a probe was hit in.
#[inline(always)]
pub fn stack_pointer(context: &ProbeContext) -> u64 {
    // SAFETY: the context of such a program is a `struct pt_regs`.
    unsafe { context.as_ptr().cast::<u64>().add(STACK_SLOT).read_volatile() }
}

/// A word of the kernel's memory, 0 when it cannot be read. Inlined, each of a caller's reads would take
/// its own place on the stack.
#[inline(never)]
fn word(address: *const u64) -> u64 {
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel(address) }.unwrap_or(0)
}

/// Index into `struct pt_regs` (arch/x86/include/asm/ptrace.h) of di, si, dx, r10, r8, r9.
#[cfg(bpf_target_arch = "x86_64")]
const SLOTS: [usize; 6] = [14, 13, 12, 7, 9, 8];
/// Index of orig_ax.
#[cfg(bpf_target_arch = "x86_64")]
const NUMBER_SLOT: usize = 15;
/// Index of cs; `__USER_CS` is 0x33, `__USER32_CS` 0x23 (arch/x86/include/asm/segment.h).
#[cfg(bpf_target_arch = "x86_64")]
const MODE_SLOT: usize = 17;
#[cfg(bpf_target_arch = "x86_64")]
const MODE_MASK: u64 = 0xffff;
/// Index of sp.
#[cfg(bpf_target_arch = "x86_64")]
const STACK_SLOT: usize = 19;
#[cfg(bpf_target_arch = "x86_64")]
const MODE_NATIVE: u64 = 0x33;

/// Index into `struct pt_regs` (arch/arm64/include/asm/ptrace.h): x1 to x5 as they are; x0 is
/// overwritten by the result, so the kernel keeps the first argument in orig_x0.
#[cfg(bpf_target_arch = "aarch64")]
const SLOTS: [usize; 6] = [34, 1, 2, 3, 4, 5];
/// Index of syscallno, the lower half of its slot.
#[cfg(bpf_target_arch = "aarch64")]
const NUMBER_SLOT: usize = 35;
/// Index of pstate; PSR_MODE32_BIT is 0x10, and the four lowest bits are 0 in user mode.
#[cfg(bpf_target_arch = "aarch64")]
const MODE_SLOT: usize = 33;
#[cfg(bpf_target_arch = "aarch64")]
const MODE_MASK: u64 = 0x1f;
/// Index of sp.
#[cfg(bpf_target_arch = "aarch64")]
const STACK_SLOT: usize = 31;
#[cfg(bpf_target_arch = "aarch64")]
const MODE_NATIVE: u64 = 0;

/// System call numbers (arch/x86/entry/syscalls/syscall_64.tbl).
#[cfg(bpf_target_arch = "x86_64")]
pub mod nr {
    pub const READ: u64 = 0;
    pub const WRITE: u64 = 1;
    pub const READV: u64 = 19;
    pub const WRITEV: u64 = 20;
    pub const SENDFILE: u64 = 40;
    pub const SENDTO: u64 = 44;
    pub const RECVFROM: u64 = 45;
    pub const SENDMSG: u64 = 46;
    pub const RECVMSG: u64 = 47;
    pub const SHUTDOWN: u64 = 48;
    pub const RECVMMSG: u64 = 299;
    pub const SENDMMSG: u64 = 307;
    pub const PREADV2: u64 = 327;
    pub const PWRITEV2: u64 = 328;
    pub const IO_URING_ENTER: u64 = 426;
}

/// System call numbers (include/uapi/asm-generic/unistd.h).
#[cfg(bpf_target_arch = "aarch64")]
pub mod nr {
    pub const READ: u64 = 63;
    pub const WRITE: u64 = 64;
    pub const READV: u64 = 65;
    pub const WRITEV: u64 = 66;
    pub const SENDFILE: u64 = 71;
    pub const SENDTO: u64 = 206;
    pub const RECVFROM: u64 = 207;
    pub const SHUTDOWN: u64 = 210;
    pub const SENDMSG: u64 = 211;
    pub const RECVMSG: u64 = 212;
    pub const RECVMMSG: u64 = 243;
    pub const SENDMMSG: u64 = 269;
    pub const PREADV2: u64 = 286;
    pub const PWRITEV2: u64 = 287;
    pub const IO_URING_ENTER: u64 = 426;
}
