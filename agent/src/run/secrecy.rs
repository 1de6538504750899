//! Keeps what the agent holds of others, session keys and prompts, out of core dumps and of other users' debuggers.

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tracing::debug;

/// Asks the kernel for it; a refusal is told in the log at debug.
pub(super) fn begin() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        debug!("a core dump of the agent would hold what it read: {error}");
    }
}
