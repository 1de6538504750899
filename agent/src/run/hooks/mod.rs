//! Puts probes on processes and takes them off, on a thread of its own: what `attach` wishes, carried
//! out.

mod code;
mod programs;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use anyhow::Context;
use rustix::process::{getpriority_process, setpriority_process};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tracing::{debug, info, warn};

use super::StartError;
use super::expedite::Expedited;
use crate::attach::Sign;
use crate::bpf::{Attachment, Programs};
use crate::discovery::libraries::{FileId, Library};
use crate::telemetry::Counters;
use code::{Code, code_of};
use worker::Worker;

enum Command {
    Sign(u32, Sign),
    Judged(u32, bool),
    Ended(u32),
    Analysed(Box<(u32, FileId, Option<Arc<Code>>)>),
    Stop,
}

/// The thread that holds the probes.
pub(super) struct Hooks {
    commands: UnboundedSender<Command>,
    worker: JoinHandle<()>,
}

impl Hooks {
    /// Attaches to the tracepoints, and watches for the use of the libraries that are installed, in use,
    /// or named by the operator; then waits for signs of processes.
    pub(super) fn start(
        mut programs: Programs,
        named: &[PathBuf],
        counters: &Arc<Counters>,
    ) -> Result<Self, StartError> {
        let standing = programs.standing()?;
        let (commands, waiting) = unbounded_channel();
        let sockets = programs.attach_tracepoints()?;
        let analyser = analyser(commands.clone(), Arc::clone(counters));
        let mut worker = Worker::new(programs, standing, analyser, detacher(), Arc::clone(counters));
        for path in named {
            let library = Library::at(path.clone())
                .with_context(|| format!("--libraries names {}, which cannot be read", path.display()))?;
            if worker.code(library).is_none() {
                let error =
                    anyhow::anyhow!("--libraries names {}, in which no TLS code is found", path.display());
                return Err(error.into());
            }
        }
        let found = worker.survey();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .context("cannot watch for processes")?;
        let signs = {
            let _inside = runtime.enter();
            worker.signs()?
        };
        info!("capture is on: {found} files with TLS code, sockets by {}", sockets.name());
        let worker = thread::Builder::new()
            .name("hooks".to_owned())
            .spawn(move || {
                hurry();
                runtime.block_on(worker.serve(signs, waiting));
            })
            .context("cannot start a thread")?;
        Ok(Self { commands, worker })
    }

    /// A sign that a process may be of interest.
    pub(super) fn sign(&self, pid: u32, sign: Sign) {
        self.send(Command::Sign(pid, sign));
    }

    /// A process made an exchange over TLS: with a provider, or not.
    pub(super) fn judged(&self, pid: u32, of_interest: bool) {
        self.send(Command::Judged(pid, of_interest));
    }

    /// A process is gone.
    pub(super) fn ended(&self, pid: u32) {
        self.send(Command::Ended(pid));
    }

    fn send(&self, command: Command) {
        // The worker ends only with this value.
        let _ = self.commands.send(command);
    }

    /// Takes all probes off.
    pub(super) fn detach(self) {
        self.send(Command::Stop);
        if self.worker.join().is_err() {
            warn!(
                "the thread that holds the probes failed; the kernel takes them off when the agent is gone"
            );
        }
    }
}

/// This thread's work takes some 100 µs a process, and is of use only before that has come to its first
/// call: it goes first.
fn hurry() {
    const FIRST: i32 = -20;
    let refused = setpriority_process(None, FIRST).is_err();
    if refused || getpriority_process(None).is_ok_and(|priority| priority != FIRST) {
        debug!("probes may come too late for programs that live for some milliseconds: no CAP_SYS_NICE");
    }
}

/// Analyses files that need not be known at once.
fn analyser(done: UnboundedSender<Command>, counters: Arc<Counters>) -> Sender<(u32, Library)> {
    let (files, waiting) = channel::<(u32, Library)>();
    thread::spawn(move || {
        while let Ok((pid, library)) = waiting.recv() {
            let id = library.id;
            let code = code_of(library, &counters);
            if done.send(Command::Analysed(Box::new((pid, id, code)))).is_err() {
                return;
            }
        }
    });
    files
}

/// Takes probes off, which takes some 10 ms each.
fn detacher() -> Sender<Vec<Attachment>> {
    let (attachments, waiting) = channel::<Vec<Attachment>>();
    thread::spawn(move || {
        while let Ok(attachments) = waiting.recv() {
            let _expedited = Expedited::begin();
            drop(attachments);
        }
    });
    attachments
}
