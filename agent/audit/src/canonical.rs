//! The one spelling of a JSON document: no white space, members in the order of their names, whole numbers only.
//!
//! It is RFC 8785 for documents without fractions, whose names are ASCII. Fractions are refused: no two programs need
//! agree on how one is spelt, and records have none, since they count in micro- and nanounits.

use serde::Serialize;
use serde_json::Value;

/// Bytes of a canonical text, at most: more than a record with every field at its bound has.
pub const TEXT_MAX_BYTES: usize = 256 << 10;

/// Why something has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// It is no JSON.
    #[error("it is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It holds a fraction, or a number beyond 64 bits.
    #[error("it holds a number that is not whole")]
    Number,
    /// It is longer than [`TEXT_MAX_BYTES`].
    #[error("it has {0} bytes, more than {TEXT_MAX_BYTES}")]
    Long(usize),
}

/// The canonical text of a value.
///
/// # Errors
/// See [`FormError`].
pub fn text(value: &impl Serialize) -> Result<String, FormError> {
    let mut text = String::new();
    write(&serde_json::to_value(value)?, &mut text)?;
    if text.len() > TEXT_MAX_BYTES {
        return Err(FormError::Long(text.len()));
    }
    Ok(text)
}

/// Whether a text is in canonical form.
#[must_use]
pub fn is_canonical(given: &str) -> bool {
    let value = serde_json::from_str::<Value>(given);
    value.is_ok_and(|value| text(&value).is_ok_and(|canonical| canonical == given))
}

fn write(value: &Value, to: &mut String) -> Result<(), FormError> {
    match value {
        Value::Number(number) if number.is_f64() => return Err(FormError::Number),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            to.push_str(&serde_json::to_string(value)?);
        }
        Value::Array(elements) => {
            to.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                write(element, to)?;
            }
            to.push(']');
        }
        Value::Object(members) => {
            // By hand: whether serde_json's own map is sorted is a feature that any crate may switch.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            to.push('{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                to.push_str(&serde_json::to_string(name)?);
                to.push(':');
                write(member, to)?;
            }
            to.push('}');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_are_sorted_and_nothing_stands_between() {
        let value: Value = serde_json::from_str(r#"{ "b": [1, {"z": null, "a": "ü\n"}], "a": -2 }"#).unwrap();
        assert_eq!(text(&value).unwrap(), r#"{"a":-2,"b":[1,{"a":"ü\n","z":null}]}"#);
    }

    #[test]
    fn fractions_and_long_texts_are_refused() {
        assert!(matches!(text(&1.5), Err(FormError::Number)));
        assert!(matches!(text(&"x".repeat(TEXT_MAX_BYTES)), Err(FormError::Long(_))));
        assert!(text(&u64::MAX).is_ok());
    }

    #[test]
    fn what_is_spelt_otherwise_is_seen() {
        for (given, expected) in [
            (r#"{"a":1,"b":2}"#, true),
            (r#"{"b":2,"a":1}"#, false),
            (r#"{"a":1, "b":2}"#, false),
            (r#"{"a":1,"a":1}"#, false),
            (r#""\u0041""#, false),
            ("1.0", false),
            ("", false),
        ] {
            assert_eq!(is_canonical(given), expected, "{given}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("\\PC{0,6}", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_form_is_read_back_and_is_its_own(value in any_json()) {
            let canonical = text(&value).unwrap();
            prop_assert!(is_canonical(&canonical));
            prop_assert_eq!(serde_json::from_str::<Value>(&canonical).unwrap(), value);
        }
    }
}
