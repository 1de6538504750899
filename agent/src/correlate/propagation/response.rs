//! What a response says of the callee's own span: `Server-Timing: trace;desc=…` and `traceresponse` (drafts of W3C
//! Trace Context, Level 3), each with a value in the form of `traceparent`.

use super::{Context, Headers, w3c};

/// The callee's span, where the callee says which. What is invalid or there more than once is passed over.
#[must_use]
pub fn read_response(headers: &Headers) -> Option<Context> {
    let timing = only(headers.values("server-timing").filter_map(|value| value.strip_prefix("trace;desc=")));
    let context = timing.and_then(w3c::parse);
    context.or_else(|| only(headers.values("traceresponse")).and_then(w3c::parse))
}

fn only<'a>(mut values: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let first = values.next()?;
    values.next().is_none().then_some(first)
}
