//! What this kernel and these privileges allow, found by trying; what is missing and how to get it.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::binary::{Image, Role, analyse};
use crate::bpf::{LoadError, Options, Point, Programs};
use crate::config::Config;
use crate::discovery::libraries::{self, Library};
use crate::discovery::scope::KernelRules;

/// How a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// As it should be.
    Ok,
    /// As it was asked for, and worth knowing.
    Note,
    /// Tracing works, but sees less than it could.
    Limited,
    /// Tracing does not work.
    Missing,
}

impl Display for Weight {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Limited => "limited",
            Self::Missing => "missing",
        })
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it weighs.
    pub weight: Weight,
    /// What was looked at.
    pub subject: &'static str,
    /// What was found, what it means and, where it is not as it should be, the mend. One line.
    pub message: String,
}

impl Display for Finding {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:<8} {:<14} {}", self.weight, self.subject, self.message)
    }
}

fn finding(weight: Weight, subject: &'static str, message: impl Into<String>) -> Finding {
    Finding { weight, subject, message: message.into() }
}

/// Capabilities that the agent needs, by their numbers (include/uapi/linux/capability.h).
const CAPABILITIES: [(u32, &str, &str); 4] = [
    (39, "CAP_BPF", "load BPF programs"),
    (38, "CAP_PERFMON", "attach them"),
    (19, "CAP_SYS_PTRACE", "read other users' processes in /proc"),
    (2, "CAP_DAC_READ_SEARCH", "open their libraries"),
];
/// Perf-event uprobes need it on kernels with the fix of CVE-2025-38466, and everything on old ones.
const CAP_SYS_ADMIN: u32 = 21;

/// Inode of the root PID namespace: `PROC_PID_INIT_INO` (include/linux/proc_ns.h).
const ROOT_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Looks at everything that can be judged without loading a program.
///
/// `proc` and `sys` are the mounted file systems.
#[must_use]
pub fn examine_host(proc: &Path, sys: &Path) -> Vec<Finding> {
    vec![privileges(proc), pid_namespace(proc), uprobes(sys), lockdown(sys), btf(sys)]
}

/// The effective capabilities of this process, a bit for each by its number (include/uapi/linux/capability.h); none
/// where `/proc` does not say.
#[must_use]
pub fn capabilities(proc: &Path) -> u64 {
    let status = fs::read_to_string(proc.join("self/status")).unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    value.and_then(|value| u64::from_str_radix(value.trim(), 16).ok()).unwrap_or(0)
}

/// Says what the configuration lets out of what is said to models and by them, and what of it is weaker than usual; or
/// why there is no configuration.
#[must_use]
pub fn examine_content(config: &Result<Config, String>) -> Vec<Finding> {
    let policy = match config {
        Ok(config) => &config.content,
        Err(error) => return vec![finding(Weight::Missing, "configuration", error.replace('\n', " "))],
    };
    let holds = policy.summary().into_iter().map(|line| finding(Weight::Ok, "content", line));
    let weaker = policy
        .weaknesses()
        .into_iter()
        .map(|line| finding(Weight::Note, "content", format!("weaker: {line}")));
    holds.chain(weaker).collect()
}

fn privileges(proc: &Path) -> Finding {
    let effective = capabilities(proc);
    let has = |number: u32| effective & (1 << number) != 0;
    if has(CAP_SYS_ADMIN) && CAPABILITIES.iter().skip(2).all(|(number, ..)| has(*number)) {
        return finding(Weight::Ok, "privileges", "all that is needed");
    }
    let missing: Vec<String> = CAPABILITIES
        .iter()
        .filter(|(number, ..)| !has(*number))
        .map(|(_, name, purpose)| format!("{name} (to {purpose})"))
        .collect();
    if missing.is_empty() {
        let message = "no CAP_SYS_ADMIN: kernels with the fix of CVE-2025-38466 refuse uprobes without it; if a \
                       library below is refused, run as root or add it";
        return finding(Weight::Limited, "privileges", message);
    }
    let message =
        format!("no {}: nothing can be traced; run as root (sudo) or grant them", missing.join(", "));
    finding(Weight::Missing, "privileges", message)
}

