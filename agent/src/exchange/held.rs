//! Segments that wait for the request that they may belong to.

use std::collections::VecDeque;

use super::Limits;
use crate::event::Direction;
use crate::stream::Segment;

/// A bounded queue of segments in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Held {
    queue: VecDeque<(Direction, u64, Segment)>,
    bytes: usize,
    /// Time of the youngest segment that had to be dropped for its size.
    overflowed_ns: Option<u64>,
    dropped_bytes: u64,
}

impl Held {
    /// Holds a segment. When there is no room, everything held is dropped: what is left of a message
    /// without its begin serves nobody.
    pub(super) fn push(&mut self, limits: &Limits, direction: Direction, time_ns: u64, segment: Segment) {
        let bytes = match &segment {
            Segment::Data(bytes) if bytes.is_empty() => return,
            Segment::Gap(0) | Segment::Turn => return,
            Segment::Data(bytes) => bytes.len(),
            Segment::Gap(_) => 0,
        };
        self.queue.push_back((direction, time_ns, segment));
        self.bytes += bytes;
        if self.bytes > limits.held_bytes || self.queue.len() > limits.held_segments {
            self.overflowed_ns = Some(time_ns);
            self.clear();
        }
    }

    /// The segments that a request begun at `started_ns` can have caused: those of `direction` that are
    /// not older. The rest is dropped. Also whether such segments had been dropped for their size.
    pub(super) fn release(&mut self, direction: Direction, started_ns: u64) -> (Vec<(u64, Segment)>, bool) {
        let mut released = Vec::new();
        for (from, time_ns, segment) in std::mem::take(&mut self.queue) {
            if from == direction && time_ns >= started_ns {
                released.push((time_ns, segment));
            } else if from == direction {
                self.count_dropped(&segment);
            }
        }
        self.bytes = 0;
        (released, self.overflowed_ns.take().is_some_and(|time_ns| time_ns >= started_ns))
    }

    /// Drops all that is held.
    pub(super) fn clear(&mut self) {
        for (_, _, segment) in std::mem::take(&mut self.queue) {
            self.count_dropped(&segment);
        }
        self.bytes = 0;
    }

    /// Captured bytes that were dropped because no request claimed them.
    pub(super) fn dropped_bytes(&self) -> u64 {
        self.dropped_bytes
    }

    /// Captured bytes that are held.
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes
    }

    fn count_dropped(&mut self, segment: &Segment) {
        if let Segment::Data(bytes) = segment {
            self.dropped_bytes = self.dropped_bytes.saturating_add(bytes.len() as u64);
        }
    }
}
