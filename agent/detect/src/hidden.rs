//! Where data hides: other readings of a text, each with the way back to the bytes that it was read from.
//!
//! [`decoded`] undoes in one pass all that is written for one character or for none, however often it was done
//! over (`%252540`, `\\\\u0040`, `&amp;amp;#64;`), so that more passes are needed only where one kind lies
//! within another. [`base64`] finds runs that are text, and those that are not. A reading adds to what is found
//! in the text as it stands and takes nothing away: it may read something that nobody wrote.

pub(crate) mod base64;
pub(crate) mod document;
mod entity;
mod escape;
mod fold;
pub(crate) mod lines;

use std::borrow::Cow;
use std::ops::Range;

pub(crate) use escape::{decoded, json_string};

/// As [`json_string`], without the way back.
pub(crate) fn json_text(document: &str, range: Range<usize>) -> Cow<'_, str> {
    let text = document.get(range.clone()).unwrap_or_default();
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(json_string(document, range).text)
}

/// Another reading of a text.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) text: String,
    pub(crate) map: Map,
}

/// What of a view was read from what.
#[derive(Debug)]
pub(crate) enum Map {
    /// Its pieces, in order, in a text of which `offset` is where the view begins; between them it reads the same.
    Pieces { offset: usize, pieces: Vec<Piece> },
    /// All of it from all of this.
    Whole(Range<usize>),
}

/// Bytes of a view that stand for other bytes.
#[derive(Debug)]
pub(crate) struct Piece {
    view: Range<usize>,
    origin: Range<usize>,
}

impl Map {
    /// Where what was read as `range` stands. What was read as nothing at either end is left out.
    pub(crate) fn origin(&self, range: &Range<usize>) -> Range<usize> {
        match self {
            Self::Whole(all) => all.clone(),
            Self::Pieces { offset, pieces } => back(pieces, (0, *offset), range),
        }
    }

    /// Whether a place of the text is within something that is read as one.
    pub(crate) fn cuts(&self, at: usize) -> bool {
        let Self::Pieces { pieces, .. } = self else { return false };
        let before = pieces.partition_point(|piece| piece.origin.start < at);
        before.checked_sub(1).and_then(|last| pieces.get(last)).is_some_and(|piece| at < piece.origin.end)
    }

    /// Whether `range` and the bytes beside it read in the view as in the text.
    pub(crate) fn is_same(&self, range: &Range<usize>) -> bool {
        let Self::Pieces { pieces, .. } = self else { return false };
        let before = pieces.partition_point(|piece| piece.view.start <= range.end);
        before.checked_sub(1).and_then(|last| pieces.get(last)).is_none_or(|last| last.view.end < range.start)
    }
}

/// Where a range of a view stands whose `begin` stands there.
fn back(pieces: &[Piece], begin: (usize, usize), range: &Range<usize>) -> Range<usize> {
    let last = |before: usize| before.checked_sub(1).and_then(|last| pieces.get(last));
    let start = match last(pieces.partition_point(|piece| piece.view.start <= range.start)) {
        Some(piece) if range.start < piece.view.end => piece.origin.start,
        Some(piece) => piece.origin.end + (range.start - piece.view.end),
        None => begin.1 + range.start.saturating_sub(begin.0),
    };
    let end = match last(pieces.partition_point(|piece| piece.view.start < range.end)) {
        Some(piece) if range.end <= piece.view.end => piece.origin.end,
        Some(piece) => piece.origin.end + (range.end - piece.view.end),
        None => begin.1 + range.end.saturating_sub(begin.0),
    };
    start..end.max(start)
}

/// Makes a view.
struct Builder<'t> {
    source: &'t str,
    offset: usize,
    copied: usize,
    text: String,
    pieces: Vec<Piece>,
}

impl<'t> Builder<'t> {
    /// Of a text that begins at `offset` of the one that is mapped to.
    fn new(source: &'t str, offset: usize) -> Self {
        Self { source, offset, copied: 0, text: String::new(), pieces: Vec::new() }
    }

