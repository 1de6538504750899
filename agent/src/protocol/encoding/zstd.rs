//! Zstandard (RFC 8878), by libzstd: decoders in Rust alone hold a stream's end back as far as its window reaches,
//! so that a flushed event would come with the next megabytes.

use std::fmt;

use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::{Emit, INVALID, PIECE_BYTES, Progress};

const WINDOW: &str = "compressed body needs too large a window";

/// Largest window: 8 MiB, the most that HTTP has (RFC 9659).
const WINDOW_LOG_MAX: u32 = 23;

/// Frames of zstd, one behind the other.
pub(super) struct Zstd {
    context: DCtx<'static>,
    between_frames: bool,
}

impl fmt::Debug for Zstd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zstd").field("between_frames", &self.between_frames).finish_non_exhaustive()
    }
}

impl Zstd {
    /// `None` when there is no memory for it.
    pub(super) fn new() -> Option<Self> {
        let mut context = DCtx::try_create()?;
        context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).ok()?;
        Some(Self { context, between_frames: true })
    }

    /// No frame is under way.
    pub(super) fn is_between_frames(&self) -> bool {
        self.between_frames
    }

    pub(super) fn push(&mut self, input: &[u8], emit: &mut Emit<'_>) -> Result<Progress, &'static str> {
        let mut output = vec![0; PIECE_BYTES];
        let mut input = InBuffer::around(input);
        loop {
            let (written, filled) = {
                let mut room = OutBuffer::around(&mut output[..]);
                let left = self.context.decompress_stream(&mut room, &mut input).map_err(|code| {
                    // libzstd's word for it (lib/common/error_private.c); its codes are not in the binding.
                    let is_window = get_error_name(code).contains("too much memory");
                    if is_window { WINDOW } else { INVALID }
                })?;
                self.between_frames = left == 0;
                (room.pos(), room.pos() == PIECE_BYTES)
            };
            emit(output.get(..written).ok_or(INVALID)?)?;
            if !filled && input.pos() >= input.src.len() {
                return Ok(Progress::More);
            }
        }
    }
}
