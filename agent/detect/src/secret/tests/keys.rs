//! A key of each shape of the file, made from what the file says.

use super::*;
use crate::secret::alphabet::Alphabet;
use crate::secret::vendor::shapes;

/// Characters of an alphabet, mixed as random ones are.
fn filler(alphabet: Alphabet, length: usize) -> String {
    let order = "a1Bc2Df3Ae4Cb5Ed6Fa7Bc8De9Gf0Hg1Ih2Jk3Lm4Nn5Op6Qr7St8Uv9Wx0Yz";
    order
        .chars()
        .cycle()
        .filter(|c| u8::try_from(*c).is_ok_and(|byte| alphabet.has(byte)))
        .take(length)
        .collect()
}

#[test]
fn each_shape_is_found() {
    let mut missed = Vec::new();
    for shape in shapes() {
        for start in &shape.starts {
            let length = shape.max.unwrap_or(shape.min.max(12));
            let body = filler(shape.alphabet, length);
            let body = shape.needs.map_or(body.clone(), |needed| {
                format!("{}{needed}{}", &body[..8], &body[8 + needed.len()..])
            });
            let lead = shape.lead.as_ref().map_or(String::new(), |lead| filler(lead.alphabet, lead.min));
            let key = format!("{lead}{start}{body}");
            for (before, after) in [("", ""), ("see ", " there"), ("\"", "\","), ("\\n", "\\n"), ("é", "é")]
            {
                // A line's end may be part of what has several lines.
                if shape.alphabet == Alphabet::Lines && after == "\\n" {
                    continue;
                }
                let text = format!("{before}{key}{after}");
                let (scrubbed, expected) = (scrub(&text), format!("{before}{MARK}{after}"));
                if scrubbed != expected {
                    missed.push(format!("{}: {text}: {scrubbed}", shape.id));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn words_behind_a_shape_s_beginning_are_none() {
    let mut wrong = Vec::new();
    // `None` has small and capital letters by itself.
    for shape in shapes().into_iter().filter(|shape| shape.id != "openai-user-key") {
        for start in &shape.starts {
            let text = format!("see {start}of the matter and {start}{}", "x".repeat(shape.min.max(4)));
            let found = found(&text);
            if !found.is_empty() {
                wrong.push(format!("{}: {text}: {found:?}", shape.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_checksum_stands_for_a_border() {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let random = &filler(Alphabet::Alnum, 30);
    let mut rest = crc32fast::hash(random.as_bytes()) as usize;
    let mut sum = String::new();
    for _ in 0..6 {
        sum.insert(0, char::from(DIGITS[rest % 62]));
        rest /= 62;
    }
    let key = format!("ghp_{random}{sum}");
    assert_eq!(scrub(&format!("token{key} x")), format!("token{MARK} x"));
    assert_eq!(found(&format!("word{}", key.replace(&sum, "000000"))).len(), 0);
}
