//! `x-datadog-*` (Datadog's tracers).

use super::{Context, Format, Headers, hexadecimal, only};

/// Decimal ids of 64 bits; the left half of a longer trace id stands among the tags, in hexadecimal. A parent of 0, or
/// none, is that of a sender that has no span in the trace.
pub(super) fn read(headers: &Headers) -> Result<Option<Context>, &'static str> {
    let only = |name| only(headers, name, "an x-datadog field is there more than once");
    let Some(trace) = only("x-datadog-trace-id")? else { return Ok(None) };
    let Some(parent) = only("x-datadog-parent-id")?.filter(|parent| *parent != "0") else { return Ok(None) };
    let (priority, tags) = (only("x-datadog-sampling-priority")?, only("x-datadog-tags")?);
    parse(trace, parent, priority, tags).map(Some).ok_or("x-datadog fields are invalid")
}

fn parse(trace: &str, parent: &str, priority: Option<&str>, tags: Option<&str>) -> Option<Context> {
    // 1 and 2 keep the trace, 0 and -1 do not.
    let is_sampled = priority.map_or(Some(1), |priority| priority.parse::<i32>().ok())? > 0;
    // Tracers, too, go on with the right half where the left one is not what it should be.
    let left = tags.and_then(|tags| tags.split(',').find_map(|tag| tag.strip_prefix("_dd.p.tid=")));
    let high =
        left.filter(|digits| digits.len() == 16).and_then(|digits| hexadecimal(digits, 16)).unwrap_or(0);
    let low = decimal(trace).filter(|low| *low != 0)?;
    Context::new(high << 64 | u128::from(low), decimal(parent)?, is_sampled, Format::Datadog)
}

fn decimal(digits: &str) -> Option<u64> {
    digits.parse().ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()))
}
