//! The `traceparent` header (W3C Trace Context, Level 2, section 3.2).

use super::{Context, Format, Headers, RANDOM, SAMPLED, only};
use crate::correlate::span::{SpanId, TraceId};

/// The context of a request, without its `tracestate`.
pub(super) fn read(headers: &Headers) -> Result<Option<Context>, &'static str> {
    let Some(value) = only(headers, "traceparent", "several traceparent fields that differ")? else {
        return Ok(None);
    };
    parse(value).map(Some).ok_or("traceparent is invalid")
}

/// Parses a header's value, white space at its ends already removed. An invalid one is `None` as a
/// whole: no part of it may be used.
pub(super) fn parse(value: &str) -> Option<Context> {
    // 2-32-16-2 lower-case hexadecimal digits; later versions may append more after a dash.
    let (known, rest) = value.as_bytes().split_at_checked(55)?;
    let (version, known) = field::<1>(known)?;
    let (trace_id, known) = field::<16>(known.strip_prefix(b"-")?)?;
    let (span_id, known) = field::<8>(known.strip_prefix(b"-")?)?;
    let ([flags], _) = field::<1>(known.strip_prefix(b"-")?)?;
    let length_fits = match version {
        [0xff] => false,
        [0x00] => rest.is_empty(),
        _ => matches!(rest.first(), None | Some(b'-')),
    };
    if !length_fits || trace_id == [0; 16] || span_id == [0; 8] {
        return None;
    }
    Some(Context {
        trace_id: TraceId(trace_id),
        span_id: SpanId(span_id),
        // The reserved bits are ignored on receipt.
        flags: flags & (SAMPLED | RANDOM),
        trace_state: String::new(),
        format: Format::W3c,
    })
}

/// Reads `N` bytes of lower-case hexadecimal digits; returns what follows them.
fn field<const N: usize>(text: &[u8]) -> Option<([u8; N], &[u8])> {
    let (digits, rest) = text.split_at_checked(2 * N)?;
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some((bytes, rest))
}

/// Upper case is invalid here, unlike in other propagation formats.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Context, Format, parse};
    use crate::correlate::span::{SpanId, TraceId};

    const TRACE: TraceId = TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes());
    const SPAN: SpanId = SpanId(0x00f0_67aa_0ba9_02b7_u64.to_be_bytes());

    fn context(trace_id: TraceId, span_id: SpanId, flags: u8) -> Context {
        Context { trace_id, span_id, flags, trace_state: String::new(), format: Format::W3c }
    }

    #[test]
    fn follows_the_specification() {
        let ok = |flags| Some(context(TRACE, SPAN, flags));
        for (value, expected) in [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", ok(1)),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", ok(0)),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03", ok(3)),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff", ok(3)),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A", None),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", None),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", ok(1)),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future", ok(1)),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what", None),
            ("CC-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", None),
            ("0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", None),
            ("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01", None),
            ("00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01", None),
            (" 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
            ("", None),
            // Two headers, as a parser that joins them would hand them on.
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01, \
                 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                None,
            ),
        ] {
            assert_eq!(parse(value), expected, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_written_is_read(trace in 1_u128.., span in 1_u64.., flags: u8) {
            let expected =
                context(TraceId(trace.to_be_bytes()), SpanId(span.to_be_bytes()), flags & 3);
            prop_assert_eq!(parse(&format!("00-{trace:032x}-{span:016x}-{flags:02x}")), Some(expected));
        }
    }
}
