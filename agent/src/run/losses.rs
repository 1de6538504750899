//! What the kernel side had to drop or leave out, by cause.

use spanwire_abi::{dropped, gap, kind};
use tracing::warn;

use super::Agent;

impl Agent {
    /// Takes over the kernel's counts, and tells of records that found no room.
    pub(super) fn count_losses(&mut self) {
        let drops = self.control.drops();
        self.counters.gauges.kernel_refuses.set(u64::from(drops.is_err()));
        let Ok(drops) = drops else { return };
        let mut of = [0; 3];
        let mut requests = 0;
        for (kind, count) in (0..).zip(drops) {
            match kind {
                kind::DATA => of[0] += count,
                dropped::REQUEST => {
                    of[0] += count;
                    requests = count;
                }
                kind::OPENED | kind::TIED | kind::ENDED | kind::HELLO | kind::KEY => of[1] += count,
                _ => of[2] += count,
            }
        }
        for (cause, amount) in (0..).zip(self.control.gaps().unwrap_or_default()) {
            let counter = match cause {
                gap::IO_URING => &self.counters.gap_io_uring_bytes,
                gap::COMPAT => &self.counters.gap_compat_bytes,
                gap::UNTIED => &self.counters.gap_untied_bytes,
                gap::OLD_SESSIONS => &self.counters.tls_sessions_old,
                gap::TREES_FULL => &self.counters.tree_members_lost,
                _ => &self.counters.gap_no_buffer_bytes,
            };
            counter.set(amount);
        }
        let [chunks, connections, processes] = of;
        self.counters.ring_drops_chunk.set(chunks);
        self.counters.requests_dropped.set(requests);
        self.counters.ring_drops_connection.set(connections);
        self.counters.ring_drops_process.set(processes);
        let all = chunks + connections + processes;
        if all > self.drops_told {
            warn!(
                "the ring buffer was full: {} records were lost, {all} in all; the calls concerned are marked as \
                 incomplete; a larger --ring-size makes this rarer",
                all - self.drops_told
            );
            self.drops_told = all;
        }
    }
}
