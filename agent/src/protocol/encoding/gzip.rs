//! gzip (RFC 1952): header, deflate stream and trailer of each member.

use flate2::Crc;

use super::deflate::Inflate;
use super::{Emit, INVALID, Progress};

const CHECKSUM: &str = "compressed body fails its checksum";

/// Flags of a member's header (RFC 1952, section 2.3.1).
const FHCRC: u8 = 1 << 1;
const FEXTRA: u8 = 1 << 2;
const FNAME: u8 = 1 << 3;
const FCOMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// Where in a member the next byte stands.
#[derive(Debug)]
enum State {
    /// In the ten fixed bytes; how many came.
    Fixed(u8),
    /// In the length of the extra field; how many of its two bytes came.
    ExtraLength(u8),
    /// In the extra field; how many bytes are left.
    Extra(u16),
    Name,
    Comment,
    /// In the header's checksum; how many of its two bytes came. It is not verified.
    HeaderCrc(u8),
    Data(Box<Inflate>),
    /// In checksum and length; how many of the eight bytes came.
    Trailer(u8),
    /// Behind the last member: what follows is padding.
    Over,
}

/// A gzip stream, of one member or more.
#[derive(Debug)]
pub(super) struct Gzip {
    state: State,
    flags: u8,
    extra_length: u16,
    members: u64,
    crc: Crc,
    /// Checksum and length of the trailer being read, little-endian.
    trailer: u64,
}

impl Default for Gzip {
    fn default() -> Self {
        Self { state: State::Fixed(0), flags: 0, extra_length: 0, members: 0, crc: Crc::new(), trailer: 0 }
    }
}

impl Gzip {
    /// No member is under way.
    pub(super) fn is_between_members(&self) -> bool {
        matches!(self.state, State::Fixed(0) | State::Over)
    }

    pub(super) fn push(&mut self, mut input: &[u8], emit: &mut Emit<'_>) -> Result<Progress, &'static str> {
        loop {
            if let State::Data(inflate) = &mut self.state {
                let crc = &mut self.crc;
                let progress = inflate.push(&mut input, &mut |piece| {
                    crc.update(piece);
                    emit(piece)
                })?;
                if progress == Progress::More {
                    return Ok(Progress::More);
                }
                self.state = State::Trailer(0);
            }
            let Some((byte, rest)) = input.split_first() else { return Ok(Progress::More) };
            input = rest;
            self.state = self.after(*byte)?;
            if matches!(self.state, State::Over) {
                return Ok(Progress::End);
            }
        }
    }

    /// The state behind one byte that is not compressed data.
    fn after(&mut self, byte: u8) -> Result<State, &'static str> {
        Ok(match self.state {
            State::Fixed(at) => {
                let valid = match at {
                    0 => byte == 0x1f,
                    1 => byte == 0x8b,
                    // 8 is deflate, the only method there is.
                    2 => byte == 8,
                    3 => {
                        self.flags = byte;
                        byte & RESERVED == 0
                    }
                    _ => true,
                };
                match (valid, at) {
                    (true, 9) => self.after_fixed(),
                    (true, _) => State::Fixed(at + 1),
                    // Some senders pad behind the last member, as tapes did.
                    (false, 0) if self.members > 0 => State::Over,
                    (false, _) => return Err(INVALID),
                }
            }
            State::ExtraLength(0) => {
                self.extra_length = u16::from(byte);
                State::ExtraLength(1)
            }
            State::ExtraLength(_) => match self.extra_length | u16::from(byte) << 8 {
                0 => self.after_extra(),
                length => State::Extra(length),
            },
            State::Extra(1) => self.after_extra(),
            State::Extra(left) => State::Extra(left.saturating_sub(1)),
            State::Name if byte == 0 => self.after_name(),
            State::Name => State::Name,
            State::Comment if byte == 0 => self.after_comment(),
            State::Comment => State::Comment,
            State::HeaderCrc(0) => State::HeaderCrc(1),
            State::HeaderCrc(_) => self.data(),
            State::Trailer(at) => {
                self.trailer = self.trailer >> 8 | u64::from(byte) << 56;
                if at < 7 { State::Trailer(at + 1) } else { self.verify()? }
            }
            State::Data(_) | State::Over => State::Over,
        })
    }

    fn after_fixed(&mut self) -> State {
        if self.flags & FEXTRA == 0 { self.after_extra() } else { State::ExtraLength(0) }
    }

    fn after_extra(&mut self) -> State {
        if self.flags & FNAME == 0 { self.after_name() } else { State::Name }
    }

    fn after_name(&mut self) -> State {
        if self.flags & FCOMMENT == 0 { self.after_comment() } else { State::Comment }
    }

    fn after_comment(&mut self) -> State {
        if self.flags & FHCRC == 0 { self.data() } else { State::HeaderCrc(0) }
    }

    fn data(&mut self) -> State {
        self.crc.reset();
        State::Data(Box::new(Inflate::new(false)))
    }

    /// The member is whole: compares its checksum and its length with what was handed on.
    fn verify(&mut self) -> Result<State, &'static str> {
        let (sum, amount) = (self.crc.sum(), self.crc.amount());
        if self.trailer != (u64::from(amount) << 32 | u64::from(sum)) {
            return Err(CHECKSUM);
        }
        self.members = self.members.saturating_add(1);
        Ok(State::Fixed(0))
    }
}
