//! Content codings (RFC 9110, section 8.4.1), undone as the bytes come: what a sender flushed is
//! handed on at once, so that a compressed event stream keeps its timing.

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};

mod gzip;

use gzip::Gzip;

/// Output handed on at a time.
const PIECE_BYTES: usize = 16 * 1024;

/// Most output of one body. Whatever is larger is no model's answer.
const MAX_OUTPUT_BYTES: u64 = 256 * 1024 * 1024;

/// Most bytes of output to one of input, looked at once the output exceeds [`RATIO_FREE_BYTES`].
/// Deflate reaches 1,032 on bytes that are all the same; text and vectors stay under 100.
const MAX_RATIO: u64 = 200;
const RATIO_FREE_BYTES: u64 = 1024 * 1024;

const NOT_DECODED: &str = "unsupported content encoding";
const INVALID: &str = "invalid compressed body";
const CUT: &str = "compressed body ends early";
const TOO_LARGE: &str = "compressed body expands too far";
const GAP: &str = "compressed body has a gap";

/// Undoes the content coding of one body. What cannot be decoded is left out, and [`Decoder::note`]
/// says why.
#[derive(Debug)]
pub struct Decoder {
    coding: Coding,
    input_bytes: u64,
    output_bytes: u64,
    note: Option<&'static str>,
}

#[derive(Debug)]
enum Coding {
    Identity,
    Gzip(Box<Gzip>),
    /// `deflate` means a zlib stream; some senders leave the zlib wrapping out. The first two bytes
    /// tell: the first one waits here for the second.
    DeflateUndecided(Option<u8>),
    Deflate(Inflate),
    /// Behind the end of a compressed stream, or of what could be decoded.
    Over,
}

impl Decoder {
    /// A decoder for a body with this `Content-Encoding`: none, `identity`, `gzip`, `x-gzip` or
    /// `deflate`. Bodies in other codings yield nothing but a note.
    #[must_use]
    pub fn new(content_encoding: Option<&str>) -> Self {
        let coding = content_encoding.map_or("", str::trim);
        let is = |names: &[&str]| names.iter().any(|name| coding.eq_ignore_ascii_case(name));
        let (coding, note) = if is(&["", "identity"]) {
            (Coding::Identity, None)
        } else if is(&["gzip", "x-gzip"]) {
            (Coding::Gzip(Box::default()), None)
        } else if is(&["deflate"]) {
            (Coding::DeflateUndecided(None), None)
        } else {
            (Coding::Over, Some(NOT_DECODED))
        };
        Self { coding, input_bytes: 0, output_bytes: 0, note }
    }

    /// A decoder for a body in a transfer coding that is not undone: it yields nothing but a note.
    #[must_use]
    pub fn unsupported_transfer_coding() -> Self {
        let note = Some("unsupported transfer coding");
        Self { coding: Coding::Over, input_bytes: 0, output_bytes: 0, note }
    }

    /// Decodes the next bytes and hands on what they yield, in pieces of bounded size; a body without
    /// coding is handed on as it came, not copied.
    pub fn push(&mut self, bytes: Bytes, sink: &mut impl FnMut(Bytes)) {
        self.input_bytes = self.input_bytes.saturating_add(bytes.len() as u64);
        if let Coding::DeflateUndecided(first) = &mut self.coding {
            let mut both = first.iter().chain(bytes.iter()).copied();
            let (Some(cmf), Some(flags)) = (both.next(), both.next()) else {
                *first = first.or(bytes.first().copied());
                return;
            };
            let held = *first;
            self.coding = Coding::Deflate(Inflate::new(is_zlib(cmf, flags)));
            if let Some(held) = held {
                self.decode(&[held], sink);
            }
        }
        if matches!(self.coding, Coding::Identity) {
            sink(bytes);
        } else {
            self.decode(&bytes, sink);
        }
    }

