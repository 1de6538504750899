//! Fields of which only the ids are kept: beside them, others may have put whatever they like.

use std::borrow::Cow;

/// Bytes of an id.
const ID_MAX_BYTES: usize = 64;

/// What is kept of a field, whose name is in lower case; `None` where that is nothing.
pub(super) fn reduced<'a>(name: &str, value: &'a str) -> Option<Cow<'a, str>> {
    match name {
        // `Root=…;Parent=…;Sampled=…`: services append fields of their own.
        "x-amzn-trace-id" => {
            let is_kept = |field: &&str| {
                let name = field.split_once('=').filter(|(_, value)| is_id(value)).map(|(name, _)| name);
                matches!(name, Some("Root" | "Parent" | "Sampled"))
            };
            let fields: Vec<_> = value.split(';').map(str::trim).filter(is_kept).take(8).collect();
            (!fields.is_empty()).then(|| fields.join(";").into())
        }
        // Tags of the whole trace, of which one is the left half of its id.
        "x-datadog-tags" => {
            let half = |tag: &&str| tag.trim().strip_prefix("_dd.p.tid=").is_some_and(is_id);
            value.split(',').find(half).map(|tag| tag.trim().into())
        }
        // Measures with descriptions, of which one may be the callee's context.
        "server-timing" => server_timing(value).map(|context| format!("trace;desc={context}").into()),
        _ => Some(value.into()),
    }
}

/// The description of the metric `trace` (RFC 8941's strings may hold any separator), or of `traceparent`, as
/// Splunk's distributions call it.
fn server_timing(value: &str) -> Option<&str> {
    for metric in split(value, ',') {
        let mut parts = split(metric, ';').map(str::trim);
        if !matches!(parts.next(), Some("trace" | "traceparent")) {
            continue;
        }
        let description = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim_end().eq_ignore_ascii_case("desc").then_some(value.trim_start())
        })?;
        return Some(description.trim_matches('"')).filter(|description| is_id(description));
    }
    None
}

/// The parts between separators that are in no quoted string.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |c: char| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match c {
            '\\' => is_escaped = is_quoted && !was_escaped,
            '"' if !was_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        c == separator && !is_quoted
    })
}

fn is_id(value: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-' || byte == b'?';
    (1..=ID_MAX_BYTES).contains(&value.len()) && value.bytes().all(is_known)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::reduced;

    #[test]
    fn only_ids_are_kept() {
        const ID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let of_trace = format!("trace;desc={ID}");
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
        for (name, value, expected) in [
            ("traceparent", ID.to_owned(), Some(ID)),
            ("x-amzn-trace-id", root.to_owned(), Some(root)),
            ("x-amzn-trace-id", format!("Self=1-2-3;{root};CalledFrom=app secret"), Some(root)),
            ("x-amzn-trace-id", format!("{root};Parent=secret"), Some(root)),
            ("x-amzn-trace-id", "CalledFrom=secret".to_owned(), None),
            (
                "x-datadog-tags",
                "_dd.p.usr.id=secret,_dd.p.tid=640cfd8d00000000,_dd.p.dm=-1".to_owned(),
                Some("_dd.p.tid=640cfd8d00000000"),
            ),
            ("x-datadog-tags", "_dd.p.tid=secret".to_owned(), None),
            ("x-datadog-tags", "_dd.p.dm=-1".to_owned(), None),
            ("server-timing", of_trace.clone(), Some(&of_trace)),
            ("server-timing", format!("db;dur=53;desc=secret, trace; desc=\"{ID}\""), Some(&of_trace)),
            ("server-timing", format!("traceparent;desc=\"{ID}\""), Some(&of_trace)),
            ("server-timing", format!("a;desc=\"secret, trace;desc={ID}\""), None),
            ("server-timing", format!("a;desc=\"se\\\"cret, trace;desc={ID}\""), None),
            ("server-timing", "trace;desc=secret".to_owned(), None),
            ("server-timing", "trace".to_owned(), None),
            ("server-timing", "db;dur=53".to_owned(), None),
        ] {
            assert_eq!(reduced(name, &value).as_deref(), expected, "{name}: {value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_reduced_once(
            name in prop::sample::select(vec!["x-amzn-trace-id", "x-datadog-tags", "server-timing"]),
            value in "(trace|Root=|_dd.p.tid=|desc=|[;,=\"\\\\ a1-]|\\PC){0,30}",
        ) {
            if let Some(kept) = reduced(name, &value) {
                prop_assert_eq!(reduced(name, &kept), Some(kept.clone()));
            }
        }
    }
}
