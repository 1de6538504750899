//! Strings, as what their escapes say.

use super::Said;
use crate::provider::json::token::escape;

/// Bytes of the longest escape: two halves of a surrogate pair.
const ESCAPE_MAX_BYTES: usize = 12;

/// A string as it comes, in pieces that may end within an escape.
#[derive(Debug, Default)]
pub(super) struct Text {
    said: Said,
    /// An escape, so far as it has come.
    escape: [u8; ESCAPE_MAX_BYTES],
    held: usize,
}

impl Text {
    /// More of it; a backslash is its first byte, if there is one.
    pub(super) fn push(&mut self, raw: &[u8]) {
        let mut rest = raw;
        while let Some((byte, behind)) = rest.split_first() {
            if self.held == 0 && *byte != b'\\' {
                return self.said.write(rest);
            }
            self.hold(*byte);
            rest = behind;
            while let Some(used) = self.known() {
                self.undo(used);
            }
        }
    }

    fn hold(&mut self, byte: u8) {
        if let Some(place) = self.escape.get_mut(self.held) {
            *place = byte;
            self.held += 1;
        }
    }

    fn bytes(&self) -> &[u8] {
        self.escape.get(..self.held).unwrap_or_default()
    }

    /// How many of the bytes held are an escape, or a byte that is none, whatever follows.
    fn known(&self) -> Option<usize> {
        match self.bytes() {
            [] | [b'\\'] => None,
            [b'\\', b'u', rest @ ..] => {
                let is_high = |digits: &[u8]| {
                    matches!(digits, [b'd' | b'D', b'8' | b'9' | b'a'..=b'b' | b'A'..=b'B', ..])
                };
                match rest {
                    [_, _, _, _] if is_high(rest) => None,
                    [_, _, _, _, b'\\'] | [_, _, _, _, b'\\', b'u'] => None,
                    [_, _, _, _, b'\\', b'u', low @ ..] if low.len() < 4 => None,
                    [_, _, _, _, ..] => Some(escape(self.bytes()).1),
                    _ => None,
                }
            }
            [b'\\', ..] => Some(2),
            [_, ..] => Some(1),
        }
    }

    /// So many of the bytes held are one character.
    fn undo(&mut self, used: usize) {
        let held = self.escape;
        let held = held.get(..self.held).unwrap_or_default();
        let (one, rest) = held.split_at_checked(used).unwrap_or((held, &[]));
        match one {
            [b'\\', ..] => self.said.write(escape(one).0.encode_utf8(&mut [0; 4]).as_bytes()),
            plain => self.said.write(plain),
        }
        self.held = 0;
        rest.iter().for_each(|byte| self.hold(*byte));
    }

    pub(super) fn finish(mut self) -> u64 {
        while self.held > 0 {
            let used = self.known().unwrap_or_else(|| escape(self.bytes()).1);
            self.undo(used);
        }
        self.said.finish()
    }
}
