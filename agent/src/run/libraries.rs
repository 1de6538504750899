//! Attaching to TLS libraries, off the event loop: each takes some 10 ms.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::Context;
use tokio::task::{JoinHandle, spawn_blocking};
use tracing::{debug, info, warn};

use super::{PROC, StartError};
use crate::bpf::Programs;
use crate::discovery::libraries::{FileId, Library, installed, mapped, mapped_by_all};
use crate::telemetry::Counters;

/// Processes that may wait for a look at their libraries; more find those of their kind attached by
/// the time the queue has room.
const WAITING: usize = 1024;

/// The worker that holds the probes.
pub(super) struct Libraries {
    processes: SyncSender<u32>,
    worker: JoinHandle<()>,
    counters: Arc<Counters>,
}

impl Libraries {
    /// Attaches to the libraries that are installed, in use, or named by the operator, and to the
    /// tracepoints; then waits for processes that bring others.
    pub(super) fn attach(
        mut programs: Programs,
        named: &[PathBuf],
        counters: &Arc<Counters>,
    ) -> Result<Self, StartError> {
        let mut attached = HashSet::new();
        for path in named {
            let library = Library::at(path.clone())
                .with_context(|| format!("--libraries names {}, which cannot be read", path.display()))?;
            if attached.insert(library.file) {
                programs.attach_library(path).with_context(|| {
                    format!("--libraries names {}, which cannot be hooked", path.display())
                })?;
            }
        }
        for library in installed().into_iter().chain(mapped_by_all(Path::new(PROC))) {
            hook(&mut programs, &mut attached, &library, counters);
        }
        programs.attach_tracepoints()?;
        let hooked = attached.len() as u64 - counters.libraries_refused.get();
        info!("capture is on: {hooked} TLS libraries and all sockets");
        let (processes, waiting) = sync_channel(WAITING);
        let counted = Arc::clone(counters);
        let worker = spawn_blocking(move || serve(&mut programs, &mut attached, &waiting, &counted));
        Ok(Self { processes, worker, counters: Arc::clone(counters) })
    }

    /// Has a look at what a process maps. Never blocks: where too many wait already, it is counted.
    pub(super) fn look_at(&self, pid: u32) {
        if self.processes.try_send(pid).is_err() {
            self.counters.processes_not_examined.increment();
        }
    }

    /// Takes all probes off.
    pub(super) async fn detach(self) {
        drop(self.processes);
        if self.worker.await.is_err() {
            warn!(
                "the worker that holds the probes failed; the kernel takes them off when the agent is gone"
            );
        }
    }
}

fn serve(
    programs: &mut Programs,
    attached: &mut HashSet<FileId>,
    waiting: &Receiver<u32>,
    counters: &Counters,
) {
    while let Ok(pid) = waiting.recv() {
        for library in mapped(Path::new(PROC), pid) {
            if !attached.contains(&library.file) {
                hook(programs, attached, &library, counters);
            }
        }
    }
}

/// Attaches to a library once; a failure is told once, too.
fn hook(programs: &mut Programs, attached: &mut HashSet<FileId>, library: &Library, counters: &Counters) {
    if !attached.insert(library.file) {
        return;
    }
    match programs.attach_library(&library.path) {
        Ok(done) => debug!("hooked {}: {}", library.path.display(), done.functions.join(", ")),
        Err(error) => {
            counters.libraries_refused.increment();
            warn!(
                "{} cannot be hooked: {}; the TLS traffic of programs that use it is not seen",
                library.path.display(),
                crate::preflight::refused(&error)
            );
        }
    }
}
