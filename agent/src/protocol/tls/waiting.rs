//! What one direction of a session keeps: records that wait for a key, and the key in use.

use super::gcm::Cipher;
use super::keys::TrafficKey;
use super::protection::Nonces;
use super::record::Record;

/// A record that no key fits, so far.
pub(super) struct Waiting {
    pub(super) record: Record,
    pub(super) time_ns: u64,
    /// Bytes that were lost before it.
    pub(super) lost: u64,
    /// Serial number of the newest key that was tried on it.
    pub(super) tried: u64,
    /// Number of the key in use that was tried on it.
    pub(super) tried_current: u64,
}

impl Waiting {
    pub(super) fn new(record: Record, time_ns: u64, lost: u64) -> Self {
        Self { record, time_ns, lost, tried: 0, tried_current: 0 }
    }

    /// Bytes that are lost if it is never read.
    pub(super) fn at_stake(&self) -> u64 {
        self.lost.saturating_add(self.record.size())
    }
}

/// The key that read the last record.
pub(super) struct Current {
    pub(super) cipher: Box<Cipher>,
    /// The same, for whoever reads on.
    pub(super) key: TrafficKey,
    pub(super) nonces: Nonces,
    pub(super) number: u64,
}
