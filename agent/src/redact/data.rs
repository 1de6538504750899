//! Images, sound and files that are sent along, where all content may leave: what stands in them in plain text is searched,
//! too, such as the comment of a picture.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Reads with and without padding, and what was cut within a byte.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Data in base64 as it may leave: without its end, where something may begin there whose rest is missing; `None` where
/// something is found in it, or where it is no base64. `clean` takes out of a text what is not to leave; of one that is
/// cut the end is missing.
pub(super) fn searched(data: &str, is_cut: bool, mut clean: impl FnMut(&mut String, bool)) -> Option<String> {
    let mut as_it_stands = data.to_owned();
    clean(&mut as_it_stands, false);
    if as_it_stands != data {
        return None;
    }
    let of_standard = |char| match char {
        '-' => '+',
        '_' => '/',
        char => char,
    };
    let digits = data.chars().filter(|char| !is_filler(*char));
    let mut digits: String = digits.map(of_standard).collect();
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    let text = match String::from_utf8(LENIENT.decode(&digits).ok()?) {
        Ok(text) => text,
        // As long, byte for byte.
        Err(binary) => binary.into_bytes().into_iter().map(shown).collect(),
    };
    let mut cleaned = text.clone();
    clean(&mut cleaned, is_cut);
    if cleaned == text {
        return Some(data.to_owned());
    }
    if !text.starts_with(&cleaned) {
        return None;
    }
    // As it came: in its own alphabet, with its spaces.
    let digits = data.char_indices().filter(|(_, char)| !is_filler(*char));
    let end = digits.map(|(at, _)| at).nth(cleaned.len() / 3 * 4).unwrap_or(data.len());
    data.get(..end).map(str::to_owned)
}

fn is_filler(char: char) -> bool {
    char.is_ascii_whitespace() || char == '='
}

fn shown(byte: u8) -> char {
    if byte.is_ascii() && !byte.is_ascii_control() { char::from(byte) } else { ' ' }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    use super::*;
    use crate::redact::Policy;
    use crate::redact::names::{Look, clean};

    fn leaves(data: &str, is_cut: bool) -> Option<String> {
        let policy = Policy::default();
        searched(data, is_cut, |text, is_cut| {
            if let Some(cleaned) = clean(&policy, text, Look::Credentials, is_cut) {
                *text = cleaned.text;
            }
        })
    }

    #[test]
    fn pictures_leave_unless_they_have_a_credential() {
        let picture = |comment: &str| {
            [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01tEXtComment\0", comment.as_bytes(), b"\xff\xfe\0IEND"]
                .concat()
        };
        let key = format!("sk-proj-{}", "Ab3dEf6hIj9lMn2pQr5tUv8xYz1");
        let harmless = picture("made at noon, by jane@example.com");
        for engine in [&BASE64_STANDARD, &BASE64_URL_SAFE_NO_PAD] {
            let data = engine.encode(&harmless);
            assert_eq!(leaves(&data, false), Some(data));
            for secret in
                [picture(&key), picture("password=Q7hunterB2x9"), format!("its key: {key}").into_bytes()]
            {
                assert_eq!(leaves(&engine.encode(secret), false), None);
            }
        }
        let data = BASE64_URL_SAFE_NO_PAD.encode([&[0xFF; 30], &b" its key: sk-proj-Ab3d"[..]].concat());
        let left = leaves(&data, true).unwrap_or_default();
        assert!(left.starts_with("____") && data.starts_with(&left) && left.len() < data.len(), "{left}");
        assert_eq!(leaves("", false), Some(String::new()));
        assert_eq!(leaves("no base64: ÄÖÜ", false), None);
        assert_eq!(leaves("QUJ", true).as_deref().map(str::len), Some(0), "half of a word");
    }

    #[test]
    fn no_half_of_a_credential_leaves() {
        let key = format!("sk-proj-{}", "Ab3dEf6hIj9lMn2pQr5tUv8xYz1");
        let whole = [&b"\x89PNG\r\n\x1a\n\0 its key: "[..], key.as_bytes()].concat();
        for cut in 20..whole.len() {
            let data = BASE64_STANDARD.encode(whole.get(..cut).unwrap_or_default());
            let Some(left) = leaves(&data, true) else { continue };
            let read = LENIENT.decode(&left);
            assert!(read.is_ok_and(|read| read.len() <= 22), "{cut}: {left}");
        }
    }
}
