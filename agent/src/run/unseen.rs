//! What is told of conversations with providers that were seen from outside only: the first of each
//! process and server at once, further ones together from time to time. A program that asks a hundred
//! times a second must not fill the log.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::time::Duration;

use crate::correlate::Unseen;
use crate::redact::{host_for_log, name_for_log};

/// Pairs of process and server that are told apart; further ones count as one.
const PAIRS: usize = 256;

/// How often further conversations are told of, in nanoseconds.
const EVERY_NS: u64 = 60_000_000_000;

/// How the pairs are called that are not told apart.
const OTHERS: &str = "others";

/// Who talked, with whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    name: String,
    server: String,
}

/// Conversations of one pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sum {
    conversations: u64,
    /// The latest.
    pid: u32,
    sent: u64,
    received: u64,
    lasted_ns: u64,
}

/// One line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pair: Pair,
    sum: Sum,
    first: bool,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pair: Pair { name, server }, sum, first } = self;
        let Sum { conversations, pid, sent, received, lasted_ns } = sum;
        let seconds = Duration::from_nanos(*lasted_ns).as_secs_f64();
        if *first {
            write!(
                f,
                "{name} (pid {pid}) talked TLS to {server} for {seconds:.1} s, {sent} bytes sent and {received} \
                 received, and was not seen: its TLS code is not known, or had no probes yet"
            )
        } else {
            write!(
                f,
                "{name} (pid {pid} at last) talked on TLS to {server} unseen: {conversations} times, {seconds:.1} s, \
                 {sent} bytes sent and {received} received in all"
            )
        }
    }
}

/// What was told, and what waits to be.
#[derive(Debug, Default)]
pub(super) struct Teller {
    waiting: BTreeMap<Pair, Sum>,
    told_ns: u64,
}

impl Teller {
    /// Takes a conversation; a line if its pair is new.
    pub(super) fn take(&mut self, unseen: &Unseen) -> Option<Line> {
        let mut pair = Pair {
            name: name_for_log(&unseen.process.service_name).into_owned(),
            server: host_for_log(&unseen.server_name).into_owned(),
        };
        let [received, sent] = unseen.moved;
        let pid = unseen.process.pid;
        let one = Sum { conversations: 1, pid, sent, received, lasted_ns: unseen.lasted_ns };
        if !self.waiting.contains_key(&pair) && self.waiting.len() >= PAIRS {
            pair = Pair { name: OTHERS.to_owned(), server: OTHERS.to_owned() };
        }
        if let Some(sum) = self.waiting.get_mut(&pair) {
            sum.conversations += 1;
            sum.pid = pid;
            sum.sent = sum.sent.saturating_add(sent);
            sum.received = sum.received.saturating_add(received);
            sum.lasted_ns = sum.lasted_ns.saturating_add(unseen.lasted_ns);
            return None;
        }
        self.waiting.insert(pair.clone(), Sum::default());
        Some(Line { pair, sum: one, first: true })
    }

    /// What came since the last time, if that is long enough ago.
    pub(super) fn due(&mut self, now_ns: u64) -> Vec<Line> {
        if now_ns.saturating_sub(self.told_ns) < EVERY_NS {
            return Vec::new();
        }
        self.told_ns = now_ns;
        self.rest()
    }

    /// What came since the last time.
    pub(super) fn rest(&mut self) -> Vec<Line> {
        let more = self.waiting.iter_mut().filter(|(_, sum)| sum.conversations > 0);
        more.map(|(pair, sum)| Line { pair: pair.clone(), sum: mem::take(sum), first: false }).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::sync::Arc;

    use super::*;
    use crate::discovery::process::Process;

    fn unseen(name: &str, server: &str) -> Unseen {
        let process = Process {
            pid: 7,
            service_name: name.to_owned(),
            attributes: Vec::new(),
            exports_spans: None,
            lineage: None,
        };
        Unseen {
            process: Arc::new(process),
            server_name: server.to_owned(),
            moved: [900, 100],
            lasted_ns: 2_500_000_000,
        }
    }

    #[test]
    fn the_first_is_told_at_once_and_the_others_together() {
        let mut teller = Teller::default();
        let first = teller.take(&unseen("java", "api.openai.com")).unwrap().to_string();
        for part in ["java (pid 7)", "api.openai.com", "2.5 s", "100 bytes sent", "900 received"] {
            assert!(first.contains(part), "{first}");
        }
        assert_eq!(teller.due(EVERY_NS), []);
        for _ in 0..3 {
            assert_eq!(teller.take(&unseen("java", "api.openai.com")), None);
        }
        assert!(teller.take(&unseen("java", "api.anthropic.com")).is_some());
        assert_eq!(teller.due(EVERY_NS + 1), [], "not yet");
        let later = teller.due(2 * EVERY_NS);
        assert_eq!(later.len(), 1);
        let later = later[0].to_string();
        for part in ["unseen: 3 times", "api.openai.com", "7.5 s", "300 bytes sent", "2700 received"] {
            assert!(later.contains(part), "{later}");
        }
        assert_eq!(teller.due(4 * EVERY_NS), []);
    }

    #[test]
    fn pairs_are_bounded() {
        let mut teller = Teller::default();
        let lines = (0..3 * PAIRS).filter_map(|index| teller.take(&unseen("x", &index.to_string()))).count();
        assert_eq!(lines, PAIRS + 1);
        let rest = teller.rest();
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].sum.conversations, 2 * PAIRS as u64 - 1);
    }
}
