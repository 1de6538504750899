//! Which processes carry probes on their TLS code. A hit costs its process up to some microseconds, so
//! only those have them of which it is known, or may soon be seen, that they ask a provider.

use std::collections::{HashMap, HashSet};

/// Exchanges, or TLS sessions that are no HTTP, with others than providers, after which a process that
/// never asked one loses its probes.
const PATIENCE: u32 = 24;

/// Servers that a process may ask without interest before every further one counts as known.
const SERVERS: usize = 64;

/// Connections that could not be read by their keys after which a process's TLS library is probed at its calls:
/// of one alone some records may have been lost.
const UNREADABLE: u32 = 2;

/// How what processes say over TLS is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// By keys, and at calls where keys were seen to fail, or sessions may be older than the agent.
    #[default]
    Auto,
    /// By keys.
    Keys,
    /// At the calls of TLS libraries.
    Calls,
}

/// A sign that a process may be of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It was there when the agent started, and uses TLS code.
    Running,
    /// It begins to use a TLS library.
    LibraryInit,
    /// A process with probes forked it.
    Forked,
    /// It began a program that holds or will load TLS code.
    Started,
    /// It is a TLS client, of this server if it said so.
    Client {
        /// The name in its ClientHello.
        server_name: Option<String>,
        /// Whether it is a provider's.
        known: bool,
    },
    /// It exchanges HTTP with a process that asks a provider, and such peers are to be followed.
    Peer,
    /// The operator names it.
    Named,
    /// A TLS connection of its could not be read by its keys.
    Unreadable,
}

/// Why a process carries probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The operator names it.
    Named,
    /// It asks a provider.
    Involved,
    /// It exchanges HTTP with one that does.
    Peer,
    /// It may turn out to ask one.
    Probation,
}

impl Reason {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Named => "named by a rule",
            Self::Involved => "asks a provider",
            Self::Peer => "peer of one that asks",
            Self::Probation => "on probation",
        }
    }
}

/// What shall be done about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Let its TLS be read: put probes on its TLS code, on what has none yet.
    Attach,
    /// Take them off.
    Detach,
}

#[derive(Debug, Default)]
struct Tracked {
    hooked: bool,
    /// It lost its probes for want of interest.
    given_up: bool,
    /// It asked a provider.
    involved: bool,
    /// It may have sessions that are older than the agent.
    is_old: bool,
    /// Connections that could not be read by their keys.
    unreadable: u32,
    peer: bool,
    named: bool,
    /// Exchanges without interest since it was hooked.
    idle: u32,
    /// Servers that it asked before it lost its probes, or without any.
    judged: HashSet<String>,
}

impl Tracked {
    fn defies_keys(&self) -> bool {
        self.unreadable >= UNREADABLE
    }

    fn reason(&self) -> Reason {
        match self {
            Self { named: true, .. } => Reason::Named,
            Self { involved: true, .. } => Reason::Involved,
            Self { peer: true, .. } => Reason::Peer,
            _ => Reason::Probation,
        }
    }
}

/// All that is known of processes.
#[derive(Debug, Default)]
pub struct Policy {
    processes: HashMap<u32, Tracked>,
    mode: TlsMode,
}

impl Policy {
    /// Of which nothing is known yet.
    #[must_use]
    pub fn new(mode: TlsMode) -> Self {
        Self { processes: HashMap::new(), mode }
    }

    /// Whether a process's TLS is read at its library's calls.
    #[must_use]
    pub fn reads_calls(&self, pid: u32) -> bool {
        match self.mode {
            TlsMode::Calls => true,
            TlsMode::Keys => false,
            TlsMode::Auto => {
                self.processes.get(&pid).is_some_and(|tracked| tracked.is_old || tracked.defies_keys())
            }
        }
    }

    /// Whether a process's connections are not to be read by their keys.
    #[must_use]
    pub fn defies_keys(&self, pid: u32) -> bool {
        self.processes.get(&pid).is_some_and(Tracked::defies_keys)
    }

