//! What is written for one character or for none: escapes of JSON and of programming languages, percent-encoding,
//! character references, soft line breaks, characters without width, digits and letters of other widths.

use std::ops::Range;

use super::fold::{FOLDED, Fold, fold};
use super::{Builder, Map, View, entity};

/// What is read of some bytes: how many they are, and which character.
type Reading = (usize, Option<char>);

/// The text as it reads with everything undone; `None` when there is nothing to undo.
pub(crate) fn decoded(text: &str) -> Option<View> {
    let bytes = text.as_bytes();
    let forms = Forms::of(bytes);
    if !forms.may_hide(bytes) {
        return None;
    }
    let mut builder = Builder::new(text, 0);
    let signs = forms.signs();
    let is_sign = |byte: &u8| signs.get(usize::from(*byte)).is_some_and(|is_sign| *is_sign);
    let mut at = 0;
    while let Some(sign) = bytes.get(at..)?.iter().position(is_sign) {
        at += sign;
        let reading = match bytes.get(at)? {
            b'\\' => backslash(bytes, at),
            b'%' => escaped_character(bytes, at).or_else(|| percent_sign(bytes, at)),
            b'&' => entity::reference(bytes.get(at..)?).map(|(char, length)| (length, Some(char))),
            b'=' => quoted_printable(bytes, at, &forms),
            b'*' => emphasis(bytes, at),
            b'+' => Some((1, Some(' '))),
            b'>' => quotation(bytes, at),
            0x1B => terminal(bytes, at),
            _ => {
                let char = text.get(at..)?.chars().next()?;
                match fold(char) {
                    Fold::Keep => {
                        at += char.len_utf8();
                        continue;
                    }
                    Fold::Drop => Some((char.len_utf8(), None)),
                    Fold::To(other) => Some((char.len_utf8(), Some(other))),
                }
            }
        };
        match reading {
            Some((length, with)) => {
                builder.replace(at..at + length, with);
                at += length;
            }
            None => at += 1,
        }
    }
    builder.finish()
}

/// The string of a JSON document whose content stands at `range`, as it reads.
pub(crate) fn json_string(document: &str, range: Range<usize>) -> View {
    let text = document.get(range.clone()).unwrap_or_default();
    let bytes = text.as_bytes();
    let mut builder = Builder::new(text, range.start);
    let mut at = 0;
    while let Some(sign) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += sign;
        let (length, char) = match bytes.get(at + 1) {
            Some(b'u') => unicode(bytes, at, at + 1).unwrap_or((2, char::REPLACEMENT_CHARACTER)),
            Some(b'n') => (2, '\n'),
            Some(b'r') => (2, '\r'),
            Some(b't') => (2, '\t'),
            Some(b'b') => (2, '\u{8}'),
            Some(b'f') => (2, '\u{C}'),
            Some(byte) if byte.is_ascii() => (2, char::from(*byte)),
            _ => break,
        };
        builder.replace(at..at + length, Some(char));
        at += length;
    }
    let offset = range.start;
    builder
        .finish()
        .unwrap_or_else(|| View { text: text.to_owned(), map: Map::Pieces { offset, pieces: Vec::new() } })
}

/// What a text looks like as a whole, where signs mean something only in such texts.
struct Forms {
    /// `a=b+c`: no blanks, and names have values.
    is_url_encoded: bool,
    is_quoted_printable: bool,
    /// Lines end with `=`, some perhaps of base64.
    has_soft_breaks: bool,
    /// Lines begin with `>`.
    is_quoted: bool,
    /// `**`.
    has_emphasis: bool,
}

impl Forms {
    fn of(bytes: &[u8]) -> Self {
        let has = |sign: &[u8]| memchr::memmem::find(bytes, sign).is_some();
        let has_values = memchr::memchr(b'=', bytes).is_some();
        let soft_break = if has_values { soft_break(bytes) } else { None };
        Self {
            is_url_encoded: has_values
                && memchr::memchr(b'+', bytes).is_some()
                && memchr::memchr3(b'"', b'\\', b' ', bytes).is_none()
                && !bytes.iter().any(u8::is_ascii_whitespace),
            is_quoted_printable: has_values
                && (has(b"=3D") || soft_break.is_some_and(|at| !is_padding(bytes, at))),
            has_soft_breaks: soft_break.is_some(),
            is_quoted: bytes.starts_with(b">") || has(b"\n>"),
            has_emphasis: has(b"**"),
        }
    }

