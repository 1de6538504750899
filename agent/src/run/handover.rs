//! How one agent takes over from another without a gap: the new one captures first, then asks the old one, at its status
//! socket, from when on it is to report. What began before that moment is the old one's, which goes on until it is over.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::{info, warn};

use super::status::{HAND_OVER, Petitioner, ask_for};
use super::{Agent, monotonic_ns};

/// What agents that can hand over to each other agree on.
const VERSION: u32 = 1;

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
pub(super) fn take_over(socket: Option<&Path>) -> anyhow::Result<Tenure> {
    let Some(socket) = socket else { return Ok(Tenure::default()) };
    let handover: Handover = match ask_for(HAND_OVER, socket) {
        Ok(handover) => handover,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(Tenure::default());
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
    Ok(Tenure { from: Some(since), until: None })
}

impl Agent {
    /// Another agent takes over.
    pub(super) fn hand_over(&mut self, petitioner: Petitioner) {
        let (now, at_ns) = (SystemTime::now(), monotonic_ns());
        if self.leaving.is_some() {
            warn!("an agent asked to take over from this one, from which another has");
            return;
        }
        // The other one wants to be asked there.
        self.monitoring = None;
        self.status.leave();
        self.exporting.until(now);
        self.leaving = Some(Leaving { at_ns, deadline: Instant::now() + LONGEST });
        let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        petitioner.answer(&Handover { version: VERSION, at_ns: since_1970.as_nanos() });
        info!("another agent takes over; this one ends what it has begun");
    }

    /// Whether another agent has taken over, and what this one has begun is over.
    pub(super) fn has_left(&self) -> bool {
        let Some(Leaving { at_ns, deadline }) = self.leaving else { return false };
        !self.pipeline.has_begun_before(at_ns) || Instant::now() >= deadline
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
