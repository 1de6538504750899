//! One direction of a session: its key, and the records that wait for one.

use std::collections::VecDeque;

use bytes::Bytes;

use super::gcm::Cipher;
use super::hello::{Message, TLS13, has_message};
use super::keys::{Claimed, KeyStore};
use super::protection::{Opened, cost, open_first};
use super::record::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, Cut, Cutter, HANDSHAKE, Record};
use super::shared::Shared;
use super::waiting::{Current, Waiting};
use super::{Ending, Failure, Plain, What};
use crate::event::Direction;
use crate::stream::Segment;

/// Most records that wait for a key, and most bytes of them.
const WAITING: usize = 256;
const WAITING_BYTES: usize = 64 << 10;

/// Bytes of records that may go by since the last that was read.
const UNREAD_BYTES: u64 = 256 << 10;

/// Longest hello that is put together of several records.
const HELLO_BYTES: usize = 16 << 10;

/// What counts as the size of a gap of which it is not known.
const UNKNOWN_BYTES: u64 = 1 << 20;

/// One direction.
pub(super) struct Side {
    direction: Direction,
    cutter: Cutter,
    current: Option<Current>,
    /// How many keys this direction has had.
    keys: u64,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// A hello under way, whose records so far do not hold it whole.
    hello: Vec<u8>,
    /// A ChangeCipherSpec went by: in TLS 1.2 what follows is protected.
    changed: bool,
    /// Application data was read.
    has_data: bool,
    /// Bytes of records that no key fitted since the last that was read.
    unread_bytes: u64,
    /// Its sender said that it was over.
    is_closed: bool,
}

