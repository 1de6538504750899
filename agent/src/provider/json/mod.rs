//! JSON read as it streams, tolerantly, and no more of it than a dialect asks for.
//!
//! A dialect declares the paths that it wants, with a cap for each text ([`Shape`]); a [`Reader`] takes
//! a body in pieces and keeps these alone. Everything else (prompts, completions, images in base64) is
//! skipped where it stands, so what is held does not grow with the body. Where a key comes twice, the
//! last one holds, as with the parsers of clients.
//!
//! Servers disagree about types (counts as floats, codes as numbers, `null` for absent), and one odd
//! field must not cost the others: the getters of [`Json`] are merely empty where a value is of no use.

pub(super) mod digest;
mod outline;
mod reader;
mod shape;
#[cfg(test)]
mod tests;
mod token;
mod tree;

pub(super) use outline::Outline;
pub(super) use reader::Reader;
pub(super) use shape::Shape;
pub(super) use tree::{Document, Ending};

/// Elements of a list that are kept; what a list is read for (choices, stop strings) is short.
pub(super) const LIST_MAX: usize = 128;

/// A value, reduced to what was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Json {
    /// `null`, a number too long to be one, or nothing at all.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer that is not negative.
    Unsigned(u64),
    /// A negative integer.
    Signed(i64),
    /// A number with a fraction or exponent, or too large for an integer.
    Float(f64),
    /// A string, cut to its cap.
    Text {
        /// What is kept of it.
        text: String,
        /// Its whole length in bytes as sent, but that each escape counts as one.
        bytes: u64,
        /// How many `=` it ends in, of two at the most: what is in base64 says so how long it is.
        padding: u8,
        /// It is longer than what is kept.
        cut: bool,
    },
    /// What something says, as a digest.
    Digest(u64),
    /// A list.
    List {
        /// The first [`LIST_MAX`] of those elements that were asked for.
        items: Vec<Json>,
        /// How many elements there were in all; `None` when its end did not come.
        count: Option<u64>,
    },
    /// An object, with those members that were asked for.
    Object(Vec<(&'static str, Json)>),
}

/// What [`Json::get`] returns where there is nothing.
static NOTHING: Json = Json::Null;

impl Json {
    /// The value at a path of member names, parted by dots; [`Json::Null`] when there is none.
    pub(super) fn get(&self, path: &str) -> &Json {
        let Self::Object(members) = self else { return &NOTHING };
        // The first name is compared where it stands: most of what is asked for is not there.
        for (known, value) in members {
            match path.as_bytes().get(known.len()) {
                None if *known == path => return value,
                Some(b'.') if path.starts_with(known) => {
                    return value.get(path.get(known.len() + 1..).unwrap_or_default());
                }
                _ => {}
            }
        }
        &NOTHING
    }

    /// A string that is not empty and not longer than its cap: half a name is none.
    pub(super) fn text(&self) -> Option<String> {
        self.as_text().map(str::to_owned)
    }

    /// The same, to look at.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text, cut: false, .. } if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A count: an integer that is not negative, perhaps written as a float (`17.0`).
    pub(super) fn count(&self) -> Option<u64> {
        /// Up to here every integer has its own double.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match *self {
            Self::Unsigned(count) => Some(count),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the guard admits whole numbers between 0 and 2^53 only"
            )]
            Self::Float(number) if number.fract() == 0.0 && (0.0..=EXACT).contains(&number) => {
                Some(number as u64)
            }
            _ => None,
        }
    }

    /// An integer with a sign.
    pub(super) fn integer(&self) -> Option<i64> {
        match *self {
            Self::Signed(number) => Some(number),
            _ => self.count().and_then(|count| i64::try_from(count).ok()),
        }
    }

    /// Any number.
    pub(super) fn number(&self) -> Option<f64> {
        match *self {
            #[expect(clippy::cast_precision_loss, reason = "settings such as temperature are small")]
            Self::Unsigned(number) => Some(number as f64),
            #[expect(clippy::cast_precision_loss, reason = "settings such as temperature are small")]
            Self::Signed(number) => Some(number as f64),
            Self::Float(number) => Some(number),
            _ => None,
        }
    }

    /// `true`, and nothing else.
    pub(super) fn is_true(&self) -> bool {
        *self == Self::Bool(true)
    }

    /// Whether an object has a member of this name, be it `null`.
    pub(super) fn has(&self, name: &str) -> bool {
        matches!(self, Self::Object(members) if members.iter().any(|(known, _)| *known == name))
    }

    /// Bytes of what a string is in base64, with or without padding, of which so many first bytes are something
    /// else.
    pub(super) fn base64_bytes(&self, skipped: usize) -> Option<u64> {
        let Self::Text { bytes, padding, .. } = *self else { return None };
        let digits = bytes.checked_sub(skipped as u64)?.checked_sub(u64::from(padding))?;
        // Four digits are three bytes.
        Some(digits / 4 * 3 + digits % 4 * 3 / 4)
    }

    /// The begin of a string, as far as it is kept.
    pub(super) fn begin(&self) -> &str {
        if let Self::Text { text, .. } = self { text } else { "" }
    }

    /// An object, be it empty.
    pub(super) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// The elements that were kept; a string counts as a list of one, any other value as none.
    pub(super) fn items(&self) -> &[Json] {
        match self {
            Self::List { items, .. } => items,
            Self::Text { .. } => std::slice::from_ref(self),
            _ => &[],
        }
    }

    /// How many elements a list has, kept or not; `None` for what is no list, or not a whole one.
    pub(super) fn length(&self) -> Option<u64> {
        if let Self::List { count, .. } = self { *count } else { None }
    }

    /// The digest of what stood here, or of the object that this is, if it was asked for and nothing of it is missing.
    pub(super) fn digest(&self) -> Option<u64> {
        match self {
            Self::Digest(digest) => Some(*digest),
            Self::Object(members) => members
                .iter()
                .find(|(name, _)| *name == shape::DIGEST)
                .and_then(|(_, digest)| digest.digest()),
            _ => None,
        }
    }

    /// A list, be it empty.
    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::List { .. })
    }

    /// The members of an object whose names nobody asked for (`*`), as far as they were kept.
    pub(super) fn any(&self) -> impl Iterator<Item = &Json> {
        let members: &[_] = if let Self::Object(members) = self { members } else { &[] };
        members.iter().filter(|(name, _)| *name == shape::ANY).map(|(_, value)| value)
    }
}