    /// Bytes at which something may begin in this text: a sign that means something only in texts of a form is none in the
    /// others, where its reading would be `None` at each place.
    fn signs(&self) -> [bool; 256] {
        let mut signs = FOLDED;
        let told = [
            (b'\\', true),
            (b'%', true),
            (b'&', true),
            (0x1B, true),
            (b'=', self.is_quoted_printable || self.has_soft_breaks),
            (b'+', self.is_url_encoded),
            (b'*', self.has_emphasis),
            (b'>', self.is_quoted),
        ];
        for (sign, is_told) in told {
            signs.get_mut(usize::from(sign)).into_iter().for_each(|is_sign| *is_sign = is_told);
        }
        signs
    }

    /// Whether there may be anything to undo: told many bytes at a time, since most texts have nothing.
    fn may_hide(&self, bytes: &[u8]) -> bool {
        self.is_url_encoded
            || self.is_quoted_printable
            || self.is_quoted
            || !bytes.is_ascii()
            || memchr::memchr3(b'\\', b'%', b'&', bytes).is_some()
            || memchr::memchr(0x1B, bytes).is_some()
            || self.has_emphasis
    }
}

/// What sets colours on a terminal (ECMA-48, section 5.4).
fn terminal(bytes: &[u8], at: usize) -> Option<Reading> {
    const LONGEST: usize = 32;
    let parameters = bytes.get(at + 1..)?.strip_prefix(b"[")?;
    let length = parameters.iter().take(LONGEST).position(|byte| !matches!(byte, b' '..=b'?'))?;
    Some((length + 3, None))
}

/// Any number of backslashes, as they come of JSON within JSON, and what they are before.
fn backslash(bytes: &[u8], at: usize) -> Option<Reading> {
    let slashes = bytes.get(at..)?.iter().take_while(|byte| **byte == b'\\').count();
    let sign = at + slashes;
    // Without meaning before this: as one.
    let plain = (slashes > 1).then_some((slashes, Some('\\')));
    let char = match bytes.get(sign) {
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'b' | b'f' | b'v') => ' ',
        Some(b'\n') => return Some((slashes + 1, None)),
        Some(b'u' | b'U') => {
            return unicode(bytes, at, sign).map(|(length, char)| (length, Some(char))).or(plain);
        }
        Some(b'x') => return escaped_character(bytes, at).or(plain),
        Some(byte) if byte.is_ascii_punctuation() => char::from(*byte),
        _ => return plain,
    };
    Some((slashes + 1, Some(char)))
}

/// `uXXXX`, with the other half of a surrogate pair behind it, `u{X…}` or `UXXXXXXXX` at `sign`; the length from
/// `at`. Half a pair is read as U+FFFD.
fn unicode(bytes: &[u8], at: usize, sign: usize) -> Option<(usize, char)> {
    if bytes.get(sign) == Some(&b'U') {
        return Some((sign + 9 - at, char::from_u32(hexadecimal(bytes, sign + 1..sign + 9)?)?));
    }
    if bytes.get(sign + 1) == Some(&b'{') {
        let digits = bytes.get(sign + 2..)?.iter().take(7).position(|byte| *byte == b'}')?;
        let char = char::from_u32(hexadecimal(bytes, sign + 2..sign + 2 + digits)?)?;
        return Some((sign + 3 + digits - at, char));
    }
    let first = hexadecimal(bytes, sign + 1..sign + 5)?;
    let end = sign + 5;
    if let Some(char) = char::from_u32(first) {
        return Some((end - at, char));
    }
    let slashes = bytes.get(end..)?.iter().take_while(|byte| **byte == b'\\').count();
    let second = (slashes > 0 && bytes.get(end + slashes) == Some(&b'u'))
        .then(|| hexadecimal(bytes, end + slashes + 1..end + slashes + 5))
        .flatten()
        .filter(|second| (0xDC00..0xE000).contains(second) && first < 0xDC00);
    let pair =
        second.and_then(|second| char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)));
    Some(match pair {
        Some(char) => (end + slashes + 5 - at, char),
        None => (end - at, char::REPLACEMENT_CHARACTER),
    })
}

