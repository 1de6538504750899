//! Cuts one direction of a connection into TLS records (RFC 8446, section 5.1; RFC 5246, section 6.2).

use bytes::{Buf, Bytes, BytesMut};

/// Bytes of a record's header.
pub(super) const HEADER: usize = 5;

/// Longest body: what TLS 1.2 allows, which is more than TLS 1.3 does.
const LONGEST: usize = (1 << 14) + 2048;

/// How many bytes behind a gap are searched for the next record.
const SEARCHED: usize = HEADER + LONGEST;

/// How many records that may be one are tried in such a search.
const GUESSES: u32 = 16;

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

/// One record as it was on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) header: [u8; HEADER],
    pub(super) body: Bytes,
}

impl Record {
    /// The content type that its header says.
    pub(super) fn kind(&self) -> u8 {
        let [kind, ..] = self.header;
        kind
    }

    /// Bytes on the wire.
    pub(super) fn size(&self) -> u64 {
        (HEADER + self.body.len()) as u64
    }

    fn of(header: [u8; HEADER], mut whole: Bytes) -> Self {
        whole.advance(HEADER.min(whole.len()));
        Self { header, body: whole }
    }
}

/// What a cutter finds next.
pub(super) enum Cut {
    /// Nothing before more bytes come.
    More,
    Record(Record),
    /// A record, perhaps: say so by [`Cutter::confirm`] or [`Cutter::reject`] before the next step.
    Guess {
        record: Record,
        /// It begins right behind the gap, and what follows it looks like a record, too.
        likely: bool,
    },
    /// The first bytes are not TLS.
    Foreign,
}

/// Where a cutter stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing was read.
    Start,
    /// At the header of a record or in it.
    Record,
    /// In a record of which bytes are missing: so many are left.
    Damaged(usize),
    /// Behind a gap: so many bytes were passed over and so many records tried in vain.
    Search(usize, u32),
    /// In a stretch in which no record was found: the next gap or turn may end better.
    Lost,
}

/// Cuts one direction. Holds one record at most, and the header behind it.
pub(super) struct Cutter {
    place: Place,
    buffer: BytesMut,
    /// Bytes that are part of no record handed out.
    lost: u64,
}

impl Cutter {
    pub(super) fn new() -> Self {
        Self { place: Place::Start, buffer: BytesMut::new(), lost: 0 }
    }

    /// Bytes that are held.
    pub(super) fn held_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Bytes that were lost before the record or the guess handed out last, since they were taken.
    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// What comes next begins a call, and so a record: it is looked for again where none was found.
    pub(super) fn turned(&mut self) {
        if self.place == Place::Lost {
            self.place = Place::Search(0, 0);
        }
    }

    /// Whether there are such since then.
    pub(super) fn has_lost(&self) -> bool {
        self.lost > 0
    }

    /// Counts bytes that were taken again.
    pub(super) fn give_back(&mut self, lost: u64) {
        self.lost = self.lost.saturating_add(lost);
    }

    /// The direction is over: bytes lost and held.
    pub(super) fn end(&mut self) -> u64 {
        let lost = self.take_lost().saturating_add(self.buffer.len() as u64);
        *self = Self { place: Place::Lost, ..Self::new() };
        lost
    }

    /// So many bytes are missing here.
    pub(super) fn gap(&mut self, missing: u64) {
        if missing == 0 {
            return;
        }
        let fits = |left: usize| usize::try_from(missing).ok().and_then(|missing| left.checked_sub(missing));
        let held = self.buffer.len();
        let (left, lost) = match self.place {
            Place::Record if held >= HEADER => {
                let total = plausible(&self.buffer).unwrap_or(held);
                let left = total.saturating_sub(held);
                (fits(left), missing.saturating_add(held as u64))
            }
            // The bytes that were left are counted as they come.
            Place::Damaged(left) => (fits(left), missing),
            _ => (None, missing.saturating_add(held as u64)),
        };
        self.lost = self.lost.saturating_add(lost);
        self.buffer = BytesMut::new();
        self.place = match left {
            Some(0) => Place::Record,
            Some(left) => Place::Damaged(left),
            None => Place::Search(0, 0),
        };
    }

    /// What follows, from the bytes held and `bytes`, of which it takes what it needs.
    pub(super) fn next(&mut self, bytes: &mut Bytes) -> Cut {
        loop {
            match self.place {
                Place::Start | Place::Record => {
                    if let Some(cut) = self.record(bytes) {
                        return cut;
                    }
                }
                Place::Damaged(left) => {
                    let skipped = left.min(bytes.len());
                    bytes.advance(skipped);
                    self.lost = self.lost.saturating_add(skipped as u64);
                    if skipped < left {
                        self.place = Place::Damaged(left - skipped);
                        return Cut::More;
                    }
                    self.place = Place::Record;
                }
                Place::Search(passed, guesses) => {
                    if let Some(cut) = self.search(passed, guesses, bytes) {
                        return cut;
                    }
                }
                Place::Lost => {
                    self.lost = self.lost.saturating_add(self.buffer.len() as u64 + bytes.len() as u64);
                    self.buffer = BytesMut::new();
                    bytes.clear();
                    return Cut::More;
                }
            }
        }
    }

