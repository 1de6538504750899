//! Reads a segment record by record, and finds the next good one behind damage.

use std::io;

use crate::Storage;
use crate::record::{ALIGNMENT, HEADER_BYTES, RecordHeader};
use crate::segment::{self, Segment};
use crate::storage::read_full;

/// Bytes read at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// What is at one place of a segment.
pub(crate) enum Step {
    /// A good record.
    Record {
        header: RecordHeader,
        /// Empty unless it was asked for.
        payload: Vec<u8>,
        /// Where the next step begins.
        next: u64,
    },
    /// Nothing that can be used before `next`.
    Damaged { next: u64 },
    /// The end.
    End,
}

/// An open segment, with the part of it that was read last.
pub(crate) struct Reader<F> {
    file: F,
    ordinal: u64,
    marker: u64,
    first: u64,
    buffer: Vec<u8>,
    /// Where in the file `buffer` begins.
    start: u64,
}

impl<F> Reader<F> {
    /// Reads the segment in this open file.
    pub(crate) fn new(file: F, segment: &Segment) -> Self {
        let Segment { ordinal, marker, first, .. } = *segment;
        Self { file, ordinal, marker, first, buffer: Vec::new(), start: 0 }
    }

    pub(crate) fn ordinal(&self) -> u64 {
        self.ordinal
    }

    pub(crate) fn file(&self) -> &F {
        &self.file
    }

    /// Looks at `offset`, a multiple of 8, of a segment whose bytes from `end` on do not count.
    ///
    /// Takes time in the segment's length at most for all its steps together: the length in a whole header is
    /// believed even where the payload is damaged.
    ///
    /// # Errors
    /// As the storage says.
    pub(crate) fn step<S: Storage<File = F>>(
        &mut self,
        storage: &S,
        offset: u64,
        end: u64,
        wants_payload: bool,
    ) -> io::Result<Step> {
        if offset >= end {
            return Ok(Step::End);
        }
        let (marker, first) = (self.marker, self.first);
        let bytes = self.bytes(storage, offset, HEADER_BYTES, end)?;
        let Some(header) =
            RecordHeader::decode(bytes, marker).filter(|header| is_possible(header, first, offset, end))
        else {
            return self.search(storage, offset, end);
        };
        let next = offset.saturating_add(header.size());
        let mut payload = Vec::new();
        if wants_payload {
            payload.reserve_exact(usize::try_from(header.length).unwrap_or(0));
        }
        let mut checksum = crc32fast::Hasher::new();
        let mut at = offset.saturating_add(HEADER_BYTES);
        let payload_end = at.saturating_add(u64::from(header.length));
        while at < payload_end {
            let bytes = self.bytes(storage, at, 1, end)?;
            let count = usize::try_from(payload_end.saturating_sub(at)).unwrap_or(usize::MAX);
            let bytes = bytes.get(..count).unwrap_or(bytes);
            if bytes.is_empty() {
                return Ok(Step::Damaged { next: end });
            }
            checksum.update(bytes);
            if wants_payload {
                payload.extend_from_slice(bytes);
            }
            at = at.saturating_add(bytes.len() as u64);
        }
        if checksum.finalize() == header.checksum {
            Ok(Step::Record { header, payload, next })
        } else {
            Ok(Step::Damaged { next })
        }
    }

    /// Finds the next marker behind `offset`.
    fn search<S: Storage<File = F>>(&mut self, storage: &S, offset: u64, end: u64) -> io::Result<Step> {
        let marker = self.marker.to_le_bytes();
        let mut at = offset.saturating_add(ALIGNMENT);
        while at < end {
            let bytes = self.bytes(storage, at, ALIGNMENT, end)?;
            let mut places = bytes.chunks_exact(marker.len());
            let count = places.len() as u64;
            if let Some(found) = places.position(|place| *place == marker) {
                return Ok(Step::Damaged { next: at.saturating_add(ALIGNMENT.saturating_mul(found as u64)) });
            }
            if count == 0 {
                break;
            }
            at = at.saturating_add(ALIGNMENT.saturating_mul(count));
        }
        Ok(Step::Damaged { next: end })
    }

    /// What is buffered from `offset` on, `least` bytes of it at least; fewer only where the file or what counts of
    /// it ends. Nothing from `end` on is kept, since it may be written yet.
    fn bytes<S: Storage<File = F>>(
        &mut self,
        storage: &S,
        offset: u64,
        least: u64,
        end: u64,
    ) -> io::Result<&[u8]> {
        let rest = end.saturating_sub(offset);
        let buffered = self.start.saturating_add(self.buffer.len() as u64);
        if offset < self.start || offset.saturating_add(least.min(rest)) > buffered {
            let count = usize::try_from(rest).unwrap_or(usize::MAX).min(BUFFER_BYTES);
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.resize(count, 0);
            let filled = read_full(storage, &self.file, offset, &mut buffer)?;
            buffer.truncate(filled);
            (self.buffer, self.start) = (buffer, offset);
        }
        let from = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        Ok(self.buffer.get(from..).unwrap_or_default())
    }
}

/// Whether a record may have this number and length at this place: each record before it took a header at least.
fn is_possible(header: &RecordHeader, first: u64, offset: u64, end: u64) -> bool {
    let before = offset.saturating_sub(segment::HEADER_BYTES) / HEADER_BYTES;
    (first..=first.saturating_add(before)).contains(&header.number)
        && offset.saturating_add(header.size()) <= end
}
