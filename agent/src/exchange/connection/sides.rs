//! The two directions of a connection: one asks, one answers.

use crate::event::{Direction, Role};
use crate::protocol::http1::{Error, Part, RequestHead, RequestParser, ResponseParser};
use crate::stream::Segment;

/// The two directions, once it is known which is which.
#[derive(Debug)]
pub(super) struct Sides {
    pub(super) role: Role,
    pub(super) requests: RequestSide,
    pub(super) responses: ResponseParser,
}

/// A request parser that knows when and where the head under way began.
#[derive(Debug, Default)]
pub(super) struct RequestSide {
    pub(super) parser: RequestParser,
    pub(super) head_began_ns: u64,
    /// The head under way was sent after bytes of the other direction had moved: the request before it was
    /// answered, whether or not that was captured.
    pub(super) turned: bool,
    /// The next byte is the first after these.
    turns: bool,
}

impl RequestSide {
    pub(super) fn read(
        &mut self,
        segment: &mut Segment,
        time_ns: u64,
    ) -> Result<Option<Part<RequestHead>>, Error> {
        let turns = match segment {
            Segment::Turn => {
                self.turns = true;
                return self.parser.read(segment);
            }
            Segment::Data(_) | Segment::Gap(_) => std::mem::take(&mut self.turns),
        };
        if self.parser.is_idle() {
            self.head_began_ns = time_ns;
            self.turned = turns;
        }
        self.parser.read(segment)
    }
}

/// The role of a process whose requests go this way.
pub(super) fn role_of(requests: Direction) -> Role {
    match requests {
        Direction::Write => Role::Client,
        Direction::Read => Role::Server,
    }
}

pub(super) fn request_direction(role: Role) -> Direction {
    match role {
        Role::Client => Direction::Write,
        Role::Server => Direction::Read,
    }
}
