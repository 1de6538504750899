//! Puts probes on processes and takes them off, on a thread of its own: what `attach` decides, carried
//! out.

mod analyser;
mod code;
mod files;
mod peers;
mod programs;
mod worker;

use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getpriority_process, getrlimit, setpriority_process, setrlimit};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot::{self, error::TryRecvError};
use tracing::{debug, info, warn};

use super::StartError;
use super::expedite::Expedited;
use super::status::FileReport;
use crate::attach::{Reason, Sign, TlsMode};
use crate::binary::Known;
use crate::bpf::{Attachment, Programs, SocketHooks};
use crate::discovery::admission::Admission;
use crate::discovery::libraries::{FileId, Library};
use crate::discovery::process::Begun;
use crate::event::Ends;
use crate::telemetry::Counters;
use analyser::Analyser;
use code::Code;
use worker::{Helpers, Worker};

enum Command {
    Sign(u32, Sign),
    Judged(u32, bool),
    Called(u32),
    /// It takes part in traces.
    Traced(u32),
    Ended(u32, u64),
    /// A process exchanges HTTP on this connection.
    Met(u32, Ends),
    /// The operator does not want it traced.
    Exclude(u32),
    /// Connections of which nothing was wanted are to be looked at again.
    LookAgain,
    /// Somebody wants to know what is held.
    Tell(oneshot::Sender<Held>),
    /// How much is held is to be said in the gauges; answered when it is.
    Measure(oneshot::Sender<()>),
    Analysed(Box<(u32, FileId, Option<Arc<Code>>)>),
    Stop,
}

/// What the operator wants of the thread that holds the probes.
pub(super) struct HookOptions<'a> {
    /// Libraries to watch from the start.
    pub(super) libraries: &'a [PathBuf],
    /// How TLS is read.
    pub(super) mode: TlsMode,
    /// Whether the peers of processes that ask providers carry probes, too.
    pub(super) follow_peers: bool,
    /// Which processes' requests are followed from their start on.
    pub(super) services: Option<Admission>,
}

/// What the thread holds.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Files with TLS code.
    pub(super) files: Vec<FileReport>,
    /// Processes with probes.
    pub(super) processes: Vec<Probed>,
}

/// A process with probes.
#[derive(Debug)]
pub(super) struct Probed {
    pub(super) pid: u32,
    /// The kernel's short name for it.
    pub(super) name: String,
    pub(super) reason: Reason,
    /// The files on whose use it carries them.
    pub(super) files: Vec<String>,
}

/// The thread that holds the probes.
pub(super) struct Hooks {
    commands: UnboundedSender<Command>,
    worker: JoinHandle<()>,
    /// What it was asked to measure and has not yet.
    measuring: Option<oneshot::Receiver<()>>,
}

impl Hooks {
    /// Takes over programs that see sockets and processes, and watches for the use of the libraries that are installed, in use,
    /// or named by the operator; then waits for signs of processes. Those that get probes as they begin are
    /// described in `begun`.
    pub(super) fn start(
        (mut programs, sockets): (Programs, SocketHooks),
        admission: Admission,
        begun: Begun,
        options: &HookOptions<'_>,
        counters: &Arc<Counters>,
    ) -> Result<Self, StartError> {
        let standing = programs.standing()?;
        let (commands, waiting) = unbounded_channel();
        raise_limit();
        let known = Arc::new(Known::default());
        let analyser = Analyser::start(&commands, &known, counters);
        let peers = options.follow_peers.then(|| peers::finder(commands.clone()));
        let helpers = Helpers { analyser, detacher: detacher(), peers };
        let who = (admission, options.services.clone(), begun);
        let mut worker = Worker::new(programs, standing, who, known, helpers, (options.mode, counters));
        for path in options.libraries {
            let library = Library::at(path.clone())
                .with_context(|| format!("--libraries names {}, which cannot be read", path.display()))?;
            if worker.code(None, library).is_none() {
                let error =
                    anyhow::anyhow!("--libraries names {}, in which no TLS code is found", path.display());
                return Err(error.into());
            }
        }
        let found = worker.survey();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
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
        Ok(Self { commands, worker, measuring: None })
    }

    /// A sign that a process may be of interest.
    pub(super) fn sign(&self, pid: u32, sign: Sign) {
        self.send(Command::Sign(pid, sign));
    }

    /// A process made an exchange over TLS: with a provider, or not.
    pub(super) fn judged(&self, pid: u32, of_interest: bool) {
        self.send(Command::Judged(pid, of_interest));
    }

    /// Something of interest was seen at the calls of a process's TLS library.
    pub(super) fn called(&self, pid: u32) {
        self.send(Command::Called(pid));
    }

    /// A process takes part in traces: requests that it is sent are of interest.
    pub(super) fn traced(&self, pid: u32) {
        self.send(Command::Traced(pid));
    }

    /// A process is gone, since this time of the kernel's clock.
    pub(super) fn ended(&self, pid: u32, time_ns: u64) {
        self.send(Command::Ended(pid, time_ns));
    }

    /// A process exchanges HTTP on this connection.
    pub(super) fn met(&self, pid: u32, ends: Ends) {
        self.send(Command::Met(pid, ends));
    }

    /// The operator does not want a process traced.
    pub(super) fn exclude(&self, pid: u32) {
        self.send(Command::Exclude(pid));
    }

    /// More connections are of interest than those that were looked at.
    pub(super) fn look_again(&self) {
        self.send(Command::LookAgain);
    }

    /// What is held now.
    pub(super) fn held(&self) -> oneshot::Receiver<Held> {
        let (answer, held) = oneshot::channel();
        self.send(Command::Tell(answer));
        held
    }

    /// To be called about once a second: the thread says how much it holds, and by that, that it goes on.
    pub(super) fn measure(&mut self) {
        // One that is held up is asked once.
        let is_busy =
            self.measuring.as_mut().is_some_and(|asked| matches!(asked.try_recv(), Err(TryRecvError::Empty)));
        if !is_busy {
            let (answer, asked) = oneshot::channel();
            self.measuring = Some(asked);
            self.send(Command::Measure(answer));
        }
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

/// A process with probes takes some five descriptors, a file with TLS code two more: as many as are
/// allowed may be needed.
fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        debug!("some {:?} descriptors must do: {error}", limit.current);
    }
}

/// Threads that take probes off.
const DETACHERS: usize = 16;

/// Takes probes off, which takes some 10 ms each: the kernel waits for a grace period. Threads that wait at the same
/// time wait for the same one; a single thread falls behind where tens of processes a second come and go.
fn detacher() -> Sender<Vec<Attachment>> {
    let (attachments, waiting) = channel::<Vec<Attachment>>();
    let waiting = Arc::new(Mutex::new(waiting));
    for _ in 0..DETACHERS {
        let waiting = Arc::clone(&waiting);
        thread::spawn(move || {
            loop {
                // Locked until there is something to take off, and no longer.
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(attachments) = next else { return };
                let _expedited = Expedited::begin();
                drop(attachments);
            }
        });
    }
    attachments
}
