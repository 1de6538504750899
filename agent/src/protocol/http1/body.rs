//! How long a message's body is (RFC 9112, section 6), and its bytes without the transfer coding.

use bytes::{Buf, Bytes};

use super::Error;
use super::head::Headers;
use super::message::parse_trailers;
use crate::stream::Segment;

/// What a head says about the body behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// This many bytes.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
    /// All until the connection closes; responses only.
    UntilClose,
    /// The connection stops being HTTP/1 (a 101, or a CONNECT that succeeded).
    Tunnel,
    /// It cannot be known, in these few fixed words; responses only.
    Unknown(&'static str),
}

/// Framing of a request. Refuses what two recipients may read differently: an observer that follows one of
/// them would read what was uploaded as a request.
pub(super) fn of_request(fields: &[httparse::Header<'_>], minor_version: u8) -> Result<Framing, Error> {
    let codings: Vec<_> = values(fields, "transfer-encoding").collect();
    let length = content_length(fields).map_err(Error::Malformed)?;
    let Some((last, others)) = codings.split_last() else { return Ok(Framing::Length(length.unwrap_or(0))) };
    if length.is_some() {
        return Err(Error::Malformed("content-length with transfer-encoding"));
    }
    if minor_version == 0 {
        return Err(Error::Malformed("transfer-encoding in HTTP/1.0"));
    }
    if others.iter().any(|coding| is_chunked(coding)) {
        return Err(Error::Malformed("a transfer coding after chunked"));
    }
    if is_chunked(last) {
        Ok(Framing::Chunked)
    } else {
        Err(Error::Malformed("request body of unknown length"))
    }
}

/// Framing of a response to `method`. Reads what clients read: a transfer coding wins over a length, and
/// `chunked` counts though it comes twice, or in HTTP/1.0. There clients differ: some read on until the
/// close, but then find chunks in what they take for the body.
pub(super) fn of_response(fields: &[httparse::Header<'_>], status: u16, method: &str) -> Framing {
    match (method, status) {
        (_, 101) | ("CONNECT", 200..=299) => return Framing::Tunnel,
        ("HEAD", _) | (_, 100..=199 | 204 | 304) => return Framing::Length(0),
        _ => {}
    }
    match values(fields, "transfer-encoding").last() {
        Some(coding) if is_chunked(coding) => Framing::Chunked,
        // `identity` was a coding once (RFC 2616, section 3.6).
        Some(coding) if !coding.eq_ignore_ascii_case(b"identity") => Framing::UntilClose,
        _ => match content_length(fields) {
            Ok(length) => length.map_or(Framing::UntilClose, Framing::Length),
            Err(words) => Framing::Unknown(words),
        },
    }
}

/// The members of a list in all fields of this name.
fn values<'a>(fields: &'a [httparse::Header<'a>], name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    let named = fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
    named.flat_map(|field| field.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii))
}

fn is_chunked(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"chunked")
}

