//! What stands in the place of what was found.

mod mask;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{Class, Finding, hidden};

/// Bytes of a key at least.
pub const KEY_MIN_BYTES: usize = 32;
/// Bytes of a hash that are written: two of a billion values share one with odds of 1 to 37.
const HASH_BYTES: usize = 8;
/// Bytes of a token at most; names of rules are cut to fit.
const LABEL_MAX_BYTES: usize = 64;

/// How something is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replacement {
    /// By what it is: `[EMAIL]`.
    #[default]
    Token,
    /// By what it is and a keyed hash, so that the same value can be told again: `[EMAIL:0123456789abcdef]`; while a
    /// previous key is given, by the hash under that one as well, behind another colon. By a token where there is no
    /// key.
    Hash,
    /// By a part of it: `j***@e***.com`.
    Mask,
    /// By nothing.
    Drop,
}

/// The key of hashes: without it nobody can try which value a hash is of. Wiped when it is dropped.
pub struct Key(Zeroizing<Vec<u8>>);

impl Key {
    /// `None` for less than [`KEY_MIN_BYTES`].
    #[must_use]
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        (bytes.len() >= KEY_MIN_BYTES).then_some(Self(bytes))
    }

    /// HMAC-SHA-256 (RFC 2104) of what it is and the value in a form that all ways to write it share; its begin, in
    /// hexadecimal.
    fn hash(&self, label: &str, value: &str) -> Option<String> {
        // Takes a key of any length.
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        hmac.update(label.as_bytes());
        hmac.update(&[0]);
        hmac.update(value.as_bytes());
        let digest = hmac.finalize().into_bytes();
        Some(digest.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// How what is found is replaced, by class.
#[derive(Debug, Default)]
pub struct Replacing {
    default: Replacement,
    classes: BTreeMap<Class, Replacement>,
    key: Option<Key>,
    previous: Option<Key>,
}

impl Replacing {
    /// All classes in one way; `key` is for hashes.
    #[must_use]
    pub fn new(default: Replacement, key: Option<Key>) -> Self {
        Self { default, classes: BTreeMap::new(), key, previous: None }
    }

    /// Writes hashes under the key before this one, too, so that what left before the change can still be joined.
    #[must_use]
    pub fn with_previous(mut self, key: Option<Key>) -> Self {
        self.previous = key;
        self
    }

    /// Replaces one class in a way of its own.
    #[must_use]
    pub fn with(mut self, class: Class, replacement: Replacement) -> Self {
        self.classes.insert(class, replacement);
        self
    }

    /// How this class is replaced. A credential is never masked: each of its characters that is shown makes it easier
    /// to guess, and some tell whose it is. Nor is it dropped, since then nobody would see that there was one.
    #[must_use]
    pub fn of(&self, class: Class) -> Replacement {
        let replacement = self.classes.get(&class).copied().unwrap_or(self.default);
        match (class, replacement) {
            (Class::Credential, Replacement::Mask | Replacement::Drop) => Replacement::Token,
            (_, Replacement::Hash) if self.key.is_none() => Replacement::Token,
            (_, replacement) => replacement,
        }
    }

    /// What stands in the place of this finding, whose text reads as `value`. It has nothing that a JSON string
    /// would have to escape.
    #[must_use]
    pub fn replacement(&self, finding: &Finding, value: &str) -> String {
        let label = label(finding);
        let hash = || {
            let value = normal(finding.class, value);
            let hash = self.key.as_ref()?.hash(&label, &value)?;
            let previous = self.previous.as_ref().and_then(|key| key.hash(&label, &value));
            Some(previous.map_or_else(|| hash.clone(), |previous| format!("{hash}:{previous}")))
        };
        match self.of(finding.class) {
            Replacement::Token => format!("[{label}]"),
            Replacement::Hash => {
                hash().map_or_else(|| format!("[{label}]"), |hash| format!("[{label}:{hash}]"))
            }
            Replacement::Mask => mask::mask(finding.class, value),
            Replacement::Drop => String::new(),
        }
    }
}

/// `EMAIL`; of a rule of the operator's, its name.
fn label(finding: &Finding) -> String {
    let name = if let Class::Rule(_) = finding.class { &finding.rule } else { finding.class.name() };
    let plain = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_uppercase() } else { '_' };
    name.chars().take(LABEL_MAX_BYTES).map(plain).collect()
}

/// Where in a text something stands for a finding already: `[EMAIL]`, `[EMAIL:…]`, `[EMAIL:…:…]`.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Range<usize>> {
    memchr::memchr_iter(b'[', text.as_bytes())
        .filter_map(|begin| Some(begin..begin + token(text.get(begin..)?)?))
}

