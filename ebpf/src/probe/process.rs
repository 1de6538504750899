//! Processes that begin another program, fork and end.

use aya_ebpf::{
    helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns},
    macros::raw_tracepoint,
    programs::RawTracePointContext,
};
use spanwire_abi::{FileKey, process};

use super::tls::thread_key;
use crate::{
    emit,
    kernel::{self, TASK_PID, TASK_TGID},
    maps::{ENDS, LOOSE_SESSIONS, PLAIN_PROGRAMS, PROCESSES, TLS_CALLS},
    scope,
};

/// `TP_PROTO(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`
/// (include/trace/events/sched.h); runs in the task that called execve.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn process_exec(context: RawTracePointContext) -> i32 {
    let thread = bpf_get_current_pid_tgid();
    let _ = LOOSE_SESSIONS.remove(thread);
    // What the process's threads knew of its sessions; all but this one have exited.
    let _ = TLS_CALLS.remove(thread);
    if ends((thread >> 32) as u32) {
        emit::exec();
    }
    let file = kernel::executable(context.arg(2)).unwrap_or_default();
    if !is_plain(&file) && !scope::excludes_current() {
        emit::started(file);
    }
    0
}

/// How long the agent's word on a program holds: another may lie in its place some day.
const PLAIN_NS: u64 = 60_000_000_000;

/// Whether the agent has said of a program that it has no TLS code.
#[inline(always)]
fn is_plain(file: &FileKey) -> bool {
    // SAFETY: the value is one word; the helper has no preconditions.
    unsafe {
        PLAIN_PROGRAMS.get(file).is_some_and(|since| bpf_ktime_get_ns().wrapping_sub(*since) < PLAIN_NS)
    }
}

/// A process's program is over; true when the agent was told of it or spoke of it.
fn ends(pid: u32) -> bool {
    // SAFETY: the value is one word.
    let Some(bits) = (unsafe { PROCESSES.get(pid) }) else { return false };
    if *bits & process::HOOKED != 0 {
        // SAFETY: the helper has no preconditions.
        let _ = ENDS.insert(pid, unsafe { bpf_ktime_get_ns() }, 0);
    }
    let _ = PROCESSES.remove(pid);
    true
}

/// `TP_PROTO(struct task_struct *parent, struct task_struct *child)`; runs in the parent. The child of
/// a process with probes needs its own.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub fn process_fork(context: RawTracePointContext) -> i32 {
    let _ = forked((bpf_get_current_pid_tgid() >> 32) as u32, context.arg(1));
    0
}

/// A task of the process `parent` made another one: a process, or a thread of its own.
#[inline(always)]
fn forked(parent: u32, child: u64) -> Option<()> {
    // SAFETY: the value is one word.
    let bits = unsafe { PROCESSES.get(parent) }.copied();
    if bits.is_none() && !scope::has_rules() {
        return None;
    }
    let pid = kernel::field::<u32>(child, &TASK_PID)?;
    if pid != kernel::field::<u32>(child, &TASK_TGID)? {
        return None;
    }
    scope::inherit(parent, pid);
    let bits = bits?;
    let _ = PROCESSES.insert(pid, bits, 0);
    if bits & process::HOOKED != 0 {
        emit::forked(pid);
    }
    Some(())
}

/// `TP_PROTO(struct task_struct *p)`, newer kernels add `bool group_dead`; runs in every thread that
/// exits. A process ends with its last thread: its first one may leave the others behind, and one that
/// begins a program in another thread ends its first one so.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn process_exit(_context: RawTracePointContext) -> i32 {
    let thread = bpf_get_current_pid_tgid();
    // A thread killed inside a call never returns from it. Not being there is the usual case.
    let _ = TLS_CALLS.remove(thread_key());
    let _ = LOOSE_SESSIONS.remove(thread);
    let process = (thread >> 32) as u32;
    if kernel::is_last_thread().unwrap_or(process == thread as u32) {
        if ends(process) {
            emit::exit();
        }
        scope::leave(process);
    }
    0
}
