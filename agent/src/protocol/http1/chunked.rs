//! Chunked transfer coding (RFC 9112, section 7.1). Holds no bytes: extensions and trailers are
//! passed over as they come.

use bytes::{Buf, Bytes};

use super::Error;
use super::body::{Piece, take};
use crate::stream::Segment;

/// Where in the coding the next byte stands.
#[derive(Debug)]
enum State {
    /// In the size; how many digits came.
    Size { digits: u8 },
    /// Behind the size, in white space or extensions, until the line ends.
    Extension,
    /// In the data.
    Data,
    /// Behind the data, before its line end.
    DataEnd,
    /// In the trailer section; how many bytes the line has, carriage returns not counted.
    Trailer { line_bytes: u64 },
    /// Behind the last line.
    End,
}

/// A chunked body under way.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    /// The size being read, then what is left of the chunk's data.
    remaining: u64,
}

impl Default for Chunked {
    fn default() -> Self {
        Self { state: State::Size { digits: 0 }, remaining: 0 }
    }
}

impl Chunked {
    /// Takes the next piece. A gap inside one chunk's data leaves the framing intact; one that
    /// reaches further loses it.
    pub(super) fn read(&mut self, input: &mut Segment) -> Result<Option<Piece>, Error> {
        loop {
            match (&self.state, &mut *input) {
                (State::End, _) => return Ok(Some(Piece::End)),
                (State::Data, Segment::Gap(missing)) if *missing > self.remaining => {
                    return Err(Error::Lost(std::mem::take(missing)));
                }
                (State::Data, input) => {
                    let piece = take(input, &mut self.remaining);
                    if self.remaining == 0 {
                        self.state = State::DataEnd;
                    }
                    return Ok(piece);
                }
                (_, Segment::Gap(0) | Segment::Turn) => return Ok(None),
                (_, Segment::Gap(missing)) => return Err(Error::Lost(std::mem::take(missing))),
                (_, Segment::Data(bytes)) => {
                    if bytes.is_empty() {
                        return Ok(None);
                    }
                    self.read_framing(bytes)?;
                }
            }
        }
    }

    /// Reads framing up to the next data or the end.
    fn read_framing(&mut self, bytes: &mut Bytes) -> Result<(), Error> {
        let mut used = 0;
        for byte in bytes.iter() {
            if matches!(self.state, State::Data | State::End) {
                break;
            }
            used += 1;
            self.state = self.after(*byte)?;
        }
        bytes.advance(used);
        Ok(())
    }

    /// The state behind one byte of framing. A line feed alone ends a line, as most recipients have it.
    fn after(&mut self, byte: u8) -> Result<State, Error> {
        const MALFORMED: Error = Error::Malformed("invalid chunk");
        Ok(match (&self.state, byte) {
            (State::Size { digits }, _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                // Sixteen digits fill 64 bits; leading zeros beyond that serve no honest sender.
                if *digits == 16 {
                    return Err(MALFORMED);
                }
                let digits = digits + 1;
                self.remaining = self.remaining << 4 | digit;
                State::Size { digits }
            }
            (State::Size { digits: 0 }, _) => return Err(MALFORMED),
            (State::Size { .. } | State::Extension, b'\n') if self.remaining == 0 => {
                State::Trailer { line_bytes: 0 }
            }
            (State::Size { .. } | State::Extension, b'\n') => State::Data,
            (State::Size { .. }, b'\r' | b' ' | b'\t' | b';') | (State::Extension, _) => State::Extension,
            (State::DataEnd, b'\r') => State::DataEnd,
            (State::DataEnd, b'\n') => State::Size { digits: 0 },
            (State::Trailer { line_bytes: 0 }, b'\n') => State::End,
            (State::Trailer { .. }, b'\n') => State::Trailer { line_bytes: 0 },
            (State::Trailer { line_bytes }, b'\r') => State::Trailer { line_bytes: *line_bytes },
            (State::Trailer { line_bytes }, _) => State::Trailer { line_bytes: line_bytes.saturating_add(1) },
            (State::Data | State::End, _) | (State::Size { .. } | State::DataEnd, _) => {
                return Err(MALFORMED);
            }
        })
    }
}

#[cfg(test)]
mod tests;
