//! Values as bodies have them, of which any may be of any type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::data;
use crate::call::content::{Message, Part};

/// The elements of a list; of anything else there are none.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// What was said: a text, or a list of blocks.
pub(super) fn parts<P: IntoIterator<Item = Part>>(said: &Value, part: impl Fn(&Value) -> P) -> Vec<Part> {
    match said {
        Value::Array(blocks) => blocks.iter().flat_map(part).collect(),
        Value::Null => Vec::new(),
        one => part(one).into_iter().collect(),
    }
}

/// A message of blocks; what is neither said by someone nor says anything is none.
pub(super) fn message<P: IntoIterator<Item = Part>>(
    message: &Value,
    part: impl Fn(&Value) -> P,
) -> Option<Message> {
    let parts = parts(&message["content"], part);
    let role = word(&message["role"]);
    (role.is_some() || !parts.is_empty()).then(|| Message {
        role: role.unwrap_or_default(),
        parts,
        ..Message::default()
    })
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

/// The members of an object but these.
pub(super) fn without(value: &Value, names: &[&str]) -> Map<String, Value> {
    let members = value.as_object().into_iter().flatten();
    let left = members.filter(|(name, _)| !names.contains(&name.as_str()));
    left.map(|(name, member)| (name.clone(), member.clone())).collect()
}

/// The same, without those that are `null`; `None` where nothing is left.
pub(super) fn rest(value: &Value, names: &[&str]) -> Option<Value> {
    let mut left = without(value, names);
    left.retain(|_, member| !member.is_null());
    (!left.is_empty()).then_some(Value::Object(left))
}

/// A tool's arguments: where they are a text that is a JSON object or list, as that.
pub(super) fn arguments(value: &Value) -> Value {
    let parsed = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    parsed.filter(|parsed| parsed.is_object() || parsed.is_array()).unwrap_or_else(|| value.clone())
}

/// Data in base64, or a `data:` URL; `None` for what is no text.
pub(super) fn blob(modality: &'static str, mime_type: &Value, data: &Value) -> Option<Part> {
    Some(data::blob(modality, data.as_str()?, mime_type.as_str()))
}

/// What a URL points at, or holds; `None` for what is no text.
pub(super) fn uri(modality: &'static str, mime_type: &Value, url: &Value) -> Option<Part> {
    let url = url.as_str().filter(|url| !url.is_empty())?;
    Some(data::url(modality, url, mime_type.as_str()))
}

/// A part that the conventions have no word for; `None` for what is no object.
pub(super) fn other(kind: &str, value: &Value) -> Option<Part> {
    value.is_object().then(|| Part::Other { kind: kind.to_owned(), value: value.clone() })
}

/// JSON that is in base64; `null` where it is not.
pub(super) fn json_of_base64(text: &str) -> Value {
    let bytes = STANDARD.decode(text).ok();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
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
    fn what_is_left_of_an_object() {
        let value = json!({"a": 1, "b": null, "c": [2]});
        assert_eq!(rest(&value, &["a"]), Some(json!({"c": [2]})));
        assert_eq!(rest(&value, &["a", "c"]), None);
        assert_eq!(rest(&json!([1]), &[]), None);
        assert_eq!(first(&value, &["b", "c"]), &json!([2]));
    }
}