fn pid_namespace(proc: &Path) -> Finding {
    match fs::read_link(proc.join("self/ns/pid")) {
        Ok(link) if link.as_os_str() == ROOT_PID_NAMESPACE => {
            finding(Weight::Ok, "pid namespace", "the host's")
        }
        Ok(_) => finding(
            Weight::Missing,
            "pid namespace",
            "a container's own: the kernel's process ids mean other processes here; run on the host or with hostPID: \
             true (--pid=host)",
        ),
        Err(error) => finding(
            Weight::Limited,
            "pid namespace",
            format!("unknown ({error}): service names may be wrong; mount /proc"),
        ),
    }
}

fn uprobes(sys: &Path) -> Finding {
    match fs::read_to_string(sys.join("bus/event_source/devices/uprobe/type")) {
        Ok(_) => finding(Weight::Ok, "uprobes", "the kernel has them"),
        Err(error) => finding(
            Weight::Missing,
            "uprobes",
            format!(
                "not in this kernel or /sys is not mounted ({error}): TLS traffic cannot be seen; mount /sys, or use a \
                 kernel with CONFIG_UPROBE_EVENTS=y"
            ),
        ),
    }
}

fn lockdown(sys: &Path) -> Finding {
    let state = fs::read_to_string(sys.join("kernel/security/lockdown")).unwrap_or_default();
    if state.contains("[confidentiality]") {
        return finding(
            Weight::Missing,
            "lockdown",
            "confidentiality: the kernel forbids BPF programs to read memory; boot with lockdown=integrity or none",
        );
    }
    let message = if state.contains("[integrity]") {
        "integrity: all probes in use work under it"
    } else {
        "none seen"
    };
    finding(Weight::Ok, "lockdown", message)
}

fn btf(sys: &Path) -> Finding {
    if sys.join("kernel/btf/vmlinux").exists() {
        return finding(Weight::Ok, "BTF", "present");
    }
    finding(
        Weight::Missing,
        "BTF",
        "absent: the probes cannot find what they read in the kernel; use a kernel with CONFIG_DEBUG_INFO_BTF=y",
    )
}

/// Prints a line for each BPF program with what this kernel's verifier says of it; says whether it took
/// all of them that are needed.
///
/// # Errors
/// When `out` cannot be written.
pub fn list_programs(out: &mut impl Write) -> io::Result<bool> {
    let all = match Programs::statistics(Options::TRIAL) {
        Ok(all) => all,
        Err(error) => {
            writeln!(out, "{}", finding(Weight::Missing, "BPF programs", refused(&error)))?;
            return Ok(false);
        }
    };
    writeln!(out, "{:<24} {:>12} {:>9} {:>11}  stack", "program", "instructions", "verified", "peak states")?;
    for one in &all {
        let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let (verified, peak) = (number(one.verified), number(one.peak_states));
        let refused = one.refused.as_ref().map_or_else(String::new, |reason| format!("  refused: {reason}"));
        let (name, size) = (&one.name, one.instructions);
        writeln!(out, "{name:<24} {size:>12} {verified:>9} {peak:>11}  {}{refused}", one.stack)?;
    }
    Ok(all.iter().all(|one| one.refused.is_none() || one.is_optional))
}

/// Loads the programs and attaches them, to libraries as well, then takes all off again.
///
/// Needs a tokio runtime with I/O.
#[must_use]
pub fn examine_probes(proc: &Path) -> Vec<Finding> {
    let mut programs = match Programs::load(Options::TRIAL, &KernelRules::default()) {
        Ok(programs) => programs,
        Err(error) => return vec![finding(Weight::Missing, "BPF programs", refused(&error))],
    };
    let sizes = programs.sizes();
    let instructions: u64 = sizes.iter().filter_map(|(_, size)| size.map(u64::from)).sum();
    // Linux tells since 5.16.
    let read = if instructions > 0 {
        format!("; the verifier read {instructions} instructions")
    } else {
        String::new()
    };
    let message = format!("{} loaded{read}", sizes.len());
    let mut findings = vec![finding(Weight::Ok, "BPF programs", message)];
    findings.push(match programs.attach_tracepoints() {
        Ok(hooks) => finding(
            Weight::Ok,
            "tracepoints",
            format!("processes, and sockets by {}; neither tracefs nor bpffs is needed", hooks.name()),
        ),
        Err(error) => finding(Weight::Missing, "tracepoints", refused(&error)),
    });
    findings.push(match programs.multi() {
        Some(_) => finding(Weight::Ok, "probes", "uprobe_multi links: after the start CAP_SYS_ADMIN is given up"),
        None => finding(
            Weight::Ok,
            "probes",
            "perf events, since the kernel has no uprobe_multi links (Linux 6.6): after the start a helper process holds \
             CAP_SYS_ADMIN for them in the agent's place",
        ),
    });
    let root = libraries::Root::of(proc, std::process::id());
    let mut found = root.map(|root| libraries::installed(&root, None)).unwrap_or_default();
    for pid in libraries::processes(proc) {
        for library in libraries::mapped(proc, pid, true) {
            if !found.iter().any(|known| known.id == library.id) {
                found.push(library);
            }
        }
    }
    if found.is_empty() {
        let message = "none on this host: programs that hold TLS code themselves are found when they begin; name \
                       libraries elsewhere with --libraries";
        findings.push(finding(Weight::Ok, "TLS libraries", message));
    }
    for library in found {
        let path = library.path.display().to_string();
        findings.push(match examine_library(&mut programs, library) {
            Ok(message) => finding(Weight::Ok, "TLS library", format!("{path}: {message}")),
            Err(reason) => finding(Weight::Limited, "TLS library", format!("{path}: {reason}")),
        });
    }
    findings
}

