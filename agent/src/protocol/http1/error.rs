//! Why a stream could not be read on.

/// Why a parser stopped. After [`Error::Lost`] it goes on at the next segment that begins a message;
/// after any other error the direction cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes do not begin an HTTP/1 message.
    #[error("not HTTP")]
    NotHttp,
    /// The bytes are the preface of an HTTP/2 connection (RFC 9113, section 3.4).
    #[error("HTTP/2")]
    Http2,
    /// A message broke the protocol's rules, in a few fixed words.
    #[error("malformed HTTP message: {0}")]
    Malformed(&'static str),
    /// This many bytes are missing where the end of the message cannot be known without them.
    #[error("{0} bytes lost")]
    Lost(u64),
}
