//! deflate (RFC 1951), and what HTTP calls so: a zlib stream (RFC 1950).

use flate2::{Decompress, FlushDecompress, Status};

use super::{Emit, INVALID, PIECE_BYTES, Progress};

/// A body in the coding `deflate`: a zlib stream, though some senders leave the zlib wrapping out.
#[derive(Debug)]
pub(super) enum Deflate {
    /// The first two bytes tell: the first one waits here for the second.
    Undecided(Option<u8>),
    Decided(Inflate),
}

impl Deflate {
    pub(super) fn push(&mut self, input: &[u8], emit: &mut Emit<'_>) -> Result<Progress, &'static str> {
        let mut input = input;
        if let Self::Undecided(first) = self {
            let mut both = first.iter().chain(input.iter()).copied();
            let (Some(cmf), Some(flags)) = (both.next(), both.next()) else {
                *first = first.or(input.first().copied());
                return Ok(Progress::More);
            };
            let held = *first;
            let mut inflate = Inflate::new(is_zlib(cmf, flags));
            if let Some(held) = held {
                inflate.push(&mut &[held][..], emit)?;
            }
            *self = Self::Decided(inflate);
        }
        match self {
            Self::Decided(inflate) => inflate.push(&mut input, emit),
            Self::Undecided(_) => Ok(Progress::More),
        }
    }
}

/// The zlib header: deflate with a window of at most 32 KiB, check bits right (RFC 1950, section 2.2).
fn is_zlib(cmf: u8, flags: u8) -> bool {
    cmf & 0x0f == 8 && cmf >> 4 <= 7 && u16::from_be_bytes([cmf, flags]).is_multiple_of(31)
}

/// One deflate stream.
#[derive(Debug)]
pub(super) struct Inflate(Decompress);

impl Inflate {
    pub(super) fn new(zlib_header: bool) -> Self {
        Self(Decompress::new(zlib_header))
    }

    /// Decompresses until `input` is used up and all that it yields is handed on, or the stream ends.
    pub(super) fn push(&mut self, input: &mut &[u8], emit: &mut Emit<'_>) -> Result<Progress, &'static str> {
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