/// Equal values count as one (RFC 9110, section 8.6).
fn content_length(fields: &[httparse::Header<'_>]) -> Result<Option<u64>, &'static str> {
    let mut length = None;
    for value in values(fields, "content-length") {
        let parsed = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
        // `parse` takes a sign, the grammar does not.
        let Some(parsed) = parsed.filter(|_| value.iter().all(u8::is_ascii_digit)) else {
            return Err("invalid content-length");
        };
        if length.replace(parsed).is_some_and(|other| other != parsed) {
            return Err("conflicting content-length");
        }
    }
    Ok(length)
}

/// A piece of a body.
pub(super) enum Piece {
    Bytes(Bytes),
    Gap(u64),
    Trailers(Headers),
    End,
}

/// A body under way.
#[derive(Debug)]
pub(super) enum Body {
    /// This many bytes are still to come.
    Length(u64),
    Chunked(Chunked),
    /// In chunks that are not all captured: until bytes end as the last chunk does; the last ones that came.
    UntilLastChunk([u8; LAST_CHUNK.len()]),
    UntilClose,
    Unknown(&'static str),
}

/// Ends a body in chunks that has no trailers.
const LAST_CHUNK: [u8; 5] = *b"0\r\n\r\n";

impl Body {
    /// `None` for a tunnel, which has no body.
    pub(super) fn new(framing: Framing) -> Option<Self> {
        match framing {
            Framing::Length(length) => Some(Self::Length(length)),
            Framing::Chunked => Some(Self::Chunked(Chunked::default())),
            Framing::UntilClose => Some(Self::UntilClose),
            Framing::Unknown(words) => Some(Self::Unknown(words)),
            Framing::Tunnel => None,
        }
    }

    /// Takes the next piece from `input`; `None` when more input is needed.
    pub(super) fn read(&mut self, input: &mut Segment) -> Result<Option<Piece>, Error> {
        match self {
            Self::Length(0) => Ok(Some(Piece::End)),
            Self::Length(remaining) => Ok(take(input, remaining)),
            Self::UntilClose => Ok(take(input, &mut u64::MAX.clone())),
            Self::Chunked(chunked) => chunked.read(input),
            Self::UntilLastChunk(last) => Ok(until_last_chunk(input, last)),
            Self::Unknown(words) => Err(Error::Malformed(words)),
        }
    }
}

/// Takes all there is. The last chunk is known only where it ends what was captured together: inside of that, and before a
/// gap, its bytes may be anybody's.
fn until_last_chunk(input: &mut Segment, last: &mut [u8; LAST_CHUNK.len()]) -> Option<Piece> {
    if let Segment::Gap(1..) = input {
        *last = [0; LAST_CHUNK.len()];
    }
    if *last == LAST_CHUNK {
        return Some(Piece::End);
    }
    let piece = take(input, &mut u64::MAX.clone());
    if let Some(Piece::Bytes(bytes)) = &piece {
        for byte in bytes.iter().skip(bytes.len().saturating_sub(last.len())) {
            last.rotate_left(1);
            if let Some(newest) = last.last_mut() {
                *newest = *byte;
            }
        }
    }
    piece
}

/// Takes at most `remaining` bytes, captured or missing, and counts them off.
fn take(input: &mut Segment, remaining: &mut u64) -> Option<Piece> {
    match input {
        Segment::Data(bytes) => {
            let taken = bytes.len().min(usize::try_from(*remaining).unwrap_or(usize::MAX));
            *remaining -= taken as u64;
            (taken > 0).then(|| Piece::Bytes(bytes.split_to(taken)))
        }
        Segment::Gap(missing) => {
            let taken = (*missing).min(*remaining);
            *remaining -= taken;
            *missing -= taken;
            (taken > 0).then_some(Piece::Gap(taken))
        }
        Segment::Turn => None,
    }
}

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
    /// Behind the last line: the trailers are next.
    Trailers,
    /// Behind all.
    End,
}

/// A body in chunks (RFC 9112, section 7.1) under way. Holds no bytes but trailers: extensions are passed over.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    /// The size being read, then what is left of the chunk's data.
    remaining: u64,
    /// The trailer section, as far as it is kept.
    trailers: Vec<u8>,
}

/// Most bytes of trailers that are kept; of more, none are read.
const MAX_TRAILER_BYTES: usize = 16 * 1024;

impl Default for Chunked {
    fn default() -> Self {
        Self { state: State::Size { digits: 0 }, remaining: 0, trailers: Vec::new() }
    }
}

impl Chunked {
    /// Takes the next piece. A gap inside one chunk's data leaves the framing intact; one that
    /// reaches further loses it.
    pub(super) fn read(&mut self, input: &mut Segment) -> Result<Option<Piece>, Error> {
        loop {
            match (&self.state, &mut *input) {
                (State::End, _) => return Ok(Some(Piece::End)),
                (State::Trailers, _) => {
                    self.state = State::End;
                    let section = std::mem::take(&mut self.trailers);
                    let kept = section.len() <= MAX_TRAILER_BYTES;
                    let trailers = if kept { parse_trailers(&section) } else { Headers::default() };
                    if !trailers.is_empty() {
                        return Ok(Some(Piece::Trailers(trailers)));
                    }
                }
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
            if matches!(self.state, State::Data | State::Trailers) {
                break;
            }
            used += 1;
            // One more than is kept says that it was too much.
            if matches!(self.state, State::Trailer { .. }) && self.trailers.len() <= MAX_TRAILER_BYTES {
                self.trailers.push(*byte);
            }
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
            (State::Trailer { line_bytes: 0 }, b'\n') => State::Trailers,
            (State::Trailer { .. }, b'\n') => State::Trailer { line_bytes: 0 },
            (State::Trailer { line_bytes }, b'\r') => State::Trailer { line_bytes: *line_bytes },
            (State::Trailer { line_bytes }, _) => State::Trailer { line_bytes: line_bytes.saturating_add(1) },
            (State::Data | State::Trailers | State::End, _) | (State::Size { .. } | State::DataEnd, _) => {
                return Err(MALFORMED);
            }
        })
    }
}

#[cfg(test)]
mod tests;
