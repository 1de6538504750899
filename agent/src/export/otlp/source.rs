//! What is queued for receivers.

use std::sync::Arc;
use std::time::SystemTime;

use crate::correlate::Unseen;
use crate::correlate::span::Span;
use crate::discovery::process::Process;
use crate::redact::Redacted;

/// A span that several receivers may have in their queues.
pub(super) type Shared = Arc<Redacted<Span>>;

/// What a receiver is told of.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A span, or what was said in it.
    Span(Shared),
    /// That a span's endpoint is not approved.
    Unapproved(Shared),
    /// A connection that could not be read.
    Unread(Arc<Unread>),
}

/// A connection to a known endpoint that could not be read.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) unseen: Redacted<Unseen>,
    /// Whether the operator's list has the endpoint; `None` without a list.
    pub(super) is_approved: Option<bool>,
    /// When it was found out, which is when it ended.
    pub(super) time: SystemTime,
}

impl Source {
    /// Whom it is about.
    pub(super) fn process(&self) -> &Arc<Process> {
        match self {
            Self::Span(span) | Self::Unapproved(span) => &span.get().process,
            Self::Unread(unread) => &unread.unseen.get().process,
        }
    }
}

#[cfg(test)]
impl From<Redacted<Span>> for Source {
    fn from(span: Redacted<Span>) -> Self {
        Self::Span(Arc::new(span))
    }
}
