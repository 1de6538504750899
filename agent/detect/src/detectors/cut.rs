//! Where a text is to end whose own end is missing.

/// Groups of digits that are taken for parts of one number: an IBAN has nine.
const GROUPS_MAX: usize = 10;
/// Bytes of such a group.
const GROUP_MAX_BYTES: usize = 8;

/// The bytes of a cut text that may stay: without its last word, which could be the begin of anything, and without
/// the groups of digits before it, which could be of the same number.
pub(super) fn end(text: &str) -> usize {
    let mut end = word(text);
    for _ in 0..GROUPS_MAX {
        let before = text.get(..end).unwrap_or_default().trim_end();
        let begin = word(before);
        let group = before.get(begin..).unwrap_or_default();
        let is_group = group.len() <= GROUP_MAX_BYTES
            && (group.bytes().any(|byte| byte.is_ascii_digit()) || group == "+")
            && group.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-().,/".contains(&byte));
        if !is_group {
            break;
        }
        end = begin;
    }
    end
}

/// Where the last word begins.
fn word(text: &str) -> usize {
    let ends_word = |char: char| char.is_whitespace() || "\"'<>`".contains(char) || needs_no_blanks(char);
    text.char_indices().rev().find(|(_, char)| ends_word(*char)).map_or(0, |(at, char)| at + char.len_utf8())
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
            ("iVBORw0KGgo", ""),
            ("", ""),
        ] {
            assert_eq!(&text[..end(text)], kept, "{text}");
        }
    }
}
