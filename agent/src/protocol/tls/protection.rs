//! Record protection by AES-GCM (RFC 8446, section 5.2; RFC 5288): which key a record was sealed with, where in
//! the key's sequence, and what it says.
//!
//! What counts as proof of a key, of random blocks one in so many passes:
//! - TLS 1.2: the nonce begins with the salt, goes on with eight bytes that are on the wire, and its counter is
//!   1: 2^96.
//! - TLS 1.3, a record of a known key: the counter, and eight bytes that all its nonces share: 2^96.
//! - TLS 1.3, first record of a key: the counter, and a content type (2^38); of handshake messages and alerts
//!   also their form. With the 50,000 tries that a connection has, one in five million of those that have no
//!   key would be read wrongly for one record; a peer cannot raise that, who does not know the candidates.

use bytes::Bytes;

use super::gcm::{Cipher, Counter, TAG};
use super::hello::{TLS13, is_handshake};
use super::record::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Record};

/// Bytes that a record takes on the wire besides its content, padding aside: header, tag, and content type or
/// explicit nonce.
const OVERHEAD_13: u64 = 5 + 16 + 1;
const OVERHEAD_12: u64 = 5 + 8 + 16;

/// Longest content of a record.
const LONGEST: u64 = 1 << 14;

/// Bytes of the nonce that TLS 1.2 sends with each record.
const EXPLICIT: usize = 8;

/// Most sequence numbers that are tried for a record behind a gap, with a known key and with a new one.
const WINDOW: u64 = 256;
const NEW_WINDOW: u64 = 32;

/// A record that was read.
pub(super) struct Opened {
    /// Content type.
    pub(super) kind: u8,
    pub(super) content: Bytes,
    /// How many records of its key are missing before it, if that can be told.
    pub(super) missing: Option<u64>,
}

/// Where in a key's sequence of nonces its last record was.
pub(super) enum Nonces {
    V13 {
        /// The nonce of the key's first record that was seen, which is the iv if that was number 0.
        salt: u32,
        iv: u64,
        /// Number of the next record; `None` if that of the first one was not 0, or is not known to be.
        next: Option<u64>,
    },
    V12 {
        salt: u32,
        /// Number and explicit nonce of the last record.
        sequence: u64,
        explicit: u64,
    },
}

impl Nonces {
    /// Reads the next record of the key, before which so many bytes were lost. `None` if it is not of this key.
    pub(super) fn open(&mut self, cipher: &Cipher, record: &Record, lost: u64) -> Option<Opened> {
        match self {
            Self::V13 { salt, iv, next } => {
                let sealed = Sealed13::of(record)?;
                let counter = sealed.counter(cipher);
                let distance = counter.rest() ^ *iv;
                // Numbers below 2^32: AES-GCM keys are changed long before (RFC 8446, section 5.5).
                if !counter.is_first() || counter.salt() != *salt || distance > u64::from(u32::MAX) {
                    return None;
                }
                let missing = next.and_then(|next| distance.checked_sub(next));
                let missing = missing.filter(|missing| *missing <= lost / OVERHEAD_13);
                *next = missing.map(|_| distance + 1);
                let (kind, content) =
                    sealed.open(cipher, counter).unwrap_or((APPLICATION_DATA, Bytes::new()));
                Some(Opened { kind, content, missing: missing.or((lost == 0).then_some(0)) })
            }
            Self::V12 { salt, sequence, explicit } => {
                let sealed = Sealed12::of(record)?;
                let expected = sequence.wrapping_add(1);
                // A nonce that counts up, and one that is a counter, masked.
                let counted = sequence.wrapping_add(sealed.explicit.wrapping_sub(*explicit));
                let masked = *sequence ^ sealed.explicit ^ *explicit;
                let most = lost / OVERHEAD_12;
                let near = |number: &u64| number.wrapping_sub(expected) <= most;
                let guesses = [expected, counted, masked].into_iter().filter(near);
                let window = (1..=most.min(WINDOW)).map(|ahead| expected.wrapping_add(ahead));
                let right = |counter: Counter| counter.salt() == *salt;
                let (number, counter) = sealed.find(cipher, guesses.chain(window), right)?;
                (*sequence, *explicit) = (number, sealed.explicit);
                let missing = Some(number.wrapping_sub(expected));
                Some(Opened { kind: record.kind(), content: sealed.open(cipher, counter), missing })
            }
        }
    }

    /// How many bytes of content `lost` bytes held, if they were so many records; else an estimate.
    pub(super) fn content(&self, lost: u64, records: Option<u64>) -> u64 {
        let overhead = match self {
            Self::V13 { .. } => OVERHEAD_13,
            Self::V12 { .. } => OVERHEAD_12,
        };
        let records = records.unwrap_or_else(|| lost.div_ceil(LONGEST + overhead));
        lost.saturating_sub(records.saturating_mul(overhead)).min(records.saturating_mul(LONGEST))
    }
}

/// Reads `record` as the first one that was seen of a key. `hole`: records of it may be missing.
pub(super) fn open_first(
    cipher: &Cipher,
    record: &Record,
    version: Option<u16>,
    hole: bool,
) -> Option<(Nonces, Opened)> {
    let is_13 = version.is_none_or(|version| version == TLS13);
    let is_12 = version != Some(TLS13);
    let as_13 = if is_13 { first_13(cipher, record, hole) } else { None };
    as_13.or_else(|| if is_12 { first_12(cipher, record, hole) } else { None })
}

