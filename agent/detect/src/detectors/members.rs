//! The search of a JSON document: every string by itself, behind its name; names, too; values that are hidden for
//! their names' sake.

use std::ops::Range;

use super::search::{At, DOCUMENTS_MAX, Origin, Search, layers};
use super::{FIELD, Found, Place, Scope};
use crate::hidden::document::{Token, Tokens};
use crate::hidden::{Map, json_string, named};
use crate::{Class, secret};

/// Bytes of a value that its name is put before: what a longer one is stands in itself.
const NAMED_MAX_BYTES: usize = 256;
/// Bytes of the name that are put there, its last.
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
    /// Of a pair such as `{"name": "API_KEY", "value": "…"}`: whether the name hides, and where the value stands.
    pair_hides: Option<(Class, &'static str)>,
    pair_value: Option<(Range<usize>, bool)>,
}

impl Search<'_> {
    pub(super) fn document(&mut self, text: &str, at: At<'_>) {
        let mut tokens = Tokens::new(text);
        let mut frames: Vec<Frame> = Vec::new();
        let mut name: Option<String> = None;
        let mut reason = None;
        while let Some(token) = tokens.next() {
            if let Token::Name(range) = token {
                let view = json_string(text, range);
                self.within(&view.text, &view.map, Place::Name, 0, at);
                reason = self.hides(&view.text).or_else(|| {
                    frames.last().and_then(|frame| frame.schema_of).filter(|_| is_sample(&view.text))
                });
                name = Some(view.text);
                continue;
            }
            let hidden_for = reason.take();
            let own = name.take();
            let scalar = match &token {
                Token::String(range) => Some((range.clone(), false)),
                Token::Number(range) => Some((range.clone(), true)),
                _ => None,
            };
            if let (Some((range, is_bare)), Some(name), Some(frame)) = (&scalar, &own, frames.last_mut()) {
                if name.eq_ignore_ascii_case("value") {
                    frame.pair_value = Some((range.clone(), *is_bare));
                } else if !is_bare && is_pair_name(name) {
                    frame.pair_hides = self.hides(&json_string(text, range.clone()).text);
                }
            }
            let called =
                own.as_deref().or(frames.last().map(|frame| frame.name.as_str())).unwrap_or_default();
            match (token, hidden_for, scalar) {
                // What is true or false gives nothing away.
                (Token::Word, ..) => {}
                (_, Some(why), Some((range, is_bare))) => self.hide_value(range, is_bare, why, text, at),
                (Token::String(range), None, _) => self.string(text, range, called, at),
                (Token::Number(range), None, _) => self.number(text, range, called, at),
                (Token::Open { at: begin, is_object }, why, _) => {
                    let is_schema = is_object && frames.last().is_some_and(|frame| frame.has_properties);
                    if let Some(why) = why.filter(|_| !is_schema) {
                        let end = tokens.pass();
                        self.hide_value(begin..end, true, why, text, at);
                        continue;
                    }
                    let has_properties = matches!(called, "properties" | "$defs" | "definitions");
                    let name = if is_object { "" } else { end_of(called, NAME_MAX_BYTES) }.to_owned();
                    frames.push(Frame { name, has_properties, schema_of: why, ..Frame::default() });
                }
                (Token::Close { .. }, ..) => {
                    if let Some(Frame { pair_hides: Some(why), pair_value: Some((range, is_bare)), .. }) =
                        frames.pop()
                    {
                        self.hide_value(range, is_bare, why, text, at);
                    }
                }
                _ => {}
            }
        }
    }

    /// Why a member of this name is hidden whatever it holds.
    fn hides(&self, name: &str) -> Option<(Class, &'static str)> {
        let name = end_of(name, NAME_MAX_BYTES);
        if secret::hides_value(name) {
            return Some((Class::Credential, "name"));
        }
        let is_field = self.scope == Scope::All && self.detectors.is_field(name);
        is_field.then_some((FIELD, "field"))
    }

    fn hide_value(
        &mut self,
        range: Range<usize>,
        is_bare: bool,
        (class, rule): (Class, &'static str),
        text: &str,
        at: At<'_>,
    ) {
        if crate::replace::is_token(text, &range) {
            return;
        }
        let before = self.found.len();
        self.hide(range, class, rule, text, at);
        if is_bare {
            quote(self.found.get_mut(before..), at);
        }
    }

    fn string(&mut self, text: &str, range: Range<usize>, name: &str, at: At<'_>) {
        let view = json_string(text, range);
        if name.is_empty()
            || view.text.len() > NAMED_MAX_BYTES
            || (layers(at) + 1 < DOCUMENTS_MAX && crate::hidden::document::is_document(&view.text))
        {
            self.within(&view.text, &view.map, Place::Json, 0, at);
        } else {
            let (view, lead) = named(end_of(name, LEAD_MAX_BYTES), view);
            self.within(&view.text, &view.map, Place::Json, lead, at);
        }
    }

    fn number(&mut self, text: &str, range: Range<usize>, name: &str, at: At<'_>) {
        let digits = text.get(range.clone()).unwrap_or_default();
        if digits.len() < NUMBER_MIN_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return;
        }
        let before = self.found.len();
        let map = Map::Whole(range);
        let lead = end_of(name, LEAD_MAX_BYTES);
        let (said, lead) = if lead.is_empty() {
            (digits.to_owned(), 0)
        } else {
            (format!("{lead}: {digits}"), lead.len() + 2)
        };
        let origin = Origin { map: &map, place: Place::Json, lead, up: at };
        if self.spend(said.len()) {
            self.plain(&said, None, Some(&origin));
        } else {
            self.hide(0..said.len(), Class::Credential, "hidden-too-deep", &said, Some(&origin));
        }
        quote(self.found.get_mut(before..), at);
    }

    fn within(&mut self, text: &str, map: &Map, place: Place, lead: usize, up: At<'_>) {
        self.reading_at(text, &Origin { map, place, lead, up });
    }
}

/// What replaces these is to be a string, in quotation marks as they are written where the document stands: escaped as
/// often as it lies in a string of another. What is encoded otherwise is no document as it stands.
fn quote(found: Option<&mut [Found]>, at: At<'_>) {
    let mut strings = 0;
    for origin in std::iter::successors(at, |origin| origin.up) {
        if origin.place != Place::Json {
            return;
        }
        strings += 1;
    }
    let slashes = (1_usize << strings.min(DOCUMENTS_MAX)) - 1;
    let mark = "\\".repeat(slashes) + "\"";
    for found in found.into_iter().flatten() {
        found.quote = Some(mark.clone());
    }
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
