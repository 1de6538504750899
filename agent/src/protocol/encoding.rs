//! Content codings (RFC 9110, section 8.4.1), undone as the bytes come: what a sender flushed is
//! handed on at once, so that a compressed event stream keeps its timing.

use bytes::Bytes;

mod brotli;
mod deflate;
mod gzip;
mod zstd;

use brotli::Brotli;
use deflate::Deflate;
use gzip::Gzip;
use zstd::Zstd;

/// Output handed on at a time.
const PIECE_BYTES: usize = 16 * 1024;

/// Most codings of one body, one over the other. More than one is rare, more than this a trick.
const MAX_CODINGS: usize = 3;

/// Most output of one coding. Whatever is larger is no model's answer.
const MAX_OUTPUT_BYTES: u64 = 256 * 1024 * 1024;

/// Most bytes of output of any coding to one on the wire, looked at once the output exceeds
/// [`RATIO_FREE_BYTES`].
/// Deflate reaches 1,032 on bytes that are all the same; text and vectors stay under 100.
const MAX_RATIO: u64 = 200;
const RATIO_FREE_BYTES: u64 = 1024 * 1024;

const NOT_DECODED: &str = "unsupported content encoding";
const INVALID: &str = "invalid compressed body";
const CUT: &str = "compressed body ends early";
const TOO_LARGE: &str = "compressed body expands too far";
const GAP: &str = "compressed body has a gap";

/// Undoes the content codings of one body. What cannot be decoded is left out, and [`Decoder::note`]
/// says why.
#[derive(Debug)]
pub struct Decoder {
    /// In the order in which they are undone. None for a body without coding.
    stages: Vec<Stage>,
    wire_bytes: u64,
    /// Nothing more is decoded.
    stopped: bool,
    note: Option<&'static str>,
}

/// One coding.
#[derive(Debug)]
struct Stage {
    coding: Coding,
    /// Its stream is over; what follows is no part of it.
    over: bool,
    /// Something of it was read.
    begun: bool,
    output_bytes: u64,
}

#[derive(Debug)]
enum Coding {
    Gzip(Box<Gzip>),
    Deflate(Deflate),
    Brotli(Brotli),
    Zstd(Zstd),
}

impl Coding {
    fn new(name: &str) -> Option<Self> {
        let is = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        if is(&["gzip", "x-gzip"]) {
            Some(Self::Gzip(Box::default()))
        } else if is(&["deflate"]) {
            Some(Self::Deflate(Deflate::Undecided(None)))
        } else if is(&["br"]) {
            Some(Self::Brotli(Brotli::default()))
        } else if is(&["zstd"]) {
            Zstd::new().map(Self::Zstd)
        } else {
            None
        }
    }
}

impl Decoder {
    /// A decoder for a body with this `Content-Encoding`: a list of at most three of `gzip`, `x-gzip`, `deflate`,
    /// `br`, `zstd` and any number of `identity`, in the order in which they were applied; or none. Bodies in
    /// other codings yield nothing but a note.
    #[must_use]
    pub fn new(content_encoding: Option<&str>) -> Self {
        let applied = content_encoding.unwrap_or_default().split(',').map(str::trim);
        let applied: Vec<_> =
            applied.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity")).collect();
        if applied.len() > MAX_CODINGS {
            return Self::refusing(NOT_DECODED);
        }
        let stage = |name: &&str| {
            let coding = Coding::new(name)?;
            Some(Stage { coding, over: false, begun: false, output_bytes: 0 })
        };
        match applied.iter().rev().map(stage).collect() {
            Some(stages) => Self { stages, wire_bytes: 0, stopped: false, note: None },
            None => Self::refusing(NOT_DECODED),
        }
    }

    /// A decoder for a body in a transfer coding that is not undone: it yields nothing but a note.
    #[must_use]
    pub fn unsupported_transfer_coding() -> Self {
        Self::refusing("unsupported transfer coding")
    }

    fn refusing(note: &'static str) -> Self {
        Self { stages: Vec::new(), wire_bytes: 0, stopped: true, note: Some(note) }
    }

