//! What the figures were measured on.

use std::fs;

/// One line: kernel, processor, processors, whether virtual, memory, load.
pub(crate) fn facts() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpus.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(": ")).map_or("?", |(_, value)| value)
    };
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    // The processor tells its programs that there is a hypervisor (CPUID leaf 1).
    let kind =
        if field("flags").split(' ').any(|flag| flag == "hypervisor") { "virtual" } else { "bare metal" };
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    format!(
        "Linux {}, {count} × {} ({kind}), {} GiB, load before the measurement {load}",
        rustix::system::uname().release().to_string_lossy(),
        field("model name"),
        kib >> 20,
    )
}
