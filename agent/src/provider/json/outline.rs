//! Outlines: what a filter is about, and nothing that it says.

/// Bytes of an outline behind which nothing more is added but what closes it.
const OUTLINE_MAX_BYTES: usize = 1024;

/// Bytes of a name; what is longer is none.
pub(super) const NAME_MAX_BYTES: usize = 64;

/// Levels of an outline; deeper ones are values like any other.
const DEPTH_MAX: usize = 16;

/// What stands for a value.
const VALUE: &str = "\"?\"";

/// A list or an object as it is read: JSON, in which names stay as far as they look like such, each value is
/// `?`, and of values in a list that follow one another there is but one.
#[derive(Debug)]
pub(in crate::provider) struct Outline {
    text: String,
    /// Members whose strings are names.
    names: &'static str,
    /// Closing brackets of the levels under way that were written.
    closing: Vec<char>,
    /// Levels under way within those that were not.
    skipped: usize,
    /// The member whose value is next holds a name.
    holds_name: bool,
    /// What was written last is a value in a list, which stands for those that follow.
    repeats: bool,
    /// The name that was read last was left out, and so is its value.
    left_out: bool,
}

impl Outline {
    /// The outline of what opens now.
    pub(in crate::provider) fn begin(is_list: bool, names: &'static str) -> Self {
        let mut outline = Self {
            text: String::new(),
            names,
            closing: Vec::new(),
            skipped: 0,
            holds_name: false,
            repeats: false,
            left_out: false,
        };
        outline.open(is_list);
        outline
    }

    pub(super) fn is_open(&self) -> bool {
        !self.closing.is_empty()
    }

    pub(in crate::provider) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.text.capacity() + self.closing.capacity() * size_of::<char>()
    }

    pub(in crate::provider) fn open(&mut self, is_list: bool) {
        if self.skipped > 0 || self.left_out || self.is_full() || self.closing.len() >= DEPTH_MAX {
            if self.skipped == 0 {
                self.value(None);
            }
            self.skipped += 1;
            return;
        }
        self.separate();
        let (open, close) = if is_list { ('[', ']') } else { ('{', '}') };
        self.text.push(open);
        self.closing.push(close);
        self.repeats = false;
    }

    pub(in crate::provider) fn close(&mut self) {
        if self.skipped > 0 {
            self.skipped -= 1;
        } else if let Some(close) = self.closing.pop() {
            self.text.push(close);
            self.repeats = false;
        }
    }

    /// The name of the member whose value comes next, as on the wire.
    pub(in crate::provider) fn name(&mut self, raw: &[u8]) {
        if self.skipped > 0 {
            return;
        }
        self.left_out = self.is_full();
        if self.left_out {
            return;
        }
        self.separate();
        let name = name(raw);
        self.holds_name = name.is_some_and(|name| self.names.split(',').any(|known| known == name));
        self.text.push('"');
        self.text.push_str(name.unwrap_or("?"));
        self.text.push_str("\":");
    }

    /// A value that is neither a list nor an object; what it says, as on the wire, if it is a string.
    pub(in crate::provider) fn value(&mut self, raw: Option<&[u8]>) {
        let is_element = self.closing.last() == Some(&']');
        let named = raw.filter(|_| self.holds_name).and_then(name);
        if self.skipped > 0
            || self.left_out
            || is_element && (self.repeats && named.is_none() || self.is_full())
        {
            self.left_out = false;
            return;
        }
        self.separate();
        self.repeats = is_element && named.is_none();
        match named {
            Some(name) => {
                self.text.push('"');
                self.text.push_str(name);
                self.text.push('"');
            }
            None => self.text.push_str(VALUE),
        }
    }

    fn is_full(&self) -> bool {
        self.text.len() >= OUTLINE_MAX_BYTES
    }

    fn separate(&mut self) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'[' | b'{' | b':')) {
            self.text.push(',');
        }
    }
}

