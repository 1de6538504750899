//! What it takes to read a session on that another agent has read: its keys, and where in their sequences it was.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::gcm::Cipher;
use super::hello::TLS13;
use super::protection::Nonces;
use super::side::Side;
use super::waiting::Current;
use super::{Facts, Session, TrafficKey};
use crate::event::Direction;

/// A session's state, apart from bytes that are under way: see [`Session::save`]. Its `Debug` form shows no key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The client's bytes are those that the process sends.
    pub is_client: bool,
    /// The name that the client asked for.
    pub server_name: Option<String>,
    version: u16,
    suite: u16,
    alpn: Option<String>,
    read: Option<SavedKey>,
    write: Option<SavedKey>,
}

/// The key of one direction, and what is known of its nonces: see [`Nonces`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedKey {
    key: Zeroizing<Vec<u8>>,
    salt: u32,
    /// TLS 1.3: the first nonce; TLS 1.2: the last explicit one.
    nonce: u64,
    /// TLS 1.3: the number of the next record; TLS 1.2: of the last.
    number: Option<u64>,
}

impl fmt::Debug for SavedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SavedKey({} bits)", self.key.len() * 8)
    }
}

impl Session {
    /// What it takes to read it on elsewhere; none before its first protected record was read, and when nothing more will be.
    #[must_use]
    pub fn save(&self) -> Option<Saved> {
        if self.over {
            return None;
        }
        let Facts { client, server_name, version, suite, alpn, .. } = self.facts();
        let (read, write) = (self.read.current().map(SavedKey::of), self.write.current().map(SavedKey::of));
        if read.is_none() && write.is_none() {
            return None;
        }
        Some(Saved {
            is_client: (*client)? == Direction::Write,
            server_name: server_name.clone(),
            version: (*version)?,
            suite: (*suite)?,
            alpn: alpn.clone(),
            read,
            write,
        })
    }

    /// A session that another agent has read so far, and of which bytes may have gone by since. Keys that are none are left out.
    #[must_use]
    pub fn restore(saved: &Saved) -> Self {
        let mut session = Self::new();
        let client = if saved.is_client { Direction::Write } else { Direction::Read };
        session.shared.facts = Facts {
            client: Some(client),
            server_name: saved.server_name.clone(),
            version: Some(saved.version),
            suite: Some(saved.suite),
            alpn: saved.alpn.clone(),
            ..Facts::default()
        };
        let is_13 = saved.version == TLS13;
        let restore = |side: &mut Side, key: &Option<SavedKey>| {
            let current = key.as_ref().and_then(|key| key.restore(is_13));
            side.restore(current);
            u64::from(side.current().is_some())
        };
        let keys = restore(&mut session.read, &saved.read) + restore(&mut session.write, &saved.write);
        session.shared.counts.keys = keys;
        session
    }
}

impl SavedKey {
    fn of(current: &Current) -> Self {
        let key = Zeroizing::new(current.key.bytes().to_vec());
        match current.nonces {
            Nonces::V13 { salt, iv, next } => Self { key, salt, nonce: iv, number: next },
            Nonces::V12 { salt, sequence, explicit } => {
                Self { key, salt, nonce: explicit, number: Some(sequence) }
            }
        }
    }

    fn restore(&self, is_13: bool) -> Option<Current> {
        let Self { key, salt, nonce, number } = self;
        let nonces = if is_13 {
            Nonces::V13 { salt: *salt, iv: *nonce, next: *number }
        } else {
            Nonces::V12 { salt: *salt, sequence: (*number)?, explicit: *nonce }
        };
        let cipher = Box::new(Cipher::new(key)?);
        Some(Current { cipher, key: TrafficKey::new(key)?, nonces, number: 1 })
    }
}