/// A character whose bytes are escaped one by one: `%C3%A9`, `\xC3\xA9`.
fn escaped_character(bytes: &[u8], at: usize) -> Option<Reading> {
    let (first, mut length) = escaped_byte(bytes, at)?;
    let count = match first {
        0..0x80 => return Some((length, Some(first.into()))),
        0xC2..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0..0xF5 => 4,
        _ => return None,
    };
    let mut character = [first, 0, 0, 0];
    for byte in character.get_mut(1..count)? {
        let (next, more) = escaped_byte(bytes, at + length)?;
        *byte = next;
        length += more;
    }
    let char = std::str::from_utf8(character.get(..count)?).ok()?.chars().next()?;
    Some((length, Some(char)))
}

/// `%25` before what is no character with it.
fn percent_sign(bytes: &[u8], at: usize) -> Option<Reading> {
    bytes.get(at..)?.starts_with(b"%25").then_some((3, Some('%')))
}

/// `%XX`, however often its `%` was encoded as `%25`, or `\xXX` behind any number of backslashes.
fn escaped_byte(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let mut digits = at + 1;
    match bytes.get(at)? {
        b'%' => {
            while bytes.get(digits..)?.starts_with(b"25")
                && hexadecimal(bytes, digits + 2..digits + 4).is_some()
            {
                digits += 2;
            }
        }
        b'\\' => {
            digits = at + bytes.get(at..)?.iter().take_while(|byte| **byte == b'\\').count();
            if bytes.get(digits) != Some(&b'x') {
                return None;
            }
            digits += 1;
        }
        _ => return None,
    }
    let byte = u8::try_from(hexadecimal(bytes, digits..digits + 2)?).ok()?;
    Some((byte, digits + 2 - at))
}

/// What a line of a quotation begins with, in mail and Markdown.
fn quotation(bytes: &[u8], at: usize) -> Option<Reading> {
    let is_begun = at.checked_sub(1).and_then(|before| bytes.get(before)).is_none_or(|byte| *byte == b'\n');
    let signs = bytes.get(at..)?.iter().take_while(|byte| **byte == b'>').count();
    let space = usize::from(bytes.get(at + signs) == Some(&b' '));
    is_begun.then_some((signs + space, None))
}

/// RFC 2045, section 6.7: a soft line break is nothing; `=XX` is a byte in texts that look so.
fn quoted_printable(bytes: &[u8], at: usize, forms: &Forms) -> Option<Reading> {
    match bytes.get(at + 1)? {
        b'\n' | b'\r' if is_padding(bytes, at) => None,
        b'\n' => Some((2, None)),
        b'\r' if bytes.get(at + 2) == Some(&b'\n') => Some((3, None)),
        _ if forms.is_quoted_printable => {
            let digits = bytes.get(at + 1..at + 3)?;
            let byte = u8::try_from(hexadecimal(bytes, at + 1..at + 3)?).ok()?;
            (byte.is_ascii() && !digits.iter().any(u8::is_ascii_lowercase)).then_some((3, Some(byte.into())))
        }
        _ => None,
    }
}

/// The first `=` at the end of a line.
fn soft_break(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"=\n").or_else(|| memchr::memmem::find(bytes, b"=\r\n"))
}

/// Whether a sign of equality ends base64: the run before it has at least the length of a short key.
fn is_padding(bytes: &[u8], at: usize) -> bool {
    const RUN_MIN: usize = 20;
    let before = bytes.get(..at).unwrap_or_default();
    let signs = before.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let run = before.get(..at - signs).unwrap_or_default().iter().rev();
    let run = run.take_while(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte)).count();
    run >= RUN_MIN && (run + signs + 1).is_multiple_of(4)
}

/// `**` between characters of one word: `a**b**@c.example`. What stands round a word leaves it whole, and rows of
/// asterisks stand for something that is hidden already.
fn emphasis(bytes: &[u8], at: usize) -> Option<Reading> {
    let joins =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"@._-".contains(byte));
    let is_between =
        joins(at.checked_sub(1).and_then(|before| bytes.get(before))) && joins(bytes.get(at + 2));
    (is_between && bytes.get(at + 1) == Some(&b'*')).then_some((2, None))
}

