//! What tests leave behind when they or their run are killed: processes, networks, containers, cgroups, folders. All
//! of it is found by marks that name its maker, so nothing is taken from tests that still run elsewhere.
//!
//! An agent that was killed leaves no probes: nothing of it is pinned. Where it was killed in the midst of
//! attaching, the next agent sets the kernel's switch back (`agent/src/run/expedite.rs`).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{Pid, Signal, getpgid, getpgrp, kill_process, kill_process_group};

use crate::command::{as_root, check, is_root};

/// The variable that all processes of a test have: its folder. Its name begins with nothing that the tests
/// take from the agent's environment.
pub(super) const MARK: &str = "E2E_TEST";

/// How often processes are looked for: those that are killed may have begun others meanwhile.
const ROUNDS: usize = 20;
/// How long to wait for those that were killed.
const PAUSE: Duration = Duration::from_millis(10);

/// Watches a run, and ends what is left of it when it is over, in whatever way: it has a process group of its
/// own, which neither Ctrl-C nor a kill of the run reaches.
pub(super) struct Guard(Child);

impl Guard {
    /// Ends what is left of earlier runs with their folders below `scope`, and begins to watch this one. The
    /// guard keeps `lock` until all is ended.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn start(scope: &Path, lock: File) -> Result<Self> {
        check(sweeper()?.arg(scope))?;
        let mut command = sweeper()?;
        // As its standard output, since sudo closes all but the standard three.
        command.arg(scope).arg("--after-input").stdin(Stdio::piped()).stdout(lock).process_group(0);
        Ok(Self(command.spawn().context("cannot watch the tests")?))
    }

    /// The run is over; returns when nothing is left of it.
    ///
    /// # Errors
    /// If something cannot be ended.
    pub(super) fn end(mut self) -> Result<()> {
        drop(self.0.stdin.take());
        let status = self.0.wait()?;
        if !status.success() {
            bail!("what is left of the tests could not be ended: {status}");
        }
        Ok(())
    }
}

/// This program as root, about to sweep.
fn sweeper() -> Result<Command> {
    let mut command = as_root(&std::env::current_exe()?, &["CARGO_MANIFEST_DIR"]);
    command.arg("sweep");
    Ok(command)
}

/// Ends the processes of the test whose folder this is.
///
/// # Errors
/// If they cannot be ended.
pub(super) fn end(folder: &Path) -> Result<()> {
    if is_root() { kill(folder).map(drop) } else { check(sweeper()?.arg(folder)) }
}

/// Kills what runs of tests whose folders are `scope` or below it; then removes what tests have made whose
/// processes are gone. Says what it did. With `after_input` it first waits for the end of its input.
///
/// # Errors
/// If something cannot be removed.
pub(crate) fn sweep(scope: &Path, after_input: bool) -> Result<()> {
    if after_input {
        std::io::stdin().read_to_end(&mut Vec::new())?;
    }
    let mut removed = Vec::new();
    let killed = kill(scope)?;
    if killed > 0 {
        removed.push(format!("{killed} processes"));
    }
    for name in names("/run/netns") {
        if network_maker(&name).is_some_and(is_gone) {
            check(Command::new("ip").args(["netns", "delete", &name]))?;
            removed.push(format!("network {name}"));
        }
    }
    for id in names("/run/runc") {
        if container_maker(&id).is_some_and(is_gone) {
            check(Command::new("runc").args(["delete", "--force", &id]))?;
            removed.push(format!("container {id}"));
        }
    }
    for mount in mounts_of_cgroups(&mountinfo()?) {
        for name in names(&mount).into_iter().filter(|name| cgroup_maker(name).is_some_and(is_gone)) {
            let folder = mount.join(name);
            // Nobody is in it any more: they had the mark.
            fs::remove_dir(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
            removed.push(format!("cgroup {}", folder.display()));
        }
    }
    let temporary = std::env::temp_dir();
    for name in names(&temporary) {
        if folder_maker(&name).is_some_and(is_gone) {
            let folder = temporary.join(name);
            remove(&folder)?;
            removed.push(folder.display().to_string());
        }
    }
    if !removed.is_empty() {
        // Not to the standard output, which is the run's lock where this is its guard.
        eprintln!("removed what a test left that was killed: {}", removed.join(", "));
    }
    Ok(())
}

/// Kills all processes with the mark of a folder that is `scope` or below it, and whoever is in their groups:
/// some programs are started without any environment. Returns how many had the mark.
fn kill(scope: &Path) -> Result<usize> {
    let mut killed = BTreeSet::new();
    for _ in 0..ROUNDS {
        let marked = marked(scope);
        if marked.is_empty() {
            return Ok(killed.len());
        }
        for process in marked {
            // Each may have ended by itself meanwhile.
            if let Ok(group) = getpgid(Some(process))
                && group != getpgrp()
            {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = kill_process(process, Signal::KILL);
            killed.insert(process.as_raw_pid());
        }
        std::thread::sleep(PAUSE);
    }
    bail!("processes of {} do not end: {:?}", scope.display(), marked(scope))
}

/// The processes with the mark of a folder that is `scope` or below it. One that has ended and was not waited
/// for has no environment any more.
fn marked(scope: &Path) -> Vec<Pid> {
    let pids = names("/proc").into_iter().filter_map(|name| Pid::from_raw(name.parse().ok()?));
    let has_mark = |pid: &Pid| {
        let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_pid()));
        environment.is_ok_and(|environment| is_marked(&environment, scope))
    };
    pids.filter(has_mark).collect()
}

