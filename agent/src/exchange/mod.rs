//! Requests paired with their responses: what one HTTP connection said, exchange by exchange.

use std::sync::Arc;

use crate::event::Role;
use crate::protocol::http1::{RequestHead, ResponseHead};

mod connection;
mod frame;
mod framer;
mod held;
mod limits;
mod pending;
mod state;

pub use connection::HttpConnection;
pub use frame::{Frame, Payload};
pub use limits::Limits;
pub use state::{Abandoned, State};

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The response came whole.
    Complete,
    /// This process closed the connection before the response was whole.
    Cancelled,
    /// The peer closed the connection before the response was whole.
    PeerClosed,
    /// A call on the connection failed with this `errno`.
    Failed(i32),
    /// Bytes were not captured, so its end was not seen.
    Lost,
    /// A message could not be read, so its end was not seen. No word on whether the program could.
    Unreadable,
}

/// One HTTP request with its response.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// Which exchange of its connection this is, from 0.
    pub ordinal: u64,
    /// Which end this process was.
    pub role: Role,
    /// The request's head.
    pub request: Arc<RequestHead>,
    /// The final response's head, when it arrived.
    pub response: Option<Arc<ResponseHead>>,
    /// `CLOCK_MONOTONIC` nanoseconds of the request's first byte.
    pub started_ns: u64,
    /// `CLOCK_MONOTONIC` nanoseconds of the last byte that was seen of the response, or of the request where none
    /// was; where the connection ended without a response, of that.
    pub ended_ns: u64,
    /// Bytes of the request's body on the wire, without transfer coding; missing ones included.
    pub request_body_bytes: u64,
    /// Bytes of the response's body on the wire, without transfer coding; missing ones included.
    pub response_body_bytes: u64,
    /// The request's body has a coding that was not undone to its end; a note says why. What its frames carry is
    /// not all that was sent, and it need not be empty where they carry nothing.
    pub request_undecoded: bool,
    /// The same of the response's body.
    pub response_undecoded: bool,
    /// Bytes of either message that were moved but not captured. Lost framing counts the whole gap,
    /// which may reach into other messages.
    pub missing_bytes: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Why a body could not be read whole, in a few fixed words each.
    pub notes: Vec<&'static str>,
}

/// What happens on a connection, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A request's head was read.
    Began {
        /// Which exchange.
        ordinal: u64,
        /// Which end this process is.
        role: Role,
        /// `CLOCK_MONOTONIC` nanoseconds of the request's first byte.
        time_ns: u64,
        /// The head.
        request: Arc<RequestHead>,
    },
    /// A piece of the request's body.
    Request {
        /// Which exchange.
        ordinal: u64,
        /// The piece.
        frame: Frame,
    },
    /// The bodies of an exchange that this process serves were wanted, and turn out to be left out.
    Left {
        /// Which exchange.
        ordinal: u64,
    },
    /// The final response's head was read.
    Answered {
        /// Which exchange.
        ordinal: u64,
        /// The head.
        response: Arc<ResponseHead>,
    },
    /// A piece of the response's body.
    Response {
        /// Which exchange.
        ordinal: u64,
        /// The piece.
        frame: Frame,
    },
    /// The exchange is over.
    Ended(Exchange),
}