/// A name, if it looks like one of a field or an operator.
fn name(raw: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(raw).ok()?;
    let inner = |character: char| character.is_alphanumeric() || "_-.[]/".contains(character);
    let rest = name.strip_prefix(['$', '@']).unwrap_or(name);
    let is_name = rest.chars().all(inner) && rest.contains(char::is_alphabetic);
    (is_name && name.len() <= NAME_MAX_BYTES).then_some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::provider::json::{Reader, Shape};

    static SHAPE: LazyLock<Shape> =
        LazyLock::new(|| Shape::new(&[("filter{key,path}", 0), ("all[].filter{}", 0), ("n", 0)]));

    fn outline(document: &str, at: &str) -> Option<String> {
        let read = |size| {
            let mut reader = Reader::new(&SHAPE);
            document.as_bytes().chunks(size).for_each(|piece| reader.push(piece));
            reader.finish().root
        };
        let (whole, split) = (read(usize::MAX), read(1));
        assert_eq!(whole, split);
        whole.get(at).text()
    }

    #[test]
    fn structure_stays_and_values_go() {
        for (filter, expected) in [
            (
                r#"{"genre":{"$eq":"drama"},"year":{"$gte":2020}}"#,
                r#"{"genre":{"$eq":"?"},"year":{"$gte":"?"}}"#,
            ),
            (r#"{"year":{"$in":[1,2,"x",null]}}"#, r#"{"year":{"$in":["?"]}}"#),
            (
                r#"{"must":[{"key":"city","match":{"value":"Lisbon"}},{"key":"a b@c.de","range":{"gt":1}}]}"#,
                r#"{"must":[{"key":"city","match":{"value":"?"}},{"key":"?","range":{"gt":"?"}}]}"#,
            ),
            (r#"{"path":["a","b"],"operator":"Equal"}"#, r#"{"path":["a","b"],"operator":"?"}"#),
            (r#"{"me@example.com":1,"4711 0815":{"x":[[1,2],[3]]}}"#, r#"{"?":"?","?":{"x":[["?"],["?"]]}}"#),
            (r#"{"k\u0065y":"city","":{}}"#, r#"{"?":"?","?":{}}"#),
            ("[]", "[]"),
            ("{}", "{}"),
        ] {
            let document = format!(r#"{{"filter":{filter},"n":1}}"#);
            assert_eq!(outline(&document, "filter").as_deref(), Some(expected), "{filter}");
        }
        for filter in ["null", "7", r#""age > 7""#, r#"{"a":{"b":1}"#] {
            assert_eq!(outline(&format!(r#"{{"n":1,"filter":{filter}"#), "filter"), None, "{filter}");
        }
    }

    #[test]
    fn large_ones_are_cut_and_still_are_json() {
        let deep = format!("{}1{}", r#"{"a":["#.repeat(40), "]}".repeat(40));
        let wide = format!("[{}0]", r#"{"field":{"$in":[1,2,3]}},"#.repeat(10_000));
        let long = format!(r#"{{"{}":1}}"#, "x".repeat(10_000));
        for filter in [deep, wide, long] {
            let found = outline(&format!(r#"{{"filter":{filter}}}"#), "filter").unwrap();
            assert!(found.len() < 2 * OUTLINE_MAX_BYTES, "{found}");
            serde_json::from_str::<serde_json::Value>(&found).unwrap();
        }
    }

    fn filter() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            Just(serde_json::Value::from("secret")),
            any::<f64>().prop_map(Into::into),
        ];
        leaf.prop_recursive(20, 200, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::btree_map("(key1|\\$in|a b|\"\\\\|[a-z]{60,70})", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_outline_is_json_without_values(filter in filter()) {
            let document = serde_json::json!({ "filter": filter, "n": 1 }).to_string();
            let found = outline(&document, "filter");
            prop_assert_eq!(found.is_some(), filter.is_object() || filter.is_array());
            if let Some(found) = found {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&found).is_ok(), "{}", found);
                prop_assert!(!found.contains("secret") && !found.contains("a b"));
            }
        }
    }
}
