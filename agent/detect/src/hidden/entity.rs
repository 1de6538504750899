//! Character references of HTML (HTML Living Standard, section 13.5).

/// Those that stand for characters which addresses, numbers and keys are made of, and for what can lie between.
const NAMED: &[(&[u8], char)] = &[
    (b"Auml", 'Ä'),
    (b"NewLine", '\n'),
    (b"Ouml", 'Ö'),
    (b"Tab", '\t'),
    (b"Uuml", 'Ü'),
    (b"ZeroWidthSpace", '\u{200B}'),
    (b"amp", '&'),
    (b"apos", '\''),
    (b"ast", '*'),
    (b"auml", 'ä'),
    (b"colon", ':'),
    (b"comma", ','),
    (b"commat", '@'),
    (b"dash", '-'),
    (b"dollar", '$'),
    (b"eacute", 'é'),
    (b"emsp", ' '),
    (b"ensp", ' '),
    (b"equals", '='),
    (b"excl", '!'),
    (b"gt", '>'),
    (b"hyphen", '-'),
    (b"lbrack", '['),
    (b"lowbar", '_'),
    (b"lpar", '('),
    (b"lsqb", '['),
    (b"lt", '<'),
    (b"minus", '-'),
    (b"nbsp", ' '),
    (b"ndash", '-'),
    (b"num", '#'),
    (b"ouml", 'ö'),
    (b"percnt", '%'),
    (b"period", '.'),
    (b"plus", '+'),
    (b"quest", '?'),
    (b"quot", '"'),
    (b"rbrack", ']'),
    (b"rpar", ')'),
    (b"rsqb", ']'),
    (b"semi", ';'),
    (b"shy", '\u{AD}'),
    (b"sol", '/'),
    (b"szlig", 'ß'),
    (b"thinsp", ' '),
    (b"uuml", 'ü'),
    (b"zwj", '\u{200D}'),
    (b"zwnj", '\u{200C}'),
];

/// Digits of a numeric reference that are looked at: leading zeros are allowed.
const DIGITS_MAX: usize = 16;

/// The reference at the beginning of `text`, however often its `&` was written as `&amp;`: the character, and how
/// many bytes it takes. References by number need no semicolon, as in browsers.
pub(super) fn reference(text: &[u8]) -> Option<(char, usize)> {
    let mut at = 1;
    while text.get(at..)?.starts_with(b"amp;") {
        at += 4;
    }
    numeric(text, at).or_else(|| by_name(text, at)).or((at > 1).then_some(('&', at)))
}

fn numeric(text: &[u8], at: usize) -> Option<(char, usize)> {
    let rest = text.get(at..)?.strip_prefix(b"#")?;
    let (radix, lead) = if matches!(rest.first(), Some(b'x' | b'X')) { (16, 1) } else { (10, 0) };
    let mut number = 0_u32;
    let mut digits = 0;
    for byte in rest.get(lead..)?.iter().take(DIGITS_MAX) {
        let Some(digit) = char::from(*byte).to_digit(radix) else { break };
        number = number.saturating_mul(radix).saturating_add(digit);
        digits += 1;
    }
    let end = at + 1 + lead + digits;
    let semicolon = usize::from(text.get(end) == Some(&b';'));
    (digits > 0).then_some((char::from_u32(number)?, end + semicolon))
}

fn by_name(text: &[u8], at: usize) -> Option<(char, usize)> {
    let rest = text.get(at..)?;
    let length = rest.iter().take(15).position(|byte| *byte == b';')?;
    let name = rest.get(..length)?;
    let found = NAMED.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    Some((NAMED.get(found)?.1, at + length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_can_be_searched() {
        assert!(NAMED.is_sorted_by(|one, next| one.0 < next.0));
    }

    #[test]
    fn references_are_read() {
        for (text, expected) in [
            ("&commat;", Some(('@', 8))),
            ("&#64;b", Some(('@', 5))),
            ("&#64b", Some(('@', 4))),
            ("&#x40;", Some(('@', 6))),
            ("&#X0040;", Some(('@', 8))),
            ("&amp;amp;#64;", Some(('@', 13))),
            ("&amp;", Some(('&', 5))),
            ("&amp;x", Some(('&', 5))),
            ("&nothing;", None),
            ("&", None),
            ("&#;", None),
            ("&#xD800;", None),
            ("&#99999999999999999999;", None),
        ] {
            assert_eq!(reference(text.as_bytes()), expected, "{text}");
        }
    }
}
