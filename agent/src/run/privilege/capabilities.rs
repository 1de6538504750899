//! Capabilities of the calling thread, and of those that it starts (capabilities(7)).

use std::io;

use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// What the threads that trace keep, each with what would fail without it.
const TRACING: [(CapabilitySet, &str); 5] = [
    (CapabilitySet::BPF, "uses the programs' maps and attaches them to further files, where that takes it"),
    (CapabilitySet::PERFMON, "attaches them, where that takes it"),
    (CapabilitySet::SYS_PTRACE, "reads other users' processes in /proc"),
    (CapabilitySet::DAC_READ_SEARCH, "opens their files"),
    (CapabilitySet::IPC_LOCK, "memory that is got later stays out of the swap"),
];

/// What loads programs. Whether the kernel asks for it to use what is loaded is found out by trying.
pub(super) const LOADING: CapabilitySet = CapabilitySet::BPF.union(CapabilitySet::PERFMON);

/// What those keep besides that put probes on processes: files take threads of their own, which go first.
pub(super) const HASTE: CapabilitySet = CapabilitySet::SYS_NICE;

/// Perf events for uprobes, where the kernel has no `uprobe_multi` links: with the fix of CVE-2025-38466 it asks for
/// nothing less. A process of its own keeps it (`helper`), or if there is none, the threads that trace.
pub(super) const PERF_EVENTS: CapabilitySet = CapabilitySet::SYS_ADMIN;

/// SIGTERM is handed on to a command, which may run as another user by then.
pub(super) const SIGNALS: CapabilitySet = CapabilitySet::KILL;

/// What the threads that export keep. They open nothing that belongs to others.
pub(super) const EXPORTING: CapabilitySet = CapabilitySet::IPC_LOCK;

/// What the threads that trace keep.
pub(super) fn tracing() -> CapabilitySet {
    TRACING.iter().map(|(capability, _)| *capability).collect()
}

/// What the calling thread has now.
///
/// # Errors
/// When the kernel does not say.
pub(super) fn held() -> io::Result<CapabilitySet> {
    Ok(capabilities(None)?.permitted)
}

/// Gives up all that is not in `kept`, for good: from the permitted, effective, inheritable and ambient sets, and all there
/// is from the bounding set; and no program that is executed gives anything back (`no_new_privs`). Says whether the bounding
/// set was emptied: that takes `CAP_SETPCAP`.
///
/// # Errors
/// When the kernel refuses; what was given up before then stays so.
pub(super) fn keep(kept: CapabilitySet) -> io::Result<bool> {
    set_no_new_privs(true)?;
    // Kernels before 4.3 have none.
    let _ = clear_ambient_capability_set();
    let is_unbounded = (0..u64::BITS).map_while(bounded).any(|is_left| is_left);
    let permitted = capabilities(None)?.permitted & kept;
    let sets = CapabilitySets { effective: permitted, permitted, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets)?;
    Ok(!is_unbounded)
}

/// Takes a capability from the bounding set; says whether it is still there. None for those that the kernel does not know.
fn bounded(number: u32) -> Option<bool> {
    let capability = CapabilitySet::from_bits_retain(1 << number);
    match capability_is_in_bounding_set(capability) {
        Ok(true) => Some(remove_capability_from_bounding_set(capability).is_err()),
        Ok(false) => Some(false),
        Err(Errno::INVAL) => None,
        Err(_) => Some(true),
    }
}

/// Their names, for people.
pub(super) fn names(set: CapabilitySet) -> String {
    let names: Vec<String> = set.iter_names().map(|(name, _)| format!("CAP_{name}")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use rustix::thread::no_new_privs;

    use super::*;

    #[test]
    fn a_thread_and_those_that_it_starts_keep_what_is_named_and_no_more() {
        let before = held().unwrap();
        let kept = CapabilitySet::DAC_READ_SEARCH | CapabilitySet::IPC_LOCK;
        let limited = std::thread::spawn(move || {
            let was_emptied = keep(kept).unwrap();
            let below = std::thread::spawn(|| (capabilities(None).unwrap(), no_new_privs().unwrap()));
            // Nothing comes back.
            let again = CapabilitySets { effective: before, permitted: before, inheritable: before };
            let raised = set_capabilities(None, again).is_ok() && !(kept.contains(before));
            (was_emptied, below.join().unwrap(), raised)
        });
        let (was_emptied, (sets, no_more), raised) = limited.join().unwrap();
        assert_eq!(sets.permitted, before & kept);
        assert_eq!(sets.effective, before & kept);
        assert!(sets.inheritable.is_empty() && no_more && !raised);
        assert_eq!(was_emptied, before.contains(CapabilitySet::SETPCAP));
        assert_eq!(held().unwrap(), before, "this thread is another");
    }

    #[test]
    fn names_are_those_of_the_manual() {
        assert_eq!(names(CapabilitySet::empty()), "none");
        assert_eq!(names(CapabilitySet::BPF | CapabilitySet::KILL), "CAP_KILL, CAP_BPF");
    }
}
