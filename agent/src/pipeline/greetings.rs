//! Which servers each process began TLS sessions with.

use std::collections::{HashMap, HashSet};

/// Processes, and servers of one, that are remembered.
const PROCESSES: usize = 4_096;
const SERVERS: usize = 64;

/// Server names by process id; `None` where a client named none.
#[derive(Debug, Default)]
pub(super) struct Greetings(HashMap<u32, HashSet<Option<String>>>);

impl Greetings {
    /// A process begins a session with a server; false when it did so before.
    pub(super) fn is_first(&mut self, pid: u32, server_name: Option<&String>) -> bool {
        if self.0.len() >= PROCESSES && !self.0.contains_key(&pid) {
            self.0.clear();
        }
        let servers = self.0.entry(pid).or_default();
        if servers.len() >= SERVERS {
            servers.clear();
        }
        servers.insert(server_name.cloned())
    }

    /// A process is gone, or runs another program.
    pub(super) fn ended(&mut self, pid: u32) {
        self.0.remove(&pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_new_once_to_each_program() {
        let mut greetings = Greetings::default();
        let name = |number: usize| format!("{number}.example");
        for (pid, first) in [(7, true), (7, false), (8, true)] {
            assert_eq!(greetings.is_first(pid, Some(&name(0))), first);
        }
        assert!(greetings.is_first(7, None));
        greetings.ended(7);
        assert!(greetings.is_first(7, None));
        for server in 0..2 * SERVERS {
            greetings.is_first(7, Some(&name(server)));
        }
        assert!(greetings.0.values().all(|servers| servers.len() <= SERVERS));
    }
}
