//! What requests and responses have in common: a head, a body, and the way back after a loss.

use bytes::{Buf, Bytes};

use super::Error;
use super::body::{Body, Framing, Piece};
use super::head::Headers;
use crate::stream::Segment;

/// A part of a message, in order: one head, pieces of a body, one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<H> {
    /// The head. Interim responses are passed over.
    Head(H),
    /// A piece of the body, without transfer coding. Not empty.
    Body(Bytes),
    /// This many bytes of the body are missing. Not 0.
    BodyGap(u64),
    /// What of the trailers the allow-list names. Not empty.
    Trailers(Headers),
    /// The message is whole.
    End,
    /// Instead of an end: the connection is no longer HTTP/1 from here on, and is not read further.
    Tunnel,
}

/// One of the two kinds of message.
pub(super) trait Kind: StartLine {
    type Head;

    /// Parses a whole head; `None` for one that the observer passes over.
    fn parse(&self, head: &[u8]) -> Result<Option<(Self::Head, Framing)>, Error>;
}

#[derive(Debug)]
enum State {
    /// Where messages begin is not known: passing over bytes until [`Reader::may_begin`].
    Lost,
    /// In a head, or before one. `tentative`: what begins here need not be a message.
    Head {
        tentative: bool,
    },
    Body(Body),
    /// No longer HTTP. `told`: the caller knows.
    Tunnel {
        told: bool,
    },
}

/// The messages of one direction.
#[derive(Debug)]
pub(super) struct Reader {
    state: State,
    head: HeadBuffer,
    skipped_bytes: u64,
}

impl Reader {
    /// Expects a message at once.
    pub(super) fn in_step() -> Self {
        Self { state: State::Head { tentative: false }, head: HeadBuffer::default(), skipped_bytes: 0 }
    }

    /// Passes over bytes until [`Self::may_begin`].
    pub(super) fn lost() -> Self {
        Self { state: State::Lost, ..Self::in_step() }
    }

    /// Forgets the message under way; passes over bytes until [`Self::may_begin`].
    pub(super) fn lose(&mut self) {
        self.forget_head();
        self.state = State::Lost;
    }

    /// A message may begin with the next byte. It counts for nothing where framing knows better.
    pub(super) fn may_begin(&mut self) {
        if matches!(self.state, State::Lost | State::Head { tentative: true }) {
            // A begin that was found before was none: nothing turns within a head.
            self.forget_head();
            self.state = State::Head { tentative: true };
        }
    }

    fn forget_head(&mut self) {
        self.skipped_bytes = self.skipped_bytes.saturating_add(self.head.len() as u64);
        self.head.clear();
    }

    /// Bytes that are held of the head under way.
    pub(super) fn held_bytes(&self) -> usize {
        self.head.len()
    }

