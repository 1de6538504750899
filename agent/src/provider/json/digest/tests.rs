#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use std::sync::LazyLock;

use super::*;
use crate::provider::json::token::unescape;
use crate::provider::json::{Document, Ending, Json, Reader, Shape};

static SHAPE: LazyLock<Shape> = LazyLock::new(|| {
    Shape::new(&[("x#", 0), ("list[]#", 0), ("list[].kind", 9), ("list[].text#", 0), ("named#", 9), ("n", 0)])
});

fn read(document: &str, size: usize) -> Document {
    let mut reader = Reader::new(&SHAPE);
    document.as_bytes().chunks(size).for_each(|piece| reader.push(piece));
    reader.finish()
}

/// The digest of this value.
fn digest(value: &str) -> Option<u64> {
    let document = read(&format!(r#"{{"x":{value},"n":1}}"#), usize::MAX);
    assert_eq!((document.ending, document.root.get("n").count()), (Ending::Whole, Some(1)), "{value}");
    document.root.get("x").digest()
}

#[test]
fn what_says_the_same_has_one_digest() {
    for (one, other) in [
        (r#""a\nb""#, r#""a\u000ab""#),
        (r#""\ud83d\ude00/""#, "\"\u{1f600}\\/\""),
        (r#"{"a":1,"b":[true,null]}"#, "{ \"b\" : [ true , null ],\n\"\\u0061\":1 }"),
        (r#"{"a":{"c":1,"d":2}}"#, r#"{"a":{"d":2,"c":1}}"#),
        (r#"[{"a":1,"cache_control":{"type":"ephemeral"}}]"#, r#"[{"a":1}]"#),
        ("[ ]", "[]"),
    ] {
        assert!(digest(one).is_some(), "{one}");
        assert_eq!(digest(one), digest(other), "{one} {other}");
    }
    assert_eq!(digest(r#""of \"bob\"""#), Some(of_text("of \"bob\"")));
    assert_eq!(digest("null"), None);
}

#[test]
fn what_says_something_else_has_another() {
    let long = "n".repeat(300);
    let (one, other) = (format!(r#"{{"{long}1":1}}"#), format!(r#"{{"{long}2":1}}"#));
    let values = [
        r#""a""#,
        r#""b""#,
        r#""""#,
        r#""1""#,
        "1",
        "1.0",
        "true",
        r#""true""#,
        "[]",
        "{}",
        "[1]",
        "[[1]]",
        "[1,1]",
        "[1,2]",
        "[2,1]",
        "[12]",
        r#"{"a":1}"#,
        r#"{"a":2}"#,
        r#"{"b":1}"#,
        r#"{"a":1,"b":2}"#,
        r#"{"a":2,"b":1}"#,
        r#"{"a":{"b":1}}"#,
        r#"{"a":null}"#,
        r#"["a","b"]"#,
        r#"["ab"]"#,
        r#"{"a":"b"}"#,
        r#"["a",{}]"#,
        &one,
        &other,
    ];
    let digests = values.map(|value| digest(value).unwrap());
    let different = digests.iter().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(different.len(), values.len(), "{digests:x?}");
}

#[test]
fn a_digest_stands_beside_what_else_is_wanted() {
    let document = r#"{"list":[{"kind":"a","text":"b","more":[1]},"c",7,null,{"more":[1],"text":"b","kind":"a"}],"named":"b"}"#;
    let root = read(document, usize::MAX).root;
    let [first, text, number, null, again] = root.get("list").items() else { unreachable!() };
    assert_eq!((first.get("kind").as_text(), first.get("text").digest()), (Some("a"), Some(of_text("b"))));
    assert_eq!((first.digest(), first.digest().is_some()), (again.digest(), true));
    assert_eq!((text.digest(), null), (Some(of_text("c")), &Json::Null));
    assert!(number.digest().is_some() && root.get("list").digest().is_none());
    assert_eq!(root.get("named").as_text(), Some("b"), "with a cap it is a text");
}

#[test]
fn nothing_is_said_of_what_is_not_whole() {
    let with_gap = |before: &str, behind: &str| {
        let mut reader = Reader::new(&SHAPE);
        reader.push(before.as_bytes());
        reader.gap();
        reader.push(behind.as_bytes());
        reader.finish().root
    };
    for (before, behind) in [
        (r#"{"x":"a"#, r#"b","n":1}"#),
        (r#"{"x":{"a":["#, r#"1]},"n":1}"#),
        (r#"{"n":1,"#, r#""x":"a"}"#),
        (r#"{"n":1,"list":[{"kind":"a","#, r#""text":"a"}]}"#),
    ] {
        let root = with_gap(before, behind);
        assert_eq!(root.get("x").digest(), None, "{before} … {behind}");
        assert!(root.get("list").items().iter().all(|one| one.digest().is_none()));
    }
    assert_eq!(with_gap(r#"{"x":"a","list":["#, r#"],"n":1}"#).get("x").digest(), Some(of_text("a")));
    for cut in [r#"{"x":"a"#, r#"{"x":{"a":1"#, r#"{"list":[{"text":"a""#] {
        let root = read(cut, usize::MAX).root;
        assert_eq!(root.get("x").digest(), None, "{cut}");
        assert!(root.get("list").items().iter().all(|one| one.digest().is_none()));
    }
}

#[test]
fn what_is_held_does_not_grow_with_the_value() {
    let mut reader = Reader::new(&SHAPE);
    reader.push(br#"{"x":{"a":["#);
    for _ in 0..64 {
        reader.push(format!(r#"{{"b":"{}"}},"#, "A".repeat(1 << 16)).as_bytes());
        assert!(reader.held_bytes() < 8 << 10, "{}", reader.held_bytes());
    }
    reader.push(br#"0]},"n":1}"#);
    let root = reader.finish().root;
    assert_eq!((root.get("x").digest().is_some(), root.get("n").count()), (true, Some(1)));
    let deep = format!(r#"{{"x":{}"#, "[".repeat(500));
    let mut reader = Reader::new(&SHAPE);
    reader.push(deep.as_bytes());
    assert!(reader.held_bytes() < 256 << 10, "{}", reader.held_bytes());
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(Into::into),
        "[\\PC\n\"\\\\]{0,7}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map("[a-c\n]{0,2}", inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// As a program that loops would say it in base64.
fn data(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| b"aB3/xY9+"[(at + at / 8) % 8]).collect()
}

#[test]
fn of_long_data_samples_count_and_of_texts_all() {
    let digest = |bytes: &[u8]| of_text(std::str::from_utf8(bytes).unwrap());
    let text = "word ".repeat(20_000).into_bytes();
    let genome = "ACGT".repeat(25_000).into_bytes();
    let url = [b"data:image/png;base64,".to_vec(), data(100_000)].concat();
    for (bytes, at, counts) in [
        (&text, 50_000, true),
        (&genome, 50_000, true),
        (&data(1_024), 1_000, true),
        (&data(100_000), 1_000, true),
        (&data(100_000), 4_096 * 3, true),
        (&data(100_000), 4_096 * 3 - 1, false),
        (&data(100_000), 99_999, true),
        (&url, 3, true),
        (&url, 4_096 * 3 - 1, false),
        (&[&url[..], b"?"].concat(), 100_022, true),
    ] {
        let mut other = bytes.clone();
        other[at] = if other[at] == b'a' { b'C' } else { b'a' };
        assert_eq!(digest(bytes) != digest(&other), counts, "{at} of {}", bytes.len());
        assert_ne!(digest(bytes), digest(&bytes[..bytes.len() - 1]));
    }
}

proptest! {
    #[test]
    fn data_is_the_same_in_any_pieces(bytes in 0_usize..12_000, cuts in prop::collection::vec(0_usize..12_000, 0..9)) {
        let data = data(bytes);
        let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < bytes).chain([0, bytes]).collect();
        cuts.sort_unstable();
        let mut said = Said::default();
        cuts.windows(2).for_each(|cut| said.write(&data[cut[0]..cut[1]]));
        prop_assert_eq!(said.finish(), of_text(std::str::from_utf8(&data).unwrap()));
    }

    #[test]
    fn any_split_and_any_layout_give_the_same(value in value(), size in 1_usize..40) {
        let (plain, pretty) = (serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        let whole = digest(&plain);
        prop_assert_eq!(whole.is_none(), value.is_null());
        prop_assert_eq!(digest(&pretty), whole);
        prop_assert_eq!(read(&format!(r#"{{"x":{plain}}}"#), size).root.get("x").digest(), whole);
    }

    #[test]
    fn a_text_is_what_its_escapes_say(raw in r#"(\\u[dD][89abcC][0-9a-f]{2}|\\u00[0-9a-f]{2}|\\[nu"\\x]|[a-eu0é😀\\]){0,12}"#, size in 1_usize..8) {
        let mut text = Text::default();
        for piece in raw.as_bytes().chunks(size) {
            // As the reader finds them.
            piece.chunk_by(|_, next| *next != b'\\').for_each(|piece| text.push(piece));
        }
        let mut said = String::new();
        unescape(raw.as_bytes(), &mut said);
        // A character that the escape before it took part of is none.
        prop_assume!(!said.contains("\u{fffd}\u{fffd}"));
        prop_assert_eq!(text.finish(), of_text(&said), "{}", said);
    }
}
