//! Where a text is to end whose own end is missing.

use crate::hidden::folded;

/// Groups of digits that are taken for parts of one number: an IBAN has nine. How far they are looked for.
const GROUPS_MAX: usize = 12;
/// Letters and digits of a group with digits: an IBAN without spaces has 34.
const GROUP_MAX: usize = 34;
const NUMBER_MAX_BYTES: usize = 96;
/// Letters of a group without digits: of an IBAN.
const LETTERS_MAX: usize = 4;
/// Bytes within quotation marks, or in an element, that may be one value: a pass phrase.
const OPEN_MAX_BYTES: usize = 64;

/// The bytes of a cut text that may stay: without its last word, which could be the begin of anything, without the words
/// before it in an open quotation or element, and without groups of digits before it, which could be of the same number.
pub(super) fn end(text: &str) -> usize {
    let end = word(text, tag(text));
    let end = quoted_name(text, end);
    let end = open(text, end).unwrap_or(end);
    number(text, end)
}

/// Where the tag begins that the cut is in, with a quotation that it is behind; the text's end when it is in none.
fn tag(text: &str) -> usize {
    let from = text.floor_char_boundary(text.len().saturating_sub(OPEN_MAX_BYTES));
    let tail = text.get(from..).unwrap_or_default();
    let end = match tail.rfind(['<', '>']) {
        Some(at) if tail.get(at..).is_some_and(|tag| tag == "<" || tag.starts_with("</")) => from + at,
        _ => text.len(),
    };
    // A value whose quotation has just ended may be one by what would follow.
    let before = text.get(..end).unwrap_or_default();
    before.strip_suffix(['"', '\'']).map_or(end, |inner| if ends_word(inner) { end } else { inner.len() })
}

fn ends_word(text: &str) -> bool {
    text.is_empty() || text.ends_with(|char: char| char.is_whitespace() || !char.is_alphanumeric())
}

/// Where the last word begins.
fn word(text: &str, end: usize) -> usize {
    let text = text.get(..end).unwrap_or_default();
    let mut border = 0;
    for (at, char) in text.char_indices().rev() {
        let before = text.get(..at).unwrap_or_default();
        let is_border = match char {
            // An apostrophe is within a word.
            '\'' | '’' => ends_word(before),
            _ => char.is_whitespace() || "\"<>`".contains(char) || needs_no_blanks(char),
        };
        if is_border {
            border = at + char.len_utf8();
            break;
        }
    }
    // Of an address in such a script, the name goes as well.
    let from = text.floor_char_boundary(border.saturating_sub(OPEN_MAX_BYTES));
    let before = text.get(from..border).unwrap_or_default();
    let goes_on = text.get(border..).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    if !goes_on || !before.ends_with(needs_no_blanks) {
        return border;
    }
    let parts = |char: char| char.is_whitespace() || "\"<>`：:，。、「".contains(char);
    let part = before.char_indices().rev().find(|(_, char)| parts(*char));
    let name = part.map_or(from, |(at, char)| from + at + char.len_utf8());
    if text.get(name..).is_some_and(|name| name.contains(['@', '＠'])) { name } else { border }
}

/// Where a name in quotation marks begins whose domain was cut: `"jane doe"@exam`.
fn quoted_name(text: &str, end: usize) -> usize {
    if !text.get(end..).is_some_and(|rest| rest.starts_with('@')) {
        return end;
    }
    let from = text.floor_char_boundary(end.saturating_sub(OPEN_MAX_BYTES));
    let quotation = text.get(from..end).and_then(|before| before.strip_suffix('"'));
    quotation.and_then(|name| name.rfind('"')).map_or(end, |at| from + at)
}

