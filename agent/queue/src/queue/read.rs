//! Out of the queue.

use std::io;

use super::Queue;
use crate::reader::{Reader, Step};
use crate::record::Record;
use crate::segment::{self, Segment};
use crate::storage::is_unreadable;
use crate::{Error, Storage};

/// Records that may be delivered behind the oldest one that is not acknowledged.
pub const IN_FLIGHT_MAX: usize = 1024;

/// Where the next record is read.
pub(super) struct Cursor {
    /// Of the segment, or of one before it that is gone.
    ordinal: u64,
    offset: u64,
    /// No record below is delivered from here on.
    number: u64,
}

impl Cursor {
    /// At the oldest segment.
    pub(super) fn begin(number: u64) -> Self {
        Self { ordinal: 0, offset: segment::HEADER_BYTES, number }
    }

    /// Leaves out what is in segments up to this one, which ends at `end`.
    pub(super) fn skip(&mut self, ordinal: u64, end: u64) {
        self.number = self.number.max(end);
        if self.ordinal <= ordinal {
            (self.ordinal, self.offset) = (ordinal.saturating_add(1), segment::HEADER_BYTES);
        }
    }
}

/// A record that was delivered, and not taken back by a rewind unless it is acknowledged.
pub(super) struct Delivery {
    pub(super) number: u64,
    items: u32,
    /// Where it is.
    ordinal: u64,
    offset: u64,
    is_acknowledged: bool,
}

impl<S: Storage> Queue<S> {
    /// Delivers the oldest record that was not delivered yet. `None` if there is none now, or [`IN_FLIGHT_MAX`] of
    /// them are in flight.
    ///
    /// # Errors
    /// If the queue cannot be read for reasons that may go away; the next call tries again.
    pub fn next_record(&mut self) -> Result<Option<Record>, Error> {
        loop {
            let Some(segment) = self.segment_from(self.cursor.ordinal).copied() else { return Ok(None) };
            if segment.ordinal != self.cursor.ordinal {
                (self.cursor.ordinal, self.cursor.offset) = (segment.ordinal, segment::HEADER_BYTES);
            }
            match self.step(&segment)? {
                Step::Record { header, payload, next } => {
                    let (number, items) = (header.number, header.items);
                    if number >= self.cursor.number && number < segment.end {
                        match self.place(number) {
                            Err(_) if self.in_flight.len() >= IN_FLIGHT_MAX => return Ok(None),
                            Err(place) => self.in_flight.insert(place, self.delivery(number, items)),
                            Ok(_) => {}
                        }
                        self.note_skipped(&segment, number);
                        self.cursor.number = number.saturating_add(1);
                        self.cursor.offset = next;
                        if !self.is_acknowledged(number) {
                            return Ok(Some(Record { number, items, payload }));
                        }
                    }
                    self.cursor.offset = next;
                }
                Step::Damaged { next } => self.cursor.offset = next,
                Step::End => {
                    self.note_skipped(&segment, segment.end);
                    self.cursor.number = self.cursor.number.max(segment.end);
                    self.advance();
                    let following = segment.ordinal.saturating_add(1);
                    if self.segment_from(following).is_none() {
                        return Ok(None);
                    }
                    (self.cursor.ordinal, self.cursor.offset) = (following, segment::HEADER_BYTES);
                }
            }
        }
    }

    /// Says that a record is delivered for good, or given up by the one who has it; in any order. Durable after the
    /// next [`sync`](Self::sync). `false` if it is not in flight: acknowledged before, or dropped by the bound
    /// meanwhile.
    pub fn acknowledge(&mut self, number: u64) -> bool {
        let place = self.place(number).ok();
        let Some(delivery) = place.and_then(|place| self.in_flight.get_mut(place)) else { return false };
        if std::mem::replace(&mut delivery.is_acknowledged, true) {
            return false;
        }
        let (ordinal, items) = (delivery.ordinal, u64::from(delivery.items));
        if let Some(segment) = self.segment_mut(ordinal) {
            segment.pending = segment.pending.saturating_sub(1);
            segment.items = segment.items.saturating_sub(items);
        }
        self.counts.acknowledged.add(1, items);
        self.advance();
        true
    }

