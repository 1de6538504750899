//! Credentials in texts that may be percent-encoded, even more than once.

use super::credential;

/// How often a text is decoded; nobody who sends a request encodes it as often.
pub(super) const ROUNDS: usize = 4;

/// As [`credential::scrub`], for text. One that holds a credential in an encoded form comes back decoded.
pub(super) fn scrub(text: &str) -> Option<(String, u64)> {
    // As it stands first: decoded, a value could end at a space that was part of it.
    let (mut scrubbed, mut found) = credential::scrub(text).unzip();
    let mut decoded = decode(scrubbed.as_deref().unwrap_or(text).as_bytes());
    for _ in 0..ROUNDS {
        let Some(bytes) = decoded else { break };
        if let Some((more, count)) = credential::scrub(&String::from_utf8_lossy(&bytes)) {
            found = Some(found.unwrap_or(0) + count);
            decoded = decode(more.as_bytes());
            scrubbed = Some(more);
        } else {
            decoded = decode(&bytes);
        }
    }
    Some((scrubbed?, found?))
}

/// Replaces each `%XX` by its byte and leaves every other `%`; `None` when there was none to replace.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    // Most texts have none.
    memchr::memchr(b'%', text)?;
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let escaped = match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high << 4 | low).ok(),
            _ => None,
        };
        if escaped.is_some() && decoded.is_none() {
            decoded = Some(text.get(..at).unwrap_or_default().to_vec());
        }
        if let Some(decoded) = &mut decoded {
            decoded.push(escaped.unwrap_or(*byte));
        }
        at += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_can_be_decoded() {
        for (text, expected) in [
            ("", None),
            ("a%", None),
            ("a%4", None),
            ("%zz", None),
            ("%zz%41%", Some("%zzA%")),
            ("a%2Fb%2fc", Some("a/b/c")),
            ("%2541", Some("%41")),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn an_encoded_credential_is_found() {
        let key = format!("sk-proj-{}", "Ab3dEf6hIj9lMn2pQr5t");
        let encoded = key.replacen('s', "%73", 1);
        let twice = encoded.replace('%', "%25");
        for text in [&encoded, &twice, &format!("%zz/%ff/{encoded}"), &format!("password=a%20b/{encoded}")] {
            let (scrubbed, _) = scrub(text).unwrap_or_default();
            assert!(scrubbed.contains("[CREDENTIAL]") && !scrubbed.contains("proj"), "{text}: {scrubbed}");
        }
        assert_eq!(scrub("password=a%20b"), Some(("password=[CREDENTIAL]".to_owned(), 1)));
        assert_eq!(scrub("a%20b"), None);
    }
}