/// Where the content begins of a short quotation, or of an element, that does not end.
fn open(text: &str, end: usize) -> Option<usize> {
    let from = text.floor_char_boundary(end.saturating_sub(OPEN_MAX_BYTES));
    let tail = text.get(from..end)?;
    let at = tail.rfind(['"', '>', '“', '„', '«', '`'])?;
    let sign = tail.get(at..)?.chars().next()?;
    let before = text.get(..from + at)?;
    let after = tail.get(at + sign.len_utf8()..)?;
    let is_open = match sign {
        '>' => before.rfind('<').is_some_and(|open| {
            from + at - open <= OPEN_MAX_BYTES
                && before
                    .get(open + 1..)
                    .is_some_and(|tag| tag.starts_with(|char: char| char.is_ascii_alphabetic()))
        }),
        '"' | '`' => {
            before.is_empty()
                || before.ends_with(|char: char| char.is_whitespace() || "=:([{,\\".contains(char))
        }
        _ => true,
    };
    (is_open && !after.starts_with([',', ':', '}', ']', '\n'])).then_some(from + at + sign.len_utf8())
}

/// Where a number begins that could go on at `end`, however its digits are written.
fn number(text: &str, end: usize) -> usize {
    let from = text.floor_char_boundary(end.saturating_sub(NUMBER_MAX_BYTES));
    let tail = text.get(from..end).unwrap_or_default();
    let (mut begin, mut groups, mut letters) = (end, 0, 0);
    // Of the group that is read: whether it has a digit, its length, and where the number begins without it.
    let (mut has_digit, mut length, mut without) = (false, 0, end);
    for (at, char) in tail.char_indices().rev() {
        let read = folded(char.encode_utf8(&mut [0; 4]));
        let Some(char) = read.chars().next() else { continue };
        if char.is_ascii_alphanumeric() {
            length += 1;
            has_digit |= char.is_ascii_digit();
            if length > if has_digit { GROUP_MAX } else { LETTERS_MAX } {
                return without;
            }
            if has_digit {
                begin = from + at;
            }
            continue;
        }
        letters = if has_digit { 0 } else { letters + usize::from(length > 0) };
        groups += usize::from(length > 0);
        let is_of_number = char == ' ' || "+(-.,/)".contains(char);
        if !is_of_number || groups > GROUPS_MAX || letters > 1 {
            return begin;
        }
        if matches!(char, '+' | '(') {
            begin = from + at;
        }
        (has_digit, length, without) = (false, 0, begin);
    }
    begin
}

/// Letters and marks of scripts that put no blanks between words; nothing that identifies anyone is spelt so and ends
/// in a cut but names, which are not looked for.
fn needs_no_blanks(char: char) -> bool {
    matches!(char, '\u{E00}'..='\u{E4F}' | '\u{2E80}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_go_on_is_taken_off() {
        for (text, kept) in [
            ("my key is sk-ab", "my key is "),
            ("one two", "one "),
            ("one two ", "one two "),
            ("pay with 4111 1111 11", "pay with "),
            ("call +49 (30) 12", "call "),
            ("to DE89 3704 0044 05", "to "),
            ("in 2024 she said so", "in 2024 she said "),
            (r#"{"key":"sk-ab"#, r#"{"key":""#),
            ("<b>bob@exa", "<b>"),
            ("联系我bob@exa", "联系我"),
            ("秘密", "秘密"),
            ("邮箱是用户@例", ""),
            ("邮箱：用户@例", "邮箱："),
            ("邮箱：用户@例子.", "邮箱："),
            ("codice RSSMRA85T10A562S, ", "codice "),
            ("hash 9b7cd1e3f2a49b7cd1e3f2a49b7cd1e3f2a4, ", "hash 9b7cd1e3f2a49b7cd1e3f2a49b7cd1e3f2a4, "),
            ("by j.o'neil@exa", "by "),
            ("to \"jane doe\"@exa", "to "),
            ("the pass phrase is \"one two thr", "the pass phrase is \""),
            ("<password>one two thr", "<password>"),
            ("<password>onetwo</", "<password>"),
            ("a,\"onetwo\"", "a,\""),
            (r"all,\n4111 1111 1", r"all,\"),
            ("[call](tel:+33 1 99", "[call](tel:"),
            ("IBAN IE29 AIBK 9311", "IBAN "),
            ("カード番号:４１１１ １１１１ １", "カード番号:"),
            ("Tel.: +49 30 / 2", "Tel.: "),
            ("iVBORw0KGgo", ""),
            ("", ""),
        ] {
            assert_eq!(&text[..end(text)], kept, "{text}");
        }
    }
}