    /// Bytes are missing here: nothing behind them can be decompressed.
    pub fn gap(&mut self) {
        if !matches!(self.coding, Coding::Identity | Coding::Over) {
            self.stop(GAP);
        }
    }

    /// The body is over; a compressed stream that is not gets a note.
    pub fn finish(&mut self) {
        let whole = match &self.coding {
            Coding::Identity | Coding::Over => true,
            Coding::Gzip(gzip) => gzip.is_between_members(),
            Coding::DeflateUndecided(first) => first.is_none(),
            Coding::Deflate(_) => false,
        };
        if !whole {
            self.stop(CUT);
        }
    }

    /// Why the body could not be decoded whole, if so.
    #[must_use]
    pub fn note(&self) -> Option<&'static str> {
        self.note
    }

    fn stop(&mut self, note: &'static str) {
        self.coding = Coding::Over;
        self.note.get_or_insert(note);
    }

    fn decode(&mut self, input: &[u8], sink: &mut impl FnMut(Bytes)) {
        let mut input = input;
        let (input_bytes, output_bytes) = (self.input_bytes, &mut self.output_bytes);
        let mut emit = |piece: &[u8]| {
            *output_bytes = output_bytes.saturating_add(piece.len() as u64);
            let ratio_exceeded = *output_bytes > RATIO_FREE_BYTES && *output_bytes / MAX_RATIO > input_bytes;
            if ratio_exceeded || *output_bytes > MAX_OUTPUT_BYTES {
                return Err(TOO_LARGE);
            }
            if !piece.is_empty() {
                sink(Bytes::copy_from_slice(piece));
            }
            Ok(())
        };
        let result = match &mut self.coding {
            Coding::Identity | Coding::DeflateUndecided(_) | Coding::Over => return,
            Coding::Gzip(gzip) => gzip.push(input, &mut emit),
            Coding::Deflate(inflate) => inflate.push(&mut input, &mut emit),
        };
        match result {
            Ok(Progress::More) => {}
            // What follows the end of a stream is no part of it.
            Ok(Progress::End) => self.coding = Coding::Over,
            Err(note) => self.stop(note),
        }
    }
}

/// The zlib header: deflate with a window of at most 32 KiB, check bits right (RFC 1950, section 2.2).
fn is_zlib(cmf: u8, flags: u8) -> bool {
    cmf & 0x0f == 8 && cmf >> 4 <= 7 && u16::from_be_bytes([cmf, flags]).is_multiple_of(31)
}

/// Whether a compressed stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    More,
    End,
}

/// Takes a piece of output; refuses when there is too much.
type Emit<'a> = dyn FnMut(&[u8]) -> Result<(), &'static str> + 'a;

/// One deflate stream.
#[derive(Debug)]
struct Inflate(Decompress);

impl Inflate {
    fn new(zlib_header: bool) -> Self {
        Self(Decompress::new(zlib_header))
    }

    /// Decompresses until `input` is used up and all that it yields is handed on, or the stream ends.
    fn push(&mut self, input: &mut &[u8], emit: &mut Emit<'_>) -> Result<Progress, &'static str> {
        let mut output = vec![0; PIECE_BYTES];
        loop {
            let (read, written) = (self.0.total_in(), self.0.total_out());
            let status = self.0.decompress(input, &mut output, FlushDecompress::None).map_err(|_| INVALID)?;
            let read = usize::try_from(self.0.total_in() - read).map_err(|_| INVALID)?;
            let written = usize::try_from(self.0.total_out() - written).map_err(|_| INVALID)?;
            *input = input.get(read..).ok_or(INVALID)?;
            emit(output.get(..written).ok_or(INVALID)?)?;
            match status {
                Status::StreamEnd => return Ok(Progress::End),
                // No progress is possible: with room in the output, that means more input is needed.
                _ if read == 0 && written == 0 => return Ok(Progress::More),
                _ if input.is_empty() && written < output.len() => return Ok(Progress::More),
                Status::Ok | Status::BufError => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
