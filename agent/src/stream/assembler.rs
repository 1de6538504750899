//! Puts the records of one direction in order, by the positions that the kernel gave them.

use std::cmp::Ordering;

use bytes::{Buf, Bytes};

use super::Segment;

/// One direction of a connection.
///
/// The kernel assigns a position before it reserves a place in the ring, and the records of one
/// direction arrive in the order of their positions. So a hole is known to be a loss the moment that
/// the record behind it arrives: nothing is buffered, and nothing waits.
#[derive(Debug, Default)]
pub struct Assembler {
    /// Position of the next byte; `None` before the first record.
    expected: Option<u64>,
    late_bytes: u64,
}

impl Assembler {
    /// A direction of which nothing has been seen. The first record fixes where it begins.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one record and hands on what follows from it, in order: a gap before it, a turn if `turns`, its
    /// bytes, and a gap for what the capture limit cut off. `original_bytes` is how many bytes the program
    /// moved. The turn is that of the record's first byte: where that is missing or late, there is none.
    pub fn push(
        &mut self,
        position: u64,
        original_bytes: u32,
        turns: bool,
        mut bytes: Bytes,
        sink: &mut impl FnMut(Segment),
    ) {
        // A record cannot hold more than was moved; where one says so, believe the bytes.
        let mut moved = u64::from(original_bytes).max(bytes.len() as u64);
        let expected = self.expected.unwrap_or(position);
        match position.cmp(&expected) {
            Ordering::Equal => {}
            Ordering::Greater => sink(Segment::Gap(position - expected)),
            Ordering::Less => {
                let late = (expected - position).min(moved);
                self.late_bytes = self.late_bytes.saturating_add(late);
                moved -= late;
                bytes.advance(usize::try_from(late).unwrap_or(usize::MAX).min(bytes.len()));
            }
        }
        self.expected = Some(position.max(expected).saturating_add(moved));
        let missing = moved - bytes.len() as u64;
        if !bytes.is_empty() {
            if turns && position >= expected {
                sink(Segment::Turn);
            }
            sink(Segment::Data(bytes));
        }
        if missing > 0 {
            sink(Segment::Gap(missing));
        }
    }

    /// The direction is over after this many bytes: what is missing at its end is a gap, too.
    pub fn end(&mut self, moved: u64, sink: &mut impl FnMut(Segment)) {
        let missing = moved.saturating_sub(self.expected.unwrap_or(0));
        if missing > 0 {
            self.expected = Some(moved);
            sink(Segment::Gap(missing));
        }
    }

    /// Whether anything of this direction was seen.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.expected.is_some()
    }

    /// Bytes that arrived for positions already passed, and were dropped.
    #[must_use]
    pub fn late_bytes(&self) -> u64 {
        self.late_bytes
    }
}

#[cfg(test)]
mod tests;
