//! Processes that were described as they began: one that lives for some milliseconds may be gone when its
//! first bytes are looked at.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Process, Procfs};

/// Processes that wait to be taken; beyond it all are forgotten, and read again when they are met.
const WAITING: usize = 4096;

/// Descriptions that one thread makes and another takes, by pid and what tells the program (see
/// [`spanwire_abi::Opened::program`]).
#[derive(Clone, Debug)]
pub struct Begun {
    procfs: Procfs,
    waiting: Arc<Mutex<Waiting>>,
}

type Waiting = BTreeMap<(u32, u64), Arc<Process>>;

impl Begun {
    /// Nobody yet.
    #[must_use]
    pub fn new(procfs: Procfs) -> Self {
        Self { procfs, waiting: Arc::default() }
    }

    /// Describes a process that has just begun its program.
    pub fn describe(&self, pid: u32) {
        let Some(program) = self.procfs.program(pid).filter(|program| *program != 0) else { return };
        let process = Arc::new(self.procfs.read_program(pid, "", program));
        let mut waiting = self.waiting();
        if waiting.len() >= WAITING {
            waiting.clear();
        }
        waiting.insert((pid, program), process);
    }

    /// Takes the description of a process, if it is that of this program.
    #[must_use]
    pub fn take(&self, pid: u32, program: u64) -> Option<Arc<Process>> {
        self.waiting().remove(&(pid, program))
    }

    /// A process is gone.
    pub fn forget(&self, pid: u32) {
        let mut waiting = self.waiting();
        let of_it: Vec<_> = waiting.range((pid, 0)..=(pid, u64::MAX)).map(|(key, _)| *key).collect();
        for key in of_it {
            waiting.remove(&key);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
