//! One test, in a process of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::{Test, leftovers, report};
use crate::command::as_root;

/// How long a test may take before it is killed and counts as failed.
const LIMIT: Duration = Duration::from_secs(600);

/// Where a test's helpers put what they see (`tests/e2e/src/evidence.rs`). The agent does not get it.
const EVIDENCE: &str = "SPANWIRE_TEST_FOLDER";

/// What came of a test that was run.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    /// Where its output and its evidence are.
    pub(super) folder: PathBuf,
    pub(super) took: Duration,
    /// Why it failed, if it did, in its own words where it has said something.
    pub(super) failure: Option<String>,
}

/// Runs a test; when this returns, neither it nor what it has started runs any more.
///
/// # Errors
/// If it cannot be started, or its folder not made.
pub(super) fn run(test: &Test, folder: &Path, environment: &[(&'static str, OsString)]) -> Result<Attempt> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot empty {}", folder.display()));
        }
        _ => fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?,
    }
    let path = folder.join("output.log");
    let output = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    let kept: Vec<&str> =
        environment.iter().map(|(name, _)| *name).chain([EVIDENCE, leftovers::MARK]).collect();
    let mut command = as_root(&test.executable, &kept);
    command.args(["--exact", &test.id, "--include-ignored", "--nocapture", "--test-threads=1"]);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.env(EVIDENCE, folder).env(leftovers::MARK, folder);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);

    let began = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {}", test.id))?;
    let ended = ended_within(&child, LIMIT);
    // Before the child is waited for, so that its number is still its own. Whoever is in no group of this
    // test's is found by the mark.
    let group = Pid::from_child(&child);
    let _ = kill_process_group(group, Signal::KILL);
    leftovers::end(folder)?;
    let status = child.wait()?;
    let took = began.elapsed();

    let said = || String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
    let failure = if !ended? {
        Some(format!("killed after {} s; at the end it said:\n{}", LIMIT.as_secs(), report::tail(&said())))
    } else if status.success() {
        None
    } else {
        Some(report::error_text(&said()).unwrap_or_else(|| format!("{status}\n{}", report::tail(&said()))))
    };
    Ok(Attempt { folder: folder.to_owned(), took, failure })
}

/// Waits until the child has ended, but does not take note of it. False when `limit` has passed before.
fn ended_within(child: &Child, limit: Duration) -> Result<bool> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).context("cannot watch a test")?;
    let began = Instant::now();
    loop {
        let left = Timespec::try_from(limit.saturating_sub(began.elapsed()))?;
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&left)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait for a test"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;
    use std::process::Command;

    #[test]
    fn an_end_is_seen_and_a_limit_kept() {
        let mut child = Command::new("true").spawn().unwrap();
        assert!(ended_within(&child, LIMIT).unwrap());
        assert!(child.wait().unwrap().success());
        let mut child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        assert!(!ended_within(&child, Duration::from_millis(1)).unwrap());
        kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap();
        assert!(ended_within(&child, LIMIT).unwrap());
        assert!(!child.wait().unwrap().success());
    }
}
