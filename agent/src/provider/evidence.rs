//! What bears out that an exchange is a vendor's, where its path is one that others could have as well.

use super::follow::End;
use super::{Recognised, host};
use crate::call::Call;
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
    asked: bool,
    /// An answer, or an event of one, has what only the vendor's have.
    pub(super) found: bool,
}

impl Evidence {
    pub(super) fn of(recognised: &Recognised<'_>, provider: &str, asked: bool) -> Self {
        Self { is_own: is_at(recognised.request, provider), asked, found: false }
    }

    /// An app with such a path answers in words of its own; of an error, or of half an answer, the request must do.
    pub(super) fn suffices(&self, end: &End<'_>, call: &Call) -> bool {
        let refused = end.exchange.response.as_ref().is_none_or(|head| head.status >= 400);
        let is_open = refused || !end.answered && call.first_chunk_ns.is_none();
        self.is_own || self.found || self.asked && is_open
    }
}
