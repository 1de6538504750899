//! The processes that were described already.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::{Process, Procfs};

/// Remembers processes by pid, so that all spans of one share its description.
#[derive(Debug)]
pub struct ProcessTable {
    procfs: Procfs,
    pub(super) known: HashMap<u32, Known>,
    max: usize,
    /// Processes that are gone, in the order of their ends.
    ended: VecDeque<u32>,
}

/// Processes that are kept after their ends.
const ENDED: usize = 64;

#[derive(Debug)]
pub(super) struct Known {
    /// `None` when the process was gone before it could be read.
    start_ticks: Option<u64>,
    process: Arc<Process>,
}

impl ProcessTable {
    /// Remembers at most `max` processes; past it one is forgotten, to be read again when needed.
    #[must_use]
    pub fn new(procfs: Procfs, max: usize) -> Self {
        Self { procfs, known: HashMap::new(), max, ended: VecDeque::new() }
    }

    /// The process that has this pid now, or the last known one that had it.
    pub fn get(&mut self, pid: u32) -> Arc<Process> {
        let now = self.procfs.start_ticks(pid);
        if let Some(known) = self.known.get(&pid)
            // A process that is gone stays what it was: its last spans are made after its exit.
            && (now.is_none() || now == known.start_ticks)
        {
            return Arc::clone(&known.process);
        }
        let process = Arc::new(self.procfs.read(pid, None));
        if now.is_some() {
            self.remember(pid, now, &process);
        }
        process
    }

    /// Reads a process that is new, and remembers it: it may be gone when its span is made.
    /// `command` names it if it is gone already.
    pub fn meet(&mut self, pid: u32, command: &str) {
        if self.known.contains_key(&pid) && !self.ended.contains(&pid) {
            return;
        }
        let start_ticks = self.procfs.start_ticks(pid);
        let process = Arc::new(self.procfs.read(pid, Some(command)));
        self.ended.retain(|ended| *ended != pid);
        self.remember(pid, start_ticks, &process);
    }

    fn remember(&mut self, pid: u32, start_ticks: Option<u64>, process: &Arc<Process>) {
        self.make_room(pid);
        self.known.insert(pid, Known { start_ticks, process: Arc::clone(process) });
    }

    /// Forgets a process: it replaced its program.
    pub fn forget(&mut self, pid: u32) {
        self.known.remove(&pid);
    }

    /// A process is gone. Its sockets end only now, and with them its last spans are made: it is
    /// forgotten when others have ended after it.
    pub fn ended(&mut self, pid: u32) {
        if !self.known.contains_key(&pid) {
            return;
        }
        self.ended.push_back(pid);
        if self.ended.len() > ENDED
            && let Some(gone) = self.ended.pop_front()
            && !self.ended.contains(&gone)
        {
            self.known.remove(&gone);
        }
    }

    fn make_room(&mut self, pid: u32) {
        if self.known.len() >= self.max
            && !self.known.contains_key(&pid)
            && let Some(any) = self.known.keys().next().copied()
        {
            self.known.remove(&any);
        }
    }
}
