//! Where something stands in a YAML text.
//!
//! Values that were read know nothing of their lines, but errors of the parser do. So the text is read once more, down
//! to the place in question, and refused there: the refusal says the line. What is not written down (a member that was
//! left out) counts as standing where what it belongs to begins.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// One step from a value to one within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A member of a mapping.
    Member(&'static str),
    /// An element of a list, from 0.
    Item(usize),
}

/// The line of a place, from 1; `None` where the text is no YAML.
pub(super) fn line(text: &str, path: &[Step]) -> Option<usize> {
    let error = Seek(path).deserialize(serde_yaml_ng::Deserializer::from_str(text)).err()?;
    error.location().map(|location| location.line())
}

/// Goes down a path, and fails at its end.
struct Seek<'p>(&'p [Step]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0.first() {
            Some(Step::Member(_)) => deserializer.deserialize_map(self),
            Some(Step::Item(_)) => deserializer.deserialize_seq(self),
            // No kind of value is accepted.
            None => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("something else")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if let Some((Step::Member(name), rest)) = self.0.split_first() {
            while let Some(key) = map.next_key::<String>()? {
                if key == *name {
                    return map.next_value_seed(Seek(rest));
                }
                map.next_value::<IgnoredAny>()?;
            }
        }
        Err(A::Error::custom("here"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if let Some((Step::Item(index), rest)) = self.0.split_first() {
            for _ in 0..*index {
                items.next_element::<IgnoredAny>()?;
            }
            if items.next_element_seed(Seek(rest))?.is_some() {
                return Ok(());
            }
        }
        Err(A::Error::custom("here"))
    }
}

#[cfg(test)]
mod tests {
    use super::Step::{Item, Member};
    use super::*;

    #[test]
    fn the_line_is_that_of_the_value() {
        let text = "# a comment\n\
                    content:\n\
                    - {service: a, mode: off}\n\
                    - service: >\n    folded\n    text\n  mode:\n    full\n\
                    rules: [{name: a, pattern: b},\n  {name: c,\n   pattern: 'd'}]\n\
                    \"keep\": &k\n  - x\n  # why\n  - y\n\
                    fields: *k\n";
        for (path, wanted) in [
            (&[][..], 2),
            (&[Member("content")], 3),
            (&[Member("content"), Item(0), Member("mode")], 3),
            (&[Member("content"), Item(1)], 4),
            (&[Member("content"), Item(1), Member("mode")], 8),
            (&[Member("content"), Item(1), Member("kind")], 4),
            (&[Member("rules"), Item(0), Member("pattern")], 9),
            (&[Member("rules"), Item(1)], 10),
            (&[Member("rules"), Item(1), Member("pattern")], 11),
            (&[Member("rules"), Item(7)], 9),
            (&[Member("keep"), Item(1)], 15),
            (&[Member("fields"), Item(1)], 15),
            (&[Member("nothing")], 2),
        ] {
            assert_eq!(line(text, path), Some(wanted), "{path:?}");
        }
        assert_eq!(line("", &[Member("rules")]), Some(1));
    }
}
