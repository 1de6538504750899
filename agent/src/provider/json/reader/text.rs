//! Strings, and those that name members.

use memchr::memchr2;

use super::{KEPT_MAX_BYTES, Kind, Level, Reader, State, keep};
use crate::provider::json::Json;
use crate::provider::json::outline::NAME_MAX_BYTES;
use crate::provider::json::shape::ROOT;
use crate::provider::json::token::unescape;

/// Bytes of a name that are compared with those wanted; all of these are shorter.
const KEY_MAX_BYTES: usize = 128;

impl Reader {
    pub(super) fn begin_string(&mut self, is_key: bool) {
        // Behind a gap it is not known yet whether a string is a name.
        let may_be_key = is_key || self.state == State::Anything;
        self.token.clear();
        (self.string_bytes, self.escape_bytes, self.padding) = (0, 0, 0);
        self.token_max = if may_be_key {
            self.digests.begin_text(false);
            KEY_MAX_BYTES
        } else if self.outline.is_some() {
            NAME_MAX_BYTES
        } else {
            let target = self.target();
            self.digests.begin_text(target.is_some_and(|node| self.shape.is_digested(node, false)));
            target.map_or(0, |node| self.shape.cap(node))
        };
        self.state = State::String { is_key, escaped: false };
    }

    /// Reads on in a string; returns what follows what was read.
    pub(super) fn string<'a>(&mut self, bytes: &'a [u8], is_key: bool, escaped: bool) -> &'a [u8] {
        let end = if escaped { Some(0) } else { memchr2(b'"', b'\\', bytes) };
        let (text, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        // Most names lie together, without an escape: no need to collect them.
        if let [b'"', rest @ ..] = rest
            && is_key
            && !escaped
            && self.string_bytes == 0
            && text.len() <= KEY_MAX_BYTES
        {
            self.digests.name(text);
            self.name(text);
            self.state = State::Colon;
            return rest;
        }
        self.extend_string(text);
        let Some((byte, rest)) = rest.split_first() else { return rest };
        if *byte == b'"' && !escaped {
            self.end_string(is_key);
        } else {
            self.extend_string(&[*byte]);
            if escaped {
                // `\n` and `\u000a` are one byte each.
                self.escape_bytes += if *byte == b'u' { 5 } else { 1 };
            }
            self.state = State::String { is_key, escaped: !escaped };
        }
        rest
    }

    fn extend_string(&mut self, bytes: &[u8]) {
        self.digests.extend_text(bytes);
        self.string_bytes = self.string_bytes.saturating_add(bytes.len() as u64);
        if let Some(last) = bytes.last() {
            let before = bytes.len() < 2 && self.padding > 0;
            self.padding = match (last, bytes) {
                (b'=', [.., b'=', _]) => 2,
                (b'=', _) => 1 + u8::from(before),
                _ => 0,
            };
        }
        if self.token_max == 0 {
            return;
        }
        let room = KEPT_MAX_BYTES.saturating_sub(self.kept_bytes);
        self.overflowed |= room < self.token_max && bytes.len() > room;
        keep(&mut self.token, bytes, self.token_max.min(room));
    }

    fn end_string(&mut self, is_key: bool) {
        let cut = (self.token.len() as u64) < self.string_bytes;
        let digest = self.digests.end_text(is_key);
        if is_key {
            let key = std::mem::take(&mut self.token);
            self.name(if cut { &[] } else { &key });
            self.token = key;
            self.state = State::Colon;
        } else if matches!(self.levels.last(), Some(Level { kind: Kind::Unknown, member: None, .. })) {
            self.state = State::Perhaps;
        } else {
            if let Some(outline) = &mut self.outline {
                outline.value(if cut { None } else { Some(&self.token) });
            }
            let value = self.target().map(|node| {
                if let Some(digest) =
                    digest.filter(|_| self.shape.cap(node) == 0 && self.shape.is_digested(node, false))
                {
                    return Json::Digest(digest);
                }
                let mut text = self.spare.texts.pop().unwrap_or_default();
                unescape(&self.token, &mut text);
                self.kept_bytes += text.len();
                let bytes = self.string_bytes.saturating_sub(self.escape_bytes);
                Json::Text { text, bytes, padding: self.padding, cut }
            });
            self.attach(value);
        }
    }

    /// Nothing more is known of the string under way: what there is of it stands for it where some of it is wanted.
    pub(super) fn cut_string(&mut self) {
        let is_value = matches!(self.state, State::String { is_key: false, .. });
        if !is_value || self.behind.is_some() || self.outline.is_some() {
            return;
        }
        if self.target().is_some_and(|node| self.shape.cap(node) > 0) {
            let mut text = String::new();
            unescape(&self.token, &mut text);
            let value = Json::Text { text, bytes: self.string_bytes, padding: 0, cut: true };
            self.attach(Some(value));
        }
    }

    /// The name of the member whose value comes next.
    pub(super) fn name(&mut self, raw: &[u8]) {
        if let Some(outline) = &mut self.outline {
            return outline.name(raw);
        }
        let Some(level) = self.levels.last_mut() else { return };
        // What stands in a level that began before a gap may be the document's own.
        let node = if level.kind == Kind::Unknown { Some(ROOT) } else { level.node };
        level.member = node.and_then(|node| {
            if raw.contains(&b'\\') {
                let mut name = String::new();
                unescape(raw, &mut name);
                self.shape.child(node, name.as_bytes())
            } else {
                self.shape.child(node, raw)
            }
        });
    }
}