    /// The body has no coding: it is handed on as it comes.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.stages.is_empty() && !self.stopped
    }

    /// Decodes the next bytes and hands on what they yield, in pieces of bounded size; a body without
    /// coding is handed on as it came, not copied.
    pub fn push(&mut self, bytes: Bytes, sink: &mut impl FnMut(Bytes)) {
        if self.stopped {
            return;
        }
        if self.stages.is_empty() {
            return sink(bytes);
        }
        self.wire_bytes = self.wire_bytes.saturating_add(bytes.len() as u64);
        if let Err(note) = run(&mut self.stages, &bytes, self.wire_bytes, sink) {
            self.stop(note);
        }
    }

    /// Bytes are missing here: nothing behind them can be decompressed.
    pub fn gap(&mut self) {
        if self.stages.iter().any(|stage| !stage.over) {
            self.stop(GAP);
        }
    }

    /// The body is over; a compressed stream that is not gets a note.
    pub fn finish(&mut self) {
        if !self.stages.iter().all(Stage::is_whole) {
            self.stop(CUT);
        }
    }

    /// About how many bytes of memory the decoding takes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        /// What each decoder has for itself: tables, and the window of deflate.
        const STATE: u64 = 48 * 1024;
        const ZSTD_STATE: u64 = 160 * 1024;
        /// A window is as large as what was written into it, up to the format's most.
        const BROTLI_WINDOW_MAX: u64 = 16 << 20;
        const ZSTD_WINDOW_MAX: u64 = 8 << 20;
        let held = |stage: &Stage| match stage.coding {
            Coding::Gzip(_) | Coding::Deflate(_) => STATE,
            Coding::Brotli(_) => STATE + stage.output_bytes.min(BROTLI_WINDOW_MAX),
            Coding::Zstd(_) => ZSTD_STATE + stage.output_bytes.min(ZSTD_WINDOW_MAX),
        };
        usize::try_from(self.stages.iter().map(held).sum::<u64>()).unwrap_or(usize::MAX)
    }

    /// Why the body could not be decoded whole, if so.
    #[must_use]
    pub fn note(&self) -> Option<&'static str> {
        self.note
    }

    /// Lets the codings' memory go, too.
    fn stop(&mut self, note: &'static str) {
        self.stages = Vec::new();
        self.stopped = true;
        self.note.get_or_insert(note);
    }
}

impl Stage {
    fn is_whole(&self) -> bool {
        // A body of no bytes has no coding either.
        self.over
            || !self.begun
            || match &self.coding {
                Coding::Gzip(gzip) => gzip.is_between_members(),
                Coding::Deflate(_) | Coding::Brotli(_) => false,
                Coding::Zstd(zstd) => zstd.is_between_frames(),
            }
    }
}

/// Undoes the codings of `stages`, the first of them first.
fn run(
    stages: &mut [Stage],
    input: &[u8],
    wire_bytes: u64,
    sink: &mut dyn FnMut(Bytes),
) -> Result<(), &'static str> {
    let Some((Stage { coding, over, begun, output_bytes }, rest)) = stages.split_first_mut() else {
        sink(Bytes::copy_from_slice(input));
        return Ok(());
    };
    if *over {
        return Ok(());
    }
    *begun |= !input.is_empty();
    let mut emit = |piece: &[u8]| {
        *output_bytes = output_bytes.saturating_add(piece.len() as u64);
        let ratio_exceeded = *output_bytes > RATIO_FREE_BYTES && *output_bytes / MAX_RATIO > wire_bytes;
        if ratio_exceeded || *output_bytes > MAX_OUTPUT_BYTES {
            return Err(TOO_LARGE);
        }
        if piece.is_empty() { Ok(()) } else { run(rest, piece, wire_bytes, sink) }
    };
    let progress = match coding {
        Coding::Gzip(gzip) => gzip.push(input, &mut emit),
        Coding::Deflate(deflate) => deflate.push(input, &mut emit),
        Coding::Brotli(brotli) => brotli.push(input, &mut emit),
        Coding::Zstd(zstd) => zstd.push(input, &mut emit),
    }?;
    // What follows the end of a stream is no part of it.
    *over = progress == Progress::End;
    Ok(())
}

/// Whether a compressed stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    More,
    End,
}

/// Takes a piece of output; refuses when there is too much.
type Emit<'a> = dyn FnMut(&[u8]) -> Result<(), &'static str> + 'a;

#[cfg(test)]
mod tests;