    /// A sign of a process.
    pub fn sign(&mut self, pid: u32, sign: Sign) -> Option<Action> {
        let tracked = self.processes.entry(pid).or_default();
        let mut new_server = false;
        match sign {
            Sign::Client { server_name, known } => {
                tracked.involved |= known;
                let name = server_name.unwrap_or_default();
                new_server = tracked.judged.len() < SERVERS && tracked.judged.insert(name);
                if !new_server && !known {
                    return None;
                }
            }
            Sign::Peer => tracked.peer = true,
            Sign::Named => tracked.named = true,
            Sign::Running => tracked.is_old = true,
            Sign::Unreadable => {
                tracked.unreadable = tracked.unreadable.saturating_add(1);
                if self.mode != TlsMode::Auto || tracked.unreadable != UNREADABLE {
                    return None;
                }
                tracked.hooked = false;
            }
            Sign::LibraryInit | Sign::Forked | Sign::Started => {}
        }
        if tracked.hooked {
            // It may use another library than those that have probes already.
            return new_server.then_some(Action::Attach);
        }
        tracked.hooked = true;
        tracked.given_up = false;
        tracked.idle = 0;
        Some(Action::Attach)
    }

    /// A process made an exchange: with a provider; or over TLS with another, or it began a TLS session
    /// that is no HTTP.
    pub fn judged(&mut self, pid: u32, of_interest: bool) -> Option<Action> {
        if of_interest {
            let tracked = self.processes.entry(pid).or_default();
            tracked.idle = 0;
            tracked.involved = true;
            // It was under way when the probes were taken off, or needed none.
            let again = std::mem::take(&mut tracked.given_up);
            tracked.hooked |= again;
            return again.then_some(Action::Attach);
        }
        let tracked = self.processes.get_mut(&pid)?;
        tracked.idle = tracked.idle.saturating_add(1);
        if tracked.reason() != Reason::Probation || !tracked.hooked || tracked.idle < PATIENCE {
            return None;
        }
        tracked.hooked = false;
        tracked.given_up = true;
        Some(Action::Detach)
    }

    /// Whether a process asked a provider.
    #[must_use]
    pub fn is_involved(&self, pid: u32) -> bool {
        self.processes.get(&pid).is_some_and(|tracked| tracked.involved)
    }

    /// Why a process carries probes.
    #[must_use]
    pub fn reason(&self, pid: u32) -> Reason {
        self.processes.get(&pid).map_or(Reason::Probation, Tracked::reason)
    }

    /// No probe could be put on a process: there is nothing to take off.
    pub fn bare(&mut self, pid: u32) {
        if let Some(tracked) = self.processes.get_mut(&pid) {
            tracked.hooked = false;
        }
    }

    /// A process is gone, or runs another program.
    pub fn ended(&mut self, pid: u32) {
        self.processes.remove(&pid);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]

    use super::*;

    const PID: u32 = 7;

    fn client(server: &str, known: bool) -> Sign {
        Sign::Client { server_name: Some(server.to_owned()), known }
    }

    #[test]
    fn a_process_of_no_interest_loses_its_probes_and_gets_them_back_for_a_new_server() {
        let mut policy = Policy::default();
        assert_eq!(policy.sign(PID, Sign::LibraryInit), Some(Action::Attach));
        assert_eq!(policy.sign(PID, Sign::LibraryInit), None, "it has them");
        for _ in 1..PATIENCE {
            assert_eq!(policy.judged(PID, false), None);
        }
        assert_eq!(policy.judged(PID, false), Some(Action::Detach));
        assert_eq!(policy.judged(PID, false), None, "they are off");
        assert_eq!(policy.sign(PID, client("a.example", false)), Some(Action::Attach));
        for _ in 0..PATIENCE {
            policy.judged(PID, false);
        }
        assert_eq!(policy.sign(PID, client("a.example", false)), None, "it was judged");
        assert_eq!(policy.sign(PID, client("api.openai.com", true)), Some(Action::Attach));
    }

    #[test]
    fn an_exchange_that_was_under_way_when_they_were_taken_off_brings_them_back() {
        let mut policy = Policy::default();
        policy.sign(PID, client("gateway.example", false));
        for _ in 0..PATIENCE {
            policy.judged(PID, false);
        }
        assert_eq!(policy.judged(PID, true), Some(Action::Attach));
        assert_eq!(policy.judged(PID, true), None, "it has them");
        for _ in 0..10 * PATIENCE {
            assert_eq!(policy.judged(PID, false), None);
        }
    }

