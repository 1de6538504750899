//! Finds out whether a connection speaks HTTP/1, and which direction asks.

use super::Abandoned;
use super::sides::{RequestSide, role_of};
use crate::event::Direction;
use crate::exchange::Limits;
use crate::protocol::http1::{Error, Part, RequestHead, starts_response};
use crate::stream::Segment;

/// Looks for a request in both directions, as long as none was seen.
#[derive(Debug, Default)]
pub(super) struct Probe {
    read: RequestSide,
    write: RequestSide,
    unrecognised: Unrecognised,
}

/// Traffic that begins neither request nor response, since the last that did.
#[derive(Debug, Default)]
struct Unrecognised {
    bytes: u64,
    turns: u32,
    last: Option<Direction>,
}

impl Probe {
    /// Bytes that are held of heads under way.
    pub(super) fn held_bytes(&self) -> usize {
        self.read.parser.held_bytes() + self.write.parser.held_bytes()
    }

    /// Takes a segment. The first request's head decides: it is returned with the side that read it,
    /// and what is left of the segment is for that side.
    pub(super) fn read(
        &mut self,
        limits: &Limits,
        direction: Direction,
        time_ns: u64,
        segment: &mut Segment,
    ) -> Result<Option<(RequestHead, RequestSide)>, Abandoned> {
        let side = match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        };
        let (bytes, recognised) = match &*segment {
            Segment::Data(bytes) => (bytes.len() as u64, starts_response(bytes)),
            Segment::Gap(_) | Segment::Turn => (0, false),
        };
        let is_gap = matches!(segment, Segment::Gap(_));
        match side.read(segment, time_ns) {
            Ok(Some(Part::Head(head))) => return Ok(Some((head, std::mem::take(side)))),
            Ok(_) if recognised => self.unrecognised = Unrecognised::default(),
            // A head may be under way: its size is limited by the parser.
            Ok(_) if !side.parser.is_idle() => {}
            // What was not captured says nothing of what is spoken.
            Ok(_) | Err(Error::NotHttp | Error::Lost(_)) if is_gap => {}
            Ok(_) | Err(Error::NotHttp | Error::Lost(_)) => self.unrecognised.add(direction, bytes),
            Err(Error::Http2) => return Err(Abandoned::Http2(role_of(direction))),
            Err(Error::Malformed(words)) => return Err(Abandoned::Malformed(words)),
        }
        if self.unrecognised.exceeds(limits) { Err(Abandoned::NotHttp) } else { Ok(None) }
    }
}

impl Unrecognised {
    fn add(&mut self, direction: Direction, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.last.replace(direction).is_some_and(|last| last != direction) {
            self.turns = self.turns.saturating_add(1);
        }
    }

    fn exceeds(&self, limits: &Limits) -> bool {
        self.bytes > limits.unrecognised_bytes || self.turns > limits.unrecognised_turns
    }
}
