//! Attaching at once. The kernel waits for an RCU grace period when it attaches a uprobe after a pause,
//! 10 to 40 ms on an idle machine (`register_for_each_vma` in kernel/events/uprobes.c takes a per-CPU
//! semaphore for writing): longer than a program like curl lives. Asked to expedite grace periods, it
//! waits less than one. It is asked for for the attachment's time only.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The switch (Documentation/RCU): any number but 0 expedites.
const SWITCH: &str = "/sys/kernel/rcu_expedited";

/// Is there while we have the switch on, so that after an agent that was killed the next one knows whose
/// doing it is. Gone with the next boot, as the switch's position is.
const MARK: &str = "/run/spanwire.rcu_expedited";

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
            if fs::read(SWITCH).ok()?.trim_ascii() != b"0" {
                return None;
            }
            // Where no mark can be made the switch helps all the same.
            let _ = fs::write(MARK, "");
            if fs::write(SWITCH, "1").is_err() {
                let _ = fs::remove_file(MARK);
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
        if *asking == 0 {
            switch_off();
        }
    }
}

/// Sets the switch back that an agent left on when it was killed.
pub(super) fn restore() {
    if Path::new(MARK).exists() {
        switch_off();
    }
}

fn switch_off() {
    if let Err(error) = fs::write(SWITCH, "0") {
        tracing::warn!(
            "{SWITCH} could not be set back to 0: {error}; it costs the host some speed; set it by hand"
        );
    }
    // Not there where it could not be made.
    let _ = fs::remove_file(MARK);
}
