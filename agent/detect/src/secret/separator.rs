//! What stands between a name and its value.

use std::ops::Range;

use super::alphabet::{find, run, run_back, steps};

/// How a value is given to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    /// `=`, `:=`, `=>`, `name:value`.
    Tight,
    /// `name = value`.
    Loose,
    /// `name: value`.
    Colon,
    /// `name is value`, also in other languages.
    Is,
    /// `name value`.
    Space,
    /// `"name", "value"`.
    Comma,
    /// `<name>value</name>`.
    Tag,
}

/// Bytes between a name and its value, of each part.
const SPACES_MAX: usize = 24;
/// Bytes of a clause between a name and its value, of a type, of what is in parentheses.
const CLAUSE_MAX_BYTES: usize = 48;

/// Bytes of an element's attributes.
const ATTRIBUTES_MAX_BYTES: usize = 96;

/// Words that say what a value has become, with the spaces round them.
#[rustfmt::skip]
const BECAME: &[&str] = &[
    " is now ", " was changed to ", " has been changed to ", " changed to ", " was set to ", " is set to ", " set to ", " was reset to ", " reset to ",
    " updated to ", " ist jetzt ", " lautet jetzt ", " est maintenant ", " es ahora ", " agora é ",
];

/// Words that say what a value is, with the spaces round them.
#[rustfmt::skip]
const IS: &[&str] = &[
    " is: ", " is ", " are ", " was ", " ist ", " lautet: ", " lautet ", " es:", " est:", " lautet:", " jest:", " é:", " è:", " es ", " est ", " è ", " é ", " är ",
    " er ", " jest ", " este ", " on ", " to ", " be ", " — ", " – ", " - ", " это ", " là ", "是", "为", "為",
    "は", "은 ", "는 ", " équivaut à ", " becomes ", " will be ", " as ", " equals ", " है ", " हो ", "คือ",
    " هي ", " היא ", " είναι ",
];

/// Words that a clause between name and value begins with: `password for the database is`.
#[rustfmt::skip]
const OF: &[&str] = &[
    " for ", " of ", " to ", " on ", " für ", " fuer ", " zu ", " zum ", " zur ", " von ", " vom ", " de ",
    " del ", " para ", " pour ", " du ", " da ", " do ", " для ", " от ", " per ", " till ", " dla ", " voor ",
    " in ", " you ", " we ", " i ", " (",
];

/// What separates the name that ends at `at` from its value, and where that begins, its quotes included.
pub(super) fn after(text: &str, at: usize) -> Option<(Separator, usize)> {
    let rest = text.get(at..)?;
    // `"name"`, `\"name\"`, `**name**`, `["name"]`.
    let closers = run(rest.as_bytes().get(..rest.len().min(8))?, |byte| {
        matches!(byte, b'"' | b'\'' | b'`' | b'*' | b'\\' | b']' | b')')
    });
    let is_quoted = rest.get(..closers).is_some_and(|closers| closers.contains(['"', '\'']));
    // A backslash may belong to an escaped line's end instead.
    let closers = if rest.get(..closers).is_some_and(|closers| closers.ends_with('\\')) {
        closers - 1
    } else {
        closers
    };
    let rest = rest.get(closers..)?;
    let spaces = spaces(rest);
    let sign = rest.get(spaces..)?;
    let begin = at + closers + spaces;
    if let Some(value) = paired(rest) {
        return Some((Separator::Tight, at + closers + value));
    }
    if let Some((separator, length)) = signed(sign, spaces > 0) {
        return Some((separator, begin + length));
    }
    // A field of a form (RFC 7578): `name="password"`, and its value behind an empty line.
    if is_quoted && rest.starts_with("\r\n\r\n") {
        return Some((Separator::Tight, at + closers + 4));
    }
    if is_quoted && sign.starts_with(',') {
        return Some((Separator::Comma, begin + 1));
    }
    let starts = |words: &[&str]| words.iter().find_map(|word| starts_with(rest, word).then_some(word.len()));
    if let Some(length) = starts(BECAME) {
        return Some((Separator::Is, at + closers + length));
    }
    if let Some(value) = next_element(rest) {
        return Some((Separator::Is, at + closers + value));
    }
    if let Some(length) = starts(IS) {
        // `es: `.
        let colon = usize::from(rest.get(length..).is_some_and(|value| value.starts_with(':')));
        return Some((Separator::Is, at + closers + length + colon));
    }
    if let Some(length) = starts(OF) {
        return clause(rest, length).map(|(separator, end)| (separator, at + closers + end));
    }
    (spaces > 0 && (!is_quoted || sign.starts_with(['"', '\'']))).then_some((Separator::Space, begin))
}

