//! The process that holds `CAP_SYS_ADMIN` in the agent's place where probes are perf events, and does nothing but to make them.
//!
//! It is this program once more, begun before anything is given up, with a socket for its standard input and no other
//! descriptor, without the agent's environment; it ends with the agent. What it takes is in `bpf::AttachServer`.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use rustix::net::{SocketType, sockopt::socket_type};
use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal};
use rustix::thread::{CapabilitySet, set_name};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompFilter, SeccompRule, apply_filter};

use super::capabilities::{PERF_EVENTS, held, keep};
use super::syscalls::{bits, rule};
use crate::bpf::{AttachServer, Attacher, EVENT_FLAGS, EVENT_REQUESTS, close_inherited};

/// The subcommand that the process is begun with.
pub const SUBCOMMAND: &str = "attach-uprobes";

/// This program, whatever became of its file.
const OWN: &str = "/proc/self/exe";

/// Begins the process; returns its id and what it is asked by. To be called on the main thread: it ends with the thread that
/// began it.
///
/// # Errors
/// When it cannot be begun.
pub(super) fn begin() -> io::Result<(u32, Attacher)> {
    let (attacher, other) = Attacher::pair()?;
    let mut command = Command::new(OWN);
    command.arg0("spanwire").arg(SUBCOMMAND).env_clear().current_dir("/");
    // Nobody waits for it: it outlives this process's use of it, and this process cannot outlive it for long.
    let child = command.stdin(Stdio::from(other)).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    Ok((child.id(), attacher))
}

/// That process: makes perf events until the agent is gone.
///
/// # Errors
/// When no agent has begun this, or it cannot do what it is for, which the agent is told, too.
pub fn attach_uprobes() -> anyhow::Result<()> {
    let input = io::stdin();
    if socket_type(input.as_fd()).ok() != Some(SocketType::SEQPACKET) {
        anyhow::bail!("this is of no use but to `spanwire run`, which starts it where it is needed");
    }
    close_inherited().context("descriptors stay open")?;
    let socket = input.as_fd().try_clone_to_owned()?;
    set_name(c"attach-uprobes")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // An agent that is gone by now has closed its end.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let confine = || {
        // Kernels without the fix ask for less, and the agent may have no more.
        let needed = if held()?.contains(PERF_EVENTS) { PERF_EVENTS } else { CapabilitySet::PERFMON };
        keep(needed)?;
        allow().map_err(io::Error::other)
    };
    AttachServer::begin(socket, Path::new("/"), confine)?.serve();
    Ok(())
}

/// Allows the calling thread what the process does from there on, and refuses all else, with `EPERM`.
///
/// # Errors
/// When the kernel has no such filters.
fn allow() -> Result<(), seccompiler::Error> {
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let architecture = std::env::consts::ARCH.try_into().map_err(seccompiler::Error::Backend)?;
    let filter = SeccompFilter::new(allowed()?, refused, SeccompAction::Allow, architecture)?;
    let program: BpfProgram = filter.try_into()?;
    apply_filter(&program)
}

/// The calls; one without a rule is allowed always, others when one of their rules holds.
fn allowed() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    const NO_GROUP: u64 = u32::MAX as u64;
    let requests = EVENT_REQUESTS.into_iter().map(|request| rule(&[(1, Eq, u64::from(request))]));
    Ok(BTreeMap::from([
        (libc::SYS_recvmsg, Vec::new()),
        (libc::SYS_sendmsg, Vec::new()),
        (libc::SYS_statx, Vec::new()),
        (libc::SYS_perf_event_open, vec![rule(&[(3, Eq, NO_GROUP), (4, Eq, u64::from(EVENT_FLAGS))])?]),
        (libc::SYS_ioctl, requests.collect::<Result<_, _>>()?),
        (libc::SYS_close, Vec::new()),
        (libc::SYS_exit, Vec::new()),
        (libc::SYS_exit_group, Vec::new()),
        // Of the kernel's own making, after a signal.
        (libc::SYS_restart_syscall, Vec::new()),
        (libc::SYS_rt_sigreturn, Vec::new()),
        // An allocator's.
        (libc::SYS_brk, Vec::new()),
        (libc::SYS_munmap, Vec::new()),
        (libc::SYS_mmap, vec![rule(&[(2, MaskedEq(bits(libc::PROT_EXEC)), 0)])?]),
    ]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::fs::File;
    use std::io::ErrorKind;
    use std::net::UdpSocket;

    use rustix::io::Errno;
    use rustix::process::{getpid, test_kill_process};

    use super::*;

    #[test]
    fn nothing_else_is_allowed() {
        let own = getpid();
        let refused = std::thread::spawn(move || {
            allow().unwrap();
            let file = File::open("/dev/null").map(drop).map_err(|error| error.kind());
            let socket = UdpSocket::bind("127.0.0.1:0").map(drop).map_err(|error| error.kind());
            let dumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable);
            (file, socket, dumpable, test_kill_process(own))
        });
        let denied = Err(ErrorKind::PermissionDenied);
        assert_eq!(refused.join().unwrap(), (denied, denied, Err(Errno::PERM), Err(Errno::PERM)));
    }
}
