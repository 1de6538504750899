//! `b3` and `X-B3-*` (Zipkin's B3 propagation).

use super::{Context, Format, Headers, hexadecimal, hexadecimal_span, only};

/// `{trace}-{span}[-{sampling}[-{parent}]]`. A lone sampling state has no ids and is no context.
pub(super) fn read_single(headers: &Headers) -> Result<Option<Context>, &'static str> {
    let Some(value) = only(headers, "b3", "several b3 fields that differ")? else { return Ok(None) };
    if value == "d" || sampled(value).is_some() {
        return Ok(None);
    }
    let mut parts = value.split('-');
    let mut next = || parts.next();
    let (trace, span, sampling, parent, rest) = (next(), next(), next(), next(), next());
    // Debug implies that the trace is recorded.
    let sampling = sampling.map(|state| if state == "d" { "1" } else { state });
    let context = context(trace, span, sampling, parent, Format::B3).filter(|_| rest.is_none());
    context.map(Some).ok_or("b3 is invalid")
}

/// A field for each part. Without ids there is no context.
pub(super) fn read_multi(headers: &Headers) -> Result<Option<Context>, &'static str> {
    let only = |name| only(headers, name, "an X-B3 field is there more than once");
    let (trace, span) = (only("x-b3-traceid")?, only("x-b3-spanid")?);
    if trace.is_none() && span.is_none() {
        return Ok(None);
    }
    let is_debug = only("x-b3-flags")? == Some("1");
    let sampling = if is_debug { Some("1") } else { only("x-b3-sampled")? };
    let context = context(trace, span, sampling, only("x-b3-parentspanid")?, Format::B3Multi);
    context.map(Some).ok_or("X-B3 fields are invalid")
}

fn context(
    trace: Option<&str>,
    span: Option<&str>,
    sampling: Option<&str>,
    parent: Option<&str>,
    format: Format,
) -> Option<Context> {
    let is_span = |id: &&str| id.len() == 16;
    let trace = trace.filter(|id| matches!(id.len(), 16 | 32))?;
    if let Some(parent) = parent {
        Some(parent).filter(is_span).and_then(hexadecimal_span)?;
    }
    let is_sampled = sampling.map_or(Some(true), sampled)?;
    Context::new(
        hexadecimal(trace, 32)?,
        span.filter(is_span).and_then(hexadecimal_span)?,
        is_sampled,
        format,
    )
}

/// Old senders write words.
fn sampled(state: &str) -> Option<bool> {
    match state {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}