    /// The record handed out as a guess is one.
    pub(super) fn confirm(&mut self) {
        let size = plausible(&self.buffer).unwrap_or(0);
        self.buffer.advance(size.min(self.buffer.len()));
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        self.place = Place::Record;
    }

    /// The record handed out as a guess is none.
    pub(super) fn reject(&mut self) {
        if let Place::Search(passed, guesses) = self.place {
            self.pass(1, passed, guesses + 1);
        }
    }

    /// The next record in step; `None` where the step was lost.
    fn record(&mut self, bytes: &mut Bytes) -> Option<Cut> {
        if self.buffer.is_empty() {
            // A record that is whole in what came is not copied.
            if let Some(total) = plausible(bytes)
                && let Some(header) = bytes.first_chunk().copied()
                && bytes.len() >= total
            {
                self.place = Place::Record;
                return Some(Cut::Record(Record::of(header, bytes.split_to(total))));
            }
        }
        if !self.fill(HEADER, bytes) {
            return Some(Cut::More);
        }
        let Some((total, header)) = plausible(&self.buffer).zip(self.buffer.first_chunk().copied()) else {
            if self.place == Place::Start {
                return Some(Cut::Foreign);
            }
            self.place = Place::Search(0, 0);
            return None;
        };
        self.place = Place::Record;
        if !self.fill(total, bytes) {
            return Some(Cut::More);
        }
        let whole = self.buffer.split_to(total).freeze();
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        Some(Cut::Record(Record::of(header, whole)))
    }

    /// The next guess; `None` where the place changed.
    fn search(&mut self, passed: usize, guesses: u32, bytes: &mut Bytes) -> Option<Cut> {
        if passed > SEARCHED || guesses > GUESSES {
            self.place = Place::Lost;
            return None;
        }
        if !self.fill(HEADER, bytes) {
            return Some(Cut::More);
        }
        let Some(total) = protected(&self.buffer) else {
            let next = self.buffer.iter().skip(1).position(|byte| (20..=23).contains(byte));
            self.pass(next.map_or(self.buffer.len(), |next| next + 1), passed, guesses);
            return None;
        };
        let behind = self.fill(total + HEADER, bytes);
        let Some((whole, rest)) = self.buffer.split_at_checked(total) else { return Some(Cut::More) };
        let followed = if behind { plausible(rest).is_some() } else { rest.is_empty() || may_begin(rest) };
        let header = whole.first_chunk().copied()?;
        let record = Record::of(header, Bytes::copy_from_slice(whole));
        Some(Cut::Guess { record, likely: passed == 0 && followed })
    }

    /// Passes over bytes that begin no record.
    fn pass(&mut self, count: usize, passed: usize, guesses: u32) {
        let count = count.min(self.buffer.len());
        self.buffer.advance(count);
        self.lost = self.lost.saturating_add(count as u64);
        self.place = Place::Search(passed + count, guesses);
    }

    /// Whether the buffer holds so many bytes, if need be with some of those that came.
    fn fill(&mut self, count: usize, bytes: &mut Bytes) -> bool {
        let missing = count.saturating_sub(self.buffer.len());
        let taken = bytes.split_to(missing.min(bytes.len()));
        if !taken.is_empty() {
            self.buffer.extend_from_slice(&taken);
        }
        taken.len() == missing
    }
}

/// The size of the record that begins here, header included, if one may.
fn plausible(bytes: &[u8]) -> Option<usize> {
    let [kind, major, minor, high, low, ..] = *bytes else { return None };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let sound = (20..=23).contains(&kind) && major == 3 && minor <= 4 && length <= LONGEST;
    sound.then_some(HEADER + length)
}

/// The same for a protected record: its version is always that of TLS 1.2, and it has a tag.
fn protected(bytes: &[u8]) -> Option<usize> {
    let [_, _, 3, ..] = *bytes else { return None };
    plausible(bytes).filter(|size| *size > HEADER + super::gcm::TAG)
}

/// Whether a record may begin with these few bytes.
fn may_begin(bytes: &[u8]) -> bool {
    match *bytes {
        [] => true,
        [kind] => (20..=23).contains(&kind),
        [kind, major, ..] => (20..=23).contains(&kind) && major == 3,
    }
}
