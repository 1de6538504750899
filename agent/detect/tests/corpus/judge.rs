//! Whether a secret can be read in a text: as it is, or by whoever decodes what is encoded in it.

use std::collections::HashSet;

/// How often what is decoded is decoded again.
const DEPTH: usize = 4;
/// How many readings there are of one text at most.
const READINGS: usize = 200;
/// Characters that nobody sees.
const UNSEEN: [char; 13] = [
    '\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}',
    '\u{202d}', '\u{202e}', '\u{2060}', '\u{feff}',
];

/// A text and what comes of it by decoding.
pub(crate) struct Readings(Vec<String>);

impl Readings {
    pub(crate) fn of(text: &str) -> Self {
        let mut readings = vec![text.to_owned()];
        let mut seen = HashSet::from([text.to_owned()]);
        let mut from = 0;
        for _ in 0..DEPTH {
            let until = readings.len();
            for at in from..until {
                for decode in [unescaped, unpercented, without_entities, without_base64, folded] {
                    let decoded = decode(&readings[at]);
                    if readings.len() < READINGS && seen.insert(decoded.clone()) {
                        readings.push(decoded);
                    }
                }
            }
            from = until;
        }
        Self(readings)
    }

    pub(crate) fn show(&self, secret: &str) -> bool {
        self.0.iter().any(|reading| reading.contains(secret))
    }
}

/// What nobody may read of a secret: all of it, or where it is long half of it in one piece.
pub(crate) fn pieces(secret: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<usize> = secret.char_indices().map(|(at, _)| at).chain([secret.len()]).collect();
    let length = starts.len() - 1;
    let piece = if length < 16 { length } else { length.div_ceil(2) };
    (0..=length - piece).map(move |at| &secret[starts[at]..starts[at + piece]])
}

/// Without the escapes of a JSON string.
fn unescaped(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let units: Vec<u16> = units(rest);
        if let Some(Ok(character)) = char::decode_utf16(units.iter().copied()).next() {
            decoded.push(character);
            rest = &rest[character.len_utf16() * 6 - 1..];
            continue;
        }
        let plain = match rest.chars().next() {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(same @ ('"' | '\\' | '/')) => same,
            _ => {
                decoded.push('\\');
                continue;
            }
        };
        decoded.push(plain);
        rest = &rest[1..];
    }
    decoded + rest
}

/// The UTF-16 units of `u0040` or `ud83d\ude00` at the begin.
fn units(text: &str) -> Vec<u16> {
    let unit = |text: Option<&str>| u16::from_str_radix(text?.strip_prefix('u')?, 16).ok();
    let first = unit(text.get(..5));
    let second = text.get(5..6).filter(|sign| *sign == "\\").and_then(|_| unit(text.get(6..11)));
    first.into_iter().chain(second).collect()
}

/// Percent-decoded.
fn unpercented(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Without entities of HTML.
fn without_entities(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find(';').filter(|&end| end < 10);
        match end.and_then(|end| entity(&rest[..end])) {
            Some(character) => {
                decoded.push(character);
                rest = &rest[end.unwrap_or(0) + 1..];
            }
            None => decoded.push('&'),
        }
    }
    decoded + rest
}

fn entity(name: &str) -> Option<char> {
    let named = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("commat", '@'),
        ("period", '.'),
        ("nbsp", ' '),
    ];
    if let Some((_, character)) = named.iter().find(|(known, _)| *known == name) {
        return Some(*character);
    }
    let code = name.strip_prefix('#')?;
    let number = match code.strip_prefix(['x', 'X']) {
        Some(code) => u32::from_str_radix(code, 16).ok()?,
        None => code.parse().ok()?,
    };
    char::from_u32(number)
}

/// With what is text in base64 decoded where it stands.
fn without_base64(text: &str) -> String {
    let mut decoded = String::new();
    let mut run = String::new();
    for character in text.chars().chain(['\0']) {
        if character.is_ascii_alphanumeric() || "+/-_=".contains(character) {
            run.push(character);
            continue;
        }
        match bytes_of_base64(&run).and_then(|bytes| String::from_utf8(bytes).ok()) {
            Some(plain) => decoded.push_str(&plain),
            None => decoded.push_str(&run),
        }
        run.clear();
        decoded.push(character);
    }
    decoded.pop();
    decoded
}

fn bytes_of_base64(run: &str) -> Option<Vec<u8>> {
    let run = run.trim_end_matches('=');
    if run.len() < 16 || run.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in run.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(value)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// With full-width forms as plain ones, and without what is not seen.
fn folded(text: &str) -> String {
    let plain = |character: char| match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        other => other,
    };
    text.chars().filter(|character| !UNSEEN.contains(character)).map(plain).collect()
}
