//! What is done again: equal requests and tool calls of one run, rounds that go in a circle, and requests that are tried
//! again after they failed.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::conversation::ConversationId;
use crate::call::Call;

/// Different requests, and different tool calls, that are remembered of one run; past it the oldest is forgotten.
const DIFFERENT: usize = 256;

/// Rounds that a circle has at the most.
const LONGEST_CIRCLE: usize = 4;

/// Times that a run goes the same way from which on it goes in a circle.
const TIMES: usize = 3;

/// Failed requests that are remembered of all processes; past it the oldest is forgotten.
const FAILED: usize = 4_096;

/// Nanoseconds after a failure in which an equal request tries it again.
const TRIED_AGAIN_NS: u64 = 600_000_000_000;

/// A digest of what is asked: the messages, the instructions, the tools and the model; none where the messages are not known.
pub(super) fn request(call: &Call) -> Option<u64> {
    let dialogue = &call.dialogue;
    let messages = dialogue.prefixes.last()?;
    let mut hasher = DefaultHasher::new();
    (messages, dialogue.system, &dialogue.tools, &call.request_model, &call.previous_response_id)
        .hash(&mut hasher);
    Some(hasher.finish())
}

/// A digest of a tool and its arguments, or of several of them.
pub(super) fn tools<'a>(called: impl Iterator<Item = (&'a str, u64)>) -> u64 {
    let mut hasher = DefaultHasher::new();
    called.for_each(|one| one.hash(&mut hasher));
    hasher.finish()
}

/// How often what was done.
#[derive(Debug, Default)]
pub(super) struct Counts {
    counts: Vec<(u64, u64)>,
    oldest: usize,
}

impl Counts {
    /// How often it was done before.
    pub(super) fn before(&mut self, digest: u64) -> u64 {
        if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| *known == digest) {
            *count = count.saturating_add(1);
            return *count - 1;
        }
        if self.counts.len() < DIFFERENT {
            self.counts.push((digest, 1));
        } else if let Some(oldest) = self.counts.get_mut(self.oldest) {
            *oldest = (digest, 1);
            self.oldest = (self.oldest + 1) % DIFFERENT;
        }
        0
    }
}

/// The latest rounds of a run.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    latest: VecDeque<u64>,
    /// The latest ones are a circle.
    pub(super) is_circle: bool,
}

impl Rounds {
    /// The next one; none where it is not known what was done in it. Whether a circle begins to show with it.
    pub(super) fn next(&mut self, round: Option<u64>) -> bool {
        let before = std::mem::take(&mut self.is_circle);
        let Some(round) = round else {
            self.latest.clear();
            return false;
        };
        self.latest.push_front(round);
        self.latest.truncate(LONGEST_CIRCLE * TIMES);
        let is_circle = |length: &usize| {
            let behind = self.latest.iter().skip(*length);
            let equal = self.latest.iter().zip(behind).take_while(|(one, other)| one == other).count();
            equal >= length * (TIMES - 1)
        };
        self.is_circle = (1..=LONGEST_CIRCLE).any(|length| is_circle(&length));
        self.is_circle && !before
    }
}

/// What is known of a request that failed.
#[derive(Clone, Copy, Debug)]
struct Failed {
    times: u64,
    conversation: ConversationId,
    last_ns: u64,
}

/// Requests that failed, by process, whose next attempt has not come yet.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    failed: HashMap<(u32, u64), Failed>,
    oldest_first: VecDeque<(u32, u64)>,
}

impl Attempts {
    /// How often a request that begins now failed before, one attempt after the other, and in which conversation.
    pub(super) fn before(&self, pid: u32, request: u64, began_ns: u64) -> Option<(u64, ConversationId)> {
        let failed = self.failed.get(&(pid, request))?;
        let is_soon = began_ns.saturating_sub(failed.last_ns) <= TRIED_AGAIN_NS;
        is_soon.then_some((failed.times, failed.conversation))
    }

    /// An attempt is over.
    pub(super) fn over(
        &mut self,
        (pid, request): (u32, u64),
        conversation: ConversationId,
        failed_before: u64,
        failed_ns: Option<u64>,
    ) {
        let key = (pid, request);
        let Some(last_ns) = failed_ns else {
            self.failed.remove(&key);
            return;
        };
        let failed = Failed { times: failed_before.saturating_add(1), conversation, last_ns };
        if self.failed.insert(key, failed).is_none() {
            self.oldest_first.push_back(key);
        }
        // One that succeeded in the end stands there, too.
        if self.oldest_first.len() > FAILED
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.failed.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_of_some_lengths_are_seen_once() {
        for (rounds, begins) in [
            ("aa", 0),
            ("aaa", 1),
            ("aaaaaa", 1),
            ("abab", 0),
            ("ababab", 1),
            ("abcdabcdabcd", 1),
            ("abcdeabcdeabcde", 0),
            ("aaabaaa", 2),
            ("aa?a", 0),
            ("abcabdabe", 0),
        ] {
            let mut seen = Rounds::default();
            let circles = rounds.bytes().map(|round| seen.next((round != b'?').then_some(u64::from(round))));
            assert_eq!(circles.filter(|begins| *begins).count(), begins, "{rounds}");
        }
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let mut counts = Counts::default();
        assert_eq!([7, 7, 8, 7].map(|digest| counts.before(digest)), [0, 1, 0, 2]);
        (1_000..11_000).for_each(|digest| assert_eq!(counts.before(digest), 0));
        assert_eq!((counts.counts.len(), counts.before(7), counts.before(10_999)), (DIFFERENT, 0, 1));
        (0..10_000).for_each(|times| assert_eq!(counts.before(10_998), times + 1));
    }
}
