//! The body of one message, without its transfer coding.

use bytes::Bytes;

use super::Error;
use super::chunked::Chunked;
use super::framing::Framing;
use crate::stream::Segment;

/// A piece of a body.
pub(super) enum Piece {
    Bytes(Bytes),
    Gap(u64),
    End,
}

/// A body under way.
#[derive(Debug)]
pub(super) enum Body {
    /// This many bytes are still to come.
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

impl Body {
    /// `None` for a tunnel, which has no body.
    pub(super) fn new(framing: Framing) -> Option<Self> {
        match framing {
            Framing::Length(length) => Some(Self::Length(length)),
            Framing::Chunked => Some(Self::Chunked(Chunked::default())),
            Framing::UntilClose => Some(Self::UntilClose),
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
        }
    }
}

/// Takes at most `remaining` bytes, captured or missing, and counts them off.
pub(super) fn take(input: &mut Segment, remaining: &mut u64) -> Option<Piece> {
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