/// How many bytes a token takes at the beginning of a text.
fn token(text: &str) -> Option<usize> {
    const LONGEST: usize = LABEL_MAX_BYTES + "[::]".len() + 4 * HASH_BYTES;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    let end = 1 + text.bytes().skip(1).take(LONGEST).position(|byte| !is_part(byte))?;
    let inner = text.get(1..end).filter(|_| text.as_bytes().get(end) == Some(&b']'))?;
    let mut hashes = inner.split(':');
    let name = hashes.next().unwrap_or_default();
    let is_hash = |hash: &str| {
        hash.len() == 2 * HASH_BYTES && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_known = || {
        Class::BUILT_IN
            .iter()
            .any(|class| class.name().bytes().map(|byte| byte.to_ascii_uppercase()).eq(name.bytes()))
    };
    // A rule of the operator's may have any name, and is told by the hash behind it.
    let has_hash = hashes.clone().next().is_some();
    let is_label = has_hash
        && (1..=LABEL_MAX_BYTES).contains(&name.len())
        && !name.bytes().any(|byte| byte.is_ascii_lowercase());
    (hashes.clone().count() <= 2 && hashes.all(is_hash) && (is_label || is_known())).then_some(end + 1)
}

/// The form that all ways to write a value share.
fn normal(class: Class, value: &str) -> String {
    let folded = hidden::folded(value.trim());
    let letters = |text: &str| text.chars().filter(|char| char.is_alphanumeric()).collect::<String>();
    match class {
        Class::Email => folded.to_lowercase(),
        Class::Phone => {
            let digits: String = folded.chars().filter(char::is_ascii_digit).collect();
            digits.strip_prefix("00").map(str::to_owned).unwrap_or(digits)
        }
        Class::Card | Class::Iban | Class::NationalId | Class::Mac => letters(&folded).to_uppercase(),
        Class::Ip => folded
            .parse::<IpAddr>()
            .map_or_else(|_| folded.to_lowercase(), |address| address.to_canonical().to_string()),
        Class::Credential | Class::Rule(_) => folded,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn finding(class: Class, rule: &'static str) -> Finding {
        Finding { range: 0..1, class, rule: rule.into() }
    }

    fn keyed(byte: u8) -> Replacing {
        Replacing::new(Replacement::Hash, Key::new(Zeroizing::new(vec![byte; 32])))
    }

    #[test]
    fn each_way_of_replacing() {
        let email = finding(Class::Email, "email");
        for (way, expected) in [
            (Replacement::Token, "[EMAIL]"),
            (Replacement::Hash, "[EMAIL]"),
            (Replacement::Mask, "j***@e***.com"),
            (Replacement::Drop, ""),
        ] {
            let replacing = Replacing::new(Replacement::Token, None).with(Class::Email, way);
            assert_eq!(replacing.replacement(&email, "jane@example.com"), expected);
            assert_eq!(replacing.replacement(&finding(Class::Iban, "iban"), "x"), "[IBAN]");
        }
        let rule = finding(Class::Rule(3), "order-number \"x");
        assert_eq!(Replacing::default().replacement(&rule, "x"), "[ORDER_NUMBER__X]");
    }

    #[test]
    fn credentials_are_not_shown_in_part_nor_silently_gone() {
        for way in [Replacement::Mask, Replacement::Drop] {
            let replacing = Replacing::new(way, None).with(Class::Credential, way);
            assert_eq!(replacing.replacement(&finding(Class::Credential, "x"), "hunter2"), "[CREDENTIAL]");
        }
    }

    #[test]
    fn the_same_value_has_the_same_hash_however_it_is_written() {
        let hash = |class, value: &str| keyed(1).replacement(&finding(class, "x"), value);
        for (class, one, other) in [
            (Class::Email, "Jane@Example.com", "jane@example.com"),
            (Class::Card, "4111 1111-1111 1111", "4111111111111111"),
            (Class::Card, "４１１１111111111111", "4111111111111111"),
            (Class::Iban, "de89 3704 0044 0532 0130 00", "DE89370400440532013000"),
            (Class::Phone, "+49 (30) 123456", "0049 30/123456"),
            (Class::Ip, "2001:DB8::0:1", "2001:db8::1"),
            (Class::Ip, "::ffff:192.0.2.1", "192.0.2.1"),
            (Class::Mac, "AA-BB-CC-DD-EE-FF", "aabb.ccdd.eeff"),
        ] {
            assert_eq!(hash(class, one), hash(class, other), "{one}");
        }
        assert_ne!(hash(Class::Email, "a@b.c"), hash(Class::Email, "a@b.d"));
        assert_ne!(
            hash(Class::Phone, "123").split_off(7),
            hash(Class::Card, "123").split_off(6),
            "classes differ"
        );
        assert_ne!(
            keyed(1).replacement(&finding(Class::Email, "x"), "a@b.c"),
            keyed(2).replacement(&finding(Class::Email, "x"), "a@b.c"),
        );
        assert_eq!(hash(Class::Email, "a@b.c").len(), "[EMAIL:0123456789abcdef]".len());
    }

    #[test]
    fn the_hash_is_the_standard_one() {
        // Python: hmac.new(b"\x01" * 32, b"EMAIL\0jane@example.com", "sha256").hexdigest()[:16]
        let token = keyed(1).replacement(&finding(Class::Email, "x"), "jane@example.com");
        assert_eq!(token, "[EMAIL:9cf549bb0bca6244]");
    }

    #[test]
    fn a_change_of_keys_is_bridged_by_the_hash_under_the_previous_one() {
        let email = finding(Class::Email, "email");
        let old = keyed(1).replacement(&email, "jane@example.com");
        let both = keyed(2).with_previous(Key::new(Zeroizing::new(vec![1; 32])));
        let new = both.replacement(&email, "jane@example.com");
        assert_eq!(new.rsplit_once(':').map(|(_, hash)| hash), old.rsplit_once(':').map(|(_, hash)| hash));
        assert!(token(&new) == Some(new.len()) && new.len() == old.len() + 1 + 2 * HASH_BYTES, "{new}");
        let keyless =
            Replacing::new(Replacement::Hash, None).with_previous(Key::new(Zeroizing::new(vec![1; 32])));
        assert_eq!(keyless.replacement(&email, "jane@example.com"), "[EMAIL]");
    }

    #[test]
    fn a_key_that_is_too_short_is_none() {
        assert!(Key::new(Zeroizing::new(vec![0; 31])).is_none());
        assert_eq!(format!("{:?}", Key::new(Zeroizing::new(vec![7; 32])).unwrap()), "Key");
    }

    #[test]
    fn tokens_are_told() {
        for (text, expected) in [
            ("[EMAIL]", vec!["[EMAIL]"]),
            ("p=[CREDENTIAL], [[IP]]", vec!["[CREDENTIAL]", "[IP]"]),
            ("x [NATIONAL_ID:0123456789abcdef] y", vec!["[NATIONAL_ID:0123456789abcdef]"]),
            ("[IP:0123456789abcdef:fedcba9876543210]", vec!["[IP:0123456789abcdef:fedcba9876543210]"]),
            ("[IP:0123456789abcdef:fedcba9876543210:0123456789abcdef]", vec![]),
            ("[EMAIL:0123456789abcdeF] [EMAIL:0] [SECRET] [email] [EMAIL [] EMAIL", vec![]),
            ("", vec![]),
        ] {
            let told: Vec<_> = tokens(text).filter_map(|range| text.get(range)).collect();
            assert_eq!(told, expected, "{text}");
        }
    }
}
