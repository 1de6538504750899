//! What a process uses, by `/proc/PID` (proc(5)).

use std::fs;

use anyhow::{Context as _, Result};

/// Clock ticks a second in `/proc/PID/stat`: the same on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Seconds of processor time, in user space and in the kernel.
    pub(crate) cpu: f64,
    /// MiB resident now.
    pub(crate) resident: f64,
    /// MiB resident at the most.
    pub(crate) peak: f64,
}

impl Usage {
    /// The processor time since `before`; memory as it is now.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self { cpu: self.cpu - before.cpu, ..*self }
    }
}

/// Seconds of processor time of a process and of the children that it has.
pub(crate) fn cpu_with_children(pid: u32) -> Result<f64> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let all = children.split_whitespace().filter_map(|child| child.parse().ok()).chain([pid]);
    all.map(|pid| Ok(usage(pid)?.cpu)).sum()
}

/// Seconds of processor time of the children of this process that have ended.
pub(crate) fn cpu_of_ended_children() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    ticks(&stat, 13).context("this process's times are not as expected")
}

/// The sum of two neighbouring times, in seconds. The command before them may hold spaces and
/// parentheses; behind it stands field 3, and `skipped` more fields stand before the times.
fn ticks(stat: &str, skipped: usize) -> Option<f64> {
    let mut times = stat.rsplit_once(')')?.1.split_whitespace().skip(skipped);
    let mut next = || times.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / TICKS)
}

/// Reads it.
pub(crate) fn usage(pid: u32) -> Result<Usage> {
    let read = |name: &str| {
        let path = format!("/proc/{pid}/{name}");
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    };
    parse(&read("stat")?, &read("status")?).with_context(|| format!("process {pid} is not as expected"))
}

fn parse(stat: &str, status: &str) -> Option<Usage> {
    let cpu = ticks(stat, 11)?;
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
    };
    Some(Usage { cpu, resident: mib("VmRSS:")?, peak: mib("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_command() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 100 1 2";
        let usage = parse(stat, "VmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n");
        assert!(usage.is_some_and(|usage| (usage.cpu, usage.resident, usage.peak) == (2.0, 1.0, 2.0)));
        assert!(parse("7 (a", "").is_none());
    }
}
