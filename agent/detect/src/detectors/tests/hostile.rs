//! The cost of texts that are made to be dear, in bytes read rather than in time.

use base64_of::encode;

use super::*;
use crate::detectors::search::Search;

/// Bytes of all readings of a text.
fn read(text: &str) -> usize {
    let detectors = detectors();
    let mut search = Search::new(&detectors, Scope::All, text.len());
    let before = search.left();
    search.value(text, None);
    before - search.left()
}

#[test]
fn readings_are_linear_in_the_text() {
    let nested = |inner: &str, times: usize| (0..times).fold(inner.to_owned(), |text, _| encode(&text));
    let documents =
        |times: usize| (0..times).fold("bob@x.example".to_owned(), |text, _| json!([text]).to_string());
    let repeated = [
        "%25",
        "%2525",
        "%",
        r"\",
        r"\\\\u0040",
        r"\u005c",
        "&amp;",
        "&amp;amp;#64;",
        "&#37;2540",
        "=\n",
        "=3D",
        "**",
        "a**",
        "\u{200B}",
        "\u{E0025}",
        "%5Cu0026amp;",
        "YWFhYWFhYWFhYWFhYWFh",
        "YWFhYWFhYWFh/_",
        "YWFhYWFhYWFh%41",
        "{",
        "[",
        "[\"",
        "{\"a\":",
        "[1,",
        "\"",
        "{\"aaaaaaa\":\"bbbbbbb\"}",
        "+",
        "=+",
    ];
    let mut texts: Vec<(String, String)> =
        repeated.iter().map(|text| (text.repeat(2_000), text.repeat(8_000))).collect();
    texts.extend([
        (nested("bob@x.example ", 8), nested("bob@x.example ", 12)),
        (documents(8), documents(12)),
        ("[".repeat(100) + &"]".repeat(100), "[".repeat(400) + &"]".repeat(400)),
        (array(500), array(2_000)),
    ]);
    for (short, long) in texts {
        for text in [&short, &long] {
            let most = 16 * text.len() + 4096;
            assert!(read(text) <= most, "{:.40}: {} of {}", text, read(text), text.len());
        }
        // Not only bounded: the bound is seldom met.
        let factor = |text: &str| read(text) as f64 / text.len() as f64;
        assert!(factor(&long) <= 12.0, "{:.40}: {}", long, factor(&long));
    }
}

/// The longest names before the shortest values that they are put before.
fn array(elements: usize) -> String {
    let list: Vec<String> = (0..elements).map(|_| r#""a""#.to_owned()).collect();
    format!(r#"{{"{}": [{}]}}"#, "n".repeat(64), list.join(","))
}

#[test]
fn what_hides_deeper_than_is_searched_is_hidden_whole() {
    let text = (0..12).fold("bob@x.example ".to_owned(), |text, _| encode(&text));
    assert_eq!(redact(&format!("x {text} y")), "x [CREDENTIAL] y");
    // Escapes of one kind are undone at once, however many they are.
    assert_eq!(redact(&format!("bob%{}40x.example", "25".repeat(1_000))), "[EMAIL]");
    assert_eq!(redact(&format!(r"bob{}u0040x.example", r"\".repeat(1_000))), "[EMAIL]");
    assert_eq!(redact(&format!("bob&{}#64;x.example", "amp;".repeat(1_000))), "[EMAIL]");
    // So are documents in documents.
    let deep = (0..14).fold("bob@x.example".to_owned(), |text, _| json!([text]).to_string());
    assert!(!redact(&deep).contains("bob"), "{}", redact(&deep).len());
}

/// Finds from each sign to the end of the text.
struct ToTheEnd;

impl Detector for ToTheEnd {
    fn find(&self, text: &str, found: &mut Vec<Finding>) {
        let finding = |at| Finding { range: at..text.len(), class: Class::Credential, rule: "end".into() };
        found.extend(text.match_indices("QQ").map(|(at, _)| finding(at)));
    }
}

#[test]
fn what_overlaps_is_mapped_once() {
    let options = DetectorOptions { rules: vec![Box::new(ToTheEnd)], ..DetectorOptions::default() };
    let detectors = Detectors::new(options);
    let text = format!("[{}0]", r#""aQQb","#.repeat(5_000));
    let mut search = Search::new(&detectors, Scope::All, text.len());
    search.value(&text, None);
    assert_eq!(search.found.len(), 5_000);
    let redacted = detectors.redact(&text, Scope::All, &Replacing::default()).text;
    assert!(redacted.starts_with(r#"["a[CREDENTIAL]","[CREDENTIAL]","#), "{redacted:.60}");
}

/// Its own encoder: what is tested decodes.
mod base64_of {
    pub(super) fn encode(text: &str) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut encoded = String::new();
        for chunk in text.as_bytes().chunks(3) {
            let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            for index in 0..4 {
                let char = char::from(ALPHABET[(bits >> (18 - 6 * index) & 63) as usize]);
                encoded.push(if index <= chunk.len() { char } else { '=' });
            }
        }
        encoded
    }
}
