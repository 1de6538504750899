//! What the agent gives up once it has begun, by what the kernel says of its threads; and that it traces all the same.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::OFlags;
use rustix::io::retry_on_intr;
use spanwire_e2e::agent::{Agent, command, finished};
use spanwire_e2e::scene::Scene;
use spanwire_e2e::transcript::Transcript;
use spanwire_e2e::{DEADLINE, Setup};

/// What it says when it has given up what it does not need.
const HARDENED: &str = "hardened: ";

// By their numbers (include/uapi/linux/capability.h).
const DAC_READ_SEARCH: u64 = 1 << 2;
const KILL: u64 = 1 << 5;
const IPC_LOCK: u64 = 1 << 14;
const SYS_PTRACE: u64 = 1 << 19;
const SYS_ADMIN: u64 = 1 << 21;
const SYS_NICE: u64 = 1 << 23;
const PERFMON: u64 = 1 << 38;
const BPF: u64 = 1 << 39;
const TRACING: u64 = DAC_READ_SEARCH | IPC_LOCK | SYS_PTRACE;
// Where the kernel asks for them to use what is loaded.
const LOADING: u64 = PERFMON | BPF;

/// `/proc/PID/task/TID/status` of each thread, by field.
fn threads(pid: u32) -> Result<Vec<BTreeMap<String, String>>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        // One that waited for work may be gone meanwhile.
        let Ok(text) = fs::read_to_string(entry?.path().join("status")) else { continue };
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        threads.push(fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect());
    }
    Ok(threads)
}

/// Which process makes perf events, where there is one.
fn helper(log: &str) -> Option<u32> {
    let (_, named) = log.split_once("CAP_SYS_ADMIN is held by a helper process (")?;
    named.split_once(')')?.0.parse().ok()
}

/// Whether a descriptor only names its file, as those do which the agent hands over while it asks for a probe (open(2),
/// `O_PATH`).
fn is_handle(pid: u32, descriptor: &OsStr) -> Result<bool> {
    let Ok(info) = fs::read_to_string(Path::new("/proc").join(format!("{pid}/fdinfo")).join(descriptor))
    else {
        return Ok(true);
    };
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).context("no flags")?;
    let flags = u32::from_str_radix(flags.trim(), 8)?;
    Ok(flags & OFlags::PATH.bits() != 0)
}

/// Checks that the process that makes perf events has what that takes, and nothing else.
fn helper_is_alone(pid: u32) -> Result<()> {
    let threads = threads(pid)?;
    let [thread] = threads.as_slice() else { bail!("{threads:?}") };
    let text = |name: &str| thread.get(name).map(String::as_str).unwrap_or_default();
    for (name, expected) in
        [("CapPrm", SYS_ADMIN), ("CapEff", SYS_ADMIN), ("CapInh", 0), ("CapBnd", 0), ("CapAmb", 0)]
    {
        ensure!(u64::from_str_radix(text(name), 16)? == expected, "{name}: {thread:?}");
    }
    ensure!(text("NoNewPrivs") == "1" && text("Seccomp") == "2", "{thread:?}");
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let entry = entry?;
        // What is gone since was a file that a probe was put on.
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let target = target.display().to_string();
        let is_known =
            target.starts_with("socket:") || target == "/dev/null" || target == "anon_inode:bpf-prog";
        ensure!(is_known || is_handle(pid, &entry.file_name())?, "it has {target}");
    }
    ensure!(fs::read(format!("/proc/{pid}/environ"))?.is_empty(), "it has the agent's environment");
    Ok(())
}

/// Checks that each thread has given up what it should; `more` is what they may keep besides.
fn all_are_hardened(pid: u32, log: &str, more: u64) -> Result<()> {
    // Where probes are perf events.
    if let Some(pid) = helper(log) {
        helper_is_alone(pid)?;
    }
    let threads = threads(pid)?;
    ensure!(threads.len() > 3, "{threads:?}");
    for thread in &threads {
        let text = |name: &str| thread.get(name).map(String::as_str).unwrap_or_default();
        let set = |name: &str| u64::from_str_radix(text(name), 16);
        let exports = matches!(text("Name"), "export" | "console");
        let may = if exports { IPC_LOCK } else { TRACING | LOADING | SYS_NICE | more };
        for name in ["CapPrm", "CapEff"] {
            let held = set(name)?;
            ensure!(held & !may == 0, "{name} of {}: {held:x}, not {may:x}: {thread:?}", text("Name"));
            ensure!(exports || held & TRACING == TRACING, "{name} of {}: {held:x}", text("Name"));
        }
        for name in ["CapInh", "CapBnd", "CapAmb"] {
            ensure!(set(name)? == 0, "{name} of {}: {thread:?}", text("Name"));
        }
        ensure!(text("NoNewPrivs") == "1" && text("Seccomp") == "2", "{thread:?}");
    }
    Ok(())
}