    #[test]
    fn one_that_asks_a_provider_keeps_them() {
        let mut policy = Policy::default();
        policy.sign(PID, Sign::Running);
        assert!(!policy.is_involved(PID));
        assert_eq!(policy.judged(PID, true), None);
        assert!(policy.is_involved(PID));
        for _ in 0..10 * PATIENCE {
            assert_eq!(policy.judged(PID, false), None);
        }
    }

    #[test]
    fn a_known_server_is_interest_enough() {
        let mut policy = Policy::default();
        assert_eq!(policy.sign(PID, client("api.openai.com", true)), Some(Action::Attach));
        for _ in 0..10 * PATIENCE {
            assert_eq!(policy.judged(PID, false), None);
        }
    }

    #[test]
    fn named_ones_and_peers_keep_them_without_asking_a_provider() {
        for (sign, reason) in [(Sign::Named, Reason::Named), (Sign::Peer, Reason::Peer)] {
            let mut policy = Policy::default();
            assert_eq!(policy.sign(PID, sign), Some(Action::Attach));
            for _ in 0..10 * PATIENCE {
                assert_eq!(policy.judged(PID, false), None);
            }
            assert_eq!((policy.reason(PID), policy.is_involved(PID)), (reason, false));
        }
    }

    #[test]
    fn a_process_without_tls_code_is_tried_again_for_a_known_server_only() {
        let mut policy = Policy::default();
        assert_eq!(policy.sign(PID, client("a.example", false)), Some(Action::Attach));
        policy.bare(PID);
        assert_eq!(policy.sign(PID, client("a.example", false)), None);
        assert_eq!(policy.sign(PID, client("api.openai.com", true)), Some(Action::Attach));
    }

    #[test]
    fn one_with_probes_is_looked_at_again_for_each_new_server() {
        let mut policy = Policy::default();
        assert_eq!(policy.sign(PID, Sign::Started), Some(Action::Attach));
        assert_eq!(policy.sign(PID, client("a.example", false)), Some(Action::Attach));
        assert_eq!(policy.sign(PID, client("a.example", false)), None);
        assert_eq!(policy.sign(PID, client("b.example", true)), Some(Action::Attach));
        assert_eq!(policy.sign(PID, client("b.example", true)), None);
        assert_eq!(policy.sign(PID, Sign::LibraryInit), None);
    }

    #[test]
    fn what_ended_is_forgotten() {
        let mut policy = Policy::default();
        policy.sign(PID, Sign::Forked);
        policy.ended(PID);
        assert_eq!(policy.sign(PID, Sign::Forked), Some(Action::Attach));
    }

    #[test]
    fn the_servers_of_one_process_are_bounded() {
        let mut policy = Policy::default();
        for server in 0..2 * SERVERS {
            if policy.sign(PID, client(&format!("{server}.example"), false)).is_some() {
                policy.bare(PID);
            }
        }
        assert_eq!(policy.processes[&PID].judged.len(), SERVERS);
    }

    #[test]
    fn calls_are_probed_where_keys_fail_or_sessions_may_be_old() {
        for (mode, old, failed) in
            [(TlsMode::Auto, true, true), (TlsMode::Keys, false, false), (TlsMode::Calls, true, true)]
        {
            let mut policy = Policy::new(mode);
            assert_eq!(policy.sign(PID, Sign::Running), Some(Action::Attach));
            assert_eq!(policy.reads_calls(PID), old, "{mode:?}");
            policy.ended(PID);
            assert_eq!(policy.sign(PID, Sign::Started), Some(Action::Attach));
            assert_eq!(policy.reads_calls(PID), mode == TlsMode::Calls);
            for _ in 1..UNREADABLE {
                assert_eq!(policy.sign(PID, Sign::Unreadable), None, "{mode:?}");
            }
            let again = (mode == TlsMode::Auto).then_some(Action::Attach);
            assert_eq!(policy.sign(PID, Sign::Unreadable), again, "{mode:?}");
            assert_eq!(policy.reads_calls(PID), failed, "{mode:?}");
            assert_eq!(policy.sign(PID, Sign::Unreadable), None, "once");
        }
    }
}
