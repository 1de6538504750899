//! `uber-trace-id` (Jaeger's clients).

use super::{Context, Format, Headers, hexadecimal, hexadecimal_span, only};
use crate::percent;

/// `{trace}:{span}:{parent}:{flags}`, perhaps percent-encoded. Leading zeros may be missing.
pub(super) fn read(headers: &Headers) -> Result<Option<Context>, &'static str> {
    let Some(value) = only(headers, "uber-trace-id", "several uber-trace-id fields that differ")? else {
        return Ok(None);
    };
    parse(value).map(Some).ok_or("uber-trace-id is invalid")
}

fn parse(value: &str) -> Option<Context> {
    let value = percent::decode(value)?;
    let mut parts = value.split(':');
    // The parent is a thing of the past, and mostly 0.
    let (trace, span, _parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    // Sampled, or debug, which implies it.
    let is_sampled = hexadecimal(flags, 2)? & 0b11 != 0;
    Context::new(hexadecimal(trace, 32)?, hexadecimal_span(span)?, is_sampled, Format::Jaeger)
}
