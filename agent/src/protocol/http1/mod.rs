//! HTTP/1.0 and 1.1 (RFC 9112), read as an observer of one direction at a time.
//!
//! A parser is pulled: [`RequestParser::read`] and [`ResponseParser::read`] take from a segment until
//! one [`Part`] is whole, so that a caller can change its mind between two messages of one segment.
//! Body bytes are slices of the segment, not copies. Nothing is held but the head under way.
//!
//! Two ends that disagree about where a request ends would make an observer that follows one of them read
//! what was uploaded as a request. So ambiguous framing of requests is an error here, not a guess. Responses are
//! read as clients read them.

mod body;
mod head;
mod message;
mod reader;
mod reduced;

pub(crate) use head::limit_fields;
pub use head::{Headers, RequestHead, ResponseHead};
pub use message::{RequestParser, ResponseParser, starts_request, starts_response};
pub use reader::Part;

/// Why a parser stopped. After [`Error::Lost`] it goes on where the next
/// message may begin; after any other error the direction cannot be followed.
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

impl Error {
    /// What is wrong where a message must be, in a few fixed words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Malformed(words) => words,
            Self::NotHttp | Self::Http2 => "no message where one must begin",
            Self::Lost(_) => "bytes lost",
        }
    }
}

#[cfg(test)]
mod tests;