/// Clients that begin after it, with libraries that were not analysed before and in containers (`containers.rs`), are traced as
/// ever: nearly all other tests run a hardened agent, too.
#[tokio::test]
async fn an_agent_that_has_given_up_its_privileges_traces_what_begins_then() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let log = scene.agent.log().wait_for("hardening", DEADLINE, |log| log.contains(HARDENED)).await?;
    ensure!(!log.contains("WARN"), "{log}");
    let pid = scene.agent.pid().context("the agent runs")?;
    all_are_hardened(pid, &log, 0)?;
    scene.curl("gpt-4o-mini").run().await?;
    let done = scene.python("aiohttp_client.py").run().await?;
    // Threads that were begun meanwhile, too.
    all_are_hardened(pid, &log, 0)?;
    let status = scene.agent.status_text().await?;
    ensure!(status.contains("\nHardening\n  capabilities kept: "), "{status}");
    let outcome = scene.finish(2).await?;
    outcome.compare(&done.calls)
}

/// Perf events are all that there is before Linux 6.6. They are made by a process of its own, for processes that begin later,
/// too; it ends with the agent, however that ends.
#[tokio::test]
async fn perf_events_are_made_by_a_helper_process_that_ends_with_the_agent() -> Result<()> {
    let scene = Scene::tls(&["--uprobes", "perf-events", "--tls", "calls"]).await?;
    let log = scene.agent.log().wait_for("hardening", DEADLINE, |log| log.contains(HARDENED)).await?;
    ensure!(!log.contains("WARN"), "{log}");
    all_are_hardened(scene.agent.pid().context("the agent runs")?, &log, 0)?;
    let process = pidfd(helper(&log).context("there is a helper process")?)?;
    let done = scene.python("aiohttp_client.py").run().await?;
    let outcome = scene.finish(1).await?;
    outcome.compare(&done.calls)?;
    ended(&process)?;

    let agent = Agent::showing(&Setup::find()?, &["--uprobes", "perf-events"]).await?;
    let log = agent.log().wait_for("hardening", DEADLINE, |log| log.contains(HARDENED)).await?;
    let process = pidfd(helper(&log).context("there is a helper process")?)?;
    // Killed.
    drop(agent);
    ended(&process)
}

fn pidfd(pid: u32) -> Result<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(pid.try_into()?).context("a process id")?;
    Ok(rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())?)
}

/// Waits until it has.
fn ended(process: &OwnedFd) -> Result<()> {
    let timeout = DEADLINE.try_into()?;
    // The end of another process may interrupt it.
    let count = retry_on_intr(|| poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&timeout)))?;
    ensure!(count == 1, "it does not end");
    Ok(())
}

#[tokio::test]
async fn without_hardening_it_says_so() -> Result<()> {
    const OFF: &str = "hardening is off";
    let agent = Agent::showing(&Setup::find()?, &["--hardening", "off"]).await?;
    agent.log().wait_for(OFF, DEADLINE, |log| log.contains(OFF)).await?;
    let pid = agent.pid().context("the agent runs")?;
    let status = agent.status_text().await?;
    ensure!(status.contains("\nHardening\n  off\n"), "{status}");
    ensure!(threads(pid)?.iter().all(|thread| thread.get("Seccomp").is_some_and(|mode| mode == "0")));
    agent.stop().await?;
    Ok(())
}

/// What is run under the agent has all that the agent was started with, and signals reach it whoever it runs as.
#[tokio::test]
async fn a_command_keeps_what_the_agent_gives_up() -> Result<()> {
    const FIELDS: &str = "grep -E '^(CapPrm|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status";
    let setup = Setup::find()?;
    let bare = finished(tokio::process::Command::new("sh").args(["-c", FIELDS])).await?;
    let mut traced = command(&setup);
    traced.args(["run", "--output", "console", "--", "sh", "-c", FIELDS]);
    let output = finished(&mut traced).await?;
    let (shown, expected) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&bare.stdout));
    ensure!(shown.contains(&*expected), "{shown}\nwithout the agent:\n{expected}");

    const NOBODY: &str = "65534";
    const SCRIPT: &str = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let mut traced = command(&setup);
    traced.args(["run", "--", "setpriv", "--reuid", NOBODY, "--clear-groups", "sh", "-c", SCRIPT]);
    let mut agent = traced.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let view = Transcript::of("agent's view", agent.stdout.take().context("no output")?);
    let log = Transcript::of("agent's log", agent.stderr.take().context("no log")?);
    view.wait_for("the command", DEADLINE, |view| view.contains("ready")).await?;
    let said = log.wait_for("hardening", DEADLINE, |log| log.contains(HARDENED)).await?;
    let pid = agent.id().context("the agent runs")?;
    all_are_hardened(pid, &said, KILL)?;
    let id = rustix::process::Pid::from_raw(pid.try_into()?).context("a process id")?;
    rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
    let status = tokio::time::timeout(DEADLINE, agent.wait()).await??;
    ensure!(status.code() == Some(9), "{status}: {}", log.wait_for_end(DEADLINE).await?);
    Ok(())
}
