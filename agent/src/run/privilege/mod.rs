//! What the agent gives up once it has begun, so that a bug in what reads others' traffic lets in as little as may be:
//! capabilities, new privileges, system calls, and for the threads that export, files and ports.
//!
//! Capabilities and confinement are of threads, and go on to those that a thread starts. So what starts threads does so on one
//! that has given up what they do not need (`within`), and the main thread, which may still start a command, gives up its own
//! at the end (`finish`), where all threads are looked at. SECURITY.md says what this is good for, and what not.

mod capabilities;
mod confinement;
mod helper;
mod syscalls;
mod threads;
mod within;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread::{self, ScopedJoinHandle};

use anyhow::Context as _;
use rustix::thread::CapabilitySet;
use tracing::{debug, info, warn};

use super::PROC;
use crate::bpf::{Control, LoadError, Multi, Programs, Wakeups};
use crate::config::{self, Config};
use crate::preflight::{Finding, Weight};
use confinement::{Confinement, NETWORK};
pub use helper::{SUBCOMMAND, attach_uprobes};
use syscalls::Exceptions;
use within::make;

/// What there is to do after the start besides tracing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Nothing.
    #[default]
    None,
    /// Signals are handed on to a command.
    Command,
    /// Programs are started: the main thread keeps all that it has, and no system call is refused.
    Programs,
}

/// What is given up, and what came of it.
#[derive(Debug)]
pub(super) struct Hardening {
    is_on: bool,
    /// What the threads that trace keep.
    kept: CapabilitySet,
    is_by_perf_events: bool,
    /// The process that makes them in the agent's place.
    helper: Option<u32>,
    /// Where the threads that export connect to; none where that is not known.
    ports: Option<BTreeSet<u16>>,
    /// Where they write.
    queue: Option<PathBuf>,
    /// Whether the bounding set could be emptied.
    is_unbounded: bool,
    /// What is in force, for the operator.
    told: Vec<String>,
}

impl Hardening {
    /// As the operator wants it. Nothing is given up yet.
    pub(super) fn of(config: &Config) -> Self {
        Self {
            is_on: config.hardening,
            kept: capabilities::tracing(),
            is_by_perf_events: false,
            helper: None,
            ports: confinement::ports(&config.otlp, &config::environment()),
            queue: config.otlp_queue.as_ref().map(|queue| queue.folder.clone()),
            is_unbounded: true,
            told: Vec::new(),
        }
    }

    /// Starts what exports, on a thread that may do no more than that; so do the threads that it starts.
    ///
    /// # Errors
    /// When there can be no thread, or as `start` says.
    pub(super) fn export<T: Send>(
        &mut self,
        start: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        if !self.is_on {
            return start();
        }
        let (ports, queue) = (self.ports.clone(), self.queue.clone());
        if let Some(folder) = &queue {
            make(folder)?;
        }
        let (confined, started) = on_a_thread(|| {
            let folders: Vec<_> = queue.iter().map(PathBuf::as_path).collect();
            let confined = confinement::confine_but_for(&folders, ports.as_ref());
            let kept = capabilities::keep(capabilities::EXPORTING);
            ((confined, kept), start())
        })?;
        let (confined, kept) = confined;
        self.confined(confined);
        self.kept_by("export", kept);
        started
    }

    /// Where probes are perf events, begins a process that makes them; where it cannot be, the agent keeps what they take. To be
    /// called on the main thread, with which that process ends.
    pub(super) fn separate(&mut self, programs: &mut Programs) {
        self.is_by_perf_events = programs.multi().is_none();
        if !self.is_on || !self.is_by_perf_events {
            return;
        }
        let begun = helper::begin().map_err(LoadError::Attacher).and_then(|(pid, attacher)| {
            programs.delegate(attacher)?;
            Ok(pid)
        });
        match begun {
            Ok(pid) => {
                self.helper = Some(pid);
                // It is of no use to anybody else.
                self.kept = self.kept.difference(CapabilitySet::PERFMON);
            }
            Err(error) => {
                self.kept |= capabilities::PERF_EVENTS;
                self.warn(format!(
                    "CAP_SYS_ADMIN stays, since no helper process holds it in the agent's place: {error}"
                ));
            }
        }
    }

