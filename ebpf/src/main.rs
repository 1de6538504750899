//! The BPF programs of spanwire: thin, bounded, and without knowledge of any protocol beyond the
//! first bytes of an HTTP request. They move bytes and identities to the agent, nothing else.

#![no_std]
#![no_main]

mod arch;
mod capture;
mod cursor;
mod dismissal;
mod emit;
mod heads;
mod ignored;
mod kernel;
mod maps;
mod opening;
mod place;
mod probe;
mod records;
mod scope;

/// The kernel lets only GPL-compatible programs use its tracing helpers.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // Unreachable: the verifier refuses a program with a path to it that loops.
    loop {}
}
