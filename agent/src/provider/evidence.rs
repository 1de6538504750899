//! What bears out that an exchange is a vendor's, where its path is one that others could have as well.

use super::follow::End;
use super::{Recognised, host};
use crate::call::Call;
use crate::exchange::Outcome;
use crate::protocol::http1::RequestHead;

/// Whether a request goes to a provider's own host, where the path says all.
pub(super) fn is_at(request: &RequestHead, provider: &str) -> bool {
    host::provider(request.host.as_deref(), &request.path) == Some(provider)
}

/// What is known of an exchange.
#[derive(Default)]
pub(super) struct Evidence {
    /// The host is the vendor's own.
    is_own: bool,
    /// The request is such as hardly anybody else's.
    pub(super) asked: bool,
    /// The path, an answer, or an event of one, is such as nobody else's.
    pub(super) found: bool,
    /// An answer was read that is not such.
    refuted: bool,
}

impl Evidence {
    pub(super) fn of(recognised: &Recognised<'_>, provider: &str, asked: bool) -> Self {
        Self { is_own: is_at(recognised.request, provider), asked, ..Self::default() }
    }

    /// Takes note of an answer, or of one event of it: has it what only the vendor's have? An error, which all write
    /// alike, tells nothing.
    pub(super) fn look(&mut self, has_signs: bool, is_error: bool) {
        self.found |= has_signs;
        self.refuted |= !has_signs && !is_error;
    }

    /// An app with such a path answers in words of its own; of an error, or of half an answer, the request must do.
    pub(super) fn suffices(&self, end: &End<'_>, call: &Call) -> bool {
        let refused = end.exchange.response.as_ref().is_none_or(|head| head.status >= 400);
        let streamed = call.first_chunk_ns.is_some();
        // Of a document that is cut off it is not known what else it has.
        let is_refuted = self.refuted && (end.answered || streamed);
        let is_whole = end.exchange.outcome == Outcome::Complete && end.exchange.missing_bytes == 0;
        let is_open = refused || !is_refuted && (!streamed || call.error_code.is_some() || !is_whole);
        self.is_own || self.found || self.asked && is_open
    }
}