    /// Has all that is in flight and not acknowledged delivered again, so that nobody need hold it meanwhile. Until
    /// it is, it cannot be acknowledged.
    pub fn rewind(&mut self) {
        let oldest = self.in_flight.front().filter(|front| front.number < self.cursor.number);
        if let Some(Delivery { number, ordinal, offset, .. }) = oldest {
            self.cursor = Cursor { ordinal: *ordinal, offset: *offset, number: *number };
            self.in_flight.retain(|delivery| delivery.is_acknowledged);
        }
    }

    /// Moves the position over all that is settled, and counts what could not be read there.
    pub(super) fn advance(&mut self) {
        // Behind a rewind some that are acknowledged are before the cursor: they are kept, to be left out.
        let passed = self.cursor.number;
        while self.in_flight.front().is_some_and(|front| front.is_acknowledged && front.number < passed) {
            self.in_flight.pop_front();
        }
        let oldest = self.in_flight.front().map_or(passed, |front| front.number.min(passed));
        self.position = self.position.max(oldest);
        let active = self.active.as_mut().map(|active| &mut active.segment);
        for segment in self.segments.iter_mut().chain(active) {
            if segment.end > self.position {
                break;
            }
            self.counts.lost.add(segment.pending, segment.items);
            (segment.pending, segment.items) = (0, 0);
        }
    }

    /// Notes what is left out if this number is the next one in its segment.
    fn note_skipped(&mut self, segment: &Segment, number: u64) {
        let due = self.cursor.number.max(segment.first);
        if due < number
            && let Some(segment) = self.segment_mut(segment.ordinal)
        {
            segment.skipped.get_or_insert(due);
        }
    }

    /// How far a restart may begin: not behind what is lost and not counted yet, which happens at its segment's end.
    pub(super) fn settled(&self) -> u64 {
        let place = self.segments.partition_point(|segment| segment.end <= self.position);
        let active = self.active.as_ref().map(|active| &active.segment);
        let active = active.filter(|segment| segment.end > self.position);
        let skipped = self.segments.get(place).or(active).and_then(|segment| segment.skipped);
        skipped.map_or(self.position, |skipped| skipped.min(self.position))
    }

    /// What is at the cursor, which is in this segment. A segment that somebody removed, or that the disk cannot give
    /// any more, is damaged up to its end.
    fn step(&mut self, segment: &Segment) -> Result<Step, Error> {
        if self.cursor.offset >= segment.length {
            return Ok(Step::End);
        }
        match self.try_step(segment) {
            Err(error) if is_unreadable(&error) || error.kind() == io::ErrorKind::NotFound => {
                Ok(Step::Damaged { next: segment.length })
            }
            step => step.map_err(|source| Error::Read { name: segment::name(segment.ordinal), source }),
        }
    }

    fn try_step(&mut self, segment: &Segment) -> io::Result<Step> {
        let reader = match self.reader.take() {
            Some(reader) if reader.ordinal() == segment.ordinal => reader,
            _ => {
                let file = self.storage.open(&segment::name(segment.ordinal))?;
                Reader::new(file, segment)
            }
        };
        let reader = self.reader.insert(reader);
        reader.step(&self.storage, self.cursor.offset, segment.length, true)
    }

    /// The segment with this ordinal, or the first behind it.
    fn segment_from(&self, ordinal: u64) -> Option<&Segment> {
        let place = self.segments.partition_point(|segment| segment.ordinal < ordinal);
        let active = self.active.as_ref().map(|active| &active.segment);
        self.segments.get(place).or(active.filter(|segment| segment.ordinal >= ordinal))
    }

    fn segment_mut(&mut self, ordinal: u64) -> Option<&mut Segment> {
        let place = self.segments.partition_point(|segment| segment.ordinal < ordinal);
        let active = self.active.as_mut().map(|active| &mut active.segment);
        self.segments.get_mut(place).or(active).filter(|segment| segment.ordinal == ordinal)
    }

    /// Where a record in flight is, or would be.
    fn place(&self, number: u64) -> Result<usize, usize> {
        self.in_flight.binary_search_by_key(&number, |delivery| delivery.number)
    }

    fn is_acknowledged(&self, number: u64) -> bool {
        let delivery = self.place(number).ok().and_then(|place| self.in_flight.get(place));
        delivery.is_some_and(|delivery| delivery.is_acknowledged)
    }

    fn delivery(&self, number: u64, items: u32) -> Delivery {
        let Cursor { ordinal, offset, .. } = self.cursor;
        Delivery { number, items, ordinal, offset, is_acknowledged: false }
    }
}
