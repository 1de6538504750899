//! System calls that the agent has no use for once it has begun, refused to all its threads (seccomp(2)).
//!
//! It is a list of what is refused, not of what is allowed: which calls the C library, the allocator and the runtime make
//! changes from release to release and from processor to processor, and one that is missing from a list of allowed ones fails
//! in the field, at the worst in the one path that no test takes. What is refused here the agent never does, whatever library it
//! is built with. A call fails as one does for which the privilege is missing (`EPERM`): that is met everywhere already.

use std::collections::BTreeMap;

use libc::{
    CLONE_THREAD, MAP_ANONYMOUS, PR_SET_DUMPABLE, PR_SET_MM, PR_SET_PTRACER, PR_SET_SECUREBITS, PROT_EXEC,
};
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter_all_threads,
};

/// Refused whatever the arguments are.
const REFUSED: &[i64] = &[
    // Other programs in this process's place.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Into other processes: they are looked at in /proc alone.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // Around this filter, and around checks of paths.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_userfaultfd,
    libc::SYS_personality,
    // Other namespaces, roots and mounts.
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_mknodat,
    libc::SYS_fanotify_init,
    // Other users.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // The host itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setattr,
    libc::SYS_ioprio_set,
];

/// Those that only some processors have.
#[cfg(target_arch = "x86_64")]
const OLD: &[i64] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_mknod,
    libc::SYS_uselib,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    // By their numbers for programs with pointers of 32 bits (arch/x86/entry/syscalls/syscall_64.tbl): execve, ptrace, kexec_load,
    // process_vm_readv, process_vm_writev, execveat.
    X32 + 520,
    X32 + 521,
    X32 + 528,
    X32 + 539,
    X32 + 540,
    X32 + 545,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[i64] = &[];

/// From here on calls have a second number.
const OTHER_NUMBERS: i64 = 0x4000_0000;

/// Marks calls of programs with pointers of 32 bits (`__X32_SYSCALL_BIT`), which a kernel may take from any.
#[cfg(target_arch = "x86_64")]
const X32: i64 = OTHER_NUMBERS;

/// Commands of bpf(2) that steering and attaching take (include/uapi/linux/bpf.h): BPF_MAP_LOOKUP_ELEM, _UPDATE_ELEM,
/// _DELETE_ELEM, _GET_NEXT_KEY, BPF_OBJ_GET_INFO_BY_FD and BPF_LINK_CREATE. All else is refused: no program is loaded any more,
/// none is attached in another way, and none of others is got hold of.
const BPF_COMMANDS: [u64; 6] = [1, 2, 3, 4, 15, 28];

/// What later work needs of what is refused otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Exceptions {
    /// Uprobes are perf events.
    pub(super) perf_events: bool,
    /// Signals are handed on.
    pub(super) signals: bool,
}

/// Refuses them to all threads of this process, and to those that they start; says how many calls there are of which some or
/// all are refused.
///
/// # Errors
/// When the kernel has no such filters, or a thread has others.
pub(super) fn refuse(exceptions: Exceptions) -> Result<usize, seccompiler::Error> {
    let rules = rules(exceptions)?;
    let count = rules.keys().filter(|number| **number < OTHER_NUMBERS).count();
    apply_filter_all_threads(&program(rules)?)?;
    Ok(count)
}

/// Refuses them to the calling thread.
///
/// # Errors
/// When the kernel has no such filters.
pub(super) fn try_here() -> Result<(), seccompiler::Error> {
    seccompiler::apply_filter(&program(rules(Exceptions::default())?)?)
}

fn program(rules: BTreeMap<i64, Vec<SeccompRule>>) -> Result<BpfProgram, BackendError> {
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refused, std::env::consts::ARCH.try_into()?)?.try_into()
}

