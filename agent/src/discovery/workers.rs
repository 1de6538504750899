//! The processes that do the same work as one of them: a server's workers.

use std::fs;
use std::path::Path;

/// Most processes of one parent that are looked at.
const CHILDREN: usize = 1024;

/// A process, and those that its parent began with the same program and arguments, if the parent has these itself: it forked
/// them, as servers do their workers.
#[must_use]
pub fn workers(procfs: &Path, pid: u32) -> Vec<u32> {
    let command = |pid: u32| {
        let folder = procfs.join(pid.to_string());
        let executable = fs::read_link(folder.join("exe")).ok()?;
        Some((executable, fs::read(folder.join("cmdline")).ok()?))
    };
    let mut workers = vec![pid];
    let Some(parent) = parent(procfs, pid) else { return workers };
    let Some(own) = command(pid).filter(|own| command(parent).as_ref() == Some(own)) else { return workers };
    let children = procfs.join(format!("{parent}/task/{parent}/children"));
    let children = fs::read_to_string(children).unwrap_or_default();
    let others = children.split_ascii_whitespace().take(CHILDREN).filter_map(|child| child.parse().ok());
    workers.extend(others.filter(|other| *other != pid && command(*other).as_ref() == Some(&own)));
    workers
}

fn parent(procfs: &Path, pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(procfs.join(format!("{pid}/stat"))).ok()?;
    // The name in parentheses may hold some itself; behind it are state and parent.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn workers_are_what_a_parent_forked_of_itself() {
        let procfs = std::env::temp_dir().join(format!("spanwire-workers-{}", std::process::id()));
        let process = |pid: u32, parent: u32, command: &str, children: &str| {
            let folder = procfs.join(pid.to_string());
            fs::create_dir_all(folder.join(format!("task/{pid}"))).unwrap();
            symlink("/usr/bin/python3", folder.join("exe")).unwrap();
            fs::write(folder.join("cmdline"), command).unwrap();
            fs::write(folder.join("stat"), format!("{pid} (a) b) S {parent} 0 0")).unwrap();
            fs::write(folder.join(format!("task/{pid}/children")), children).unwrap();
        };
        process(10, 1, "gunicorn\0app\0", "11 12 13 ");
        process(11, 10, "gunicorn\0app\0", "");
        process(12, 10, "gunicorn\0app\0", "");
        process(13, 10, "python3\0-m\0helper\0", "");
        let of = |pid| workers(&procfs, pid);
        assert_eq!((of(11), of(13), of(10), of(99)), (vec![11, 12], vec![13], vec![10], vec![99]));
        fs::remove_dir_all(procfs).unwrap();
    }
}
