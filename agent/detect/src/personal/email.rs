//! Addresses of electronic mail (RFC 5321, 5322; international ones: RFC 6531, 5890).
//!
//! Of what the standards allow before the sign, punctuation that rather parts an address from what is around it is not
//! taken as a part. `git@github.com:…` and other logins to hosts, as in `scp` and URLs, are no addresses of mail.

mod domain;

use super::scan::{char_before, step};
use crate::skip;
use std::ops::Range;

/// What stands for the sign between name and domain: as it is, of full width, and as people write it for each other.
const SIGNS: &[&str] = &["@", "\u{ff20}", "[at]", "(at)", "{at}", "<at>"];

/// The first of [`SIGNS`] that is for people.
const FOR_PEOPLE: usize = 2;

/// Bytes of a name, at most: 64 by RFC 5321, of which each may be written as three.
const LONGEST_NAME: usize = 192;

/// Gives the bytes of each address.
pub(super) fn find(text: &str, mut each: impl FnMut(Range<usize>)) {
    // Nothing is looked at twice from one side: names do not reach back over the sign before.
    let mut least = 0;
    let mut at = 0;
    while let Some((sign, is_for_people)) = next_sign(text, at) {
        at = sign.end;
        let name_end = if is_for_people { behind_spaces(text, sign.start) } else { sign.start };
        let start = quoted_name(text, name_end, least).or_else(|| name(text, name_end, least));
        if let Some(start) = start
            && let Some(end) = domain::find(text, sign.end, is_for_people)
            && !is_login(text, start, name_end, end)
        {
            each(start..end);
        }
        least = sign.end;
    }
}

/// The next sign from a place on, and whether it is for people.
fn next_sign(text: &str, mut at: usize) -> Option<(Range<usize>, bool)> {
    let bytes = text.as_bytes();
    let may_begin = |byte: u8| {
        (byte == b'@') | (byte == b'[') | (byte == b'(') | (byte == b'{') | (byte == b'<') | (byte == 0xEF)
    };
    loop {
        at = skip::find(bytes, at, may_begin)?;
        step();
        let rest = bytes.get(at..)?;
        let is_here = |sign: &&str| {
            rest.first() == sign.as_bytes().first()
                && rest.get(..sign.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(sign.as_bytes()))
        };
        if let Some((index, sign)) = SIGNS.iter().enumerate().find(|(_, sign)| is_here(sign)) {
            return Some((at..at + sign.len(), index >= FOR_PEOPLE));
        }
        at += 1;
    }
}

/// Where text ends that one or two spaces are after.
fn behind_spaces(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let trimmed = before.strip_suffix(' ').unwrap_or(before);
    trimmed.len()
}

/// Where the quoted name begins that ends at a place.
fn quoted_name(text: &str, end: usize, least: usize) -> Option<usize> {
    let inner_end = end.checked_sub(1).filter(|at| text.as_bytes().get(*at) == Some(&b'"'))?;
    let mut at = inner_end;
    while at > least.max(end.saturating_sub(LONGEST_NAME)) {
        step();
        let char = char_before(text, at)?;
        at -= char.len_utf8();
        match char {
            '"' => {
                let is_open = !char_before(text, at)
                    .is_some_and(|char| char.is_alphanumeric() || ":,\\".contains(char));
                return (is_open && at + 1 < inner_end).then_some(at);
            }
            '\n' | '\r' | ':' | ',' | '{' | '}' => return None,
            _ => {}
        }
    }
    None
}

/// Where the name begins that ends at a place.
fn name(text: &str, end: usize, least: usize) -> Option<usize> {
    let mut at = end;
    let mut script = None;
    while at > least.max(end.saturating_sub(LONGEST_NAME)) {
        step();
        let Some(char) = char_before(text, at) else { break };
        if !is_of_name(char) {
            break;
        }
        if let Some(other) = Script::of(char) {
            if !script.is_none_or(|script| other.goes_on_with(script)) {
                break;
            }
            script = Some(other);
        }
        at -= char.len_utf8();
    }
    let name = text.get(at..end)?;
    let name = name.rsplit_once("..").map_or(name, |(_, name)| name);
    let name = name.trim_start_matches(['.', '-', '\'', '+', '~']);
    let is_name = name.ends_with(|char: char| char.is_alphanumeric() || "_+-~'".contains(char))
        && name.contains(char::is_alphanumeric);
    is_name.then_some(end - name.len())
}

fn is_of_name(char: char) -> bool {
    match char {
        '\0'..='\x7f' => char.is_ascii_alphanumeric() || "._%+-~'".contains(char),
        _ => char.is_alphanumeric() || is_mark(char),
    }
}

/// Whether a character is a sign of a vowel or the like, which scripts of India and others write words with.
fn is_mark(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{dff}' | '\u{e00}'..='\u{eff}' | '\u{200c}' | '\u{200d}')
}

/// Scripts as far as one ends a word of another where there are no spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Hiragana,
    Katakana,
    Han,
    Hangul,
    Other,
}

impl Script {
    /// That of a character; `None` for what any script is written with.
    fn of(char: char) -> Option<Self> {
        match char {
            '\u{3041}'..='\u{309f}' => Some(Self::Hiragana),
            '\u{30fc}' => None,
            '\u{30a0}'..='\u{30ff}' => Some(Self::Katakana),
            '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => Some(Self::Han),
            '\u{ac00}'..='\u{d7af}' => Some(Self::Hangul),
            _ => char.is_alphanumeric().then_some(Self::Other),
        }
    }

    /// Whether a word may have this before that.
    fn goes_on_with(self, next: Self) -> bool {
        self == next || (self == Self::Han && next == Self::Hiragana)
    }
}

/// Whether this is the name of an algorithm of SSH, or a login to a host: `ssh://deploy@host/`, `https://user:password@host/`, `git@host:path`,
/// `backup@host:/srv`.
fn is_login(text: &str, start: usize, name_end: usize, end: usize) -> bool {
    // A variable of a shell.
    let before = text.get(..start).unwrap_or_default().trim_end_matches('$');
    let after = text.get(end..).unwrap_or_default();
    let name = text.get(start..name_end).unwrap_or_default();
    let is_path = after.starts_with(":/") || after.starts_with(":~") || after.starts_with(":.");
    let in_url = before.ends_with("://")
        || before.ends_with(':') && {
            // A user's name may stand between.
            let user = before.trim_end_matches(':').bytes().rev().take(64);
            let length =
                user.take_while(|byte| byte.is_ascii_alphanumeric() || b"._-%${}".contains(byte)).count();
            before.get(..before.len() - 1 - length).is_some_and(|before| before.ends_with("://"))
        };
    let is_path = is_path || matches!(name, "git" | "hg" | "svn") && after.starts_with([':', '/']);
    // Names of algorithms (RFC 4251, section 6).
    let is_algorithm = ["@openssh.com", "@libssh.org", "@lysator.liu.se"]
        .contains(&text.get(name_end..end).unwrap_or_default());
    in_url || is_path || is_algorithm
}

#[cfg(test)]
#[path = "email/tests.rs"]
mod tests;
