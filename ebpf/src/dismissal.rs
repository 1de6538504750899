//! What the agent had no use for, so that the like need not be told of for a while.

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns};
use spanwire_abi::{Dismissal, Endpoint, source};

use crate::{maps::DISMISSALS, opening::Opening};

/// How long the agent's word on an exchange holds for the process's later connections.
const DISMISSAL_NS: u64 = 60_000_000_000;
/// The same for TLS sessions and the ClientHellos that begin them. The agent must still see how many
/// exchanges without interest a process makes, to take its probes off; they cost more than the events. And
/// one address may be that of several servers. So long, too, rests a connection that is read by its keys.
pub const TLS_DISMISSAL_NS: u64 = 100_000_000;

#[inline(always)]
pub fn of(opening: &Opening) -> Dismissal {
    Dismissal { pid: bpf_get_current_pid_tgid() >> 32, opening: *opening }
}

#[inline(never)]
pub fn holds_for(opening: &Opening, from: u8) -> bool {
    let holds = if from == source::TLS { TLS_DISMISSAL_NS } else { DISMISSAL_NS };
    holds_still(&of(opening), holds)
}

/// Whether the agent has just seen this process begin a TLS session with this peer by a ClientHello of
/// this size, and had no use for it.
#[inline(always)]
pub fn holds_for_hello(peer: &Endpoint, bytes: u32) -> bool {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    holds_still(&Dismissal::of_hello(pid, peer, bytes), TLS_DISMISSAL_NS)
}

#[inline(always)]
fn holds_still(dismissal: &Dismissal, holds: u64) -> bool {
    // SAFETY: the value is one word.
    let Some(since) = (unsafe { DISMISSALS.get(dismissal) }) else { return false };
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_ns() }.wrapping_sub(*since) < holds
}

/// Whether a connection that is read by its keys, and rests until then, need not be looked at.
#[inline(always)]
pub fn rests(until_ns: u64) -> bool {
    // SAFETY: the helper has no preconditions.
    until_ns != 0 && unsafe { bpf_ktime_get_ns() } < until_ns
}
