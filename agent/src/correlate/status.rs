//! Whether a call failed, and `error.type`: the first reason that is known, from the most specific.

use std::borrow::Cow;

use super::span::Status;
use crate::call::Call;
use crate::event::Role;
use crate::exchange::{Exchange, Outcome};

/// The conventions' word for an error that fits no other.
const OTHER: &str = "_OTHER";

// Linux error numbers (asm-generic/errno.h), the same on x86-64 and AArch64.
const EPIPE: i32 = 32;
const ECONNRESET: i32 = 104;
const ETIMEDOUT: i32 = 110;
const ECONNREFUSED: i32 = 111;

/// The status, `error.type` for a failure, and a note for what the status cannot say.
pub(super) fn status(
    call: &Call,
    exchange: &Exchange,
) -> (Status, Option<Cow<'static, str>>, Option<&'static str>) {
    let answered = exchange.response.as_ref().map(|head| head.status);
    // What the caller did wrong is no error of the server's (HTTP conventions).
    let least = if exchange.role == Role::Server { 500 } else { 400 };
    let is_callers = answered.is_some_and(|status| (400..least).contains(&status));
    let refused = answered.filter(|status| *status >= least);
    let said = call.error_code.clone().filter(|_| !is_callers);
    let said = said.or_else(|| refused.map(|status| status.to_string()));
    let (happened, note) = transport(call, exchange.outcome);
    match said.map(Cow::Owned).or(happened.map(Cow::Borrowed)) {
        Some(error_type) => (Status::Error, Some(error_type), note),
        None => (Status::Unset, None, note),
    }
}

fn transport(call: &Call, outcome: Outcome) -> (Option<&'static str>, Option<&'static str>) {
    let error_type = match outcome {
        Outcome::Complete => return (None, None),
        Outcome::Lost => return (None, Some("the end of the exchange was not captured")),
        Outcome::Unreadable => return (None, Some("the exchange could not be read to its end")),
        Outcome::Cancelled => "cancelled",
        Outcome::PeerClosed => "connection_closed",
        Outcome::Failed(EPIPE | ECONNRESET) => "connection_reset",
        Outcome::Failed(ETIMEDOUT) => "timeout",
        Outcome::Failed(ECONNREFUSED) => "connection_refused",
        Outcome::Failed(_) => OTHER,
    };
    // Clients stop reading when the stream has said its last word, before HTTP's own end.
    if call.stream_ended && !matches!(outcome, Outcome::Failed(_)) {
        return (None, None);
    }
    let answered = call.stream && call.first_chunk_ns.is_some() && !call.finish_reasons().is_empty();
    if answered && !call.finish_reasons().iter().any(|reason| reason == "error") {
        return (None, Some("the connection closed after the last finish reason"));
    }
    (Some(error_type), None)
}
