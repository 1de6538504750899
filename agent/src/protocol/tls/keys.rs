//! The keys of one process that a probe saw and no session has claimed yet.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::BuildHasher;

use zeroize::Zeroizing;

use super::gcm::Cipher;

/// Most keys that a store holds. Generators of random numbers expand keys, too, some ten for each of TLS.
const MOST: usize = 1024;

/// How many keys before and behind one are taken for its neighbours.
const NEAR: usize = 24;

/// Most sessions that one key serves: a process that is both ends of a connection has it twice.
const MOST_USES: u8 = 2;

/// What a key probe saw: 16, 24 or 32 bytes. Zeroed when dropped; its `Debug` form shows no byte of it.
#[derive(Clone)]
pub struct TrafficKey(Zeroizing<Box<[u8]>>);

impl TrafficKey {
    /// `None` unless AES has keys of this length.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        // Boxed, lest a move leave a copy behind.
        matches!(bytes.len(), 16 | 24 | 32).then(|| Self(Zeroizing::new(bytes.into())))
    }

    /// The key itself.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// In bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a key is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for TrafficKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrafficKey({} bits)", self.len() * 8)
    }
}

/// Keys of one process that no session has claimed yet: at most 1,024, the oldest go first, each once.
#[derive(Default)]
pub struct KeyStore {
    /// By ascending serial number.
    candidates: VecDeque<Candidate>,
    /// The serial number of each candidate, by a keyed hash of its bytes, which tells nothing of them.
    known: HashMap<u64, u64>,
    hasher: RandomState,
    newest: u64,
    forgotten: u64,
    claimed: u64,
}

/// A key that fits.
pub(super) struct Claimed<T> {
    pub(super) cipher: Box<Cipher>,
    pub(super) key: TrafficKey,
    /// Its number in the order in which keys came.
    pub(super) serial: u64,
    /// What it was found by.
    pub(super) fit: T,
}

struct Candidate {
    serial: u64,
    hash: u64,
    time_ns: u64,
    key: TrafficKey,
    uses: u8,
    /// Expanded at the first try.
    cipher: Option<Box<Cipher>>,
}

impl KeyStore {
    /// Without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a key that was seen at `time_ns`. Whether it is new: one that is there already stays, as if it had
    /// been seen now, and serves one session more, as a process that talks to itself expands it for either end.
    pub fn insert(&mut self, key: TrafficKey, time_ns: u64) -> bool {
        let hash = self.hasher.hash_one(&**key.0);
        if let Some(serial) = self.known.get(&hash)
            && let Ok(at) = self.candidates.binary_search_by_key(serial, |candidate| candidate.serial)
            && let Some(candidate) = self.candidates.get_mut(at)
        {
            candidate.time_ns = candidate.time_ns.max(time_ns);
            candidate.uses = MOST_USES.min(candidate.uses + 1);
            return false;
        }
        if self.candidates.len() >= MOST
            && let Some(oldest) = self.candidates.pop_front()
        {
            self.known.remove(&oldest.hash);
            self.forgotten = self.forgotten.saturating_add(1);
        }
        self.newest += 1;
        self.known.insert(hash, self.newest);
        self.candidates.push_back(Candidate {
            serial: self.newest,
            hash,
            time_ns,
            key,
            uses: 1,
            cipher: None,
        });
        true
    }

    /// Drops keys that were last seen before `before_ns`: see [`super::Session::awaits_keys`].
    pub fn expire(&mut self, before_ns: u64) {
        let known = &mut self.known;
        self.candidates.retain(|candidate| {
            let stays = candidate.time_ns >= before_ns;
            if !stays {
                known.remove(&candidate.hash);
            }
            stays
        });
    }

    /// How many keys wait for a session.
    #[must_use]
    pub fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// Keys that went because newer ones took their place.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Keys that fitted a record. None, of many: they are of something else than TLS, or were read wrongly.
    #[must_use]
    pub fn claimed(&self) -> u64 {
        self.claimed
    }

    /// The serial number of the newest key so far: who tried all keys up to it need try only those behind it.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Tries the keys that came after serial number `tried` and are `length` bytes long, if one is given, newest
    /// first, until one `fits`, which it does no more often than `budget` allows at `cost` each. The key that
    /// fits is the caller's.
    pub(super) fn claim<T>(
        &mut self,
        (tried, length): (u64, Option<usize>),
        (budget, cost): (&mut u32, u32),
        mut fits: impl FnMut(&Cipher) -> Option<T>,
    ) -> Option<Claimed<T>> {
        let mut found = None;
        for (at, candidate) in self.candidates.iter_mut().enumerate().rev() {
            if candidate.serial <= tried || *budget == 0 {
                break;
            }
            if length.is_some_and(|length| length != candidate.key.len()) {
                continue;
            }
            if candidate.cipher.is_none() {
                candidate.cipher = Cipher::new(&candidate.key.0).map(Box::new);
            }
            *budget = budget.saturating_sub(cost);
            if let Some(fit) = candidate.cipher.as_deref().and_then(&mut fits) {
                found = Some((at, fit));
                break;
            }
        }
        let (at, fit) = found?;
        self.claimed += 1;
        let candidate = self.candidates.get_mut(at)?;
        candidate.uses -= 1;
        if candidate.uses > 0 {
            let (cipher, key) = (candidate.cipher.clone()?, candidate.key.clone());
            return Some(Claimed { cipher, key, serial: candidate.serial, fit });
        }
        let Candidate { cipher, key, serial, hash, .. } = self.candidates.remove(at)?;
        self.known.remove(&hash);
        Some(Claimed { cipher: cipher?, key, serial, fit })
    }

    /// Copies of the keys that came shortly before or after key number `serial` did, so far.
    pub(super) fn near(&self, serial: u64) -> Self {
        let at = self.candidates.partition_point(|candidate| candidate.serial < serial);
        let mut near = Self::new();
        for candidate in self.candidates.iter().skip(at.saturating_sub(NEAR)).take(at.min(NEAR) + NEAR) {
            near.insert(candidate.key.clone(), candidate.time_ns);
        }
        near
    }
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStore").field("keys", &self.len()).field("forgotten", &self.forgotten).finish()
    }
}