impl Side {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            direction,
            cutter: Cutter::new(),
            current: None,
            keys: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            hello: Vec::new(),
            changed: false,
            has_data: false,
            unread_bytes: 0,
            is_closed: false,
        }
    }

    /// The key in use.
    pub(super) fn current(&self) -> Option<&Current> {
        self.current.as_ref()
    }

    /// Goes on with this key, behind a gap.
    pub(super) fn restore(&mut self, current: Option<Current>) {
        self.keys = u64::from(current.is_some());
        self.current = current;
        // What follows is protected, in TLS 1.2 too.
        self.changed = true;
        self.cutter.gap(UNKNOWN_BYTES);
    }

    /// What follows begins a call.
    pub(super) fn turned(&mut self) {
        self.cutter.turned();
    }

    /// Whether no record of it waits for a key.
    pub(super) fn is_clear(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What is known of its end, if it is over now.
    pub(super) fn ending(&self) -> Ending {
        if self.is_closed {
            Ending::Closed
        } else if self.current.is_none() || self.cutter.has_lost() || !self.waiting.is_empty() {
            Ending::Unknown
        } else {
            Ending::Cut
        }
    }

    /// Bytes that are held.
    pub(super) fn held_bytes(&self) -> usize {
        let waiting = self.waiting_bytes + self.waiting.capacity() * size_of::<Waiting>();
        self.cutter.held_bytes() + waiting + self.hello.capacity()
    }

    /// Takes what follows of this direction.
    pub(super) fn push(
        &mut self,
        segment: Segment,
        keys: &mut KeyStore,
        shared: &mut Shared,
        sink: &mut impl FnMut(Plain),
    ) {
        let mut bytes = match segment {
            Segment::Data(bytes) => bytes,
            Segment::Gap(0) => return,
            Segment::Gap(missing) => {
                shared.counts.gaps += 1;
                shared.missed(self.direction);
                return self.cutter.gap(missing);
            }
            Segment::Turn => return,
        };
        while shared.failure.is_none() {
            match self.cutter.next(&mut bytes) {
                Cut::More => break,
                Cut::Foreign => shared.failure = Some(Failure::NotTls),
                Cut::Record(record) => {
                    let lost = self.cutter.take_lost();
                    self.take(Waiting::new(record, shared.time_ns, lost), false, keys, shared, sink);
                }
                Cut::Guess { record, likely } => {
                    let lost = self.cutter.take_lost();
                    let guess = Waiting::new(record, shared.time_ns, lost);
                    if self.take(guess, !likely, keys, shared, sink) {
                        self.cutter.confirm();
                    } else {
                        self.cutter.give_back(lost);
                        self.cutter.reject();
                    }
                }
            }
        }
    }

    /// Tries the records that wait with the keys that are new to them.
    pub(super) fn retry(&mut self, keys: &mut KeyStore, shared: &mut Shared, sink: &mut impl FnMut(Plain)) {
        let mut at = 0;
        while let Some(waiting) = self.waiting.get(at)
            && shared.failure.is_none()
        {
            if !self.is_untried(waiting, keys) {
                at += 1;
                continue;
            }
            let Some(mut waiting) = self.waiting.remove(at) else { break };
            match self.open(&mut waiting, at, keys, shared) {
                Some(opened) => {
                    self.waiting_bytes = self.waiting_bytes.saturating_sub(waiting.record.body.len());
                    self.opened(opened, waiting.time_ns, at, shared, sink);
                    at = 0;
                }
                None => {
                    self.waiting.insert(at, waiting);
                    at += 1;
                }
            }
        }
    }

    /// The direction ends here: what is missing of it is a gap.
    pub(super) fn end(&mut self, shared: &mut Shared, sink: &mut impl FnMut(Plain)) {
        let lost = self.waiting.iter().map(Waiting::at_stake).fold(self.cutter.end(), u64::saturating_add);
        let missing = self.current.take().map_or(0, |current| current.nonces.content(lost, None));
        self.drop_waiting(self.waiting.len(), shared);
        self.waiting = VecDeque::new();
        self.hello = Vec::new();
        if self.has_data {
            self.gap(missing, shared.time_ns, shared, sink);
        }
    }

    fn is_untried(&self, waiting: &Waiting, keys: &KeyStore) -> bool {
        waiting.tried < keys.newest()
            || self.current.as_ref().is_some_and(|current| current.number != waiting.tried_current)
    }

    /// Takes the next record. Whether it is one: `doubtful` ones are only where they can be read.
    fn take(
        &mut self,
        mut waiting: Waiting,
        doubtful: bool,
        keys: &mut KeyStore,
        shared: &mut Shared,
        sink: &mut impl FnMut(Plain),
    ) -> bool {
        if !self.is_sealed(&waiting.record, shared) {
            if !doubtful {
                self.plain(&waiting, shared, sink);
            }
            return !doubtful;
        }
        self.retry(keys, shared, sink);
        match self.open(&mut waiting, self.waiting.len(), keys, shared) {
            Some(opened) => self.opened(opened, waiting.time_ns, self.waiting.len(), shared, sink),
            None if doubtful => return false,
            None => self.keep(waiting, shared),
        }
        true
    }

    /// Whether a record is protected.
    fn is_sealed(&self, record: &Record, shared: &Shared) -> bool {
        let sealed = shared.facts.version != Some(TLS13) && self.changed;
        sealed || record.kind() == APPLICATION_DATA
    }

    /// Reads a record that is in the clear.
    fn plain(&mut self, at: &Waiting, shared: &mut Shared, sink: &mut impl FnMut(Plain)) {
        let Waiting { record, time_ns, lost, .. } = at;
        match record.kind() {
            HANDSHAKE => self.hello(record, *lost > 0, shared),
            CHANGE_CIPHER_SPEC => self.changed = true,
            ALERT => self.alert(&record.body, *time_ns, sink),
            _ => {}
        }
        // What was lost before the first key is of no interest; later, it is with the next record that is read.
        if self.current.is_some() {
            self.cutter.give_back(*lost);
        }
    }

    /// Puts a hello together.
    fn hello(&mut self, record: &Record, hole: bool, shared: &mut Shared) {
        if hole || !shared.expects_hello() {
            self.hello = Vec::new();
        }
        let whole = shared.expects_hello() && self.hello.len() + record.body.len() <= HELLO_BYTES;
        if !whole || self.current.is_some() && !shared.facts.early_data {
            return;
        }
        self.hello.extend_from_slice(&record.body);
        if has_message(&self.hello) {
            shared.learn(self.direction, Message::read(&self.hello));
            self.hello = Vec::new();
        }
    }

    /// Reads a record before which so many others wait, with the key in use or with one of the process's; what
    /// it says, and how much content is missing before it.
    fn open(
        &mut self,
        waiting: &mut Waiting,
        before: usize,
        keys: &mut KeyStore,
        shared: &mut Shared,
    ) -> Option<(Opened, u64)> {
        let Waiting { record, lost, tried, tried_current, .. } = waiting;
        let hole = *lost > 0 || self.waiting.iter().take(before).any(|waiting| waiting.lost > 0);
        let dropped = self.waiting.iter().take(before).map(Waiting::at_stake);
        let lost = dropped.fold(*lost, u64::saturating_add);
        if let Some(current) = &mut self.current
            && *tried_current != current.number
        {
            *tried_current = current.number;
            if let Some(opened) = current.nonces.open(&current.cipher, record, lost) {
                let missing = current.nonces.content(lost, opened.missing);
                return Some((opened, missing));
            }
        }
        let version = shared.facts.version;
        let cost = cost(record, version, lost);
        let (is_new, length, awaits_keys) = (*tried == 0, shared.key_bytes(), shared.awaits_keys());
        let Shared { budget, counts, reserve, .. } = shared;
        let mut fits = |cipher: &Cipher| {
            counts.tries += 1;
            open_first(cipher, record, version, hole)
        };
        let mut claimed = keys.claim((*tried, length), (budget, cost), &mut fits);
        *tried = keys.newest();
        match &claimed {
            Some(claimed) if awaits_keys => *reserve = keys.near(claimed.serial),
            // One that waits was tried with these when they were in the process's store.
            None if is_new => claimed = reserve.claim((0, length), (budget, cost), &mut fits),
            _ => {}
        }
        let Some(Claimed { cipher, key, fit: (nonces, opened), .. }) = claimed else {
            // Without a key to try, too: reading what is none costs.
            shared.spend(cost);
            return None;
        };
        // Before the first data there is the handshake, of whose end TLS 1.2 has one record under the key.
        let of_handshake = !self.has_data
            && (!hole || opened.kind == HANDSHAKE || opened.missing.is_some_and(|missing| missing <= 1));
        let missing = match (of_handshake, hole) {
            (true, _) => 0,
            (false, false) => nonces.content(lost, Some(before as u64)),
            (false, true) => nonces.content(lost, None),
        };
        self.keys += 1;
        shared.counts.keys += 1;
        self.current = Some(Current { cipher, key, nonces, number: self.keys });
        Some((opened, missing))
    }

    /// Hands out what a record says, and drops those that wait before it.
    fn opened(
        &mut self,
        (opened, missing): (Opened, u64),
        time_ns: u64,
        before: usize,
        shared: &mut Shared,
        sink: &mut impl FnMut(Plain),
    ) {
        self.drop_waiting(before, shared);
        if self.waiting.is_empty() {
            // Most connections are idle, and most never have any that wait again.
            self.waiting = VecDeque::new();
        }
        self.unread_bytes = 0;
        shared.opened(self.direction);
        if self.has_data || opened.kind != HANDSHAKE {
            self.gap(missing, time_ns, shared, sink);
        }
        match opened.kind {
            APPLICATION_DATA if !opened.content.is_empty() => {
                self.has_data = true;
                shared.has_content(self.direction);
                return shared.data(self.direction, time_ns, opened.content, sink);
            }
            HANDSHAKE => shared.learn_sealed(self.direction, Message::read(&opened.content)),
            ALERT => self.alert(&opened.content, time_ns, sink),
            _ => {}
        }
        if missing > 0 {
            shared.moved(self.direction);
        }
    }

    fn gap(&mut self, missing: u64, time_ns: u64, shared: &mut Shared, sink: &mut impl FnMut(Plain)) {
        if missing > 0 {
            self.has_data = true;
            shared.gap(self.direction, time_ns, missing, sink);
        }
    }

    /// A warning that the sender closes (RFC 8446, section 6.1).
    fn alert(&mut self, alert: &Bytes, time_ns: u64, sink: &mut impl FnMut(Plain)) {
        if **alert == [1, 0] {
            self.is_closed = true;
            sink(Plain { direction: self.direction, time_ns, what: What::Closed });
        }
    }

    /// Keeps a record that no key fits, for when one comes.
    fn keep(&mut self, mut waiting: Waiting, shared: &mut Shared) {
        // A copy: a slice would hold all of what was captured with it.
        waiting.record.body = Bytes::copy_from_slice(&waiting.record.body);
        self.waiting_bytes += waiting.record.body.len();
        self.unread_bytes += waiting.record.size();
        self.waiting.push_back(waiting);
        while self.waiting.len() > WAITING || self.waiting_bytes > WAITING_BYTES {
            let lost = self.waiting.front().map_or(0, Waiting::at_stake);
            self.drop_waiting(1, shared);
            if let Some(next) = self.waiting.front_mut() {
                next.lost = next.lost.saturating_add(lost);
            }
        }
        if self.unread_bytes > UNREAD_BYTES {
            shared.failure = Some(Failure::NoKey);
        }
    }

    fn drop_waiting(&mut self, count: usize, shared: &mut Shared) {
        for waiting in self.waiting.drain(..count.min(self.waiting.len())) {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(waiting.record.body.len());
            shared.counts.unread_records += 1;
        }
    }
}