/// Whether an environment, as proc_pid_environ(5) has it, has the mark of a folder below `scope`.
fn is_marked(environment: &[u8], scope: &Path) -> bool {
    let folder = |variable: &[u8]| {
        let value = variable.strip_prefix(MARK.as_bytes())?.strip_prefix(b"=")?;
        Some(Path::new(std::ffi::OsStr::from_bytes(value)).starts_with(scope))
    };
    environment.split(|byte| *byte == 0).find_map(folder) == Some(true)
}

/// The process that made the network namespace of this name (`tests/e2e/src/container.rs`).
fn network_maker(name: &str) -> Option<u32> {
    let (pid, end) = name.strip_prefix("spanwire-")?.split_once('-')?;
    if ["a", "b"].contains(&end) { pid.parse().ok() } else { None }
}

/// The process that made the container of this id (`tests/e2e/src/container.rs`).
fn container_maker(id: &str) -> Option<u32> {
    let number = u64::from_str_radix(id, 16).ok().filter(|_| id.len() == 64)?;
    if number & 0xffff_ffff == 0xc0ff_ee00 { u32::try_from(number >> 32).ok() } else { None }
}

/// The process that made the temporary folder of this name (`tests/e2e/src/folder.rs`).
fn folder_maker(name: &str) -> Option<u32> {
    let (pid, number) = name.strip_prefix("spanwire-e2e-")?.split_once('-')?;
    number.parse::<u32>().ok()?;
    pid.parse().ok()
}

/// Where hierarchies of cgroups of version 2 are mounted, by `mountinfo` (proc_pid_mountinfo(5)).
fn mounts_of_cgroups(mountinfo: &str) -> Vec<PathBuf> {
    let of_cgroups = mountinfo.lines().filter(|line| line.contains(" - cgroup2 "));
    of_cgroups.filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from).collect()
}

/// The process that made the cgroup of this name (`tests/e2e/tests/scope.rs`).
fn cgroup_maker(name: &str) -> Option<u32> {
    name.strip_prefix("spanwire-e2e-")?.parse().ok()
}