/// What trying a record before which so many bytes were lost costs, in tries of 2 KiB.
pub(super) fn cost(record: &Record, version: Option<u16>, lost: u64) -> u32 {
    let window = if version == Some(TLS13) { 0 } else { WINDOW.min(lost / OVERHEAD_12) / 16 };
    u32::try_from(1 + window + (record.size() >> 11)).unwrap_or(u32::MAX)
}

fn first_13(cipher: &Cipher, record: &Record, hole: bool) -> Option<(Nonces, Opened)> {
    let sealed = Sealed13::of(record)?;
    let counter = sealed.counter(cipher);
    if !counter.is_first() {
        return None;
    }
    let (kind, content) = sealed.open(cipher, counter)?;
    let sound = match kind {
        ALERT => matches!(*content, [1 | 2, _]),
        // Behind a hole it may begin in the middle of a message.
        HANDSHAKE => hole || is_handshake(&content),
        _ => kind == APPLICATION_DATA,
    };
    let (next, missing) = if hole { (None, None) } else { (Some(1), Some(0)) };
    let nonces = Nonces::V13 { salt: counter.salt(), iv: counter.rest(), next };
    sound.then_some((nonces, Opened { kind, content, missing }))
}

fn first_12(cipher: &Cipher, record: &Record, hole: bool) -> Option<(Nonces, Opened)> {
    let sealed = Sealed12::of(record)?;
    // Many send the number as the explicit nonce.
    let guess = hole.then_some(sealed.explicit).into_iter();
    let numbers = guess.chain(0..if hole { NEW_WINDOW } else { 1 });
    let (sequence, counter) = sealed.find(cipher, numbers, |_| true)?;
    let nonces = Nonces::V12 { salt: counter.salt(), sequence, explicit: sealed.explicit };
    let opened =
        Opened { kind: record.kind(), content: sealed.open(cipher, counter), missing: Some(sequence) };
    Some((nonces, opened))
}

/// A record of TLS 1.3, in its parts.
struct Sealed13<'a> {
    header: &'a [u8],
    text: &'a [u8],
    tag: u128,
}

impl<'a> Sealed13<'a> {
    fn of(record: &'a Record) -> Option<Self> {
        let (text, tag) = record.body.split_last_chunk::<TAG>()?;
        let sealed = Self { header: &record.header, text, tag: u128::from_be_bytes(*tag) };
        (record.kind() == APPLICATION_DATA).then_some(sealed)
    }

    fn counter(&self, cipher: &Cipher) -> Counter {
        cipher.counter(cipher.hash(self.header, self.text), self.tag)
    }

    /// Content type and content. `None` when there is nothing but padding.
    fn open(&self, cipher: &Cipher, counter: Counter) -> Option<(u8, Bytes)> {
        let mut plain = cipher.decrypt(counter, self.text);
        while plain.last() == Some(&0) {
            plain.pop();
        }
        let kind = plain.pop()?;
        Some((kind, plain.into()))
    }
}

/// A record of TLS 1.2, in its parts.
struct Sealed12<'a> {
    header: [u8; 5],
    explicit: u64,
    text: &'a [u8],
    tag: u128,
}

impl<'a> Sealed12<'a> {
    fn of(record: &'a Record) -> Option<Self> {
        let (explicit, rest) = record.body.split_first_chunk::<EXPLICIT>()?;
        let (text, tag) = rest.split_last_chunk::<TAG>()?;
        let (explicit, tag) = (u64::from_be_bytes(*explicit), u128::from_be_bytes(*tag));
        let known = (CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&record.kind());
        known.then_some(Self { header: record.header, explicit, text, tag })
    }

    /// The first of these sequence numbers with which the record gives the counter block of its explicit nonce,
    /// and one that is `right`. After the first, a number costs two blocks.
    fn find(
        &self,
        cipher: &Cipher,
        numbers: impl Iterator<Item = u64>,
        right: impl Fn(Counter) -> bool,
    ) -> Option<(u64, Counter)> {
        let [kind, major, minor, ..] = self.header;
        let [.., high, low] = self.text.len().to_be_bytes();
        let aad = |number: u64| {
            let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
            [a, b, c, d, e, f, g, h, kind, major, minor, high, low]
        };
        let mut first: Option<(u64, u128)> = None;
        let mut shift = None;
        for number in numbers {
            let hash = match first {
                None => {
                    let hash = cipher.hash(&aad(number), self.text);
                    first = Some((number, hash));
                    hash
                }
                Some((begun, hash)) => {
                    let shift = shift.get_or_insert_with(|| cipher.shift(self.text.len()));
                    hash ^ shift.difference(u128::from(number ^ begun) << 64)
                }
            };
            let counter = cipher.counter(hash, self.tag);
            if counter.is_first() && counter.rest() == self.explicit && right(counter) {
                return Some((number, counter));
            }
        }
        None
    }

    fn open(&self, cipher: &Cipher, counter: Counter) -> Bytes {
        cipher.decrypt(counter, self.text).into()
    }
}
