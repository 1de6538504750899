//! Collects the bytes of one head, in time linear in their number however they are split.

use bytes::{Buf, Bytes};

use super::Error;

/// Most bytes of one head; a longer one makes the message malformed.
const MAX_HEAD_BYTES: usize = 64 * 1024;

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