    /// No byte of the next message has come.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Lost | State::Head { .. }) && self.head.is_empty()
    }

    /// A body in chunks is under way.
    pub(super) fn is_in_chunks(&self) -> bool {
        matches!(self.state, State::Body(Body::Chunked(_)))
    }

    /// Not all of the chunks under way will be captured: from here on their sizes do not matter.
    pub(super) fn leave_chunks(&mut self) {
        if let State::Body(body @ Body::Chunked(_)) = &mut self.state {
            *body = Body::UntilLastChunk(Default::default());
        }
    }

    /// A close of the connection would end the message under way (RFC 9112, section 6.3).
    pub(super) fn ends_at_close(&self) -> bool {
        matches!(self.state, State::Body(Body::UntilClose))
    }

    /// Bytes passed over because they began no message.
    pub(super) fn skipped_bytes(&self) -> u64 {
        self.skipped_bytes
    }

    /// Takes the next part from `input`; `None` when all of it is used and more is needed.
    pub(super) fn read<K: Kind>(
        &mut self,
        kind: &K,
        input: &mut Segment,
    ) -> Result<Option<Part<K::Head>>, Error> {
        loop {
            match &mut self.state {
                State::Tunnel { told: true } => {
                    *input = Segment::Gap(0);
                    return Ok(None);
                }
                State::Tunnel { told } => {
                    *told = true;
                    return Ok(Some(Part::Tunnel));
                }
                State::Body(_) => return self.read_body(input),
                State::Lost => {
                    self.skip(input);
                    return Ok(None);
                }
                State::Head { tentative } => {
                    let tentative = *tentative;
                    match self.read_head(kind, input) {
                        Ok(None) if is_used(input) => return Ok(None),
                        Ok(None) => {}
                        Ok(head) => return Ok(head),
                        Err(Error::NotHttp) if tentative => {
                            self.lose();
                            self.skip(input);
                            return Ok(None);
                        }
                        Err(error) => {
                            self.lose();
                            return Err(error);
                        }
                    }
                }
            }
        }
    }

    fn read_head<K: Kind>(&mut self, kind: &K, input: &mut Segment) -> Result<Option<Part<K::Head>>, Error> {
        let bytes = match input {
            Segment::Data(bytes) => bytes,
            Segment::Gap(0) | Segment::Turn => return Ok(None),
            Segment::Gap(missing) => return Err(Error::Lost(std::mem::take(missing))),
        };
        if !self.head.fill::<K>(bytes)? {
            return Ok(None);
        }
        let parsed = kind.parse(self.head.as_slice())?;
        self.head.clear();
        let Some((head, framing)) = parsed else {
            self.state = State::Head { tentative: false };
            return Ok(None);
        };
        self.state = Body::new(framing).map_or(State::Tunnel { told: false }, State::Body);
        Ok(Some(Part::Head(head)))
    }

    fn read_body<H>(&mut self, input: &mut Segment) -> Result<Option<Part<H>>, Error> {
        let State::Body(body) = &mut self.state else { return Ok(None) };
        match body.read(input) {
            Ok(piece) => Ok(piece.map(|piece| match piece {
                Piece::Bytes(bytes) => Part::Body(bytes),
                Piece::Gap(bytes) => Part::BodyGap(bytes),
                Piece::Trailers(trailers) => Part::Trailers(trailers),
                Piece::End => {
                    self.state = State::Head { tentative: false };
                    Part::End
                }
            })),
            Err(error) => {
                self.lose();
                Err(error)
            }
        }
    }

    fn skip(&mut self, input: &mut Segment) {
        if let Segment::Data(bytes) = input {
            self.skipped_bytes = self.skipped_bytes.saturating_add(bytes.len() as u64);
        }
        *input = Segment::Gap(0);
    }
}

fn is_used(input: &Segment) -> bool {
    match input {
        Segment::Data(bytes) => bytes.is_empty(),
        Segment::Gap(bytes) => *bytes == 0,
        Segment::Turn => true,
    }
}

/// Most bytes of one head: what the most patient of clients allow.
const MAX_HEAD_BYTES: usize = 256 * 1024;

/// Whether bytes can be the begin of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Yes,
    /// So far.
    Perhaps,
    No,
}

/// What a message's first line looks like.
pub(super) trait StartLine {
    /// Judges the first bytes of a message; decides within a few tens of bytes.
    fn judge(bytes: &[u8]) -> Start;

    /// Judges the whole first line, given without its line end.
    fn check(line: &[u8]) -> Result<(), Error>;
}

/// The head under way.
#[derive(Debug, Default)]
pub(super) struct HeadBuffer {
    bytes: Vec<u8>,
    /// Where the line under way begins.
    line: usize,
}

impl HeadBuffer {
    /// No byte of a head has been collected.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes are held.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What was collected.
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets the head. A buffer that had to grow is given back: connections idle between messages.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Moves bytes from `input` up to the head's end; true when that was reached. Empty lines before
    /// a message are dropped (RFC 9112, section 2.2).
    pub(super) fn fill<L: StartLine>(&mut self, input: &mut Bytes) -> Result<bool, Error> {
        if self.bytes.is_empty() {
            let blank = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            input.advance(blank);
        }
        while !input.is_empty() {
            let end = input.iter().position(|byte| *byte == b'\n');
            let piece = input.split_to(end.map_or(input.len(), |end| end + 1));
            if self.bytes.len() + piece.len() > MAX_HEAD_BYTES {
                return Err(Error::Malformed("head too large"));
            }
            // Judged until the first bytes decide; from then on the line's end is awaited.
            let undecided = self.line == 0 && L::judge(&self.bytes) == Start::Perhaps;
            self.bytes.extend_from_slice(&piece);
            if undecided && L::judge(&self.bytes) == Start::No {
                return Err(Error::NotHttp);
            }
            if end.is_none() {
                return Ok(false);
            }
            let line = without_line_end(self.bytes.get(self.line..).unwrap_or_default());
            if line.is_empty() {
                return Ok(true);
            }
            if self.line == 0 {
                L::check(line)?;
            }
            self.line = self.bytes.len();
        }
        Ok(false)
    }
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
