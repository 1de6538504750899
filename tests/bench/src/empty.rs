//! Hooks that do nothing: what peers' hooks cost at the least, and what ours cost above it.

use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::Path;

use anyhow::{Context as _, Result};
use aya::Ebpf;
use aya::programs::loaded_programs;
use aya::programs::raw_trace_point::RawTracePoint;
use aya::programs::uprobe::{UProbe, UProbeAttachLocation, UProbeScope};
use spanwire::bpf::Multi;

use crate::sites::Site;
use crate::stats::Table;

const ENTRY: &str = "empty_entry";
const RETURN: &str = "empty_return";

/// Empty programs, attached until dropped.
pub(crate) struct Empty {
    _ebpf: Ebpf,
    _links: Vec<OwnedFd>,
}

impl Empty {
    /// At these sites of a file in all processes, by perf events: as libbpf, cilium/ebpf and aya attach,
    /// and with them all peers.
    pub(crate) fn by_perf_events(object: &Path, file: &Path, sites: &[Site]) -> Result<Self> {
        let mut ebpf = load(object)?;
        for name in [ENTRY, RETURN] {
            let program: &mut UProbe = ebpf.program_mut(name).context(name)?.try_into()?;
            program.load()?;
            for site in sites.iter().filter(|site| site.at_return == (name == RETURN)) {
                let location = UProbeAttachLocation::AbsoluteOffset(site.offset);
                program.attach(location, file, UProbeScope::AllProcesses)?;
            }
        }
        Ok(Self { _ebpf: ebpf, _links: Vec::new() })
    }

    /// At these sites of a file for one process, as the agent attaches: by `uprobe_multi` links, or perf
    /// events where the kernel has no such links.
    pub(crate) fn as_the_agent(
        object: &Path,
        file: &Path,
        sites: &[Site],
        process: Option<u32>,
    ) -> Result<Self> {
        let ebpf = load(object)?;
        let Ok(multi) = Multi::load(&fs::read(object)?, &ebpf, &[ENTRY, RETURN]) else {
            return Self::by_perf_events(object, file, sites);
        };
        let mut links = Vec::new();
        for (name, at_return) in [(RETURN, true), (ENTRY, false)] {
            let offsets: Vec<u64> =
                sites.iter().filter(|site| site.at_return == at_return).map(|site| site.offset).collect();
            links.push(multi.attach(name, file, &offsets, process, at_return)?);
        }
        Ok(Self { _ebpf: ebpf, _links: links })
    }

    /// At the begin and the end of every system call on this host.
    pub(crate) fn on_system_calls(object: &Path) -> Result<Self> {
        let mut ebpf = load(object)?;
        for (name, tracepoint) in [("empty_sys_enter", "sys_enter"), ("empty_sys_exit", "sys_exit")] {
            let program: &mut RawTracePoint = ebpf.program_mut(name).context(name)?.try_into()?;
            program.load()?;
            program.attach(tracepoint)?;
        }
        Ok(Self { _ebpf: ebpf, _links: Vec::new() })
    }

    /// Detaches, which takes some 10 ms a uprobe.
    pub(crate) async fn detach(self) -> Result<()> {
        Ok(tokio::task::spawn_blocking(move || drop(self)).await?)
    }
}

fn load(object: &Path) -> Result<Ebpf> {
    Ebpf::load_file(object).with_context(|| format!("the BPF object {}", object.display()))
}

/// How often a program ran and for how long, while the kernel kept such statistics.
#[derive(Clone, Debug)]
pub(crate) struct Runs {
    pub(crate) name: String,
    pub(crate) count: u64,
    pub(crate) ns: u64,
}

impl Runs {
    /// Adds a row: load, program, runs of a request, nanoseconds of a run and of a request. What ran less
    /// than once in a hundred requests is left out.
    pub(crate) fn add_to(self, table: &mut Table, load: &str, requests: u64) {
        let each = self.count as f64 / requests as f64;
        if each >= 0.01 {
            let (of_run, of_request) = (self.ns as f64 / self.count as f64, self.ns as f64 / requests as f64);
            let (load, each) = (load.to_owned(), format!("{each:.2}"));
            table.row([load, self.name, each, format!("{of_run:.0}"), format!("{of_request:.0}")]);
        }
    }
}

/// The kernel counts the runs of programs, and times them, as long as this lives.
pub(crate) struct Statistics(#[expect(dead_code, reason = "held for its drop")] OwnedFd);

impl Statistics {
    pub(crate) fn on() -> Result<Self> {
        Ok(Self(aya::sys::enable_stats(aya::sys::Stats::RunTime)?))
    }

    /// What programs did since they were loaded, as far as statistics were on. Read from the
    /// descriptors' `/proc/self/fdinfo`.
    pub(crate) fn runs(&self) -> Result<Vec<Runs>> {
        let mut runs = Vec::new();
        for program in loaded_programs() {
            let program = program?;
            // Gone since it was listed.
            let Ok(descriptor) = program.fd() else { continue };
            let number = descriptor.as_fd().as_raw_fd();
            let text = fs::read_to_string(format!("/proc/self/fdinfo/{number}"))?;
            let field = |name: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
            };
            let name = program.name_as_str().unwrap_or_default().to_owned();
            runs.push(Runs { name, count: field("run_cnt:"), ns: field("run_time_ns:") });
        }
        runs.retain(|runs| runs.count > 0);
        Ok(runs)
    }
}
