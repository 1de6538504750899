//! What the agent's process uses of the host.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::LazyLock;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Opened before threads are confined: what serves metrics may open no file (`run/privilege`).
static STATUS: LazyLock<io::Result<File>> = LazyLock::new(|| File::open("/proc/self/status"));

/// Bytes of `/proc/self/status` that are read; it has some 1,500.
const STATUS_BYTES: usize = 16 << 10;

/// What a process uses; what the kernel does not say is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Processor time of all threads since the start.
    pub(super) cpu: Duration,
    /// Memory that is resident.
    pub(super) resident_bytes: u64,
    pub(super) threads: u64,
}

/// To be called before threads are confined: what is measured later is opened.
pub fn prepare() {
    LazyLock::force(&STATUS);
}

/// What this process uses now.
pub(super) fn usage() -> Usage {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let cpu = Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    );
    let mut text = vec![0; STATUS_BYTES];
    // From its begin each time, at which the kernel writes it anew.
    let read = STATUS.as_ref().ok().and_then(|file| file.read_at(&mut text, 0).ok());
    text.truncate(read.unwrap_or_default());
    let (resident_bytes, threads) = parse(&String::from_utf8_lossy(&text));
    Usage { cpu, resident_bytes, threads }
}

/// Bytes that are resident, and threads (proc(5), `/proc/PID/status`).
fn parse(status: &str) -> (u64, u64) {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    (field("VmRSS").unwrap_or_default().saturating_mul(1024), field("Threads").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_read() {
        let status = "Name:\tspanwire\nVmHWM:\t    9 kB\nVmRSS:\t   40960 kB\nThreads:\t31\n";
        assert_eq!(parse(status), (40 << 20, 31));
        assert_eq!(parse("VmRSS: much\n"), (0, 0));
    }

    #[test]
    fn this_process_uses_something_and_what_is_read_is_of_now() {
        prepare();
        let before = usage();
        assert!(before.cpu > Duration::ZERO && before.resident_bytes > 0);
        // Touched, so that it is resident.
        let large = vec![1_u8; 64 << 20];
        let after = usage();
        assert!(after.resident_bytes > before.resident_bytes, "{before:?} {after:?} {}", large.len());
        assert!(after.cpu >= before.cpu);
    }
}