    /// Reads `range`, which is behind all that was replaced before, as these characters.
    fn replace(&mut self, range: Range<usize>, with: Option<char>) {
        if self.pieces.is_empty() {
            // No reading is longer than what it reads.
            self.text.reserve_exact(self.source.len());
        }
        self.text.push_str(self.source.get(self.copied..range.start).unwrap_or_default());
        let begin = self.text.len();
        self.text.extend(with);
        self.copied = range.end;
        let origin = self.offset + range.start..self.offset + range.end;
        self.pieces.push(Piece { view: begin..self.text.len(), origin });
    }

    /// `None` when nothing was replaced.
    fn finish(mut self) -> Option<View> {
        if self.pieces.is_empty() {
            return None;
        }
        self.text.push_str(self.source.get(self.copied..).unwrap_or_default());
        Some(View { text: self.text, map: Map::Pieces { offset: self.offset, pieces: self.pieces } })
    }
}

/// The text with digits and letters of other widths and scripts as the usual ones, and without what has no width.
pub(crate) fn folded(text: &str) -> String {
    let read = |char| match fold::fold(char) {
        fold::Fold::Keep => Some(char),
        fold::Fold::Drop => None,
        fold::Fold::To(other) => Some(other),
    };
    text.chars().filter_map(read).collect()
}

/// A text in which each of these parts, which are in order, is read as one character.
pub(crate) fn without(text: &str, parts: Vec<(Range<usize>, char)>) -> Option<View> {
    let mut builder = Builder::new(text, 0);
    for (part, stands_for_it) in parts {
        builder.replace(part, Some(stands_for_it));
    }
    builder.finish()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_found_in_a_view_is_found_in_the_text() {
        for (text, read, begin, end, from) in [
            (r"x a\u0040b y", "a@b", 2, 5, r"a\u0040b"),
            ("a\u{200B}\u{200B}b@c", "b@c", 1, 4, "b@c"),
            ("a@b\u{200B}\u{200B}c", "a@b", 0, 3, "a@b"),
            ("a%40b", "@", 1, 2, "%40"),
            ("caf%C3%A9!", "é!", 3, 6, "%C3%A9!"),
        ] {
            let view = decoded(text).unwrap();
            assert_eq!(&view.text[begin..end], read, "{text}");
            assert_eq!(&text[view.map.origin(&(begin..end))], from, "{text}");
        }
    }

    #[test]
    fn what_reads_the_same_is_told() {
        let view = decoded("abc %41 def%42").unwrap();
        assert_eq!(view.text, "abc A defB");
        assert!(view.map.is_same(&(0..3)) && view.map.is_same(&(6..8)));
        assert!(!view.map.is_same(&(2..5)) && !view.map.is_same(&(6..9)) && !view.map.is_same(&(0..4)));
    }

    #[test]
    fn what_is_made_up_of_half_an_escape_is_told() {
        let view = decoded("a%20127 %41%42").unwrap();
        for (at, expected) in
            [(1, false), (2, true), (3, true), (4, false), (8, false), (11, false), (12, true)]
        {
            assert_eq!(view.map.cuts(at), expected, "{at}");
        }
    }

    proptest! {
        #[test]
        fn any_range_of_any_view_leads_to_characters(
            text in r"([ -~é０\u{200b}]|\\u00[0-7][0-9a-f]|\\n|%[0-9A-F]{2}|&#[0-9]{1,4};|\*\*|=\n){0,20}",
            ends in (0_usize..200, 0_usize..200),
        ) {
            let Some(view) = decoded(&text) else { return Ok(()) };
            prop_assert!(view.text.len() <= text.len());
            let (begin, end) = (ends.0.min(ends.1), ends.0.max(ends.1));
            let range = view.text.floor_char_boundary(begin)..view.text.floor_char_boundary(end);
            prop_assert!(text.get(view.map.origin(&range)).is_some());
        }

        #[test]
        fn any_text_has_views(text in r"\PC*") {
            if let Some(view) = decoded(&text) {
                prop_assert!(view.text.len() <= text.len());
            }
        }
    }
}