/// Whether there is no such process, or it has ended and was not waited for.
fn is_gone(pid: u32) -> bool {
    let executable = fs::read_link(format!("/proc/{pid}/exe"));
    executable.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Unmounts what is mounted below a folder, the innermost first, and removes it.
fn remove(folder: &Path) -> Result<()> {
    let mounts = mountinfo()?;
    for place in mounted_below(&mounts, folder) {
        unmount(&place, UnmountFlags::DETACH)
            .with_context(|| format!("cannot unmount {}", place.display()))?;
    }
    fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// The mounts that this process sees.
fn mountinfo() -> Result<String> {
    fs::read_to_string("/proc/self/mountinfo").context("cannot read the mounts")
}

/// The places in `mountinfo` (proc_pid_mountinfo(5)) that are `folder` or below it, the last mounted first.
/// Places with spaces and the like are written in another way there, and are not found.
fn mounted_below(mountinfo: &str, folder: &Path) -> Vec<PathBuf> {
    let places = mountinfo.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    let mut places: Vec<_> = places.filter(|place| place.starts_with(folder)).collect();
    places.reverse();
    places
}

/// The names in a folder; none when it cannot be read.
fn names(folder: impl AsRef<Path>) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn a_mark_is_that_of_this_checkout() {
        let scope = Path::new("/src/target/e2e");
        for (environment, expected) in [
            (&b"PATH=/bin\0E2E_TEST=/src/target/e2e/calls/curl\0"[..], true),
            (b"E2E_TEST=/src/target/e2e", true),
            (b"E2E_TEST=/src/target/e2e-other/calls/curl\0", false),
            (b"E2E_TEST=/other/src/target/e2e/calls/curl\0", false),
            (b"OTHER_E2E_TEST=/src/target/e2e/calls/curl\0", false),
            (b"", false),
        ] {
            assert_eq!(is_marked(environment, scope), expected, "{}", environment.escape_ascii());
        }
        assert!(!is_marked(b"E2E_TEST=/e/calls/curl.again\0", Path::new("/e/calls/curl")));
    }

    #[test]
    fn makers_are_read_from_names() {
        assert_eq!(network_maker("spanwire-12-a"), Some(12));
        assert_eq!(network_maker("spanwire-e2e-12-0"), None);
        assert_eq!(network_maker("spanwire-12-c"), None);
        assert_eq!(cgroup_maker("spanwire-e2e-12"), Some(12));
        assert_eq!(cgroup_maker("spanwire-e2e-12-3"), None);
        assert_eq!(folder_maker("spanwire-e2e-12-3"), Some(12));
        assert_eq!(folder_maker("spanwire-e2e-12-x"), None);
        assert_eq!(container_maker(&format!("{:0>64x}", 12_u64 << 32 | 0xc0ff_ee00)), Some(12));
        assert_eq!(container_maker(&format!("{:0>64x}", 12_u64 << 32 | 0xc0ff_ee01)), None);
        assert_eq!(container_maker("c0ffee00"), None);
        assert_eq!(container_maker(&"f".repeat(64)), None);
    }

    #[test]
    fn only_those_that_are_there_are_not_gone() {
        assert!(!is_gone(std::process::id()));
        assert!(is_gone(u32::MAX));
    }

    #[test]
    fn mounts_are_undone_in_reverse() {
        let mountinfo = "1 0 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / /tmp/a rw - tmpfs tmpfs rw\n\
                         3 2 0:3 / /tmp/a/b rw - proc proc rw\n4 1 0:4 / /tmp/ab rw - tmpfs tmpfs rw\n";
        let expected = ["/tmp/a/b", "/tmp/a"].map(PathBuf::from);
        assert_eq!(mounted_below(mountinfo, Path::new("/tmp/a")), expected);
    }

    #[test]
    fn cgroups_are_looked_for_where_they_are_mounted() {
        let mountinfo = "1 0 0:1 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                         2 0 0:2 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        assert_eq!(mounts_of_cgroups(mountinfo), [PathBuf::from("/sys/fs/cgroup/unified")]);
    }

    #[test]
    fn marked_processes_are_killed_with_their_groups() {
        let scope = std::env::temp_dir().join(format!("xtask-sweep-{}", std::process::id()));
        let folder = scope.join("file/test");
        let mut shell = Command::new("sh");
        shell.args(["-c", "env -i sleep 600 & echo; wait"]).env(MARK, &folder).process_group(0);
        let mut shell = shell.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = shell.stdout.take().unwrap();
        said.read_exact(&mut [0]).unwrap();
        assert_eq!(kill(&folder.with_extension("again")).unwrap(), 0);
        assert!(kill(&scope).unwrap() > 0);
        assert!(!shell.wait().unwrap().success());
        // The other held the pipe open.
        assert_eq!(said.read_to_end(&mut Vec::new()).unwrap(), 0);
    }
}