    /// Finds out what the kernel asks for to use what is loaded: where capabilities about BPF are not needed for that, they are
    /// given up, too.
    pub(super) fn spare(&mut self, multi: Option<&Multi>, control: &mut Control) {
        let attaches = || multi.map_or(self.helper.is_some(), |multi| multi.is_allowed().is_ok());
        let mut works = || {
            let steers = control.drops().is_ok() && control.wake_for(Wakeups::First).is_ok();
            steers && attaches()
        };
        let less = self.kept.difference(capabilities::LOADING);
        // Where this fails, they stay.
        let tried = self.is_on
            && on_a_thread(|| capabilities::keep(less).is_ok() && works()).is_ok_and(|worked| worked);
        if tried {
            self.kept = less;
        }
    }

    /// Starts what puts probes on processes, on a thread that keeps what that takes from then on; so do the threads that it
    /// starts.
    ///
    /// # Errors
    /// When there can be no thread, or as `start` says.
    pub(super) fn hooks<T: Send, E: From<anyhow::Error> + Send>(
        &mut self,
        start: impl FnOnce() -> Result<T, E> + Send,
    ) -> Result<T, E> {
        if !self.is_on {
            return start();
        }
        let all = self.kept | capabilities::HASTE;
        let (kept, started) = on_a_thread(|| (capabilities::keep(all), start()))?;
        self.kept_by("put probes on processes", kept);
        started
    }

    /// Gives up what is left to give up, for all threads, and looks whether it is gone. To be called on the main thread, after
    /// the start and before traffic is read; says what is in force. What the kernel refuses is told as a warning.
    pub(super) fn finish(&mut self, duty: Duty) -> Vec<String> {
        if !self.is_on {
            let held = capabilities::held().map_or_else(|error| error.to_string(), capabilities::names);
            warn!(
                "hardening is off: the agent keeps to its end what it was started with ({held}), and may make any system \
                 call: a bug that lets somebody in gives all of that away"
            );
            return vec!["off".to_owned()];
        }
        if duty == Duty::Programs {
            debug!("hardened in part: programs are still to be started");
            return vec!["in part: programs are started".to_owned()];
        }
        if duty == Duty::Command {
            self.kept |= capabilities::SIGNALS;
        }
        let kept = capabilities::keep(self.kept);
        self.kept_by("trace", kept);
        let held = capabilities::held().unwrap_or(self.kept);
        self.told.insert(0, format!("capabilities kept: {}", capabilities::names(held)));
        if !self.is_unbounded {
            self.told.push(
                "the bounding set is as it was (no CAP_SETPCAP): no_new_privs makes it idle".to_owned(),
            );
        }
        let makes_events = self.is_by_perf_events && self.helper.is_none();
        let exceptions = Exceptions { perf_events: makes_events, signals: duty == Duty::Command };
        match syscalls::refuse(exceptions) {
            Ok(count) => self.told.push(format!("system calls refused, in all or in part: {count}")),
            Err(error) => self.warn(format!(
                "no system call is refused ({error}): who gets into the agent may start programs and load BPF programs with \
                 what it keeps; use a kernel with CONFIG_SECCOMP_FILTER=y"
            )),
        }
        self.look();
        if let Some(pid) = self.helper {
            self.look_at_helper(pid);
        }
        info!("hardened: {}", self.told.join("; "));
        std::mem::take(&mut self.told)
    }

    fn kept_by(&mut self, who: &str, kept: std::io::Result<bool>) {
        match kept {
            Ok(is_unbounded) => self.is_unbounded &= is_unbounded,
            Err(error) => self.warn(format!(
                "the threads that {who} keep all capabilities: {error}; a bug in them gives away more than it must"
            )),
        }
    }

    fn confined(&mut self, confined: anyhow::Result<Confinement>) {
        let places = match &self.ports {
            Some(ports) if ports.is_empty() => "connect nowhere over TCP".to_owned(),
            Some(ports) => {
                let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
                format!("connect over TCP to ports {} alone", ports.join(", "))
            }
            None => "connect anywhere, since a proxy's port is not known".to_owned(),
        };
        match confined {
            Ok(Confinement::By(abi)) => {
                let files = match &self.queue {
                    Some(folder) => format!("threads that export write files in {} alone", folder.display()),
                    None => "threads that export write no files".to_owned(),
                };
                self.told.push(if abi >= NETWORK {
                    format!("{files}, and {places}")
                } else {
                    format!("{files}; where they connect to is not restricted before Linux 6.7")
                });
            }
            Ok(Confinement::None) => {
                self.told.push("threads that export are not confined: the kernel has no Landlock".to_owned());
            }
            Err(error) => {
                self.warn(format!("the threads that export may write files and connect anywhere: {error}"));
            }
        }
    }

