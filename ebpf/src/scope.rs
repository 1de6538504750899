//! Whether a process is in scope, by those of the operator's rules that can be looked at here: process
//! trees, users and cgroups. Asked once a socket, a program or a sign, not once a call.

use aya_ebpf::{
    Global,
    helpers::{
        bpf_get_current_pid_tgid, bpf_get_current_uid_gid, generated::bpf_get_current_ancestor_cgroup_id,
    },
};
use spanwire_abi::{gap, scope};

use crate::{
    emit,
    maps::{CGROUPS, TREES, USERS},
};

/// Whether there is any such rule. Set before load, as the two below.
#[unsafe(no_mangle)]
pub static SCOPED: Global<u8> = Global::new(0);

/// Whether who is meant by no rule of inclusion here is out of scope: no other rule could mean it.
#[unsafe(no_mangle)]
pub static SCOPE_IS_CLOSED: Global<u8> = Global::new(0);

/// Bit N: there is a rule about a cgroup N levels below the root.
#[unsafe(no_mangle)]
pub static CGROUP_LEVELS: Global<u32> = Global::new(0);

/// Whether there is any rule that is looked at here.
#[inline(always)]
pub fn has_rules() -> bool {
    SCOPED.load() != 0
}

/// Whether the current process is out of scope.
#[inline(always)]
pub fn excludes_current() -> bool {
    has_rules() && is_outside() != 0
}

/// With a stack of its own. The current process is the one that moves the bytes, begins the program or
/// gave the sign.
#[inline(never)]
fn is_outside() -> u32 {
    // SAFETY: neither helper has preconditions; the values are one word each.
    let rules = unsafe {
        let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
        let user = bpf_get_current_uid_gid() as u32;
        TREES.get(pid).copied().unwrap_or(0) | USERS.get(user).copied().unwrap_or(0) | of_cgroups()
    };
    let is_included = SCOPE_IS_CLOSED.load() == 0 || rules & scope::INCLUDED != 0;
    u32::from(rules & scope::EXCLUDED != 0 || !is_included)
}

/// The rules about the cgroups (version 2) that the current process is in: its own and those above.
#[inline(always)]
fn of_cgroups() -> u32 {
    let levels = CGROUP_LEVELS.load();
    let mut rules = 0;
    if levels != 0 {
        for level in 0..scope::CGROUP_LEVELS {
            if levels >> level & 1 != 0 {
                // SAFETY: the helper has no preconditions; it returns 0 below the process's own cgroup.
                let id = unsafe { bpf_get_current_ancestor_cgroup_id(level as i32) };
                // SAFETY: the value is one word.
                rules |= unsafe { CGROUPS.get(id) }.copied().unwrap_or(0);
            }
        }
    }
    rules
}

/// A process forks: its child belongs to the trees that it belongs to.
#[inline(always)]
pub fn inherit(parent: u32, child: u32) {
    // SAFETY: the value is one word.
    if let Some(rules) = unsafe { TREES.get(parent) } {
        let rules = *rules;
        if TREES.insert(child, rules, 0).is_err() {
            emit::count_gap(gap::TREES_FULL, 1);
        }
    }
}

/// A process is gone; another may have its id.
#[inline(always)]
pub fn leave(pid: u32) {
    if has_rules() {
        let _ = TREES.remove(pid);
    }
}
