//! The short strings of a document put together, each in a line behind its name: names tell what values are, and
//! detectors are asked once for all.

use std::ops::Range;

use super::{Map, Piece, back, json_string};

/// What of a document stands in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Name,
    String,
    Number,
}

/// Strings, names and numbers of a document.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) text: String,
    pieces: Vec<Piece>,
    spans: Vec<Span>,
}

/// What stands in the document.
#[derive(Debug)]
struct Span {
    view: Range<usize>,
    origin: Range<usize>,
    kind: Kind,
    /// What was found in several spans is of all only if this is the same.
    group: usize,
    /// Where its pieces begin.
    pieces: usize,
}

impl Lines {
    /// Adds what stands in no document.
    pub(crate) fn add(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds the content of a string, or a number, that stands at `origin`.
    pub(crate) fn place(&mut self, document: &str, origin: Range<usize>, kind: Kind, group: usize) {
        let (begin, pieces) = (self.text.len(), self.pieces.len());
        let content = document.get(origin.clone()).unwrap_or_default();
        if memchr::memchr(b'\\', content.as_bytes()).is_none() {
            self.text.push_str(content);
        } else {
            let view = json_string(document, origin.clone());
            self.text.push_str(&view.text);
            if let Map::Pieces { pieces, .. } = view.map {
                self.pieces.extend(pieces.into_iter().map(|Piece { view, origin }| Piece {
                    view: begin + view.start..begin + view.end,
                    origin,
                }));
            }
        }
        self.spans.push(Span { view: begin..self.text.len(), origin, kind, group, pieces });
    }

    /// Of which group that is which stands at a place.
    pub(crate) fn group(&self, at: usize) -> Option<usize> {
        let span = self.spans.partition_point(|span| span.view.end <= at);
        self.spans.get(span).map(|span| span.group)
    }

    /// Where what was found in `range` stands: in the first line that it is of, and in those of its group. What goes from a
    /// name into its value is told by the name, and is the value.
    pub(crate) fn origins(&self, range: &Range<usize>) -> Vec<(Range<usize>, Kind)> {
        let first = self.spans.partition_point(|span| span.view.end <= range.start);
        let after = self.spans.partition_point(|span| span.view.start < range.end);
        let spans = self.spans.get(first..after).unwrap_or_default();
        let group = spans.first().map(|span| span.group);
        let of_group = (first..after).zip(spans).take_while(|(_, span)| Some(span.group) == group);
        let mut origins: Vec<_> = of_group
            .map(|(index, span)| {
                let end = self.spans.get(index + 1).map_or(self.pieces.len(), |next| next.pieces);
                let pieces = self.pieces.get(span.pieces..end).unwrap_or_default();
                let part = range.start.max(span.view.start)..range.end.min(span.view.end);
                let origin = match span.kind {
                    Kind::Number => span.origin.clone(),
                    Kind::Name | Kind::String => back(pieces, (span.view.start, span.origin.start), &part),
                };
                (origin, span.kind)
            })
            .filter(|(origin, _)| !origin.is_empty())
            .collect();
        if origins.iter().any(|(_, kind)| *kind != Kind::Name) {
            origins.retain(|(_, kind)| *kind != Kind::Name);
        }
        origins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_in_lines_is_found_in_the_document() {
        let document = r#"{"a\u0040b": "x\ny", "n": 12345}"#;
        let mut lines = Lines::default();
        lines.place(document, 2..10, Kind::Name, 1);
        lines.add(": ");
        lines.place(document, 14..18, Kind::String, 1);
        lines.add(" \nn: ");
        lines.place(document, 26..31, Kind::Number, 2);
        assert_eq!(lines.text, "a@b: x\ny \nn: 12345");
        for (range, expected) in [
            (0..3, vec![(2..10, Kind::Name)]),
            (1..2, vec![(3..9, Kind::Name)]),
            (2..6, vec![(14..15, Kind::String)]),
            (6..8, vec![(15..18, Kind::String)]),
            (3..5, vec![]),
            // Of the first alone, since they are no group.
            (7..16, vec![(17..18, Kind::String)]),
            (14..16, vec![(26..31, Kind::Number)]),
        ] {
            assert_eq!(lines.origins(&range), expected, "{range:?}");
        }
    }
}
