//! Which servers each process began TLS sessions with, and what came of them.

use std::collections::HashMap;

/// Processes, and servers of one, that are remembered.
const PROCESSES: usize = 4_096;
const SERVERS: usize = 64;

/// Exchanges without interest with a server, and none of interest, after which it need not be looked at each time.
const PATIENCE: u32 = 8;

/// The same for a session under way, of which the exchanges that follow soon need not be looked at.
const PATIENCE_WITHIN: u32 = 64;

/// What is known of a process's sessions with one server.
#[derive(Clone, Copy, Debug)]
enum Record {
    /// This many exchanges without interest.
    Foreign(u32),
    /// One of interest.
    OfInterest,
}

/// Servers by their names, by process id; `None` where a client named none.
#[derive(Debug, Default)]
pub(super) struct Greetings(HashMap<u32, HashMap<Option<String>, Record>>);

impl Greetings {
    /// A process begins a session with a server. Whether those before give reason to leave the like out for a
    /// moment: where `by_exchanges`, they were read and without interest; else, there was one.
    pub(super) fn is_idle(&mut self, pid: u32, server_name: Option<&String>, by_exchanges: bool) -> bool {
        let servers = self.servers(pid);
        let name = server_name.cloned();
        match servers.get(&name) {
            Some(Record::Foreign(exchanges)) => !by_exchanges || *exchanges >= PATIENCE,
            Some(Record::OfInterest) => false,
            None => {
                servers.insert(name, Record::Foreign(0));
                false
            }
        }
    }

    /// Whether a server's exchanges give reason to leave out for a moment those that follow in the same session.
    pub(super) fn may_rest(&self, pid: u32, server_name: &Option<String>) -> bool {
        let record = self.0.get(&pid).and_then(|servers| servers.get(server_name));
        matches!(record, Some(Record::Foreign(exchanges)) if *exchanges >= PATIENCE_WITHIN)
    }

    /// An exchange with a server was of interest or not.
    pub(super) fn judged(&mut self, pid: u32, server_name: Option<String>, of_interest: bool) {
        let record = self.servers(pid).entry(server_name).or_insert(Record::Foreign(0));
        match record {
            Record::Foreign(_) if of_interest => *record = Record::OfInterest,
            Record::Foreign(exchanges) => *exchanges = exchanges.saturating_add(1),
            Record::OfInterest => {}
        }
    }

    /// A process is gone, or runs another program.
    pub(super) fn ended(&mut self, pid: u32) {
        self.0.remove(&pid);
    }

    /// The servers of a process, with room for one more.
    fn servers(&mut self, pid: u32) -> &mut HashMap<Option<String>, Record> {
        if self.0.len() >= PROCESSES && !self.0.contains_key(&pid) {
            self.0.clear();
        }
        let servers = self.0.entry(pid).or_default();
        if servers.len() >= SERVERS {
            servers.clear();
        }
        servers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_idle_at_its_second_session_or_after_exchanges_without_interest() {
        let mut greetings = Greetings::default();
        let name = |number: usize| format!("{number}.example");
        for (pid, idle) in [(7, false), (7, true), (8, false)] {
            assert_eq!(greetings.is_idle(pid, Some(&name(0)), false), idle);
        }
        assert!(!greetings.is_idle(7, Some(&name(0)), true), "nothing is known of what was said");
        for exchange in 1..=PATIENCE {
            greetings.judged(7, Some(name(0)), false);
            assert_eq!(greetings.is_idle(7, Some(&name(0)), true), exchange == PATIENCE);
        }
        assert!(!greetings.may_rest(7, &Some(name(0))), "a session under way is looked at longer");
        for _ in PATIENCE..PATIENCE_WITHIN {
            greetings.judged(7, Some(name(0)), false);
        }
        assert!(greetings.may_rest(7, &Some(name(0))));
        greetings.judged(7, Some(name(0)), true);
        assert!(!greetings.may_rest(7, &Some(name(0))));
        greetings.judged(7, Some(name(0)), false);
        assert!(!greetings.is_idle(7, Some(&name(0)), true), "it answered as a provider does");
        greetings.ended(7);
        assert!(!greetings.is_idle(7, None, false));
        for server in 0..2 * SERVERS {
            greetings.is_idle(7, Some(&name(server)), false);
        }
        assert!(greetings.0.values().all(|servers| servers.len() <= SERVERS));
    }
}
