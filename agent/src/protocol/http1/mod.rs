//! HTTP/1.0 and 1.1 (RFC 9112), read as an observer of one direction at a time.
//!
//! A parser is pulled: [`RequestParser::read`] and [`ResponseParser::read`] take from a segment until
//! one [`Part`] is whole, so that a caller can change its mind between two messages of one segment.
//! Body bytes are slices of the segment, not copies. Nothing is held but the head under way.
//!
//! Two ends that disagree about where a message ends would make an observer that follows one of them
//! attribute bytes to the wrong exchange. So ambiguous framing is an error here, not a guess.

mod body;
mod chunked;
mod collect;
mod error;
mod fields;
mod framing;
mod head;
mod message;
mod request;
mod response;
mod target;

pub use error::Error;
pub use head::{Headers, RequestHead, ResponseHead};
pub use message::Part;
pub use request::RequestParser;
pub use response::{ResponseParser, starts_response};
