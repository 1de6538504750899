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
    /// Context switches of its threads, of those that live.
    pub(crate) switches: u64,
    /// Its calls of `read`, of files and pipes and not of sockets.
    pub(crate) reads: u64,
    /// MiB resident now.
    pub(crate) resident: f64,
    /// MiB resident at the most.
    pub(crate) peak: f64,
}

impl Usage {
    /// What was used since `before`; memory as it is now.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let (switches, reads) = (self.switches - before.switches, self.reads - before.reads);
        Self { cpu: self.cpu - before.cpu, switches, reads, ..*self }
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
    let mut used = parse(&read("stat")?, &read("status")?)
        .with_context(|| format!("process {pid} is not as expected"))?;
    used.reads = read("io")?.lines().filter_map(|line| number(line, "syscr:")).sum();
    let mut precise = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = task?.path();
        // A thread may end meanwhile.
        let read = |name: &str| fs::read_to_string(path.join(name)).unwrap_or_default();
        used.switches += switches(&read("status"));
        precise += nanoseconds(&read("schedstat"));
    }
    if precise > 0 {
        used.cpu = precise as f64 / 1e9;
    }
    Ok(used)
}

/// Processor time of a thread by `/proc/PID/task/TID/schedstat`, of which `stat` knows only hundredths of a second.
fn nanoseconds(schedstat: &str) -> u64 {
    schedstat.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0)
}

fn number(line: &str, name: &str) -> Option<u64> {
    line.strip_prefix(name)?.trim().parse().ok()
}

fn switches(status: &str) -> u64 {
    let of = |line| number(line, "voluntary_ctxt_switches:").or(number(line, "nonvoluntary_ctxt_switches:"));
    status.lines().filter_map(of).sum()
}

fn parse(stat: &str, status: &str) -> Option<Usage> {
    let cpu = ticks(stat, 11)?;
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
    };
    Some(Usage { cpu, switches: 0, reads: 0, resident: mib("VmRSS:")?, peak: mib("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_of_both_kinds_count() {
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t2\n";
        assert_eq!((switches(status), switches("")), (42, 0));
        assert_eq!((nanoseconds("150995 7 3\n"), nanoseconds("")), (150_995, 0));
    }

    #[test]
    fn times_are_found_behind_any_command() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 100 1 2";
        let usage = parse(stat, "VmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n");
        assert!(usage.is_some_and(|usage| (usage.cpu, usage.resident, usage.peak) == (2.0, 1.0, 2.0)));
        assert!(parse("7 (a", "").is_none());
    }
}