/// The calls; one without a rule is refused always, others when one of their rules holds.
fn rules(exceptions: Exceptions) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().chain(OLD).map(|number| (*number, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    rules.extend(REFUSED.iter().map(|number| (number | X32, Vec::new())));
    if !exceptions.perf_events {
        rules.insert(libc::SYS_perf_event_open, Vec::new());
    }
    if !exceptions.signals {
        for number in
            [libc::SYS_kill, libc::SYS_tkill, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo]
        {
            rules.insert(number, Vec::new());
        }
        // A process that aborts signals itself.
        rules.insert(libc::SYS_tgkill, vec![rule(&[(0, Ne, u64::from(std::process::id()))])?]);
    }
    let other_commands: Vec<_> = BPF_COMMANDS.iter().map(|command| (0, Ne, *command)).collect();
    let execute = || (2, MaskedEq(bits(PROT_EXEC)), bits(PROT_EXEC));
    let anonymous = (3, MaskedEq(bits(MAP_ANONYMOUS)), bits(MAP_ANONYMOUS));
    let set = |what: i32| [(0, Eq, bits(what))];
    let conditional: [(i64, &[&[Condition]]); 8] = [
        (libc::SYS_bpf, &[&other_commands]),
        // A process of its own. What clone3(2) is asked for lies in memory, where no filter sees it.
        (libc::SYS_clone, &[&[(0, MaskedEq(bits(CLONE_THREAD)), 0)]]),
        // Memory that was written is never executed.
        (libc::SYS_mprotect, &[&[execute()]]),
        (libc::SYS_pkey_mprotect, &[&[execute()]]),
        (libc::SYS_mmap, &[&[execute(), anonymous]]),
        // What keeps other users' debuggers out.
        (
            libc::SYS_prctl,
            &[&set(PR_SET_DUMPABLE), &set(PR_SET_PTRACER), &set(PR_SET_MM), &set(PR_SET_SECUREBITS)],
        ),
        // Of other threads, processes, groups and users.
        (libc::SYS_setpriority, &[&[(0, Ne, 0)], &[(1, Ne, 0)]]),
        (libc::SYS_sched_setaffinity, &[&[(0, Ne, 0)]]),
    ];
    for (number, alternatives) in conditional {
        let alternatives: Result<Vec<_>, _> = alternatives.iter().copied().map(rule).collect();
        rules.insert(number, alternatives?);
    }
    Ok(rules)
}

/// An argument by its number, and what its lower half is compared with.
pub(super) type Condition = (u8, SeccompCmpOp, u64);

/// All of these hold.
pub(super) fn rule(conditions: &[Condition]) -> Result<SeccompRule, BackendError> {
    let conditions: Result<Vec<_>, _> = conditions
        .iter()
        .map(|(argument, how, value)| SeccompCondition::new(*argument, Dword, how.clone(), *value))
        .collect();
    SeccompRule::new(conditions?)
}

pub(super) fn bits(flags: i32) -> u64 {
    u64::from(flags.cast_unsigned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::ErrorKind;
    use std::process::Command;

    use rustix::io::Errno;
    use rustix::process::{getpriority_process, setpriority_process};

    use super::*;

    #[test]
    fn what_is_refused_fails_as_without_the_privilege_and_the_rest_works() {
        let filtered = std::thread::spawn(|| {
            seccompiler::apply_filter(&program(rules(Exceptions::default()).unwrap()).unwrap()).unwrap();
            assert_eq!(Command::new("true").spawn().unwrap_err().kind(), ErrorKind::PermissionDenied);
            let other = rustix::process::Pid::from_raw(1);
            assert_eq!(rustix::process::test_kill_process(other.unwrap()), Err(Errno::PERM));
            assert_eq!(setpriority_process(other, 0), Err(Errno::PERM));
            let dumpable = rustix::process::DumpableBehavior::NotDumpable;
            assert_eq!(rustix::process::set_dumpable_behavior(dumpable), Err(Errno::PERM));
            assert_eq!(rustix::process::chroot("/"), Err(Errno::PERM));
            // What goes on.
            let own = getpriority_process(None).unwrap();
            setpriority_process(None, own).unwrap();
            std::thread::spawn(|| std::fs::read("/proc/self/status").unwrap()).join().unwrap();
            std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        });
        filtered.join().unwrap();
        assert!(Command::new("true").status().unwrap().success(), "another thread is as it was");
    }

    #[test]
    fn exceptions_are_those_that_are_named() {
        let has = |exceptions, number| rules(exceptions).unwrap().contains_key(&number);
        let none = Exceptions::default();
        for (exceptions, number) in [
            (Exceptions { perf_events: true, ..none }, libc::SYS_perf_event_open),
            (Exceptions { signals: true, ..none }, libc::SYS_kill),
        ] {
            assert!(has(none, number) && !has(exceptions, number));
            assert!(has(exceptions, libc::SYS_execve));
        }
    }
}
