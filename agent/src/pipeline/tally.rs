//! What was seen of each process, for `spanwire status`.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::event::{Chunk, Direction, Source};

/// Processes that are remembered.
const PROCESSES: usize = 16_384;
/// Processes that are remembered after their ends.
const ENDED: usize = 64;

/// What was seen of one process. Bytes are those of the conversations that were followed, whether or
/// not they were captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Bytes of plaintext read from TLS sessions.
    pub tls_read_bytes: u64,
    /// Bytes of plaintext written to TLS sessions.
    pub tls_written_bytes: u64,
    /// Bytes read from sockets without TLS.
    pub plain_read_bytes: u64,
    /// Bytes written to sockets without TLS.
    pub plain_written_bytes: u64,
    /// HTTP/1 exchanges that began.
    pub exchanges: u64,
    /// Exchanges that became spans.
    pub calls: u64,
    /// Connections that speak HTTP/2.
    pub http2_connections: u64,
    /// Connections to providers of which only the outside was seen.
    pub unseen_connections: u64,
    /// It has ended.
    pub ended: bool,
}

impl Tally {
    fn chunk(&mut self, chunk: &Chunk) {
        let bytes = match (chunk.source, chunk.direction) {
            (Source::Tls | Source::Records, Direction::Read) => &mut self.tls_read_bytes,
            (Source::Tls | Source::Records, Direction::Write) => &mut self.tls_written_bytes,
            (Source::Socket, Direction::Read) => &mut self.plain_read_bytes,
            (Source::Socket, Direction::Write) => &mut self.plain_written_bytes,
        };
        *bytes = bytes.saturating_add(u64::from(chunk.original_bytes));
    }
}

/// A process of which something was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Process id.
    pub pid: u32,
    /// The name of its service.
    pub service_name: String,
    /// What was seen.
    pub tally: Tally,
}

/// Tallies by process id.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    known: HashMap<u32, Tally>,
    ended: VecDeque<u32>,
}

impl Tallies {
    pub(super) fn of(&mut self, pid: u32) -> &mut Tally {
        if self.known.len() >= PROCESSES && !self.known.contains_key(&pid) {
            self.known.clear();
            self.ended.clear();
        }
        self.known.entry(pid).or_default()
    }

    pub(super) fn chunk(&mut self, chunk: &Chunk) {
        self.of(chunk.pid).chunk(chunk);
    }

    /// A process is gone.
    pub(super) fn ended(&mut self, pid: u32) {
        let Some(tally) = self.known.get_mut(&pid).filter(|tally| !tally.ended) else { return };
        tally.ended = true;
        self.ended.push_back(pid);
        if self.ended.len() > ENDED
            && let Some(gone) = self.ended.pop_front()
        {
            self.known.remove(&gone);
        }
    }

    /// A process begins: what was seen of another that had its id is not its own.
    pub(super) fn began(&mut self, pid: u32) {
        if self.known.get(&pid).is_some_and(|tally| tally.ended) {
            self.known.remove(&pid);
            self.ended.retain(|ended| *ended != pid);
        }
    }

    pub(super) fn all(&self) -> Vec<(u32, Tally)> {
        let mut all: Vec<_> = self.known.iter().map(|(pid, tally)| (*pid, *tally)).collect();
        all.sort_unstable_by_key(|(pid, _)| *pid);
        all
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_ended_is_kept_for_a_while_and_its_id_begins_anew() {
        let mut tallies = Tallies::default();
        for pid in 0..=u32::try_from(ENDED).unwrap() {
            tallies.of(pid).calls = 1;
            tallies.ended(pid);
            tallies.ended(pid);
        }
        assert_eq!(tallies.all().len(), ENDED);
        assert!(!tallies.known.contains_key(&0));
        tallies.began(1);
        assert_eq!(tallies.of(1), &Tally::default());
        tallies.ended(0);
        assert!(!tallies.known.contains_key(&0), "nobody is made by its end");
    }
}
