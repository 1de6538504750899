//! Secrets to be planted, one of each class for each place, and the search for them in what leaves.

use std::collections::BTreeMap;

use aho_corasick::AhoCorasick;
use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD as STANDARD_NO_PAD;

/// Classes of credentials.
pub const CREDENTIALS: [&str; 8] = ["openai", "anthropic", "aws", "slack", "jwt", "pem", "dsn", "password"];

/// Classes of personal data.
pub const PERSONAL: [&str; 7] = ["email", "phone", "card", "iban", "ssn", "ip", "mac"];

/// What is planted in one place.
#[derive(Clone, Debug)]
pub struct Secret {
    /// With what it is known by, where it has no shape of its own.
    pub text: String,
    /// What nobody may see.
    pub value: String,
}

/// The secret of this class for a place of this number, below 100; put together here so that no scanner of repositories
/// takes it for a real one.
#[must_use]
pub fn secret(class: &str, number: usize) -> Secret {
    let draw = |letters: &str, length| draw(&format!("{class} {number}"), letters, length);
    let same = |value: String| Secret { text: value.clone(), value };
    match class {
        "openai" => same(format!("sk-proj-{}", draw(WORD, 40))),
        "anthropic" => same(format!("sk-ant-api03-{}", draw(WORD, 40))),
        "aws" => same(format!("AKIA{}", draw("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16))),
        "slack" => {
            same(format!("xoxb-{}-{}-{}", draw("123456789", 11), draw("123456789", 11), draw(WORD, 24)))
        }
        "jwt" => {
            let part = |text: String| base64(text.as_bytes(), 0).replace('+', "-").replace('/', "_");
            let claims = part(format!(r#"{{"sub":"{}","admin":1}}"#, draw(WORD, 11)));
            let head = part(r#"{"alg":"HS256","typ":"JWT"}"#.to_owned());
            same(format!("{head}.{claims}.{}", draw(WORD, 43)))
        }
        "pem" => {
            let value = format!("MIIEpAIBAAKCAQEA{}", draw(WORD, 48));
            let (kind, dashes) = ("RSA PRIVATE KEY", "-----");
            let text = format!(
                "{dashes}BEGIN {kind}{dashes}\n{value}\n{}\n{dashes}END {kind}{dashes}",
                draw(WORD, 64)
            );
            Secret { text, value }
        }
        "dsn" => {
            let value = draw(WORD, 18);
            Secret { text: format!("postgres://app:{value}@db.internal/orders"), value }
        }
        "password" => {
            let value = draw(WORD, 14);
            Secret { text: format!("password={value}"), value }
        }
        "email" => same(format!("jane.d{number:02}oe@example.com")),
        "phone" => same(format!("+49 30 9018 20{number:02}")),
        "card" => {
            let digits = format!("4539148803{number:02}{}", draw("123456789", 3));
            same(format!("{digits}{}", luhn(&digits)))
        }
        "iban" => {
            let account = format!("37040044{}{number:02}", draw("123456789", 8));
            same(format!("DE{:02}{account}", iban_check(&account)))
        }
        "ssn" => {
            let value = format!("219-{:02}-{}", number % 99 + 1, draw("123456789", 4));
            Secret { text: format!("SSN {value}"), value }
        }
        "ip" => same(format!("81.2.{}.{number}", 100 + number)),
        _ => same(format!("00:1b:44:1{}:3a:{:02x}", number % 10, number + 100)),
    }
}

const WORD: &str = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/// So many letters, the same for the same label; a digit is among the first four, and a capital, as in keys.
fn draw(label: &str, letters: &str, length: usize) -> String {
    let letters: Vec<char> = letters.chars().collect();
    // FNV-1a, then a linear congruential generator (Knuth's MMIX).
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut state = label.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        letters.get((state >> 33) as usize % letters.len()).copied().unwrap_or('x')
    };
    let drawn: String = (0..length).map(|_| next()).collect();
    if letters.len() > 50 { drawn.get(2..).map_or(String::new(), |rest| format!("Q7{rest}")) } else { drawn }
}

fn luhn(digits: &str) -> u32 {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let digits = digits.chars().rev().filter_map(|digit| digit.to_digit(10));
    let sum: u32 =
        digits.enumerate().map(|(at, digit)| if at % 2 == 0 { doubled(digit) } else { digit }).sum();
    (10 - sum % 10) % 10
}

/// Of a German account (ISO 13616): D is 13, E is 14.
fn iban_check(account: &str) -> u32 {
    let digits = format!("{account}131400");
    98 - digits.chars().filter_map(|digit| digit.to_digit(10)).fold(0, |rest, digit| (rest * 10 + digit) % 97)
}

/// Base64 of bytes that so many bytes stand before, without what depends on those and on what follows.
fn base64(bytes: &[u8], before: usize) -> String {
    let text = STANDARD_NO_PAD.encode([&vec![0; before], bytes].concat());
    text.get((before * 8).div_ceil(6)..(before + bytes.len()) * 8 / 6).unwrap_or_default().to_owned()
}

/// How a value may stand somewhere.
fn forms(value: &str) -> Vec<(&'static str, String)> {
    let bytes = value.as_bytes();
    let each = |form: &dyn Fn(u8) -> String| bytes.iter().map(|byte| form(*byte)).collect::<String>();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let url = |escape: fn(u8) -> String| {
        each(&|byte| if is_plain(byte) { char::from(byte).to_string() } else { escape(byte) })
    };
    let json = serde_json::Value::from(value).to_string();
    let mut forms = vec![
        ("plain", value.to_owned()),
        ("without blanks", value.replace(' ', "")),
        ("digits", value.chars().filter(|char| !" -+:".contains(*char)).collect()),
        ("URL", url(|byte| format!("%{byte:02X}"))),
        ("URL", url(|byte| format!("%{byte:02x}"))),
        ("URL, all", each(&|byte| format!("%{byte:02X}"))),
        ("URL, all", each(&|byte| format!("%{byte:02x}"))),
        ("URL, twice", each(&|byte| format!("%25{byte:02X}"))),
        ("JSON", json.trim_matches('"').to_owned()),
        ("JSON", each(&|byte| format!("\\u{byte:04x}"))),
        ("JSON", each(&|byte| format!("\\u{byte:04X}"))),
        ("JSON in JSON", each(&|byte| format!("\\\\u{byte:04x}"))),
        ("hexadecimal", each(&|byte| format!("{byte:02x}"))),
        ("hexadecimal", each(&|byte| format!("{byte:02X}"))),
    ];
    // Nothing is lost where capitals alone become small.
    if !value.contains(|char: char| char.is_ascii_lowercase()) {
        forms.push(("in small letters", value.to_ascii_lowercase()));
    }
    for before in 0..3 {
        let text = base64(bytes, before);
        forms.push(("base64", text.replace('+', "-").replace('/', "_")));
        forms.push(("base64", text));
    }
    forms.sort_by(|one, other| one.1.cmp(&other.1));
    forms.dedup_by(|one, other| one.1 == other.1);
    forms
}

/// Looks for planted values in all their forms.
#[derive(Debug)]
pub struct Search {
    engine: AhoCorasick,
    /// What is meant by each pattern.
    names: Vec<String>,
}

impl Search {
    /// For these values, by what they are called.
    ///
    /// # Errors
    /// When there are too many.
    pub fn new<'v>(values: impl Iterator<Item = (String, &'v str)>) -> Result<Self> {
        let (mut names, mut patterns) = (Vec::new(), Vec::new());
        for (name, value) in values {
            for (form, text) in forms(value) {
                names.push(format!("{name} ({form})"));
                patterns.push(text);
            }
        }
        Ok(Self { engine: AhoCorasick::new(patterns)?, names })
    }

    /// What is found, with the first place of each: so much of what stands round it.
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> BTreeMap<&str, String> {
        let mut found = BTreeMap::new();
        for hit in self.engine.find_overlapping_iter(bytes) {
            let Some(name) = self.names.get(hit.pattern().as_usize()) else { continue };
            found.entry(name.as_str()).or_insert_with(|| {
                let around = hit.start().saturating_sub(120)..(hit.end() + 40).min(bytes.len());
                String::from_utf8_lossy(bytes.get(around).unwrap_or_default()).into_owned()
            });
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_found() -> Result<()> {
        for class in CREDENTIALS.into_iter().chain(PERSONAL) {
            let Secret { text, value } = secret(class, 7);
            assert!(text.contains(&value), "{text}");
            assert_ne!(value, secret(class, 8).value, "{class}");
            let search = Search::new([(class.to_owned(), value.as_str())].into_iter())?;
            for (form, written) in forms(&value) {
                assert!(
                    !search.find(format!("a {written} b").as_bytes()).is_empty(),
                    "{class}, {form}: {written}"
                );
            }
            assert!(search.find(b"nothing of that kind").is_empty(), "{class}");
        }
        assert_eq!(
            [0, 1, 2].map(|before| base64(b"secret!", before)),
            ["c2VjcmV0I", "NlY3JldC", "zZWNyZXQh"]
        );
        Ok(())
    }
}
