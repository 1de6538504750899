//! The queue itself: its state, its bounds, and what makes it durable.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::collections::VecDeque;
use std::io;

use crate::position::{self, Position};
use crate::reader::Reader;
use crate::record::{self, PAYLOAD_MAX_BYTES};
use crate::recovery::{Found, Recovered, recover};
use crate::segment::{self, Segment};
use crate::storage::room;
use crate::{Disk, Error, Storage};

use read::{Cursor, Delivery};
use write::Active;

pub use read::IN_FLIGHT_MAX;

/// Room of the files that are no segments.
const OTHER_FILES_BYTES: u64 = position::FILE_BYTES + 4096;

/// Bounds of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of all files, each rounded up to blocks of 4 KiB.
    pub total_bytes: u64,
    /// Bytes of one segment, which is what goes at once when the room is used up.
    pub segment_bytes: u64,
    /// Bytes of one payload, [`PAYLOAD_MAX_BYTES`] at most.
    pub payload_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { total_bytes: 512 << 20, segment_bytes: 16 << 20, payload_bytes: PAYLOAD_MAX_BYTES }
    }
}

impl Options {
    fn check(&self) -> Result<(), Error> {
        let payload = u64::try_from(self.payload_bytes).unwrap_or(u64::MAX);
        if self.payload_bytes > PAYLOAD_MAX_BYTES {
            return Err(Error::Options("a payload has 8 MiB at most"));
        }
        if self.segment_bytes < segment::HEADER_BYTES.saturating_add(record::size(payload)) {
            return Err(Error::Options("a segment must have room for the largest payload and 72 bytes"));
        }
        let least = room(self.segment_bytes)
            .checked_mul(2)
            .and_then(|segments| segments.checked_add(OTHER_FILES_BYTES));
        if least.is_none_or(|least| self.total_bytes < least) {
            return Err(Error::Options("there must be room for two segments and 12 KiB"));
        }
        Ok(())
    }
}

/// A number of records, and of what they stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records.
    pub records: u64,
    /// The sum of their items.
    pub items: u64,
}

impl Tally {
    fn add(&mut self, records: u64, items: u64) {
        self.records = self.records.saturating_add(records);
        self.items = self.items.saturating_add(items);
    }
}

/// What happened since the queue was opened. It adds up: recovered + pushed = acknowledged + dropped + lost +
/// pending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Put into the queue.
    pub pushed: Tally,
    /// Delivered.
    pub acknowledged: Tally,
    /// Removed by the bound on bytes before they were acknowledged, in flight or not.
    pub dropped: Tally,
    /// Found damaged or unreadable when they were to be delivered.
    pub lost: Tally,
}

/// A queue in one folder. The crate's documentation says what it promises.
pub struct Queue<S: Storage = Disk> {
    storage: S,
    options: Options,
    /// Those that get no more records, from the oldest on.
    segments: VecDeque<Segment>,
    /// Room that they take.
    segments_bytes: u64,
    /// The one that gets records.
    active: Option<Active<S::File>>,
    stored: Position<S::File>,
    /// All records below are acknowledged, dropped or lost.
    position: u64,
    next_number: u64,
    next_ordinal: u64,
    cursor: Cursor,
    /// What was delivered from `position` on, by number.
    in_flight: VecDeque<Delivery>,
    reader: Option<Reader<S::File>>,
    /// Where records are put together.
    scratch: Vec<u8>,
    recovered: Recovered,
    counts: Counts,
    /// What a failed `fsync` was to store, until `sync` says so.
    not_durable: Option<(Tally, io::Error)>,
}

impl<S: Storage> Queue<S> {
    /// Opens the queue in this folder, and reads all that is in it once.
    ///
    /// # Errors
    /// If the options contradict each other, if the folder cannot be read, and if a later version wrote to it.
    pub fn open(storage: S, options: Options) -> Result<Self, Error> {
        options.check()?;
        let stored = Position::load(&storage)?;
        let found = recover(&storage, stored.durable())?;
        let Found { segments, recovered, position, next_number, next_ordinal } = found;
        let segments_bytes = segments.iter().map(|segment| room(segment.file_bytes)).sum();
        let not_durable = segments.back().and_then(|last| sync_recovered(&storage, last));
        Ok(Self {
            storage,
            options,
            segments,
            segments_bytes,
            active: None,
            stored,
            position,
            next_number,
            next_ordinal,
            cursor: Cursor::begin(position),
            in_flight: VecDeque::new(),
            reader: None,
            scratch: Vec::new(),
            recovered,
            counts: Counts::default(),
            not_durable,
        })
    }

    /// What was in the folder when the queue was opened.
    #[must_use]
    pub fn recovered(&self) -> Recovered {
        self.recovered
    }

    /// What happened since.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What is in the queue, in flight or not.
    #[must_use]
    pub fn pending(&self) -> Tally {
        let mut pending = Tally::default();
        for segment in self.segments.iter().chain(self.active.as_ref().map(|active| &active.segment)) {
            pending.add(segment.pending, segment.items);
        }
        pending
    }

    /// Bytes that the files take, each rounded up to blocks of 4 KiB.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        let active = self.active.as_ref().map_or(0, |active| room(active.segment.file_bytes));
        self.segments_bytes.saturating_add(active).saturating_add(OTHER_FILES_BYTES)
    }

    /// Makes durable what was pushed and acknowledged, and removes segments that are delivered. Costs nothing where
    /// there is nothing to do.
    ///
    /// # Errors
    /// [`Error::NotDurable`] if records pushed since the last call are not durable; they stay in the queue. Otherwise
    /// they are, and other errors concern what was acknowledged. All that failed but an `fsync` of records is tried
    /// again with the next call.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.sync_active();
        let position = self.stored.store(&self.storage, self.settled());
        let removed = match &position {
            Ok(()) => self.remove_delivered(),
            // Without it a restart would believe that their records are missing.
            Err(_) => Ok(()),
        };
        if let Some((Tally { records, items }, source)) = self.not_durable.take() {
            return Err(Error::NotDurable { records, items, source });
        }
        position.map_err(|source| Error::Position { source })?;
        removed
    }

    fn remove_delivered(&mut self) -> Result<(), Error> {
        while self.segments.front().is_some_and(|segment| segment.end <= self.position) {
            self.remove_oldest()?;
        }
        Ok(())
    }

    /// Removes the file of the oldest segment, of which nothing is pending.
    fn remove_oldest(&mut self) -> Result<(), Error> {
        let Some(segment) = self.segments.front() else { return Ok(()) };
        let name = segment::name(segment.ordinal);
        match self.storage.remove(&name) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Remove { name, source });
            }
            _ => {}
        }
        // An open file would keep its room.
        self.reader.take_if(|reader| reader.ordinal() == segment.ordinal);
        self.segments_bytes = self.segments_bytes.saturating_sub(room(segment.file_bytes));
        self.segments.pop_front();
        Ok(())
    }
}

/// Stores what a process may have left that was killed before it did; returns what is not durable, and why.
fn sync_recovered<S: Storage>(storage: &S, last: &Segment) -> Option<(Tally, io::Error)> {
    let Segment { ordinal, pending: records, items, .. } = *last;
    if records == 0 {
        return None;
    }
    let file = storage.open(&segment::name(ordinal));
    let synced = file.and_then(|file| storage.sync(&file)).and_then(|()| storage.sync_folder());
    synced.err().map(|error| (Tally { records, items }, error))
}
