//! Says what is held: to who asks, and in the gauges.

use std::collections::HashSet;
use std::path::Path;

use super::super::super::PROC;
use super::super::{Held, Probed};
use super::Worker;
use crate::attach::Membership;
use crate::discovery::identity::identify;

impl Worker {
    pub(super) fn held(&self) -> Held {
        let path = |id| Some(self.files.get(id)??.path.display().to_string());
        let processes = self.hooked.iter().map(|(&pid, hooked)| Probed {
            pid,
            name: identify(Path::new(PROC), pid, false, Membership::default()).name,
            reason: self.policy.reason(pid),
            files: hooked.files.iter().filter_map(path).collect(),
        });
        Held { files: self.files.codes().map(|code| code.report()).collect(), processes: processes.collect() }
    }

    /// Says how much is held, in the gauges.
    pub(super) fn measure(&self) {
        let gauges = &self.counters.gauges;
        let carrying = self.hooked.values().filter(|hooked| !hooked.attachments.is_empty());
        let used: HashSet<_> = carrying.flat_map(|hooked| &hooked.files).collect();
        let (mut files, mut attachments) = (Vec::new(), 0);
        for (id, code, is_watched) in self.files.all() {
            attachments += u64::from(is_watched);
            let state = if is_watched || used.contains(id) { "probed" } else { "idle" };
            files.extend(code.stacks().map(|stack| [stack, state]));
        }
        attachments += self.hooked.values().map(|hooked| hooked.attachments.len() as u64).sum::<u64>();
        gauges.probes_attached.set(attachments);
        gauges.tls_files.count(files.into_iter());
        gauges.processes_probed.count(self.hooked.keys().map(|&pid| [self.policy.reason(pid).name()]));
    }
}
