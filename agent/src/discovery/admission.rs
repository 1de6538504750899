//! Whom the operator wants traced: asked once for each program that a process runs.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::identity::identify;
use super::scope::{RuleError, lineage};
use crate::attach::{Membership, Scope, Standing};
use crate::config::Rule;
use crate::event::Ends;

/// Processes that are remembered.
const PROCESSES: usize = 16_384;

/// Says which process trees hold a process.
pub type Trees = Arc<dyn Fn(u32) -> Membership + Send + Sync>;

/// The operator's rules, and how they stand to the processes that were met. Clones share what is known:
/// who a process is must be read as it begins, for it may be gone when its first bytes are looked at.
#[derive(Clone)]
pub struct Admission {
    scope: Arc<Scope>,
    procfs: PathBuf,
    /// Whether processes that are out of scope are kept from the agent.
    is_enforced: bool,
    trees: Trees,
    known: Arc<Mutex<HashMap<u32, Standing>>>,
}

impl Admission {
    /// Reads who processes are below `procfs`. Where the kernel side enforces all rules about processes,
    /// whoever it tells of is in scope.
    #[must_use]
    pub fn new(scope: Scope, procfs: PathBuf, is_enforced: bool, trees: Trees) -> Self {
        Self { scope: Arc::new(scope), procfs, is_enforced, trees, known: Arc::default() }
    }

    /// The same by rules that only include, and of which the kernel side knows nothing; none where there are none.
    ///
    /// # Errors
    /// When the root of a tree is not there.
    pub fn by(rules: Vec<Rule>, procfs: PathBuf) -> Result<Option<Self>, RuleError> {
        let trees = lineage(&rules, procfs.clone())?;
        Ok((!rules.is_empty()).then(|| Self::new(Scope::new(rules, Vec::new()), procfs, false, trees)))
    }

    /// Whether it must be found out who a process is that the kernel side tells of.
    #[must_use]
    pub fn asks_for_processes(&self) -> bool {
        !self.is_enforced && self.scope.asks_for_processes()
    }

    /// How the rules stand to a process that the kernel side tells of. One that is gone before it was asked
    /// about is nobody that a rule could name.
    #[must_use]
    pub fn of_process(&self, pid: u32) -> Standing {
        if self.asks_for_processes() { self.of_any(pid) } else { Standing::Admitted }
    }

    /// How the rules stand to any process.
    #[must_use]
    pub fn of_any(&self, pid: u32) -> Standing {
        if !self.scope.asks_for_processes() {
            return Standing::Admitted;
        }
        if let Some(standing) = self.known().get(&pid) {
            return *standing;
        }
        let identity = identify(&self.procfs, pid, self.scope.asks_for_namespaces(), (self.trees)(pid));
        let standing = self.scope.of_process(&identity);
        let mut known = self.known();
        if known.len() >= PROCESSES {
            known.clear();
        }
        known.insert(pid, standing);
        standing
    }

    /// A process is gone, or runs another program.
    pub fn forget(&self, pid: u32) {
        self.known().remove(&pid);
    }

    /// Whether a client's connection is traced, as far as it is known where it leads.
    #[must_use]
    pub fn admits_client(&self, ends: Option<Ends>) -> bool {
        ends.and_then(Ends::peer).is_none_or(|peer| self.scope.admits_port(peer.port()))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<u32, Standing>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
