//! Which API an exchange speaks, and what it means in that API's words.
//!
//! Two questions are kept apart. *Which wire shape is it?* is answered by method, path, query and header fields
//! (`Endpoint`), and where no dialect claims these by the first bytes of the body (`Candidate`), because
//! compatible servers live on any host and path. *Who is the provider?* is answered by the host (`host`).
//! A new dialect is one file plus one word, below or in its vendor's module.

mod candidate;
mod clip;
mod content;
mod dialogue;
mod endpoint;
mod evidence;
mod follow;
mod form;
mod host;
mod json;
mod media;
mod plain;
mod recorder;
mod served;
#[cfg(test)]
mod tests;
mod vectors;

use crate::call::Call;
use crate::exchange::{Exchange, Frame};
use crate::protocol::http1::RequestHead;
pub use candidate::{Candidate, Decision};
use endpoint::Endpoint;
pub use follow::OVER_LIMIT;
use json::Json;
pub use plain::plain;
pub use served::{is_served_model, path_number, recognise_served, usual_paths};

/// Declares the module of each vendor or format, and gathers their [`Dialect`]s.
macro_rules! dialects {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+
        static FAMILIES: &[&[Dialect]] = &[$($name::DIALECTS),+];
    };
}

dialects! { anthropic, bedrock, chroma, cohere, elasticsearch, google, huggingface, llama_cpp, milvus, mistral, ollama, openai, pinecone, qdrant, rerank, turbopuffer, vespa, weaviate }

/// Follows one exchange and says what it meant: one call, or several that it carried, each when it is
/// complete.
pub trait Interpreter: Send {
    /// A piece of the request's body.
    fn request(&mut self, frame: &Frame);
    /// A piece of the response's body.
    fn response(&mut self, frame: &Frame, calls: &mut Vec<Call>);
    /// About how many bytes of memory it takes.
    fn held_bytes(&self) -> usize;
    /// The exchange is over.
    fn finish(self: Box<Self>, exchange: &Exchange, calls: &mut Vec<Call>);
}

/// How many bytes of a body are read at most, in each direction: a bound on work, not on memory, of
/// which a body takes the same whatever its length, but for what is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Of a request's body.
    pub request_bytes: u64,
    /// Of a response's body that is one document.
    pub response_bytes: u64,
    /// How many of them are kept as they are, for those who are to know what was said; 0 where nobody is.
    pub kept_bytes: usize,
}

impl Default for BodyLimits {
    /// 64 MiB in each direction, of which nothing is kept.
    fn default() -> Self {
        Self { request_bytes: 64 << 20, response_bytes: 64 << 20, kept_bytes: 0 }
    }
}

/// A wire shape: where it is spoken, what it may add to a span, and who understands it.
struct Dialect {
    /// Where it is spoken, the more particular first; no other dialect may claim the same.
    endpoints: &'static [Endpoint],
    /// Whether a request to any other path is one of its kind, from what there is of the body so far.
    /// No two dialects may claim the same.
    claims: fn(&RequestHead, &Json) -> bool,
    /// The provider where the host is nobody's that is known.
    provider: &'static str,
    /// Paths of members by which `claims` tells its bodies apart, as for [`json::Shape::new`], beside those that all
    /// dialects look at.
    signs: &'static [(&'static str, usize)],
    /// Names of the attributes that it puts into [`Call::extra`].
    attributes: &'static [&'static str],
    /// Begins to follow an exchange.
    follow: fn(Recognised<'_>, BodyLimits) -> Box<dyn Interpreter>,
}

/// What recognition found out about an exchange.
struct Recognised<'a> {
    /// `gen_ai.provider.name`.
    provider: &'static str,
    /// The host, or the endpoint, names the provider; else it is the dialect's usual one.
    named: bool,
    /// Its head.
    request: &'a RequestHead,
}

impl Recognised<'_> {
    /// What stands in the path for a name in braces of an endpoint, where the path is like the endpoint's.
    fn captured(&self, endpoint: &Endpoint, name: &str) -> Option<String> {
        let captures = endpoint.captures(&self.request.path)?;
        captures.into_iter().find(|(known, _)| *known == name).map(|(_, text)| text.into_owned())
    }
}

/// All that calls can belong to by their hosts and paths; a few more by their answers.
#[cfg(test)]
pub(crate) fn providers() -> impl Iterator<Item = &'static str> {
    let endpoints = dialects().flat_map(|dialect| dialect.endpoints).filter_map(|endpoint| endpoint.provider);
    host::providers().chain(dialects().map(|dialect| dialect.provider)).chain(endpoints)
}

fn dialects() -> impl Iterator<Item = &'static Dialect> {
    FAMILIES.iter().copied().flatten()
}

impl Dialect {
    fn begin(
        &self,
        endpoint: Option<&Endpoint>,
        request: &RequestHead,
        limits: BodyLimits,
    ) -> Box<dyn Interpreter> {
        let provider = host::provider(request.host.as_deref(), &request.path).or_else(|| endpoint?.provider);
        let named = provider.is_some();
        let provider = provider.unwrap_or(self.provider);
        (self.follow)(Recognised { provider, named, request }, limits)
    }
}

/// What a request's head says of the exchange.
pub enum Recognition {
    /// A dialect's.
    Known(Box<dyn Interpreter>),
    /// Perhaps one: its body will tell.
    Candidate(Candidate),
    /// None.
    Foreign,
}

/// Recognises a request by its head.
#[must_use]
pub fn recognise(request: &RequestHead, limits: BodyLimits) -> Recognition {
    let known = |dialect: &'static Dialect| {
        let endpoint = dialect.endpoints.iter().find(|known| known.matches(request))?;
        Some((dialect, endpoint))
    };
    match dialects().find_map(known) {
        Some((dialect, endpoint)) => Recognition::Known(dialect.begin(Some(endpoint), request, limits)),
        None if Candidate::may_be(request) => Recognition::Candidate(Candidate::new(limits)),
        None => Recognition::Foreign,
    }
}

/// Whether a request that begins like this one may be a dialect's, though this one is none: the kernel side tells
/// requests without a body by their begin alone.
#[must_use]
pub fn may_differ_by_body(request: &RequestHead) -> bool {
    candidate::may_differ_by_body(request)
}

/// Whether a host, in lower case, is a provider's own: its TLS clients are worth probes before
/// anything of what they ask is seen.
#[must_use]
pub fn is_known_host(host: &str) -> bool {
    host::is_known(host)
}

/// Whether a request went to the provider's own host, which bills it.
#[must_use]
pub fn is_own_host(request: &RequestHead, provider: &str) -> bool {
    evidence::is_at(request, provider)
}

/// Whether a dialect declares the attribute: the part of the allow-list that providers own.
#[must_use]
pub fn declares_attribute(name: &str) -> bool {
    dialects().any(|dialect| dialect.attributes.contains(&name))
}
