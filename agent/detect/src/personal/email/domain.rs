//! What stands behind the sign.

use super::super::scan::{char_at, step};
use super::{Script, is_mark};

/// Bytes of a domain's name, at most: 253 in ASCII, more as it is read.
const LONGEST: usize = 512;

/// Labels of a domain that are looked at.
const MOST_LABELS: usize = 16;

/// What stands for a dot where people write for each other.
const DOTS: &[&str] = &["[dot]", "(dot)", "{dot}", "<dot>", "[.]", "(.)", "[punkt]", "(punkt)"];

/// Endings of files, which are no domains of any country.
const ENDINGS: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "avif", "bmp", "css", "scss", "less", "js", "mjs",
    "cjs", "ts", "tsx", "jsx", "json", "yaml", "yml", "xml", "html", "htm", "txt", "log", "lock", "tgz",
    "gz", "tar", "whl", "jar", "exe", "dll", "php", "class", "java", "cpp", "hpp", "cfg", "conf", "ini",
    "toml", "csv", "pdf", "service", "timer", "socket", "target", "mount", "slice", "scope", "setter",
    "getter", "deleter", "property", "fixture", "mark", "command", "route", "patch", "override",
];

/// Where the domain ends that begins at a place, if it is one of the public kind: two labels at least, the last as a
/// top-level domain is written.
pub(super) fn find(text: &str, start: usize, is_for_people: bool) -> Option<usize> {
    if text.get(start..)?.starts_with('[') {
        return literal(text, start);
    }
    let first = start + usize::from(is_for_people && text.get(start..)?.starts_with(' '));
    let (mut at, mut label) = (first, first);
    // Of each label: where it begins and ends.
    let mut labels = [(0, 0); MOST_LABELS];
    let mut count = 0;
    loop {
        step();
        let char = char_at(text, at).filter(|_| at - first < LONGEST);
        match char {
            Some(char) if is_of_label(char) => at += char.len_utf8(),
            _ => {
                if at == label {
                    break;
                }
                let Some(place) = labels.get_mut(count) else { break };
                *place = (label, at);
                count += 1;
                let Some(dot) = dot(text, at, is_for_people) else { break };
                at += dot;
                label = at;
            }
        }
    }
    public(text, labels.get(..count)?)
}

/// The length of the dot at a place.
fn dot(text: &str, at: usize, is_for_people: bool) -> Option<usize> {
    match char_at(text, at)? {
        '.' => return Some(1),
        char @ ('\u{3002}' | '\u{ff0e}' | '\u{ff61}') => return Some(char.len_utf8()),
        _ => {}
    }
    let rest = text.get(at..).filter(|_| is_for_people)?;
    let spaced = rest.strip_prefix(' ').unwrap_or(rest);
    let dot =
        DOTS.iter().find(|dot| spaced.get(..dot.len()).is_some_and(|it| it.eq_ignore_ascii_case(dot)))?;
    let behind = spaced.get(dot.len()..)?;
    Some(rest.len() - behind.strip_prefix(' ').unwrap_or(behind).len())
}

fn is_of_label(char: char) -> bool {
    match char {
        '\0'..='\x7f' => char.is_ascii_alphanumeric() || char == '-',
        _ => char.is_alphanumeric() || is_mark(char),
    }
}

/// Where the longest of the domains ends that these labels begin with.
fn public(text: &str, labels: &[(usize, usize)]) -> Option<usize> {
    for count in (2..=labels.len()).rev() {
        let whole = labels.get(..count)?;
        let (start, end) = *whole.last()?;
        let label = text.get(start..end)?;
        // What follows without a space, where there are none.
        let end = start + one_script(label).len();
        let label = text.get(start..end)?.trim_end_matches('-');
        let end = start + label.len();
        let others_are_labels = whole.iter().take(count - 1).all(|(from, to)| {
            text.get(*from..*to)
                .is_some_and(|label| label.len() <= 190 && !label.starts_with('-') && !label.ends_with('-'))
        });
        // The next sentence's first word.
        let is_sentence = count > 2
            && label.starts_with(|char: char| char.is_ascii_uppercase())
            && text.get(whole.first()?.0..start)?.bytes().all(|byte| !byte.is_ascii_uppercase())
            && label.bytes().skip(1).all(|byte| byte.is_ascii_lowercase());
        if others_are_labels && is_top_level(label) && !is_sentence && !is_call(text, label, end) {
            return Some(end);
        }
    }
    None
}

/// A label as far as it is of one script, where scripts change without a space.
fn one_script(label: &str) -> &str {
    let mut first = None;
    for (at, char) in label.char_indices() {
        let Some(script) = Script::of(char) else { continue };
        if *first.get_or_insert(script) != script {
            return label.get(..at).unwrap_or_default();
        }
    }
    label
}

fn is_top_level(label: &str) -> bool {
    if label.is_ascii() {
        let is_word = (2..=18).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_encoded = label.get(..4).is_some_and(|it| it.eq_ignore_ascii_case("xn--")) && label.len() > 5;
        return is_encoded || is_word && !ENDINGS.iter().any(|ending| label.eq_ignore_ascii_case(ending));
    }
    label.chars().count() >= 2 && label.chars().all(|char| char.is_alphabetic() || is_mark(char))
}

/// Whether this is a call of a method: `a@b.transpose(c)`; what is as short as most domains is none.
fn is_call(text: &str, label: &str, end: usize) -> bool {
    label.len() > 3 && !matches!(label, "info" | "name" | "example") && char_at(text, end) == Some('(')
}

/// Where an address in brackets ends: `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
fn literal(text: &str, start: usize) -> Option<usize> {
    let rest = text.get(start + 1..)?;
    let length = rest.bytes().take(50).position(|byte| byte == b']')?;
    let inner = rest.get(..length)?;
    let is_address = inner.parse::<std::net::Ipv4Addr>().is_ok()
        || inner.strip_prefix("IPv6:").is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
    is_address.then_some(start + length + 2)
}
