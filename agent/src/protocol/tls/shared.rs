//! What both directions of a session have in common.

use bytes::Bytes;

use super::hello::{Message, TLS13, key_bytes};
use super::keys::KeyStore;
use super::{Counts, Facts, Failure, Plain, What};
use crate::event::Direction;
use crate::stream::Segment;

/// Tries of keys, of two KiB each, that a session has from one record that it reads to the next.
const TRIES: u32 = 50_000;

/// See the module.
pub(super) struct Shared {
    pub(super) facts: Facts,
    pub(super) counts: Counts,
    pub(super) failure: Option<Failure>,
    /// Tries that are left.
    pub(super) budget: u32,
    /// Copies of the keys that came with the last one that fitted: a model may think for longer than the process's
    /// store keeps the key of its answer. Until both directions had content.
    pub(super) reserve: KeyStore,
    /// Time of the last push.
    pub(super) time_ns: u64,
    /// Whether content of the reading and of the writing direction was read.
    content: (bool, bool),
    /// The server asked for another ClientHello: its choice comes with its second one.
    retried: bool,
    /// The direction of the last content or gap.
    last: Option<Direction>,
    /// Bytes of this direction are missing since the last content of the other one, so that what follows need
    /// not begin a call.
    doubt: Option<Direction>,
    /// The next record of this direction begins a call, and nothing that was seen of the other direction is why:
    /// an answer was lost, or is one that was.
    begins: Option<Direction>,
    /// The direction of the last content or gap has been followed by a record of the other one that had none.
    is_followed: bool,
    /// Bytes of the other one are missing since: an answer, perhaps.
    is_missed: bool,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            facts: Facts::default(),
            counts: Counts::default(),
            failure: None,
            budget: TRIES,
            reserve: KeyStore::new(),
            time_ns: 0,
            content: (false, false),
            retried: false,
            last: None,
            doubt: None,
            begins: None,
            is_followed: false,
            is_missed: false,
        }
    }

    /// Bytes of this connection's keys, if they are known.
    pub(super) fn key_bytes(&self) -> Option<usize> {
        self.facts.suite.and_then(key_bytes)
    }

    /// Whether the hellos are not over.
    pub(super) fn expects_hello(&self) -> bool {
        self.facts.version.is_none() || self.retried
    }

    /// A message in the clear.
    pub(super) fn learn(&mut self, direction: Direction, message: Option<Message>) {
        match message {
            Some(Message::Client(hello)) if self.expects_hello() => {
                self.facts.client = Some(direction);
                self.facts.server_name = hello.server_name;
                self.facts.offered = Some(hello.version);
                // A second hello offers no early data, but the first one's may have been sent.
                self.facts.early_data |= hello.early_data;
                self.facts.resumes = hello.resumes;
            }
            Some(Message::Server(hello)) if self.expects_hello() => {
                self.retried = hello.retry;
                self.facts.client = Some(direction.opposite());
                self.facts.version = Some(hello.version);
                self.facts.alpn = hello.alpn;
                self.facts.resumed = hello.resumed;
                self.chosen(hello.suite);
            }
            _ => {}
        }
    }

    /// A message under a key: the rest of a handshake of TLS 1.3, or a second one of TLS 1.2.
    pub(super) fn learn_sealed(&mut self, direction: Direction, message: Option<Message>) {
        let is_13 = self.facts.version == Some(TLS13);
        match message {
            Some(Message::Encrypted(extensions)) if is_13 && self.facts.client != Some(direction) => {
                self.facts.alpn = extensions.alpn;
                self.facts.early_data_taken = Some(extensions.early_data);
            }
            Some(Message::Server(hello)) if !is_13 => self.chosen(hello.suite),
            _ => {}
        }
    }

    fn chosen(&mut self, suite: u16) {
        self.facts.suite = Some(suite);
        if key_bytes(suite).is_none() {
            self.failure = Some(Failure::Suite(suite));
        }
    }

    /// A record of this direction was read.
    pub(super) fn opened(&mut self, direction: Direction) {
        self.counts.records += 1;
        self.budget = TRIES;
        self.is_followed |= self.last == Some(direction.opposite());
    }

    /// Work without success.
    pub(super) fn spend(&mut self, cost: u32) {
        self.budget = self.budget.saturating_sub(cost);
        if self.budget == 0 {
            self.failure = Some(Failure::NoKey);
        }
    }

    /// Whether a direction had no content yet: its key may still be needed.
    pub(super) fn awaits_keys(&self) -> bool {
        self.content != (true, true)
    }

    /// Content of this direction was read.
    pub(super) fn has_content(&mut self, direction: Direction) {
        match direction {
            Direction::Read => self.content.0 = true,
            Direction::Write => self.content.1 = true,
        }
        if !self.awaits_keys() && !self.reserve.is_empty() {
            self.reserve = KeyStore::new();
        }
    }

    /// Bytes of this direction were moved but not captured.
    pub(super) fn missed(&mut self, direction: Direction) {
        if self.last == Some(direction.opposite()) {
            self.doubt = Some(direction);
            self.is_missed = true;
        }
        self.begins.take_if(|begins| *begins == direction);
    }

    /// What follows in this direction begins a call, as the kernel side sees it; `is_clear` where nothing is held of
    /// the other one.
    pub(super) fn turned(&mut self, direction: Direction, is_clear: bool) {
        if self.doubt == Some(direction) {
            self.doubt = None;
        }
        let is_why = self.last != Some(direction) || self.is_followed && !self.is_missed;
        self.begins = (is_clear && !is_why).then_some(direction);
    }

    pub(super) fn data(
        &mut self,
        direction: Direction,
        time_ns: u64,
        content: Bytes,
        sink: &mut impl FnMut(Plain),
    ) {
        let turns = self.last == Some(direction.opposite()) && self.doubt != Some(direction)
            || self.begins == Some(direction);
        self.moved(direction);
        let mut hand_out = |segment| sink(Plain { direction, time_ns, what: What::Segment(segment) });
        if turns {
            hand_out(Segment::Turn);
        }
        hand_out(Segment::Data(content));
    }

    pub(super) fn gap(
        &mut self,
        direction: Direction,
        time_ns: u64,
        missing: u64,
        sink: &mut impl FnMut(Plain),
    ) {
        self.counts.missing_bytes = self.counts.missing_bytes.saturating_add(missing);
        sink(Plain { direction, time_ns, what: What::Segment(Segment::Gap(missing)) });
    }

    /// Content of this direction was handed out, or is missing.
    pub(super) fn moved(&mut self, direction: Direction) {
        self.last = Some(direction);
        self.doubt = None;
        self.is_followed = false;
        self.is_missed = false;
        self.begins.take_if(|begins| *begins == direction);
    }
}
