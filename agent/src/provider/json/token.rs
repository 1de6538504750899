//! What single tokens say.

use memchr::memchr;

use super::Json;

/// Bytes of a number; a longer one is valid and of no use.
pub(super) const NUMBER_MAX_BYTES: usize = 64;

/// A literal or a number; `None` for what is neither.
pub(super) fn scalar(token: &[u8]) -> Option<Json> {
    match token {
        b"null" => return Some(Json::Null),
        b"true" => return Some(Json::Bool(true)),
        b"false" => return Some(Json::Bool(false)),
        [b'0'..=b'9', ..] | [b'-', b'0'..=b'9', ..] => {}
        _ => return None,
    }
    if token.len() > NUMBER_MAX_BYTES {
        return Some(Json::Null);
    }
    let text = std::str::from_utf8(token).ok()?;
    if let Ok(number) = text.parse() {
        return Some(Json::Unsigned(number));
    }
    text.parse().map(Json::Signed).or_else(|_| text.parse().map(Json::Float)).ok()
}

/// Appends what a string says (RFC 8259, section 7). Cut or wrong escapes become the replacement character, as
/// do halves of surrogate pairs and what is not UTF-8.
pub(super) fn unescape(raw: &[u8], text: &mut String) {
    text.reserve(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        push(text, plain);
        let (character, used) = self::escape(escape);
        text.push(character);
        rest = escape.get(used..).unwrap_or_default();
    }
    push(text, rest);
}

/// The character that an escape stands for, and how many bytes it takes of what begins with it.
pub(super) fn escape(escape: &[u8]) -> (char, usize) {
    match escape {
        [_, b'n', ..] => ('\n', 2),
        [_, b't', ..] => ('\t', 2),
        [_, b'r', ..] => ('\r', 2),
        [_, b'b', ..] => ('\u{8}', 2),
        [_, b'f', ..] => ('\u{c}', 2),
        [_, b'u', ..] => unicode(escape),
        [_, byte @ (b'"' | b'\\' | b'/'), ..] => (char::from(*byte), 2),
        _ => (char::REPLACEMENT_CHARACTER, escape.len().min(2)),
    }
}

fn push(text: &mut String, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(plain) => text.push_str(plain),
        Err(_) => text.push_str(&String::from_utf8_lossy(bytes)),
    }
}

/// The character of `\uXXXX`, or of two of them that are a surrogate pair; and how long that is.
fn unicode(escape: &[u8]) -> (char, usize) {
    let unit = |at: usize| {
        let digits = escape.get(at..at + 6)?.strip_prefix(b"\\u")?;
        let mut unit = 0;
        for digit in digits {
            unit = unit << 4 | char::from(*digit).to_digit(16)?;
        }
        Some(unit)
    };
    let Some(first) = unit(0) else { return (char::REPLACEMENT_CHARACTER, escape.len().min(6)) };
    if let (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) = (first, unit(6)) {
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}
