//! The search of a JSON document: names and values, values behind their names; values that are hidden for their names'
//! sake.

use std::borrow::Cow;
use std::ops::Range;

use super::search::{At, DOCUMENTS_MAX, Origin, Search, Way, layers};
use super::{FIELD, Place, Scope};
use crate::hidden::document::{Token, Tokens, is_document};
use crate::hidden::lines::{Kind, Lines};
use crate::hidden::{json_string, json_text};
use crate::replace::tokens;
use crate::{Class, secret};

/// Bytes of a value that its name is put before: what a longer one is stands in itself.
const SHORT_MAX_BYTES: usize = 256;
/// Bytes of an element of a list that the name of the list is put before, and of that name, its last. Longer ones can be
/// lines of one text.
const ELEMENT_BYTES: std::ops::RangeInclusive<usize> = 7..=40;
const LEAD_MAX_BYTES: usize = 32;
/// Digits of a number that can be of a card, a person or a telephone.
const NUMBER_MIN_DIGITS: usize = 7;
/// Bytes of a name, its last, that are looked at to tell whether it hides its value.
const NAME_MAX_BYTES: usize = 128;

/// An object or an array that is open.
#[derive(Default)]
struct Frame {
    /// The name that its elements go by.
    name: String,
    /// Its members are names with their schemas.
    has_properties: bool,
    /// It is the schema of something whose value would be hidden, for this reason.
    schema_of: Option<(Class, &'static str)>,
    /// What looks random in it is a secret, since it has several of them.
    has_secrets: bool,
    /// Of a pair such as `{"name": "API_KEY", "value": "…"}`: whether the name hides, and where the value stands.
    pair_hides: Option<(Class, &'static str)>,
    pair_value: Option<(Range<usize>, bool)>,
    /// Of its elements, as of lines of one text.
    group: usize,
    is_object: bool,
    /// Elements of a list so far; whether the last was a flag of a command line whose value is hidden.
    elements: usize,
    flag_hides: Option<(Class, &'static str)>,
}

/// The name of a member.
struct Name<'t> {
    text: Cow<'t, str>,
    range: Range<usize>,
}

impl Search<'_> {
    pub(super) fn document(&mut self, text: &str, at: At<'_>) {
        let quote = quotation_mark(at);
        let mut tokens = Tokens::new(text);
        let mut frames: Vec<Frame> = Vec::new();
        let mut lines = Lines::default();
        let mut name: Option<Name<'_>> = None;
        let mut reason = None;
        let mut groups = 0;
        while let Some(token) = tokens.next() {
            groups += 1;
            if let Token::Name(range) = token {
                let read = json_text(text, range.clone());
                let schema = frames.last().and_then(|frame| frame.schema_of).filter(|_| is_sample(&read));
                reason = self.hides(&read).or(schema);
                name = Some(Name { text: read, range });
                continue;
            }
            let own = name.take();
            let mut hidden_for = reason.take();
            let scalar = match &token {
                Token::String(range) => Some((range.clone(), false)),
                Token::Number(range) => Some((range.clone(), true)),
                _ => None,
            };
            if let (Some((range, is_bare)), Some(name), Some(frame)) = (&scalar, &own, frames.last_mut()) {
                if name.text.eq_ignore_ascii_case("value") {
                    frame.pair_value = Some((range.clone(), *is_bare));
                } else if !is_bare && is_pair_name(&name.text) {
                    frame.pair_hides = self.hides(&json_text(text, range.clone()));
                }
            }
            let is_of_list = frames.iter().nth_back(1).is_some_and(|outer| !outer.is_object);
            if let (Some((range, is_bare)), Some(frame)) =
                (&scalar, frames.last_mut().filter(|it| !it.is_object))
            {
                let content = if *is_bare { "" } else { text.get(range.clone()).unwrap_or_default() };
                // `["--password", "…"]`, and `[["x-api-key", "…"]]`.
                hidden_for = frame.flag_hides.take().filter(|_| !content.starts_with('-'));
                frame.flag_hides = content
                    .strip_prefix("--")
                    .filter(|flag| !flag.contains('='))
                    .and_then(|flag| self.hides(flag));
                frame.elements += 1;
                match frame.elements {
                    1 if is_of_list && !is_bare => frame.pair_hides = self.hides(content),
                    2 => frame.pair_value = Some((range.clone(), *is_bare)),
                    _ => frame.pair_hides = None,
                }
            }
            if frames.last().is_some_and(|frame| frame.has_secrets)
                && let Token::String(range) = &token
                && secret::is_random(text.get(range.clone()).unwrap_or_default())
            {
                hidden_for = hidden_for.or(Some((Class::Credential, "name")));
            }
            if let Some(name) = &own {
                lines.place(text, name.range.clone(), Kind::Name, groups);
                lines.add(": ");
            }
            match (token, hidden_for, scalar) {
                // What is true or false gives nothing away.
                (Token::Word, ..) => {}
                (_, Some(why), Some((range, is_bare))) => {
                    self.hide_value(range, quote.as_deref().filter(|_| is_bare), why, text, at);
                }
                (Token::String(range), None, _) => {
                    let (group, lead) = place_of(&own, frames.last(), groups);
                    self.string(text, range, group, lead, &mut lines, at);
                }
                (Token::Number(range), None, _) => {
                    let (group, lead) = place_of(&own, frames.last(), groups);
                    let is_whole =
                        text.get(range.clone()).is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()));
                    if is_whole && range.len() >= NUMBER_MIN_DIGITS {
                        put(&mut lines, lead, text, range, Kind::Number, group);
                    }
                }
                (Token::Open { at: begin, is_object }, why, _) => {
                    let is_schema = is_object && frames.last().is_some_and(|frame| frame.has_properties);
                    if let Some(why) = why.filter(|_| !is_schema) {
                        let end = tokens.pass();
                        self.hide_value(begin..end, quote.as_deref(), why, text, at);
                    } else {
                        let called = own.as_ref().map(|name| name.text.as_ref());
                        let called =
                            called.or(frames.last().map(|frame| frame.name.as_str())).unwrap_or_default();
                        let has_properties = matches!(called, "properties" | "$defs" | "definitions");
                        let name = if is_object { "" } else { end_of(called, NAME_MAX_BYTES) }.to_owned();
                        let group = groups;
                        let has_secrets = frames.last().is_some_and(|frame| frame.has_secrets)
                            || secret::holds_secrets(called);
                        frames.push(Frame {
                            name,
                            has_properties,
                            has_secrets,
                            schema_of: why,
                            group,
                            is_object,
                            ..Frame::default()
                        });
                    }
                }
                (Token::Close { .. }, ..) => {
                    let frame = frames.pop().unwrap_or_default();
                    if let (Some(why), Some((range, is_bare))) = (frame.pair_hides, frame.pair_value) {
                        self.hide_value(range, quote.as_deref().filter(|_| is_bare), why, text, at);
                    }
                }
                _ => {}
            }
            if own.is_some() {
                lines.add(" \n");
            }
        }
        let origin = Origin { way: Way::Lines(&lines, quote.as_deref()), place: Place::Json, up: at };
        self.reading_at(&lines.text, &origin);
    }

    /// Why a member of this name is hidden whatever it holds.
    fn hides(&self, name: &str) -> Option<(Class, &'static str)> {
        let name = end_of(name, NAME_MAX_BYTES);
        if is_token(name) {
            return None;
        }
        if secret::hides_value(name) {
            return Some((Class::Credential, "name"));
        }
        let is_field = self.scope == Scope::All && self.detectors.is_field(name);
        is_field.then_some((FIELD, "field"))
    }

    /// `quote` stands round the replacement of what is no string.
    fn hide_value(
        &mut self,
        range: Range<usize>,
        quote: Option<&str>,
        (class, rule): (Class, &'static str),
        text: &str,
        at: At<'_>,
    ) {
        if is_token(text.get(range.clone()).unwrap_or_default()) {
            return;
        }
        let before = self.found.len();
        self.hide(range, class, rule, text, at);
        for found in self.found.get_mut(before..).into_iter().flatten() {
            found.quote = quote.map(str::to_owned);
            found.places.push(Place::Json);
        }
    }

    /// A short string goes into the lines; what is long, a document or a form is searched by itself.
    fn string(
        &mut self,
        text: &str,
        range: Range<usize>,
        group: usize,
        lead: &str,
        lines: &mut Lines,
        at: At<'_>,
    ) {
        let content = text.get(range.clone()).unwrap_or_default();
        let may_be_document =
            layers(at) + 1 < DOCUMENTS_MAX && content.trim_ascii_start().starts_with(['{', '[']);
        let may_be_form = content.contains('+') && content.contains('=');
        if content.len() > SHORT_MAX_BYTES || may_be_form || may_be_document {
            let view = json_string(text, range.clone());
            if content.len() > SHORT_MAX_BYTES || may_be_form || is_document(&view.text) {
                self.reading(&view.text, &view.map, Place::Json, at);
                return;
            }
        }
        put(lines, lead, text, range, Kind::String, group);
    }
}

