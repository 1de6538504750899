//! The search of one text and of all that is read in it.

use std::borrow::Cow;
use std::ops::Range;

use super::{Detectors, Found, Place, Scope};
use crate::finding::merge_by;
use crate::hidden::base64::{self, Run};
use crate::hidden::document::is_document;
use crate::hidden::lines::{Kind, Lines};
use crate::hidden::{Map, decoded, without};
use crate::replace::tokens;
use crate::{Class, Finding};

/// Readings within one another that are searched. Nobody who means well encodes as often.
const LAYERS_MAX: usize = 8;
/// Of these, how many JSON documents within one another are taken apart; what is deeper is searched as text.
pub(super) const DOCUMENTS_MAX: usize = 5;
/// Bytes of all readings of a text together: so many times its length, and for short ones this much more.
const READ_FACTOR: usize = 16;
const READ_MIN: usize = 4096;

/// What stands in a text that is searched for what is no text, and for what stands for a finding already.
const BINARY: char = '\u{FFFC}';
const TOKEN: char = '\u{FFFD}';

/// What hides more than is searched.
const TOO_DEEP: &str = "hidden-too-deep";

/// Where a text was read.
#[derive(Clone, Copy)]
pub(super) struct Origin<'o> {
    pub(super) way: Way<'o>,
    pub(super) place: Place,
    pub(super) up: Option<&'o Origin<'o>>,
}

/// The way back to where something was read.
#[derive(Clone, Copy)]
pub(super) enum Way<'o> {
    Map(&'o Map),
    /// Lines of a document, with what stands round the replacement of a number, which is to be a string.
    Lines(&'o Lines, Option<&'o str>),
}

impl Origin<'_> {
    fn chain(&self) -> impl Iterator<Item = &Origin<'_>> {
        std::iter::successors(Some(self), |origin| origin.up)
    }
}

/// A text within whatever it was read from; `None` for the text that is searched.
pub(super) type At<'o> = Option<&'o Origin<'o>>;

pub(super) struct Search<'d> {
    pub(super) detectors: &'d Detectors,
    pub(super) scope: Scope,
    pub(super) found: Vec<Found>,
    /// Bytes of readings that may still be made.
    left: usize,
    /// Reused for what one detector run finds.
    raw: Vec<Finding>,
}

impl<'d> Search<'d> {
    /// Of a text of so many bytes.
    pub(super) fn new(detectors: &'d Detectors, scope: Scope, length: usize) -> Self {
        let left = length.saturating_mul(READ_FACTOR).saturating_add(READ_MIN);
        Self { detectors, scope, found: Vec::new(), left, raw: Vec::new() }
    }

    /// Bytes that may still be read.
    #[cfg(test)]
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Searches a text that may be a document.
    pub(super) fn value(&mut self, text: &str, at: At<'_>) {
        if layers(at) < DOCUMENTS_MAX && is_document(text) {
            self.document(text, at);
        } else {
            self.text(text, at);
        }
    }

    pub(super) fn text(&mut self, text: &str, at: At<'_>) {
        // What stands for a finding already is none, nor a part of one.
        let mut left_out: Vec<_> = tokens(text).map(|range| (range, TOKEN)).collect();
        // What reads the same in the text that this was decoded from was seen there.
        let wanted = |range: &Range<usize>| match at {
            Some(Origin { way: Way::Map(map), place: Place::Escaped, .. }) => !map.is_same(range),
            _ => true,
        };
        base64::runs(text, wanted, |range, run| match run {
            Run::Text(inner) => self.reading(&inner, &Map::Whole(range), Place::Base64, at),
            Run::Binary => left_out.push((range, BINARY)),
        });
        left_out.sort_by_key(|(range, _)| range.start);
        // Runs of the two alphabets can overlap.
        left_out.dedup_by(|(next, _), (kept, _)| next.start < kept.end);
        match without(text, left_out) {
            Some(view) => {
                let origin = Origin { way: Way::Map(&view.map), place: Place::Plain, up: at };
                self.forms(&view.text, Some(&origin));
            }
            None => self.forms(text, at),
        }
    }

    /// As it stands, and as it reads.
    fn forms(&mut self, text: &str, at: At<'_>) {
        let decoded = decoded(text);
        self.plain(text, decoded.as_ref().map(|view| &view.map), at);
        if let Some(view) = decoded {
            self.reading(&view.text, &view.map, Place::Escaped, at);
        }
    }

    pub(super) fn reading(&mut self, text: &str, map: &Map, place: Place, up: At<'_>) {
        self.reading_at(text, &Origin { way: Way::Map(map), place, up });
    }

