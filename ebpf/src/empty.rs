//! Programs that do nothing: what a hook costs by itself, for `cargo xtask bench`. They are an object
//! of their own, which the agent does not have.

#![no_std]
#![no_main]

use aya_ebpf::{
    macros::{raw_tracepoint, uprobe, uretprobe},
    programs::{ProbeContext, RawTracePointContext, RetProbeContext},
};

/// At a function's entry.
#[uprobe]
pub fn empty_entry(_context: ProbeContext) -> u32 {
    0
}

/// At a function's return.
#[uretprobe]
pub fn empty_return(_context: RetProbeContext) -> u32 {
    0
}

/// At the begin of every system call.
#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn empty_sys_enter(_context: RawTracePointContext) -> i32 {
    0
}

/// At the end of every system call.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn empty_sys_exit(_context: RawTracePointContext) -> i32 {
    0
}

/// As the agent's own programs.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // Unreachable: nothing above can fail.
    loop {}
}
