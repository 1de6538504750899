//! TLS, read by an observer who has candidate keys (RFC 8446; RFC 5246 with RFC 5288).
//!
//! A probe on the key expansion shows the AES keys of a process, without saying whose they are. The records of a
//! connection say which of them fit: see `gcm` and `protection`. A session takes the bytes of one
//! connection, both directions, and hands out what they say.
//!
//! What it can not tell: of lost records, padding (TLS 1.3) and messages of the handshake count as content.
//! Early data that the server did not take is sent again, and then read twice: see [`Facts::early_data_taken`].

mod gcm;
mod hello;
mod keys;
mod protection;
mod record;
mod saved;
mod shared;
mod side;
mod waiting;

pub use hello::server_name;
pub use keys::{KeyStore, TrafficKey};
pub use saved::Saved;

use crate::event::Direction;
use crate::stream::Segment;
use shared::Shared;
use side::Side;

/// One connection, both directions.
///
/// Holds of each direction a record at most, and up to 64 KiB in 256 records that wait for their key.
pub struct Session {
    shared: Shared,
    read: Side,
    write: Side,
    over: bool,
}

/// What a session hands out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Whose content it is.
    pub direction: Direction,
    /// When the read or write was that completed its record.
    pub time_ns: u64,
    /// What it is.
    pub what: What,
}

/// See [`Plain`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Content, one record's or a gap; and a turn before the first content of a direction since content of the
    /// other one, where that was the first to be sent.
    Segment(Segment),
    /// The sender closes: a `close_notify` alert was read.
    Closed,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No protected record was read yet.
    Handshake,
    /// A key fitted.
    Reading,
    /// Nothing more will be read, and nothing is kept.
    Failed(Failure),
}

/// What is known of the end of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The sender said that it was over.
    Closed,
    /// Its last record was read, and was no such word: who cut the connection need not have been the sender
    /// (RFC 8446, section 6.1).
    Cut,
    /// Its last records were not read.
    Unknown,
}

/// Why a session reads nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A direction does not begin with a TLS record.
    NotTls,
    /// The server chose this cipher suite, which is not AES-GCM: the key of such a connection does not read it.
    Suite(u16),
    /// No key fitted within 50,000 tries of 2 KiB each, or 256 KiB, since the last record that was read.
    NoKey,
}

/// What was seen of a connection's handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The direction in which the client sends.
    pub client: Option<Direction>,
    /// The name that the client asks for, in lower case.
    pub server_name: Option<String>,
    /// The highest version that the client offers: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3.
    pub offered: Option<u16>,
    /// The version that the server chose.
    pub version: Option<u16>,
    /// The cipher suite that the server chose (IANA's number).
    pub suite: Option<u16>,
    /// The application protocol that the server chose; of TLS 1.3, where its handshake was read.
    pub alpn: Option<String>,
    /// The client offers to resume a session (TLS 1.3).
    pub resumes: bool,
    /// The server does (TLS 1.3).
    pub resumed: bool,
    /// The client sends early data.
    pub early_data: bool,
    /// The server takes it. If not, the client sends it again. `None` where its handshake was not read.
    pub early_data_taken: Option<bool>,
}

/// What a session did, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Protected records that were read.
    pub records: u64,
    /// Protected records that were dropped, as no key fitted.
    pub unread_records: u64,
    /// Keys that fitted.
    pub keys: u64,
    /// How often a key was tried on a record.
    pub tries: u64,
    /// Gaps in what was captured.
    pub gaps: u64,
    /// Bytes of content that are missing, in part estimated.
    pub missing_bytes: u64,
}

impl Session {
    /// A connection of which nothing was seen.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Shared::new(),
            read: Side::new(Direction::Read),
            write: Side::new(Direction::Write),
            over: false,
        }
    }

    /// Takes what follows of one direction, moved at `time_ns`, and hands out what can be read. `keys` must be the
    /// same store each time: what was tried once is not tried again.
    pub fn push(
        &mut self,
        direction: Direction,
        time_ns: u64,
        segment: Segment,
        keys: &mut KeyStore,
        sink: &mut impl FnMut(Plain),
    ) {
        if self.over {
            return;
        }
        self.shared.time_ns = time_ns;
        let (side, other) = match direction {
            Direction::Read => (&mut self.read, &self.write),
            Direction::Write => (&mut self.write, &self.read),
        };
        if segment == Segment::Turn {
            side.turned();
            return self.shared.turned(direction, other.is_clear());
        }
        side.push(segment, keys, &mut self.shared, sink);
        self.end_if_failed(sink);
    }

    /// New keys of the process: records that wait are tried again.
    pub fn retry(&mut self, keys: &mut KeyStore, sink: &mut impl FnMut(Plain)) {
        if self.over {
            return;
        }
        self.write.retry(keys, &mut self.shared, sink);
        self.read.retry(keys, &mut self.shared, sink);
        self.end_if_failed(sink);
    }

    /// The connection is over: what is missing at its end is a gap. Nothing is read any more.
    pub fn finish(&mut self, sink: &mut impl FnMut(Plain)) {
        self.over = true;
        self.shared.reserve = KeyStore::new();
        self.write.end(&mut self.shared, sink);
        self.read.end(&mut self.shared, sink);
    }

    /// What is known of the end of a direction that is over now.
    #[must_use]
    pub fn ending(&self, direction: Direction) -> Ending {
        match direction {
            Direction::Read => self.read.ending(),
            Direction::Write => self.write.ending(),
        }
    }

    /// A direction is over: what is missing at its end is a gap. Nothing of it is read any more.
    pub fn end(&mut self, direction: Direction, sink: &mut impl FnMut(Plain)) {
        match direction {
            Direction::Read => self.read.end(&mut self.shared, sink),
            Direction::Write => self.write.end(&mut self.shared, sink),
        }
    }

    /// Whether one of its directions had no content yet, so that its key may still be among those of the process:
    /// a reason not to let those expire that came since this connection began.
    #[must_use]
    pub fn awaits_keys(&self) -> bool {
        !self.over && self.shared.awaits_keys()
    }

    /// Bytes that are held, keys aside.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.read.held_bytes() + self.write.held_bytes()
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> State {
        match self.shared.failure {
            Some(failure) => State::Failed(failure),
            None if self.shared.counts.keys > 0 => State::Reading,
            None => State::Handshake,
        }
    }

    /// What was seen of the handshake.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.shared.facts
    }

    /// What it did, in numbers.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts
    }

    fn end_if_failed(&mut self, sink: &mut impl FnMut(Plain)) {
        if self.shared.failure.is_some() {
            self.finish(sink);
        }
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
pub(crate) mod tests;
