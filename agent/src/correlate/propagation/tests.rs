//! All formats by their fields, alone and together.

use proptest::prelude::*;

use super::*;

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const SPAN: u64 = 0x00f0_67aa_0ba9_02b7;
const W3C: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
/// The same span in the words of the others.
const B3: (&str, &str) = ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
const B3_SHORT: (&str, &str) = ("b3", "a3ce929d0e0e4736-00f067aa0ba902b7");
const JAEGER: (&str, &str) = ("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1");
const XRAY: (&str, &str) =
    ("x-amzn-trace-id", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1");
const DD_TRACE: (&str, &str) = ("x-datadog-trace-id", "11803532876627986230");
const DD_PARENT: (&str, &str) = ("x-datadog-parent-id", "67667974448284343");
const DD_TAGS: (&str, &str) = ("x-datadog-tags", "_dd.p.tid=4bf92f3577b34da6");
const X_TRACE: (&str, &str) = ("x-b3-traceid", "4bf92f3577b34da6a3ce929d0e0e4736");
const OTHER_W3C: (&str, &str) = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01");
const X_SPAN: (&str, &str) = ("x-b3-spanid", "00f067aa0ba902b7");

/// The ids, the flags and the format, or the first note.
fn found(fields: &[(&'static str, &str)]) -> Result<Option<(u128, u64, u8, Format)>, &'static str> {
    let read = read(&Headers::of(fields));
    assert!(read.others.is_empty(), "{fields:?}");
    match read.context {
        Some(Context { trace_id, span_id, flags, format, .. }) => {
            Ok(Some((u128::from_be_bytes(trace_id.0), u64::from_be_bytes(span_id.0), flags, format)))
        }
        None => read.notes.first().map_or(Ok(None), |note| Err(*note)),
    }
}

#[test]
fn each_format_is_read_by_its_rules() {
    const W3C_INVALID: &str = "traceparent is invalid";
    const B3_INVALID: &str = "b3 is invalid";
    const MULTI_INVALID: &str = "X-B3 fields are invalid";
    const JAEGER_INVALID: &str = "uber-trace-id is invalid";
    const XRAY_INVALID: &str = "X-Amzn-Trace-Id is invalid";
    const DD_INVALID: &str = "x-datadog fields are invalid";
    const LOW: u128 = TRACE & u64::MAX as u128;
    let is = |flags, format| Ok(Some((TRACE, SPAN, flags, format)));
    let short = |flags, format| Ok(Some((LOW, SPAN, flags, format)));
    let w3c = |value| vec![("traceparent", value)];
    let b3 = |value| vec![("b3", value)];
    let jaeger = |value| vec![("uber-trace-id", value)];
    let xray = |value| vec![("x-amzn-trace-id", value)];
    let multi = |name, value| vec![X_TRACE, X_SPAN, (name, value)];
    let datadog = |name, value| vec![DD_TRACE, DD_PARENT, (name, value)];
    for (fields, expected) in [
        (vec![], Ok(None)),
        (vec![W3C], is(1, Format::W3c)),
        (w3c("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"), is(0, Format::W3c)),
        (w3c("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"), is(3, Format::W3c)),
        (w3c("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff"), is(3, Format::W3c)),
        (w3c("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"), Err(W3C_INVALID)),
        (w3c("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), Err(W3C_INVALID)),
        (w3c("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"), Err(W3C_INVALID)),
        (w3c("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra"), Err(W3C_INVALID)),
        (w3c("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future"), is(1, Format::W3c)),
        (w3c("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what"), Err(W3C_INVALID)),
        (w3c("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), Err(W3C_INVALID)),
        (w3c("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"), Err(W3C_INVALID)),
        (w3c(""), Err(W3C_INVALID)),
        (w3c("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"), Err(W3C_INVALID)),
        (vec![W3C, OTHER_W3C], Err("several traceparent fields that differ")),
        (vec![W3C; 10], is(1, Format::W3c)),
        (
            b3("80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90"),
            Ok(Some((0x80f1_98ee_5634_3ba8_64fe_8b2a_57d3_eff7, 0xe457_b5a2_e4d8_6bd1, 1, Format::B3))),
        ),
        (vec![B3_SHORT], short(1, Format::B3)),
        (b3("A3CE929D0E0E4736-00F067AA0BA902B7-0"), short(0, Format::B3)),
        (b3("a3ce929d0e0e4736-00f067aa0ba902b7-d"), short(1, Format::B3)),
        (b3("a3ce929d0e0e4736-00f067aa0ba902b7-true"), short(1, Format::B3)),
        (b3("0"), Ok(None)),
        (b3("1"), Ok(None)),
        (b3("d"), Ok(None)),
        (b3(""), Err(B3_INVALID)),
        (b3("a3ce929d0e0e4736"), Err(B3_INVALID)),
        (b3("a3ce929d0e0e473-00f067aa0ba902b7"), Err(B3_INVALID)),
        (b3("a3ce929d0e0e4736-0f067aa0ba902b7"), Err(B3_INVALID)),
        (b3("+3ce929d0e0e4736-00f067aa0ba902b7"), Err(B3_INVALID)),
        (b3("0000000000000000-00f067aa0ba902b7"), Err(B3_INVALID)),
        (b3("a3ce929d0e0e4736-0000000000000000-1"), Err(B3_INVALID)),
        (b3("a3ce929d0e0e4736-00f067aa0ba902b7-x"), Err(B3_INVALID)),
        (b3("a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b9"), Err(B3_INVALID)),
        (b3("a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b90-"), Err(B3_INVALID)),
        (vec![B3, B3_SHORT], Err("several b3 fields that differ")),
        (vec![X_TRACE, X_SPAN], is(1, Format::B3Multi)),
        (multi("x-b3-sampled", "1"), is(1, Format::B3Multi)),
        (multi("x-b3-sampled", "false"), is(0, Format::B3Multi)),
        (multi("x-b3-flags", "1"), is(1, Format::B3Multi)),
        (multi("x-b3-flags", "0"), is(1, Format::B3Multi)),
        (multi("x-b3-parentspanid", "05e3ac9a4f6e3b90"), is(1, Format::B3Multi)),
        (multi("x-b3-parentspanid", "0"), Err(MULTI_INVALID)),
        (multi("x-b3-sampled", "yes"), Err(MULTI_INVALID)),
        (multi("x-b3-sampled", "d"), Err(MULTI_INVALID)),
        (vec![X_TRACE], Err(MULTI_INVALID)),
        (vec![X_SPAN], Err(MULTI_INVALID)),
        (vec![("x-b3-sampled", "0")], Ok(None)),
        (
            vec![X_TRACE, X_SPAN, ("x-b3-spanid", "00f067aa0ba902b8")],
            Err("an X-B3 field is there more than once"),
        ),
        (vec![JAEGER], is(1, Format::Jaeger)),
        (jaeger("1a:2b:0:1"), Ok(Some((0x1a, 0x2b, 1, Format::Jaeger)))),
        (jaeger("4bf92f3577b34da6a3ce929d0e0e4736%3A00f067aa0ba902b7%3A0%3A3"), is(1, Format::Jaeger)),
        (jaeger("1a:2b::2"), Ok(Some((0x1a, 0x2b, 1, Format::Jaeger)))),
        (jaeger("1a:2b:0:4"), Ok(Some((0x1a, 0x2b, 0, Format::Jaeger)))),
        (jaeger("0:2b:0:1"), Err(JAEGER_INVALID)),
        (jaeger("1a:0:0:1"), Err(JAEGER_INVALID)),
        (jaeger("1a:2b:0"), Err(JAEGER_INVALID)),
        (jaeger("1a:2b:0:1:"), Err(JAEGER_INVALID)),
        (jaeger("1a:100f067aa0ba902b7:0:1"), Err(JAEGER_INVALID)),
        (jaeger("04bf92f3577b34da6a3ce929d0e0e4736:2b:0:1"), Err(JAEGER_INVALID)),
        (jaeger("1a%3"), Err(JAEGER_INVALID)),
        (vec![JAEGER, ("uber-trace-id", "1a:2b:0:1")], Err("several uber-trace-id fields that differ")),
        (vec![XRAY], is(1, Format::Xray)),
        (
            xray("Sampled=0; Parent=00f067aa0ba902b7;Root=1-4bf92f35-77b34da6a3ce929d0e0e4736"),
            is(0, Format::Xray),
        ),
        (
            xray("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=?"),
            is(1, Format::Xray),
        ),
        (xray("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736"), Ok(None)),
        (xray("Parent=00f067aa0ba902b7"), Err(XRAY_INVALID)),
        (xray("Root=2-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7"), Err(XRAY_INVALID)),
        (xray("Root=1-4bf92f3577-b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7"), Err(XRAY_INVALID)),
        (
            xray("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Parent=1"),
            Err(XRAY_INVALID),
        ),
        (vec![XRAY, ("x-amzn-trace-id", "Parent=1")], Err("several X-Amzn-Trace-Id fields that differ")),
        (vec![DD_TRACE, DD_PARENT], short(1, Format::Datadog)),
        (vec![DD_TRACE, DD_PARENT, DD_TAGS], is(1, Format::Datadog)),
        (datadog("x-datadog-sampling-priority", "-1"), short(0, Format::Datadog)),
        (datadog("x-datadog-sampling-priority", "2"), short(1, Format::Datadog)),
        (datadog("x-datadog-sampling-priority", "x"), Err(DD_INVALID)),
        (datadog("x-datadog-tags", "_dd.p.tid=4bf9"), short(1, Format::Datadog)),
        (vec![DD_TRACE, ("x-datadog-parent-id", "0")], Ok(None)),
        (vec![DD_TRACE], Ok(None)),
        (vec![DD_TRACE, ("x-datadog-parent-id", "18446744073709551616")], Err(DD_INVALID)),
        (vec![("x-datadog-trace-id", "0"), DD_PARENT], Err(DD_INVALID)),
        (vec![("x-datadog-trace-id", "+1"), DD_PARENT], Err(DD_INVALID)),
        (
            vec![DD_TRACE, ("x-datadog-trace-id", "1"), DD_PARENT],
            Err("an x-datadog field is there more than once"),
        ),
    ] {
        assert_eq!(found(&fields), expected, "{fields:?}");
    }
}

#[test]
fn the_first_valid_format_counts_and_other_traces_are_kept_beside_it() {
    const NEW: (&str, &str) = ("b3", "00000000000000aa00000000000000bb-00000000000000cc-1");
    const NEW_SHORT: (&str, &str) = ("uber-trace-id", "bb:dd:0:1");
    const UPPER: (&str, &str) = ("traceparent", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01");
    for (fields, format, trace, others, notes) in [
        (vec![XRAY, JAEGER, X_SPAN, X_TRACE, B3, W3C], Some(Format::W3c), TRACE, &[][..], &[][..]),
        (vec![XRAY, JAEGER, X_SPAN, X_TRACE, B3], Some(Format::B3), TRACE, &[], &[]),
        (vec![XRAY, JAEGER, X_SPAN, X_TRACE], Some(Format::B3Multi), TRACE, &[], &[]),
        (vec![DD_PARENT, DD_TRACE, XRAY, JAEGER], Some(Format::Jaeger), TRACE, &[], &[]),
        (vec![DD_PARENT, DD_TRACE, XRAY], Some(Format::Xray), TRACE, &[], &[]),
        // The same trace in 64 bits is no other, and the whole id is taken from whoever has it.
        (vec![W3C, DD_TRACE, DD_PARENT], Some(Format::W3c), TRACE, &[], &[]),
        (vec![B3_SHORT, DD_TRACE, DD_PARENT, DD_TAGS], Some(Format::B3), TRACE, &[], &[]),
        // Others, each trace once.
        (vec![W3C, NEW, NEW_SHORT], Some(Format::W3c), TRACE, &[Format::B3], &[]),
        (vec![NEW_SHORT, XRAY, DD_TRACE, DD_PARENT], Some(Format::Jaeger), 0xbb, &[Format::Xray], &[]),
        // What is invalid falls through.
        (vec![UPPER, B3], Some(Format::B3), TRACE, &[], &["traceparent is invalid"]),
        (vec![W3C, OTHER_W3C, B3], Some(Format::B3), TRACE, &[], &["several traceparent fields that differ"]),
        (vec![("b3", "0"), X_TRACE, X_SPAN], Some(Format::B3Multi), TRACE, &[], &[]),
        (vec![UPPER, ("b3", "x")], None, 0, &[], &["traceparent is invalid", "b3 is invalid"]),
    ] {
        let read = read(&Headers::of(&fields));
        assert_eq!(read.context.as_ref().map(|context| context.format), format, "{fields:?}");
        let found = read.context.map_or(0, |context| u128::from_be_bytes(context.trace_id.0));
        assert_eq!(found, trace, "{fields:?}");
        assert_eq!(read.others.iter().map(|other| other.format).collect::<Vec<_>>(), others, "{fields:?}");
        assert_eq!(read.notes, notes, "{fields:?}");
    }
}

#[test]
fn the_trace_state_belongs_to_a_valid_traceparent() {
    let many = |count: usize| (0..count).map(|at| format!("k{at}=v")).collect::<Vec<_>>().join(",");
    let (most, too_many) = (many(32), many(33));
    for (fields, state, notes) in [
        (vec![W3C, ("tracestate", "a=1"), ("tracestate", "b=2")], "a=1,b=2", &[][..]),
        (vec![W3C, ("tracestate", &most)], &most, &[]),
        (vec![W3C, ("tracestate", &too_many)], "", &["tracestate is invalid"]),
        (vec![W3C, ("tracestate", "FOO=1")], "", &["tracestate is invalid"]),
        (vec![B3, ("tracestate", "a=1")], "", &[]),
        (vec![("traceparent", "x"), B3, ("tracestate", "FOO")], "", &["traceparent is invalid"]),
        (vec![("tracestate", "FOO")], "", &[]),
    ] {
        let read = read(&Headers::of(&fields));
        assert_eq!(read.context.map_or(String::new(), |context| context.trace_state), state, "{fields:?}");
        assert_eq!(read.notes, notes, "{fields:?}");
    }
}

#[test]
fn a_response_names_the_callees_span() {
    const TIMING: (&str, &str) =
        ("server-timing", "trace;desc=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    const RESPONSE: (&str, &str) =
        ("traceresponse", "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000cc-01");
    for (fields, span) in [
        (vec![], None),
        (vec![TIMING], Some(SPAN)),
        (vec![RESPONSE], Some(0xcc)),
        (vec![RESPONSE, TIMING], Some(SPAN)),
        (vec![("server-timing", "trace;desc=00"), RESPONSE], Some(0xcc)),
        (vec![RESPONSE, RESPONSE], None),
        (vec![TIMING, TIMING], None),
        (vec![W3C], None),
    ] {
        let found = read_response(&Headers::of(&fields));
        assert_eq!(found.map(|context| u64::from_be_bytes(context.span_id.0)), span, "{fields:?}");
    }
}

#[test]
fn ids_of_one_trace_may_lack_their_left_half() {
    let id = |high: u64, low: u64| TraceId((u128::from(high) << 64 | u128::from(low)).to_be_bytes());
    for (one, other, same) in [
        (id(1, 2), id(1, 2), true),
        (id(1, 2), id(0, 2), true),
        (id(0, 2), id(1, 2), true),
        (id(1, 2), id(3, 2), false),
        (id(0, 2), id(0, 3), false),
        (id(1, 2), id(1, 3), false),
    ] {
        assert_eq!(is_same_trace(one, other), same, "{one:?} {other:?}");
    }
}

/// The fields that are read.
const FIELDS: &[&str] = &[
    "traceparent",
    "tracestate",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "uber-trace-id",
    "x-amzn-trace-id",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "server-timing",
    "traceresponse",
];

proptest! {
    #[test]
    fn any_text_is_survived(
        fields in prop::collection::vec(
            (prop::sample::select(FIELDS), "(Root=1-|Parent=|trace;desc=|_dd.p.tid=|%3A|[0-9a-f]{16}|[-:;=,01d]|\\PC){0,12}"), 0..12
        ),
    ) {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let headers = Headers::of(&fields);
        let read = read(&headers);
        prop_assert!(read.others.len() < READERS.len());
        prop_assert!(read.context.is_some() || read.others.is_empty());
        let _ = read_response(&headers);
    }

    #[test]
    fn what_is_written_is_read(trace in 1_u128.., low in 1_u64.., span in 1_u64.., is_sampled: bool) {
        let high = u64::try_from(trace >> 64).unwrap_or_default();
        let trace = u128::from(high) << 64 | u128::from(low);
        let bit = u8::from(is_sampled);
        let (long, short) = (format!("{trace:032x}"), format!("{span:016x}"));
        let (root, rest) = long.split_at(8);
        for (fields, format) in [
            (vec![("traceparent", format!("00-{long}-{short}-0{bit}"))], Format::W3c),
            (vec![("b3", format!("{long}-{short}-{bit}"))], Format::B3),
            (
                vec![
                    ("x-b3-traceid", long.clone()),
                    ("x-b3-spanid", short.clone()),
                    ("x-b3-sampled", bit.to_string()),
                ],
                Format::B3Multi,
            ),
            (vec![("uber-trace-id", format!("{trace:x}:{span:x}:0:{bit}"))], Format::Jaeger),
            (
                vec![("x-amzn-trace-id", format!("Root=1-{root}-{rest};Parent={short};Sampled={bit}"))],
                Format::Xray,
            ),
            (
                vec![
                    ("x-datadog-trace-id", low.to_string()),
                    ("x-datadog-parent-id", span.to_string()),
                    ("x-datadog-sampling-priority", bit.to_string()),
                    ("x-datadog-tags", format!("_dd.p.tid={high:016x}")),
                ],
                Format::Datadog,
            ),
        ] {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            prop_assert_eq!(found(&fields), Ok(Some((trace, span, bit, format))));
        }
    }
}
