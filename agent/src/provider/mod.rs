//! Which API an exchange speaks, and what it means in that API's words.
//!
//! Two questions are kept apart. *Which wire shape is it?* is answered by method and path alone
//! (`Endpoint` → `Dialect`), because OpenAI-compatible servers live on any host. *Who is the
//! provider?* is answered by the host (`host`). A new dialect is one file plus one word below.

mod body;
mod endpoint;
mod host;
mod json;
#[cfg(test)]
mod tests;

use crate::call::Call;
use crate::exchange::{Exchange, Frame};
use crate::protocol::http1::RequestHead;
pub use body::OVER_LIMIT;
use endpoint::Endpoint;

/// Declares each dialect's module and gathers their [`Dialect`]s.
macro_rules! dialects {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+
        static DIALECTS: &[&Dialect] = &[$(&$name::DIALECT),+];
    };
}

dialects! { openai }

/// Follows one exchange and says at its end what it meant.
pub trait Interpreter: Send {
    /// A piece of the request's body.
    fn request(&mut self, frame: &Frame);
    /// A piece of the response's body.
    fn response(&mut self, frame: &Frame);
    /// The exchange is over.
    fn finish(self: Box<Self>, exchange: &Exchange) -> Call;
}

/// How many bytes of a body are kept for reading it. A longer one is not read at all: what a cut
/// document says is a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Of a request's body.
    pub request_bytes: usize,
    /// Of a response's body, when it is not an event stream.
    pub response_bytes: usize,
}

impl Default for BodyLimits {
    /// 1 MiB in each direction.
    fn default() -> Self {
        Self { request_bytes: 1 << 20, response_bytes: 1 << 20 }
    }
}

/// A wire shape: where it is spoken, what it may add to a span, and who understands it.
struct Dialect {
    /// The paths that it answers at; no other dialect may claim them.
    endpoints: &'static [Endpoint],
    /// Names of the attributes that it puts into [`Call::extra`].
    attributes: &'static [&'static str],
    /// Begins to follow an exchange.
    follow: fn(Recognised<'_>, BodyLimits) -> Box<dyn Interpreter>,
}

/// What recognition found out about an exchange.
struct Recognised<'a> {
    /// `gen_ai.provider.name`.
    provider: &'static str,
    /// The request's path, as on the wire.
    path: &'a str,
}

/// The interpreter for a request, or `None` when it goes to no endpoint that is known.
#[must_use]
pub fn recognise(request: &RequestHead, limits: BodyLimits) -> Option<Box<dyn Interpreter>> {
    let dialect = DIALECTS.iter().find(|dialect| {
        dialect.endpoints.iter().any(|known| known.matches(&request.method, &request.path))
    })?;
    let provider = host::provider(request.host.as_deref(), &request.path);
    Some((dialect.follow)(Recognised { provider, path: &request.path }, limits))
}

/// Whether a host, in lower case, is a provider's own: its TLS clients are worth probes before
/// anything of what they ask is seen.
#[must_use]
pub fn is_known_host(host: &str) -> bool {
    host::is_known(host)
}

/// Whether a dialect declares the attribute: the part of the allow-list that providers own.
#[must_use]
pub fn declares_attribute(name: &str) -> bool {
    DIALECTS.iter().any(|dialect| dialect.attributes.contains(&name))
}
