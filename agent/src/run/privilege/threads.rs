//! What the kernel says of the threads of this process (proc(5), `/proc/PID/task/TID/status`).

use std::fs;
use std::io;
use std::path::Path;

use rustix::thread::CapabilitySet;

/// `Seccomp:` of a thread with a filter.
const FILTERED: u64 = 2;

/// A thread.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Thread {
    pub(super) name: String,
    permitted: u64,
    inheritable: u64,
    bounding: u64,
    ambient: u64,
    pub(super) no_new_privileges: bool,
    pub(super) is_filtered: bool,
}

impl Thread {
    fn parse(status: &str) -> Self {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.unwrap_or_default().trim()
        };
        // What cannot be read counts as held.
        let set = |name| u64::from_str_radix(field(name), 16).unwrap_or(u64::MAX);
        Self {
            name: field("Name").to_owned(),
            permitted: set("CapPrm"),
            inheritable: set("CapInh"),
            bounding: set("CapBnd"),
            ambient: set("CapAmb"),
            no_new_privileges: field("NoNewPrivs") == "1",
            is_filtered: field("Seccomp").parse() == Ok(FILTERED),
        }
    }

    /// What it holds of capabilities beyond these; of the bounding set, which counts for nothing where no program can be
    /// gained by, only if asked.
    pub(super) fn beyond(&self, kept: CapabilitySet, with_bounding: bool) -> CapabilitySet {
        let bounding = if with_bounding { self.bounding } else { 0 };
        CapabilitySet::from_bits_retain(self.permitted | self.inheritable | self.ambient | bounding)
            .difference(kept)
    }
}

/// All threads of a process.
///
/// # Errors
/// When `/proc` does not say, or there is no such process.
pub(super) fn of(proc: &Path, pid: u32) -> io::Result<Vec<Thread>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(proc.join(format!("{pid}/task")))? {
        // One that is gone holds nothing.
        if let Ok(status) = fs::read_to_string(entry?.path().join("status")) {
            threads.push(Thread::parse(&status));
        }
    }
    Ok(threads)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn status_is_read() {
        let status = "Name:\thooks\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000004\n\
                      CapEff:\t0000000000000004\nCapBnd:\t0000000000200000\nCapAmb:\t0000000000000000\n\
                      NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";
        let thread = Thread::parse(status);
        assert_eq!(thread.name, "hooks");
        assert!(thread.no_new_privileges && thread.is_filtered);
        let read = CapabilitySet::DAC_READ_SEARCH;
        assert_eq!(thread.beyond(read, false), CapabilitySet::empty());
        assert_eq!(thread.beyond(read, true), CapabilitySet::SYS_ADMIN);
        assert_eq!(thread.beyond(CapabilitySet::empty(), false), read);
        // Of what cannot be read nothing good is said.
        let unknown = Thread::parse("");
        assert!(!unknown.no_new_privileges && !unknown.is_filtered);
        assert!(unknown.beyond(CapabilitySet::BPF, false).contains(CapabilitySet::SYS_ADMIN));
    }

    #[test]
    fn this_process_has_threads() {
        assert!(!of(Path::new("/proc"), std::process::id()).unwrap().is_empty());
    }
}
