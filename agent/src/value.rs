//! The value of an attribute: what an OTLP `AnyValue` can hold.

use serde::{Deserialize, Serialize};

/// An attribute's value. Nothing here bounds its size or depth: who takes one from traffic does, and
/// `redact` does for all that leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Nothing, as JSON's `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// A string.
    String(String),
    /// Bytes that are no text.
    Bytes(Vec<u8>),
    /// A list.
    Array(Vec<Value>),
    /// Names with values, in order; the names are unique.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// A list of strings.
    pub fn strings(texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::Array(texts.into_iter().map(|text| Self::String(text.into())).collect())
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The strings of a list; elements of other types are left out. Empty when it is no list.
    pub fn as_strings(&self) -> impl Iterator<Item = &str> {
        let elements: &[Self] = match self {
            Self::Array(elements) => elements,
            _ => &[],
        };
        elements.iter().filter_map(Self::as_str)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::Value;

    /// Any value, some levels deep.
    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            proptest::num::f64::NORMAL.prop_map(Value::Double),
            "\\PC{0,20}".prop_map(Value::String),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::vec(("[a-z]{1,8}", inner), 0..5).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read_back(value in any_value()) {
            let stored = serde_json::to_string(&value).unwrap_or_default();
            prop_assert_eq!(serde_json::from_str::<Value>(&stored).ok(), Some(value));
        }
    }

    #[test]
    fn strings_are_read_out_of_a_list() {
        let list = Value::Array(vec!["a".into(), Value::Int(1), "b".into()]);
        assert_eq!(list.as_strings().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(Value::from("a").as_strings().count(), 0);
        assert_eq!(Value::strings(["a"]), Value::Array(vec!["a".into()]));
    }
}
