//! Looks into files for TLS code, on threads of its own. A program that has just begun may make its
//! only call within some milliseconds, and a large file takes longer than that: so small ones have a
//! thread for themselves, which goes first; and those that no process waits for one that goes last.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::process::setpriority_process;
use tokio::sync::mpsc::UnboundedSender;
use tracing::warn;

use super::code::code_of;
use super::{Command, hurry};
use crate::binary::Known;
use crate::discovery::libraries::{Library, Patient};
use crate::telemetry::Counters;

/// Most bytes of a small file: programs in Go that do one thing have some 10 MB.
const SMALL_BYTES: u64 = 48 << 20;

/// How long one file may take. The largest take some 0.5 s, and ten times as long from a slow disk.
const LIMIT: Duration = Duration::from_secs(20);
/// Files of each kind that may be without an answer, their threads with them, before no more are looked
/// into.
const HELD_UP: usize = 8;

/// A file, and the process that uses it, or 0.
type Job = (u32, Library);

/// The ways to the threads; dropping it ends them.
pub(super) struct Analyser {
    small: Sender<Job>,
    large: Sender<Job>,
    unused: Sender<Job>,
}

impl Analyser {
    /// Starts the threads; what is found becomes [`Command::Analysed`].
    pub(super) fn start(
        found: &UnboundedSender<Command>,
        known: &Arc<Known>,
        counters: &Arc<Counters>,
    ) -> Self {
        let begin = |haste: fn()| {
            let (jobs, waiting) = channel();
            let (found, known, counters) = (found.clone(), Arc::clone(known), Arc::clone(counters));
            thread::spawn(move || {
                haste();
                serve(&waiting, &found, (&Patient::new(HELD_UP, haste), LIMIT), (&known, &counters));
            });
            jobs
        };
        Self { small: begin(hurry), large: begin(|| {}), unused: begin(give_way) }
    }

    /// Looks into a file for a process, or for 0: before any uses it.
    pub(super) fn send(&self, pid: u32, library: Library) {
        let thread = match pid {
            0 => &self.unused,
            _ if library.id.bytes() <= SMALL_BYTES => &self.small,
            _ => &self.large,
        };
        // A thread ends only with this value, or when nobody waits for what it finds.
        let _ = thread.send((pid, library));
    }
}

/// What this thread does can wait.
fn give_way() {
    const LAST: i32 = 10;
    // Refused, it takes its share.
    let _ = setpriority_process(None, LAST);
}

fn serve(
    waiting: &Receiver<Job>,
    found: &UnboundedSender<Command>,
    patience: (&Patient, Duration),
    (known, counters): (&Arc<Known>, &Counters),
) {
    let mut jobs = VecDeque::new();
    loop {
        let Some((pid, library)) = jobs.pop_front().or_else(|| waiting.recv().ok()) else { return };
        let id = library.id;
        let code = code_of(library, patience, known, counters).unwrap_or_else(|library| {
            counters.libraries_refused.increment();
            warn!(
                "{} is not analysed: its file system does not answer; programs that use it are not seen",
                library.path.display()
            );
            None
        });
        // Others began the same program meanwhile.
        jobs.extend(waiting.try_iter());
        let (alike, others): (VecDeque<Job>, _) = jobs.into_iter().partition(|(_, library)| library.id == id);
        jobs = others;
        for pid in std::iter::once(pid).chain(alike.into_iter().map(|(pid, _)| pid)) {
            if found.send(Command::Analysed(Box::new((pid, id, code.clone())))).is_err() {
                return;
            }
        }
    }
}
