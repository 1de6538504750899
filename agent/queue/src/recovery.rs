//! What a folder holds when a queue is opened on it.

use std::collections::VecDeque;

use crate::reader::{Reader, Step};
use crate::segment::{self, SEGMENTS_MAX, Segment, SegmentHeader, Unfit};
use crate::storage::{is_unreadable, read_full};
use crate::{Error, Storage};

/// What was found in the folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Records that are delivered now.
    pub records: u64,
    /// What they stand for.
    pub items: u64,
    /// Records that should be there by their numbers and are not: damaged, or never durable. Of those at the very end
    /// nothing is known.
    pub missing: u64,
    /// Bytes that were skipped between good records, or could not be read.
    pub damaged_bytes: u64,
    /// Bytes at the end of what was written last that were cut off, as a crash leaves them.
    pub cut_bytes: u64,
}

/// What the queue goes on with.
pub(crate) struct Found {
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) recovered: Recovered,
    /// Of the oldest record that is not delivered.
    pub(crate) position: u64,
    pub(crate) next_number: u64,
    pub(crate) next_ordinal: u64,
}

/// Segments that a folder may have: after a crash some that were removed may be there again.
const LISTED_MAX: usize = 4 * SEGMENTS_MAX;

/// Reads all segments.
///
/// # Errors
/// If a segment's head cannot be read or is of a later version, if there are too many segments, and as the storage
/// says.
pub(crate) fn recover<S: Storage>(storage: &S, position: Option<u64>) -> Result<Found, Error> {
    let ordinals = ordinals(storage)?;
    let next_ordinal = ordinals.last().map_or(0, |last| last.saturating_add(1));
    let mut recovered = Recovered::default();
    let mut heads = VecDeque::new();
    for &ordinal in &ordinals {
        let is_last = ordinals.last() == Some(&ordinal);
        if let Some(segment) = head(storage, ordinal, is_last, &mut recovered)? {
            heads.push_back(segment);
        }
    }
    let position = position.or_else(|| heads.front().map(|segment| segment.first)).unwrap_or(0);
    let mut expected = position;
    let ends = ends(&heads);
    let mut segments = VecDeque::new();
    for (mut segment, end) in heads.into_iter().zip(ends) {
        match end {
            // All is delivered, or written again in a later segment.
            Some(end) if end <= position.max(segment.first) => segment.end = end,
            _ => {
                recovered.missing = recovered.missing.saturating_add(segment.first.saturating_sub(expected));
                expected = expected.max(segment.first);
                scan(storage, &mut segment, end, &mut expected, &mut recovered)?;
            }
        }
        segments.push_back(segment);
    }
    Ok(Found { segments, recovered, position, next_number: expected, next_ordinal })
}

/// The number that ends each segment: the smallest with which a later one begins, and none for the last.
fn ends(heads: &VecDeque<Segment>) -> VecDeque<Option<u64>> {
    let mut ends = VecDeque::new();
    let mut end = None;
    for segment in heads.iter().rev() {
        ends.push_front(end);
        end = Some(end.map_or(segment.first, |end| segment.first.min(end)));
    }
    ends
}

/// The ordinals of all segments, from the oldest on.
fn ordinals<S: Storage>(storage: &S) -> Result<Vec<u64>, Error> {
    let mut ordinals = Vec::new();
    let read = storage.names(&mut |name| {
        if ordinals.len() <= LISTED_MAX {
            ordinals.extend(segment::ordinal(name));
        }
    });
    read.map_err(|source| Error::Unreadable { name: ".".to_owned(), source })?;
    if ordinals.len() > LISTED_MAX {
        return Err(Error::Segments(LISTED_MAX));
    }
    ordinals.sort_unstable();
    Ok(ordinals)
}

/// Reads a segment's header. A segment without one is of no use, and removed.
fn head<S: Storage>(
    storage: &S,
    ordinal: u64,
    is_last: bool,
    recovered: &mut Recovered,
) -> Result<Option<Segment>, Error> {
    let name = segment::name(ordinal);
    let cannot = |source| Error::Unreadable { name: name.clone(), source };
    let file = storage.open(&name).map_err(cannot)?;
    let file_bytes = storage.length(&file).map_err(cannot)?;
    let mut bytes = [0; 32];
    let count = read_full(storage, &file, 0, &mut bytes).map_err(cannot)?;
    match SegmentHeader::decode(bytes.get(..count).unwrap_or_default()) {
        Ok(header) => Ok(Some(Segment::begin(ordinal, header, file_bytes))),
        Err(Unfit::Version(version)) => Err(Error::Version { name, version }),
        Err(Unfit::Damaged) => {
            storage.remove(&name).map_err(|source| Error::Remove { name, source })?;
            let bytes = if is_last { &mut recovered.cut_bytes } else { &mut recovered.damaged_bytes };
            *bytes = bytes.saturating_add(file_bytes);
            Ok(None)
        }
    }
}

/// Reads a segment's records, and cuts off what is behind the last good one. `end` is the number that the next
/// segment begins with, where there is one.
fn scan<S: Storage>(
    storage: &S,
    segment: &mut Segment,
    end: Option<u64>,
    expected: &mut u64,
    recovered: &mut Recovered,
) -> Result<(), Error> {
    let name = segment::name(segment.ordinal);
    let cannot = |source| Error::Unreadable { name: name.clone(), source };
    let mut reader = Reader::new(storage.open(&name).map_err(cannot)?, segment);
    let (mut at, mut damaged) = (segment.length, 0_u64);
    let is_read = loop {
        match reader.step(storage, at, segment.file_bytes, false) {
            Ok(Step::Record { header, next, .. }) => {
                recovered.damaged_bytes =
                    recovered.damaged_bytes.saturating_add(std::mem::take(&mut damaged));
                (segment.length, at) = (next, next);
                if header.number >= *expected && end.is_none_or(|end| header.number < end) {
                    let missing = header.number.saturating_sub(*expected);
                    recovered.missing = recovered.missing.saturating_add(missing);
                    recovered.records = recovered.records.saturating_add(1);
                    recovered.items = recovered.items.saturating_add(u64::from(header.items));
                    segment.pending = segment.pending.saturating_add(1);
                    segment.items = segment.items.saturating_add(u64::from(header.items));
                    *expected = header.number.saturating_add(1);
                }
            }
            Ok(Step::Damaged { next }) => {
                damaged = damaged.saturating_add(next.saturating_sub(at));
                at = next;
            }
            Ok(Step::End) => break true,
            Err(error) if is_unreadable(&error) => break false,
            Err(error) => return Err(cannot(error)),
        }
    };
    segment.end = end.unwrap_or(*expected);
    let rest = segment.file_bytes.saturating_sub(segment.length);
    if !is_read || end.is_some() {
        recovered.damaged_bytes = recovered.damaged_bytes.saturating_add(rest);
    } else {
        recovered.cut_bytes = recovered.cut_bytes.saturating_add(rest);
    }
    // Only to have the room: what stays there is not read again by this process, and is no good to another one.
    if is_read && rest > 0 && storage.truncate(reader.file(), segment.length).is_ok() {
        segment.file_bytes = segment.length;
    }
    Ok(())
}
