//! A bounded first-in, first-out queue of opaque payloads in one folder, for what a receiver cannot take now.
//!
//! # What is promised
//! - A payload is durable when [`Queue::sync`] has returned `Ok` after the [`Queue::push`] of it: it comes again
//!   after a crash of the process or the machine, unchanged and in order, until it is acknowledged or the bound
//!   drops it. Many pushes may share one `sync`. What was pushed and not yet synced may or may not survive a crash.
//! - Delivery is at least once. An acknowledgement is durable when `sync` has returned `Ok` after it and all older
//!   records were acknowledged too; others come again after a restart.
//! - Nothing comes whose checksum is wrong. After damage reading goes on at the next good record, and what is
//!   missing is counted: [`Recovered`] for what was found at the start, [`Counts`] for what came later, when its
//!   segment is done. Until then a restart begins before it, so that it is counted all the same.
//! - Files take [`Options::total_bytes`] at most. Past that the oldest segment goes, with what it holds counted.
//! - Memory: a payload or two, a buffer of 64 KiB, less than 100 bytes for each segment and each record in flight.
//!
//! # When the disk fails
//! - `push` fails: the payload is not in the queue, and what is there stays. Pushing again works once the disk does.
//! - `fsync` fails: Linux may have dropped the pages and will report the error once only, so no later `fsync` of
//!   that file proves anything. The segment gets no more records, and `sync` says how many of its records are not
//!   durable ([`Error::NotDurable`]). They stay in the queue and are delivered as far as they can be read; a crash
//!   may lose them, whatever a later `sync` returns, that of the next process included. They are not written again:
//!   what can be read back of them may be old.
//! - A read fails with `EIO` three times: the rest of that segment is given up and counted as lost. If it is the
//!   head of a segment or the position that cannot be read at the start, opening fails instead: a disk that is away
//!   for a moment must not cost all data.
//!
//! # Format
//! All numbers are little-endian, checksums are CRC-32 (IEEE 802.3).
//!
//! `<16 hexadecimal digits>.segment`: files in the order of their names. A process never appends to the segments of
//! another one. A header, then records at multiples of 8 bytes:
//!
//! | bytes | segment header |
//! |---|---|
//! | 0–7 | `spanwirQ` |
//! | 8–15 | number of the first record; an older segment's records from this number on do not count |
//! | 16–23 | marker: drawn by chance for each segment, so that no payload can hold what looks like a record |
//! | 24–27 | version, 1 |
//! | 28–31 | checksum of bytes 0–27 |
//!
//! | bytes | record |
//! |---|---|
//! | 0–7 | the segment's marker |
//! | 8–15 | number: one more than the record before |
//! | 16–19 | length of the payload |
//! | 20–23 | items that the payload stands for |
//! | 24–27 | checksum of the payload |
//! | 28–31 | checksum of bytes 0–27 |
//! | 32– | payload, then zeros up to a multiple of 8 bytes |
//!
//! `position`: two slots, at 0 and 4096, written in turn, so that one is whole whatever happens to the other. The
//! larger number counts.
//!
//! | bytes | slot |
//! |---|---|
//! | 0–7 | `spanwirP` |
//! | 8–15 | number of the oldest record that is not acknowledged |
//! | 16–19 | checksum of bytes 0–15 |
//!
//! `lock`: held by `flock(2)` while a process has the queue; its text is that process's id.

mod disk;
mod error;
mod position;
mod queue;
mod reader;
mod record;
mod recovery;
mod segment;
mod storage;

pub use disk::Disk;
pub use error::Error;
pub use queue::{Counts, IN_FLIGHT_MAX, Options, Queue, Tally};
pub use record::{PAYLOAD_MAX_BYTES, Record};
pub use recovery::Recovered;
pub use segment::SEGMENTS_MAX;
pub use storage::Storage;
