//! What a body is made of, once transfer and content codings are removed.

use bytes::Bytes;

use crate::protocol::eventstream::Message;
use crate::protocol::http1::Headers;
use crate::protocol::sse::SseEvent;

/// One piece of a body, as its format cuts it.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// `CLOCK_MONOTONIC` nanoseconds of the call that completed it.
    pub time_ns: u64,
    /// What it is.
    pub payload: Payload,
}

/// What a frame carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// The next bytes of a body that is one document. Not empty.
    Document(Bytes),
    /// This many bytes of the document are missing here. Not 0. None where it was compressed: nothing follows.
    Gap(u64),
    /// One line of a body of lines of JSON, without its end. Not blank.
    Line {
        /// Its bytes.
        bytes: Bytes,
        /// Bytes of it were lost or left out for its size: `bytes` is not whole.
        damaged: bool,
    },
    /// One server-sent event.
    Event(SseEvent),
    /// One message of an AWS event stream.
    Message(Message),
    /// The trailer fields behind the body, as far as they may be known. Not empty.
    Trailers(Headers),
}