    /// Searches a reading; what can not be searched within bounds is hidden as it is.
    pub(super) fn reading_at(&mut self, text: &str, origin: &Origin<'_>) {
        if layers(Some(origin)) <= LAYERS_MAX && self.spend(text.len()) {
            self.value(text, Some(origin));
        } else {
            self.hide(0..text.len(), Class::Credential, TOO_DEEP, text, Some(origin));
        }
    }

    /// Whether so much more may be read.
    pub(super) fn spend(&mut self, length: usize) -> bool {
        let left = self.left.checked_sub(length);
        self.left = left.unwrap_or(0);
        left.is_some()
    }

    /// Asks the detectors. Where the text reads otherwise, too, what is made up of half an escape is none, as `%2012`
    /// and `password=&quot;`, but for credentials that are known by their shape.
    pub(super) fn plain(&mut self, text: &str, other: Option<&Map>, at: At<'_>) {
        let mut raw = std::mem::take(&mut self.raw);
        raw.clear();
        self.detectors.ask(text, self.scope, &mut raw);
        raw.retain_mut(|finding| {
            let range =
                text.floor_char_boundary(finding.range.start)..text.ceil_char_boundary(finding.range.end);
            let value = text.get(range.clone()).unwrap_or_default();
            let cuts = |at| other.is_some_and(|map| map.cuts(at));
            let is_half = match finding.class {
                Class::Credential => is_told(&finding.rule) && cuts(range.end),
                _ => cuts(range.start) || cuts(range.end),
            };
            let is_token = value.contains(TOKEN) && !value.contains(char::is_alphanumeric);
            finding.range = range;
            !is_half && !is_token && !self.detectors.stays(finding, value)
        });
        // Apart from each other they are in as many places of the text as it has, whatever overlapped. In lines of a
        // document a finding is of one group, and hides nothing in the next.
        let are_one =
            |one: &Finding, next: &Finding| group(at, one.range.start) == group(at, next.range.start);
        merge_by(&mut raw, |finding| finding, |finding| finding, are_one, |_, _| {});
        for Finding { range, class, rule } in raw.drain(..) {
            let value = text.get(range.clone()).unwrap_or_default();
            self.add(range, class, rule, value, at);
        }
        self.raw = raw;
    }

    /// Something that is to be hidden whatever it looks like.
    pub(super) fn hide(
        &mut self,
        range: Range<usize>,
        class: Class,
        rule: &'static str,
        text: &str,
        at: At<'_>,
    ) {
        let value = text.get(range.clone()).unwrap_or_default();
        self.add(range, class, rule.into(), value, at);
    }

    fn add(&mut self, range: Range<usize>, class: Class, rule: Cow<'static, str>, value: &str, at: At<'_>) {
        let mut places: Vec<Place> = Vec::new();
        let mut parts = vec![(range, None)];
        let mut quote = None;
        for origin in at.iter().flat_map(|at| at.chain()) {
            places.push(origin.place);
            match origin.way {
                Way::Map(map) => parts.iter_mut().for_each(|(range, _)| *range = map.origin(range)),
                Way::Lines(lines, mark) => {
                    let of = |(range, _)| {
                        lines.origins(&range).into_iter().map(|(range, kind)| (range, Some(kind)))
                    };
                    parts = parts.into_iter().flat_map(of).collect();
                    quote = mark;
                }
            }
        }
        places.reverse();
        places.retain(|place| *place != Place::Plain);
        for (range, kind) in parts.into_iter().filter(|(range, _)| !range.is_empty()) {
            let quote = quote.filter(|_| kind == Some(Kind::Number)).map(str::to_owned);
            let finding = Finding { range, class, rule: rule.clone() };
            self.found.push(Found { finding, value: value.to_owned(), places: places.clone(), quote });
        }
    }
}

/// Of which group of a document's lines that is which stands at a place of a text that was read there.
fn group(at: At<'_>, mut place: usize) -> Option<usize> {
    for origin in at?.chain() {
        match origin.way {
            Way::Map(map) => place = map.origin(&(place..place + 1)).start,
            Way::Lines(lines, _) => return lines.group(place),
        }
    }
    None
}

/// Whether a rule of credentials goes by what stands before a value, and takes what it finds there.
fn is_told(rule: &str) -> bool {
    ["assigned-", "url-", "command-"].iter().any(|kind| rule.starts_with(kind))
}

/// How many readings lie within one another.
pub(super) fn layers(at: At<'_>) -> usize {
    at.map_or(0, |at| at.chain().filter(|origin| origin.place != Place::Plain).count())
}