fn hexadecimal(bytes: &[u8], range: Range<usize>) -> Option<u32> {
    if range.is_empty() {
        return None;
    }
    bytes
        .get(range)?
        .iter()
        .try_fold(0, |number: u32, byte| Some(number.checked_mul(16)? | char::from(*byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> String {
        decoded(text).map_or_else(|| text.to_owned(), |view| view.text)
    }

    #[test]
    fn everything_is_undone_at_once() {
        for (text, expected) in [
            // JSON, and languages.
            (r"bob\u0040example.com", "bob@example.com"),
            (r"bob\\\\u0040example.com", "bob@example.com"),
            (r"a\/b\nc\td", "a/b\nc\td"),
            (r#"{\\\"a\\\": 1}"#, r#"{"a": 1}"#),
            (r"\ud83d\ude00", "😀"),
            (r"\\ud83d\\ude00", "😀"),
            (r"\ud83dx", "\u{FFFD}x"),
            (r"\ude00", "\u{FFFD}"),
            (r"\x40\xC3\xA9", "@é"),
            (r"\u{40}\u{1F600}\U00000040", "@😀@"),
            ("long\\\nline", "longline"),
            (r"bob\_smith\@example\.com", "bob_smith@example.com"),
            (r"\d+ C:\Users", r"\d+ C:\Users"),
            // Percent.
            ("bob%40example.com", "bob@example.com"),
            ("bob%25252540example.com", "bob@example.com"),
            ("%C3%A9 %c3%a9 %25C3%25A9", "é é é"),
            ("%zz %4 % %", "%zz %4 % %"),
            ("%FF%C3x", "%FF%C3x"),
            ("100%25", "100%"),
            ("%25B4111", "%B4111"),
            ("q=a+b&c=%2B49", "q=a b&c=+49"),
            ("a + b = c+d", "a + b = c+d"),
            // HTML.
            ("bob&#64;example&period;com", "bob@example.com"),
            ("bob&amp;amp;#x40;x", "bob@x"),
            ("a && b & c", "a && b & c"),
            // Quoted-printable.
            ("bob@exam=\r\nple.com", "bob@example.com"),
            ("a=3D1 bob=40example.com", "a=1 bob@example.com"),
            ("x=40", "x=40"),
            ("key=AbCdEfGhIjKlMnOpQrStUvWxYz0=\nnext", "key=AbCdEfGhIjKlMnOpQrStUvWxYz0=\nnext"),
            ("AbCdEfGhIjKlMnOpQrStUvWxYz0=\nb=\nc \\u0041", "AbCdEfGhIjKlMnOpQrStUvWxYz0=\nbc A"),
            // Quotations.
            ("> a: |\n>   b\n>> c\n>", "a: |\n  b\nc\n"),
            ("a > b\nc>d", "a > b\nc>d"),
            // Unicode.
            ("４１１１\u{A0}１", "4111 1"),
            ("b\u{200B}o\u{AD}b", "bob"),
            ("٤١١١", "4111"),
            ("\u{1B}[1;31m+49\u{1B}[0m30 \u{1B}x", "+4930 \u{1B}x"),
            // Markdown.
            ("b**o**b@x", "bob@x"),
            ("**bob** ******** 2 ** 3", "**bob** ******** 2 ** 3"),
            ("", ""),
        ] {
            assert_eq!(reads(text), expected, "{text}");
        }
    }

    #[test]
    fn strings_of_documents_are_read_as_they_are_written() {
        for (text, expected) in [
            (r"a\\u0040", r"a\u0040"),
            (r#"a\"b\\c\/"#, r#"a"b\c/"#),
            (r"\u0040\ud83d\ude00\ud83d", "@😀\u{FFFD}"),
            ("%40", "%40"),
        ] {
            assert_eq!(json_string(text, 0..text.len()).text, expected, "{text}");
        }
    }

    #[test]
    fn hostile_texts_are_passed_once() {
        for text in
            [r"\", "%25", "&amp;", "=\n", "**", "&#", "%2", r"\u", r"\ud83d", "\u{200B}", "%C3", r"\x"]
        {
            let view = reads(&text.repeat(100_000));
            assert!(view.len() <= text.len() * 100_000, "{text}");
        }
    }
}
