//! Brotli (RFC 7932).

use std::fmt;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::{Emit, INVALID, PIECE_BYTES, Progress};

/// A brotli stream. Its window takes at most 16 MiB, the most that the format has; what is not touched of it
/// costs nothing.
pub(super) struct Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>);

impl fmt::Debug for Brotli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Brotli")
    }
}

impl Default for Brotli {
    fn default() -> Self {
        let alloc = StandardAlloc::default;
        // Strict: without the larger windows that HTTP does not have.
        Self(Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())))
    }
}

impl Brotli {
    pub(super) fn push(&mut self, input: &[u8], emit: &mut Emit<'_>) -> Result<Progress, &'static str> {
        let mut output = vec![0; PIECE_BYTES];
        let (mut input_left, mut input_at, mut total) = (input.len(), 0, 0);
        loop {
            let (mut room, mut written) = (output.len(), 0);
            let result = BrotliDecompressStream(
                &mut input_left,
                &mut input_at,
                input,
                &mut room,
                &mut written,
                &mut output,
                &mut total,
                &mut self.0,
            );
            emit(output.get(..written).ok_or(INVALID)?)?;
            match result {
                BrotliResult::ResultSuccess => return Ok(Progress::End),
                BrotliResult::NeedsMoreInput => return Ok(Progress::More),
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::ResultFailure => return Err(INVALID),
            }
        }
    }
}
