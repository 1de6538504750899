//! Who a process is, as far as the operator's rules ask: see [`crate::attach::Scope`].

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use super::process::container_of;
use crate::attach::{Identity, Membership};

/// Where `ip netns` keeps the names of network namespaces (ip-netns(8)).
const NAMED: &str = "run/netns";

/// Where Kubernetes puts a pod's namespace into its containers.
const SERVICE_ACCOUNT: [&str; 2] = [
    "var/run/secrets/kubernetes.io/serviceaccount/namespace",
    "run/secrets/kubernetes.io/serviceaccount/namespace",
];

/// Names of network namespaces that are looked at.
const NAMES: usize = 1024;

/// Bytes that are read of a file with a name.
const LINE_BYTES: u64 = 256;

/// Reads who a process is, its namespaces only if they are wanted; `trees` is what is known of the trees
/// that hold it. What cannot be read is empty, and no rule but one for everything means it.
#[must_use]
pub fn identify(procfs: &Path, pid: u32, with_namespaces: bool, trees: Membership) -> Identity {
    let process = procfs.join(pid.to_string());
    let text = |name: &str| fs::read_to_string(process.join(name)).unwrap_or_default();
    let executable = fs::read_link(process.join("exe")).unwrap_or_default().to_string_lossy().into_owned();
    let cgroups = text("cgroup");
    Identity {
        pid,
        name: text("comm").trim_end().to_owned(),
        executable: executable.strip_suffix(" (deleted)").unwrap_or(&executable).to_owned(),
        user: user(&text("status")),
        trees,
        container: container_of(&cgroups),
        cgroups: cgroups.lines().filter_map(|line| Some(line.splitn(3, ':').nth(2)?.to_owned())).collect(),
        namespaces: if with_namespaces { namespaces(procfs, &process) } else { Vec::new() },
    }
}

/// The user that a process runs as, the first number of this line of `/proc/PID/status` (proc(5)).
fn user(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn namespaces(procfs: &Path, process: &Path) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(own) = fs::metadata(process.join("ns/net")) {
        names.push(own.ino().to_string());
        // Where the first process may not be looked at, the agent's own namespace counts as the host's.
        let of = |process: &str| fs::metadata(procfs.join(process).join("ns/net"));
        if of("1").or_else(|_| of("self")).is_ok_and(|host| host.ino() == own.ino()) {
            names.push("host".to_owned());
        }
        let folders = ["1", "self"].map(|process| procfs.join(process).join("root").join(NAMED));
        names.extend(
            folders
                .iter()
                .map(|folder| named(folder, own.ino()))
                .find(|names| !names.is_empty())
                .unwrap_or_default(),
        );
    }
    names.extend(SERVICE_ACCOUNT.iter().find_map(|path| inside(&process.join("root"), path)));
    names
}

/// A line of a file in a container: whatever links and pipes are there, nothing outside is read, and
/// nothing is waited for.
fn inside(root: &Path, path: &str) -> Option<String> {
    let root =
        rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT).ok()?);
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut line = String::new();
    file.take(LINE_BYTES).read_to_string(&mut line).ok()?;
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

/// The names of a network namespace by its inode.
fn named(folder: &Path, inode: u64) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).take(NAMES);
    let paths = entries.map(|entry| entry.path());
    let of_it = |path: &PathBuf| fs::metadata(path).is_ok_and(|namespace| namespace.ino() == inode);
    paths.filter(of_it).filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn this_process_is_known() {
        let own = identify(Path::new("/proc"), std::process::id(), true, Membership::default());
        assert!(own.executable.contains("spanwire"), "{own:?}");
        assert!(!own.name.is_empty());
        assert_eq!(own.user, Some(fs::metadata("/proc/self").unwrap().uid()));
        assert!(own.cgroups.iter().all(|path| path.starts_with('/')) && !own.cgroups.is_empty(), "{own:?}");
        assert!(own.namespaces.iter().any(|name| name.parse::<u64>().is_ok()), "{own:?}");
    }

    #[test]
    fn a_containers_file_is_read_and_nothing_outside_it() {
        let root = std::env::temp_dir().join(format!("spanwire-identity-{}", std::process::id()));
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(root.join("a/name"), "shop\n").unwrap();
        std::os::unix::fs::symlink("/a/name", root.join("link")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", root.join("out")).unwrap();
        assert_eq!(inside(&root, "a/name").as_deref(), Some("shop"));
        assert_eq!(inside(&root, "link").as_deref(), Some("shop"));
        assert_eq!(inside(&root, "out"), None);
        assert_eq!(inside(&root, "a"), None);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn who_is_gone_is_nobody() {
        let nobody = identify(Path::new("/no/such/proc"), 7, true, Membership::default());
        assert_eq!(nobody, Identity { pid: 7, ..Identity::default() });
    }
}
