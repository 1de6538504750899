//! Percent-encoding (RFC 3986, section 2.1): URL paths and `OTEL_RESOURCE_ATTRIBUTES` both use it.

use std::borrow::Cow;

/// Replaces each `%XX` by its byte. `None` when a `%` is not followed by two hexadecimal digits, or
/// when the result is not UTF-8: a caller then does better with the text as it came.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    let Some(first) = text.find('%') else { return Some(Cow::Borrowed(text)) };
    let (plain, rest) = text.split_at(first);
    let mut decoded = plain.as_bytes().to_vec();
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            decoded.push(hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn decodes_or_declines() {
        for (text, expected) in [
            ("", Some("")),
            ("plain", Some("plain")),
            ("a%3Ab%2fc", Some("a:b/c")),
            ("caf%C3%A9", Some("café")),
            ("100%", None),
            ("%4", None),
            ("%zz", None),
            ("%ff", None),
        ] {
            assert_eq!(decode(text).as_deref(), expected, "{text}");
        }
    }
}
