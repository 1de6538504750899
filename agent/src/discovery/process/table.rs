//! The processes that were described already.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Process, Procfs};

/// Remembers processes by pid, so that all spans of one share its description.
#[derive(Debug)]
pub struct ProcessTable {
    procfs: Procfs,
    pub(super) known: HashMap<u32, Known>,
    max: usize,
}

#[derive(Debug)]
pub(super) struct Known {
    start_ticks: u64,
    process: Arc<Process>,
}

impl ProcessTable {
    /// Remembers at most `max` processes; past it one is forgotten, to be read again when needed.
    #[must_use]
    pub fn new(procfs: Procfs, max: usize) -> Self {
        Self { procfs, known: HashMap::new(), max }
    }

    /// The process that has this pid now, or the last known one that had it.
    pub fn get(&mut self, pid: u32) -> Arc<Process> {
        let now = self.procfs.start_ticks(pid);
        if let Some(known) = self.known.get(&pid)
            // A process that is gone stays what it was: its last spans are made after its exit.
            && now.is_none_or(|start_ticks| start_ticks == known.start_ticks)
        {
            return Arc::clone(&known.process);
        }
        let process = Arc::new(self.procfs.read(pid));
        if let Some(start_ticks) = now {
            self.make_room(pid);
            self.known.insert(pid, Known { start_ticks, process: Arc::clone(&process) });
        }
        process
    }

    /// Whether the process was read since it began its program.
    #[must_use]
    pub fn knows(&self, pid: u32) -> bool {
        self.known.contains_key(&pid)
    }

    /// Forgets a process: after it replaced its program, or when its last span is made.
    pub fn forget(&mut self, pid: u32) {
        self.known.remove(&pid);
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