/// A separator of punctuation: which, and its length.
fn signed(sign: &str, is_spaced: bool) -> Option<(Separator, usize)> {
    let bytes = sign.as_bytes();
    match bytes.first()? {
        b':' if bytes.get(1) == Some(&b':') || sign.starts_with("://") || sign.starts_with(":?") => None,
        b':' if matches!(bytes.get(1), Some(b'=' | b'>')) => Some((Separator::Loose, 2)),
        b':' => {
            let is_open = bytes.get(1).is_none_or(|byte| byte.is_ascii_whitespace());
            if let Some(length) = typed(sign) {
                return Some((Separator::Loose, length));
            }
            Some((if is_open { Separator::Colon } else { Separator::Tight }, 1))
        }
        b'=' | b'!' | b'~' | b'?' | b'+' => {
            let length = run(bytes.get(..bytes.len().min(3))?, |byte| {
                matches!(byte, b'=' | b'>' | b'!' | b'~' | b'?' | b'+')
            });
            if !bytes.get(..length)?.contains(&b'=') {
                return None;
            }
            let is_loose = is_spaced || bytes.get(length).is_some_and(u8::is_ascii_whitespace);
            Some((if is_loose { Separator::Loose } else { Separator::Tight }, length))
        }
        b'-' if bytes.get(1) == Some(&b'>') => Some((Separator::Loose, 2)),
        b'>' if !is_spaced => Some((Separator::Tag, 1)),
        b'|' if is_spaced => Some((Separator::Is, 1)),
        _ => {
            let first = sign.chars().next()?;
            matches!(first, '：' | '＝').then_some((Separator::Colon, first.len_utf8()))
        }
    }
}

/// A type between name and value: `: str = `, `: Option<String> = `. Its length with the sign behind it.
fn typed(sign: &str) -> Option<usize> {
    let bytes = sign.as_bytes();
    let bytes = bytes.get(..bytes.len().min(CLAUSE_MAX_BYTES))?;
    let length = run(bytes, |byte| byte.is_ascii_alphabetic() || b":[]<>|.?&_ ".contains(&byte));
    let is_type = bytes.get(length) == Some(&b'=') && bytes.get(length + 1) != Some(&b'=');
    (is_type && length > 2 && bytes.get(length - 1) == Some(&b' ')).then_some(length + 1)
}

/// The value of a name that is a value itself: `{"name": "password", "value": …}`, `- name: PASSWORD` and `value: …`.
fn paired(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let gap = run(bytes.get(..bytes.len().min(2 * SPACES_MAX))?, |byte| {
        byte.is_ascii_whitespace() || b",\"'\\`:{".contains(&byte)
    });
    // An escaped line's end, of which the letter is left.
    let word = rest.get(gap..)?;
    let word_at =
        if gap > 0 && word.starts_with('n') && rest.get(gap - 1..gap) == Some("\\") { gap + 1 } else { gap };
    let word = rest.get(word_at..)?;
    let lead = run(word.as_bytes().get(..word.len().min(SPACES_MAX))?, |byte| byte == b' ');
    let word = word.get(lead..)?;
    let name = ["value", "val", "default", "content", "Value", "VALUE"]
        .iter()
        .find(|name| word.starts_with(**name))?;
    if gap == 0 {
        return None;
    }
    let end = word.get(name.len()..)?;
    let closers = run(end.as_bytes().get(..end.len().min(SPACES_MAX))?, |byte| b"\"'\\` ".contains(&byte));
    let sign = end.get(closers..)?;
    // `content` is of elements: elsewhere it is what a message says.
    let is_told = sign.starts_with('=') || sign.starts_with(':') && *name != "content";
    is_told.then_some(word_at + lead + name.len() + closers + 1)
}