    /// Looks at each thread, and warns of what it still has.
    fn look(&mut self) {
        let threads = match threads::of(Path::new(PROC), std::process::id()) {
            Ok(threads) => threads,
            Err(error) => {
                return self.warn(format!(
                    "whether all threads have given up what they should is not known: {error}"
                ));
            }
        };
        let kept = self.kept | capabilities::HASTE;
        let mut complaints = BTreeSet::new();
        for thread in threads {
            let beyond = thread.beyond(kept, self.is_unbounded);
            if !beyond.is_empty() || !thread.no_new_privileges {
                complaints.insert(format!(
                    "a thread ({}) has more than it should: {}{}",
                    thread.name,
                    capabilities::names(beyond),
                    if thread.no_new_privileges {
                        ""
                    } else {
                        ", and programs that it starts may gain privileges"
                    }
                ));
            }
        }
        for complaint in complaints {
            self.warn(complaint);
        }
    }

    /// Looks at the process that makes perf events.
    fn look_at_helper(&mut self, pid: u32) {
        let name = format!("a helper process ({pid}), which attaches probes and does nothing else");
        match threads::of(Path::new(PROC), pid).as_deref() {
            Ok([thread]) => {
                let may = capabilities::PERF_EVENTS | CapabilitySet::PERFMON;
                let beyond = thread.beyond(may, self.is_unbounded);
                if beyond.is_empty() && thread.no_new_privileges && thread.is_filtered {
                    let held = capabilities::names(thread.beyond(CapabilitySet::empty(), false));
                    return self.told.push(format!("{held} is held by {name}"));
                }
                self.warn(format!("{name}, has more than it should: {}", capabilities::names(beyond)));
            }
            Ok(_) => self.warn(format!("{name}, is not as it should be")),
            Err(error) => self.warn(format!("{name}, cannot be looked at: {error}")),
        }
    }

    fn warn(&mut self, text: String) {
        warn!("{text}");
        self.told.push(text);
    }
}

/// What the kernel has to be hardened with, found by trying it on a thread of its own.
#[must_use]
pub fn examine() -> Finding {
    let subject = "hardening";
    let tried = on_a_thread(|| (confinement::confine(Some(&BTreeSet::new())), syscalls::try_here()));
    let mut lacks = Vec::new();
    match tried {
        Ok((confined, filtered)) => {
            match confined {
                Ok(Confinement::By(abi)) if abi >= NETWORK => {}
                Ok(Confinement::By(_)) => lacks.push(
                    "Landlock knows no ports before Linux 6.7: threads that export may connect anywhere".to_owned(),
                ),
                Ok(Confinement::None) => lacks.push(
                    "no Landlock (Linux 5.13, CONFIG_SECURITY_LANDLOCK and `landlock` in lsm=): threads that export may \
                     write files and connect anywhere"
                        .to_owned(),
                ),
                Err(error) => lacks.push(format!("Landlock refuses its rules: {error}")),
            }
            if let Err(error) = filtered {
                lacks.push(format!("no filter of system calls (CONFIG_SECCOMP_FILTER): {error}"));
            }
        }
        Err(error) => lacks.push(error.to_string()),
    }
    if lacks.is_empty() {
        let message = "system calls, files and ports that the agent does not need can be refused to it";
        return Finding { weight: Weight::Ok, subject, message: message.to_owned() };
    }
    Finding { weight: Weight::Limited, subject, message: lacks.join("; ") }
}

/// Does something on a thread of its own, and waits for it.
fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    thread::scope(|scope| {
        let begun = thread::Builder::new().name("start".to_owned()).spawn_scoped(scope, work);
        let done = begun.context("cannot start a thread").map(ScopedJoinHandle::join)?;
        Ok(done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
