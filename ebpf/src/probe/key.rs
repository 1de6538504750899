//! The keys that TLS libraries expand: with them and with what the socket carries a connection can be read,
//! whatever the library. Attached to files, for all processes; a hit happens some times in a handshake and never
//! after it.

use aya_ebpf::{
    helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns, bpf_probe_read_user},
    macros::uprobe,
    programs::ProbeContext,
};

use spanwire_abi::process;

use crate::{
    arch, capture, emit,
    maps::{AGENT_PID, GREETINGS},
};

/// How long after a process began a TLS session its keys are of interest: those of a handshake that takes long. Of
/// one that asks a provider they always are: its sessions may change their keys (RFC 8446, section 4.6.3).
const HANDSHAKE_NS: u64 = 30_000_000_000;

/// `int f(const unsigned char *key, int bits, AES_KEY *)`: OpenSSL and all that came of it.
#[uprobe]
pub fn key_registers(context: ProbeContext) -> u32 {
    if is_wanted() {
        let _ = expanded(context.arg(0), context.arg::<u32>(1).map_or(0, |bits| bits / 8));
    }
    0
}

/// `func expandKeyAsm(nr int, key *byte, …)` with its arguments on the stack (Go's ABI0): the number of rounds
/// stands for the length.
#[uprobe]
pub fn key_go(context: ProbeContext) -> u32 {
    if is_wanted() {
        let stack = arch::stack_pointer(&context);
        // SAFETY: the helper checks the address.
        if let Ok([rounds, key]) = unsafe { bpf_probe_read_user((stack + 8) as *const [u64; 2]) } {
            let bytes = match rounds {
                10 => 16,
                12 => 24,
                14 => 32,
                _ => 0,
            };
            let _ = expanded(Some(key), bytes);
        }
    }
    0
}

/// A function for keys of one size: `void f(const unsigned char *key, …)`, as NSS has them.
#[uprobe]
pub fn key_128(context: ProbeContext) -> u32 {
    if is_wanted() {
        let _ = expanded(context.arg(0), 16);
    }
    0
}

/// As above.
#[uprobe]
pub fn key_256(context: ProbeContext) -> u32 {
    if is_wanted() {
        let _ = expanded(context.arg(0), 32);
    }
    0
}

/// Whether this process began a TLS session of interest, as a client or as a server that is traced: lately, or if it asks a provider, at any
/// time.
#[inline(always)]
fn is_wanted() -> bool {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    // SAFETY: the value is one word.
    let Some(since) = (unsafe { GREETINGS.get(pid) }) else { return false };
    // SAFETY: the helper has no preconditions.
    let age = unsafe { bpf_ktime_get_ns() }.wrapping_sub(*since);
    (age < HANDSHAKE_NS || capture::current_is(process::ASKS)) && pid != AGENT_PID.load()
}

/// A key of this many bytes is expanded.
#[inline(always)]
fn expanded(address: Option<u64>, bytes: u32) -> Option<()> {
    if !matches!(bytes, 16 | 24 | 32) {
        return None;
    }
    emit::key(address?, bytes);
    Some(())
}
