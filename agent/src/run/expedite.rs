//! Attaching at once. The kernel waits for an RCU grace period when it attaches a uprobe after a pause,
//! 10 to 40 ms on an idle machine (`register_for_each_vma` in kernel/events/uprobes.c takes a per-CPU
//! semaphore for writing): longer than a program like curl lives. Asked to expedite grace periods, it
//! waits less than one. The wish is made for the attachment's time only.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The switch (Documentation/RCU): any number but 0 expedites.
const SWITCH: &str = "/sys/kernel/rcu_expedited";

/// How many ask for it now.
static ASKING: Mutex<usize> = Mutex::new(0);

fn asking() -> MutexGuard<'static, usize> {
    ASKING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Grace periods are expedited until the last of these is dropped. Taking probes off needs one as well:
/// who attaches meanwhile would wait for the same grace period.
pub(super) struct Expedited(());

impl Expedited {
    /// None where the kernel does not let us, or does so anyway.
    pub(super) fn begin() -> Option<Self> {
        let mut asking = asking();
        if *asking == 0 {
            let path = Path::new(SWITCH);
            let off = fs::read(path).ok()?.trim_ascii() == b"0";
            if !off || fs::write(path, "1").is_err() {
                return None;
            }
        }
        *asking += 1;
        Some(Self(()))
    }
}

impl Drop for Expedited {
    fn drop(&mut self) {
        let mut asking = asking();
        *asking = asking.saturating_sub(1);
        if *asking == 0
            && let Err(error) = fs::write(SWITCH, "0")
        {
            tracing::warn!(
                "{SWITCH} could not be set back to 0: {error}; it costs the host some speed; set it by hand"
            );
        }
    }
}
