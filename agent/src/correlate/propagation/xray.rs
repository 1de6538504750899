//! `X-Amzn-Trace-Id` (AWS X-Ray).

use super::{Context, Format, Headers, hexadecimal, hexadecimal_span, only};

/// `Root=1-{8 digits}-{24 digits};Parent={16 digits};Sampled=1`, in any order. The trace's id is both parts of the
/// root. Load balancers send a root alone, which is nobody's span.
pub(super) fn read(headers: &Headers) -> Result<Option<Context>, &'static str> {
    let Some(value) = only(headers, "x-amzn-trace-id", "several X-Amzn-Trace-Id fields that differ")? else {
        return Ok(None);
    };
    let of = |name: &str| {
        let mut values =
            value.split(';').filter_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
        let first = values.next();
        if values.next().is_some() { Err("X-Amzn-Trace-Id is invalid") } else { Ok(first) }
    };
    let (root, parent, sampled) = (of("Root")?, of("Parent")?, of("Sampled")?);
    let Some(parent) = parent else { return Ok(None) };
    parse(root, parent, sampled).map(Some).ok_or("X-Amzn-Trace-Id is invalid")
}

fn parse(root: Option<&str>, parent: &str, sampled: Option<&str>) -> Option<Context> {
    let (time, rest) = root?.strip_prefix("1-")?.split_once('-')?;
    if (time.len(), rest.len(), parent.len()) != (8, 24, 16) {
        return None;
    }
    let is_sampled = match sampled {
        Some("0") => false,
        // Whether to record is left to the callee.
        None | Some("1" | "?") => true,
        Some(_) => return None,
    };
    let trace = hexadecimal(time, 8)? << 96 | hexadecimal(rest, 24)?;
    Context::new(trace, hexadecimal_span(parent)?, is_sampled, Format::Xray)
}
