//! What ties records together: each one's hash covers the one before it, and seals prove who wrote the last.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Says what is hashed, so that no hash made for something else can stand for a record's.
const RECORD: &[u8] = b"spanwire audit record 1\n";
/// The same of contents.
const CONTENT: &[u8] = b"spanwire audit content 1\n";
/// The same of seals.
const SEAL: &[u8] = b"spanwire audit seal 1\n";

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What stands before the first record.
    pub const NONE: Self = Self([0; 32]);

    /// Of the record with this number, which stands behind the one with hash `before`.
    #[must_use]
    pub fn of(before: Self, number: u64, text: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(RECORD);
        hash.update(before.0);
        hash.update(number.to_be_bytes());
        hash.update(text.as_bytes());
        Self(hash.finalize().into())
    }

    /// Reads 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = &'static str;

    /// 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "64 hexadecimal digits";
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(EXPECTED);
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * index..2 * index + 2).ok_or(EXPECTED)?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(EXPECTED);
            }
            *byte = u8::from_str_radix(digits, 16).map_err(|_| EXPECTED)?;
        }
        Ok(Self(bytes))
    }
}

/// How far a store has come: the number and the hash of its last record, which say all that stands in it. Noted where the
/// store's host cannot change it, it proves later that the store still says the same up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Of the last record; 0 without any.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
}

impl Standing {
    /// Of a store without records.
    pub const EMPTY: Self = Self { number: 0, hash: Hash::NONE };

    /// With the record of this text behind it.
    #[must_use]
    pub fn then(self, text: &str) -> Self {
        let number = self.number + 1;
        Self { number, hash: Hash::of(self.hash, number, text) }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.hash)
    }
}

impl FromStr for Standing {
    type Err = &'static str;

    /// `NUMBER:HASH`, as it is displayed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a record's number and hash, NUMBER:HASH";
        let (number, hash) = text.split_once(':').ok_or(EXPECTED)?;
        Ok(Self { number: number.parse().map_err(|_| EXPECTED)?, hash: hash.parse()? })
    }
}

/// The key of a store's seals. Its bytes are wiped when it is dropped.
#[derive(Clone)]
pub struct SealKey(Zeroizing<Vec<u8>>);

impl SealKey {
    /// From at least 32 bytes drawn by chance.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// HMAC-SHA-256 over a standing and what it is sealed as, `head` or `checkpoint`.
    #[must_use]
    pub fn seal(&self, standing: Standing, what: Sealed) -> Hash {
        let number = standing.number.to_be_bytes();
        self.mac(&[SEAL, what.name().as_bytes(), &number, &standing.hash.0])
    }

    /// HMAC-SHA-256 over what was said: the same words have the same hash in one store, and who has no key cannot try
    /// words out.
    #[must_use]
    pub fn hash(&self, content: &[u8]) -> Hash {
        self.mac(&[CONTENT, content])
    }

    fn mac(&self, parts: &[&[u8]]) -> Hash {
        // A key of any length is taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return Hash::NONE };
        parts.iter().for_each(|part| mac.update(part));
        Hash(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

/// What a seal is of: a checkpoint must not be passed off as the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// The last record there is.
    Head,
    /// A record on the way.
    Checkpoint,
    /// The record before the first that is kept.
    Base,
}

impl Sealed {
    fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Checkpoint => "checkpoint",
            Self::Base => "base",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_hash_covers_place_text_and_what_stands_before() {
        let one = Standing::EMPTY.then("a");
        let all = [
            one.hash,
            Standing::EMPTY.then("b").hash,
            one.then("a").hash,
            Hash::of(one.hash, 1, "a"),
            Hash::of(Hash::NONE, 2, "a"),
        ];
        for (index, hash) in all.iter().enumerate() {
            assert!(!all.iter().skip(index + 1).any(|other| other == hash), "{index}");
        }
    }

    #[test]
    fn the_first_hash_is_what_it_was_in_every_release() {
        // sha256 of the line, 32 zero bytes, the number's eight bytes and the text, by Python's hashlib.
        let expected = "feed2725fdb856755eb93e3e36342cea5972125b644546ab5563dcd6c188df1c";
        assert_eq!(Standing::EMPTY.then("{}").hash.to_string(), expected);
    }

    #[test]
    fn a_standing_is_read_as_it_is_shown() {
        let standing = Standing::EMPTY.then("x").then("y");
        assert_eq!(standing.to_string().parse(), Ok(standing));
        for wrong in
            ["", "1", "1:", "x:00", &format!("1:{}", "g".repeat(64)), &format!("1:{}", "+f".repeat(32))]
        {
            assert!(wrong.parse::<Standing>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn seals_differ_by_key_standing_and_use() {
        let (key, other) = (SealKey::new(&[1; 32]), SealKey::new(&[2; 32]));
        let standing = Standing::EMPTY.then("x");
        let seal = key.seal(standing, Sealed::Head);
        assert_eq!(seal, key.seal(standing, Sealed::Head));
        assert_ne!(seal, other.seal(standing, Sealed::Head));
        assert_ne!(seal, key.seal(standing, Sealed::Checkpoint));
        assert_ne!(seal, key.seal(standing.then("y"), Sealed::Head));
        assert_ne!(key.hash(b"x"), other.hash(b"x"));
        assert_ne!(key.hash(b"x"), key.hash(b"y"));
        assert!(!format!("{key:?}").contains('1'));
    }
}