/// Of which group a value is, and what is put before it.
fn place_of<'f>(own: &Option<Name<'_>>, frame: Option<&'f Frame>, group: usize) -> (usize, &'f str) {
    match (own, frame) {
        (None, Some(frame)) => (frame.group, &frame.name),
        _ => (group, ""),
    }
}

/// Adds a value; an element of a list, which has no name of its own, in a line of its own.
fn put(lines: &mut Lines, lead: &str, text: &str, range: Range<usize>, kind: Kind, group: usize) {
    let is_element = !lines.text.ends_with(": ");
    if is_element && ELEMENT_BYTES.contains(&range.len()) && !lead.is_empty() {
        lines.add(end_of(lead, LEAD_MAX_BYTES));
        lines.add(": ");
    }
    lines.place(text, range, kind, group);
    if is_element {
        lines.add("\n");
    }
}

/// A quotation mark as it is written in this document: escaped as often as it lies in a string of another. What is encoded
/// otherwise is no document as it stands, and has none.
fn quotation_mark(at: At<'_>) -> Option<String> {
    let mut strings = 0;
    for origin in std::iter::successors(at, |origin| origin.up) {
        if origin.place != Place::Json {
            return None;
        }
        strings += 1;
    }
    let slashes = (1_usize << strings.min(DOCUMENTS_MAX)) - 1;
    Some("\\".repeat(slashes) + "\"")
}

/// Whether this was hidden before.
fn is_token(text: &str) -> bool {
    tokens(text).next() == Some(0..text.len())
}

fn end_of(name: &str, bytes: usize) -> &str {
    name.get(name.ceil_char_boundary(name.len().saturating_sub(bytes))..).unwrap_or_default()
}

fn is_pair_name(name: &str) -> bool {
    ["name", "key", "header", "field"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// What holds values in a JSON schema.
fn is_sample(name: &str) -> bool {
    matches!(name, "default" | "const" | "example" | "examples" | "enum")
}
