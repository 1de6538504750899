//! Keeps what the agent holds of others, session keys and prompts, out of core dumps, of other users' debuggers, and of
//! the swap.

use std::io;
use std::path::Path;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tracing::debug;

use super::PROC;
use crate::preflight;

/// `CAP_IPC_LOCK` (include/uapi/linux/capability.h).
const IPC_LOCK: u64 = 1 << 14;

/// Keeps what is in memory out of core dumps, and of other users' debuggers; a refusal is told in the log at debug.
pub(super) fn hide() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        debug!("a core dump of the agent would hold what it read: {error}");
    }
}

/// Keeps it out of the swap; a refusal is told in the log at debug. To be called before anything is read of others, and not
/// much sooner: of memory that is locked malloc(3) gives nothing back but what was mapped by itself (madvise(2),
/// `MADV_DONTNEED`).
pub(super) fn lock() {
    if let Err(error) = lock_memory() {
        debug!("the agent's memory may go to the swap: {error}");
    }
}

/// Locks what memory is used, now and later. Without the capability the limit on locked memory holds, and beyond it no more
/// memory at all would be had: so it is left.
fn lock_memory() -> io::Result<()> {
    if preflight::capabilities(Path::new(PROC)) & IPC_LOCK == 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "no CAP_IPC_LOCK"));
    }
    Ok(mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)?)
}
