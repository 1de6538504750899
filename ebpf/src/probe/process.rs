//! Processes that begin another program, and that end.

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::raw_tracepoint, programs::RawTracePointContext};
use spanwire_abi::kind;

use crate::{
    emit,
    maps::{LOOSE_SESSIONS, SOCKET_CALLS, TLS_CALLS},
};

/// `TP_PROTO(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`
/// (include/trace/events/sched.h); runs in the task that called execve.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn process_exec(_context: RawTracePointContext) -> i32 {
    emit::process(kind::EXEC);
    0
}

/// `TP_PROTO(struct task_struct *p)`, newer kernels add `bool group_dead`; runs in every thread that
/// exits. The leader's exit stands for the process's: a leader that leaves its threads behind is rare
/// and ends its exchanges early.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn process_exit(_context: RawTracePointContext) -> i32 {
    let thread = bpf_get_current_pid_tgid();
    // A thread killed inside a call never returns from it. Not being there is the usual case.
    let _ = TLS_CALLS.remove(thread);
    let _ = SOCKET_CALLS.remove(thread);
    let _ = LOOSE_SESSIONS.remove(thread);
    if (thread >> 32) as u32 == thread as u32 {
        emit::process(kind::EXIT);
    }
    0
}
