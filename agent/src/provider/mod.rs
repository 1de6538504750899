//! Which API an exchange speaks, and what it means in that API's words.

use bytes::Bytes;

use crate::call::Call;
use crate::exchange::Exchange;
use crate::protocol::sse::SseEvent;

/// Follows one exchange and says at its end what it meant.
pub trait Interpreter: Send {
    /// A piece of the request's body.
    fn request_body(&mut self, bytes: &Bytes);
    /// A piece of a response that is not an event stream.
    fn response_body(&mut self, bytes: &Bytes);
    /// One event of a streamed response.
    fn response_event(&mut self, event: &SseEvent, time_ns: u64);
    /// The exchange is over.
    fn finish(self: Box<Self>, exchange: &Exchange) -> Call;
}
