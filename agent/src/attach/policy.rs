//! Which processes carry probes on their TLS code. A hit costs its process up to some microseconds, so
//! only those have them of which it is known, or may soon be seen, that they ask a provider.

use std::collections::{HashMap, HashSet};

/// Exchanges, or TLS sessions that are no HTTP, with others than providers, after which a process that
/// never asked one loses its probes.
const PATIENCE: u32 = 24;

/// Nanoseconds after which probes for sessions older than the agent come off again, if nothing of interest was seen
/// at them: such sessions are over by then, or idle, which no provider suffers for longer.
const OLD_NS: u64 = 300_000_000_000;

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
    /// It may have sessions that are older than the agent: when something of interest was last seen of one, or that
    /// there may be any.
    old_since_ns: Option<u64>,
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
            TlsMode::Auto => self
                .processes
                .get(&pid)
                .is_some_and(|tracked| tracked.old_since_ns.is_some() || tracked.defies_keys()),
        }
    }

    /// Whether a process's connections are not to be read by their keys.
    #[must_use]
    pub fn defies_keys(&self, pid: u32) -> bool {
        self.processes.get(&pid).is_some_and(Tracked::defies_keys)
    }

    /// Something of interest was seen at the calls of a process's TLS library.
    pub fn called(&mut self, pid: u32, now_ns: u64) {
        let tracked = self.processes.get_mut(&pid);
        if let Some(since_ns) = tracked.and_then(|tracked| tracked.old_since_ns.as_mut()) {
            *since_ns = now_ns;
        }
    }

    /// Processes whose probes were for sessions older than the agent of which nothing has been seen for long: they
    /// are to lose them, and are read by their keys alone from now on. Those that the operator names keep them.
    pub fn outlived(&mut self, now_ns: u64) -> Vec<u32> {
        if self.mode != TlsMode::Auto {
            return Vec::new();
        }
        let mut outlived = Vec::new();
        for (pid, tracked) in &mut self.processes {
            let is_over = |since_ns: &mut u64| now_ns.saturating_sub(*since_ns) >= OLD_NS;
            if !tracked.named && !tracked.defies_keys() && tracked.old_since_ns.take_if(is_over).is_some() {
                tracked.hooked = false;
                outlived.push(*pid);
            }
        }
        outlived
    }

    /// A sign of a process.
    pub fn sign(&mut self, pid: u32, sign: Sign, now_ns: u64) -> Option<Action> {
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
            Sign::Running => tracked.old_since_ns = Some(now_ns),
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
mod tests;
