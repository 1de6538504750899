//! Values as bodies have them, of which any may be of any type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::call::content::{Part, without_cut_mark};

/// The elements of a list; of anything else there are none.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text; `None` of anything else.
pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// A text that has something in it.
pub(super) fn word(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// What names something: a text, or a number.
pub(super) fn id(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        other => word(other),
    }
}

/// What stands below this member in that one.
pub(super) fn below<'a>(value: &'a Value, outer: &str, inner: &str) -> &'a Value {
    value.get(outer).and_then(|found| found.get(inner)).unwrap_or(&Value::Null)
}

/// What stands at the first of these names that is there and not `null`.
pub(super) fn first<'a>(value: &'a Value, names: &[&str]) -> &'a Value {
    names.iter().filter_map(|name| value.get(name)).find(|found| !found.is_null()).unwrap_or(&Value::Null)
}

/// All members of an object but these, and but those that are `null`; `None` where nothing is left.
pub(super) fn rest(value: &Value, without: &[&str]) -> Option<Value> {
    let members = value.as_object()?.iter();
    let left = members.filter(|(name, member)| !without.contains(&name.as_str()) && !member.is_null());
    let left: Map<_, _> = left.map(|(name, member)| (name.clone(), member.clone())).collect();
    (!left.is_empty()).then_some(Value::Object(left))
}

/// A tool's arguments: where they are a text that is a JSON object or list, as that.
pub(super) fn arguments(value: &Value) -> Value {
    let parsed = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    parsed.filter(|parsed| parsed.is_object() || parsed.is_array()).unwrap_or_else(|| value.clone())
}

/// Data in base64; what is a `data:` URL all the same is taken apart. `None` for what is no text.
pub(super) fn blob(modality: &'static str, mime_type: &Value, data: &Value) -> Option<Part> {
    let data = data.as_str()?;
    let mime_type = word(mime_type);
    Some(of_data_url(modality, data).unwrap_or_else(|| of_base64(modality, mime_type, data)))
}

/// What a URL points at, or holds; `None` for what is no text.
pub(super) fn uri(modality: &'static str, mime_type: &Value, url: &Value) -> Option<Part> {
    let url = word(url)?;
    let held = of_data_url(modality, &url);
    Some(held.unwrap_or_else(|| Part::Uri { modality, mime_type: word(mime_type), uri: url }))
}

/// A part that the conventions have no word for; `None` for what is no object.
pub(super) fn other(kind: &str, value: &Value) -> Option<Part> {
    value.is_object().then(|| Part::Other { kind: kind.to_owned(), value: value.clone() })
}

/// What a media type stands for.
pub(super) fn modality(mime_type: &Value) -> &'static str {
    match mime_type.as_str().and_then(|mime_type| mime_type.split('/').next()) {
        Some("image") => "image",
        Some("audio") => "audio",
        Some("video") => "video",
        _ => "document",
    }
}

/// JSON that is in base64; `null` where it is not.
pub(super) fn json_of_base64(text: &str) -> Value {
    let bytes = STANDARD.decode(text).ok();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Those `data:` URLs (RFC 2397) that hold base64; the others are read as they are.
fn of_data_url(modality: &'static str, url: &str) -> Option<Part> {
    let scheme = url.get(..5)?;
    let (label, data) = url.get(5..)?.split_once(',')?;
    let (mime_type, coding) = label.rsplit_once(';')?;
    let is_one = scheme.eq_ignore_ascii_case("data:") && coding.eq_ignore_ascii_case("base64");
    let mime_type = mime_type.split(';').next().filter(|mime_type| !mime_type.is_empty());
    is_one.then(|| of_base64(modality, mime_type.map(str::to_owned), data))
}

fn of_base64(modality: &'static str, mime_type: Option<String>, data: &str) -> Part {
    // Of what is cut it is known how much is missing.
    let (kept, missing) = without_cut_mark(data).unwrap_or((data, 0));
    let digits = kept.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').count() as u64;
    Part::Blob { modality, mime_type, data: data.to_owned(), bytes: decoded(digits.saturating_add(missing)) }
}

/// Bytes that so many digits in base64 stand for.
fn decoded(digits: u64) -> u64 {
    digits / 4 * 3 + (digits % 4 * 3) / 4
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_objects_where_they_parse() {
        for (wire, expected) in [
            (json!(r#"{"city":"Lisbon"}"#), json!({"city": "Lisbon"})),
            (json!("[1]"), json!([1])),
            (json!("7"), json!("7")),
            (json!(r#"{"city":"Lis"#), json!(r#"{"city":"Lis"#)),
            (json!(""), json!("")),
            (json!({"a": 1}), json!({"a": 1})),
            (json!(null), json!(null)),
            (json!("[".repeat(10_000)), json!("[".repeat(10_000))),
        ] {
            assert_eq!(arguments(&wire), expected);
        }
    }

    #[test]
    fn data_is_measured_and_taken_apart() {
        for (data, mime_type, expected) in [
            ("", json!(null), (None, "", 0)),
            ("AA==", json!("image/png"), (Some("image/png"), "AA==", 1)),
            ("AAA", json!(""), (None, "AAA", 2)),
            ("AA\nAA", json!(7), (None, "AA\nAA", 3)),
            ("AAAA…[4 bytes cut]", json!(null), (None, "AAAA…[4 bytes cut]", 6)),
            ("data:image/gif;base64,AAAA", json!("image/png"), (Some("image/gif"), "AAAA", 3)),
            ("DATA:;base64,AAAA", json!(null), (None, "AAAA", 3)),
        ] {
            let Part::Blob { mime_type, data, bytes, .. } = blob("image", &mime_type, &json!(data)).unwrap()
            else {
                unreachable!("a blob")
            };
            assert_eq!((mime_type.as_deref(), &*data, bytes), expected);
        }
        assert_eq!(blob("image", &json!(null), &json!(7)), None);
        for url in ["https://example.com/a.png", "data:text/plain,hi", "data:", "é"] {
            let expected = Part::Uri { modality: "image", mime_type: None, uri: url.to_owned() };
            assert_eq!(uri("image", &json!(null), &json!(url)), Some(expected));
        }
    }

    #[test]
    fn what_is_left_of_an_object() {
        let value = json!({"a": 1, "b": null, "c": [2]});
        assert_eq!(rest(&value, &["a"]), Some(json!({"c": [2]})));
        assert_eq!(rest(&value, &["a", "c"]), None);
        assert_eq!(rest(&json!([1]), &[]), None);
        assert_eq!(first(&value, &["b", "c"]), &json!([2]));
    }
}
