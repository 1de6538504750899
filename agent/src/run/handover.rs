//! How one agent takes over from another without a gap: the new one captures first, then asks the old one, at its status
//! socket, from when on it is to report. What began before that moment is the old one's, which goes on until it is over.
//!
//! With the moment come the keys of TLS sessions, which nobody can see a second time, and the sockets that these are on, by
//! their addresses in the kernel: the new one has its own kernel side follow them. Both are of the same host and user.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::{info, warn};

use super::hooks::Hooks;
use super::status::{HAND_OVER, Petitioner, ask_for};
use super::{Agent, monotonic_ns};
use crate::bpf::{SocketAt, Sockets};
use crate::event::ConnectionId;
use crate::pipeline::Pipeline;
use crate::protocol::tls;

/// What agents that can hand over to each other agree on.
const VERSION: u32 = 1;

/// How much later than it is asked an agent hands over. What is read by keys is followed by both from some time before, so
/// that no request is cut in two.
const LEAD: Duration = Duration::from_millis(250);

/// The longest that an agent that was taken over from waits for the exchanges that it has begun.
const LONGEST: Duration = Duration::from_mins(2);

/// Why an agent traces no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to stop.
    Stopped,
    /// Another agent has taken over.
    HandedOver,
}

/// What an agent answers that hands over.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Handover {
    version: u32,
    /// What begins from then on is the other one's, in nanoseconds since 1970.
    at_ns: u128,
    /// What it reads by keys.
    sessions: Vec<Handed>,
}

/// A TLS session.
#[derive(Debug, Serialize, Deserialize)]
struct Handed {
    address: u64,
    inode: u64,
    moved: [u64; 2],
    session: tls::Saved,
}

/// What an agent takes over.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Its own tenure.
    pub(super) tenure: Tenure,
    sessions: Vec<Handed>,
}

impl Taken {
    /// Has the sessions that the other agent read by keys read on.
    pub(super) fn follow(self, pipeline: &mut Pipeline, sockets: &mut Sockets, hooks: &Hooks) {
        let now_ns = monotonic_ns();
        let (mut followed, mut refused) = (0, 0);
        for (number, Handed { address, inode, moved, session }) in (0..).zip(self.sessions) {
            // The kernel side makes ids of the time, and of the number of a processor, which is not so high as that.
            let id = ConnectionId((now_ns + number) << 8 | 0xff);
            let is_client = session.is_client;
            pipeline.inherit(id, session, now_ns);
            match sockets.follow(id, SocketAt { address, inode, moved }, is_client) {
                Ok(is_news) => followed += u64::from(is_news),
                Err(_) => refused += 1,
            }
        }
        hooks.look_again();
        if followed > 0 {
            info!("{followed} TLS sessions are read on by the keys that the other agent has seen");
        }
        if refused > 0 {
            warn!(
                "{refused} TLS sessions that were under way are not read on, since the kernel refuses their sockets"
            );
        }
    }
}

/// Which spans an agent reports, by when they began: others are another agent's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tenure {
    from: Option<SystemTime>,
    until: Option<SystemTime>,
}

impl Tenure {
    /// The agent reports no more than what began before then.
    pub(super) fn ends(&mut self, at: SystemTime) {
        self.until = Some(at);
    }

    /// Whether what began then is this agent's.
    pub(super) fn holds(self, began: SystemTime) -> bool {
        self.from.is_none_or(|from| began >= from) && self.until.is_none_or(|until| began < until)
    }
}

/// What is left to do for an agent that has handed over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaving {
    /// In nanoseconds of `CLOCK_MONOTONIC`.
    at_ns: u64,
    deadline: Instant,
}

impl Leaving {
    /// What begins from then on is the other agent's.
    pub(super) fn at_ns(&self) -> u64 {
        self.at_ns
    }
}

/// Asks the agent that answers at this socket to hand over; none where nobody answers.
///
/// # Errors
/// When one is there that does not.
pub(super) fn take_over(socket: Option<&Path>) -> anyhow::Result<Taken> {
    let Some(socket) = socket else { return Ok(Taken::default()) };
    let handover: Handover = match ask_for(HAND_OVER, socket) {
        Ok(handover) => handover,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(Taken::default());
        }
        Err(error) => anyhow::bail!(
            "the agent that answers at {} does not hand over ({error}), so it goes on, and this one does not begin: stop it first",
            socket.display()
        ),
    };
    anyhow::ensure!(
        handover.version == VERSION,
        "the agent at {} hands over by version {} of what is agreed, this one by {VERSION}: start this one again, now that \
         it has",
        socket.display(),
        handover.version
    );
    let since = u64::try_from(handover.at_ns)
        .map_or(SystemTime::UNIX_EPOCH, |at_ns| SystemTime::UNIX_EPOCH + Duration::from_nanos(at_ns));
    info!("taken over from the agent at {}", socket.display());
    Ok(Taken { tenure: Tenure { from: Some(since), until: None }, sessions: handover.sessions })
}

impl Agent {
    /// Another agent takes over.
    pub(super) fn hand_over(&mut self, petitioner: Petitioner) {
        if self.leaving.is_some() {
            warn!("an agent asked to take over from this one, from which another has");
            return;
        }
        let (at, lead_ns) = (SystemTime::now() + LEAD, u64::try_from(LEAD.as_nanos()).unwrap_or(0));
        // The other one wants to be asked there.
        self.monitoring = None;
        self.status.leave();
        self.exporting.until(at);
        self.leaving = Some(Leaving { at_ns: monotonic_ns() + lead_ns, deadline: Instant::now() + LONGEST });
        let at_ns = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        petitioner.answer(&Handover { version: VERSION, at_ns, sessions: self.sessions() });
        info!("another agent takes over; this one ends what it has begun");
    }

    fn sessions(&self) -> Vec<Handed> {
        let sockets = self.sockets.read_by_keys();
        let handed = |(id, session)| {
            let SocketAt { address, inode, moved } = *sockets.get(&id)?;
            Some(Handed { address, inode, moved, session })
        };
        self.pipeline.sessions().filter_map(handed).collect()
    }

    /// Whether another agent has taken over, and what this one has begun is over.
    pub(super) fn has_left(&self) -> bool {
        let Some(Leaving { at_ns, deadline }) = self.leaving else { return false };
        let is_over = monotonic_ns() >= at_ns && !self.pipeline.has_begun_before(at_ns);
        is_over || Instant::now() >= deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_moment_is_of_one_agent() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let (old, new) =
            (Tenure { from: None, until: Some(at(7)) }, Tenure { from: Some(at(7)), until: None });
        for (began, is_old) in [(6, true), (7, false), (8, false)] {
            assert_eq!((old.holds(at(began)), new.holds(at(began))), (is_old, !is_old));
        }
        assert!(Tenure::default().holds(at(0)));
    }
}
