use super::*;
use std::cell::Cell;

thread_local! {
    pub(in crate::personal) static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// The windows of a text, as their characters.
fn all(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    windows(text, |window| found.push(String::from_utf8_lossy(window.chars()).into_owned()));
    found
}

#[test]
fn a_window_is_a_word_with_digits_and_what_follows() {
    let cases: &[(&str, &[&str])] = &[
        ("no digits at all", &[]),
        ("a 12 b", &["A 12 B", "12 B"]),
        ("tel:+49 (30) 1", &["49 (30) 1", "30) 1", "1"]),
        ("x\\n42", &["42"]),
        ("q=%2B49", &["49"]),
        ("\\u00e942", &["42"]),
        ("４２－٣", &["42-3", "3"]),
        ("1:2", &["1", "2"]),
    ];
    for (text, expected) in cases {
        assert_eq!(&all(text), expected, "{text}");
    }
}

#[test]
fn a_word_is_whole_or_not_there() {
    let text = format!("1 {}", "2".repeat(60));
    assert_eq!(all(&text)[0], "1");
    assert_eq!(all(&"7".repeat(200)), Vec::<String>::new());
}
