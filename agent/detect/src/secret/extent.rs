//! Where a value begins and ends.

use super::alphabet::{find, is_key, run, run_back, steps};
use super::assigned::Name;
use super::separator::{self, Separator};
use super::value::PLAIN_MAX_BYTES;

/// What opens the value, and where that begins behind it.
pub(super) fn opening(text: &str, at: usize, separator: Separator) -> Option<(&str, usize)> {
    let rest = text.get(at..)?;
    let mut begin = behind_elements(text, at + separator::spaces(rest));
    // A block of YAML: the value is on the next line.
    let rest = text.get(begin..)?;
    if separator == Separator::Colon && rest.starts_with(['|', '>']) {
        let line = run(rest.as_bytes().get(..rest.len().min(4))?, |byte| b"|>+-".contains(&byte));
        let end = separator::line_end(rest.get(line..)?);
        if end > 0 {
            begin += line + end;
            begin += separator::spaces(text.get(begin..)?);
        }
    }
    let rest = text.get(begin..)?;
    let bytes = rest.as_bytes();
    // Emphasis, then `b"`, `f'`, `\"`.
    let emphasis = run(bytes.get(..bytes.len().min(3))?, |byte| byte == b'*');
    let letter = match bytes.get(emphasis..)? {
        [
            b'b' | b'f' | b'r' | b'u' | b'B' | b'F' | b'R' | b'L' | b'@' | b'$' | b'(' | b'[',
            b'"' | b'\'',
            ..,
        ] => 1,
        _ => 0,
    };
    let slashes =
        run(bytes.get(emphasis + letter..)?.get(..8.min(bytes.len() - emphasis - letter))?, |byte| {
            byte == b'\\'
        });
    let lead = emphasis + letter;
    let quote = text.get(begin + lead..)?;
    let sign = quote.get(slashes..)?.chars().next();
    let length = match sign {
        Some(sign @ ('"' | '\'' | '`')) => slashes + sign.len_utf8(),
        Some(sign @ ('“' | '”' | '„' | '«' | '‘' | '「' | '『')) if slashes == 0 => {
            sign.len_utf8()
        }
        _ => {
            let begin = begin + emphasis;
            return Some(("", begin + if emphasis > 0 { separator::spaces(text.get(begin..)?) } else { 0 }));
        }
    };
    let begin = begin + lead + length;
    // French quotes stand apart from what they quote.
    let quote = quote.get(..length)?;
    let gap = text.get(begin..)?;
    let gap =
        if quote == "«" { gap.len() - gap.trim_start_matches([' ', '\u{a0}', '\u{202f}']).len() } else { 0 };
    Some((quote, begin + gap.min(4)))
}

/// Where the value ends that begins at `begin`, at most `max` bytes from there; `None` when it is longer.
pub(super) fn end(text: &str, begin: usize, quote: &str, name: &Name<'_>, max: usize) -> Option<usize> {
    let rest = text.get(begin..)?;
    let bound = rest.floor_char_boundary(max.saturating_add(8).min(rest.len()));
    let bounded = rest.get(..bound)?;
    let length = if quote.is_empty() { bare(bounded, name) } else { quoted(bounded, quote) };
    steps::add(length);
    (length <= max).then_some(begin + length)
}

/// The length of a value in quotes.
pub(super) fn quoted(rest: &str, quote: &str) -> usize {
    let close = match quote {
        "“" | "„" => "”",
        "«" => "»",
        "‘" => "’",
        "「" => "」",
        "『" => "』",
        quote => quote,
    };
    let mut from = 0;
    while let Some(at) = rest.get(from..).and_then(|rest| find(rest.as_bytes(), close.as_bytes())) {
        let at = from + at;
        // One more backslash than the opening has makes it a part of the value.
        let slashes = run_back(rest.as_bytes().get(from..at).unwrap_or_default(), |byte| byte == b'\\');
        if slashes % 2 == 0 {
            let gap = |c| quote == "«" && matches!(c, ' ' | '\u{a0}' | '\u{202f}');
            return rest.get(..at).map_or(at, |value| value.trim_end_matches(gap).len());
        }
        from = at + close.len();
    }
    // What is cut has no end; a line has.
    find(rest.as_bytes(), b"\n").unwrap_or(rest.len())
}

/// The length of a value without quotes.
fn bare(rest: &str, name: &Name<'_>) -> usize {
    for (at, c) in rest.char_indices() {
        let next = || rest.get(at + c.len_utf8()..).unwrap_or_default();
        let is_end = match c {
            '<' => next().starts_with(['/', '!']) || next().starts_with("br"),
            '"' | '\'' | '`' | '，' | '。' | '；' | '、' | '）' | '」' | '』' | '”' | '’' | '»' => {
                true
            }
            ';' => true,
            ' ' if name.is_part => false,
            c if c.is_whitespace() => true,
            '#' => name.is_parameter,
            '&' | ',' => name.is_parameter && c == '&' || name.is_part || begins_another(next()),
            // The end of a line, or a quote, in a text within a text.
            '\\' => next().starts_with(['n', 'r', 't', '"', '\'', 'u', '\\']),
            _ => false,
        };
        if is_end {
            return at;
        }
    }
    rest.len()
}

/// Whether what follows a comma or an ampersand is not of the value.
fn begins_another(next: &str) -> bool {
    const NAME_MAX_BYTES: usize = 32;
    if next.starts_with(|c: char| c.is_whitespace() || "\"'\\)]}`".contains(c))
        || next.is_empty()
        || next.starts_with("amp;")
    {
        return true;
    }
    let bytes = next.as_bytes();
    let name = run(bytes.get(..bytes.len().min(NAME_MAX_BYTES)).unwrap_or_default(), |byte| {
        is_key(byte) || byte == b'.'
    });
    name > 0 && matches!(bytes.get(name), Some(b'=' | b':'))
}

/// The length of what an element of XML holds, when that is a text on one line.
pub(super) fn element(rest: &str) -> Option<usize> {
    const BYTES: usize = 128;
    let bytes = rest.as_bytes();
    let length = run(bytes.get(..bytes.len().min(BYTES))?, |byte| !matches!(byte, b'<' | b'\n' | b'>'));
    (length > 0 && bytes.get(length..length + 2) == Some(b"</")).then_some(length)
}

/// Where a value begins behind the ends of elements: `<b>Password:</b> …`.
fn behind_elements(text: &str, at: usize) -> usize {
    let Some(rest) = text.get(at..) else { return at };
    let Some(name) = rest.strip_prefix("</") else { return at };
    let length = run(name.as_bytes().get(..name.len().min(12)).unwrap_or_default(), |byte| {
        byte.is_ascii_alphanumeric()
    });
    if name.as_bytes().get(length) != Some(&b'>') {
        return at;
    }
    let end = at + 2 + length + 1;
    end + text.get(end..).map_or(0, separator::spaces)
}

/// A value without quotes, without what belongs to the sentence or the code round it.
pub(super) fn trimmed(value: &str) -> &str {
    let mut value = value.trim_end_matches(['.', ':', '*']);
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
        while value.ends_with(close) && !value.contains(open) {
            value = value.strip_suffix(close).unwrap_or_default().trim_end_matches(['.', '*']);
            if value.len() > PLAIN_MAX_BYTES {
                break;
            }
        }
    }
    value
}
