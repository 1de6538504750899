//! Into the queue.

use std::io;

use super::{Queue, Tally};
use crate::segment::{self, SEGMENTS_MAX, Segment, SegmentHeader};
use crate::storage::{room, write_all};
use crate::{Error, Storage, record};

/// Bytes of the place where records are put together that are kept between pushes.
const SCRATCH_KEPT_BYTES: usize = 256 * 1024;

/// The segment that gets records.
pub(super) struct Active<F> {
    pub(super) segment: Segment,
    file: F,
    /// Whether its file's name is durable.
    is_named: bool,
    /// Records since the last `fsync`.
    unsynced: Tally,
}

impl<S: Storage> Queue<S> {
    /// Puts a payload at the end, which stands for `items` things that are counted where it is dropped; returns its
    /// number. It is durable after the next [`sync`](Self::sync). Where there is no room the oldest segment is
    /// dropped.
    ///
    /// # Errors
    /// If the payload is too large or the disk does not take it: it is not in the queue then, and the queue goes on.
    pub fn push(&mut self, payload: &[u8], items: u32) -> Result<u64, Error> {
        let (bytes, most) = (payload.len(), self.options.payload_bytes);
        if bytes > most {
            return Err(Error::TooLarge { bytes, most });
        }
        let size = record::size(u64::try_from(bytes).unwrap_or(u64::MAX));
        let is_full = |active: &Active<S::File>| {
            active.segment.length.saturating_add(size) > self.options.segment_bytes
        };
        if self.active.as_ref().is_some_and(is_full) {
            self.seal();
        }
        self.make_room(size)?;
        let mut active = match self.active.take() {
            Some(active) => active,
            None => self.begin_segment().map_err(|source| Error::Write { source })?,
        };
        let number = self.next_number;
        let mut scratch = std::mem::take(&mut self.scratch);
        let encoded = record::encode(&mut scratch, active.segment.marker, number, items, payload);
        let written = match encoded {
            Some(()) => write_all(&self.storage, &active.file, active.segment.length, &scratch),
            None => Err(io::ErrorKind::FileTooLarge.into()),
        };
        scratch.clear();
        scratch.shrink_to(SCRATCH_KEPT_BYTES);
        self.scratch = scratch;
        if let Err(source) = written {
            self.undo(active, size);
            return Err(Error::Write { source });
        }
        let segment = &mut active.segment;
        segment.length = segment.length.saturating_add(size);
        segment.file_bytes = segment.length;
        segment.pending = segment.pending.saturating_add(1);
        segment.items = segment.items.saturating_add(u64::from(items));
        segment.end = number.saturating_add(1);
        self.next_number = segment.end;
        active.unsynced.add(1, u64::from(items));
        self.counts.pushed.add(1, u64::from(items));
        self.active = Some(active);
        Ok(number)
    }

    /// Cuts off what was written of a record, so that the next one can take its place. Where that fails, too, the
    /// segment ends here: what is behind its length is not read, and after a crash its checksum is wrong.
    fn undo(&mut self, mut active: Active<S::File>, size: u64) {
        let length = active.segment.length;
        let is_cut = self.storage.truncate(&active.file, length).is_ok();
        active.segment.file_bytes = if is_cut { length } else { length.saturating_add(size) };
        self.active = Some(active);
        if !is_cut {
            self.seal();
        }
    }

    /// Begins a segment with the next number.
    fn begin_segment(&mut self) -> io::Result<Active<S::File>> {
        let header = SegmentHeader { first: self.next_number, marker: self.storage.draw()? };
        let ordinal = self.next_ordinal;
        self.next_ordinal = ordinal.saturating_add(1);
        let name = segment::name(ordinal);
        let file = self.storage.create(&name)?;
        let segment = Segment::begin(ordinal, header, segment::HEADER_BYTES);
        if let Err(error) = write_all(&self.storage, &file, 0, &header.encode()) {
            if self.storage.remove(&name).is_err() {
                // It takes room, until it is removed in its turn.
                self.close(segment);
            }
            return Err(error);
        }
        Ok(Active { segment, file, is_named: false, unsynced: Tally::default() })
    }

    /// Ends the active segment, so that only one is ever not durable.
    fn seal(&mut self) {
        self.sync_active();
        if let Some(active) = self.active.take() {
            self.close(active.segment);
        }
    }

    fn close(&mut self, segment: Segment) {
        self.segments_bytes = self.segments_bytes.saturating_add(room(segment.file_bytes));
        self.segments.push_back(segment);
    }

    /// Stores what was pushed. A segment of which that fails gets no more records: no later `fsync` of it would mean
    /// anything.
    pub(super) fn sync_active(&mut self) {
        let Some(mut active) = self.active.take() else { return };
        match self.store(&mut active) {
            Ok(()) => self.active = Some(active),
            Err(error) => {
                let (tally, _) = self.not_durable.get_or_insert((Tally::default(), error));
                tally.add(active.unsynced.records, active.unsynced.items);
                self.close(active.segment);
            }
        }
    }

    fn store(&self, active: &mut Active<S::File>) -> io::Result<()> {
        if active.unsynced.records == 0 {
            return Ok(());
        }
        self.storage.sync(&active.file)?;
        if !active.is_named {
            self.storage.sync_folder()?;
            active.is_named = true;
        }
        active.unsynced = Tally::default();
        Ok(())
    }

    /// Drops segments until a record of this size has room.
    fn make_room(&mut self, size: u64) -> Result<(), Error> {
        let (length, taken) = self.active.as_ref().map_or((segment::HEADER_BYTES, 0), |active| {
            (active.segment.length, room(active.segment.file_bytes))
        });
        let growth = room(length.saturating_add(size)).saturating_sub(taken);
        while self.disk_bytes().saturating_add(growth) > self.options.total_bytes
            || self.segments.len() >= SEGMENTS_MAX
        {
            if !self.drop_oldest()? {
                break;
            }
        }
        Ok(())
    }

    /// Drops the oldest segment, delivered or not; `false` if there is none but the active one.
    fn drop_oldest(&mut self) -> Result<bool, Error> {
        let Some(oldest) = self.segments.front_mut() else { return Ok(false) };
        self.counts.dropped.add(oldest.pending, oldest.items);
        (oldest.pending, oldest.items) = (0, 0);
        let (ordinal, end) = (oldest.ordinal, oldest.end);
        while self.in_flight.front().is_some_and(|delivery| delivery.number < end) {
            self.in_flight.pop_front();
        }
        self.cursor.skip(ordinal, end);
        self.advance();
        // The room is needed even if this fails; then a restart says of these records that they are missing.
        self.stored.store(&self.storage, self.settled()).ok();
        self.remove_oldest()?;
        Ok(true)
    }
}