/// Finds the TLS code of a library and probes it, in this process alone. Says where and at what cost.
fn examine_library(programs: &mut Programs, library: Library) -> Result<String, String> {
    let file = library.handle.open().map_err(|error| error.to_string())?;
    let image = Image::open(file).map_err(|error| error.to_string())?;
    let found = analyse(&image).map_err(|error| error.to_string())?;
    if found.is_empty() {
        return Err("no TLS code that is known; programs that use it are not seen".to_owned());
    }
    let path = library.handle.path();
    let sites =
        || found.iter().flat_map(|code| &code.sites).filter(|site| !matches!(site.role, Role::Key(_)));
    let points: Vec<Point> = sites().map(Point::from).collect();
    let _attached =
        programs.attach(&path, &points, Some(std::process::id())).map_err(|error| refused(&error))?;
    let shown: Vec<String> = sites()
        .filter(|site| site.role != Role::Return)
        .map(|site| format!("{} at {:#x} ({})", site.function, site.offset, site.class.name()))
        .collect();
    Ok(shown.join(", "))
}

/// A load error in one line, with what to do about it.
#[must_use]
pub fn refused(error: &LoadError) -> String {
    let text = error.to_string();
    tracing::debug!("{text}");
    let reason = in_one_line(&text);
    let mend = if text.contains("os error 1)") || text.contains("os error 13)") {
        "; run as root, or see `privileges` and `lockdown` above"
    } else if matches!(error, LoadError::Missing(_)) {
        "; install the agent anew"
    } else {
        "; spanwire needs Linux 5.8 or newer with CONFIG_BPF_SYSCALL, CONFIG_UPROBES and CONFIG_FTRACE_SYSCALLS; \
         `--log debug` shows the kernel's reasons"
    };
    format!("{reason}{mend}")
}

/// An error's first line; where the verifier's log follows, with the last thing that it says before
/// its statistics in place of the first: that is why it refused.
fn in_one_line(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let Some((what, output)) = first.split_once(" Verifier output:") else { return first.to_owned() };
    let statistics = ["verification time", "stack depth", "processed"];
    let said = std::iter::once(output)
        .chain(text.lines().skip(1))
        .filter(|line| {
            !line.trim().is_empty() && !statistics.iter().any(|start| line.trim().starts_with(start))
        })
        .last();
    said.map_or_else(|| what.to_owned(), |said| format!("{what} The verifier says: {}", said.trim()))
}

/// Prints the findings and says whether tracing can work.
///
/// # Errors
/// When `out` cannot be written.
pub fn report(findings: &[Finding], out: &mut impl Write) -> io::Result<bool> {
    for finding in findings {
        writeln!(out, "{finding}")?;
    }
    let worst = findings.iter().map(|finding| finding.weight).max().unwrap_or(Weight::Ok);
    let verdict = match worst {
        Weight::Ok | Weight::Note => "spanwire can trace this host.",
        Weight::Limited => "spanwire can trace this host, with the limits above.",
        Weight::Missing => "spanwire cannot trace this host until what is missing is there.",
    };
    writeln!(out, "\n{verdict}")?;
    Ok(worst < Weight::Missing)
}

#[cfg(test)]
mod tests;
