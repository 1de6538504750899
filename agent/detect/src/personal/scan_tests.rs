use super::*;
use std::cell::Cell;

thread_local! {
    pub(in crate::personal) static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// The windows of a text, as their characters.
fn all(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    windows(
        text,
        |_, _| Some(FEWEST_DIGITS),
        |window| found.push(String::from_utf8_lossy(window.chars()).into_owned()),
    );
    found
}

#[test]
fn a_window_is_a_word_with_digits_and_what_follows() {
    let cases: &[(&str, &[&str])] = &[
        ("no digits at all", &[]),
        ("a 12 b", &[]),
        ("a 1234 b", &["A 1234 B", "1234 B"]),
        ("x 1234 which is prose", &["X 1234 ", "1234 "]),
        ("tel:+49 (30) 12", &["49 (30) 12", "30) 12"]),
        ("４２－٣４", &["42-34"]),
        ("%B4242^A", &["4242"]),
        ("1234:5678", &["1234", "5678"]),
        ("1 2 3 4567", &["2 3 4567", "3 4567", "4567"]),
    ];
    for (text, expected) in cases {
        assert_eq!(&all(text), expected, "{text}");
    }
}

#[test]
fn a_word_is_whole_or_not_there() {
    let text = format!("1234 {}", "2".repeat(60));
    assert_eq!(all(&text)[0], "1234 ");
    assert_eq!(all(&"7".repeat(200)), Vec::<String>::new());
}
