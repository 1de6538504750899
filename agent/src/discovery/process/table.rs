//! The processes that were described already.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::{Begun, Process, Procfs};

/// Remembers processes by pid, so that all spans of one share its description.
#[derive(Debug)]
pub struct ProcessTable {
    procfs: Procfs,
    pub(super) known: HashMap<u32, Known>,
    max: usize,
    /// Processes that are gone, in the order of their ends.
    ended: VecDeque<u32>,
    /// Processes that were described as they began.
    begun: Option<Begun>,
    /// Grows each time that what is known is doubted, about once a second.
    era: u64,
}

/// How often a process is searched for a tracer at the most: programs load theirs at their begin, or soon after.
const LOOKS: u8 = 3;

/// Eras after which it is looked again whether somebody listens to a process that is set up to export spans.
const LISTENERS_AGAIN: u64 = 20;

/// A process to which nobody listened for so many eras, at any look, exports nothing: its attempts are refused, and
/// carry no bytes that could be seen.
const UNHEARD: u64 = 60;

/// Processes that are kept after their ends.
const ENDED: usize = 64;

#[derive(Debug)]
pub(super) struct Known {
    /// `None` when the process was gone before it could be read.
    start_ticks: Option<u64>,
    /// Tells the program that is described; 0 when that is not known.
    program: u64,
    /// The era in which it was last looked at.
    seen: u64,
    /// How often it was searched for a tracer.
    looks: u8,
    /// The era of the last search.
    looked: u64,
    /// Since which era nobody listens where it is set up to export to.
    unheard: Option<u64>,
    process: Arc<Process>,
}

impl Known {
    /// Searches the process for a tracer, if it is not known yet whether it exports spans; if it is set up to,
    /// looks whether somebody listens.
    fn look(&mut self, procfs: &Procfs, pid: u32) {
        let is_due = match self.process.exports_spans {
            _ if self.looks == 0 => true,
            None => self.looks < LOOKS,
            Some(_) => self.seen >= self.looked + LISTENERS_AGAIN,
        };
        if !is_due {
            return;
        }
        (self.looks, self.looked) = (self.looks.saturating_add(1), self.seen);
        let (set_up, is_unheard) = procfs.exports_spans(pid);
        self.unheard = is_unheard.then_some(self.unheard.unwrap_or(self.seen));
        let is_in_vain = self.unheard.is_some_and(|since| self.seen >= since + UNHEARD);
        // What was read at the begin holds where it can be read no more.
        let exports_spans = if is_in_vain { Some(false) } else { set_up.or(self.process.exports_spans) };
        if exports_spans != self.process.exports_spans {
            self.process = Arc::new(Process { exports_spans, ..(*self.process).clone() });
        }
    }
}

impl ProcessTable {
    /// Remembers at most `max` processes; past it one is forgotten, to be read again when needed.
    #[must_use]
    pub fn new(procfs: Procfs, max: usize) -> Self {
        Self { procfs, known: HashMap::new(), max, ended: VecDeque::new(), begun: None, era: 0 }
    }

    /// Takes processes that another thread described as they began.
    #[must_use]
    pub fn with(mut self, begun: Begun) -> Self {
        self.begun = Some(begun);
        self
    }

    /// The process that has this pid now, or the last known one that had it. One that is known is looked at
    /// again only after its end, or when it was doubted: the kernel tells when a pid changes hands.
    pub fn get(&mut self, pid: u32) -> Arc<Process> {
        if let Some(known) = self.known.get(&pid)
            && known.seen == self.era
            && known.looks > 0
            && !self.ended.contains(&pid)
        {
            return Arc::clone(&known.process);
        }
        let now = self.procfs.start_ticks(pid);
        if let Some(known) = self.known.get_mut(&pid)
            // A process that is gone stays what it was: its last spans are made after its exit.
            && (now.is_none() || now == known.start_ticks)
        {
            known.seen = self.era;
            known.look(&self.procfs, pid);
            return Arc::clone(&known.process);
        }
        let process = Arc::new(self.procfs.read(pid, None));
        if now.is_none() {
            return process;
        }
        self.remember(pid, now, 0, &process);
        self.known.get_mut(&pid).map_or(process, |known| {
            known.look(&self.procfs, pid);
            Arc::clone(&known.process)
        })
    }

    /// How many processes are remembered.
    #[must_use]
    pub fn known(&self) -> usize {
        self.known.len()
    }

    /// Lets each process be looked at again before it is believed: an end may have been lost, and its pid be
    /// another's by now.
    pub fn doubt(&mut self) {
        self.era += 1;
    }

    /// Reads a process that is new, and remembers it: it may be gone when its span is made.
    /// `command` names it if it is gone already, or runs another program than `program` by now.
    pub fn meet(&mut self, pid: u32, command: &str, program: u64) {
        let same = |known: &Known| program == 0 || known.program == 0 || known.program == program;
        if self.known.get(&pid).is_some_and(same) && !self.ended.contains(&pid) {
            return;
        }
        let start_ticks = self.procfs.start_ticks(pid);
        let begun = self.begun.as_ref().and_then(|begun| begun.take(pid, program));
        let process = begun.unwrap_or_else(|| Arc::new(self.procfs.read_program(pid, command, program)));
        self.ended.retain(|ended| *ended != pid);
        self.remember(pid, start_ticks, program, &process);
    }

    fn remember(&mut self, pid: u32, start_ticks: Option<u64>, program: u64, process: &Arc<Process>) {
        self.make_room(pid);
        let process = Arc::clone(process);
        self.known.insert(
            pid,
            Known {
                start_ticks,
                program,
                seen: self.era,
                looks: 0,
                looked: self.era,
                unheard: None,
                process,
            },
        );
    }

    /// A process replaced its program. One that was known goes on with what it had open, and is read
    /// now, while it is there.
    pub fn replaced(&mut self, pid: u32, program: u64) {
        let known = self.known.remove(&pid).is_some() && !self.ended.contains(&pid);
        if known && self.procfs.program(pid).is_some_and(|now| now == program) {
            self.meet(pid, "", program);
        }
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
