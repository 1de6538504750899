//! Spans whose place in their trace is not known yet, held for a bounded time and number.

use super::span::{Span, SpanId};

/// Spans that are held at most; past it the oldest is let go with what is known by then.
pub(super) const HELD_MAX: usize = 4096;

/// A span that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    /// With no span id and no parent of its own yet.
    pub(super) span: Span,
    /// The id in its request's header, which it takes or is the child of.
    pub(super) header: SpanId,
    /// When it goes, whatever is known then.
    pub(super) until_ns: u64,
}

/// The spans that wait, oldest first.
#[derive(Debug, Default)]
pub(super) struct Hold(Vec<Waiting>);

impl Hold {
    /// Holds a span; the one that has to go for it, if any.
    pub(super) fn push(&mut self, waiting: Waiting) -> Option<Waiting> {
        self.0.push(waiting);
        (self.0.len() > HELD_MAX).then(|| self.0.remove(0))
    }

    /// Those that are due.
    pub(super) fn due(&mut self, now_ns: u64) -> Vec<Waiting> {
        self.0.extract_if(.., |waiting| waiting.until_ns <= now_ns).collect()
    }

    /// Those of one process.
    pub(super) fn of(&mut self, pid: u32) -> Vec<Waiting> {
        self.0.extract_if(.., |waiting| waiting.span.process.pid == pid).collect()
    }

    /// All of them.
    pub(super) fn all(&mut self) -> Vec<Waiting> {
        std::mem::take(&mut self.0)
    }
}