/// Where the element begins to hold its value that a name of XML or HTML opens, with attributes: `<password
/// kind="plain">…`. The name stands at `name`.
pub(super) fn attributes(text: &str, name: &Range<usize>) -> Option<usize> {
    const PREFIX_MAX_BYTES: usize = 16;
    let before = text.as_bytes().get(name.start.saturating_sub(PREFIX_MAX_BYTES)..name.start)?;
    let prefix = run_back(before, |byte| byte.is_ascii_alphanumeric() || byte == b':');
    if before.len().checked_sub(prefix + 1).and_then(|at| before.get(at)) != Some(&b'<') {
        return None;
    }
    let rest = text.as_bytes().get(name.end..)?;
    let rest = rest.get(..rest.len().min(ATTRIBUTES_MAX_BYTES))?;
    let length = run(rest, |byte| !matches!(byte, b'<' | b'>'));
    let is_open = rest.first().is_some_and(u8::is_ascii_whitespace)
        && rest.get(length) == Some(&b'>')
        && rest.get(length - 1) != Some(&b'/');
    is_open.then_some(name.end + length + 1)
}

/// Where the next element holds its value when a name is all that one holds: `<td>Password</td><td>…`.
fn next_element(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes().get(..rest.len().min(ATTRIBUTES_MAX_BYTES))?;
    let name = |at: usize| run(bytes.get(at..).unwrap_or_default(), |byte| byte.is_ascii_alphanumeric());
    if !bytes.starts_with(b"</") {
        return None;
    }
    let close = 2 + name(2);
    if bytes.get(close) != Some(&b'>') {
        return None;
    }
    let open = close + 1 + run(bytes.get(close + 1..)?, |byte| byte.is_ascii_whitespace());
    if bytes.get(open) != Some(&b'<') || name(open + 1) == 0 {
        return None;
    }
    let end = open + run(bytes.get(open..)?, |byte| byte != b'>');
    (bytes.get(end) == Some(&b'>')).then_some(end + 1)
}

/// The end of a clause: `for the database is`, ` (root):`.
fn clause(rest: &str, begin: usize) -> Option<(Separator, usize)> {
    let mut end = rest.len().min(begin + CLAUSE_MAX_BYTES);
    end = rest.floor_char_boundary(end);
    let clause = rest.get(begin..end)?;
    let stop = clause.find(['.', ',', ';', '!', '?', '\n', '"', '{', '<']).unwrap_or(clause.len());
    steps::add(clause.len());
    let clause = clause.get(..stop)?;
    let colon = clause.find([':', '=', '：']);
    let is = IS
        .iter()
        .take(12)
        .filter_map(|word| find(clause.as_bytes(), word.as_bytes()).map(|at| (at, word.len())))
        .min();
    match (colon, is) {
        (Some(colon), is) if is.is_none_or(|(at, _)| colon < at) => {
            let length = clause.get(colon..)?.chars().next()?.len_utf8();
            Some((Separator::Is, begin + colon + length))
        }
        (_, Some((at, length))) => Some((Separator::Is, begin + at + length)),
        _ => None,
    }
}

/// How many bytes the end of a line has that stands at the beginning of a text: none when there is none.
pub(super) fn line_end(text: &str) -> usize {
    match text.as_bytes() {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => 0,
    }
}

/// Spaces and tabs, within bounds.
pub(super) fn spaces(text: &str) -> usize {
    let bytes = text.as_bytes();
    run(bytes.get(..bytes.len().min(SPACES_MAX)).unwrap_or_default(), |byte| matches!(byte, b' ' | b'\t'))
}

fn starts_with(text: &str, word: &str) -> bool {
    steps::add(1);
    text.as_bytes().get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}
