//! Tells the kernel side which processes take part in traces.

use std::path::Path;

use tracing::debug;

use super::super::super::PROC;
use super::Worker;
use crate::attach;
use crate::discovery::workers::workers;

impl Worker {
    /// What is asked of a process is of interest. So it is of those that its parent began with the same program: a server's
    /// workers, of which the next one may get the next request.
    pub(super) fn trace(&mut self, pid: u32) {
        let mut is_news = false;
        for pid in workers(Path::new(PROC), pid) {
            if self.standing.traced(pid).is_ok_and(|is_news| is_news) {
                debug!("process {pid} is traced: its requests are followed");
                is_news = true;
            }
        }
        if is_news {
            let _ = self.standing.look_again();
        }
    }

    /// A process begins a program, or ran it before the agent: whether a rule has it take part in traces from here on.
    pub(super) fn serves_from_start(&mut self, pid: u32) {
        let Some(services) = &self.services else { return };
        if services.of_any(pid) != attach::Standing::Refused
            && self.standing.traced(pid).is_ok_and(|is_news| is_news)
        {
            debug!("process {pid} is traced from its start: its requests are followed");
            self.looks_again = true;
        }
    }

    /// A request may have been served in the moment before it was known by whom, on a connection that is kept.
    pub(super) fn look_again(&mut self) {
        if std::mem::take(&mut self.looks_again) {
            let _ = self.standing.look_again();
        }
    }
}
