//! What would end a task in its midst is said before it begins: one line with what is missing and the mend.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::command::{find, is_root};

/// What a whole run needs below `target/`, with a margin, in bytes: it was found to take 5 GB.
const WHOLE: u64 = 7 << 30;
/// What must be free however much is there already, in bytes: what changed is compiled beside the old.
const LEAST: u64 = 1 << 30;

/// Numbers of capabilities (include/uapi/linux/capability.h).
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Whether BPF programs can be loaded from here, as root or through sudo.
///
/// # Errors
/// If not.
pub(crate) fn privileges() -> Result<()> {
    let status = fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    able(is_root(), find("sudo").is_some(), &status)
}

/// The same of a process with this `status` (proc_pid_status(5)). What sudo may give is not known before.
fn able(is_root: bool, has_sudo: bool, status: &str) -> Result<()> {
    if !is_root {
        if !has_sudo {
            bail!("the agent needs root to load BPF programs: start this as root, or install sudo");
        }
        return Ok(());
    }
    let field = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = field.and_then(|field| u64::from_str_radix(field.trim(), 16).ok());
    let effective = effective.context("/proc/self/status has no capabilities")?;
    let has = |capability: u32| effective >> capability & 1 == 1;
    let is_able = has(CAP_SYS_ADMIN) || (has(CAP_BPF) && has(CAP_PERFMON));
    if !is_able {
        bail!(
            "this root has neither CAP_SYS_ADMIN nor both CAP_BPF and CAP_PERFMON, as in a container: \
             start this on the host, or give the container these (`--privileged`)"
        );
    }
    Ok(())
}

/// Whether the file system of `root` has room for what is still to be built and fetched.
///
/// # Errors
/// If not.
pub(crate) fn disk(root: &Path) -> Result<()> {
    let free = rustix::fs::statvfs(root).context("cannot ask for free disk space")?;
    let target = root.join("target");
    room(free.f_bavail.saturating_mul(free.f_frsize), size(&target), &target)
}

fn room(free: u64, taken: u64, target: &Path) -> Result<()> {
    let needed = WHOLE.saturating_sub(taken).max(LEAST);
    if free < needed {
        bail!(
            "{} MiB of disk are free, and {} needs {} MiB more: make room, or remove what is there with \
             `cargo clean` to begin anew",
            free >> 20,
            target.display(),
            needed >> 20
        );
    }
    Ok(())
}

/// What the files below `folder` take on the disk, in bytes; those that cannot be read count for nothing.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?, entry)))
        .map(|(metadata, entry)| {
            // stat(2) counts in units of 512 bytes; cargo gives one file several names.
            let own = metadata.blocks() * 512 / metadata.nlink().max(1);
            if metadata.is_dir() { own + size(&entry.path()) } else { own }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    const ALL: &str = "Name:\txtask\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n";

    #[test]
    fn root_or_sudo_is_needed() {
        assert!(able(true, false, ALL).is_ok());
        assert!(able(false, true, "").is_ok());
        assert!(able(false, false, ALL).unwrap_err().to_string().contains("install sudo"));
    }

    #[test]
    fn a_root_without_capabilities_is_told_which() {
        // What container engines give by default; the same with CAP_BPF; with both; with CAP_SYS_ADMIN.
        for (effective, is_able) in [
            ("00000000a80425fb", false),
            ("00000080a80425fb", false),
            ("000000c0a80425fb", true),
            ("00000000a82425fb", true),
        ] {
            let able = able(true, true, &format!("CapEff:\t{effective}\n"));
            assert_eq!(able.is_ok(), is_able, "{effective}");
            assert!(able.err().is_none_or(|error| error.to_string().contains("CAP_PERFMON")));
        }
        assert!(able(true, true, "").is_err());
    }

    #[test]
    fn what_is_there_need_not_be_free() {
        let room = |free: u64, taken: u64| room(free << 20, taken << 20, Path::new("target"));
        assert!(room(7 * 1024, 0).is_ok());
        let said = room(7 * 1024 - 1, 0).unwrap_err().to_string();
        assert!(said.contains("7167 MiB") && said.contains("7168 MiB"), "{said}");
        assert!(room(3 * 1024, 4 * 1024).is_ok());
        assert!(room(1024, 50 * 1024).is_ok());
        assert!(room(1023, 50 * 1024).is_err());
    }

    #[test]
    fn sizes_are_those_on_the_disk() {
        assert_eq!(size(Path::new("/no/such/folder")), 0);
        assert!(size(&std::env::current_dir().unwrap()) > 4096);
    }
}
